//! Old rows of the trail go, by whole segments, and leave the hash that proves the rest.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;

use crate::account::Account;
use crate::audit::{Actor, Checkpoint, Edge, Entry, Event, Row, SEGMENT, Segment, entries_to_bytes, table};
use crate::client::Client;
use crate::core::{Reader, Sigra};
use crate::error::{Error, Failure};
use crate::store::Stamp;
use crate::store::statements::{
    DeleteRows, EmptySegment, NewestExported, RemovedHigh, RowsBetween, Segments, SweepCheckpoints,
};
use crate::unit::{Bookkeeping, Recorded, Step, Unit};

use super::seal::{Turn, signed};
use super::verify::read_segment;

/// Segments that one transaction removes.
const AT_ONCE: u64 = 4;
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
                .perform(RemoveOldRows::<U> { retain, client: Client::unknown(), user: PhantomData })
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
        let Some(mut log) = unit.log(Turn::Now).await? else {
            return Ok(unit.bookkeeping(Bookkeeping::ExpiredRows, 0));
        };
        unit.execute(SweepCheckpoints, &[&Stamp(unit.now - KEEP_CHECKPOINTS), &signed(exported.size())])
            .await?;
        let before = log.removed;
        let limit = unit.now - self.retain;
        // The newest segment stays even when nothing follows it: SQLite would give its numbers out again.
        let end = exported.size().min(log.edge.size() - 1);
        while log.removed < before + AT_ONCE * SEGMENT && log.removed + SEGMENT <= end {
            let (segment, newest) = whole_segment(unit, log.removed / SEGMENT).await?;
            if newest > limit {
                break;
            }
            log.removed += SEGMENT;
            log.removed_until = log.removed_until.max(Some(newest));
            remove_segment(unit, &segment).await?;
        }
        let removed = log.removed - before;
        if removed == 0 {
            return Ok(unit.bookkeeping(Bookkeeping::ExpiredRows, 0));
        }
        unit.write_log(&log).await?;
        let details = format!(r#"{{"below":{},"from":{before}}}"#, log.removed);
        let entry = Entry::success(Event::RemoveOldRows, Actor::System).with_details(details);
        unit.record(entry, removed).await
    }
}

/// First the note, which the triggers ask for, then the rows and the list of them.
async fn remove_segment<U: Account>(unit: &mut Unit<'_, U>, segment: &Segment) -> Result<(), Error> {
    unit.execute(RemovedHigh, &[&segment.high, &segment.high]).await?;
    unit.execute(DeleteRows, &[&signed(SEGMENT), &entries_to_bytes(&segment.entries)]).await?;
    unit.execute(EmptySegment, &[&signed(segment.number)]).await?;
    Ok(())
}

async fn newest_exported<U: Account>(unit: &mut Unit<'_, U>) -> Result<Option<Checkpoint>, Error> {
    let Some(row) = unit.fetch_optional(NewestExported, &[]).await? else { return Ok(None) };
    let note: String = Reader::<U>::new(&row).next()?;
    let keys = unit.core.evidence.signer.public_keys();
    // One that was signed before a key was taken out of the ring says nothing any more; the next one will.
    Ok(Checkpoint::parse(&note).ok().filter(|checkpoint| checkpoint.verify(&keys).is_ok()))
}

/// A segment whose rows still make up its hash, and the time of the newest: traces of a change are not swept away.
async fn whole_segment<U: Account>(
    unit: &mut Unit<'_, U>,
    number: u64,
) -> Result<(Segment, time::OffsetDateTime), Error> {
    let (first, last) = (number * SEGMENT, number * SEGMENT + SEGMENT - 1);
    let changed = |what: &str| {
        Failure::AuditChanged(format!(
            "rows {first} to {last} of `{}` {what}, so they are kept",
            table::<U>()
        ))
    };
    let stored = unit.fetch_optional(Segments, &[&signed(number), &1_i64]).await?;
    let segment = stored.map(|row| read_segment::<U>(&row)).transpose()?.flatten();
    let segment =
        segment.filter(|segment| segment.number == number && segment.entries.len() as u64 == SEGMENT);
    let segment = segment.ok_or_else(|| changed("are not listed any more"))?;
    let mut rows = BTreeMap::new();
    for row in unit.fetch(RowsBetween, &[&segment.low, &segment.high]).await? {
        let row = Row::read(&row).map_err(|_| changed("cannot be read"))?;
        rows.insert(row.id, (row.leaf_hash(&table::<U>()), row.at));
    }
    let mut edge = Edge::default();
    let (mut hash, mut newest) = (None, None);
    for entry in &segment.entries {
        let (leaf, at) = rows.get(&entry.id).ok_or_else(|| changed("are not all there"))?;
        hash = edge.push(*leaf);
        newest = newest.max(Some(*at));
    }
    match newest.filter(|_| hash == Some(segment.hash)) {
        Some(newest) => Ok((segment, newest)),
        None => Err(changed("do not make up the hash of their segment").into()),
    }
}
