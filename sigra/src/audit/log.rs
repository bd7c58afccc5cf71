//! The log as the database keeps it: which row has which number. A number is a place in a list, so that numbering a row changes
//! nothing in the row.

use time::OffsetDateTime;

use super::row::{Keys, Seal, State};
use super::tree::{Edge, Hash, SEGMENT};

/// Bytes of an entry: the row's id and its seal.
const ENTRY: usize = 32;

/// A row's id with the seal of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogEntry {
    pub(crate) id: uuid::Uuid,
    pub(crate) seal: Seal,
}

/// Entries as the bytes of one column.
pub(crate) fn to_bytes(entries: &[LogEntry]) -> Vec<u8> {
    entries.iter().flat_map(|entry| [*entry.id.as_bytes(), entry.seal]).flatten().collect()
}

/// Reads what [`to_bytes`] wrote; `None` where a part of an entry is missing.
pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Vec<LogEntry>> {
    let (entries, rest) = bytes.as_chunks::<ENTRY>();
    let read = |entry: &[u8; ENTRY]| {
        let (id, seal) = entry.split_first_chunk::<16>()?;
        Some(LogEntry { id: uuid::Uuid::from_bytes(*id), seal: seal.try_into().ok()? })
    };
    if rest.is_empty() { entries.iter().map(read).collect() } else { None }
}

/// What the sequencer reads of a row.
#[derive(Clone, Debug)]
pub(crate) struct Unsealed {
    pub(crate) seq: i64,
    pub(crate) id: uuid::Uuid,
    pub(crate) key_id: String,
    pub(crate) hash: Vec<u8>,
    pub(crate) mac: Vec<u8>,
}

/// A full segment.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    /// The rows of the segment have numbers of the database's from this one on,
    pub(crate) low: i64,
    /// up to this one. Rows of other segments may stand between them.
    pub(crate) high: i64,
    pub(crate) entries: Vec<LogEntry>,
    pub(crate) hash: Hash,
}

/// The log's state: everything that the next row needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) edge: Edge,
    /// The rows of the segment that is not full yet.
    pub(crate) open: Vec<OpenEntry>,
    /// Rows up to this number of the database's have been read.
    pub(crate) high: i64,
    /// Rows that retention has removed: the first so many of the log.
    pub(crate) removed: u64,
    /// The time of the newest of them.
    pub(crate) removed_until: Option<OffsetDateTime>,
}

/// An entry of the open segment, with the row's number in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenEntry {
    pub(crate) seq: i64,
    pub(crate) entry: LogEntry,
}

impl Log {
    /// Reads the columns of the tree's row; `None` where they are not as [`mac`](Self::mac) says.
    pub(crate) fn read(keys: &Keys, table: &str, state: &State<'_>, mac: &[u8]) -> Option<Self> {
        if !keys.is_tree(&state.encode(table), mac) {
            return None;
        }
        let edge = Edge::from_bytes(state.size, state.nodes)?;
        let (open, rest) = state.open.as_chunks::<{ 8 + ENTRY }>();
        let read = |open: &[u8; 8 + ENTRY]| {
            let (seq, entry) = open.split_first_chunk::<8>()?;
            Some(OpenEntry { seq: i64::from_be_bytes(*seq), entry: *from_bytes(entry)?.first()? })
        };
        let open: Vec<OpenEntry> = open.iter().map(read).collect::<Option<_>>()?;
        let fits = rest.is_empty() && open.len() as u64 == state.size % SEGMENT;
        fits.then_some(Self {
            edge,
            open,
            high: state.high,
            removed: state.removed,
            removed_until: state.removed_until,
        })
    }

    /// The open segment as the bytes of one column.
    pub(crate) fn open_bytes(&self) -> Vec<u8> {
        let bytes = |open: &OpenEntry| [&open.seq.to_be_bytes()[..], &to_bytes(&[open.entry])].concat();
        self.open.iter().flat_map(bytes).collect()
    }

    /// The keyed hash over the state.
    pub(crate) fn mac(&self, keys: &Keys, table: &str) -> Hash {
        let (nodes, open) = (self.edge.to_bytes(), self.open_bytes());
        let state = State {
            size: self.edge.size(),
            nodes: &nodes,
            open: &open,
            high: self.high,
            removed: self.removed,
            removed_until: self.removed_until,
        };
        keys.tree(&state.encode(table))
    }

    /// Gives a row the next number, and the segment that it fills.
    pub(crate) fn append(&mut self, keys: &Keys, row: &Unsealed) -> Option<Segment> {
        let leaf = self.edge.size();
        // What is not 32 bytes long was not written by Sigra. It gets its place like everything that was found, and what
        // stands there stays wrong.
        let hash = Hash::try_from(&row.hash[..]).unwrap_or_default();
        let entry = LogEntry { id: row.id, seal: keys.seal(leaf, row.seq, &hash) };
        self.open.push(OpenEntry { seq: row.seq, entry });
        let hash = self.edge.push(hash)?;
        let full = std::mem::take(&mut self.open);
        let seqs = || full.iter().map(|open| open.seq);
        let (low, high) = (seqs().min().unwrap_or(row.seq), seqs().max().unwrap_or(row.seq));
        let entries = full.iter().map(|open| open.entry).collect();
        Some(Segment { number: leaf / SEGMENT, low, high, entries, hash })
    }
}

/// Numbers of the database's that were not there when higher ones were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) low: i64,
    pub(crate) high: i64,
    pub(crate) seen_at: OffsetDateTime,
}

/// The gaps below and between rows that were read, given in their order.
pub(crate) fn gaps_between(after: i64, seqs: impl IntoIterator<Item = i64>, now: OffsetDateTime) -> Vec<Gap> {
    let mut last = after;
    let mut gaps = Vec::new();
    for seq in seqs {
        if seq - last > 1 {
            gaps.push(Gap { low: last + 1, high: seq - 1, seen_at: now });
        }
        last = seq;
    }
    gaps
}

impl Gap {
    pub(crate) fn holds(&self, seq: i64) -> bool {
        (self.low..=self.high).contains(&seq)
    }

    /// What is left of the gap when these rows, in their order, have come.
    pub(crate) fn without(&self, seqs: &[i64]) -> Vec<Self> {
        let own = seqs.iter().copied().filter(|seq| self.holds(*seq));
        gaps_between(self.low - 1, own.chain([self.high + 1]), self.seen_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Keyring;

    #[test]
    fn gaps_are_what_was_not_there_and_shrink_as_it_comes() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let bounds = |gaps: &[Gap]| gaps.iter().map(|gap| (gap.low, gap.high)).collect::<Vec<_>>();
        let gaps = gaps_between(3, [4, 5, 9, 10, 12], now);
        assert_eq!(bounds(&gaps), [(6, 8), (11, 11)]);
        assert_eq!(bounds(&gaps[0].without(&[7, 11])), [(6, 6), (8, 8)]);
        assert_eq!(bounds(&gaps[0].without(&[6, 7, 8])), []);
        assert_eq!(bounds(&gaps[1].without(&[7])), [(11, 11)]);
        assert!(gaps_between(3, [4, 5], now).is_empty() && gaps_between(3, [], now).is_empty());
    }

    #[test]
    fn a_log_is_read_as_it_was_written_and_not_otherwise() {
        let keys = Keys::of(&Keyring::parse("k1:dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktdGVzdC0").unwrap());
        let mut log = Log::default();
        let mut segments = Vec::new();
        for seq in 1..=300 {
            let row = Unsealed {
                seq,
                id: uuid::Uuid::from_u128(seq.cast_unsigned().into()),
                key_id: "k1".into(),
                hash: vec![7; 32],
                mac: Vec::new(),
            };
            segments.extend(log.append(&keys, &row));
            log.high = seq;
        }
        let [segment] = &segments[..] else { panic!("one segment") };
        assert_eq!((segment.number, segment.low, segment.high, segment.entries.len()), (0, 1, 256, 256));
        assert_eq!(from_bytes(&to_bytes(&segment.entries)).unwrap(), segment.entries);
        assert!(keys.sealed(255, 256, &[7; 32], &segment.entries[255].seal));
        assert!(!keys.sealed(254, 256, &[7; 32], &segment.entries[255].seal));
        assert_eq!((log.open.len(), log.open[0].seq), (44, 257));
        let (nodes, open, mac) = (log.edge.to_bytes(), log.open_bytes(), log.mac(&keys, "t"));
        let state =
            |size, high| State { size, nodes: &nodes, open: &open, high, removed: 0, removed_until: None };
        let read = Log::read(&keys, "t", &state(300, 300), &mac).unwrap();
        assert_eq!((read.edge, read.open, read.high), (log.edge, log.open, 300));
        for (table, size, high) in [("u", 300, 300), ("t", 301, 300), ("t", 300, 299)] {
            assert!(Log::read(&keys, table, &state(size, high), &mac).is_none());
        }
        assert!(from_bytes(&[0; 33]).is_none());
    }
}
