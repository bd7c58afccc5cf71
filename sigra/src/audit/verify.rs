//! Holds the rows of the trail, their seals, the tree and the checkpoints against each other, and says what does not fit.

use std::collections::BTreeMap;
use std::fmt;

use time::OffsetDateTime;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::event::{AuditOutcome, Event};
use super::note::PublicKey;
use super::row::{Keys, Personal, Row};
use super::tree::{Edge, Hash, SEGMENT};

/// Findings that a report lists; the rest are counted.
pub(crate) const MOST_FINDINGS: usize = 10_000;
/// Rows of which it is tried out where they came from.
const MOST_SUSPECTS: usize = 200;
/// So much may a row be older than one that retention removed: clocks of nodes differ, and transactions take their time.
const DISORDER: time::Duration = time::Duration::minutes(10);

/// What [`Sigra::verify_audit`](crate::Sigra::verify_audit) found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AuditReport {
    /// Rows that were looked at.
    pub rows: u64,
    /// Rows that the log has numbered, those included that retention has removed.
    pub size: u64,
    /// The first so many of them, which retention has removed.
    pub removed: u64,
    /// Rows without a number: the newest, until the next round of sealing.
    pub unsealed: u64,
    /// Rows under a key that `SIGRA_KEYS` has not any more. Their own hashes cannot be checked; that they are as they were
    /// sealed, the hashes over all rows say.
    pub under_old_keys: u64,
    /// Checkpoints that are signed and whose hash is that of the rows.
    pub checkpoints: u64,
    /// Checkpoints that are signed and cannot be held against rows any more: retention has removed some of those around their
    /// end, or these are among the findings. Later ones cover what they covered.
    pub unchecked: u64,
    /// What does not fit, in the order of the log. The first 10,000.
    pub findings: Vec<Finding>,
    /// How many findings there are besides.
    pub more: u64,
}

impl AuditReport {
    /// Whether everything fits.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Something that does not fit. [`Display`](fmt::Display) says it in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The row is not what was written there: one of its values was changed, or another row stands in its place.
    Edited {
        /// Its number.
        leaf: u64,
        /// The id that it has now.
        row: uuid::Uuid,
    },
    /// The network or the browser is not what was written, or was removed in part.
    FactsChanged {
        /// Its number, if it has one.
        leaf: Option<u64>,
        /// Its id.
        row: uuid::Uuid,
    },
    /// The personal facts are gone, and no row says that somebody erased them.
    FactsErased {
        /// Its number, if it has one.
        leaf: Option<u64>,
        /// Its id.
        row: uuid::Uuid,
    },
    /// The row names a key that `SIGRA_KEYS` does not have, and the hash over it and its neighbours is not that of the log: one
    /// of them was changed, or the row is made up. Where that hash is right, the row is no finding but counted in
    /// [`under_old_keys`](AuditReport::under_old_keys).
    UnknownKey {
        /// Its number, if it has one.
        leaf: Option<u64>,
        /// Its id.
        row: uuid::Uuid,
        /// The key.
        key_id: String,
    },
    /// There is no row with this number: it was deleted, or moved elsewhere.
    Missing {
        /// The number.
        leaf: u64,
    },
    /// A row that Sigra did not write: its keyed hash was wrong before the log gave it a place, or it has none.
    Inserted {
        /// The number that it bears, if any.
        leaf: Option<u64>,
        /// Its id.
        row: uuid::Uuid,
    },
    /// A row that Sigra wrote, and that was not sealed in this place.
    Moved {
        /// The number that it bears now, if any.
        leaf: Option<u64>,
        /// Its id.
        row: uuid::Uuid,
        /// Where it was sealed, if that can be told.
        from: Option<u64>,
    },
    /// A row that is older than what retention removed has come back, or the clock of the process that wrote it was behind by
    /// more than ten minutes.
    Replayed {
        /// Its number, if it has one.
        leaf: Option<u64>,
        /// Its id.
        row: uuid::Uuid,
    },
    /// A row that cannot be read as one.
    Unreadable {
        /// Its number, if it has one.
        leaf: Option<u64>,
    },
    /// The stored hash of a segment is not there or not that of its rows, of which each by itself is in order.
    Segment {
        /// Its number: the 256 rows from 256 times that on.
        segment: u64,
    },
    /// The tree's own row is gone, was changed, or was put back to an earlier state: now, or since this process was started.
    Tree,
    /// Retention has removed rows that were not old enough: somebody with the keys used it to delete them. Where the host has
    /// made `audit(retain)` longer, or rows had waited longer than it for their numbers, they were old enough when they went:
    /// leave out the checkpoints from before that.
    RemovedEarly {
        /// The rows that are gone: the first so many.
        removed: u64,
        /// The rows of the oldest checkpoint that `audit(retain)` reaches back to. Those from there on were newer.
        checkpoint: u64,
        /// When it was signed.
        signed_at: OffsetDateTime,
    },
    /// A checkpoint is signed for more rows than there are: the newest ones were cut off, or an old copy was put back.
    Truncated {
        /// The rows that were signed for.
        checkpoint: u64,
        /// The rows that there are.
        size: u64,
    },
    /// A checkpoint is signed for other rows than there are.
    OtherRows {
        /// Below this number everything is as signed.
        above: u64,
        /// The rows that were signed for.
        checkpoint: u64,
    },
    /// The place of a sink is not one in the log: it gets no rows, or those again that it has.
    SinkPlace {
        /// Its name.
        sink: String,
    },
    /// A checkpoint that proves nothing.
    BadCheckpoint {
        /// The rows that it claims to be for, if it can be read.
        size: Option<u64>,
        /// Why.
        why: CheckpointError,
    },
}

impl Finding {
    /// The number of the row that it is about.
    #[must_use]
    pub fn leaf(&self) -> Option<u64> {
        match *self {
            Self::Edited { leaf, .. } | Self::Missing { leaf } => Some(leaf),
            Self::FactsChanged { leaf, .. }
            | Self::FactsErased { leaf, .. }
            | Self::UnknownKey { leaf, .. }
            | Self::Inserted { leaf, .. }
            | Self::Moved { leaf, .. }
            | Self::Replayed { leaf, .. }
            | Self::Unreadable { leaf } => leaf,
            _ => None,
        }
    }

    /// The id of the row that it is about.
    #[must_use]
    pub fn row(&self) -> Option<uuid::Uuid> {
        match *self {
            Self::Edited { row, .. }
            | Self::FactsChanged { row, .. }
            | Self::FactsErased { row, .. }
            | Self::UnknownKey { row, .. }
            | Self::Inserted { row, .. }
            | Self::Moved { row, .. }
            | Self::Replayed { row, .. } => Some(row),
            _ => None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place =
            |leaf: &Option<u64>| leaf.map_or("without a number".into(), |leaf| format!("number {leaf}"));
        match self {
            Self::Edited { leaf, row } => {
                write!(f, "row {row}, number {leaf}, is not what was written there")
            }
            Self::FactsChanged { leaf, row } => {
                write!(f, "row {row}, {}: network or browser are not what was written", place(leaf))
            }
            Self::FactsErased { leaf, row } => {
                write!(
                    f,
                    "row {row}, {}: network and browser are gone, and no row says who erased them",
                    place(leaf)
                )
            }
            Self::UnknownKey { leaf, row, key_id } => write!(
                f,
                "row {row}, {}: the ring has no key `{key_id}` to check it with, and no hash of the log vouches for it",
                place(leaf)
            ),
            Self::Missing { leaf } => write!(f, "there is no row with the number {leaf}"),
            Self::Inserted { leaf, row } => write!(f, "row {row}, {}: not written by Sigra", place(leaf)),
            Self::Moved { leaf, row, from: Some(from) } => {
                write!(f, "row {row}, {}: it was sealed as number {from}", place(leaf))
            }
            Self::Moved { leaf, row, from: None } => {
                write!(f, "row {row}, {}: it was not sealed in this place", place(leaf))
            }
            Self::Replayed { leaf, row } => {
                write!(f, "row {row}, {}: it is older than what retention removed", place(leaf))
            }
            Self::Unreadable { leaf } => write!(f, "a row {} cannot be read", place(leaf)),
            Self::Segment { segment } => {
                write!(f, "the stored hash of segment {segment} is not that of its rows")
            }
            Self::Tree => f.write_str(
                "the row of the tree's state is not as Sigra left it, or was not at some time since this process was started",
            ),
            Self::RemovedEarly { removed, checkpoint, signed_at } => write!(
                f,
                "the first {removed} rows were removed as too old, and those from number {checkpoint} on were written after \
                 {signed_at}"
            ),
            Self::Truncated { checkpoint, size } => {
                write!(f, "a checkpoint is signed for {checkpoint} rows, and there are {size}")
            }
            Self::OtherRows { above, checkpoint } => {
                write!(
                    f,
                    "rows from number {above} on are not those that the checkpoint at {checkpoint} is signed for"
                )
            }
            Self::SinkPlace { sink } => write!(
                f,
                "the place of the sink `{sink}` is not one in the log: it gets no rows, or those again that it has"
            ),
            Self::BadCheckpoint { size: Some(size), why } => write!(f, "the checkpoint at {size}: {why}"),
            Self::BadCheckpoint { size: None, why } => write!(f, "a checkpoint: {why}"),
        }
    }
}

/// Verifies a trail row by row: from the database, or from an export without any key but the public one.
///
/// Give it first what retention has removed, by the hashes of the segments, then every row in the order of their numbers, then
/// the rows without one.
///
/// ```no_run
/// # fn example(rows: Vec<sigra::audit::Row>, keys: &[sigra::audit::PublicKey], file: &str) {
/// let mut auditor = sigra::audit::Auditor::new("sigra_audit", keys, file);
/// for row in &rows {
///     auditor.row(row);
/// }
/// for finding in auditor.finish().findings {
///     println!("{finding}");
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Auditor {
    table: String,
    keys: Option<Keys>,
    /// The tree over what was given so far.
    edge: Edge,
    /// The tree before the segment that is being given.
    before: Edge,
    /// Something is wrong in this segment, so its rows do not make up its hash.
    broken: bool,
    /// The hash of a segment is not to be had, so nothing above it can be held against a checkpoint.
    lost: bool,
    /// What there is to say of rows of this segment that no key vouches for, only its hash.
    unkeyed: Vec<Finding>,
    /// When the checkpoints that were kept outside were signed.
    signed: Vec<(OffsetDateTime, u64)>,
    /// The number that the next row must have.
    next: u64,
    /// Checkpoints that are not reached yet: the largest first.
    checkpoints: Vec<(u64, Hash)>,
    /// Up to here the last good checkpoint vouches for everything.
    vouched: u64,
    removed_until: Option<OffsetDateTime>,
    /// Rows without their facts, by account, that no erasure has been found for yet.
    erased: BTreeMap<String, Vec<(Option<u64>, uuid::Uuid)>>,
    /// Rows that are out of place: where the finding stands, and what would tell where they were sealed.
    suspects: Vec<Suspect>,
    /// [`Finding::Tree`] was found, also where it only counts as one more.
    found_tree: bool,
    report: AuditReport,
}

#[derive(Debug)]
struct Suspect {
    finding: usize,
    mac: Vec<u8>,
    seal: Vec<u8>,
}

impl Auditor {
    /// Begins with the trail of one table, such as `"sigra_audit"`, the public keys of its checkpoints, and a text with the
    /// checkpoints that were kept, in the form that [`FileSink`](super::FileSink) writes.
    ///
    /// Without the secret keys it is the checkpoints that find a change: everything below the newest one is held against
    /// it, and a finding says between which two checkpoints it lies.
    #[must_use]
    pub fn new(table: &str, public_keys: &[PublicKey], checkpoints: &str) -> Self {
        let mut auditor = Self {
            table: table.to_owned(),
            keys: None,
            edge: Edge::default(),
            before: Edge::default(),
            broken: false,
            lost: false,
            unkeyed: Vec::new(),
            signed: Vec::new(),
            next: 0,
            checkpoints: Vec::new(),
            vouched: 0,
            removed_until: None,
            erased: BTreeMap::new(),
            suspects: Vec::new(),
            found_tree: false,
            report: AuditReport::default(),
        };
        let found = Checkpoint::find_all(checkpoints);
        if found.is_empty() && !checkpoints.trim().is_empty() {
            auditor.find(Finding::BadCheckpoint { size: None, why: CheckpointError::Malformed });
        }
        for checkpoint in found {
            let size = checkpoint.as_ref().ok().map(Checkpoint::size);
            match checkpoint.and_then(|checkpoint| checkpoint.verify(public_keys).map(|()| checkpoint)) {
                Ok(checkpoint) => {
                    auditor.signed.extend(checkpoint.signed_at().map(|at| (at, checkpoint.size())));
                    auditor.expect(&checkpoint);
                }
                Err(why) => auditor.find(Finding::BadCheckpoint { size, why }),
            }
        }
        auditor
    }

    /// Checks each row by its keyed hashes too.
    pub(crate) fn with_keys(mut self, keys: &Keys) -> Self {
        self.keys = Some(keys.clone());
        self
    }

    /// The newest row that retention removed.
    pub(crate) fn removed_until(&mut self, until: Option<OffsetDateTime>) {
        self.removed_until = until;
    }

    /// Rows above a checkpoint were written after it, so none of them is older: of those above the first one that was signed
    /// after `oldest` retention may have removed none.
    pub(crate) fn retained_since(&mut self, oldest: OffsetDateTime, removed: u64) {
        let kept = self.signed.iter().filter(|(at, size)| *at > oldest + DISORDER && *size < removed);
        if let Some(&(signed_at, checkpoint)) = kept.min_by_key(|(_, size)| *size) {
            self.find(Finding::RemovedEarly { removed, checkpoint, signed_at });
        }
    }

    /// A checkpoint whose signature is good.
    pub(crate) fn expect(&mut self, checkpoint: &Checkpoint) {
        let expected = (checkpoint.size(), checkpoint.root());
        // A sink may have taken it twice. Two for one size that differ are both held against the rows.
        if let Err(at) = self.checkpoints.binary_search_by(|known| expected.cmp(known)) {
            self.checkpoints.insert(at, expected);
        }
    }

    pub(crate) fn find(&mut self, finding: Finding) {
        if self.report.findings.len() < MOST_FINDINGS {
            self.report.findings.push(finding);
        } else {
            self.report.more += 1;
        }
    }

    /// A segment that retention has removed, by its hash. Those come first, in their order.
    pub fn removed_segment(&mut self, hash: [u8; 32]) {
        self.next += SEGMENT;
        self.report.removed += SEGMENT;
        if self.lost {
            return;
        }
        self.edge.push_segment(hash);
        self.before = self.edge.clone();
        self.compare();
    }

    /// A segment that retention has removed, and whose hash is gone too.
    pub(crate) fn lost_segment(&mut self) {
        self.find(Finding::Segment { segment: self.next / SEGMENT });
        self.next += SEGMENT;
        self.report.removed += SEGMENT;
        self.lose();
    }

    fn lose(&mut self) {
        (self.lost, self.broken) = (true, true);
    }

    /// The next row. One that bears another number than the next shows that rows are missing, or that it does not belong here.
    pub fn row(&mut self, row: &Row) {
        let Some(leaf) = row.leaf.and_then(|leaf| u64::try_from(leaf).ok()) else {
            return self.unsealed(row);
        };
        if leaf < self.next {
            self.report.rows += 1;
            return self.stray(row);
        }
        self.skip_to(leaf);
        self.report.rows += 1;
        self.next = leaf + 1;
        self.look_at(row, leaf);
        if !self.broken {
            self.edge.push(row.leaf_hash(&self.table));
            self.compare();
        }
    }

    /// Every number up to this one that has not come is missing.
    pub(crate) fn skip_to(&mut self, leaf: u64) {
        while self.next < leaf {
            self.find(Finding::Missing { leaf: self.next });
            self.broken = true;
            self.next += 1;
            // Without the stored hashes nothing more can be computed; the rows are counted all the same.
            if self.report.more > 0 {
                self.report.more += leaf - self.next;
                self.next = leaf;
            }
        }
    }

    /// A row that bears a number and cannot be read.
    pub(crate) fn unreadable(&mut self, leaf: Option<u64>) {
        self.find(Finding::Unreadable { leaf });
        self.broken = true;
        self.next += u64::from(leaf == Some(self.next));
    }

    /// A whole segment has been given. Its stored hash takes the place of rows that do not fit, so that what comes after is
    /// held against the checkpoints all the same.
    pub(crate) fn end_segment(&mut self, stored: Option<Hash>) {
        let mut whole = None;
        if let Some(stored) = stored
            && !self.lost
        {
            whole.insert(self.before.clone()).push_segment(stored);
        }
        let fits = !self.broken && whole.as_ref() == Some(&self.edge);
        if !self.broken && !fits {
            self.find(Finding::Segment { segment: self.before.size() / SEGMENT });
        }
        match whole {
            // Rows that nothing else vouches for are worth no more than the stored hash.
            Some(whole) if self.broken || !fits && !self.unkeyed.is_empty() => {
                self.edge = whole;
                self.broken = false;
                self.compare();
            }
            None if self.broken => self.lose(),
            _ => {}
        }
        self.vouch(fits);
        self.before = self.edge.clone();
    }

    /// What says how far the log goes is not as Sigra left it.
    pub(crate) fn find_tree(&mut self) {
        if !self.found_tree {
            self.found_tree = true;
            self.find(Finding::Tree);
        }
    }

    /// Everything that has a number has been given, and this is the tree, if Sigra wrote what says so.
    pub(crate) fn end_log(&mut self, tree: Option<&Edge>) {
        let fits = !self.broken && tree.is_some_and(|tree| *tree == self.edge);
        let is_other = tree.is_some() && !self.broken && !fits && self.unkeyed.is_empty();
        if is_other {
            self.find_tree();
        }
        self.vouch(fits);
    }

    /// Rows under old keys are no findings where the hash over them is right.
    fn vouch(&mut self, fits: bool) {
        for finding in std::mem::take(&mut self.unkeyed) {
            match finding {
                Finding::UnknownKey { .. } if fits => self.report.under_old_keys += 1,
                finding => self.find(finding),
            }
        }
    }

    fn look_at(&mut self, row: &Row, leaf: u64) {
        let at = Some(leaf);
        if let Some(keys) = &self.keys {
            let (signed, known) = (keys.signed(row, &self.table), keys.knows(&row.key_id));
            let seal = row.seal.clone().unwrap_or_default();
            let sealed = keys.sealed(leaf, &row.mac, &seal);
            let foreign = row.is_foreign() && (!signed || keys.sealed_foreign(leaf, &row.mac, &seal));
            match (known, signed) {
                // The mark is one of the log's, if the hashes say so.
                _ if foreign => self.unkeyed.push(Finding::Inserted { leaf: at, row: row.id }),
                (false, _) => {
                    let key_id = row.key_id.clone();
                    self.unkeyed.push(Finding::UnknownKey { leaf: at, row: row.id, key_id });
                }
                (true, false) => {
                    self.broken = true;
                    self.find(Finding::Edited { leaf, row: row.id });
                }
                (true, true) if !sealed => self.moved(row, at),
                (true, true) => {}
            }
        } else if row.is_foreign() {
            self.find(Finding::Inserted { leaf: at, row: row.id });
        }
        self.look_at_facts(row, at);
    }

    /// Whether the personal facts are those that were written, and whether the row may be as old as it is.
    fn look_at_facts(&mut self, row: &Row, leaf: Option<u64>) {
        match row.personal() {
            Personal::None | Personal::Kept => {}
            Personal::Changed => self.find(Finding::FactsChanged { leaf, row: row.id }),
            Personal::Erased => match row.user_id.as_ref().filter(|_| row.has_own_facts()) {
                Some(user_id) => self.erased.entry(user_id.clone()).or_default().push((leaf, row.id)),
                None => self.find(Finding::FactsErased { leaf, row: row.id }),
            },
        }
        let is_erasure =
            row.event == Event::ErasePersonalFacts.name() && row.outcome == AuditOutcome::Success.name();
        // Under an old key it is counted or a finding itself.
        let signed = |keys: &Keys| keys.signed(row, &self.table) || !keys.knows(&row.key_id);
        let genuine = !row.is_foreign() && self.keys.as_ref().is_none_or(signed);
        if is_erasure
            && genuine
            && let Some(user_id) = &row.user_id
        {
            // Only rows that stood before it in the log can have been meant.
            self.erased.remove(user_id);
        }
        if self.removed_until.is_some_and(|until| row.at + DISORDER < until) {
            self.find(Finding::Replayed { leaf, row: row.id });
        }
    }

    fn moved(&mut self, row: &Row, leaf: Option<u64>) {
        if self.suspects.len() < MOST_SUSPECTS
            && self.report.findings.len() < MOST_FINDINGS
            && let Some(seal) = row.seal.clone()
        {
            let finding = self.report.findings.len();
            self.suspects.push(Suspect { finding, mac: row.mac.clone(), seal });
        }
        // The tree has another row here.
        self.broken = self.broken || leaf.is_some();
        self.find(Finding::Moved { leaf, row: row.id, from: None });
    }

    /// A row that bears a number which the log has not given, or has given to another.
    pub(crate) fn stray(&mut self, row: &Row) {
        let leaf = row.leaf.and_then(|leaf| u64::try_from(leaf).ok());
        let seal = row.seal.as_deref().unwrap_or_default();
        match (&self.keys, leaf) {
            // Sealed in this very place, above the end of the log: the tree's row was put back.
            (Some(keys), Some(leaf)) if leaf >= self.next && keys.sealed(leaf, &row.mac, seal) => {
                self.find_tree();
            }
            (Some(keys), _) if keys.signed(row, &self.table) => {
                let broken = self.broken;
                self.moved(row, leaf);
                self.broken = broken;
            }
            _ => self.find(Finding::Inserted { leaf, row: row.id }),
        }
    }

    /// A row without a number.
    fn unsealed(&mut self, row: &Row) {
        self.report.rows += 1;
        self.report.unsealed += 1;
        if let Some(keys) = &self.keys {
            if !keys.knows(&row.key_id) {
                return self.find(Finding::UnknownKey {
                    leaf: None,
                    row: row.id,
                    key_id: row.key_id.clone(),
                });
            }
            if !keys.signed(row, &self.table) {
                return self.find(Finding::Inserted { leaf: None, row: row.id });
            }
        }
        if row.seal.is_some() {
            self.moved(row, None);
        }
        self.look_at_facts(row, None);
    }

    /// Holds the tree against the checkpoints for as many rows.
    fn compare(&mut self) {
        while let Some(&(size, root)) = self.checkpoints.last()
            && size <= self.edge.size()
        {
            self.checkpoints.pop();
            if size < self.edge.size() {
                self.report.unchecked += 1;
            } else if root == self.edge.root() {
                self.report.checkpoints += 1;
                self.vouched = size;
            } else {
                self.find(Finding::OtherRows { above: self.vouched, checkpoint: size });
            }
        }
    }

    /// Ends with the report.
    #[must_use]
    pub fn finish(mut self) -> AuditReport {
        self.report.size = self.next;
        for (size, _) in std::mem::take(&mut self.checkpoints).into_iter().rev() {
            if size > self.next {
                self.find(Finding::Truncated { checkpoint: size, size: self.next });
            } else {
                self.report.unchecked += 1;
            }
        }
        for (leaf, row) in std::mem::take(&mut self.erased).into_values().flatten() {
            self.find(Finding::FactsErased { leaf, row });
        }
        self.tell_where_from();
        self.report
    }

    /// A row that was moved was sealed where one is missing or another stands.
    fn tell_where_from(&mut self) {
        let Some(keys) = &self.keys else { return };
        let places: Vec<u64> =
            self.report.findings.iter().filter_map(Finding::leaf).take(MOST_SUSPECTS).collect();
        for Suspect { finding, mac, seal } in &self.suspects {
            let origin = places.iter().find(|leaf| keys.sealed(**leaf, mac, seal));
            if let Some(Finding::Moved { from, .. }) = self.report.findings.get_mut(*finding) {
                *from = origin.copied();
            }
        }
    }
}
