//! The sequencer: numbers and seals committed rows of the trail, appends them to the tree, and signs checkpoints.
//!
//! A transaction that writes a row waits for nobody. Afterwards one sequencer at a time reads the rows that have committed
//! since, in the order in which the database took them in, and writes their ids down: a number is a place in that list. What
//! commits later than a row behind it leaves a gap, which is looked at again in each round for an hour; so no row is passed over, the
//! numbers have no gaps, and their order is that of sequencing. The row of the tree's state is what makes it one at a time; the
//! lease on it only keeps the workers of other nodes from doing the same work.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use crate::account::Account;
use crate::audit::{
    Checkpoint, CheckpointSink, Gap, Log, Segment, SinkError, State, Unsealed, entries_to_bytes,
    gaps_between, table,
};
use crate::client::Client;
use crate::column::Bind;
use crate::core::{Core, Operation, Reader, Sigra};
use crate::error::{Error, Failure};
use crate::feature;
use crate::store::statements::{
    CheckpointExported, DeleteGap, DueCheckpoints, Gaps, HoldTree, InsertCheckpoint, InsertGap,
    InsertSegment, LateRows, LeaseTree, NewRows, NewestCheckpoint, SealingDue, StartTree, Tree, WriteTree,
};
use crate::store::{Rendered, Row, Stamp};
use crate::unit::{Bookkeeping, Recorded, Step, Unit};

/// Rows that `NewRows` reads.
const BATCH: usize = 1024;
/// How long a number that was skipped may still turn up. The insert is the last thing before the commit.
const LATE_FOR: Duration = Duration::from_hours(1);
/// How often the worker looks for rows without a number.
const EVERY: Duration = Duration::from_secs(1);
/// How long the workers of other nodes leave the log to the one that sequenced last.
const LEASE: Duration = Duration::from_secs(10);
/// How long a sink has for one checkpoint.
const PUBLISH_WITHIN: Duration = Duration::from_secs(30);
/// How long the worker waits after something went wrong.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// What [`Sigra::seal_audit`] did.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Sealed {
    /// Rows that this call numbered and sealed.
    pub rows: u64,
    /// Rows that the log has now.
    pub size: u64,
    /// There may be more to seal: whoever calls this does.
    more: bool,
    /// The newest checkpoint, where this call signed one. Every sink has taken it.
    pub checkpoint: Option<Checkpoint>,
}

impl<U> Sigra<U> {
    /// Numbers and seals every committed row of the trail, signs a checkpoint where there are new ones, and hands it to the
    /// sinks.
    ///
    /// The worker does this by itself, sealing every second and signing in the interval of
    /// [`Builder::checkpoint_every`](crate::Builder::checkpoint_every). A host without the worker calls it from a timer;
    /// before a backup or a verification anybody may. Safe to call from several processes at once. Writes no audit row, but
    /// the rows of counted refusals whose time is over.
    ///
    /// # Errors
    /// [`Failure::AuditChanged`] where the log is not as Sigra left it, [`Failure::CheckpointSink`] where a sink did not take
    /// the checkpoint: it stays and is tried again. [`Failure`] otherwise.
    pub fn seal_audit(&self) -> Operation<'_, Sealed>
    where
        U: feature::Audit,
    {
        Box::pin(async move {
            self.write_counts().await?;
            let sealed = self.sequence(Turn::Now).await?.unwrap_or_default();
            self.hand_over_checkpoints().await?;
            Ok(sealed)
        })
    }

    /// The keys that verify the checkpoints of the trail, newest first: one for each key of the ring. Keep their text outside
    /// the database, where the checkpoints are, and keep that of a key that is taken out of the ring.
    #[must_use]
    pub fn audit_public_keys(&self) -> Vec<crate::audit::PublicKey> {
        self.core.evidence.signer.public_keys()
    }

    /// Sequences until nothing is left. `None`: another node does.
    pub(crate) async fn sequence(&self, turn: Turn) -> Result<Option<Sealed>, Error>
    where
        U: Account,
    {
        let mut total = Sealed::default();
        loop {
            let step = Sequence::<U> { turn, client: Client::unknown(), user: PhantomData };
            let Some(round) = self.perform(step).await? else { return Ok(None) };
            total.rows += round.rows;
            total.size = round.size;
            total.checkpoint = round.checkpoint.or(total.checkpoint);
            if !round.more {
                return Ok(Some(total));
            }
        }
    }

    /// One round of the worker.
    async fn seal_round(&self) -> Result<(), Error>
    where
        U: Account,
    {
        let now = self.core.now();
        let (due, signed) = (Stamp(now), Stamp(now - self.core.evidence.every));
        let statement = Rendered::<U, SealingDue>::STATEMENT;
        let row = self.core.pool.read().await?.fetch_optional(statement, &[&due, &signed]).await?;
        let is_due = row.map(|row| Reader::<U>::new(&row).next::<i64>()).transpose()?;
        if is_due != Some(1) || self.sequence(Turn::Leased).await?.is_none() {
            return Ok(());
        }
        self.write_counts().await?;
        self.hand_over_checkpoints().await
    }

    /// Hands every checkpoint that is not out yet to every sink.
    async fn hand_over_checkpoints(&self) -> Result<(), Error>
    where
        U: Account,
    {
        loop {
            let statement = Rendered::<U, DueCheckpoints>::STATEMENT;
            let due = self.core.pool.read().await?.fetch(statement, &[]).await?;
            if due.is_empty() {
                return Ok(());
            }
            for row in due {
                let checkpoint = self.stored_checkpoint(&row)?;
                for sink in &self.core.evidence.sinks {
                    let published = publish(sink.clone(), checkpoint.clone()).await;
                    published.map_err(|source| Failure::CheckpointSink { sink: sink.name(), source })?;
                }
                self.perform(Exported { size: signed(checkpoint.size()), client: Client::unknown() }).await?;
            }
        }
    }

    /// A checkpoint as the database has it: nothing that Sigra did not sign gets any further.
    pub(crate) fn stored_checkpoint(&self, row: &Row) -> Result<Checkpoint, Error>
    where
        U: Account,
    {
        let note: String = Reader::<U>::new(row).next()?;
        let read = Checkpoint::parse(&note);
        let checked =
            read.and_then(|read| read.verify(&self.core.evidence.signer.public_keys()).map(|()| read));
        Ok(checked.map_err(|error| {
            Failure::AuditChanged(format!(
                "a checkpoint in `{}_checkpoints` is not as it was: {error}",
                table::<U>()
            ))
        })?)
    }
}

/// Hands a checkpoint over. A sink that panics or never answers is one that failed.
async fn publish(sink: Arc<dyn CheckpointSink>, checkpoint: Checkpoint) -> Result<(), SinkError> {
    let publishing = tokio::spawn(async move { sink.publish(checkpoint).await });
    match tokio::time::timeout(PUBLISH_WITHIN, publishing).await {
        Ok(Ok(published)) => published,
        Ok(Err(_)) => Err(SinkError::new("the sink panicked")),
        Err(_) => Err(SinkError::new("the sink did not answer in time")),
    }
}

/// The part of the worker that seals.
pub(crate) async fn keep_sealing<U: Account>(auth: Sigra<U>) {
    if !U::POLICY.audit.enabled {
        return;
    }
    loop {
        tokio::time::sleep(EVERY).await;
        if let Err(error) = auth.seal_round().await {
            tracing::error!(%error, "the worker could not seal the audit trail");
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}

/// Who may sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Whoever asks, after whoever is at it. A checkpoint is signed at the end.
    Now,
    /// The node that has the lease, or finds nobody with it. A checkpoint is signed when its time has come.
    Leased,
}

/// Reads the columns of `Tree`; `None` where they are not as Sigra left them.
pub(crate) fn read_log<U: Account>(core: &Core, row: &Row) -> Result<Option<Log>, Error> {
    let mut row = Reader::<U>::new(row);
    let (size, nodes, open): (i64, Vec<u8>, Vec<u8>) = (row.next()?, row.next()?, row.next()?);
    let (high, removed, until): (i64, i64, Option<Stamp>) = (row.next()?, row.next()?, row.next()?);
    let mac: Vec<u8> = row.next()?;
    let (Ok(size), Ok(removed)) = (u64::try_from(size), u64::try_from(removed)) else { return Ok(None) };
    let removed_until = until.map(|until| until.0);
    let state = State { size, nodes: &nodes, open: &open, high, removed, removed_until };
    Ok(Log::read(&core.evidence.keys, &table::<U>(), &state, &mac))
}

impl<U: Account> Unit<'_, U> {
    /// Keeps other sequencers away until the transaction ends, and gives the log. `None`: another node has the lease.
    pub(crate) async fn log(&mut self, turn: Turn) -> Result<Option<Log>, Error> {
        if !self.hold_log(turn).await? {
            if self.fetch_optional(Tree, &[]).await?.is_some() {
                return Ok(None);
            }
            let empty = Log::default();
            let mac = empty.mac(&self.core.evidence.keys, &table::<U>()).to_vec();
            let values: &[&dyn Bind] = &[&empty.edge.to_bytes(), &empty.open_bytes(), &mac, &self.stamp()];
            self.execute(StartTree, values).await?;
            if !self.hold_log(turn).await? {
                return Ok(None);
            }
        }
        let row = self.fetch_optional(Tree, &[]).await?;
        let log = row.map(|row| read_log::<U>(self.core, &row)).transpose()?.flatten();
        let changed =
            || Failure::AuditChanged(format!("the row in `{}_tree` is not as it was", table::<U>()));
        Ok(Some(log.ok_or_else(changed)?))
    }

    async fn hold_log(&mut self, turn: Turn) -> Result<bool, Error> {
        let done = match turn {
            Turn::Now => self.execute(HoldTree, &[]).await?,
            Turn::Leased => {
                let (node, until, now) = (self.core.evidence.node, self.after(LEASE), self.stamp());
                self.execute(LeaseTree, &[&node, &until, &node, &now]).await?
            }
        };
        Ok(done.rows == 1)
    }

    pub(crate) async fn write_log(&mut self, log: &Log) -> Result<(), Error> {
        let values: &[&dyn Bind] = &[
            &signed(log.edge.size()),
            &log.edge.to_bytes(),
            &log.open_bytes(),
            &log.high,
            &signed(log.removed),
            &log.removed_until.map(Stamp),
            &log.mac(&self.core.evidence.keys, &table::<U>()).to_vec(),
        ];
        self.execute(WriteTree, values).await?;
        Ok(())
    }
}

/// A number of the log as the databases have it.
#[allow(clippy::cast_possible_wrap, reason = "no table has so many rows")]
pub(crate) const fn signed(number: u64) -> i64 {
    number as i64
}

/// Takes one batch of rows into the tree.
struct Sequence<U> {
    turn: Turn,
    client: Client,
    user: PhantomData<fn() -> U>,
}

impl<U: Account> Step<U> for Sequence<U> {
    type Output = Option<Sealed>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Option<Sealed>>, Error> {
        let Some(mut log) = unit.log(self.turn).await? else {
            return Ok(unit.bookkeeping(Bookkeeping::Sealing, None));
        };
        // First the new rows, then the gaps: whatever had committed when a new row was read is found in them.
        let new = read_rows::<U>(&unit.fetch(NewRows, &[&log.high]).await?)?;
        let late = late_rows(unit).await?;
        let skipped = gaps_between(log.high, new.iter().map(|row| row.seq), unit.now);
        for Gap { low, high, seen_at } in skipped {
            unit.execute(InsertGap, &[&low, &high, &Stamp(seen_at)]).await?;
        }
        let is_last = new.len() < BATCH;
        let rows = (late.len() + new.len()) as u64;
        log.high = new.last().map_or(log.high, |row| row.seq);
        if rows > 0 {
            for row in late.iter().chain(&new) {
                append(unit, &mut log, row).await?;
            }
            unit.write_log(&log).await?;
        }
        let checkpoint = match self.turn {
            Turn::Now if !is_last => None,
            turn => sign_checkpoint(unit, &log, turn).await?,
        };
        let sealed = Sealed { rows, size: log.edge.size(), more: !is_last, checkpoint };
        Ok(unit.bookkeeping(Bookkeeping::Sealing, Some(sealed)))
    }
}

fn read_rows<U: Account>(rows: &[Row]) -> Result<Vec<Unsealed>, Error> {
    let read = |row: &Row| {
        let (seq, id, key_id) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Unsealed { seq, id, key_id, hash: row.get(3)?, mac: row.get(4)? })
    };
    let unreadable = |source: crate::column::ReadError| {
        let table = table::<U>();
        Failure::AuditChanged(format!(
            "a row in `{table}` that waits for its number cannot be read: {source}"
        ))
    };
    Ok(rows.iter().map(read).collect::<Result<_, _>>().map_err(unreadable)?)
}

/// Rows that have turned up in gaps, which shrink by them. Gaps in which nothing turns up are closed in the end.
async fn late_rows<U: Account>(unit: &mut Unit<'_, U>) -> Result<Vec<Unsealed>, Error> {
    let mut gaps = Vec::new();
    for row in unit.fetch(Gaps, &[]).await? {
        gaps.push(read_gap::<U>(&row)?);
    }
    if gaps.is_empty() {
        return Ok(Vec::new());
    }
    let late = read_rows::<U>(&unit.fetch(LateRows, &[]).await?)?;
    let seqs: Vec<i64> = late.iter().map(|row| row.seq).collect();
    for gap in gaps {
        let rest = gap.without(&seqs);
        let over = unit.now - gap.seen_at > LATE_FOR;
        if over || rest != [gap] {
            unit.execute(DeleteGap, &[&gap.low]).await?;
            for Gap { low, high, seen_at } in rest.into_iter().filter(|_| !over) {
                unit.execute(InsertGap, &[&low, &high, &Stamp(seen_at)]).await?;
            }
        }
    }
    Ok(late)
}

/// Reads the columns of `Gaps`.
pub(crate) fn read_gap<U: Account>(row: &Row) -> Result<Gap, Error> {
    let mut row = Reader::<U>::new(row);
    Ok(Gap { low: row.next()?, high: row.next()?, seen_at: row.next::<Stamp>()?.0 })
}

/// Gives a row its number.
async fn append<U: Account>(unit: &mut Unit<'_, U>, log: &mut Log, row: &Unsealed) -> Result<(), Error> {
    let keys = &unit.core.evidence.keys;
    if !keys.signed_hash(&row.key_id, &row.hash, &row.mac) {
        // Sealed all the same: what stood there when it was found is kept for whoever looks into it.
        tracing::error!(row = %row.id, "a row of the audit trail was written or changed by something other than Sigra");
    }
    if let Some(Segment { number, low, high, entries, hash }) = log.append(keys, row) {
        let values: &[&dyn Bind] =
            &[&signed(number), &low, &high, &entries_to_bytes(&entries), &hash.to_vec()];
        unit.execute(InsertSegment, values).await?;
    }
    Ok(())
}

/// Signs a checkpoint, if there are rows above the last one and its time has come.
async fn sign_checkpoint<U: Account>(
    unit: &mut Unit<'_, U>,
    log: &Log,
    turn: Turn,
) -> Result<Option<Checkpoint>, Error> {
    let newest = match unit.fetch_optional(NewestCheckpoint, &[]).await? {
        Some(row) => {
            let mut row = Reader::<U>::new(&row);
            let note: String = row.next()?;
            Some((Checkpoint::parse(&note).map_or(0, |newest| newest.size()), row.next::<Stamp>()?.0))
        }
        None => None,
    };
    let evidence = &unit.core.evidence;
    let grew = log.edge.size() > newest.map_or(0, |(size, _)| size);
    let due = turn == Turn::Now || newest.is_none_or(|(_, at)| unit.now - at >= evidence.every);
    if !grew || !due {
        return Ok(None);
    }
    let size = log.edge.size();
    let checkpoint = Checkpoint::sign(&evidence.signer, &evidence.origin, size, log.edge.root());
    unit.execute(InsertCheckpoint, &[&signed(size), &checkpoint.to_string(), &unit.stamp()]).await?;
    Ok(Some(checkpoint))
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
