//! What the integration tests share: real databases, a host, its clock and its mailbox.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a panic is how a test fails"
)]

pub mod authenticator;
pub mod database;
pub mod host;
pub mod log;
pub mod pool;
pub mod random;
pub mod site;
pub mod users;
pub mod wire;

pub use database::{Database, each_database};
pub use host::{Host, Mailbox, NewUser, User, UserSignIn};

/// A password that the policy accepts.
pub const PASSWORD: &str = "glacier teapot 47 violins";
/// Another one.
pub const OTHER_PASSWORD: &str = "a different long passphrase";

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
