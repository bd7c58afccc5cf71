//! What one process needs to make evidence and to check it: keys, signer, sinks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::checkpoint::{CheckpointSink, LogSink};
use super::note::{Signer, is_name};
use super::row::Keys;
use crate::error::Failure;
use crate::keyring::Keyring;

/// Settings of the builder.
pub(crate) struct EvidenceSetup {
    pub(crate) origin: Option<String>,
    pub(crate) every: Duration,
    pub(crate) sinks: Vec<Arc<dyn CheckpointSink>>,
}

impl Default for EvidenceSetup {
    fn default() -> Self {
        Self { origin: None, every: Duration::from_mins(1), sinks: Vec::new() }
    }
}

/// Ready for use.
pub(crate) struct Evidence {
    pub(crate) keys: Keys,
    pub(crate) signer: Signer,
    pub(crate) origin: String,
    pub(crate) every: Duration,
    pub(crate) sinks: Vec<Arc<dyn CheckpointSink>>,
    /// Names this process where a lease is held.
    pub(crate) node: uuid::Uuid,
}

impl Evidence {
    /// Derives the keys of the trail in `table`.
    pub(crate) fn new(setup: EvidenceSetup, table: &str, ring: &Keyring) -> Result<Self, Failure> {
        let name = setup.origin.as_deref().unwrap_or("sigra");
        if !is_name(name) {
            return Err(Failure::Config(format!(
                "`{name}` cannot name the log of the audit trail: write a name without blanks and plus signs, such as \
                 `acme.example`"
            )));
        }
        let origin = format!("{name}/{table}");
        let mut sinks = setup.sinks;
        if sinks.is_empty() {
            sinks.push(Arc::new(LogSink));
        }
        let signer = Signer::new(&origin, ring);
        Ok(Self {
            keys: Keys::of(ring),
            signer,
            origin,
            every: setup.every,
            sinks,
            node: uuid::Uuid::now_v7(),
        })
    }
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evidence")
            .field("origin", &self.origin)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}
