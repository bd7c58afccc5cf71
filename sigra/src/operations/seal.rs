//! The sequencer: numbers and seals committed rows of the trail, appends them to the tree, and signs checkpoints.
//!
//! A transaction that writes a row waits for nobody: its row has no number. Afterwards one sequencer at a time takes the rows
//! that have committed meanwhile. A row whose transaction takes longer is taken in a later round, so the numbers have no gaps
//! and their order is that of sequencing. The row of the tree's state is what makes it one at a time; the lease on it only
//! keeps the workers of other nodes from doing the same work.

use std::marker::PhantomData;
use std::time::Duration;

use time::OffsetDateTime;

use crate::account::Account;
use crate::audit::{Checkpoint, Edge, Row, SEGMENT, Secrets, encode_tree, micros, table};
use crate::client::Client;
use crate::core::{Operation, Reader, Sigra};
use crate::error::{DatabaseErrorKind, Error, Failure};
use crate::feature;
use crate::store::statements::{
    DueCheckpoints, HoldTree, InsertCheckpoint, InsertSegment, LeaseTree, NewestCheckpoints, RenewCheckpoint,
    SealRows, SealingDue, SealingStands, StartTree, Tree as ReadTree, UnsealedRows, WriteTree,
};
use crate::store::{Rendered, Stamp};
use crate::telemetry::{self, Named, watched};
use crate::unit::{Bookkeeping, Recorded, Step, Unit};

use super::checkpoints::{Amiss, CHECKPOINTS_AT_ONCE, Newest, Stored};

/// Rows that one transaction numbers: as many as `SealRows` takes in one TLS record. sqlx leaves Nagle's algorithm on, so the
/// second record of a message waits for the server to acknowledge the first, which it puts off for 40 ms.
const BATCH: u16 = 320;
const _: () =
    assert!(BATCH as usize * (ID + SEAL) + 512 <= 16 * 1024, "`SealRows` does not fit in a TLS record");
/// Bytes of the id and of the seal of a row.
const ID: usize = 16;
const SEAL: usize = 32;
/// How long the workers of other nodes leave the log to the one that sequenced last.
const LEASE: Duration = Duration::from_secs(10);

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
    /// Rows that wait for a number and cannot be read.
    unreadable: u64,
    /// A row in the place of the newest checkpoint that is none.
    amiss: Option<Amiss>,
}

impl Sealed {
    const NOTHING: Self = Self { rows: 0, size: 0, checkpoint: None, unreadable: 0, amiss: None };

    /// What cannot be read keeps nothing else waiting, and is told of when that is done.
    pub(super) fn complete<U: Account>(self) -> Result<Self, Error> {
        if let Some(amiss) = self.amiss {
            return Err(amiss.failure::<U>().into());
        }
        if self.unreadable == 0 {
            return Ok(self);
        }
        let rows = format!(
            "{} rows in `{}` that wait for their number cannot be read, and get none",
            self.unreadable,
            table::<U>()
        );
        Err(Failure::AuditChanged(rows).into())
    }
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
    /// [`Failure::AuditChanged`] where the log is not as Sigra left it, also where it was put back to an earlier state since this
    /// process last saw it, and where rows or checkpoints cannot be read: all others are sealed, signed and handed over first.
    /// [`Failure::CheckpointSink`] where a sink did not take the checkpoint: it stays and is tried again, and [`Failure`]
    /// otherwise.
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
        let sealed = self.sequence(Turn::Now).await;
        // What keeps rows from their numbers keeps no checkpoint from the sinks.
        let handed_over = self.hand_over_checkpoints(Turn::Now).await;
        let sealed = sealed?.unwrap_or(Sealed::NOTHING).complete::<U>()?;
        handed_over.map(|()| sealed)
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
            let values: &[&dyn crate::column::Bind] = &[&Stamp(now), &Stamp(now)];
            let row = self.core.pool.read().await?.fetch_optional(statement, values).await?;
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

    /// Numbers and seals until nothing is left, and signs what there is then. `None`: another node does.
    pub(crate) async fn sequence(&self, turn: Turn) -> Result<Option<Sealed>, Error>
    where
        U: Account,
    {
        let (mut total, mut unsigned) = (Sealed::NOTHING, None);
        loop {
            let numbered = self.number(turn, total.unreadable).await;
            let is_last = match &numbered {
                Ok(None) => return Ok(None),
                Ok(Some(round)) => round.rows + round.unreadable < u64::from(BATCH),
                Err(_) => true,
            };
            // In a transaction of its own: what keeps rows from their numbers keeps nobody from vouching for those below, nor
            // the other way round. The worker does not wait for the last row, which may never come.
            if is_last || turn == Turn::Leased {
                match self.sign(turn).await {
                    Ok(None) => {}
                    Ok(Some(signed)) => {
                        unsigned = None;
                        total.size = total.size.max(signed.size);
                        total.checkpoint = signed.checkpoint.or(total.checkpoint);
                        total.amiss = signed.amiss.or(total.amiss);
                    }
                    Err(error) => unsigned = Some(error),
                }
            }
            let Some(round) = numbered? else { return Ok(None) };
            total.rows += round.rows;
            total.unreadable += round.unreadable;
            total.size = total.size.max(round.edge.size());
            if is_last {
                return unsigned.map_or(Ok(Some(total)), Err);
            }
        }
    }

    /// Numbers and seals one batch.
    async fn number(&self, turn: Turn, skip: u64) -> Result<Option<Round>, Error>
    where
        U: Account,
    {
        let round =
            self.upkeep(Number::<U> { turn, skip, client: Client::unknown(), user: PhantomData }).await?;
        if let Some(round) = &round {
            // Only now: what is remembered has to be what was committed.
            self.core.evidence.remember(&round.edge);
        }
        Ok(round)
    }

    /// `None`: another node does, or did a moment ago.
    async fn sign(&self, turn: Turn) -> Result<Option<Signed>, Error>
    where
        U: Account,
    {
        let (now, evidence) = (self.core.now(), &self.core.evidence);
        if turn == Turn::Leased && evidence.signed_lately(now) {
            return Ok(None);
        }
        let step = Sign::<U> { turn, client: Client::unknown(), user: PhantomData };
        let signed = self.upkeep(step).await?;
        if let Some(checkpoint) = signed.as_ref().and_then(|signed| signed.checkpoint.as_ref()) {
            evidence.signed(checkpoint, now);
        }
        Ok(signed)
    }

    /// How the log stands, without a turn. Whether it was put back is for a turn to say: outside of a transaction that writes, a
    /// proxy may answer with what was a moment ago.
    async fn look(&self) -> Result<Look, Error>
    where
        U: Account,
    {
        let seen = self.core.evidence.seen();
        let mut connection = self.core.pool.read().await?;
        let most = i64::from(CHECKPOINTS_AT_ONCE);
        let tree = connection.fetch_optional(Rendered::<U, ReadTree>::STATEMENT, &[]).await?;
        let rows = connection.fetch(Rendered::<U, NewestCheckpoints>::STATEMENT, &[&most]).await?;
        let keys = self.core.evidence.secrets().signer.public_keys();
        let newest = Newest::of::<U>(&rows, &keys, None)?.good;
        let edge = match tree {
            Some(row) => match Tree::read::<U>(&self.core, &row) {
                Some(tree) => tree.edge,
                None => return Ok(Look::Amiss),
            },
            None => Edge::default(),
        };
        if !seen.goes_on(&edge) {
            return Ok(Look::Amiss);
        }
        self.core.evidence.remember(&edge);
        let vouched = newest.map_or(0, |newest| newest.size()) == edge.size();
        Ok(if vouched { Look::Vouched } else { Look::Unvouched })
    }

    /// One round of the worker.
    pub(super) async fn seal_round(&self) -> Result<(), Error>
    where
        U: Account,
    {
        let now = self.core.now();
        let statement = Rendered::<U, SealingDue>::STATEMENT;
        let row = self.core.pool.read().await?.fetch_optional(statement, &[&Stamp(now)]).await?;
        let due = row.map(|row| Reader::<U>::new(&row).next::<i64>()).transpose()?.unwrap_or_default();
        let rests = due == 0
            && match self.look().await? {
                Look::Vouched => true,
                Look::Unvouched => self.core.evidence.signed_lately(now),
                Look::Amiss => false,
            };
        if rests {
            return Ok(());
        }
        let sealed = self.sequence(Turn::Leased).await;
        if let Ok(None) = sealed {
            return Ok(());
        }
        self.write_counts().await?;
        sealed?.map_or(Ok(()), |sealed| sealed.complete::<U>().map(drop))
    }
}

/// How the log stands where there is nothing to number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// The newest good checkpoint is of all its rows. Asked of what was signed and sealed: a row that is neither would pass for it.
    Vouched,
    /// A checkpoint is due, now or when its time comes.
    Unvouched,
    /// It is not what this process last saw, or what that has become.
    Amiss,
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
    /// It stands there under the key that writes.
    pub(crate) is_renewed: bool,
}

impl Tree {
    /// Reads the columns of `ReadTree`. `None`: Sigra did not write them so, nor such as cannot be read.
    pub(crate) fn read<U: Account>(core: &crate::core::Core, row: &crate::store::Row) -> Option<Self> {
        Self::read_with::<U>(&core.evidence.secrets(), row)
    }

    fn read_with<U: Account>(secrets: &Secrets, row: &crate::store::Row) -> Option<Self> {
        let mut row = Reader::<U>::new(row);
        let (size, nodes): (i64, Vec<u8>) = (row.next().ok()?, row.next().ok()?);
        let (removed, until): (i64, Option<Stamp>) = (row.next().ok()?, row.next().ok()?);
        let mac: Vec<u8> = row.next().ok()?;
        let (size, removed) = (u64::try_from(size).ok()?, u64::try_from(removed).ok()?);
        let until = until.map(|until| until.0);
        let state = encode_tree(&table::<U>(), size, &nodes, removed, until.map(micros));
        let edge = Edge::from_bytes(size, &nodes).filter(|_| secrets.keys.is_tree(&state, &mac))?;
        let is_renewed = secrets.keys.wrote_tree(&state, &mac);
        Some(Self { edge, removed, removed_until: until, is_renewed })
    }

    fn mac<U: Account>(&self, secrets: &Secrets) -> Vec<u8> {
        let until = self.removed_until.map(micros);
        let nodes = self.edge.to_bytes();
        let state = encode_tree(&table::<U>(), self.edge.size(), &nodes, self.removed, until);
        secrets.keys.tree(&state).to_vec()
    }
}

impl<U: Account> Unit<'_, U> {
    /// Keeps other sequencers away until the transaction ends, and gives the tree. `None`: another node has the lease.
    pub(crate) async fn tree(&mut self, turn: Turn) -> Result<Option<Tree>, Error> {
        let seen = self.core.evidence.seen();
        if !self.hold_tree(turn).await? {
            if let Some(row) = self.fetch_optional(ReadTree, &[]).await? {
                // Whoever only looks on remembers too: another process may be given a log that was put back, and seal on.
                let tree = Tree::read::<U>(self.core, &row);
                return if tree.is_none_or(|tree| self.core.evidence.goes_on(&tree.edge, &seen)) {
                    Ok(None)
                } else {
                    Err(put_back::<U>().into())
                };
            }
            let empty = Tree { edge: Edge::default(), removed: 0, removed_until: None, is_renewed: true };
            let mac = empty.mac::<U>(&self.core.evidence.secrets());
            let values: &[&dyn crate::column::Bind] = &[&empty.edge.to_bytes(), &mac, &self.stamp()];
            self.execute(StartTree, values).await?;
            if !self.hold_tree(turn).await? {
                return Ok(None);
            }
        }
        let row = self.fetch_optional(ReadTree, &[]).await?;
        let tree = row.and_then(|row| Tree::read::<U>(self.core, &row));
        let tree = tree.ok_or_else(|| {
            tree_changed::<U>(
                "is not as it was, or is under a key that the ring lacks: if one was taken out, put it back behind the \
                 newest, and start again or rotate",
            )
        })?;
        if !self.core.evidence.goes_on(&tree.edge, &seen) {
            return Err(put_back::<U>().into());
        }
        Ok(Some(tree))
    }

    pub(crate) async fn hold_tree(&mut self, turn: Turn) -> Result<bool, Error> {
        let done = match turn {
            Turn::Now => self.execute(HoldTree, &[]).await?,
            Turn::Leased => {
                let (node, until, now) = (self.core.evidence.node, self.after(LEASE), self.stamp());
                let farthest = self.after(2 * LEASE);
                self.execute(LeaseTree, &[&node, &until, &node, &now, &farthest]).await?
            }
        };
        Ok(done.rows == 1)
    }

    /// The newest good checkpoint in the table, which has to be one of this tree.
    async fn newest_checkpoint(&mut self, tree: &Tree) -> Result<Newest, Error> {
        let rows = self.fetch(NewestCheckpoints, &[&i64::from(CHECKPOINTS_AT_ONCE)]).await?;
        let keys = self.core.evidence.secrets().signer.public_keys();
        let newest = Newest::of::<U>(&rows, &keys, Some(tree.edge.size()))?;
        if newest.good.as_ref().is_some_and(|newest| !newest.is_of(&tree.edge)) {
            let table = table::<U>();
            let what = format!(
                "the newest checkpoint in `{table}_checkpoints` is for other rows than there are: was the log put back?"
            );
            return Err(Failure::AuditChanged(what).into());
        }
        Ok(newest)
    }

    pub(crate) async fn write_tree(&mut self, tree: &Tree) -> Result<(), Error> {
        let secrets = self.core.evidence.secrets();
        self.write_tree_with(tree, &secrets).await
    }

    /// Puts what the log has under another of these keys under the one that writes `next`: the tree's state, the newest
    /// checkpoints, and those that not every sink has. Later it may be gone, and nothing else would do it where no row is written.
    pub(crate) async fn renew_log(&mut self, before: &Secrets, next: &Secrets) -> Result<(), Error> {
        self.execute(HoldTree, &[]).await?;
        let Some(row) = self.fetch_optional(ReadTree, &[]).await? else { return Ok(()) };
        let (tree, known) = (Tree::read_with::<U>(next, &row), Tree::read_with::<U>(before, &row));
        let tree = tree.or(known.map(|tree| Tree { is_renewed: false, ..tree }));
        let Some(tree) = tree else { return Ok(()) };
        if !tree.is_renewed {
            self.write_tree_with(&tree, next).await?;
        }
        let now = next.signer.public_keys();
        let known = [&before.signer.public_keys()[..], &now].concat();
        let mut above = -1_i64;
        let mut rows = self.fetch(NewestCheckpoints, &[&i64::from(CHECKPOINTS_AT_ONCE)]).await?;
        loop {
            for row in &rows {
                let Stored { number, checkpoint } = Stored::read::<U>(row, &known)?;
                // What nobody signed, or not for this log, stands as it is, for whoever hands it over to find.
                if let Ok(checkpoint) = checkpoint
                    && checkpoint.is_of(&tree.edge)
                    && checkpoint.verify(&now[..1]).is_err()
                    && let Ok(renewed) = checkpoint.signed_by(&next.signer)
                {
                    self.execute(RenewCheckpoint, &[&renewed.to_string(), &number]).await?;
                }
            }
            rows = self.fetch(DueCheckpoints, &[&above, &i64::from(CHECKPOINTS_AT_ONCE)]).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            above = Reader::<U>::new(last).next()?;
        }
    }

    async fn write_tree_with(&mut self, tree: &Tree, secrets: &Secrets) -> Result<(), Error> {
        let values: &[&dyn crate::column::Bind] = &[
            &signed(tree.edge.size()),
            &tree.edge.to_bytes(),
            &signed(tree.removed),
            &tree.removed_until.map(Stamp),
            &tree.mac::<U>(secrets),
        ];
        self.execute(WriteTree, values).await?;
        Ok(())
    }
}

fn tree_changed<U: Account>(what: &str) -> Failure {
    Failure::AuditChanged(format!("the row in `{}_tree` {what}", table::<U>()))
}

fn put_back<U: Account>() -> Failure {
    tree_changed::<U>(
        "was put back to an earlier state, now or since this process started: where you have restored a backup, or brought back \
         the log of before, start every process again",
    )
}

/// A number of the log as the databases have it.
#[allow(clippy::cast_possible_wrap, reason = "no table has so many rows")]
pub(crate) const fn signed(number: u64) -> i64 {
    number as i64
}

/// Takes one batch of rows into the tree.
struct Number<U> {
    turn: Turn,
    /// Rows at the front that cannot be read.
    skip: u64,
    client: Client,
    user: PhantomData<fn() -> U>,
}

/// What one batch came to, and the tree with it.
struct Round {
    rows: u64,
    unreadable: u64,
    edge: Edge,
}

impl<U: Account> Step<U> for Number<U> {
    type Output = Option<Round>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Option<Round>>, Error> {
        let Some(mut tree) = unit.tree(self.turn).await? else {
            return Ok(unit.bookkeeping(Bookkeeping::Sealing, None));
        };
        // Rows that come after a log which was put back stay as they are, for whoever looks into it.
        unit.newest_checkpoint(&tree).await?;
        let waiting = unit.fetch(UnsealedRows, &[&i64::from(BATCH), &signed(self.skip)]).await?;
        let rows: Vec<Row> = waiting.iter().filter_map(|row| Row::read(row).ok()).collect();
        let (count, unreadable) = (rows.len() as u64, (waiting.len() - rows.len()) as u64);
        append(unit, &mut tree, rows).await?;
        let round = Round { rows: count, unreadable, edge: tree.edge };
        Ok(unit.bookkeeping(Bookkeeping::Sealing, Some(round)))
    }
}

/// Numbers, seals and appends rows.
async fn append<U: Account>(
    unit: &mut Unit<'_, U>,
    tree: &mut Tree,
    mut rows: Vec<Row>,
) -> Result<(), Error> {
    if rows.is_empty() {
        return if tree.is_renewed { Ok(()) } else { unit.write_tree(tree).await };
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
        Err(error) if matches!(error.kind, DatabaseErrorKind::Unique | DatabaseErrorKind::Trigger) => {
            let given = format!(
                "`{table}` has rows numbered {first} or higher, or with a seal, and the log has {first} rows: they were \
                 numbered by hand, or the log was put back to an earlier state: {error}"
            );
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
struct Sign<U> {
    turn: Turn,
    client: Client,
    user: PhantomData<fn() -> U>,
}

struct Signed {
    /// Rows that the log has.
    size: u64,
    checkpoint: Option<Checkpoint>,
    amiss: Option<Amiss>,
}

impl<U: Account> Step<U> for Sign<U> {
    type Output = Option<Signed>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Option<Signed>>, Error> {
        let Some(tree) = unit.tree(self.turn).await? else {
            return Ok(unit.bookkeeping(Bookkeeping::Sealing, None));
        };
        let evidence = &unit.core.evidence;
        let secrets = evidence.secrets();
        let size = tree.edge.size();
        let Newest { good, amiss } = unit.newest_checkpoint(&tree).await?;
        // Behind nothing but rows that are no checkpoints, what this process remembers.
        let remembered = || amiss.and_then(|_| evidence.newest_signed());
        let newest = good.or_else(remembered);
        let grew = size > newest.as_ref().map_or(0, Checkpoint::size);
        // The time that was signed, which nobody else can change. One of the future is none: a clock that was ahead would keep
        // every other checkpoint away with it.
        let is_recent = |at: OffsetDateTime| at <= unit.now && unit.now - at < evidence.every;
        let at = newest.and_then(|newest| newest.signed_at());
        let due = self.turn == Turn::Now || !at.is_some_and(is_recent);
        let mut done = Signed { size, checkpoint: None, amiss };
        if grew && due {
            let root = tree.edge.root();
            let checkpoint = Checkpoint::sign(&secrets.signer, &evidence.origin, size, root, unit.now);
            let values: &[&dyn crate::column::Bind] =
                &[&signed(size), &checkpoint.to_string(), &unit.stamp()];
            unit.execute(InsertCheckpoint, values).await?;
            done.checkpoint = Some(checkpoint);
            // What stood there is gone.
            done.amiss = amiss.map(|amiss| amiss.replaced_at(size));
        }
        Ok(unit.bookkeeping(Bookkeeping::Sealing, Some(done)))
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::unit::tests::Scratch;

    #[tokio::test]
    async fn a_tree_that_is_gone_is_told_at_once_in_a_quiet_time() {
        let scratch = Scratch::new().await;
        let auth = scratch.open().await;
        auth.migrate().await.unwrap();
        auth.request_password_reset("ada@example.com", &Client::unknown()).await.unwrap();
        auth.seal_round().await.unwrap();
        auth.seal_round().await.unwrap();
        scratch.run("DELETE FROM sigra_audit_tree").await;
        let error = auth.seal_round().await.unwrap_err();
        assert!(error.to_string().contains("put back to an earlier state"), "{error}");
        auth.close().await;
    }

    #[tokio::test]
    async fn a_process_that_never_had_its_turn_sees_that_the_log_was_put_back() {
        let scratch = Scratch::new().await;
        let (leader, follower, watcher) = (scratch.open().await, scratch.open().await, scratch.open().await);
        leader.migrate().await.unwrap();
        let client = Client::unknown();
        let ask = async |times: u32| {
            for number in 0..times {
                let email = format!("u{number}@example.com");
                leader.request_password_reset(&email, &client).await.unwrap();
            }
        };
        ask(2).await;
        assert!(leader.sequence(Turn::Leased).await.unwrap().is_some());
        scratch.run("CREATE TABLE kept AS SELECT * FROM sigra_audit_tree").await;
        ask(3).await;
        assert!(leader.sequence(Turn::Leased).await.unwrap().is_some());
        assert!(follower.sequence(Turn::Leased).await.unwrap().is_none(), "the other has the lease");
        // A look in a quiet time is as good.
        assert_eq!(watcher.look().await.unwrap(), Look::Unvouched, "the next checkpoint is due in a minute");

        // One row is taken out, and the lease is given to whoever comes first.
        scratch
            .run(
                "DROP TRIGGER sigra_audit_on_update; DROP TRIGGER sigra_audit_on_delete; \
                 DROP TRIGGER sigra_audit_tree_on_update; \
                 UPDATE sigra_audit SET leaf = NULL, seal = NULL WHERE leaf >= 2; \
                 DELETE FROM sigra_audit WHERE id = (SELECT MAX(id) FROM sigra_audit); \
                 DELETE FROM sigra_audit_checkpoints WHERE size > 2; \
                 DELETE FROM sigra_audit_tree; INSERT INTO sigra_audit_tree SELECT * FROM kept; \
                 UPDATE sigra_audit_tree SET holder = NULL, lease_until = 0",
            )
            .await;
        let knowing = [&follower, &watcher, &leader];
        for process in knowing {
            let error = process.sequence(Turn::Leased).await.unwrap_err();
            assert!(error.to_string().contains("put back to an earlier state"), "{error}");
        }
        // One that was started later goes on from there, past all that they remember. They have seen it all the same.
        let late = scratch.open().await;
        ask(3).await;
        assert_eq!(late.sequence(Turn::Now).await.unwrap().unwrap().size, 7);
        for process in knowing {
            assert_eq!(process.look().await.unwrap(), Look::Amiss);
            let error = process.sequence(Turn::Now).await.unwrap_err();
            assert!(error.to_string().contains("put back to an earlier state"), "{error}");
        }
        late.close().await;
        for process in [leader, follower, watcher] {
            process.close().await;
        }
    }
}
