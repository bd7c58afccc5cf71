//! How a host starts Sigra.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::account::Account;
use crate::audit::{AuditSink, CheckpointSink, Evidence, EvidenceSetup, table};
use crate::clock::{Clock, SystemClock};
use crate::core::{Core, OPERATIONS, Sigra};
use crate::error::{Error, Failure};
use crate::keyring::{Current, Keyring};
use crate::password::breached::{BreachedPasswords, WhenUnavailable};
use crate::password::{Hasher, Hashing, PasswordVerifier, Peppers, Screening, Setup};
use crate::store::{Pool, Source};
use crate::telemetry::{self, Named, watched};

/// Settings for [`Sigra::builder`].
#[must_use = "call `build` to connect"]
pub struct Builder<U> {
    source: Option<Source>,
    keys: Option<Keyring>,
    clock: Arc<dyn Clock>,
    hashing: Hashing,
    pepper: Option<Keyring>,
    passwords: Setup,
    screening: Screening,
    evidence: EvidenceSetup,
    user: PhantomData<fn() -> U>,
}

impl<U: Account> Builder<U> {
    pub(crate) fn new() -> Self {
        Self {
            source: None,
            keys: None,
            clock: Arc::new(SystemClock),
            hashing: Hashing::default(),
            pepper: None,
            passwords: Setup::default(),
            screening: Screening::default(),
            evidence: EvidenceSetup::default(),
            user: PhantomData,
        }
    }

    /// Opens pools of Sigra's own: `sqlite://app.db`, `postgres://..` or `mysql://..`.
    pub fn url(mut self, url: &str) -> Self {
        self.source = Some(Source::Url(url.to_owned()));
        self
    }

    /// Uses the host's SQLite pool. Its connections should use WAL, `synchronous = FULL` and foreign keys.
    #[cfg(feature = "sqlite")]
    pub fn sqlite_pool(mut self, pool: sqlx::SqlitePool) -> Self {
        self.source = Some(Source::Sqlite(pool));
        self
    }

    /// Uses the host's PostgreSQL pool.
    ///
    /// A read on a pool that others use costs one more round trip: see SECURITY.md on cancelled transactions.
    #[cfg(feature = "postgres")]
    pub fn pg_pool(mut self, pool: sqlx::PgPool) -> Self {
        self.source = Some(Source::Postgres(pool));
        self
    }

    /// Uses the host's MariaDB or MySQL pool.
    ///
    /// A read on a pool that others use costs one more round trip: see SECURITY.md on cancelled transactions.
    #[cfg(feature = "mysql")]
    pub fn mysql_pool(mut self, pool: sqlx::MySqlPool) -> Self {
        self.source = Some(Source::MySql(pool));
        self
    }

    /// Uses these keys instead of the environment variable `SIGRA_KEYS`.
    pub fn keyring(mut self, keys: Keyring) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Uses another clock, in tests.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets how many passwords are hashed at once, and how many requests may wait.
    pub fn hashing(mut self, hashing: Hashing) -> Self {
        self.hashing = hashing;
        self
    }

    /// Uses these peppers instead of the environment variable `SIGRA_PEPPER`: a ring of its own, in the form of
    /// [`Keyring::parse`].
    ///
    /// A pepper is the secret input of Argon2 (RFC 9106 3.1): whoever has the database alone cannot even try passwords. Each
    /// hash names its pepper. The first of the ring writes and all verify; a hash without the first one gets it with the next
    /// sign-in. The [module of the keys](crate::keyring) says how peppers are rotated, and how the first one comes to several
    /// processes. A pepper that is lost makes the passwords under it worthless.
    pub fn pepper(mut self, peppers: Keyring) -> Self {
        self.pepper = Some(peppers);
        self
    }

    /// Verifies imported hashes of a form of the host's own, until each account's first sign-in.
    pub fn verifier(mut self, verifier: impl PasswordVerifier) -> Self {
        self.passwords.verifiers.push(Arc::new(verifier));
        self
    }

    /// Gives one hash as they were imported, such as `"$2b$12$.."`, so that every sign-in costs the same.
    ///
    /// Without it an account whose hash was imported, or has the cost of an older policy, takes its own time in addition to
    /// that of an Argon2id hash: a stranger who measures learns that there is such an account. With it every attempt computes
    /// one hash of this kind too, for nothing where the account has none. Call it once for each form and cost in use, with the
    /// hash of any password, and take the call out again when all have signed in.
    pub fn imported_like(mut self, example: impl Into<String>) -> Self {
        self.passwords.examples.push(example.into());
        self
    }

    /// Names the application as its visitors know it: a password that is made of such a name is refused, like one that is made
    /// of the account's address (NIST SP 800-63B-4 3.1.1.2, ASVS 6.2.11). Each call adds a name. The host name of the site is one
    /// without being named: that of `sigra::axum::Web::new`, and of the links that
    /// [`start_worker`](crate::Sigra::start_worker) is given.
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.screening.names.push(name.into());
        self
    }

    /// Refuses new passwords that are known from data breaches (ASVS 6.2.12), and says what to do while the source cannot be
    /// asked. Left out, nothing is looked up.
    ///
    /// ```no_run
    /// # use sigra::password::breached::{BreachedFiles, WhenUnavailable};
    /// # fn example<U: sigra::Account>(builder: sigra::Builder<U>) -> Result<sigra::Builder<U>, sigra::Error> {
    /// let files = BreachedFiles::open("/var/lib/pwned-passwords")?;
    /// let builder = builder.breached_passwords(files, WhenUnavailable::Refuse);
    /// # Ok(builder)
    /// # }
    /// ```
    pub fn breached_passwords(
        mut self,
        source: impl BreachedPasswords,
        when_unavailable: WhenUnavailable,
    ) -> Self {
        self.screening.breached = Some((Arc::new(source), when_unavailable));
        self
    }

    /// Refuses new passwords that take fewer guesses than this, as zxcvbn estimates. Left out, nothing is estimated.
    #[cfg(feature = "zxcvbn")]
    pub fn strength(mut self, least: crate::password::Strength) -> Self {
        self.screening.strength = Some(least);
        self
    }

    /// Names the log of the audit trail in its checkpoints, such as `"acme.example"`: one word, unlike that of any other
    /// application. Choose it once: a checkpoint is one of the log that it names. Left out, it is `sigra`.
    pub fn audit_origin(mut self, name: impl Into<String>) -> Self {
        self.evidence.origin = Some(name.into());
        self
    }

    /// Hands the checkpoints of the audit trail to this sink, such as a [`FileSink`](crate::audit::FileSink) on a disk that
    /// nobody who can write to the database can write to. Each call adds one. Left out, they go to the log
    /// ([`LogSink`](crate::audit::LogSink)).
    pub fn checkpoint_to(mut self, sink: impl CheckpointSink) -> Self {
        self.evidence.sinks.push(Arc::new(sink));
        self
    }

    /// Forwards the sealed rows of the audit trail to this sink, in order and at least once: see [`AuditSink`]. Each call adds
    /// one; two of one name make [`build`](Self::build) fail. The worker does it, or
    /// [`Sigra::forward_audit`].
    pub fn forward_audit_to(mut self, sink: impl AuditSink) -> Self {
        self.evidence.row_sinks.push(Arc::new(sink));
        self
    }

    /// How often the worker signs a checkpoint, where there are new rows; one minute if left out. In the rows of so long, whoever
    /// holds database and keys could still change anything without being found. Whoever holds the database alone could put the
    /// log back to where it was and leave rows out of them, and is found only by the processes that have sealed, verified or, in
    /// their worker, looked on meanwhile, until these are started again: see [`Sigra::verify_audit`].
    pub fn checkpoint_every(mut self, interval: std::time::Duration) -> Self {
        self.evidence.every = interval;
        self
    }

    /// Connects, and compares the keys and peppers with those that the database was used with, where it has Sigra's tables
    /// already: the [module of the keys](crate::keyring) says what is found out. Writes no audit row.
    ///
    /// # Errors
    /// [`Failure::Keys`] with what to set, also where the database was used with other keys, [`Failure::Config`] for settings
    /// that cannot work, [`Failure::Database`] where the server does not answer.
    pub async fn build(self) -> Result<Sigra<U>, Error> {
        watched::<U>(Named::Connect).run(self.open()).await
    }

    pub(crate) async fn open(self) -> Result<Sigra<U>, Error> {
        telemetry::describe();
        let source = self.source.ok_or_else(|| {
            Failure::Config("no database: give `.url(\"sqlite://app.db\")` or a pool of your own".into())
        })?;
        let keys = match self.keys {
            Some(keys) => keys,
            None => Keyring::from_env()?,
        };
        let keys = keys.writing()?;
        let peppers = Peppers::resolve(self.pepper)?;
        crate::operations::apart(&keys, &peppers)?;
        let hasher = Hasher::new(&U::POLICY.password, self.hashing, peppers, self.passwords)?;
        let evidence = Evidence::new(self.evidence, &table::<U>(), &keys)?;
        let pool = Pool::open(source).await?;
        for (key, reason) in U::POLICY.unsafe_reasons {
            telemetry::unsafe_setting(U::SCHEMA.user_type, key, reason);
        }
        let places = Arc::new(tokio::sync::Semaphore::new(OPERATIONS));
        let outbox = tokio::sync::Notify::new();
        let auth = Sigra::new(Core {
            pool,
            keys: Current::new(keys),
            rotation: tokio::sync::Mutex::default(),
            clock: self.clock,
            hasher,
            screening: self.screening,
            places,
            evidence,
            outbox,
            told_of_unadopted: std::sync::atomic::AtomicBool::default(),
            told_of_no_network: std::sync::atomic::AtomicBool::default(),
        });
        // Here too: a host that keeps Sigra's migrations among its own never calls `migrate`.
        auth.check_keys().await?;
        Ok(auth)
    }
}

impl<U> fmt::Debug for Builder<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A URL may hold a password.
        f.debug_struct("Builder")
            .field("keys", &self.keys)
            .field("hashing", &self.hashing)
            .field("pepper", &self.pepper)
            .field("screening", &self.screening)
            .finish_non_exhaustive()
    }
}
