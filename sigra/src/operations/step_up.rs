//! Step-up: who is signed in proves once more to be there, by the password or by a code of the second factor (ASVS 7.5.1).

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::core::{Operation, Sigra};
use crate::error::{Error, Refusal};
#[cfg(feature = "totp")]
use crate::factors::typed::{Code, Typed};
use crate::feature;
use crate::password::Password;
use crate::session::{NewSession, Session};
use crate::telemetry::{Named, watched};
use crate::unit::{Recorded, Shielded, Step, Unit};

use super::attempt::{Attempt, Candidate, ReserveForHolder};
#[cfg(feature = "totp")]
use super::codes::Unproved;
use super::standing::Holder;
#[cfg(feature = "totp")]
use super::standing::Whose;

impl<U> Sigra<U> {
    /// Proves once more, by the password, who is signed in. The session goes on under another secret: put it into the cookie.
    ///
    /// A wrong password counts like a wrong sign-in, and a right one like a right one. Where the account has a second factor
    /// that was not proved in this session, as in a trusted browser, the password is not enough: then [`Refusal::SudoRequired`]
    /// says so at once.
    ///
    /// Writes one audit row `session.own.step_up`: success, or refused or failed with the reason.
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
        watched::<U>(Named::StepUp).by(client).within(session).run(async move {
            let (holder, client) = (Holder::of(session), client.clone());
            self.shielded(|shielded| async move { shielded.step_up(holder, password, client).await }).await
        })
    }

    /// Proves once more, by a code of the second factor, who is signed in. From now on the session has that factor, also where
    /// the browser was trusted before. It goes on under another secret: put it into the cookie.
    ///
    /// Counts and uses up codes as [`prove_second_factor`](Self::prove_second_factor) does. Writes one audit row
    /// `session.own.step_up`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::InvalidCode`], also where the account has no second factor, [`Refusal::TooManyAttempts`], [`Refusal::Busy`],
    /// [`Refusal::SessionEnded`], and [`Failure`](crate::Failure).
    #[cfg(feature = "totp")]
    pub fn step_up_with_code<'a>(
        &'a self,
        session: &'a Session<U>,
        code: impl Into<Code>,
        client: &'a Client,
    ) -> Operation<'a, NewSession<U>>
    where
        U: feature::Totp,
    {
        let typed = code.into().typed();
        watched::<U>(Named::StepUpWithCode).by(client).within(session).run(async move {
            let step_up = StepUpByCode::<U> { holder: Holder::of(session), typed, client: client.clone() };
            Ok(self.perform(step_up).await??)
        })
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
        hasher.glance()?;
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
        let refused = |reason| self.holder.refused(Event::StepUp, reason);
        if let Some(reason) = self.wrong {
            unit.attempt_failed(&self.attempt).await?;
            return unit.record(refused(reason), Err(Refusal::InvalidCredentials)).await;
        }
        let held = unit.hold_session(&self.holder).await?.filter(|held| held.epoch == self.candidate.epoch);
        let Some(held) = held else {
            return unit.record(refused(Reason::SessionEnded), Err(Refusal::SessionEnded)).await;
        };
        let failures = self.candidate.failures;
        if let Err((reason, refusal)) = unit.lets_right_password_go_on(&held, &self.attempt, failures).await?
        {
            return unit.record(refused(reason), Err(refusal)).await;
        }
        unit.attempt_succeeded(&self.attempt, failures).await?;
        let assurance = crate::assurance::Assurance { proved_at: unit.now, ..held.assurance };
        let next = unit.rotate_session(&self.holder, &held, assurance).await?;
        let entry = Entry::success(Event::StepUp, Actor::Account).of(user_id).in_session(*session);
        unit.record(entry, Ok(next)).await
    }
}

#[cfg(feature = "totp")]
struct StepUpByCode<U: Account> {
    holder: Holder<U>,
    typed: Typed,
    client: Client,
}

#[cfg(feature = "totp")]
impl<U: feature::Totp> Step<U> for StepUpByCode<U> {
    type Output = Result<NewSession<U>, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let Holder { session, user_id, .. } = &self.holder;
        let refused = |reason| self.holder.refused(Event::StepUp, reason);
        let held = unit.hold_session(&self.holder).await?;
        let standing = if held.is_some() { unit.standing(user_id).await? } else { None };
        let (Some(held), Some(standing)) = (held, standing) else {
            return unit.record(refused(Reason::SessionEnded), Err(Refusal::SessionEnded)).await;
        };
        let whose = Whose { user_id, epoch: held.epoch, identifier: &standing.identifier };
        let proved = match unit.judge(&whose, &self.typed).await? {
            Ok(proved) => proved.by(user_id),
            Err(Unproved { reason, refusal }) => return unit.record(refused(reason), Err(refusal)).await,
        };
        let Some((factor, at)) = proved else {
            return unit.record(refused(Reason::WrongCode), Err(Refusal::InvalidCode)).await;
        };
        let next = unit.rotate_session(&self.holder, &held, held.assurance.with_second(factor, at)).await?;
        let entry = Entry::success(Event::StepUp, Actor::Account).of(user_id).in_session(*session);
        unit.record(entry, Ok(next)).await
    }
}
