//! Assisted recovery: an operator takes the second factors off an account whose owner has lost them.

use std::time::Duration;

use time::OffsetDateTime;

use crate::account::Account;
use crate::audit::{Event, Reason};
use crate::client::Client;
use crate::core::{Operation, Reader, Sigra};
use crate::email::Identifier;
use crate::error::{DatabaseError, Error, Failure, Refusal};
use crate::feature;
use crate::invalidation::Change;
use crate::limits::Bucket;
use crate::store::Stamp;
use crate::store::statements::{BeginRecovery, CancelRecovery, DeleteFactors, FinishRecovery, RecoveryOf};
use crate::telemetry::{Named, watched};
use crate::unit::{Recorded, Step, Unit};

use super::MailKind;
use super::operator::ByOperator;
use super::outbox::FINISH_WITHIN;

impl<U> Sigra<U> {
    /// Begins to take the second factors off an account whose owner has lost them. Nothing changes yet but that the owner gets a
    /// mail, with a link that stops it: whoever talked the operator into this is not the only one to know.
    ///
    /// Returns when [`finish_recovery`](Self::finish_recovery) may be called (UTC); `None`: there is no such account, it has no
    /// second factor, or a recovery has begun already. One that is not finished within a week after it might have been is over, and
    /// may begin anew with another mail.
    ///
    /// `operator` names who does it, for the trail: take it from the operator's own session. Writes one audit row
    /// `account.recovery.begin`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::Busy`] and [`Failure`](crate::Failure).
    pub fn begin_recovery<'a>(
        &'a self,
        operator: &'a str,
        user_id: &'a U::Id,
        client: &'a Client,
    ) -> Operation<'a, Option<OffsetDateTime>>
    where
        U: feature::AssistedRecovery,
    {
        watched::<U>(Named::BeginRecovery)
            .by_operator(operator, client)
            .about(user_id)
            .run(async move { self.perform(Begin(ByOperator::new(operator, user_id, client))).await })
    }

    /// Takes the second factors off, after the delay of `assisted_recovery(delay = "..")`: factors, backup codes, sessions, links
    /// and the trust in browsers go, and the password alone signs in again. The owner gets a mail. `false`: no recovery has
    /// begun, its owner has stopped it, or more than a week has passed since the delay.
    ///
    /// `operator` names who does it, for the trail: take it from the operator's own session. Writes one audit row
    /// `account.recovery.finish`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::TooEarly`], [`Refusal::Busy`] and [`Failure`](crate::Failure).
    pub fn finish_recovery<'a>(
        &'a self,
        operator: &'a str,
        user_id: &'a U::Id,
        client: &'a Client,
    ) -> Operation<'a, bool>
    where
        U: feature::AssistedRecovery,
    {
        watched::<U>(Named::FinishRecovery).by_operator(operator, client).about(user_id).run(async move {
            let finish = Finish(ByOperator::new(operator, user_id, client));
            Ok(self.perform(finish).await??)
        })
    }

    /// Stops a recovery that has begun. `false`: none has.
    ///
    /// `operator` names who does it, for the trail: take it from the operator's own session. Writes one audit row
    /// `account.recovery.cancel`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::Busy`] and [`Failure`](crate::Failure).
    pub fn cancel_recovery<'a>(
        &'a self,
        operator: &'a str,
        user_id: &'a U::Id,
        client: &'a Client,
    ) -> Operation<'a, bool>
    where
        U: feature::AssistedRecovery,
    {
        watched::<U>(Named::CancelRecovery)
            .by_operator(operator, client)
            .about(user_id)
            .run(async move { self.perform(Cancel(ByOperator::new(operator, user_id, client))).await })
    }
}

struct Begin<U: Account>(ByOperator<U>);

impl<U: feature::AssistedRecovery> Step<U> for Begin<U> {
    type Output = Option<OffsetDateTime>;

    fn client(&self) -> &Client {
        &self.0.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let delay = U::POLICY.assisted_recovery;
        let until = unit.after(delay.ok_or_else(|| Failure::Config("`assisted_recovery` is off".into()))?);
        let standing = unit.standing(&self.0.user_id).await?.filter(|standing| standing.factors > 0);
        let begun = match &standing {
            Some(_) => {
                let values: &[&dyn crate::column::Bind] =
                    &[&until, &self.0.user_id, &Stamp(unit.now - FINISH_WITHIN)];
                unit.execute(BeginRecovery, values).await?.rows == 1
            }
            None => false,
        };
        let (Some(standing), true) = (standing, begun) else {
            return unit.record(self.0.nothing_to_do(Event::BeginRecovery), None).await;
        };
        unit.enqueue(MailKind::RecoveryBegun, &Identifier::from_stored(standing.identifier)).await?;
        unit.record(self.0.success(Event::BeginRecovery), Some(until.0)).await
    }
}

struct Finish<U: Account>(ByOperator<U>);

impl<U: feature::AssistedRecovery> Step<U> for Finish<U> {
    type Output = Result<bool, Refusal>;

    fn client(&self) -> &Client {
        &self.0.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let user_id = &self.0.user_id;
        let refused = |reason| self.0.refused(Event::FinishRecovery, reason);
        let now = unit.stamp();
        let oldest = Stamp(unit.now - FINISH_WITHIN);
        if unit.execute(FinishRecovery, &[user_id, &now, &oldest]).await?.rows != 1 {
            let row = unit.fetch_optional(RecoveryOf, &[user_id]).await?;
            let until = row.map(|row| Reader::<U>::new(&row).next::<Option<Stamp>>()).transpose()?.flatten();
            let Some(Stamp(until)) = until.filter(|Stamp(until)| *until > unit.now) else {
                return unit.record(refused(Reason::NothingToDo), Ok(false)).await;
            };
            let left = Duration::try_from(until - unit.now).unwrap_or_default();
            let retry_after = Duration::from_secs(left.as_secs() + 1);
            return unit.record(refused(Reason::TooEarly), Err(Refusal::TooEarly { retry_after })).await;
        }
        let Some(standing) = unit.standing(user_id).await? else {
            return unit.record(refused(Reason::NothingToDo), Ok(false)).await;
        };
        let identifier = Identifier::from_stored(standing.identifier);
        let ended = unit.invalidate(Change::Recovered, user_id, standing.epoch, None).await?;
        // Another change of the account came between: run the step again, on what it left.
        ended.ok_or_else(DatabaseError::lost_race)?;
        unit.execute(DeleteFactors, &[user_id]).await?;
        unit.clear(&Bucket::factors(&identifier)).await?;
        unit.enqueue(MailKind::RecoveryFinished, &identifier).await?;
        unit.record(self.0.success(Event::FinishRecovery), Ok(true)).await
    }
}

struct Cancel<U: Account>(ByOperator<U>);

impl<U: feature::AssistedRecovery> Step<U> for Cancel<U> {
    type Output = bool;

    fn client(&self) -> &Client {
        &self.0.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<bool>, Error> {
        let done = unit.execute(CancelRecovery, &[&self.0.user_id]).await?.rows == 1;
        let event = Event::CancelRecovery;
        let entry = if done { self.0.success(event) } else { self.0.nothing_to_do(event) };
        unit.record(entry, done).await
    }
}
