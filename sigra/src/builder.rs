//! How a host starts Sigra.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::account::Account;
use crate::clock::{Clock, SystemClock};
use crate::core::{Core, OPERATIONS, Sigra};
use crate::error::{Error, Failure};
use crate::keyring::Keyring;
use crate::password::{Hasher, Hashing};
use crate::store::{Pool, Source};

/// Settings for [`Sigra::builder`].
#[must_use = "call `build` to connect"]
pub struct Builder<U> {
    source: Option<Source>,
    keys: Option<Keyring>,
    clock: Arc<dyn Clock>,
    hashing: Hashing,
    user: PhantomData<fn() -> U>,
}

impl<U: Account> Builder<U> {
    pub(crate) fn new() -> Self {
        Self {
            source: None,
            keys: None,
            clock: Arc::new(SystemClock),
            hashing: Hashing::default(),
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

    /// Connects.
    ///
    /// # Errors
    /// [`Failure::Keys`] with what to set, [`Failure::Config`] for settings that cannot work, [`Failure::Database`] where the
    /// server does not answer.
    pub async fn build(self) -> Result<Sigra<U>, Error> {
        let source = self.source.ok_or_else(|| {
            Failure::Config("no database: give `.url(\"sqlite://app.db\")` or a pool of your own".into())
        })?;
        let keys = match self.keys {
            Some(keys) => keys,
            None => Keyring::from_env()?,
        };
        let hasher = Hasher::new(&U::POLICY.password, self.hashing)?;
        let pool = Pool::open(source).await?;
        for (key, reason) in U::POLICY.unsafe_reasons {
            tracing::warn!(user = U::SCHEMA.user_type, key, reason, "an unsafe setting is on");
        }
        let places = Arc::new(tokio::sync::Semaphore::new(OPERATIONS));
        let outbox = tokio::sync::Notify::new();
        Ok(Sigra::new(Core { pool, keys, clock: self.clock, hasher, places, outbox }))
    }
}

impl<U> fmt::Debug for Builder<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A URL may hold a password.
        f.debug_struct("Builder")
            .field("keys", &self.keys)
            .field("hashing", &self.hashing)
            .finish_non_exhaustive()
    }
}
