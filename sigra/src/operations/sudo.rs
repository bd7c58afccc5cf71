//! `Sudo`: who is signed in has proved to be there recently enough to change a credential (ASVS 7.5.1).

use std::fmt;
use std::ops::Deref;

use time::OffsetDateTime;

use crate::account::Account;
use crate::audit::Reason;
use crate::core::{Operation, Sigra};
use crate::error::{DatabaseError, Error, Refusal};
use crate::feature;
use crate::session::Session;
use crate::store::statements::SessionIsLive;
use crate::store::{Rendered, Stamp};
use crate::telemetry::{Named, watched};
use crate::unit::Unit;

use super::standing::{Held, Holder};

/// A session whose owner proved to be there within `sudo(within = "..")`, and by the second factor too where the account has one.
///
/// Only [`Sigra::sudo`] makes one. Operations that change a credential take it, and look again in the transaction of the change.
pub struct Sudo<U> {
    session: Session<U>,
}

impl<U> Deref for Sudo<U> {
    type Target = Session<U>;

    fn deref(&self) -> &Session<U> {
        &self.session
    }
}

impl<U> Sudo<U> {
    /// The session, for what needs no more.
    #[must_use]
    pub fn into_session(self) -> Session<U> {
        self.session
    }
}

impl<U> fmt::Debug for Sudo<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sudo").field("session", &self.session).finish()
    }
}

/// Why a session is not enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotEnough {
    pub(super) reason: Reason,
    with_code: bool,
}

impl NotEnough {
    const ENDED: Self = Self { reason: Reason::SessionEnded, with_code: false };

    pub(super) fn refusal(self) -> Refusal {
        match self.reason {
            Reason::SessionEnded => Refusal::SessionEnded,
            _ => Refusal::SudoRequired { with_code: self.with_code },
        }
    }
}

impl Held {
    /// Whether what was proved in this session is enough, and recent enough. A trusted browser's never is.
    fn is_sudo<U: Account>(&self, now: OffsetDateTime) -> Result<(), NotEnough> {
        let with_code = self.lacks_second_factor::<U>();
        let recent = U::POLICY.sudo.is_some_and(|within| now < self.assurance.proved_at + within);
        if recent && !with_code {
            return Ok(());
        }
        Err(NotEnough { reason: Reason::SudoRequired, with_code })
    }
}

impl<U> Sigra<U> {
    /// Looks whether the owner of a session proved to be there recently enough to change a credential. Costs one indexed read and
    /// writes nothing.
    ///
    /// # Errors
    /// [`Refusal::SudoRequired`], with what would do, [`Refusal::SessionEnded`], and [`Failure`](crate::Failure).
    pub fn sudo(&self, session: Session<U>) -> Operation<'_, Sudo<U>>
    where
        U: feature::Sudo,
    {
        watched::<U>(Named::CheckSudo).within(&session).run(async move {
            let now = self.core.now();
            let (id, at) = (session.id.0, Stamp(now));
            let statement = Rendered::<U, SessionIsLive>::STATEMENT;
            let values: &[&dyn crate::column::Bind] = &[&id, session.user.id(), &at, &at];
            let row = self.core.pool.read().await?.fetch_optional(statement, values).await?;
            let Some(row) = row else { return Err(Refusal::SessionEnded.into()) };
            Held::read::<U>(&row)?.is_sudo::<U>(now).map_err(NotEnough::refusal)?;
            Ok(Sudo { session })
        })
    }
}

impl<U: Account> Unit<'_, U> {
    /// The session that asks for the change of a credential, if it may. Looked at in the transaction of the change, whose account
    /// is held from here on.
    pub(super) async fn sudo(&mut self, holder: &Holder<U>) -> Result<Result<Held, NotEnough>, Error> {
        let Some(held) = self.hold_session(holder).await? else { return Ok(Err(NotEnough::ENDED)) };
        Ok(held.is_sudo::<U>(self.now).map(|()| held))
    }

    /// The session that asks, with its account held.
    pub(super) async fn hold_session(&mut self, holder: &Holder<U>) -> Result<Option<Held>, Error> {
        let Some(held) = self.held(holder).await? else { return Ok(None) };
        // Another change of the account came between, which may have let the session be: look again.
        if !self.hold(&holder.user_id, held.epoch).await? {
            return Err(DatabaseError::lost_race().into());
        }
        Ok(Some(held))
    }
}
