//! Personal facts of one account go from the trail; its rows and their proofs stay.

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::core::{Operation, Sigra};
use crate::error::Error;
use crate::feature;
use crate::store::statements::ErasePersonalFacts;
use crate::unit::{Recorded, Step, Unit};

impl<U> Sigra<U> {
    /// Erases the network and the browser from every row of the trail that is about an account, and gives the number of rows.
    ///
    /// The rows stay, and so does what binds them to the facts that they had: proofs and checkpoints hold as before, and nobody
    /// can guess the facts from them. The account need not exist any more. Do it after the account's last request: a row
    /// that comes later has its own facts. The facts of sessions go with the sessions.
    ///
    /// `operator` names who does it, for the trail: take it from the operator's own session. Writes one audit row
    /// `audit.facts.erase`, refused where there was nothing to erase.
    ///
    /// # Errors
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
        let actor = Actor::Operator(operator.to_owned());
        Box::pin(self.perform(Erase::<U> { actor, user_id: user_id.clone(), client: client.clone() }))
    }
}

struct Erase<U: Account> {
    actor: Actor,
    user_id: U::Id,
    client: Client,
}

impl<U: feature::Audit> Step<U> for Erase<U> {
    type Output = u64;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<u64>, Error> {
        // Every row that this finds has committed before the row of the erasure, and stands before it in the log.
        let erased = unit.execute(ErasePersonalFacts, &[&self.user_id.to_string()]).await?.rows;
        let entry = if erased == 0 {
            Entry::refused(Event::ErasePersonalFacts, self.actor.clone(), Reason::NothingToDo)
        } else {
            Entry::success(Event::ErasePersonalFacts, self.actor.clone())
        };
        unit.record(entry.of(&self.user_id), erased).await
    }
}
