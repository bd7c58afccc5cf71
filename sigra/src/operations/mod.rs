//! The operations of [`Sigra`](crate::Sigra), one file a theme.

mod activity;
mod disable;
mod email;
mod outbox;
mod password;
mod register;
mod sessions;
mod sign_in;
mod standing;
mod sweep;
mod tokens;

pub use self::email::Confirmed;
pub(crate) use self::outbox::{MailKind, worker};
pub use self::register::Registered;
pub use self::sweep::Swept;
