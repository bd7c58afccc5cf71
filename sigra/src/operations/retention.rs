//! Old rows of the trail go, by whole segments, and leave the hash that proves the rest.

use std::marker::PhantomData;
use std::time::Duration;

use time::OffsetDateTime;

use crate::account::Account;
use crate::audit::{Actor, Checkpoint, Edge, Entry, Event, Row, SEGMENT, table};
use crate::client::Client;
use crate::core::{Reader, Sigra};
use crate::error::{Error, Failure};
use crate::store::Stamp;
use crate::store::statements::{
    DatabaseTime, DeleteRows, NewestExported, RowsFrom, Segments, SweepCheckpoints,
};
use crate::unit::{Bookkeeping, Recorded, Step, Unit};

use super::checkpoints::{CHECKPOINTS_AT_ONCE, Newest};
use super::seal::{Turn, signed};

/// Segments that one transaction removes.
const AT_ONCE: u64 = 4;
// The trigger on the table of the tree lets so many rows go at once.
const _: () = assert!(AT_ONCE * SEGMENT == 1024);
/// How long the database keeps checkpoints that the sinks have.
const KEEP_CHECKPOINTS: Duration = Duration::from_hours(30 * 24);

impl<U> Sigra<U> {
    /// Removes the oldest segments as long as every row of one is older than the limit, and gives the number of rows.
    pub(crate) async fn remove_old_rows(&self) -> Result<u64, Error>
    where
        U: Account,
    {
        let Some(retain) = U::POLICY.audit.retain else { return Ok(0) };
        let mut total = 0;
        loop {
            let removed = self
                .upkeep(RemoveOldRows::<U> { retain, client: Client::unknown(), user: PhantomData })
                .await?;
            total += removed;
            if removed < AT_ONCE * SEGMENT {
                return Ok(total);
            }
        }
    }
}

struct RemoveOldRows<U> {
    retain: Duration,
    client: Client,
    user: PhantomData<fn() -> U>,
}

impl<U: Account> Step<U> for RemoveOldRows<U> {
    type Output = u64;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<u64>, Error> {
        // What no checkpoint outside the database vouches for yet has to stay.
        let Some(exported) = newest_exported(unit).await? else {
            return Ok(unit.bookkeeping(Bookkeeping::ExpiredRows, 0));
        };
        let Some(mut tree) = unit.tree(Turn::Now).await? else {
            return Ok(unit.bookkeeping(Bookkeeping::ExpiredRows, 0));
        };
        let now = earlier_time(unit).await?;
        unit.execute(SweepCheckpoints, &[&Stamp(now - KEEP_CHECKPOINTS), &signed(exported.size())]).await?;
        let before = tree.removed;
        let limit = now - self.retain;
        while tree.removed < before + AT_ONCE * SEGMENT
            && tree.removed + SEGMENT <= exported.size().min(tree.edge.size())
        {
            let Some(newest) =
                whole_segment(unit, tree.removed / SEGMENT, now).await?.filter(|newest| *newest <= limit)
            else {
                break;
            };
            tree.removed += SEGMENT;
            tree.removed_until = tree.removed_until.max(Some(newest));
        }
        let removed = tree.removed - before;
        if removed == 0 {
            return Ok(unit.bookkeeping(Bookkeeping::ExpiredRows, 0));
        }
        // First the note, which the trigger asks for, then the rows.
        unit.write_tree(&tree).await?;
        unit.execute(DeleteRows, &[&signed(tree.removed)]).await?;
        let details = format!(r#"{{"below":{},"from":{before}}}"#, tree.removed);
        let entry = Entry::success(Event::RemoveOldRows, Actor::System).with_details(details);
        unit.record(entry, removed).await
    }
}

async fn newest_exported<U: Account>(unit: &mut Unit<'_, U>) -> Result<Option<Checkpoint>, Error> {
    let rows = unit.fetch(NewestExported, &[&i64::from(CHECKPOINTS_AT_ONCE)]).await?;
    Ok(Newest::of::<U>(&rows, &unit.core.evidence.secrets().signer.public_keys(), None)?.good)
}

/// This process's time or the database's: what one clock that is ahead has removed, no other brings back.
async fn earlier_time<U: Account>(unit: &mut Unit<'_, U>) -> Result<OffsetDateTime, Error> {
    if unit.core.clock.is_simulated() {
        return Ok(unit.now);
    }
    let Some(row) = unit.fetch_optional(DatabaseTime, &[]).await? else { return Ok(unit.now) };
    Ok(Reader::<U>::new(&row).next::<Stamp>()?.0.min(unit.now))
}

/// The time of the newest row of a segment whose rows still make up its hash: traces of a change are not swept away. A row of the
/// future was written by a clock that was ahead: the rows around it tell how old it is.
async fn whole_segment<U: Account>(
    unit: &mut Unit<'_, U>,
    segment: u64,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, Error> {
    let first = segment * SEGMENT;
    let changed = |what: &str| {
        let table = table::<U>();
        Failure::AuditChanged(format!(
            "rows {first} to {} of `{table}` {what}, so they are kept",
            first + SEGMENT - 1
        ))
    };
    let rows = unit.fetch(RowsFrom, &[&signed(first), &signed(first + SEGMENT)]).await?;
    let rows: Vec<Row> =
        rows.iter().map(Row::read).collect::<Result<_, _>>().map_err(|_| changed("cannot be read"))?;
    let mut edge = Edge::default();
    let hash = rows.iter().filter_map(|row| edge.push(row.leaf_hash(&table::<U>()))).last();
    let stored = match unit.fetch_optional(Segments, &[&signed(segment), &1_i64]).await? {
        Some(row) => {
            let mut row = Reader::<U>::new(&row);
            (row.next::<i64>()? == signed(segment)).then_some(row.next::<Vec<u8>>()?)
        }
        None => None,
    };
    if rows.len() as u64 != SEGMENT || hash.map(|hash| hash.to_vec()) != stored {
        return Err(changed("do not make up the hash of their segment").into());
    }
    Ok(rows.iter().map(|row| row.at).filter(|at| *at <= now).max())
}
