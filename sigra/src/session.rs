//! Sessions as the host sees them.

use std::fmt;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::assurance::Assurance;
use crate::token::{DeviceToken, SessionToken};

/// Names a session in lists and in the trail. It is no secret and opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub(crate) uuid::Uuid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for SessionId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A user who is signed in, as one check of the database found it.
///
/// Only the library makes one, from a committed row of a live session. Operations that act for a user take it and read the
/// user from it, never from a request.
pub struct Session<U> {
    pub(crate) id: SessionId,
    pub(crate) user: U,
    pub(crate) remembered: bool,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) last_seen_at: OffsetDateTime,
    pub(crate) expires_at: OffsetDateTime,
    pub(crate) assurance: Assurance,
}

impl<U> Session<U> {
    /// The session's name.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The user, read in the same statement as the session.
    #[must_use]
    pub fn user(&self) -> &U {
        &self.user
    }

    /// The user, without the session.
    #[must_use]
    pub fn into_user(self) -> U {
        self.user
    }

    /// When the user signed in (UTC).
    #[must_use]
    pub fn created_at(&self) -> OffsetDateTime {
        self.created_at
    }

    /// When it ends, however often it is used (UTC).
    #[must_use]
    pub fn expires_at(&self) -> OffsetDateTime {
        self.expires_at
    }

    /// Which factors were proved in it, and when.
    #[must_use]
    pub fn assurance(&self) -> Assurance {
        self.assurance
    }

    /// Whether the user asked to be remembered.
    #[must_use]
    pub fn is_remembered(&self) -> bool {
        self.remembered
    }
}

impl<U> fmt::Debug for Session<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.id.0).finish_non_exhaustive()
    }
}

/// A session that has just begun, with the secret for its cookie.
#[must_use = "put its token into the cookie, or the user is not signed in"]
pub struct NewSession<U> {
    pub(crate) session: Session<U>,
    pub(crate) token: SessionToken,
    pub(crate) device: Option<DeviceToken>,
}

impl<U> NewSession<U> {
    /// The session.
    #[must_use]
    pub fn session(&self) -> &Session<U> {
        &self.session
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &U {
        &self.session.user
    }

    /// The secret, for the cookie and nothing else.
    #[must_use]
    pub fn token(&self) -> &SessionToken {
        &self.token
    }

    /// The secret by which this browser is known again, for a cookie of its own that outlives the session; `None` where neither
    /// `lockout` nor `totp` is on. Give it back with [`Client::with_device_token`](crate::Client::with_device_token).
    #[must_use]
    pub fn device_token(&self) -> Option<&DeviceToken> {
        self.device.as_ref()
    }

    /// Session, its secret, and the secret of the device where there is one.
    #[must_use]
    pub fn into_parts(self) -> (Session<U>, SessionToken, Option<DeviceToken>) {
        (self.session, self.token, self.device)
    }
}

impl<U> fmt::Debug for NewSession<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSession").field("session", &self.session).finish_non_exhaustive()
    }
}

/// One of a user's sessions, for a list of devices.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionInfo {
    /// Its name, to revoke it by.
    pub id: SessionId,
    /// Whether it is the one that asked for the list.
    pub current: bool,
    /// When the user signed in (UTC).
    pub created_at: OffsetDateTime,
    /// The last use, at most `session(touch)` old (UTC).
    pub last_seen_at: OffsetDateTime,
    /// When it ends (UTC).
    pub expires_at: OffsetDateTime,
    /// Whether the user asked to be remembered.
    pub remembered: bool,
    /// The network at sign-in, as the privacy setting keeps it.
    pub network: Option<String>,
    /// The browser at sign-in, as the privacy setting keeps it.
    pub user_agent: Option<String>,
    /// The host's note.
    pub note: Option<String>,
}

/// What a visitor presents to sign in.
#[derive(Clone)]
pub struct Credentials {
    pub(crate) email: String,
    pub(crate) password: crate::password::Password,
    pub(crate) remember: bool,
    pub(crate) replaces: Option<Zeroizing<String>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither who tries nor what with.
        f.debug_struct("Credentials").field("remember", &self.remember).finish_non_exhaustive()
    }
}

impl Credentials {
    /// An address and a password, as they were typed.
    #[must_use]
    pub fn new(email: impl Into<String>, password: impl Into<crate::password::Password>) -> Self {
        Self { email: email.into(), password: password.into(), remember: false, replaces: None }
    }

    /// Asks for the longer session of `session(remember = "..")`. Without that key it changes nothing.
    #[must_use]
    pub fn remember(mut self, remember: bool) -> Self {
        self.remember = remember;
        self
    }

    /// The session token that the request came with, if any: a successful sign-in ends that session, so that no cookie
    /// from before it is worth anything after it.
    #[must_use]
    pub fn replacing(mut self, token: Option<&str>) -> Self {
        self.replaces = token.map(|token| Zeroizing::new(token.to_owned()));
        self
    }
}
