//! Authentication for Rust web applications: declared on the user struct, checked while the application compiles.
//!
//! A host writes one struct, derives [`Sigra`](derive@Sigra) on it, and says in attributes which parts it wants. The derive
//! emits typed code: the outcome of a sign-in as an enum with exactly the variants that the keys call for, what registration
//! fills, and markers by which every operation knows whether it is on.
//!
//! ```
//! use sigra::{PasswordHash, Sigra};
//!
//! #[derive(Clone, Debug, Sigra)]
//! #[sigra(
//!     table = "users",
//!     password,
//!     session(idle = "1h", absolute = "14d"),
//!     confirm_email(within = "48h"),
//!     reset_password(within = "1h"),
//!     must_change_password,
//!     lockout(after = 10, wait = "15m"),
//!     audit(retain = "400d"),
//! )]
//! pub struct User {
//!     #[sigra(id)]
//!     pub id: uuid::Uuid,
//!     #[sigra(email)]
//!     pub email: String,
//!     #[sigra(password)]
//!     password: Option<PasswordHash>,
//!     pub display_name: String,
//! }
//!
//! # #[cfg(feature = "sqlite")]
//! # async fn example() -> Result<(), sigra::Error> {
//! let auth = Sigra::<User>::connect("sqlite://app.db").await?;
//! // After the host's own migrations have created `users`:
//! auth.migrate().await?;
//!
//! // Limits count by the network: take the address of the connection, or use the extractors of `sigra::axum`.
//! let client = sigra::Client::from_address([192, 0, 2, 7].into());
//! let new = NewUser {
//!     email: "ada@example.com".into(),
//!     password: "glacier teapot 47 violins".into(),
//!     display_name: "Ada".into(),
//! };
//! auth.register(new, &client).await?;
//!
//! // Until the address is confirmed by the mailed link or code, even the right password is answered like a wrong one.
//! let credentials = sigra::Credentials::new("ada@example.com", "glacier teapot 47 violins");
//! match auth.sign_in(credentials, &client).await? {
//!     UserSignIn::Complete(session) => println!("signed in until {}", session.session().expires_at()),
//!     // This variant exists because `must_change_password` is on; the compiler asks for the arm.
//!     UserSignIn::MustChangePassword(_) => println!("choose a new password by the link in our mail"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Where to look
//!
//! - Every key, its default, its limits and the compile error that its misuse gives: the [derive](derive@Sigra).
//! - Every rule that the attributes are held to, by the number that an error names: [`rules`].
//! - What an application calls: [`Sigra`](struct@Sigra).
//! - What may be shown to a visitor and what only an operator may see: [`Error`], split into [`Refusal`] and [`Failure`].
//! - The audit trail, its evidence and who verifies it, and events of the host's own in it: [`audit`].
//! - Keys and their rotation: [`keyring`].
//! - What an operator sees, in logs, traces and metrics: [`telemetry`].
//! - Mail: [`mail`]. Nothing is sent while a request waits; a worker does it.
//! - Extractors, cookies and cross-origin protection for axum: `sigra::axum`, with the cargo feature `axum`.
//! - A complete site: `cargo run --example app` in the repository.
//!
//! # Cargo features
//!
//! | feature | what |
//! |---|---|
//! | `sqlite` (default) | SQLite, bundled |
//! | `postgres` | PostgreSQL |
//! | `mysql` | MariaDB and MySQL |
//! | `axum` | [axum](https://docs.rs/axum) extractors |
//! | `legacy-hashes` | verifies imported bcrypt, scrypt and PBKDF2 hashes: see [`password`] |
//! | `breached-online` | looks up breached passwords on a server: [`password::breached`] |
//! | `metrics` | counters and histograms through the facade [`metrics`](https://docs.rs/metrics): see [`telemetry`] |
//! | `totp` | second factors: authenticator apps, backup codes, trusted browsers, and their recovery |
//! | `zxcvbn` | a least strength for new passwords, by estimate |
//!
//! They only add: one binary may have every database and choose by URL at run time.

#![cfg_attr(
    not(feature = "totp"),
    allow(dead_code, reason = "what only second factors use; a build with them finds what is dead")
)]

pub mod account;
mod assurance;
pub mod audit;
#[cfg(feature = "axum")]
pub mod axum;
mod builder;
mod client;
pub mod clock;
pub mod column;
mod core;
mod email;
pub mod error;
#[cfg(feature = "totp")]
mod factors;
pub mod feature;
pub mod invalidation;
pub mod keyring;
#[doc(hidden)]
pub mod keys;
mod limits;
pub mod mail;
mod operations;
pub mod outcome;
pub mod password;
pub mod policy;
pub mod rules;
mod session;
mod store;
pub mod telemetry;
pub mod token;
mod unit;

pub use sigra_macros::Sigra;

pub use self::account::Account;
pub use self::assurance::{Aal, Assurance, Factor};
pub use self::audit::{AuditDetail, AuditEvent};
pub use self::builder::Builder;
pub use self::client::{Client, ClientNet, device_name};
pub use self::core::{Operation, Sigra};
pub use self::error::{Error, Failure, Refusal};
#[cfg(feature = "totp")]
pub use self::factors::typed::Code;
pub use self::keyring::Keyring;
pub use self::operations::{
    AdoptAs, Adoption, AuditExport, Confirmed, NotAdopted, Recovered, Registered, Sealed, Sudo, Swept,
    WhyNotAdopted, Worker,
};
#[cfg(feature = "totp")]
pub use self::operations::{
    BackupCodes, BrowserId, Disowned, Enrolment, FactorId, FactorInfo, TrustedBrowser,
};
pub use self::outcome::{Disabled, MustChangePassword, SecondFactor};
pub use self::password::{Hashing, Password, PasswordHash, PasswordVerifier};
pub use self::rules::explain;
pub use self::session::{Credentials, NewSession, Session, SessionId, SessionInfo};
pub use self::store::{Dialect, Migration};
pub use self::token::{DeviceToken, PendingToken, SessionToken};

/// What generated code names. Not for hosts: it changes with every release.
#[doc(hidden)]
pub mod __private {
    pub use crate::account::Schema;
    pub use crate::column::{Columns, ReadError, Values, check};
    pub use crate::keys;
    pub use crate::outcome::Outcome;
    pub use crate::policy::*;
    pub use crate::store::Row;
    pub use sigra_macros::event_name;
}
