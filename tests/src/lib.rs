//! What the integration tests share: real databases, a host, its clock and its mailbox.

pub mod database;
pub mod host;
pub mod site;

pub use database::{Database, each_database};
pub use host::{Host, Mailbox, NewUser, User, UserSignIn};

/// A password that the policy accepts.
pub const PASSWORD: &str = "correct horse battery staple";
/// Another one.
pub const OTHER_PASSWORD: &str = "a different long passphrase";

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
