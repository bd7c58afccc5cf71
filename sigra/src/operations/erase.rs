//! Personal facts of one account go from the trail; its rows and their proofs stay.

use std::time::Duration;

use crate::account::Account;
use crate::audit::Event;
use crate::client::Client;
use crate::core::{Operation, Reader, Sigra};
use crate::error::{Error, Refusal};
use crate::feature;
use crate::store::statements::{ErasePersonalFacts, UnsealedFacts};
use crate::telemetry::{Named, watched};
use crate::unit::{Recorded, Step, Unit};

use super::operator::ByOperator;
use super::seal::Turn;

/// How often rows that came meanwhile are sealed first.
const MAX_ROUNDS: u32 = 10;

impl<U> Sigra<U> {
    /// Erases the network and the browser from every row of the trail that is about an account, and gives the number of rows.
    /// Those of operators who did something to it stay: they are not the account's.
    ///
    /// The rows stay, and so does what binds them to the facts that they had: proofs and checkpoints hold as before, and nobody
    /// can guess the facts from them. The account need not exist any more. Do it after the account's last request: a row
    /// that comes later has its own facts. The facts of sessions go with the sessions. Rows that are about no account are not
    /// reached, such as counted refusals and requests for mail, though the network in them may be that of its owner.
    ///
    /// `operator` names who does it, for the trail: take it from the operator's own session. Writes one audit row
    /// `audit.facts.erase`: success, or refused or failed with the reason: there was nothing to erase.
    ///
    /// # Errors
    /// [`Refusal::Busy`] where the account goes on making rows faster than they are sealed, and
    /// [`Failure`](crate::Failure).
    pub fn erase_personal_facts<'a>(
        &'a self,
        operator: &'a str,
        user_id: &'a U::Id,
        client: &'a Client,
    ) -> Operation<'a, u64>
    where
        U: feature::Audit,
    {
        watched::<U>(Named::ErasePersonalFacts).by_operator(operator, client).about(user_id).run(async move {
            for _ in 0..MAX_ROUNDS {
                // Only sealed rows can be erased: that the erasure came after them then shows in their numbers.
                self.sequence(Turn::Now).await?;
                if let Some(rows) = self.perform(Erase(ByOperator::new(operator, user_id, client))).await? {
                    return Ok(rows);
                }
            }
            Err(Refusal::Busy { retry_after: Duration::from_secs(1) }.into())
        })
    }
}

struct Erase<U: Account>(ByOperator<U>);

impl<U: feature::Audit> Step<U> for Erase<U> {
    type Output = Option<u64>;

    fn client(&self) -> &Client {
        &self.0.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Option<u64>>, Error> {
        let user_id = self.0.user_id.to_string();
        if let Some(row) = unit.fetch_optional(UnsealedFacts, &[&user_id]).await?
            && Reader::<U>::new(&row).next::<i64>()? > 0
        {
            return Ok(unit.bookkeeping(crate::unit::Bookkeeping::Sealing, None));
        }
        let erased = unit.execute(ErasePersonalFacts, &[&user_id]).await?.rows;
        let event = Event::ErasePersonalFacts;
        let entry = if erased == 0 { self.0.nothing_to_do(event) } else { self.0.success(event) };
        unit.record(entry, Some(erased)).await
    }
}
