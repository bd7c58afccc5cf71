//! Argon2id off the async threads, behind a bounded number of permits and a bounded queue.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::engine::Engine;
use super::{Password, PasswordHash, Peppers, Setup, Verified};
use crate::error::{Error, Failure, Refusal};
use crate::keyring::Current;
use crate::policy::PasswordPolicy;
use crate::telemetry::{self, Busy};

/// How many passwords are hashed at once, how many may wait, and how long.
///
/// Memory is bounded by `permits` × the policy's `memory_kib`: each permit keeps its own blocks, wiped after every use. While an
/// imported hash is verified a permit takes what that hash asks for.
#[derive(Clone, Copy, Debug)]
pub struct Hashing {
    /// Hashes computed at once. Default: one less than the number of cores, so that whatever else the host does goes on during
    /// a flood of sign-ins; one where there is one core.
    pub permits: usize,
    /// Requests that may wait for a permit; more are refused at once with [`Refusal::Busy`]. Default: 64.
    pub queue: usize,
    /// How long one may wait before it is refused. Default: three seconds.
    pub deadline: Duration,
}

impl Default for Hashing {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self { permits: cores.saturating_sub(1).max(1), queue: 64, deadline: Duration::from_secs(3) }
    }
}

/// Hashes and verifies passwords.
#[derive(Debug)]
pub(crate) struct Hasher {
    settings: Hashing,
    permits: Arc<Semaphore>,
    places: Arc<Semaphore>,
    engine: Current<Engine>,
}

/// A place in the queue. Held from admission until the hash is computed.
#[derive(Debug)]
pub(crate) struct Place(OwnedSemaphorePermit);

impl Hasher {
    pub(crate) fn new(
        policy: &PasswordPolicy,
        settings: Hashing,
        peppers: Peppers,
        setup: Setup,
    ) -> Result<Self, Error> {
        if settings.permits == 0 {
            return Err(Failure::Config("`Hashing::permits` must be at least 1".into()).into());
        }
        let places =
            settings.permits.checked_add(settings.queue).filter(|all| *all <= Semaphore::MAX_PERMITS);
        let places = places.ok_or_else(|| Failure::Config("`Hashing::queue` is too large".into()))?;
        Ok(Self {
            settings,
            permits: Arc::new(Semaphore::new(settings.permits)),
            places: Arc::new(Semaphore::new(places)),
            engine: Current::new(Engine::new(policy, peppers, setup)?),
        })
    }

    /// Takes a place in the queue, before any other work is done for the request.
    pub(crate) fn admit(&self) -> Result<Place, Refusal> {
        self.places.clone().try_acquire_owned().map(Place).map_err(|_| self.busy(Busy::HashQueue))
    }

    /// A glance that takes no place: of a flood, most are turned away before the database is asked.
    pub(crate) fn glance(&self) -> Result<(), Refusal> {
        self.admit().map(drop)
    }

    fn busy(&self, why: Busy) -> Refusal {
        telemetry::busy(why);
        Refusal::Busy { retry_after: self.settings.deadline.max(Duration::from_secs(1)) }
    }

    /// Hashes computed since start, real and dummy alike: what a test counts instead of time.
    pub(crate) fn computed(&self) -> u64 {
        self.engine.get().computed()
    }

    /// Hashes a new password at the policy's cost.
    pub(crate) async fn hash(&self, place: Place, password: Password) -> Result<PasswordHash, Error> {
        let engine = self.engine.get();
        self.compute(place, move || engine.hash(&password)).await
    }

    /// The peppers in use.
    pub(crate) fn peppers(&self) -> Peppers {
        self.engine.get().peppers()
    }

    /// What is to be used with other peppers.
    pub(crate) fn with_peppers(&self, policy: &PasswordPolicy, peppers: Peppers) -> Result<Engine, Error> {
        self.engine.get().with_peppers(policy, peppers)
    }

    /// Hashes with this from now on. What is under way ends with what it began with.
    pub(crate) fn replace(&self, engine: Engine) {
        self.engine.set(engine);
    }

    /// A hash that no password is known to have: of the usual form, with a random result.
    pub(crate) fn unknowable(&self) -> Result<PasswordHash, Error> {
        Ok(self.engine.get().unknowable()?)
    }

    /// Verifies a password. Without a hash one of the current cost is computed all the same, and the answer is no. A stored
    /// hash that cannot be read is for the operator's log, and for the visitor like none. `upgrade` makes a better hash of the
    /// right password, which may take longer than a wrong one does.
    pub(crate) async fn verify(
        &self,
        place: Place,
        password: Password,
        stored: Option<PasswordHash>,
        upgrade: bool,
    ) -> Result<Verified, Error> {
        // One engine for both: peppers that are replaced meanwhile are for the next attempt.
        let engine = self.engine.get();
        let (stored, unreadable) = match stored.map(|hash| engine.read(hash)) {
            Some(Ok(stored)) => (stored, false),
            Some(Err(failure)) => {
                telemetry::unreadable_hash(&failure);
                (None, true)
            }
            None => (None, false),
        };
        let verified =
            self.compute(place, move || engine.verify(&password, stored.as_ref(), upgrade)).await?;
        Ok(Verified { unreadable: unreadable || verified.unreadable, ..verified })
    }

    /// Runs the work of one attempt on a blocking thread, under one permit. The permit and the place travel into the closure:
    /// a request that is dropped meanwhile frees neither before the work is done.
    async fn compute<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        let queued = telemetry::hash_queue();
        let waiting = tokio::time::timeout(self.settings.deadline, self.permits.clone().acquire_owned());
        let waited = waiting.await;
        drop(queued);
        let Ok(Ok(permit)) = waited else { return Err(self.busy(Busy::HashDeadline).into()) };
        let task = tokio::task::spawn_blocking(move || {
            let (_permit, _place) = (permit, place.0);
            work()
        });
        Ok(task.await.map_err(Failure::from)??)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(permits: usize, queue: usize) -> Hasher {
        let policy = PasswordPolicy { min_length: 15, memory_kib: 19_456, iterations: 2 };
        let settings = Hashing { permits, queue, deadline: Duration::from_secs(10) };
        Hasher::new(&policy, settings, Peppers::default(), Setup::default()).unwrap()
    }

    #[tokio::test]
    async fn a_hash_verifies_its_password_alone_and_the_dummy_path_computes_one_hash_too() {
        let hasher = hasher(1, 4);
        let hash = hasher.hash(hasher.admit().unwrap(), "correct horse battery".into()).await.unwrap();
        assert!(hash.as_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_phc());
        let verify = |password: &str, hash: Option<PasswordHash>| {
            hasher.verify(hasher.admit().unwrap(), password.into(), hash, true)
        };
        assert!(verify("correct horse battery", Some(hash.clone())).await.unwrap().right);
        assert!(!verify("correct horse batterY", Some(hash.clone())).await.unwrap().right);
        let before = hasher.computed();
        assert!(!verify("correct horse battery", None).await.unwrap().right);
        assert_eq!(hasher.computed(), before + 1);
        // Too long: no, after the same work.
        assert!(!verify(&"x".repeat(5000), Some(hash)).await.unwrap().right);
        assert_eq!(hasher.computed(), before + 2);
    }

    #[tokio::test]
    async fn a_hash_of_another_argon2_implementation_verifies() {
        // Made by argon2-cffi: hash_secret(b"correct horse battery", b"sigrasigrasigra!", 2, 19456, 1, 32, Type.ID).
        let foreign = "$argon2id$v=19$m=19456,t=2,p=1$c2lncmFzaWdyYXNpZ3JhIQ$UYXtGa1cM9YtxEXcWXnBfOKd6trEL0x7mntysjlHt4M";
        let hasher = hasher(1, 1);
        let verify = |password: &str| {
            hasher.verify(
                hasher.admit().unwrap(),
                password.into(),
                Some(PasswordHash::new(foreign.into())),
                true,
            )
        };
        assert!(verify("correct horse battery").await.unwrap().right);
        assert!(!verify("correct horse battery!").await.unwrap().right);
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
}
