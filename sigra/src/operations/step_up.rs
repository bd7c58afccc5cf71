//! Step-up by a code of the second factor.

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::core::{Operation, Sigra};
use crate::error::{Error, Refusal};
use crate::factors::typed::{Code, Typed};
use crate::feature;
use crate::session::{NewSession, Session};
use crate::telemetry::{Named, watched};
use crate::unit::{Recorded, Step, Unit};

use super::changes::refused;
use super::codes::Unproved;
use super::standing::{Holder, Whose};

impl<U> Sigra<U> {
    /// Proves once more, by a code of the second factor, who is signed in. From now on the session has that factor, also where
    /// the browser was trusted before. It goes on under another secret: put it into the cookie.
    ///
    /// Counts and uses up codes as [`prove_second_factor`](Self::prove_second_factor) does. Writes one audit row
    /// `session.own.step_up`: success, or refused with the reason.
    ///
    /// # Errors
    /// [`Refusal::InvalidCode`], also where the account has no second factor, [`Refusal::TooManyAttempts`], [`Refusal::Busy`],
    /// [`Refusal::SessionEnded`], and [`Failure`](crate::Failure).
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
        watched::<U>(Named::StepUpWithCode).by(client).within(session.id).run(async move {
            let step_up = StepUpByCode::<U> { holder: Holder::of(session), typed, client: client.clone() };
            Ok(self.perform(step_up).await??)
        })
    }
}

struct StepUpByCode<U: Account> {
    holder: Holder<U>,
    typed: Typed,
    client: Client,
}

impl<U: feature::Totp> Step<U> for StepUpByCode<U> {
    type Output = Result<NewSession<U>, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let Holder { session, user_id, .. } = &self.holder;
        let refused = |reason| refused(Event::StepUp, &self.holder, reason);
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
