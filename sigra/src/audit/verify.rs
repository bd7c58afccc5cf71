//! Holds the rows of the trail, their seals, the tree and the checkpoints against each other, and says what does not fit.

use std::collections::BTreeMap;
use std::fmt;

use time::OffsetDateTime;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::event::{AuditOutcome, Event};
use super::log::LogEntry;
use super::note::PublicKey;
use super::row::{Keys, Personal, Row};
use super::tree::{Edge, Hash, SEGMENT};

/// Findings that a report lists; the rest are counted.
const MOST_FINDINGS: usize = 10_000;
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
    /// The row names a key that `SIGRA_KEYS` does not have: an old one was taken out of the ring, or the row is made up.
    UnknownKey {
        /// Its number, if it has one.
        leaf: Option<u64>,
        /// Its id.
        row: uuid::Uuid,
        /// The key.
        key_id: String,
    },
    /// The row with this number is not there: it was deleted, or another id was given to it.
    Missing {
        /// The number.
        leaf: u64,
        /// The id that it had.
        row: Option<uuid::Uuid>,
    },
    /// A row that Sigra did not write: its keyed hash is wrong, and the log does not know it.
    Inserted {
        /// Its id.
        row: uuid::Uuid,
    },
    /// A row that Sigra wrote, and that was not sealed in this place: it changed places with another, it came back after it was
    /// removed, or it committed more than an hour after rows behind it.
    Moved {
        /// The number that the log has it under, if it has it.
        leaf: Option<u64>,
        /// Its id.
        row: uuid::Uuid,
    },
    /// A row that is older than what retention removed has come back.
    Replayed {
        /// Its number, if it has one.
        leaf: Option<u64>,
        /// Its id.
        row: uuid::Uuid,
    },
    /// A row that cannot be read as one.
    Unreadable {
        /// Its id, if that can be read.
        row: Option<uuid::Uuid>,
    },
    /// The stored hash of a segment is not there or not that of its rows, of which each by itself is in order.
    Segment {
        /// Its number: the 256 rows from 256 times that on.
        segment: u64,
    },
    /// The tree's own row is gone, was changed, or was put back to an earlier state.
    Tree,
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
            Self::Edited { leaf, .. } | Self::Missing { leaf, .. } => Some(leaf),
            Self::FactsChanged { leaf, .. }
            | Self::FactsErased { leaf, .. }
            | Self::UnknownKey { leaf, .. }
            | Self::Moved { leaf, .. }
            | Self::Replayed { leaf, .. } => leaf,
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
            | Self::Inserted { row }
            | Self::Moved { row, .. }
            | Self::Replayed { row, .. } => Some(row),
            Self::Missing { row, .. } | Self::Unreadable { row } => row,
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
            Self::UnknownKey { leaf, row, key_id } => {
                write!(f, "row {row}, {}: the ring has no key `{key_id}` to check it with", place(leaf))
            }
            Self::Missing { leaf, row: Some(row) } => write!(f, "row {row}, number {leaf}, is not there"),
            Self::Missing { leaf, row: None } => write!(f, "the row with the number {leaf} is not there"),
            Self::Inserted { row } => write!(f, "row {row} was not written by Sigra"),
            Self::Moved { leaf: Some(leaf), row } => {
                write!(f, "row {row}, number {leaf}, was not sealed in this place")
            }
            Self::Moved { leaf: None, row } => {
                write!(f, "row {row} has no place in the log, and is too old for a new one")
            }
            Self::Replayed { leaf, row } => {
                write!(f, "row {row}, {}: it is older than what retention removed", place(leaf))
            }
            Self::Unreadable { row: Some(row) } => write!(f, "row {row} cannot be read"),
            Self::Unreadable { row: None } => f.write_str("a row cannot be read"),
            Self::Segment { segment } => {
                write!(f, "the stored hash of segment {segment} is not that of its rows")
            }
            Self::Tree => f.write_str("the row of the tree's state is not as Sigra left it"),
            Self::Truncated { checkpoint, size } => {
                write!(f, "a checkpoint is signed for {checkpoint} rows, and there are {size}")
            }
            Self::OtherRows { above, checkpoint } => {
                write!(
                    f,
                    "rows from number {above} on are not those that the checkpoint at {checkpoint} is signed for"
                )
            }
            Self::BadCheckpoint { size: Some(size), why } => write!(f, "the checkpoint at {size}: {why}"),
            Self::BadCheckpoint { size: None, why } => write!(f, "a checkpoint: {why}"),
        }
    }
}

/// Verifies a trail row by row: from the database, or from an export without any key but the public one.
///
/// Give it first what retention has removed, by the hashes of the segments, then every row in the order of the log, then the
/// rows that are not in the log yet.
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
    /// The number that the next row has.
    next: u64,
    /// Checkpoints that are not reached yet: the largest first.
    checkpoints: Vec<(u64, Hash)>,
    /// Up to here the last good checkpoint vouches for everything.
    vouched: u64,
    removed_until: Option<OffsetDateTime>,
    /// Rows without their facts, by account, that no erasure has been found for yet.
    erased: BTreeMap<String, Vec<(Option<u64>, uuid::Uuid)>>,
    report: AuditReport,
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
            next: 0,
            checkpoints: Vec::new(),
            vouched: 0,
            removed_until: None,
            erased: BTreeMap::new(),
            report: AuditReport::default(),
        };
        let found = Checkpoint::find_all(checkpoints);
        if found.is_empty() && !checkpoints.trim().is_empty() {
            auditor.find(Finding::BadCheckpoint { size: None, why: CheckpointError::Malformed });
        }
        for checkpoint in found {
            let size = checkpoint.as_ref().ok().map(Checkpoint::size);
            match checkpoint.and_then(|checkpoint| checkpoint.verify(public_keys).map(|()| checkpoint)) {
                Ok(checkpoint) => auditor.expect(&checkpoint),
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

    /// The time of the newest row that retention removed.
    pub(crate) fn removed_until(&mut self, until: Option<OffsetDateTime>) {
        self.removed_until = until;
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
        self.edge.push_segment(hash);
        self.before = self.edge.clone();
        self.next += SEGMENT;
        self.report.removed += SEGMENT;
        self.compare();
    }

    /// The next row of the log.
    pub fn row(&mut self, row: &Row) {
        self.look_at_facts(row, Some(self.next));
        self.advance(row);
    }

    /// The next row of the log, with what the database has it listed as.
    pub(crate) fn listed_row(&mut self, row: &Row, entry: &LogEntry) {
        let leaf = self.next;
        if let Some(keys) = &self.keys {
            let signed = keys.signed(row, &self.table);
            let sealed = keys.sealed(leaf, row.seq, &row.leaf_hash(&self.table), &entry.seal);
            self.broken |= !signed || !sealed;
            if !keys.knows(&row.key_id) {
                let key_id = row.key_id.clone();
                self.find(Finding::UnknownKey { leaf: Some(leaf), row: row.id, key_id });
            } else if !signed {
                self.find(Finding::Edited { leaf, row: row.id });
            } else if !sealed {
                self.find(Finding::Moved { leaf: Some(leaf), row: row.id });
            }
        }
        self.row(row);
    }

    fn advance(&mut self, row: &Row) {
        self.next += 1;
        self.report.rows += 1;
        if !self.broken {
            self.edge.push(row.leaf_hash(&self.table));
            self.compare();
        }
    }

    /// The next row of the log is not there.
    pub(crate) fn missing(&mut self, row: Option<uuid::Uuid>) {
        self.find(Finding::Missing { leaf: self.next, row });
        self.broken = true;
        self.next += 1;
    }

    /// A whole segment has been given. Its stored hash takes the place of rows that do not fit, so that what comes after is
    /// held against the checkpoints all the same.
    pub(crate) fn end_segment(&mut self, stored: Hash) {
        let mut whole = self.before.clone();
        whole.push_segment(stored);
        if self.broken {
            self.edge = whole;
            self.broken = false;
            self.compare();
        } else if whole != self.edge {
            self.find(Finding::Segment { segment: self.before.size() / SEGMENT });
        }
        self.before = self.edge.clone();
    }

    /// The list of a segment's rows is gone, or not one of 256.
    pub(crate) fn lost_segment(&mut self, segment: u64, stored: Option<Hash>) {
        self.find(Finding::Segment { segment });
        self.broken = true;
        self.next += SEGMENT;
        if let Some(stored) = stored {
            self.end_segment(stored);
        }
    }

    /// Whether the personal facts are those that were written, and whether the row may be as old as it is.
    fn look_at_facts(&mut self, row: &Row, leaf: Option<u64>) {
        match row.personal() {
            Personal::None | Personal::Kept => {}
            Personal::Changed => self.find(Finding::FactsChanged { leaf, row: row.id }),
            Personal::Erased => match &row.user_id {
                Some(user_id) => self.erased.entry(user_id.clone()).or_default().push((leaf, row.id)),
                None => self.find(Finding::FactsErased { leaf, row: row.id }),
            },
        }
        let is_erasure =
            row.event == Event::ErasePersonalFacts.name() && row.outcome == AuditOutcome::Success.name();
        let genuine = self.keys.as_ref().is_none_or(|keys| keys.signed(row, &self.table));
        if is_erasure
            && genuine
            && let Some(user_id) = &row.user_id
        {
            // Only rows that stand before it in the log can have been meant.
            self.erased.remove(user_id);
        }
        if self.removed_until.is_some_and(|until| row.at + DISORDER < until) {
            self.find(Finding::Replayed { leaf, row: row.id });
        }
    }

    /// A row that is not in the log yet. Those come last, in the order in which the database took them in.
    pub fn unsealed(&mut self, row: &Row) {
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
                return self.find(Finding::Inserted { row: row.id });
            }
        }
        self.look_at_facts(row, None);
    }

    /// A row that the log does not have, and that it will not take any more.
    pub(crate) fn stray(&mut self, row: &Row) {
        self.report.rows += 1;
        match &self.keys {
            Some(keys) if keys.signed(row, &self.table) => {
                self.find(Finding::Moved { leaf: None, row: row.id })
            }
            _ => self.find(Finding::Inserted { row: row.id }),
        }
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

    /// The tree over everything that was given, if it is all there.
    pub(crate) fn tree(&self) -> Option<&Edge> {
        (!self.broken && self.edge.size() == self.next).then_some(&self.edge)
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
        self.report
    }
}
