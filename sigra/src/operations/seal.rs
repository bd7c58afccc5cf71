//! The sequencer: numbers and seals committed rows of the trail, appends them to the tree, and signs checkpoints.
//!
//! A transaction that writes a row waits for nobody: its row has no number. Afterwards one sequencer at a time takes the rows
//! that have committed meanwhile. A row whose transaction takes longer is taken in a later round, so the numbers have no gaps
//! and their order is that of sequencing. The row of the tree's state is what makes it one at a time; the lease on it only
//! keeps the workers of other nodes from doing the same work.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use crate::account::Account;
use crate::audit::{Checkpoint, CheckpointSink, Edge, Row, SEGMENT, SinkError, encode_tree, micros, table};
use crate::client::Client;
use crate::core::{Operation, Reader, Sigra};
use crate::error::{DatabaseErrorKind, Error, Failure};
use crate::feature;
use crate::store::statements::{
    CheckpointExported, DueCheckpoints, HoldTree, InsertCheckpoint, InsertSegment, LeaseTree,
    NewestCheckpoint, SealRows, SealingDue, SealingStands, StartTree, Tree as ReadTree, UnsealedRows,
    WriteTree,
};
use crate::store::{Rendered, Stamp};
use crate::telemetry::{self, Named, watched};
use crate::unit::{Bookkeeping, Recorded, Step, Unit};

/// Rows that one transaction numbers.
const BATCH: u16 = 512;
/// Checkpoints that are read at once, to be handed over.
const DUE_AT_ONCE: u16 = 20;
/// How long the workers of other nodes leave the log to the one that sequenced last.
const LEASE: Duration = Duration::from_secs(10);
/// How long a sink has for one checkpoint.
const PUBLISH_WITHIN: Duration = Duration::from_secs(30);

/// What [`Sigra::seal_audit`] did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sealed {
    /// Rows that this call numbered and sealed.
    pub rows: u64,
    /// Rows that the log has now.
    pub size: u64,
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
    /// the checkpoint: it stays and is tried again, and [`Failure`] otherwise.
    pub fn seal_audit(&self) -> Operation<'_, Sealed>
    where
        U: feature::Audit,
    {
        watched::<U>(Named::SealAudit).run(async move {
            let sealed = self.seal_everything().await;
            self.measure_trail().await;
            sealed
        })
    }

    async fn seal_everything(&self) -> Result<Sealed, Error>
    where
        U: Account,
    {
        self.write_counts().await?;
        let sealed = self.sequence(Turn::Now).await?;
        self.hand_over_checkpoints().await?;
        Ok(sealed.unwrap_or(Sealed { rows: 0, size: 0, checkpoint: None }))
    }

    /// Tells how far the seals and checkpoints are behind the trail. Nothing is read where nobody measures.
    pub(crate) async fn measure_trail(&self)
    where
        U: Account,
    {
        if !telemetry::MEASURES || !U::POLICY.audit.enabled {
            return;
        }
        let measured = async {
            let now = self.core.now();
            let statement = Rendered::<U, SealingStands>::STATEMENT;
            let row = self.core.pool.read().await?.fetch_optional(statement, &[]).await?;
            let Some(row) = row else { return Ok(()) };
            let mut row = Reader::<U>::new(&row);
            let (unsealed, signed_at): (i64, Option<Stamp>) = (row.next()?, row.next()?);
            // Where nothing was written since, the newest checkpoint vouches for everything, however old it is.
            let has_newer = unsealed > 0 || row.next::<i64>()? == 1;
            let age = signed_at.map(|Stamp(at)| {
                if has_newer { Duration::try_from(now - at).unwrap_or_default() } else { Duration::ZERO }
            });
            telemetry::audit_lag(U::SCHEMA.user_type, unsealed, age);
            self.measure_sinks().await
        };
        if let Err(error) = measured.await {
            telemetry::worker_failed("measure", &error);
        }
    }

    /// The keys that verify the checkpoints of the trail, newest first: one for each key of the ring. Keep their text outside
    /// the database, where the checkpoints are, and keep that of a key that is taken out of the ring.
    #[must_use]
    pub fn audit_public_keys(&self) -> Vec<crate::audit::PublicKey> {
        self.core.evidence.secrets().signer.public_keys()
    }

    /// Sequences until nothing is left. `None`: another node does.
    pub(crate) async fn sequence(&self, turn: Turn) -> Result<Option<Sealed>, Error>
    where
        U: Account,
    {
        let mut total = Sealed { rows: 0, size: 0, checkpoint: None };
        loop {
            let step = Sequence::<U> { turn, client: Client::unknown(), user: PhantomData };
            let Some(round) = self.upkeep(step).await? else { return Ok(None) };
            total.rows += round.rows;
            total.size = round.size;
            total.checkpoint = round.checkpoint.or(total.checkpoint);
            if round.rows < u64::from(BATCH) {
                return Ok(Some(total));
            }
        }
    }

    /// One round of the worker.
    pub(super) async fn seal_round(&self) -> Result<(), Error>
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
            let due = self.core.pool.read().await?.fetch(statement, &[&i64::from(DUE_AT_ONCE)]).await?;
            if due.is_empty() {
                return Ok(());
            }
            for row in due {
                let checkpoint = self.stored_checkpoint(&row)?;
                for sink in &self.core.evidence.sinks {
                    let published = publish(sink.clone(), checkpoint.clone()).await;
                    published.map_err(|source| Failure::CheckpointSink { sink: sink.name(), source })?;
                }
                self.upkeep(Exported { size: signed(checkpoint.size()), client: Client::unknown() }).await?;
            }
        }
    }

    /// A checkpoint as the database has it: nothing that Sigra did not sign gets any further.
    pub(crate) fn stored_checkpoint(&self, row: &crate::store::Row) -> Result<Checkpoint, Error>
    where
        U: Account,
    {
        let note: String = Reader::<U>::new(row).next()?;
        let read = Checkpoint::parse(&note);
        let checked = read
            .and_then(|read| read.verify(&self.core.evidence.secrets().signer.public_keys()).map(|()| read));
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

/// Who may sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Whoever asks, after whoever is at it. A checkpoint is signed at the end.
    Now,
    /// The node that has the lease, or finds nobody with it. A checkpoint is signed when its time has come.
    Leased,
}

/// The state of the tree, as its row has it.
pub(crate) struct Tree {
    pub(crate) edge: Edge,
    /// Rows that retention has removed: the first so many.
    pub(crate) removed: u64,
    /// The time of the newest of them.
    pub(crate) removed_until: Option<OffsetDateTime>,
}

impl Tree {
    /// Reads the columns of `ReadTree`. `None`: Sigra did not write them so, nor such as cannot be read.
    pub(crate) fn read<U: Account>(core: &crate::core::Core, row: &crate::store::Row) -> Option<Self> {
        let mut row = Reader::<U>::new(row);
        let (size, nodes): (i64, Vec<u8>) = (row.next().ok()?, row.next().ok()?);
        let (removed, until): (i64, Option<Stamp>) = (row.next().ok()?, row.next().ok()?);
        let mac: Vec<u8> = row.next().ok()?;
        let (size, removed) = (u64::try_from(size).ok()?, u64::try_from(removed).ok()?);
        let until = until.map(|until| until.0);
        let state = encode_tree(&table::<U>(), size, &nodes, removed, until.map(micros));
        let edge = Edge::from_bytes(size, &nodes)?;
        let is_own = core.evidence.secrets().keys.is_tree(&state, &mac);
        is_own.then_some(Self { edge, removed, removed_until: until })
    }

    fn mac<U: Account>(&self, core: &crate::core::Core) -> Vec<u8> {
        let until = self.removed_until.map(micros);
        let nodes = self.edge.to_bytes();
        let state = encode_tree(&table::<U>(), self.edge.size(), &nodes, self.removed, until);
        core.evidence.secrets().keys.tree(&state).to_vec()
    }
}

impl<U: Account> Unit<'_, U> {
    /// Keeps other sequencers away until the transaction ends, and gives the tree. `None`: another node has the lease.
    pub(crate) async fn tree(&mut self, turn: Turn) -> Result<Option<Tree>, Error> {
        if !self.hold_tree(turn).await? {
            if self.fetch_optional(ReadTree, &[]).await?.is_some() {
                return Ok(None);
            }
            let empty = Tree { edge: Edge::default(), removed: 0, removed_until: None };
            let values: &[&dyn crate::column::Bind] =
                &[&empty.edge.to_bytes(), &empty.mac::<U>(self.core), &self.stamp()];
            self.execute(StartTree, values).await?;
            if !self.hold_tree(turn).await? {
                return Ok(None);
            }
        }
        let row = self.fetch_optional(ReadTree, &[]).await?;
        let tree = row.and_then(|row| Tree::read::<U>(self.core, &row));
        let changed =
            || Failure::AuditChanged(format!("the row in `{}_tree` is not as it was", table::<U>()));
        Ok(Some(tree.ok_or_else(changed)?))
    }

    async fn hold_tree(&mut self, turn: Turn) -> Result<bool, Error> {
        let done = match turn {
            Turn::Now => self.execute(HoldTree, &[]).await?,
            Turn::Leased => {
                let (node, until, now) = (self.core.evidence.node, self.after(LEASE), self.stamp());
                self.execute(LeaseTree, &[&node, &until, &node, &now]).await?
            }
        };
        Ok(done.rows == 1)
    }

    pub(crate) async fn write_tree(&mut self, tree: &Tree) -> Result<(), Error> {
        let values: &[&dyn crate::column::Bind] = &[
            &signed(tree.edge.size()),
            &tree.edge.to_bytes(),
            &signed(tree.removed),
            &tree.removed_until.map(Stamp),
            &tree.mac::<U>(self.core),
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
        let Some(mut tree) = unit.tree(self.turn).await? else {
            return Ok(unit.bookkeeping(Bookkeeping::Sealing, None));
        };
        let rows = read_unsealed::<U>(&unit.fetch(UnsealedRows, &[&i64::from(BATCH)]).await?)?;
        let count = rows.len();
        append(unit, &mut tree, rows).await?;
        let is_last = count < usize::from(BATCH);
        let checkpoint = match self.turn {
            Turn::Now if !is_last => None,
            turn => sign_checkpoint(unit, &tree, turn).await?,
        };
        let sealed = Sealed { rows: count as u64, size: tree.edge.size(), checkpoint };
        Ok(unit.bookkeeping(Bookkeeping::Sealing, Some(sealed)))
    }
}

/// Rows that have no number yet.
fn read_unsealed<U: Account>(rows: &[crate::store::Row]) -> Result<Vec<Row>, Error> {
    let unreadable = |source| {
        Failure::AuditChanged(format!(
            "a row in `{}` that waits for its number cannot be read: {source}",
            table::<U>()
        ))
    };
    Ok(rows.iter().map(Row::read).collect::<Result<_, _>>().map_err(unreadable)?)
}

/// Numbers, seals and appends rows.
async fn append<U: Account>(
    unit: &mut Unit<'_, U>,
    tree: &mut Tree,
    mut rows: Vec<Row>,
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let (secrets, table) = (unit.core.evidence.secrets(), table::<U>());
    let keys = &secrets.keys;
    let first = tree.edge.size();
    let (mut ids, mut seals, mut segments) = (Vec::new(), Vec::new(), Vec::new());
    for row in &mut rows {
        let leaf = tree.edge.size();
        let seal = if keys.signed(row, &table) {
            keys.seal(leaf, &row.mac)
        } else {
            // Sealed all the same, with a mark: what stood there when it was found is kept for whoever looks into it.
            unit.notes.foreign_row(row.id);
            keys.seal_foreign(leaf, &row.mac)
        };
        ids.extend_from_slice(row.id.as_bytes());
        seals.extend_from_slice(&seal);
        row.seal = Some(seal.to_vec());
        if let Some(hash) = tree.edge.push(row.leaf_hash(&table)) {
            segments.push((leaf / SEGMENT, hash.to_vec()));
        }
    }
    let count = rows.len() as u64;
    let values: &[&dyn crate::column::Bind] = &[&signed(count), &ids, &seals, &signed(first)];
    match unit.execute(SealRows, values).await {
        Ok(done) if done.rows == count => {}
        Ok(_) => return Err(crate::error::DatabaseError::lost_race().into()),
        Err(error) if error.kind == DatabaseErrorKind::Unique => {
            let given =
                format!("`{table}` has rows numbered {first} or higher, which the log has not given yet");
            return Err(Failure::AuditChanged(given).into());
        }
        Err(error) => return Err(error.into()),
    }
    for (segment, hash) in segments {
        unit.execute(InsertSegment, &[&signed(segment), &hash]).await?;
    }
    unit.write_tree(tree).await
}

/// Signs a checkpoint, if there are rows above the last one and its time has come.
async fn sign_checkpoint<U: Account>(
    unit: &mut Unit<'_, U>,
    tree: &Tree,
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
    let grew = tree.edge.size() > newest.map_or(0, |(size, _)| size);
    let due = turn == Turn::Now || newest.is_none_or(|(_, at)| unit.now - at >= evidence.every);
    if !grew || !due {
        return Ok(None);
    }
    let size = tree.edge.size();
    let (secrets, root) = (evidence.secrets(), tree.edge.root());
    let checkpoint = Checkpoint::sign(&secrets.signer, &evidence.origin, size, root, unit.now);
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
