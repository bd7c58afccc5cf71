//! What a sign-in can come to, before the derive turns it into the host's own enum.

use std::convert::Infallible;

use crate::account::Account;
use crate::session::NewSession;
use crate::token::PendingToken;

/// The library's side of a sign-in. The derive maps it to `UserSignIn`, which has only the variants that the keys call for.
#[doc(hidden)]
#[allow(
    clippy::large_enum_variant,
    reason = "it lives until the derive's code has turned it into the host's own"
)]
pub enum Outcome<U: Account> {
    Complete(NewSession<U>),
    Disabled(U::Disabled),
    MustChangePassword(U::MustChangePassword),
    SecondFactor(U::SecondFactor),
}

/// The password was right and the account is disabled. It is no session, and nothing turns it into one.
#[derive(Clone, Debug)]
#[must_use = "the visitor is not signed in"]
pub struct Disabled {
    since: time::OffsetDateTime,
}

impl Disabled {
    pub(crate) fn new(since: time::OffsetDateTime) -> Self {
        Self { since }
    }

    /// When the account was disabled (UTC).
    #[must_use]
    pub fn since(&self) -> time::OffsetDateTime {
        self.since
    }
}

/// The password was right and may not be used any more, since others may know it (NIST SP 800-63B-4 3.1.1.2). It is no session,
/// and nothing turns it into one: a link to choose a new password goes to the account's address.
#[derive(Clone, Debug)]
#[must_use = "the visitor is not signed in"]
pub struct MustChangePassword {
    since: time::OffsetDateTime,
}

impl MustChangePassword {
    pub(crate) fn new(since: time::OffsetDateTime) -> Self {
        Self { since }
    }

    /// Since when (UTC).
    #[must_use]
    pub fn since(&self) -> time::OffsetDateTime {
        self.since
    }
}

/// A sign-in whose first factor was right and whose second is due. It is no session: its secret is of another type and purpose,
/// has a cookie of its own, and nothing but [`Sigra::prove_second_factor`](crate::Sigra::prove_second_factor) takes it.
///
/// It belongs to the browser that has its secret, is good for ten minutes, and ends with every change of the account's
/// credentials. A wrong code does not use it up, a right one does.
#[derive(Clone, Debug)]
#[must_use = "the visitor is not signed in"]
pub struct SecondFactor {
    token: PendingToken,
    expires_at: time::OffsetDateTime,
}

impl SecondFactor {
    #[cfg(feature = "totp")]
    pub(crate) fn new(token: PendingToken, expires_at: time::OffsetDateTime) -> Self {
        Self { token, expires_at }
    }

    /// The secret for the cookie of the pending sign-in, and nothing else.
    #[must_use]
    pub fn token(&self) -> &PendingToken {
        &self.token
    }

    /// When it ends (UTC).
    #[must_use]
    pub fn expires_at(&self) -> time::OffsetDateTime {
        self.expires_at
    }
}

/// A payload that exists only where its key is on: `Infallible` cannot be filled, so what is off can never stand in the way.
#[doc(hidden)]
pub trait Slot<T>: Sized + Send + 'static {
    fn fill(value: T) -> Option<Self>;
}

macro_rules! slots {
    ($($payload:ty),*) => {$(
        impl Slot<$payload> for $payload {
            fn fill(value: $payload) -> Option<Self> {
                Some(value)
            }
        }
        impl Slot<$payload> for Infallible {
            fn fill(_: $payload) -> Option<Self> {
                None
            }
        }
    )*};
}
slots!(Disabled, MustChangePassword, SecondFactor);
