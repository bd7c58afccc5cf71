//! What one process needs to make evidence and to check it: keys, signer, sinks.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use time::OffsetDateTime;

use super::checkpoint::{Checkpoint, CheckpointSink, LogSink};
use super::note::{Signer, is_name};
use super::row::Keys;
use super::sink::AuditSink;
use super::tree::{Edge, Hash};
use crate::error::Failure;
use crate::keyring::Keyring;

/// Settings of the builder.
pub(crate) struct EvidenceSetup {
    pub(crate) origin: Option<String>,
    pub(crate) every: Duration,
    pub(crate) sinks: Vec<Arc<dyn CheckpointSink>>,
    pub(crate) row_sinks: Vec<Arc<dyn AuditSink>>,
}

impl Default for EvidenceSetup {
    fn default() -> Self {
        Self { origin: None, every: Duration::from_mins(1), sinks: Vec::new(), row_sinks: Vec::new() }
    }
}

/// Ready for use.
pub(crate) struct Evidence {
    secrets: RwLock<Arc<Secrets>>,
    pub(crate) origin: String,
    pub(crate) every: Duration,
    pub(crate) sinks: Vec<Arc<dyn CheckpointSink>>,
    pub(crate) row_sinks: Vec<Arc<dyn AuditSink>>,
    /// Names this process where a lease is held.
    pub(crate) node: uuid::Uuid,
    memory: Mutex<Memory>,
}

/// What this process knows of the log by itself: whoever can write to the database can put any of it back there.
#[derive(Default)]
struct Memory {
    /// The longest tree that was committed.
    edge: Option<Edge>,
    /// Somebody put the log back. It stays so when the log has become longer than it was.
    put_back: bool,
    /// The newest checkpoint that it signed, and when it did.
    signed: Option<(Checkpoint, OffsetDateTime)>,
    /// Which sink has taken which checkpoint, of those that wait for others, and of the newest.
    taken: HashSet<(usize, u64, Hash)>,
}

/// What a process had seen of the log at some moment.
pub(crate) struct Seen {
    longest: Option<Edge>,
    put_back: bool,
}

impl Seen {
    /// Whether it was known by then that somebody put the log back.
    pub(crate) fn put_back(&self) -> bool {
        self.put_back
    }

    /// Whether a tree that was read later is what the longest one has become.
    pub(crate) fn goes_on(&self, edge: &Edge) -> bool {
        !self.put_back && self.longest.as_ref().is_none_or(|longest| !edge.goes_back_from(longest))
    }
}

/// What is derived from one ring. Whoever takes it keeps the ring it was derived from, also while another replaces it.
pub(crate) struct Secrets {
    pub(crate) keys: Keys,
    pub(crate) signer: Signer,
}

impl Secrets {
    fn of(ring: &Keyring, origin: &str) -> Self {
        Self { keys: Keys::of(ring), signer: Signer::new(origin, ring) }
    }
}

impl Evidence {
    /// The keys in use.
    pub(crate) fn secrets(&self) -> Arc<Secrets> {
        self.secrets.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs with another ring from now on.
    pub(crate) fn replace_keys(&self, ring: &Keyring) {
        let next = Arc::new(Secrets::of(ring, &self.origin));
        *self.secrets.write().unwrap_or_else(PoisonError::into_inner) = next;
    }

    /// What another ring would sign with.
    pub(crate) fn secrets_of(&self, ring: &Keyring) -> Secrets {
        Secrets::of(ring, &self.origin)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What this process has seen of the log by now. To be asked before what it is held against is read: another task may see more
    /// meanwhile.
    pub(crate) fn seen(&self) -> Seen {
        let memory = self.memory();
        Seen { longest: memory.edge.clone(), put_back: memory.put_back }
    }

    /// Remembers a tree that was committed.
    pub(crate) fn remember(&self, edge: &Edge) {
        let mut memory = self.memory();
        if memory.edge.as_ref().is_none_or(|longest| !edge.goes_back_from(longest)) {
            memory.edge = Some(edge.clone());
        }
    }

    /// Remembers a tree that was committed, and says whether it is what the one has become that was seen before it was read.
    /// Once it was not, none is any more.
    pub(crate) fn goes_on(&self, edge: &Edge, seen: &Seen) -> bool {
        if !seen.goes_on(edge) {
            self.memory().put_back = true;
        }
        self.remember(edge);
        !self.memory().put_back
    }

    /// Whether this process has signed one within the interval.
    pub(crate) fn signed_lately(&self, now: OffsetDateTime) -> bool {
        self.memory().signed.as_ref().is_some_and(|(_, at)| *at <= now && now - *at < self.every)
    }

    /// Remembers a checkpoint that it signed. Two tasks may come with theirs in any order.
    pub(crate) fn signed(&self, checkpoint: &Checkpoint, at: OffsetDateTime) {
        let mut memory = self.memory();
        if memory.signed.as_ref().is_none_or(|(newest, _)| newest.size() <= checkpoint.size()) {
            memory.signed = Some((checkpoint.clone(), at));
        }
    }

    /// The newest checkpoint that this process signed.
    pub(crate) fn newest_signed(&self) -> Option<Checkpoint> {
        self.memory().signed.as_ref().map(|(newest, _)| newest.clone())
    }

    /// The newest checkpoint that this process signed, where a sink has not taken it.
    pub(crate) fn newest_due(&self) -> Option<Checkpoint> {
        let newest = self.newest_signed()?;
        (0..self.sinks.len()).any(|sink| !self.has_taken(sink, &newest)).then_some(newest)
    }

    pub(crate) fn has_taken(&self, sink: usize, checkpoint: &Checkpoint) -> bool {
        self.memory().taken.contains(&(sink, checkpoint.size(), checkpoint.root()))
    }

    pub(crate) fn taken(&self, sink: usize, checkpoint: &Checkpoint) {
        self.memory().taken.insert((sink, checkpoint.size(), checkpoint.root()));
    }

    /// Forgets who has taken what, but of these sizes and of the newest.
    pub(crate) fn wait_for(&self, sizes: &HashSet<u64>) {
        let mut memory = self.memory();
        let newest = memory.signed.as_ref().map(|(newest, _)| newest.size());
        memory.taken.retain(|(_, size, _)| Some(*size) == newest || sizes.contains(size));
    }

    /// Derives the keys of the trail in `table`.
    pub(crate) fn new(setup: EvidenceSetup, table: &str, ring: &Keyring) -> Result<Self, Failure> {
        let name = setup.origin.as_deref().unwrap_or("sigra");
        if !is_name(name) {
            return Err(Failure::Config(format!(
                "`{name}` cannot name the log of the audit trail: write a name without blanks and plus signs, such as \
                 `acme.example`"
            )));
        }
        named_apart(&setup.row_sinks)?;
        let origin = format!("{name}/{table}");
        let mut sinks = setup.sinks;
        if sinks.is_empty() {
            sinks.push(Arc::new(LogSink));
        }
        let secrets = RwLock::new(Arc::new(Secrets::of(ring, &origin)));
        Ok(Self {
            secrets,
            origin,
            every: setup.every,
            sinks,
            row_sinks: setup.row_sinks,
            node: uuid::Uuid::now_v7(),
            memory: Mutex::default(),
        })
    }
}

/// The database keeps the place of each sink under its name.
fn named_apart(sinks: &[Arc<dyn AuditSink>]) -> Result<(), Failure> {
    let mut names: Vec<String> = sinks.iter().map(|sink| sink.name()).collect();
    names.sort();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Failure::Config("two sinks of the audit trail have one name: give each its own".into()));
    }
    // No blanks: MariaDB does not see those at the end of a name.
    let is_name =
        |name: &String| (1..=100).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
    if !names.iter().all(is_name) {
        return Err(Failure::Config(
            "the name of a sink of the audit trail has 1 to 100 characters of ASCII, none of them a blank"
                .into(),
        ));
    }
    Ok(())
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evidence")
            .field("origin", &self.origin)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}
