//! The audit trail: what is recorded of every operation, and the evidence that it was not changed.
//!
//! Every row carries a keyed hash from the moment it is written, in the transaction of the change that it records. After the
//! commit a sequencer numbers the committed rows without gaps, seals each in its place and appends it to the Merkle tree of
//! RFC 6962; no request waits for that. Each interval the tree's root is signed, as a [`Checkpoint`], and handed to a
//! [`CheckpointSink`] outside the database. [`Sigra::verify_audit`](crate::Sigra::verify_audit) holds rows, seals, tree and
//! checkpoints against each other and names what does not fit.

mod checkpoint;
mod event;
mod evidence;
mod log;
mod note;
mod proof;
mod row;
mod tree;
mod verify;

pub use self::checkpoint::{Checkpoint, CheckpointError, CheckpointSink, FileSink, LogSink, SinkError};
pub(crate) use self::event::Entry;
pub use self::event::{Activity, Actor, AuditOutcome, Event, Reason};
pub(crate) use self::evidence::{Evidence, EvidenceSetup};
pub(crate) use self::log::{
    Gap, Log, LogEntry, Segment, Unsealed, from_bytes as entries_from_bytes, gaps_between,
    to_bytes as entries_to_bytes,
};
pub use self::note::{PublicKey, PublicKeyError};
pub use self::proof::{InclusionProof, ProofError};
pub use self::row::Row;
pub(crate) use self::row::State;
pub(crate) use self::tree::{Edge, Hash, Hashes, SEGMENT, inclusion};
pub use self::verify::{AuditReport, Auditor, Finding};

/// The table of the trail of a user type.
pub(crate) fn table<U: crate::Account>() -> String {
    format!("{}audit", U::SCHEMA.prefix)
}
