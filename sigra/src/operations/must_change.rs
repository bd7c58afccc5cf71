//! Passwords that have to be replaced because others may know them.

use crate::account::Account;
use crate::audit::Event;
use crate::client::Client;
use crate::core::{Operation, Sigra};
use crate::email::Identifier;
use crate::error::{DatabaseError, Error};
use crate::feature;
use crate::invalidation::Change;
use crate::store::statements::RequireChange;
use crate::telemetry::{Named, watched};
use crate::unit::{Recorded, Step, Unit};

use super::MailKind;
use super::operator::ByOperator;

impl<U> Sigra<U> {
    /// Has a password replaced that others may know (NIST SP 800-63B-4 3.1.1.2): ends the account's sessions, voids every
    /// link but the one that undoes a change of second factors, and from now on the right password comes to the outcome
    /// `MustChangePassword`. A mailed link to another password ends this; the owner gets one at once, and the password that has
    /// to be replaced is refused as the new one. `false`: there is no such account, or its password has to be replaced already.
    ///
    /// With [`Builder::breached_passwords`](crate::Builder::breached_passwords) a sign-in does the same by itself where the right
    /// password has become known from a breach.
    ///
    /// `operator` names who does it, for the trail: take it from the operator's own session. Writes one audit row
    /// `account.password.require_change`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::Busy`](crate::Refusal::Busy) and [`Failure`](crate::Failure).
    pub fn require_password_change<'a>(
        &'a self,
        operator: &'a str,
        user_id: &'a U::Id,
        client: &'a Client,
    ) -> Operation<'a, bool>
    where
        U: feature::MustChangePassword,
    {
        watched::<U>(Named::RequirePasswordChange)
            .by_operator(operator, client)
            .about(user_id)
            .run(async move { self.perform(Require(ByOperator::new(operator, user_id, client))).await })
    }
}

impl<U: Account> Unit<'_, U> {
    /// From now on the password opens nothing. `false`: the account changed meanwhile.
    pub(super) async fn require_change(&mut self, user_id: &U::Id, epoch: i64) -> Result<bool, Error> {
        if self.invalidate(Change::ChangeRequired, user_id, epoch, None).await?.is_none() {
            return Ok(false);
        }
        let now = self.stamp();
        self.execute(RequireChange, &[&now, user_id]).await?;
        Ok(true)
    }
}

struct Require<U: Account>(ByOperator<U>);

impl<U: feature::MustChangePassword> Step<U> for Require<U> {
    type Output = bool;

    fn client(&self) -> &Client {
        &self.0.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<bool>, Error> {
        let event = Event::RequirePasswordChange;
        let standing = unit.standing(&self.0.user_id).await?;
        let Some(standing) = standing.filter(|standing| standing.must_change_since.is_none()) else {
            return unit.record(self.0.nothing_to_do(event), false).await;
        };
        if !unit.require_change(&self.0.user_id, standing.epoch).await? {
            // Another change of the account came between: run the step again, on what it left.
            return Err(DatabaseError::lost_race().into());
        }
        unit.enqueue(MailKind::MustChangePassword, &Identifier::from_stored(standing.identifier)).await?;
        unit.record(self.0.success(event), true).await
    }
}
