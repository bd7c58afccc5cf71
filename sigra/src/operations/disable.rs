//! What an operator does to an account.

use crate::account::Account;
use crate::audit::Event;
use crate::client::Client;
use crate::core::{Operation, Sigra};
use crate::error::{DatabaseError, Error};
use crate::feature;
use crate::invalidation::Change;
use crate::store::statements::{Disable, Enable};
use crate::telemetry::{Named, watched};
use crate::unit::{Recorded, Step, Unit};

use super::operator::ByOperator;

impl<U> Sigra<U> {
    /// Disables an account: ends its sessions, voids every link but the one that undoes a change of second factors, and lets
    /// nobody sign in to it. Its owner gets no mail that was asked for, but hears of every change as before. `false`: there is no
    /// such account, or it is disabled already.
    ///
    /// `operator` names who does it, for the trail: take it from the operator's own session. Writes one audit row
    /// `account.user.disable`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::Busy`](crate::Refusal::Busy) and [`Failure`](crate::Failure).
    pub fn disable_account<'a>(
        &'a self,
        operator: &'a str,
        user_id: &'a U::Id,
        client: &'a Client,
    ) -> Operation<'a, bool>
    where
        U: feature::DisableAccount,
    {
        watched::<U>(Named::DisableAccount)
            .by_operator(operator, client)
            .about(user_id)
            .run(async move { self.switch(operator, user_id, client, true).await })
    }

    /// Enables a disabled account again. Its owner signs in anew. `false`: there is no such account, or it is not disabled.
    ///
    /// `operator` names who does it, for the trail: take it from the operator's own session. Writes one audit row
    /// `account.user.enable`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::Busy`](crate::Refusal::Busy) and [`Failure`](crate::Failure).
    pub fn enable_account<'a>(
        &'a self,
        operator: &'a str,
        user_id: &'a U::Id,
        client: &'a Client,
    ) -> Operation<'a, bool>
    where
        U: feature::DisableAccount,
    {
        watched::<U>(Named::EnableAccount)
            .by_operator(operator, client)
            .about(user_id)
            .run(async move { self.switch(operator, user_id, client, false).await })
    }

    async fn switch(&self, operator: &str, user_id: &U::Id, client: &Client, off: bool) -> Result<bool, Error>
    where
        U: feature::DisableAccount,
    {
        self.perform(Switch { by: ByOperator::new(operator, user_id, client), off }).await
    }
}

struct Switch<U: Account> {
    by: ByOperator<U>,
    off: bool,
}

impl<U: feature::DisableAccount> Step<U> for Switch<U> {
    type Output = bool;

    fn client(&self) -> &Client {
        &self.by.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<bool>, Error> {
        let (event, changed) = if self.off {
            let now = unit.now;
            (Event::DisableAccount, unit.execute(Disable, &[&now, &self.by.user_id]).await?.rows == 1)
        } else {
            (Event::EnableAccount, unit.execute(Enable, &[&self.by.user_id]).await?.rows == 1)
        };
        if !changed {
            return unit.record(self.by.nothing_to_do(event), false).await;
        }
        if self.off
            && let Some(standing) = unit.standing(&self.by.user_id).await?
            && unit.invalidate(Change::Disabled, &self.by.user_id, standing.epoch, None).await?.is_none()
        {
            // Another change of the account came between: run the step again, on what it left.
            return Err(DatabaseError::lost_race().into());
        }
        unit.record(self.by.success(event), true).await
    }
}
