//! Step-up: who is signed in proves once more to be there, before a credential is changed (ASVS 7.5.1).

use std::fmt;
use std::ops::Deref;

use time::OffsetDateTime;

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::core::{Operation, Sigra};
use crate::error::{DatabaseError, Error, Refusal};
use crate::feature;
use crate::password::Password;
use crate::session::{NewSession, Session};
use crate::store::statements::SessionIsLive;
use crate::store::{Rendered, Stamp};
use crate::telemetry::{Named, watched};
use crate::unit::{Recorded, Shielded, Step, Unit};

use super::attempt::{Attempt, Candidate};
use super::password::ReserveForHolder;
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
        watched::<U>(Named::CheckSudo).within(session.id).run(async move {
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

    /// Proves once more, by the password, who is signed in. The session goes on under another secret: put it into the cookie.
    ///
    /// A wrong password counts like a wrong sign-in, and a right one like a right one. Where the account has a second factor that was not proved in this session,
    /// as in a trusted browser, the password is not enough: then [`Refusal::SudoRequired`] says so at once.
    ///
    /// Writes one audit row `session.own.step_up`: success, or refused with the reason.
    ///
    /// # Errors
    /// [`Refusal::InvalidCredentials`], [`Refusal::SudoRequired`], [`Refusal::TooManyAttempts`], [`Refusal::Busy`],
    /// [`Refusal::SessionEnded`], and [`Failure`](crate::Failure).
    pub fn step_up_with_password<'a>(
        &'a self,
        session: &'a Session<U>,
        password: impl Into<Password>,
        client: &'a Client,
    ) -> Operation<'a, NewSession<U>>
    where
        U: feature::Sudo,
    {
        let password = password.into();
        watched::<U>(Named::StepUp).by(client).within(session.id).run(async move {
            let (holder, client) = (Holder::of(session), client.clone());
            self.shielded(|shielded| async move { shielded.step_up(holder, password, client).await }).await
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

impl<U: feature::Sudo> Shielded<U> {
    async fn step_up(
        &self,
        holder: Holder<U>,
        password: Password,
        client: Client,
    ) -> Result<NewSession<U>, Error> {
        let hasher = &self.0.core.hasher;
        let event = Event::StepUp;
        let reserve = ReserveForHolder { event, holder: holder.clone(), client: client.clone() };
        let (mut candidate, attempt) = self.step(reserve).await??;
        let stored = candidate.hash.take();
        let verified = match hasher.admit() {
            Ok(place) => hasher.verify(place, password, stored, false).await,
            Err(busy) => Err(busy.into()),
        };
        let verified = match verified {
            Ok(verified) => verified,
            Err(error) => return Err(self.undecided(attempt, client, error).await),
        };
        let wrong = match verified.right {
            false => Some(verified.reason()),
            true if attempt.is_shut::<U>(candidate.failures) => Some(Reason::PasswordShut),
            true => None,
        };
        Ok(self.step(StepUp { holder, candidate, wrong, attempt, client }).await??)
    }
}

struct StepUp<U: Account> {
    holder: Holder<U>,
    candidate: Candidate<U>,
    wrong: Option<Reason>,
    attempt: Attempt,
    client: Client,
}

impl<U: feature::Sudo> Step<U> for StepUp<U> {
    type Output = Result<NewSession<U>, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let Holder { session, user_id, .. } = &self.holder;
        let refused =
            |reason| Entry::refused(Event::StepUp, Actor::Account, reason).of(user_id).in_session(*session);
        if let Some(reason) = self.wrong {
            unit.attempt_failed(&self.attempt).await?;
            return unit.record(refused(reason), Err(Refusal::InvalidCredentials)).await;
        }
        let held = unit.hold_session(&self.holder).await?.filter(|held| held.epoch == self.candidate.epoch);
        let Some(held) = held else {
            return unit.record(refused(Reason::SessionEnded), Err(Refusal::SessionEnded)).await;
        };
        if let Err(refusal) = unit.count_right_password(&self.attempt).await? {
            return unit.record(refused(Reason::RightPasswordLimit), Err(refusal)).await;
        }
        if held.lacks_second_factor::<U>() {
            unit.attempt_opened_nothing(&self.attempt, self.candidate.failures).await?;
            let refusal = Refusal::SudoRequired { with_code: true };
            return unit.record(refused(Reason::SudoRequired), Err(refusal)).await;
        }
        unit.attempt_succeeded(&self.attempt, self.candidate.failures).await?;
        let assurance = crate::assurance::Assurance { proved_at: unit.now, ..held.assurance };
        let next = unit.rotate_session(&self.holder, &held, assurance).await?;
        let entry = Entry::success(Event::StepUp, Actor::Account).of(user_id).in_session(*session);
        unit.record(entry, Ok(next)).await
    }
}
