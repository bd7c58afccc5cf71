//! crate doc comes later
pub mod account;
pub mod audit;
mod builder;
mod client;
pub mod clock;
pub mod column;
mod core;
mod email;
pub mod error;
pub mod feature;
pub mod keyring;
#[doc(hidden)]
pub mod keys;
mod limits;
pub mod mail;
mod operations;
pub mod outcome;
pub mod password;
pub mod policy;
mod session;
mod store;
pub mod token;
mod unit;

pub use sigra_macros::Sigra;

pub use self::account::Account;
pub use self::builder::Builder;
pub use self::client::{Client, ClientNet};
pub use self::core::Sigra;
pub use self::error::{Error, Failure, Refusal};
pub use self::keyring::Keyring;
pub use self::operations::{Confirmed, Registered, Swept};
pub use self::outcome::{Disabled, Unconfirmed};
pub use self::password::{Hashing, Password, PasswordHash};
pub use self::session::{Credentials, NewSession, Session, SessionId, SessionInfo};
pub use self::store::{Dialect, Migration};
pub use self::token::SessionToken;

/// What generated code names. Not for hosts: it changes with every release.
#[doc(hidden)]
pub mod __private {
    pub use crate::account::Schema;
    pub use crate::column::{Columns, ReadError, Values, check};
    pub use crate::keys;
    pub use crate::outcome::Outcome;
    pub use crate::policy::*;
    pub use crate::store::Row;
}
