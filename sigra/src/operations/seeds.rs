//! Seeds of authenticators that an old key sealed, sealed anew under the one that writes, used or not.

use std::marker::PhantomData;

use crate::account::Account;
use crate::client::Client;
use crate::core::{Reader, Sigra};
use crate::error::Error;
use crate::factors::seal;
use crate::store::Rendered;
use crate::store::statements::{BackupCodeHolders, ResealFactor, SeedsUnder};
use crate::telemetry;
use crate::unit::{Bookkeeping, Recorded, Step, Unit};

/// Seeds of one transaction. Few, since their owners wait for it.
const BATCH: u16 = 100;
/// Transactions of one sweep.
const BATCHES: u32 = 200;

impl<U: Account> Sigra<U> {
    /// Seals seeds under old keys of the ring anew, at most 20,000, and returns how many. With one key there is nothing to read.
    pub(super) async fn reseal_seeds(&self) -> Result<u64, Error> {
        let keys = self.core.keys.get();
        let (mut resealed, mut batches) = (0, 0);
        for old in keys.ids().filter(|id| *id != keys.current()) {
            let mut after = uuid::Uuid::nil();
            while batches < BATCHES {
                batches += 1;
                let step =
                    Reseal::<U> { old: old.to_owned(), after, client: Client::unknown(), user: PhantomData };
                let batch = self.upkeep(step).await?;
                resealed += batch.resealed;
                let Some(last) = batch.last else { break };
                after = last;
            }
        }
        Ok(resealed)
    }

    /// Counts for the metrics who holds backup codes under old keys: no one but their users can move them.
    pub(super) async fn measure_holders(&self) -> Result<(), Error> {
        if !telemetry::MEASURES {
            return Ok(());
        }
        let keys = self.core.keys.get();
        let mut holders = 0;
        for old in keys.ids().filter(|id| *id != keys.current()) {
            let statement = Rendered::<U, BackupCodeHolders>::STATEMENT;
            let row = self.core.pool.read().await?.fetch_optional(statement, &[&old]).await?;
            holders += row.map(|row| Reader::<U>::new(&row).next::<i64>()).transpose()?.unwrap_or_default();
        }
        telemetry::codes_under_old_keys(U::SCHEMA.user_type, holders);
        Ok(())
    }
}

/// The next seeds under one key.
struct Reseal<U> {
    old: String,
    /// Those up to here were looked at. One that does not open must not be in the way of the others.
    after: uuid::Uuid,
    client: Client,
    user: PhantomData<fn() -> U>,
}

struct Batch {
    resealed: u64,
    /// Where to go on; `None`: that was all.
    last: Option<uuid::Uuid>,
}

impl<U: Account> Step<U> for Reseal<U> {
    type Output = Batch;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Batch>, Error> {
        let (keys, mut batch) = (unit.keys.clone(), Batch { resealed: 0, last: None });
        let current = keys.current().to_owned();
        // The ring may be another by now.
        if current == self.old || !keys.ids().any(|id| id == self.old) {
            return Ok(unit.bookkeeping(Bookkeeping::SeedsResealed, batch));
        }
        let rows = unit.fetch(SeedsUnder, &[&self.old, &self.after, &i64::from(BATCH)]).await?;
        for row in &rows {
            let mut row = Reader::<U>::new(row);
            let (id, user_id, stored) = (row.next()?, row.next::<U::Id>()?, row.next::<Vec<u8>>()?);
            if rows.len() == usize::from(BATCH) {
                batch.last = Some(id);
            }
            let bound_to = seal::bound_to(&user_id, id);
            let Some(opened) = seal::open(&stored, &keys, &bound_to) else {
                // Somebody changed it, or moved it from another row: it is no more good here than it was.
                unit.notes.unreadable_seed(id);
                continue;
            };
            let sealed = seal::seal(&opened.seed, &keys, &bound_to)?;
            let done = unit.execute(ResealFactor, &[&sealed, &current, &id, &user_id, &stored]).await?;
            batch.resealed += done.rows;
        }
        Ok(unit.bookkeeping(Bookkeeping::SeedsResealed, batch))
    }
}
