//! The operations of [`Sigra`](crate::Sigra), one file a theme.
//!
//! What proves what, inside them:
//!
//! | type | says | made by |
//! |---|---|---|
//! | `Attempt` | an attempt at a password is counted, so that it may be looked at | `Unit::begin_attempt` |
//! | `Device` | the account that is tried is known in this browser | `Unit::known_device` alone |
//! | `Candidate` | somebody has this address; nothing is verified | reading the credentials |
//! | `Standing` | how an account stands at this moment | `Unit::standing` |
//! | `ActiveAccount` | nothing stands in its way: the ticket for a session | `Standing::check` alone |
//! | `Found` | a token's row that could be consumed | `Unit::find`, `Unit::find_by_code` |
//! | `Consumed` | this transaction, and no other, has consumed it | `Unit::consume` alone |
//! | `Holder` | the session on whose behalf a step runs; `Unit::is_live` asks whether it still may | a `Session` |

mod activity;
mod attempt;
mod audit_page;
mod devices;
mod disable;
mod email;
mod erase;
mod export;
mod flood;
mod forward;
mod keys;
mod must_change;
mod outbox;
mod password;
mod record;
mod register;
mod retention;
mod seal;
mod sessions;
mod sign_in;
mod standing;
mod sweep;
mod tokens;
mod unlock;
mod verify;

#[cfg(feature = "axum")]
pub(crate) use self::devices::KNOWN_FOR;
pub use self::email::Confirmed;
pub use self::export::AuditExport;
pub(crate) use self::keys::apart;
pub(crate) use self::outbox::{MailKind, worker};
pub use self::register::Registered;
pub use self::seal::Sealed;
pub use self::sweep::Swept;
pub use self::unlock::Recovered;
