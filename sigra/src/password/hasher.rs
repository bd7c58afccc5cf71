//! Argon2id off the async threads, behind a bounded number of permits and a bounded queue.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroize as _;

use super::{Password, PasswordHash};
use crate::error::{Error, Failure, Refusal};
use crate::policy::PasswordPolicy;

/// How many passwords are hashed at once, how many may wait, and how long.
///
/// Memory is bounded by `permits` × the policy's `memory_kib`: each permit keeps its own blocks, wiped after every use.
#[derive(Clone, Copy, Debug)]
pub struct Hashing {
    /// Hashes computed at once. Default: the number of cores.
    pub permits: usize,
    /// Requests that may wait for a permit; more are refused at once with [`Refusal::Busy`]. Default: 64.
    pub queue: usize,
    /// How long one may wait before it is refused. Default: three seconds.
    pub deadline: Duration,
}

impl Default for Hashing {
    fn default() -> Self {
        let permits = std::thread::available_parallelism().map_or(2, usize::from);
        Self { permits, queue: 64, deadline: Duration::from_secs(3) }
    }
}

/// Hashes and verifies passwords.
#[derive(Debug)]
pub(crate) struct Hasher {
    params: Params,
    settings: Hashing,
    permits: Arc<Semaphore>,
    places: Arc<Semaphore>,
    memory: Arc<Memory>,
    computed: Arc<AtomicU64>,
}

/// A place in the queue. Held from admission until the hash is computed.
#[derive(Debug)]
pub(crate) struct Place(OwnedSemaphorePermit);

/// Blocks that are not in use, at most one set a permit.
#[derive(Debug, Default)]
struct Memory(Mutex<Vec<Vec<Block>>>);

const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;
/// More memory than any policy asks for: a row with a larger figure was not written by Sigra.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_ITERATIONS: u32 = 64;

impl Hasher {
    pub(crate) fn new(policy: &PasswordPolicy, settings: Hashing) -> Result<Self, Error> {
        if settings.permits == 0 {
            return Err(Failure::Config("`Hashing::permits` must be at least 1".into()).into());
        }
        let places =
            settings.permits.checked_add(settings.queue).filter(|all| *all <= Semaphore::MAX_PERMITS);
        let places = places.ok_or_else(|| Failure::Config("`Hashing::queue` is too large".into()))?;
        let params =
            Params::new(policy.memory_kib, policy.iterations, 1, Some(OUTPUT_BYTES)).map_err(|error| {
                Failure::Config(format!("the cost of `password(..)` cannot be used: {error}"))
            })?;
        Ok(Self {
            params,
            settings,
            permits: Arc::new(Semaphore::new(settings.permits)),
            places: Arc::new(Semaphore::new(places)),
            memory: Arc::default(),
            computed: Arc::default(),
        })
    }

    /// Takes a place in the queue, before any other work is done for the request.
    pub(crate) fn admit(&self) -> Result<Place, Refusal> {
        self.places.clone().try_acquire_owned().map(Place).map_err(|_| self.busy())
    }

    fn busy(&self) -> Refusal {
        Refusal::Busy { retry_after: self.settings.deadline.max(Duration::from_secs(1)) }
    }

    /// Hashes computed since start, real and dummy alike: what a test counts instead of time.
    pub(crate) fn computed(&self) -> u64 {
        self.computed.load(Ordering::SeqCst)
    }

    /// Hashes a new password at the policy's cost.
    pub(crate) async fn hash(&self, place: Place, password: Password) -> Result<PasswordHash, Error> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|error| Failure::Random(error.to_string()))?;
        let output = self.compute(place, self.params.clone(), password, salt.to_vec()).await?;
        self.stored(&salt, &output)
    }

    /// A hash that no password is known to have: of the usual form, with a random result.
    pub(crate) fn unknowable(&self) -> Result<PasswordHash, Error> {
        let mut bytes = [0; SALT_BYTES + OUTPUT_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| Failure::Random(error.to_string()))?;
        let (salt, output) = bytes.split_at(SALT_BYTES);
        self.stored(salt, output)
    }

    /// The stored form under today's cost.
    fn stored(&self, salt: &[u8], output: &[u8]) -> Result<PasswordHash, Error> {
        let phc = phc::PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: phc::ParamsString::try_from(&self.params).map_err(unusable)?,
            salt: Some(phc::Salt::new(salt).map_err(unusable)?),
            hash: Some(phc::Output::new(output).map_err(unusable)?),
        };
        Ok(PasswordHash::new(phc.to_string()))
    }

    /// Verifies a password. Without a hash one of the current cost is computed all the same, and the answer is no. A stored
    /// hash that cannot be read is for the operator's log, and for the visitor like none.
    pub(crate) async fn verify(
        &self,
        place: Place,
        password: Password,
        stored: Option<PasswordHash>,
    ) -> Result<bool, Error> {
        let stored = stored.and_then(|hash| {
            Stored::parse(&hash).inspect_err(|error| tracing::error!(%error, "a password was refused")).ok()
        });
        // Longer than any password can be: the same work on a bounded input, and no.
        let too_long = password.is_too_long();
        let password = if too_long { Password::new("") } else { password };
        let (params, salt, expected) = match stored {
            Some(stored) => (stored.params, stored.salt, Some(stored.output)),
            None => (self.params.clone(), vec![0; SALT_BYTES], None),
        };
        let output = self.compute(place, params, password, salt).await?;
        Ok(!too_long && expected.is_some_and(|expected| bool::from(output.as_slice().ct_eq(&expected))))
    }

    /// Runs Argon2id on a blocking thread. The permit and the place travel into the closure: a request that is dropped
    /// meanwhile frees neither before the work is done.
    async fn compute(
        &self,
        place: Place,
        params: Params,
        password: Password,
        salt: Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let waiting = tokio::time::timeout(self.settings.deadline, self.permits.clone().acquire_owned());
        let Ok(Ok(permit)) = waiting.await else { return Err(self.busy().into()) };
        let memory = self.memory.clone();
        let computed = self.computed.clone();
        let task = tokio::task::spawn_blocking(move || {
            let (_permit, _place) = (permit, place.0);
            let mut output = vec![0; params.output_len().unwrap_or(OUTPUT_BYTES)];
            let mut blocks = memory.take(params.block_count());
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let result =
                argon2.hash_password_into_with_memory(password.as_bytes(), &salt, &mut output, &mut blocks);
            computed.fetch_add(1, Ordering::SeqCst);
            memory.put_back(blocks);
            result.map(|()| output)
        });
        task.await
            .map_err(|error| Failure::Interrupted(error.to_string()))?
            .map_err(|error| unusable(error).into())
    }
}

impl Memory {
    fn take(&self, blocks: usize) -> Vec<Block> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        kept.resize(blocks, Block::default());
        kept
    }

    /// Keeps the blocks for the next hash: fresh ones would have to be mapped and cleared page by page each time.
    fn put_back(&self, mut blocks: Vec<Block>) {
        for block in &mut blocks {
            block.zeroize();
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(blocks);
    }
}

/// What a stored hash asks for.
struct Stored {
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Stored {
    /// Reads an Argon2id hash. Others are refused as a failure: an account with such a hash needs the operator.
    fn parse(hash: &PasswordHash) -> Result<Self, Error> {
        let phc = phc::PasswordHash::new(hash.as_phc()).map_err(unusable)?;
        let current = phc.algorithm == Algorithm::Argon2id.ident()
            && phc.version.unwrap_or(Version::V0x13.into()) == u32::from(Version::V0x13);
        let params = Params::try_from(&phc).map_err(unusable)?;
        let sane = params.m_cost() <= MAX_MEMORY_KIB && params.t_cost() <= MAX_ITERATIONS;
        match (phc.salt, phc.hash) {
            (Some(salt), Some(output)) if current && sane => {
                Ok(Self { params, salt: salt.as_ref().to_vec(), output: output.as_bytes().to_vec() })
            }
            _ => Err(Failure::PasswordHash("it is not Argon2id version 19 within sane costs".into()).into()),
        }
    }
}

/// An error that names no part of the hash.
fn unusable(error: impl std::fmt::Display) -> Failure {
    Failure::PasswordHash(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(permits: usize, queue: usize) -> Hasher {
        let policy = PasswordPolicy { min_length: 15, memory_kib: 19_456, iterations: 2 };
        Hasher::new(&policy, Hashing { permits, queue, deadline: Duration::from_secs(10) }).unwrap()
    }

    #[tokio::test]
    async fn a_hash_verifies_its_password_alone_and_the_dummy_path_computes_one_hash_too() {
        let hasher = hasher(1, 4);
        let hash = hasher.hash(hasher.admit().unwrap(), "correct horse battery".into()).await.unwrap();
        assert!(hash.as_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_phc());
        let verify = |password: &str, hash: Option<PasswordHash>| {
            hasher.verify(hasher.admit().unwrap(), password.into(), hash)
        };
        assert!(verify("correct horse battery", Some(hash.clone())).await.unwrap());
        assert!(!verify("correct horse batterY", Some(hash.clone())).await.unwrap());
        let before = hasher.computed();
        assert!(!verify("correct horse battery", None).await.unwrap());
        assert_eq!(hasher.computed(), before + 1);
        // Too long: no, after the same work.
        assert!(!verify(&"x".repeat(5000), Some(hash)).await.unwrap());
        assert_eq!(hasher.computed(), before + 2);
    }

    #[tokio::test]
    async fn a_hash_of_another_argon2_implementation_verifies() {
        // Made by argon2-cffi: hash_secret(b"correct horse battery", b"sigrasigrasigra!", 2, 19456, 1, 32, Type.ID).
        let foreign = "$argon2id$v=19$m=19456,t=2,p=1$c2lncmFzaWdyYXNpZ3JhIQ$UYXtGa1cM9YtxEXcWXnBfOKd6trEL0x7mntysjlHt4M";
        let hasher = hasher(1, 1);
        let verify = |password: &str| {
            hasher.verify(hasher.admit().unwrap(), password.into(), Some(PasswordHash::new(foreign.into())))
        };
        assert!(verify("correct horse battery").await.unwrap());
        assert!(!verify("correct horse battery!").await.unwrap());
    }

    #[tokio::test]
    async fn more_requests_than_places_are_refused_before_any_work() {
        let hasher = hasher(1, 1);
        let held = (hasher.admit().unwrap(), hasher.admit().unwrap());
        assert!(matches!(hasher.admit(), Err(Refusal::Busy { .. })));
        assert_eq!(hasher.computed(), 0);
        drop(held);
        assert!(hasher.admit().is_ok());
    }

    #[tokio::test]
    async fn memory_is_kept_and_wiped() {
        let hasher = hasher(1, 4);
        for _ in 0..3 {
            hasher.verify(hasher.admit().unwrap(), "x".into(), None).await.unwrap();
        }
        let kept = hasher.memory.0.lock().unwrap();
        assert_eq!(kept.len(), 1);
        assert!(kept[0].iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    }
}
