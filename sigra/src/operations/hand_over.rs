//! Hands checkpoints over to the sinks: at least once each, in their order by the node that seals.

use std::collections::HashSet;
use std::time::Duration;

use crate::account::Account;
use crate::audit::{Checkpoint, Evidence, answer};
use crate::client::Client;
use crate::core::Sigra;
use crate::error::{Error, Failure};
use crate::store::statements::{CheckpointExported, DueCheckpoints};
use crate::store::{Rendered, Row as Columns};
use crate::unit::{Bookkeeping, Recorded, Step, Unit};

use super::checkpoints::{Amiss, CHECKPOINTS_AT_ONCE, Stored};
use super::seal::Turn;

/// How long a sink has for one checkpoint.
const PUBLISH_WITHIN: Duration = Duration::from_secs(30);

/// The checkpoints that the table has for the sinks, after they were handed over.
#[derive(Default)]
struct Due {
    /// Rows below each that a sink has not taken.
    waiting: HashSet<u64>,
    /// No other is due.
    is_all: bool,
    amiss: Option<Amiss>,
}

impl<U> Sigra<U> {
    /// Hands every checkpoint over that a sink still lacks: by whoever asks, or by the node that leads. A sink that fails keeps no
    /// other from its checkpoints, and gets them in their order. A row that is no checkpoint of Sigra's is told of at the end.
    pub(super) async fn hand_over_checkpoints(&self, turn: Turn) -> Result<(), Error>
    where
        U: Account,
    {
        let evidence = &self.core.evidence;
        // Those that are signed meanwhile come after it, and have their turn in the next round.
        let newest = evidence.newest_due();
        let mut hands = Hands::over(evidence);
        let due = self.hand_over_due(turn, &mut hands).await;
        // What the database has lost, or does not give, or another node leads with, this process has for certain.
        if let Some(newest) = &newest {
            hands.give(newest).await;
        }
        let mut due = due?;
        if due.is_all {
            due.waiting.extend(newest.map(|newest| newest.size()));
            evidence.wait_for(&due.waiting);
        }
        let amiss = due.amiss.map(Amiss::failure::<U>);
        hands.first_failure().or(amiss).map_or(Ok(()), |failure| Err(failure.into()))
    }

    async fn hand_over_due(&self, turn: Turn, hands: &mut Hands<'_>) -> Result<Due, Error>
    where
        U: Account,
    {
        let keys = self.core.evidence.secrets().signer.public_keys();
        let (mut due, mut above) = (Due::default(), -1);
        let mut leads = turn == Turn::Now;
        while !hands.have_all_failed() {
            let rows = self.due_checkpoints(above).await?;
            leads = leads || rows.is_empty() || self.upkeep(Lead(Client::unknown())).await?;
            if !leads {
                break;
            }
            for row in &rows {
                let stored = Stored::read::<U>(row, &keys)?;
                above = stored.number;
                match stored.checkpoint {
                    Ok(checkpoint) if hands.give(&checkpoint).await => {
                        self.upkeep(Exported { size: above, client: Client::unknown() }).await?;
                    }
                    Ok(checkpoint) => drop(due.waiting.insert(checkpoint.size())),
                    Err(why) => due.amiss = due.amiss.or(Some(Amiss::new(above, why))),
                }
            }
            if rows.len() < usize::from(CHECKPOINTS_AT_ONCE) {
                due.is_all = true;
                break;
            }
        }
        Ok(due)
    }

    async fn due_checkpoints(&self, above: i64) -> Result<Vec<Columns>, Error>
    where
        U: Account,
    {
        let values: &[&dyn crate::column::Bind] = &[&above, &i64::from(CHECKPOINTS_AT_ONCE)];
        Ok(self.core.pool.read().await?.fetch(Rendered::<U, DueCheckpoints>::STATEMENT, values).await?)
    }
}

/// One round of handing checkpoints over.
struct Hands<'e> {
    evidence: &'e Evidence,
    /// How each sink failed, if it did.
    failures: Vec<Option<Failure>>,
}

impl<'e> Hands<'e> {
    fn over(evidence: &'e Evidence) -> Self {
        Self { evidence, failures: evidence.sinks.iter().map(|_| None).collect() }
    }

    /// Gives a checkpoint to every sink that has not failed in this round. `true`: all have it.
    async fn give(&mut self, checkpoint: &Checkpoint) -> bool {
        for (place, sink) in self.evidence.sinks.iter().enumerate() {
            if self.failures[place].is_some() || self.evidence.has_taken(place, checkpoint) {
                continue;
            }
            let (taker, checkpoint_for_it) = (sink.clone(), checkpoint.clone());
            match answer(PUBLISH_WITHIN, async move { taker.publish(checkpoint_for_it).await }).await {
                Ok(()) => self.evidence.taken(place, checkpoint),
                Err(source) => {
                    self.failures[place] = Some(Failure::CheckpointSink { sink: sink.name(), source });
                }
            }
        }
        self.failures.iter().all(Option::is_none)
    }

    fn have_all_failed(&self) -> bool {
        self.failures.iter().all(Option::is_some)
    }

    fn first_failure(self) -> Option<Failure> {
        self.failures.into_iter().flatten().next()
    }
}

/// Takes the lease of the node that seals, or finds it taken: sinks that answer within it get a checkpoint from one node.
struct Lead(Client);

impl<U: Account> Step<U> for Lead {
    type Output = bool;

    fn client(&self) -> &Client {
        &self.0
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<bool>, Error> {
        let leads = unit.hold_tree(Turn::Leased).await?;
        Ok(unit.bookkeeping(Bookkeeping::Sealing, leads))
    }
}

/// Notes that every sink has a checkpoint.
struct Exported {
    size: i64,
    client: Client,
}

impl<U: Account> Step<U> for Exported {
    type Output = ();

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<()>, Error> {
        let now = unit.stamp();
        unit.execute(CheckpointExported, &[&now, &self.size]).await?;
        Ok(unit.bookkeeping(Bookkeeping::Sealing, ()))
    }
}
