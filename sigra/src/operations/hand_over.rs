//! Hands checkpoints over to the sinks: at least once each, in their order by the node that seals.

use std::collections::HashSet;
use std::time::Duration;

use crate::account::Account;
use crate::audit::{Checkpoint, CheckpointError, Evidence, PublicKey, answer, table};
use crate::client::Client;
use crate::core::{Reader, Sigra};
use crate::error::{Error, Failure};
use crate::store::statements::{CheckpointExported, DueCheckpoints};
use crate::store::{Rendered, Row as Columns};
use crate::unit::{Bookkeeping, Recorded, Step, Unit};

use super::seal::{Turn, signed};

/// Checkpoints that are read at once: to be handed over, or until one is found that is good.
pub(crate) const CHECKPOINTS_AT_ONCE: u16 = 20;
/// How long a sink has for one checkpoint.
const PUBLISH_WITHIN: Duration = Duration::from_secs(30);

/// A row of the table of checkpoints: the number that it stands under, and what Sigra signed there.
pub(crate) struct Stored {
    pub(crate) number: i64,
    pub(crate) checkpoint: Result<Checkpoint, CheckpointError>,
}

impl Stored {
    /// Reads the columns of `NewestCheckpoints`, `NewestExported` and `DueCheckpoints`.
    pub(crate) fn read<U: Account>(row: &Columns, keys: &[PublicKey]) -> Result<Self, Error> {
        let mut row = Reader::<U>::new(row);
        let number = row.next()?;
        let note = row.next::<String>().map_err(|_| CheckpointError::Malformed);
        Ok(Self { number, checkpoint: note.and_then(|note| Checkpoint::stored(&note, number, keys)) })
    }
}

/// The first good one of the newest checkpoints, and what is wrong with one before it. One that a key has signed which the ring has
/// no more is neither: another takes its place.
#[derive(Default)]
pub(crate) struct Newest {
    pub(crate) good: Option<Checkpoint>,
    pub(crate) amiss: Option<(i64, CheckpointError)>,
}

impl Newest {
    /// Reads what `NewestCheckpoints` or `NewestExported` give. `size`: rows that the log has, as far as that is known.
    pub(crate) fn of<U: Account>(
        rows: &[Columns],
        keys: &[PublicKey],
        size: Option<u64>,
    ) -> Result<Self, Error> {
        let mut newest = Self::default();
        for row in rows {
            let Stored { number, checkpoint } = Stored::read::<U>(row, keys)?;
            match checkpoint {
                Ok(good) => {
                    newest.good = Some(good);
                    break;
                }
                Err(CheckpointError::UnknownKey) if size.is_none_or(|size| number <= signed(size)) => {}
                Err(why) => newest.amiss = newest.amiss.or(Some((number, why))),
            }
        }
        Ok(newest)
    }
}

/// What is said of a checkpoint that is not as it was.
pub(crate) fn changed<U: Account>(number: i64, why: CheckpointError) -> Failure {
    let table = table::<U>();
    let what_to_do = if why == CheckpointError::UnknownKey {
        "put a key that was taken out of the ring back behind the newest, or delete the row"
    } else {
        "when that has been looked into, delete the row"
    };
    Failure::AuditChanged(format!(
        "the row of `{table}_checkpoints` with the size {number} is no checkpoint of Sigra's: {why}. It stops no other; {what_to_do}"
    ))
}

impl<U> Sigra<U> {
    /// One round of the worker.
    pub(super) async fn hand_over_round(&self) -> Result<(), Error>
    where
        U: Account,
    {
        if !self.due_checkpoints(-1).await?.is_empty() && self.upkeep(Lead(Client::unknown())).await? {
            return self.hand_over_checkpoints().await;
        }
        // What the database has lost, or who leads may have, this process alone can hand over for certain.
        let mut hands = Hands::over(&self.core.evidence);
        if let Some(newest) = self.core.evidence.newest_due() {
            hands.give(&newest).await;
        }
        hands.first_failure().map_or(Ok(()), |failure| Err(failure.into()))
    }

    /// Hands every checkpoint that is not out yet to every sink, and the newest whatever the database says of it. A sink that fails
    /// keeps no other from its checkpoints, and gets them in their order. A row that is no checkpoint of Sigra's is told of at the
    /// end.
    pub(super) async fn hand_over_checkpoints(&self) -> Result<(), Error>
    where
        U: Account,
    {
        let evidence = &self.core.evidence;
        let keys = evidence.secrets().signer.public_keys();
        let (mut hands, mut amiss) = (Hands::over(evidence), None);
        // Those that are signed meanwhile come after it, and have their turn in the next round.
        let newest = evidence.newest_due();
        let (mut above, mut waiting) = (-1, HashSet::new());
        while !hands.have_all_failed() {
            let due = self.due_checkpoints(above).await?;
            for row in &due {
                let stored = Stored::read::<U>(row, &keys)?;
                above = stored.number;
                match stored.checkpoint {
                    Ok(checkpoint) if hands.give(&checkpoint).await => {
                        self.upkeep(Exported { size: above, client: Client::unknown() }).await?;
                    }
                    Ok(checkpoint) => drop(waiting.insert(checkpoint.size())),
                    Err(why) => amiss = amiss.or(Some(changed::<U>(above, why))),
                }
            }
            if due.len() < usize::from(CHECKPOINTS_AT_ONCE) {
                evidence.wait_for(&waiting);
                break;
            }
        }
        if let Some(newest) = newest {
            hands.give(&newest).await;
        }
        hands.first_failure().or(amiss).map_or(Ok(()), |failure| Err(failure.into()))
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

/// Takes the lease of the node that seals, or finds it taken: sinks get a checkpoint from one node.
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
