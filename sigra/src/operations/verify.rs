//! Verifies the trail against itself and against checkpoints, and proves single rows.

use std::collections::{BTreeMap, HashMap};

use crate::account::Account;
use crate::audit::{
    AuditReport, Auditor, Checkpoint, CheckpointError, Finding, Gap, Hash, Hashes, InclusionProof, Log,
    LogEntry, Row, SEGMENT, Segment, entries_from_bytes, inclusion, table,
};
use crate::column::Bind;
use crate::core::{Operation, Reader, Sigra};
use crate::error::Error;
use crate::feature;
use crate::store::statements::{
    Gaps, NewestCheckpoint, RowById, RowsAfter, RowsBetween, SegmentHashes, Segments, SegmentsAround, Tree,
};
use crate::store::{Rendered, Row as Columns, Snapshot, Template};
use crate::unit::Shielded;

use super::seal::{Turn, read_gap, read_log, signed};

/// Segments that are read at once: 12 kilobytes each.
const SEGMENTS_AT_ONCE: i64 = 64;
/// Hashes of segments that are read at once.
const HASHES_AT_ONCE: i64 = 4096;
/// Rows that `RowsAfter` reads.
const ROWS_AT_ONCE: usize = 512;

impl<U> Sigra<U> {
    /// Holds every row of the trail, its seal, the tree and the checkpoints against each other, and reports what does not fit.
    ///
    /// `checkpoints` is the text of those that were kept outside the database, as a [`FileSink`](crate::audit::FileSink)
    /// wrote them; empty, if there are none. Everything below the newest of them is as it was signed, or is among the
    /// findings. Above it, and without any, whoever has the database but not the keys is found too, unless the newest rows
    /// were cut off together with all that says that they were there.
    ///
    /// It reads in one snapshot, 256 rows at a time, while the trail is written on. It changes nothing and writes no audit
    /// row. To verify an export without the secret keys, see [`Auditor`].
    ///
    /// # Errors
    /// [`Failure`](crate::Failure): the database did not answer. What does not fit is no error but a finding.
    pub fn verify_audit<'a>(&'a self, checkpoints: &'a str) -> Operation<'a, AuditReport>
    where
        U: feature::Audit,
    {
        Box::pin(async move {
            let keys = self.audit_public_keys();
            let auditor = Auditor::new(&table::<U>(), &keys, checkpoints).with_keys(&self.core.evidence.keys);
            self.shielded(|shielded| async move { shielded.verify(auditor).await }).await
        })
    }

    /// Proves that a row is in the log: with the hashes that lead from it to a signed checkpoint. Seals and signs first, where
    /// the row is newer than the newest checkpoint. `None`: there is no such row, or the log around it was changed.
    ///
    /// # Errors
    /// As [`seal_audit`](Self::seal_audit).
    pub fn prove_audit_row(&self, row: uuid::Uuid) -> Operation<'_, Option<InclusionProof>>
    where
        U: feature::Audit,
    {
        Box::pin(async move {
            let prove = || self.shielded(move |shielded| async move { shielded.prove(row).await });
            match prove().await? {
                Proved::NotCovered => {}
                Proved::Nothing => return Ok(None),
                Proved::Proof(proof) => return Ok(Some(*proof)),
            }
            self.sequence(Turn::Now).await?;
            Ok(if let Proved::Proof(proof) = prove().await? { Some(*proof) } else { None })
        })
    }
}

enum Proved {
    Proof(Box<InclusionProof>),
    /// No checkpoint covers the row yet.
    NotCovered,
    /// There is no such row, or what stands around it is not what the checkpoint is for.
    Nothing,
}

impl<U: Account> Shielded<U> {
    async fn verify(&self, auditor: Auditor) -> Result<AuditReport, Error> {
        let snapshot = self.0.core.pool.snapshot().await?;
        let mut walk = Walk::<U> { auth: &self.0, snapshot, auditor, read: 0, rows: HashMap::new() };
        walk.run().await?;
        walk.snapshot.end().await;
        Ok(walk.auditor.finish())
    }

    async fn prove(&self, id: uuid::Uuid) -> Result<Proved, Error> {
        let mut snapshot = self.0.core.pool.snapshot().await?;
        let proved = prove::<U>(&self.0, &mut snapshot, id).await?;
        snapshot.end().await;
        Ok(proved)
    }
}

/// One walk along the log, and beside it along the table.
struct Walk<'w, U> {
    auth: &'w Sigra<U>,
    snapshot: Snapshot,
    auditor: Auditor,
    /// Rows up to this number of the database's have been read.
    read: i64,
    /// Those of them that the log has not come to yet: few, since the log's order is nearly the database's.
    rows: HashMap<uuid::Uuid, Row>,
}

impl<U: Account> Walk<'_, U> {
    async fn fetch<T: Template>(&mut self, _: T, values: &[&dyn Bind]) -> Result<Vec<Columns>, Error> {
        Ok(self.snapshot.connection.fetch(Rendered::<U, T>::STATEMENT, values).await?)
    }

    async fn run(&mut self) -> Result<(), Error> {
        let state = self.fetch(Tree, &[]).await?;
        let log = state.first().map(|row| read_log::<U>(&self.auth.core, row)).transpose()?.flatten();
        if log.is_none() && !state.is_empty() {
            self.auditor.find(Finding::Tree);
        }
        self.auditor.removed_until(log.as_ref().and_then(|log| log.removed_until));
        if let Some(row) = self.fetch(NewestCheckpoint, &[]).await?.first() {
            match self.auth.stored_checkpoint(row) {
                Ok(newest) => self.auditor.expect(&newest),
                Err(_) => {
                    self.auditor
                        .find(Finding::BadCheckpoint { size: None, why: CheckpointError::WrongSignature });
                }
            }
        }
        let highest = self.walk_segments(log.as_ref()).await?;
        if let Some(log) = &log {
            self.walk_open(log).await?;
        }
        // Without a word on how far the rows were read, it was to the end of the last segment.
        let high = log.map_or(highest, |log| log.high);
        self.walk_the_rest(high).await
    }

    /// Reads rows up to this number of the database's.
    async fn read_to(&mut self, high: i64) -> Result<(), Error> {
        while self.read < high && self.read_more().await? {}
        Ok(())
    }

    /// Reads more rows; `false`: there are no more.
    async fn read_more(&mut self) -> Result<bool, Error> {
        let rows = self.fetch(RowsAfter, &[&self.read.clone()]).await?;
        let is_last = rows.len() < ROWS_AT_ONCE;
        for columns in rows {
            self.read = columns.get(SEQ).unwrap_or(self.read);
            self.keep(&columns);
        }
        if is_last {
            self.read = i64::MAX;
        }
        Ok(!is_last)
    }

    fn keep(&mut self, columns: &Columns) {
        let Ok(row) = Row::read(columns) else {
            return self.auditor.find(Finding::Unreadable { row: columns.get(0).ok() });
        };
        // An id that stands twice is in the log once at most.
        if let Some(twin) = self.rows.insert(row.id, row) {
            self.auditor.stray(&twin);
        }
    }

    /// Gives the number of the database's up to which the segments go.
    async fn walk_segments(&mut self, log: Option<&Log>) -> Result<i64, Error> {
        let whole = log.map(|log| log.edge.size() / SEGMENT);
        let removed = log.map_or(0, |log| log.removed / SEGMENT);
        let (mut next, mut highest) = (0, 0);
        loop {
            let rows = self.fetch(Segments, &[&signed(next), &SEGMENTS_AT_ONCE]).await?;
            let is_last = rows.is_empty();
            for row in rows {
                let Some(segment) = read_segment::<U>(&row)? else {
                    self.auditor.find(Finding::Segment { segment: next });
                    continue;
                };
                if whole.is_some_and(|whole| segment.number >= whole) {
                    // The log's own row knows nothing of it: that was put back to an earlier state.
                    self.auditor.find(Finding::Tree);
                    return Ok(highest);
                }
                self.lost_segments(next, segment.number);
                next = segment.number + 1;
                // Where the log's own row is gone, a segment without its list was removed.
                let gone = if log.is_some() { segment.number < removed } else { segment.entries.is_empty() };
                if gone {
                    self.auditor.removed_segment(segment.hash);
                    highest = highest.max(segment.high);
                } else {
                    highest = highest.max(self.walk_segment(&segment).await?);
                }
            }
            if is_last {
                self.lost_segments(next, whole.unwrap_or(next));
                return Ok(highest);
            }
        }
    }

    fn lost_segments(&mut self, from: u64, to: u64) {
        for segment in from..to {
            self.auditor.lost_segment(segment, None);
        }
    }

    async fn walk_segment(&mut self, segment: &Segment) -> Result<i64, Error> {
        if segment.entries.len() as u64 != SEGMENT {
            self.auditor.lost_segment(segment.number, Some(segment.hash));
            return Ok(0);
        }
        self.read_to(segment.high).await?;
        for entry in &segment.entries {
            self.walk_entry(entry);
        }
        self.auditor.end_segment(segment.hash);
        Ok(segment.high)
    }

    fn walk_entry(&mut self, entry: &LogEntry) {
        match self.rows.remove(&entry.id) {
            Some(row) => self.auditor.listed_row(&row, entry),
            None => self.auditor.missing(Some(entry.id)),
        }
    }

    /// The rows of the segment that is not full yet, and the tree over them all.
    async fn walk_open(&mut self, log: &Log) -> Result<(), Error> {
        self.read_to(log.high).await?;
        for open in &log.open {
            self.walk_entry(&open.entry);
        }
        if self.auditor.tree().is_some_and(|edge| *edge != log.edge) {
            self.auditor.find(Finding::Tree);
        }
        Ok(())
    }

    /// Rows that the log does not have: new ones, late ones, and what does not belong there.
    async fn walk_the_rest(&mut self, high: i64) -> Result<(), Error> {
        while self.read != i64::MAX {
            self.read_more().await?;
            self.report_rest(high, &[]);
        }
        let mut gaps = Vec::new();
        for row in self.fetch(Gaps, &[]).await? {
            gaps.push(read_gap::<U>(&row)?);
        }
        self.report_rest(high, &gaps);
        let mut strays: Vec<Row> = std::mem::take(&mut self.rows).into_values().collect();
        strays.sort_by_key(|row| row.seq);
        // Below the first number that the database gives out.
        for columns in self.fetch(RowsBetween, &[&i64::MIN, &0_i64]).await? {
            match Row::read(&columns) {
                Ok(row) => strays.push(row),
                Err(_) => self.auditor.find(Finding::Unreadable { row: columns.get(0).ok() }),
            }
        }
        strays.iter().for_each(|row| self.auditor.stray(row));
        Ok(())
    }

    fn report_rest(&mut self, high: i64, gaps: &[Gap]) {
        let is_due = |row: &Row| row.seq > high || gaps.iter().any(|gap| gap.holds(row.seq));
        let mut due: Vec<Row> = self.rows.extract_if(|_, row| is_due(row)).map(|(_, row)| row).collect();
        due.sort_by_key(|row| row.seq);
        due.iter().for_each(|row| self.auditor.unsealed(row));
    }
}

/// The place of `seq` in `{audit_row}`.
const SEQ: usize = 19;

/// Reads the columns of `Segments`. A list that cannot be read is an empty one; `None`: nothing can.
pub(super) fn read_segment<U: Account>(row: &Columns) -> Result<Option<Segment>, Error> {
    let mut row = Reader::<U>::new(row);
    let (number, low, high): (i64, i64, i64) = (row.next()?, row.next()?, row.next()?);
    let (entries, hash): (Option<Vec<u8>>, Vec<u8>) = (row.next()?, row.next()?);
    let entries = entries.and_then(|entries| entries_from_bytes(&entries)).unwrap_or_default();
    let (Ok(number), Ok(hash)) = (u64::try_from(number), Hash::try_from(hash)) else { return Ok(None) };
    Ok(Some(Segment { number, low, high, entries, hash }))
}

fn read_hashes<U: Account>(rows: &[Columns]) -> Result<BTreeMap<u64, Hash>, Error> {
    let read = |row: &Columns| {
        let mut row = Reader::<U>::new(row);
        let (segment, hash): (i64, Vec<u8>) = (row.next()?, row.next()?);
        // A hash of another length is as good as none.
        Ok(u64::try_from(segment).ok().zip(Hash::try_from(hash).ok()))
    };
    rows.iter().map(read).filter_map(Result::transpose).collect()
}

/// The hashes that a proof takes.
struct Known {
    segments: BTreeMap<u64, Hash>,
    leaves: BTreeMap<u64, Hash>,
}

impl Hashes for Known {
    fn leaf(&self, number: u64) -> Option<Hash> {
        self.leaves.get(&number).copied()
    }

    fn segment(&self, number: u64) -> Option<Hash> {
        self.segments.get(&number).copied()
    }
}

async fn prove<U: Account>(
    auth: &Sigra<U>,
    snapshot: &mut Snapshot,
    id: uuid::Uuid,
) -> Result<Proved, Error> {
    let connection = &mut snapshot.connection;
    let found = connection.fetch_optional(Rendered::<U, RowById>::STATEMENT, &[&id]).await?;
    let Some(Ok(row)) = found.as_ref().map(Row::read) else { return Ok(Proved::Nothing) };
    let newest = connection.fetch_optional(Rendered::<U, NewestCheckpoint>::STATEMENT, &[]).await?;
    let state = connection.fetch_optional(Rendered::<U, Tree>::STATEMENT, &[]).await?;
    let (Some(newest), Some(state)) = (newest, state) else { return Ok(Proved::NotCovered) };
    let checkpoint: Checkpoint = auth.stored_checkpoint(&newest)?;
    let size = checkpoint.size();
    let Some(log) = read_log::<U>(&auth.core, &state)? else { return Ok(Proved::Nothing) };

    // The lists of the row's own segment, and of the one that the checkpoint ends in.
    let mut lists = Vec::new();
    for row in connection.fetch(Rendered::<U, SegmentsAround>::STATEMENT, &[&row.seq, &row.seq]).await? {
        lists.extend(read_segment::<U>(&row)?.map(list));
    }
    let last = size / SEGMENT;
    let ends_in = connection.fetch(Rendered::<U, Segments>::STATEMENT, &[&signed(last), &1_i64]).await?;
    for row in ends_in {
        lists.extend(read_segment::<U>(&row)?.filter(|segment| segment.number == last).map(list));
    }
    lists.push(open_list(&log));
    let place =
        |list: &List| list.ids.iter().position(|listed| *listed == id).map(|at| list.first + at as u64);
    let Some(leaf) = lists.iter().find_map(place).filter(|leaf| *leaf < size) else {
        return Ok(Proved::NotCovered);
    };

    let mut known = Known { segments: BTreeMap::new(), leaves: BTreeMap::new() };
    for from in (0..last).step_by(HASHES_AT_ONCE as usize) {
        let values: &[&dyn Bind] = &[&signed(from), &HASHES_AT_ONCE.min(signed(last - from))];
        let rows = connection.fetch(Rendered::<U, SegmentHashes>::STATEMENT, values).await?;
        known.segments.extend(read_hashes::<U>(&rows)?);
    }
    for list in lists {
        let mut hashes = HashMap::new();
        for columns in
            connection.fetch(Rendered::<U, RowsBetween>::STATEMENT, &[&list.low, &list.high]).await?
        {
            if let Ok(row) = Row::read(&columns) {
                hashes.insert(row.id, row.leaf_hash(&table::<U>()));
            }
        }
        let leaves = (list.first..).zip(&list.ids);
        known.leaves.extend(leaves.filter_map(|(leaf, id)| Some((leaf, *hashes.get(id)?))));
    }
    let Some(path) = inclusion(&known, leaf, size) else { return Ok(Proved::Nothing) };
    let proof = InclusionProof::from_parts(&table::<U>(), row, leaf, path, checkpoint);
    // What stands there now may not be what was signed.
    let holds = proof.verify(&auth.audit_public_keys()).is_ok();
    Ok(if holds { Proved::Proof(Box::new(proof)) } else { Proved::Nothing })
}

/// The rows of a segment: their ids in the order of the log, and between which numbers of the database's they are.
struct List {
    first: u64,
    low: i64,
    high: i64,
    ids: Vec<uuid::Uuid>,
}

fn list(segment: Segment) -> List {
    let Segment { number, low, high, entries, .. } = segment;
    List { first: number * SEGMENT, low, high, ids: entries.iter().map(|entry| entry.id).collect() }
}

fn open_list(log: &Log) -> List {
    let seqs = || log.open.iter().map(|open| open.seq);
    List {
        first: log.edge.size() / SEGMENT * SEGMENT,
        low: seqs().min().unwrap_or(1),
        high: seqs().max().unwrap_or(0),
        ids: log.open.iter().map(|open| open.entry.id).collect(),
    }
}
