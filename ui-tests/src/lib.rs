//! Hosts that must compile, without a word from the compiler or from clippy. What they come to is checked in `tests/hosts.rs`.

pub mod every_key;
pub mod hygiene;
pub mod least;
pub mod lints;
pub mod one_key_each;
