//! What a password costs: which hashes are computed for one attempt, whatever there is to compare with.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ::argon2::{Block, Params};
use zeroize::Zeroize as _;

use super::stored::Stored;
use super::{Password, PasswordHash, Peppers, Setup, Verified, argon2};
use crate::error::{Error, Failure};
use crate::policy::PasswordPolicy;
use crate::telemetry;

/// Forms of hashes that the log is told of.
const MOST_UNNAMED: usize = 16;

/// Computes hashes, on whichever thread it is called.
pub(crate) struct Engine {
    today: Params,
    peppers: Peppers,
    setup: Setup,
    /// One hash of each kind that was imported, to be computed where an account has none.
    examples: Vec<Stored>,
    /// Forms of stored hashes that came up and were not named, which the log has been told of.
    unnamed: Mutex<BTreeSet<String>>,
    memory: Memory,
    /// Goes on counting when the peppers are replaced.
    computed: Arc<AtomicU64>,
}

impl Engine {
    pub(super) fn new(policy: &PasswordPolicy, peppers: Peppers, setup: Setup) -> Result<Self, Error> {
        Self::counting(policy, peppers, setup, Arc::default())
    }

    /// The same with other peppers.
    pub(super) fn with_peppers(&self, policy: &PasswordPolicy, peppers: Peppers) -> Result<Self, Error> {
        Self::counting(policy, peppers, self.setup.clone(), self.computed.clone())
    }

    pub(super) fn peppers(&self) -> Peppers {
        self.peppers.clone()
    }

    fn counting(
        policy: &PasswordPolicy,
        peppers: Peppers,
        setup: Setup,
        computed: Arc<AtomicU64>,
    ) -> Result<Self, Error> {
        let today = argon2::current(policy, &peppers)?;
        let mut examples = Vec::new();
        for text in &setup.examples {
            let example = Stored::read(PasswordHash::new(text.clone()), &peppers, &setup.verifiers)
                .map_err(|error| Failure::Config(format!("an example given to `imported_like`: {error}")))?
                .ok_or_else(|| Failure::Config("`imported_like` takes a hash, not `!`".into()))?;
            // Twice the same would double the work of every sign-in for nothing.
            if !examples.iter().any(|known: &Stored| known.same_cost(&example)) {
                examples.push(example);
            }
        }
        let memory = Memory { keep: today.block_count(), free: Mutex::default() };
        Ok(Self { today, peppers, setup, examples, unnamed: Mutex::default(), memory, computed })
    }

    pub(super) fn computed(&self) -> u64 {
        self.computed.load(Ordering::SeqCst)
    }

    /// Reads a stored hash; `None` where there is none to compare with.
    pub(super) fn read(&self, hash: PasswordHash) -> Result<Option<Stored>, Failure> {
        Stored::read(hash, &self.peppers, &self.setup.verifiers)
    }

    /// A hash that no password is known to have.
    pub(super) fn unknowable(&self) -> Result<PasswordHash, Failure> {
        argon2::unknowable(&self.today)
    }

    /// Hashes a new password at today's cost.
    pub(super) fn hash(&self, password: &Password) -> Result<PasswordHash, Failure> {
        self.hash_at(&self.today, password.as_bytes())
    }

    /// Verifies a password.
    ///
    /// Every attempt computes one Argon2id hash of today's cost and one of each example. The account's own hash takes the
    /// place of that which costs the same; what is left over is computed for nothing. Where today's hash was not the
    /// account's own it becomes so, if the password was right and there is to be an upgrade: that may cost one hash more.
    ///
    /// A stored hash that cannot be computed is for the operator's log. For the visitor it is like none, after the same work: what
    /// fails for one account alone must not be an answer.
    pub(super) fn verify(
        &self,
        password: &Password,
        stored: Option<&Stored>,
        upgrade: bool,
    ) -> Result<Verified, Failure> {
        // Longer than any password can be: the same work on a bounded input, and no.
        let too_long = password.is_too_long();
        let password = if too_long { &[] } else { password.as_bytes() };
        let (stored, matches, unreadable) =
            match stored.map(|stored| (stored, self.compute(stored, password))) {
                Some((stored, Ok(matches))) => (Some(stored), matches, false),
                Some((_, Err(failure))) => {
                    telemetry::unreadable_hash(&failure);
                    (None, false, true)
                }
                None => (None, false, false),
            };
        let twin =
            stored.and_then(|stored| self.examples.iter().position(|example| example.same_cost(stored)));
        if let Some(stored) = stored
            && twin.is_none()
            && !stored.is_todays(&self.today)
        {
            self.not_named(stored);
        }
        for (index, example) in self.examples.iter().enumerate() {
            if Some(index) != twin {
                self.compute(example, password)?;
            }
        }
        let fresh = match stored {
            Some(stored) if twin.is_none() && stored.costs_today(&self.today) => None,
            _ => Some(self.hash_at(&self.today, password)?),
        };
        let right = matches && !too_long;
        let successor = stored.filter(|_| right && upgrade).and_then(|stored| stored.successor(&self.today));
        let upgrade = match (successor, fresh) {
            (Some(params), Some(fresh)) if params == self.today => Some(fresh),
            (Some(params), _) => Some(self.hash_at(&params, password)?),
            (None, _) => None,
        };
        Ok(Verified { right, unreadable, upgrade })
    }

    /// Attempts at such an account take longer than others: the operator is to hear of it, once for each form.
    fn not_named(&self, stored: &Stored) {
        let form = stored.form();
        let mut unnamed = self.unnamed.lock().unwrap_or_else(PoisonError::into_inner);
        if unnamed.len() < MOST_UNNAMED && unnamed.insert(form.clone()) {
            telemetry::hash_not_named(&form);
        }
    }

    fn compute(&self, stored: &Stored, password: &[u8]) -> Result<bool, Failure> {
        self.counted(stored.blocks(), |blocks| stored.verify(password, blocks))
    }

    fn hash_at(&self, params: &Params, password: &[u8]) -> Result<PasswordHash, Failure> {
        self.counted(params.block_count(), |blocks| argon2::hash(params, &self.peppers, password, blocks))
    }

    fn counted<T>(&self, blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
        let mut memory = if blocks > 0 { self.memory.take(blocks) } else { Vec::new() };
        let started = telemetry::Timer::start();
        let result = work(&mut memory);
        self.computed.fetch_add(1, Ordering::SeqCst);
        telemetry::hash_computed(&started);
        if blocks > 0 {
            self.memory.put_back(memory);
        }
        result
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("today", &self.today)
            .field("peppers", &self.peppers)
            .finish_non_exhaustive()
    }
}

/// Blocks that are not in use, at most one set a permit.
struct Memory {
    /// A foreign hash may take more than today's cost; that is given back.
    keep: usize,
    free: Mutex<Vec<Vec<Block>>>,
}

impl Memory {
    fn take(&self, blocks: usize) -> Vec<Block> {
        let mut kept = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        kept.resize(blocks, Block::default());
        kept
    }

    /// Keeps the blocks for the next hash: fresh ones would have to be mapped and cleared page by page each time.
    fn put_back(&self, mut blocks: Vec<Block>) {
        for block in &mut blocks {
            block.zeroize();
        }
        if blocks.capacity() <= self.keep {
            self.free.lock().unwrap_or_else(PoisonError::into_inner).push(blocks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: PasswordPolicy = PasswordPolicy { min_length: 15, memory_kib: 19_456, iterations: 2 };
    /// Made by argon2-cffi: hash_secret(b"correct horse battery", b"sigrasigrasigra!", 2, 19456, 1, 32, Type.ID).
    const FOREIGN: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c2lncmFzaWdyYXNpZ3JhIQ$UYXtGa1cM9YtxEXcWXnBfOKd6trEL0x7mntysjlHt4M";

    fn engine(setup: Setup) -> Engine {
        Engine::new(&POLICY, Peppers::default(), setup).unwrap()
    }

    #[test]
    fn memory_is_kept_and_wiped() {
        let engine = engine(Setup::default());
        for _ in 0..3 {
            engine.verify(&"x".into(), None, true).unwrap();
        }
        let kept = engine.memory.free.lock().unwrap();
        assert_eq!(kept.len(), 1);
        assert!(kept[0].iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    }

    #[test]
    fn memory_of_a_larger_foreign_hash_is_given_back() {
        let engine = engine(Setup::default());
        let large = FOREIGN.replace("m=19456", "m=32768");
        let stored = engine.read(PasswordHash::new(large)).unwrap();
        engine.verify(&"x".into(), stored.as_ref(), true).unwrap();
        assert!(engine.memory.free.lock().unwrap().is_empty());
    }

    #[test]
    fn an_example_that_cannot_be_read_is_a_setting_that_cannot_work() {
        for text in ["nonsense", "!"] {
            let setup = Setup { examples: vec![text.into()], ..Setup::default() };
            let error = Engine::new(&POLICY, Peppers::default(), setup).unwrap_err();
            assert!(matches!(error, Error::Failed(Failure::Config(_))), "{error}");
        }
    }

    #[test]
    fn every_attempt_costs_the_same_where_the_imported_kind_is_known() {
        let weak = FOREIGN.replace("t=2", "t=1");
        let engine = engine(Setup { examples: vec![weak.clone()], ..Setup::default() });
        let cost = |stored: Option<&str>| {
            let before = engine.computed();
            let stored = stored.and_then(|text| engine.read(PasswordHash::new(text.into())).unwrap());
            assert!(!engine.verify(&"wrong".into(), stored.as_ref(), true).unwrap().right);
            engine.computed() - before
        };
        assert_eq!(
            (cost(None), cost(Some(FOREIGN)), cost(Some(&weak)), cost(Some("!unusable"))),
            (2, 2, 2, 2)
        );
    }
}
