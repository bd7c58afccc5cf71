//! Checkpoints as the table has them: which are good, and what is said of those that are none.

use crate::account::Account;
use crate::audit::{Checkpoint, CheckpointError, PublicKey, table};
use crate::core::Reader;
use crate::error::{Error, Failure};
use crate::store::Row as Columns;

use super::seal::signed;

/// Checkpoints that are read at once: to be handed over, or until one is found that is good.
pub(crate) const CHECKPOINTS_AT_ONCE: u16 = 20;

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
    pub(crate) amiss: Option<Amiss>,
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
                Err(why) => newest.amiss = newest.amiss.or(Some(Amiss::new(number, why))),
            }
        }
        Ok(newest)
    }
}

/// A row among the checkpoints that is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amiss {
    number: i64,
    why: CheckpointError,
    /// One that is good stands there now.
    replaced: bool,
}

impl Amiss {
    pub(super) fn new(number: i64, why: CheckpointError) -> Self {
        Self { number, why, replaced: false }
    }

    /// The same after a checkpoint for so many rows was written.
    pub(crate) fn replaced_at(self, size: u64) -> Self {
        Self { replaced: self.number == signed(size), ..self }
    }

    pub(crate) fn failure<U: Account>(self) -> Failure {
        let Self { number, why, replaced } = self;
        let what_to_do = match why {
            _ if replaced => "one that is good has taken its place",
            CheckpointError::UnknownKey => {
                "put a key that was taken out of the ring back behind the newest, or delete the row"
            }
            _ => "when that has been looked into, delete the row",
        };
        Failure::AuditChanged(format!(
            "the row of `{}_checkpoints` with the size {number} is no checkpoint of Sigra's: {why}. It stops no other; {what_to_do}",
            table::<U>()
        ))
    }
}
