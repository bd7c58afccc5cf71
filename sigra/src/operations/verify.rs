//! Verifies the trail against itself and against checkpoints, and proves single rows.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::time::Duration;

use time::OffsetDateTime;

use crate::account::Account;
use crate::audit::{
    AuditReport, Auditor, Edge, Finding, Hash, Hashes, InclusionProof, MOST_FINDINGS, PublicKey, Row,
    SEGMENT, inclusion, table,
};
use crate::client::Client;
use crate::column::Bind;
use crate::core::{Operation, Reader, Sigra};
use crate::error::Error;
use crate::feature;
use crate::store::statements::{
    DueCheckpoints, NewestCheckpoints, Numbered, RowById, RowsFrom, Segments, SinksAhead, StrayRows,
    Tree as ReadTree, UnsealedFrom,
};
use crate::store::{Rendered, Row as Columns, Snapshot, Template};
use crate::telemetry::{self, Named, watched};
use crate::unit::{Bookkeeping, Recorded, Shielded, Step, Unit};

use super::checkpoints::{CHECKPOINTS_AT_ONCE, Newest, Stored};
use super::seal::{Tree, Turn, signed};

/// Hashes of segments that are read at once.
const SEGMENTS_AT_ONCE: u16 = 4096;
/// Rows without a number that are read together.
const UNSEALED_AT_ONCE: u16 = 512;
/// How long a turn is waited for that confirms a finding.
const CONFIRM_WITHIN: Duration = Duration::from_secs(5);
/// Rows with a number outside the log that are looked at. One is a finding; more of them say no more.
const MOST_STRAYS: u16 = 1000;

impl<U> Sigra<U> {
    /// Holds every row of the trail, its seal, the tree and the checkpoints against each other, and reports what does not fit.
    ///
    /// `checkpoints` is the text of those that were kept outside the database, as a [`FileSink`](crate::audit::FileSink)
    /// wrote them; empty, if there are none. Everything below the newest of them is as it was signed, or is among the
    /// findings. Above it, and without any, whoever has the database but not the keys can do one thing unseen: put the whole log
    /// back to an earlier state, and let the newer rows be sealed again without some of them. A process that has sealed or
    /// verified meanwhile knows by itself how far the log was, seals nothing more and reports it, until it is started again.
    ///
    /// Rows that are gone as retention removes them are findings where a checkpoint that is younger than `audit(retain)` was
    /// signed before they were written. So give the older checkpoints too, of each day one at least: without them somebody
    /// with the keys can remove as too old whatever is below the newest.
    ///
    /// It reads in one snapshot, 256 rows at a time, while the trail is written on. It changes nothing and writes no audit
    /// row. Where the log goes less far than this process has seen it go, it also takes a turn at sealing, to keep that in mind
    /// for good: with rights only to read, or where somebody holds the log for longer than ten seconds, it has the finding and
    /// keeps nothing in mind. To verify an export without the secret keys, see [`Auditor`]; where a key was taken out of the
    /// ring, see [`verify_audit_with`](Self::verify_audit_with).
    ///
    /// # Errors
    /// [`Refusal::Busy`](crate::Refusal::Busy), and [`Failure`](crate::Failure): the database did not answer. What does not fit
    /// is no error but a finding.
    pub fn verify_audit<'a>(&'a self, checkpoints: &'a str) -> Operation<'a, AuditReport>
    where
        U: feature::Audit,
    {
        watched::<U>(Named::VerifyAudit).run(self.verified(checkpoints, &[]))
    }

    /// The same, where checkpoints were signed by keys that the ring has not any more: `old_keys` are the public halves of
    /// those, as [`audit_public_keys`](Self::audit_public_keys) gave them at that time.
    ///
    /// Rows under such a key are counted as [`under_old_keys`](AuditReport::under_old_keys).
    ///
    /// # Errors
    /// As [`verify_audit`](Self::verify_audit).
    pub fn verify_audit_with<'a>(
        &'a self,
        checkpoints: &'a str,
        old_keys: &'a [PublicKey],
    ) -> Operation<'a, AuditReport>
    where
        U: feature::Audit,
    {
        watched::<U>(Named::VerifyAudit).run(self.verified(checkpoints, old_keys))
    }

    async fn verified(&self, checkpoints: &str, old_keys: &[PublicKey]) -> Result<AuditReport, Error>
    where
        U: feature::Audit,
    {
        let public = [&self.audit_public_keys()[..], old_keys].concat();
        let auditor =
            Auditor::new(&table::<U>(), &public, checkpoints).with_keys(&self.core.evidence.secrets().keys);
        let report = self.shielded(|shielded| async move { shielded.verify(auditor, public).await }).await?;
        if !report.is_clean() {
            telemetry::trail_changed(U::SCHEMA.user_type, report.findings.len() as u64 + report.more);
        }
        Ok(report)
    }

    /// Proves that a row is in the log: with the hashes that lead from it to a signed checkpoint. Seals and signs first, where
    /// the row is newer than the newest checkpoint. `None`: there is no such row, somebody else wrote it
    /// ([`Row::is_foreign`]), or the log around it was changed. Writes no audit row. RFC 6962, 2.1.1.
    ///
    /// # Errors
    /// [`Failure::AuditChanged`](crate::Failure::AuditChanged) where the log is not as Sigra left it,
    /// [`Refusal::Busy`](crate::Refusal::Busy), and [`Failure`](crate::Failure) otherwise.
    pub fn prove_audit_row(&self, row: uuid::Uuid) -> Operation<'_, Option<InclusionProof>>
    where
        U: feature::Audit,
    {
        watched::<U>(Named::ProveAuditRow).run(async move {
            let prove = || self.shielded(move |shielded| async move { shielded.prove(row).await });
            match prove().await? {
                Proved::NotCovered => {}
                Proved::Nothing => return Ok(None),
                Proved::Proof(proof) => return Ok(Some(*proof)),
            }
            let sealed = self.sequence(Turn::Now).await?;
            if let Proved::Proof(proof) = prove().await? {
                return Ok(Some(*proof));
            }
            // Not without a word, where something is in the way.
            sealed.map_or(Ok(None), |sealed| sealed.complete::<U>().map(|_| None))
        })
    }
}

enum Proved {
    Proof(Box<InclusionProof>),
    /// No checkpoint covers the row yet.
    NotCovered,
    /// There is no such row of Sigra's, or what stands around it is not what the checkpoint is for.
    Nothing,
}

impl<U: Account> Shielded<U> {
    async fn verify(&self, auditor: Auditor, public: Vec<PublicKey>) -> Result<AuditReport, Error> {
        let seen = self.0.core.evidence.seen();
        let snapshot = self.0.core.pool.snapshot().await?;
        let mut walk = Walk::<U> { auth: &self.0, snapshot, auditor, public };
        let extent = walk.extent().await?;
        let went_back = extent.edge.as_ref().is_some_and(|edge| !seen.goes_on(edge));
        if went_back {
            walk.auditor.find_tree();
        }
        let walking = async {
            let walked = walk.run(&extent).await;
            let Walk { snapshot, auditor, .. } = walk;
            snapshot.end().await;
            walked.map(|()| auditor)
        };
        // At once: until the walk is over, the log may have become longer than it was. And then, where the snapshot kept the turn
        // waiting.
        let (walked, ()) = tokio::join!(walking, self.confirm(went_back));
        self.confirm(went_back).await;
        let report = walked?.finish();
        // Whatever else there is to find, so long the log was.
        if let Some(edge) = &extent.edge
            && !report.findings.contains(&Finding::Tree)
        {
            self.0.core.evidence.remember(edge);
        }
        Ok(report)
    }

    /// Keeps in mind for good that the log went back, where a turn at it says so too: a snapshot may come from a replica that is
    /// behind. Whoever may only read gets no turn, and has the finding.
    async fn confirm(&self, went_back: bool) {
        if went_back && !self.0.core.evidence.seen().put_back() {
            let turn = self.step(Confirm::<U> { client: Client::unknown(), user: PhantomData });
            // Whoever put it back may keep its row locked, and the report must not wait for them.
            drop(tokio::time::timeout(CONFIRM_WITHIN, turn).await);
        }
    }

    async fn prove(&self, id: uuid::Uuid) -> Result<Proved, Error> {
        let mut snapshot = self.0.core.pool.snapshot().await?;
        let proved = prove::<U>(&self.0, &mut snapshot, id).await?;
        snapshot.end().await;
        Ok(proved)
    }
}

/// One walk along the log.
struct Walk<'w, U> {
    auth: &'w Sigra<U>,
    snapshot: Snapshot,
    auditor: Auditor,
    public: Vec<PublicKey>,
}

/// Takes a turn at the log, which remembers that it was put back, and changes nothing.
struct Confirm<U> {
    client: Client,
    user: PhantomData<fn() -> U>,
}

impl<U: Account> Step<U> for Confirm<U> {
    type Output = ();

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<()>, Error> {
        unit.tree(Turn::Now).await?;
        Ok(unit.bookkeeping(Bookkeeping::Sealing, ()))
    }
}

/// How far the log goes, and its tree, if the row that says so is as Sigra left it.
struct Extent {
    removed: u64,
    size: u64,
    /// What this says of the log; `None`: it cannot be read. A row that is gone says that there is nothing.
    edge: Option<Edge>,
    tree: Option<Tree>,
}

impl<U: Account> Walk<'_, U> {
    async fn fetch<T: Template>(&mut self, _: T, values: &[&dyn Bind]) -> Result<Vec<Columns>, Error> {
        Ok(self.snapshot.connection.fetch(Rendered::<U, T>::STATEMENT, values).await?)
    }

    async fn run(&mut self, extent: &Extent) -> Result<(), Error> {
        self.auditor.removed_until(extent.tree.as_ref().and_then(|tree| tree.removed_until));
        if let Some(tree) = &extent.tree {
            let oldest = U::POLICY.audit.retain.map(|retain| self.auth.core.now() - retain);
            self.auditor.retained_since(oldest.unwrap_or(OffsetDateTime::UNIX_EPOCH), tree.removed);
        }
        self.walk_checkpoints().await?;
        self.walk_segments(extent).await?;
        let tree = extent.tree.as_ref().map(|tree| &tree.edge);
        self.auditor.end_log(tree);
        self.walk_strays(extent).await?;
        self.walk_unsealed().await?;
        self.walk_sinks(extent).await
    }

    /// The newest one, and those that not every sink has: what is not Sigra's among them keeps nothing back, but is there for a reason.
    async fn walk_checkpoints(&mut self) -> Result<(), Error> {
        let mut looked_at = BTreeSet::new();
        for row in self.fetch(NewestCheckpoints, &[&i64::from(CHECKPOINTS_AT_ONCE)]).await? {
            let stored = Stored::read::<U>(&row, &self.public)?;
            looked_at.insert(stored.number);
            if self.checkpoint(stored) {
                break;
            }
        }
        let mut above = -1;
        loop {
            let due = self.fetch(DueCheckpoints, &[&above, &i64::from(CHECKPOINTS_AT_ONCE)]).await?;
            if due.is_empty() {
                return Ok(());
            }
            for row in &due {
                let stored = Stored::read::<U>(row, &self.public)?;
                above = stored.number;
                if looked_at.insert(above) {
                    self.checkpoint(stored);
                }
            }
        }
    }

    /// Has a checkpoint of the table held against the rows. `false`: it is none.
    fn checkpoint(&mut self, Stored { number, checkpoint }: Stored) -> bool {
        let size = u64::try_from(number).ok();
        match &checkpoint {
            Ok(checkpoint) => self.auditor.expect(checkpoint),
            Err(why) => self.auditor.find(Finding::BadCheckpoint { size, why: *why }),
        }
        checkpoint.is_ok()
    }

    async fn walk_sinks(&mut self, extent: &Extent) -> Result<(), Error> {
        for row in self.fetch(SinksAhead, &[&signed(extent.size)]).await? {
            let sink = Reader::<U>::new(&row).next()?;
            self.auditor.find(Finding::SinkPlace { sink });
        }
        Ok(())
    }

    async fn extent(&mut self) -> Result<Extent, Error> {
        let state = self.fetch(ReadTree, &[]).await?;
        let tree = state.first().and_then(|row| Tree::read::<U>(&self.auth.core, row));
        if let Some(tree) = tree {
            let edge = Some(tree.edge.clone());
            return Ok(Extent { removed: tree.removed, size: tree.edge.size(), edge, tree: Some(tree) });
        }
        // Without a word on how far the log goes, it goes as far as there are rows.
        let mut numbers = (0, -1, 0, 0);
        if let Some(row) = self.fetch(Numbered, &[]).await?.first() {
            let mut row = Reader::<U>::new(row);
            numbers = (row.next::<i64>()?, row.next::<i64>()?, row.next::<i64>()?, row.next::<i64>()?);
        }
        let number = |number: i64| u64::try_from(number).unwrap_or(0);
        // A forged number must not make a log of it that takes for ever: no more rows were removed than segments have left
        // their hash, and no more gaps are looked for than findings are told.
        let removed = (number(numbers.0) / SEGMENT).min(number(numbers.3)) * SEGMENT;
        let size =
            number(numbers.1.saturating_add(1)).min(removed + number(numbers.2) + MOST_FINDINGS as u64);
        if !state.is_empty() || size > 0 {
            self.auditor.find_tree();
        }
        let edge = state.is_empty().then(Edge::default);
        Ok(Extent { removed: removed.min(size), size, edge, tree: None })
    }

    async fn walk_segments(&mut self, extent: &Extent) -> Result<(), Error> {
        let mut stored = BTreeMap::new();
        for segment in 0..extent.size.div_ceil(SEGMENT) {
            if segment % u64::from(SEGMENTS_AT_ONCE) == 0 {
                stored = self.segments(segment).await?;
            }
            let (first, end) = (segment * SEGMENT, (segment + 1) * SEGMENT);
            let hash = stored.get(&segment).copied();
            if end <= extent.removed {
                match hash {
                    Some(hash) => self.auditor.removed_segment(hash),
                    None => self.auditor.lost_segment(),
                }
                continue;
            }
            self.walk_rows(first, end.min(extent.size)).await?;
            if end <= extent.size {
                self.auditor.end_segment(hash);
            }
        }
        Ok(())
    }

    async fn segments(&mut self, from: u64) -> Result<BTreeMap<u64, Hash>, Error> {
        let rows = self.fetch(Segments, &[&signed(from), &i64::from(SEGMENTS_AT_ONCE)]).await?;
        Ok(read_segments::<U>(&rows))
    }

    async fn walk_rows(&mut self, first: u64, end: u64) -> Result<(), Error> {
        for columns in self.fetch(RowsFrom, &[&signed(first), &signed(end)]).await? {
            match Row::read(&columns) {
                Ok(row) => self.auditor.row(&row),
                Err(_) => self.auditor.unreadable(Row::number_in(&columns)),
            }
        }
        self.auditor.skip_to(end);
        Ok(())
    }

    async fn walk_strays(&mut self, extent: &Extent) -> Result<(), Error> {
        let (first, end) = (signed(extent.removed), signed(extent.size));
        for columns in self.fetch(StrayRows, &[&first, &end, &i64::from(MOST_STRAYS)]).await? {
            match Row::read(&columns) {
                Ok(row) => self.auditor.stray(&row),
                Err(_) => self.auditor.unreadable(Row::number_in(&columns)),
            }
        }
        Ok(())
    }

    async fn walk_unsealed(&mut self) -> Result<(), Error> {
        let mut read = 0;
        loop {
            let rows = self.fetch(UnsealedFrom, &[&i64::from(UNSEALED_AT_ONCE), &signed(read)]).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for columns in rows {
                read += 1;
                match Row::read(&columns) {
                    Ok(row) => self.auditor.row(&row),
                    Err(_) => self.auditor.unreadable(None),
                }
            }
        }
    }
}

fn read_segments<U: Account>(rows: &[Columns]) -> BTreeMap<u64, Hash> {
    let read = |row: &Columns| {
        let mut row = Reader::<U>::new(row);
        let (segment, hash) = (row.next::<i64>().ok()?, row.next::<Vec<u8>>().ok()?);
        // A hash of another length is as good as none.
        u64::try_from(segment).ok().zip(Hash::try_from(hash).ok())
    };
    rows.iter().filter_map(read).collect()
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
    // Under an old key it is the log that says whose it is.
    let (secrets, table) = (auth.core.evidence.secrets(), table::<U>());
    let keys = &secrets.keys;
    if row.is_foreign() || keys.knows(&row.key_id) && !keys.signed(&row, &table) {
        return Ok(Proved::Nothing);
    }
    let newest = connection
        .fetch(Rendered::<U, NewestCheckpoints>::STATEMENT, &[&i64::from(CHECKPOINTS_AT_ONCE)])
        .await?;
    let checkpoint = match Newest::of::<U>(&newest, &auth.audit_public_keys(), None)? {
        Newest { good: Some(checkpoint), .. } => checkpoint,
        Newest { amiss: Some(amiss), .. } => return Err(amiss.failure::<U>().into()),
        Newest { .. } => return Ok(Proved::NotCovered),
    };
    let size = checkpoint.size();
    let leaf = row.leaf.and_then(|leaf| u64::try_from(leaf).ok()).filter(|leaf| *leaf < size);
    let Some(leaf) = leaf else { return Ok(Proved::NotCovered) };

    let whole = size / SEGMENT;
    let mut known = Known { segments: BTreeMap::new(), leaves: BTreeMap::new() };
    for from in (0..whole).step_by(usize::from(SEGMENTS_AT_ONCE)) {
        let values: &[&dyn Bind] = &[&signed(from), &i64::from(SEGMENTS_AT_ONCE).min(signed(whole - from))];
        let rows = connection.fetch(Rendered::<U, Segments>::STATEMENT, values).await?;
        known.segments.extend(read_segments::<U>(&rows));
    }
    // Its own segment, and the one that the checkpoint ends in.
    let own = leaf / SEGMENT * SEGMENT;
    for (first, end) in [(own, own + SEGMENT), (whole * SEGMENT, size)] {
        let values: &[&dyn Bind] = &[&signed(first), &signed(end.min(size))];
        for columns in connection.fetch(Rendered::<U, RowsFrom>::STATEMENT, values).await? {
            if let (Some(number), Ok(row)) = (Row::number_in(&columns), Row::read(&columns)) {
                known.leaves.insert(number, row.leaf_hash(&table));
            }
        }
    }
    let Some(path) = inclusion(&known, leaf, size) else { return Ok(Proved::Nothing) };
    let proof = InclusionProof { table, row, leaf, path, checkpoint };
    // What stands there now may not be what was signed.
    let holds = proof.verify(&auth.audit_public_keys()).is_ok();
    Ok(if holds { Proved::Proof(Box::new(proof)) } else { Proved::Nothing })
}
