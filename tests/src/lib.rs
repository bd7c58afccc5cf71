//! What the integration tests share: real databases, a host, its clock and its mailbox.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a panic is how a test fails"
)]
#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "statements that are put together read best so"
)]

pub mod authenticator;
pub mod canary;
pub mod crowd;
pub mod database;
pub mod disk;
pub mod evidence;
pub mod gate;
pub mod host;
pub mod http;
pub mod load;
pub mod log;
pub mod node;
pub mod pool;
pub mod random;
pub mod recorder;
pub mod rows;
pub mod site;
pub mod statistics;
pub mod users;
pub mod wait;
pub mod wire;

pub use database::{Database, each_database};
pub use host::{Host, Mailbox, NewUser, User, UserSignIn};
pub use wait::until;

/// A password that the policy accepts.
pub const PASSWORD: &str = "glacier teapot 47 violins";
/// Another one.
pub const OTHER_PASSWORD: &str = "a different long passphrase";

/// The path of an example's program: `cargo test` puts it beside the tests.
///
/// # Panics
/// It is not built.
#[must_use]
pub fn example(name: &str) -> std::path::PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let folder = test.ancestors().nth(2).expect("the folder of the build");
    let program = folder.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.exists(),
        "{} is not there: run `cargo test` for the whole workspace, or `cargo build --example {name}` first",
        program.display()
    );
    program
}

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
