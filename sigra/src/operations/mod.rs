//! The operations of [`Sigra`](crate::Sigra), one file a theme.
//!
//! What proves what, inside them:
//!
//! | type | says | made by |
//! |---|---|---|
//! | `Attempt` | an attempt at a password is counted, so that it may be looked at | `Unit::begin_attempt` |
//! | `Device` | the account that is tried is known in this browser | `Unit::known_device`, `Unit::factor_device` |
//! | `Candidate` | somebody has this address; nothing is verified | reading the credentials |
//! | `Standing` | how an account stands at this moment | `Unit::standing` |
//! | `ActiveAccount` | nothing stands in its way: the ticket for a session | `Standing::check`; `PendingAccount::proved` and `::skipped`; `Checked::continued` |
//! | `PendingAccount` | its second factor is due: the ticket for a challenge | `Standing::check` alone |
//! | `Proved` | a code of this account's second factor is used up | `Unit::judge` alone |
//! | `Trusted` | this browser may skip this account's second factor | `Unit::trusted_browser` alone |
//! | `Sudo` | the session's owner proved to be there recently; `Unit::sudo` asks again in the transaction | `Sigra::sudo` alone |
//! | `Found` | a token's row that could be consumed | `Unit::find`, `Unit::find_by_code`; `Sigra::pending_sign_in`, to show it |
//! | `Consumed` | this transaction, and no other, has consumed it | `Unit::consume` alone |
//! | `Holder` | the session on whose behalf a step runs; `Unit::is_live` asks whether it still may | a `Session` |

mod activity;
mod adopt;
mod attempt;
mod audit_page;
#[cfg(feature = "totp")]
mod backup_codes;
#[cfg(feature = "totp")]
mod changes;
mod checkpoints;
#[cfg(feature = "totp")]
mod codes;
mod devices;
mod disable;
#[cfg(feature = "totp")]
mod disown;
mod email;
#[cfg(feature = "totp")]
mod enrol;
mod erase;
mod export;
mod flood;
mod forward;
mod hand_over;
mod invalidate;
mod keys;
mod must_change;
mod operator;
mod outbox;
mod password;
mod record;
#[cfg(feature = "totp")]
mod recovery;
mod register;
mod retention;
mod seal;
#[cfg(feature = "totp")]
mod second_factor;
#[cfg(feature = "totp")]
mod seeds;
mod sessions;
mod sign_in;
mod standing;
mod step_up;
mod sudo;
mod sweep;
mod tokens;
#[cfg(feature = "totp")]
mod trust;
mod turned_down;
mod unlock;
mod verify;
mod worker;

pub use self::adopt::{AdoptAs, Adoption, NotAdopted, WhyNotAdopted};
#[cfg(feature = "totp")]
pub use self::backup_codes::BackupCodes;
#[cfg(feature = "axum")]
pub(crate) use self::devices::KNOWN_FOR;
#[cfg(feature = "totp")]
pub use self::disown::Disowned;
pub use self::email::Confirmed;
#[cfg(feature = "totp")]
pub use self::enrol::{Enrolment, FactorId, FactorInfo};
pub use self::export::AuditExport;
pub(crate) use self::keys::apart;
pub(crate) use self::outbox::MailKind;
pub use self::register::Registered;
pub use self::seal::Sealed;
pub use self::sudo::Sudo;
pub use self::sweep::Swept;
#[cfg(feature = "totp")]
pub use self::trust::{BrowserId, TrustedBrowser};
pub use self::unlock::Recovered;
pub use self::worker::Worker;
