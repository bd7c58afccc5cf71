//! The audit trail: what is recorded of every operation, and the evidence that it was not changed.
//!
//! Every row carries a keyed hash from the moment it is written, in the transaction of the change that it records. After the
//! commit a sequencer numbers the committed rows without gaps, seals each in its place and appends it to the Merkle tree of
//! RFC 6962; no request waits for that. Each interval the tree's root is signed, as a [`Checkpoint`], and handed to a
//! [`CheckpointSink`] outside the database. [`Sigra::verify_audit`](crate::Sigra::verify_audit) holds rows, seals, tree and
//! checkpoints against each other and names what does not fit.
//!
//! A host's own events stand in the same trail, by the same rules: see [`AuditEvent`] and [`Sigra::record`](crate::Sigra::record).

mod checkpoint;
mod detail;
mod details;
mod event;
mod evidence;
mod export;
mod filter;
mod host;
mod note;
mod ocsf;
mod proof;
mod reserved;
mod row;
mod row_id;
mod sink;
mod tree;
mod verify;

pub use self::checkpoint::{Checkpoint, CheckpointError, CheckpointSink, FileSink, LogSink, SinkError};
pub use self::detail::AuditDetail;
pub use self::details::{Details, EventError, Value};
pub use self::event::{Activity, Actor, AuditOutcome, Event, Reason};
pub(crate) use self::event::{AnyEvent, AnyReason, Entry};
pub(crate) use self::evidence::{Evidence, EvidenceSetup, Secrets};
pub use self::export::ExportFormat;
pub(crate) use self::filter::LARGEST_PAGE;
pub use self::filter::{AuditCursor, AuditFilter, AuditPage, CursorError};
#[doc(hidden)]
pub use self::host::event_name as __event_name;
pub use self::host::{AuditEvent, EventName, Unsuccessful};
pub use self::note::{PublicKey, PublicKeyError};
pub use self::proof::{InclusionProof, ProofError};
pub use self::row::Row;
pub(crate) use self::row::{encode_tree, micros};
pub use self::sink::AuditSink;
pub(crate) use self::sink::answer;
pub(crate) use self::tree::{Edge, Hash, Hashes, SEGMENT, inclusion};
pub(crate) use self::verify::MOST_FINDINGS;
pub use self::verify::{AuditReport, Auditor, Finding};

#[doc(inline)]
pub use crate::__sigra_event_name as event_name;
pub use sigra_macros::{AuditDetail, AuditEvent};

/// The table of the trail of a user type.
pub(crate) fn table<U: crate::Account>() -> String {
    format!("{}audit", U::SCHEMA.prefix)
}
