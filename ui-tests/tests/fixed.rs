//! What following the help lines of the rules makes of their wrong code. It compiles, which is the test.

#![allow(dead_code, unused_imports, reason = "examples")]

// Not a module, so that the formatter leaves it as `tests/rules.rs` made it.
include!("support/fixed.rs");
