//! `Sigra<U>`: the handle that a host keeps in its state.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use time::OffsetDateTime;
use tokio::sync::{Notify, Semaphore};

use crate::account::Account;
use crate::assurance::{Assurance, Factor};
use crate::audit::Evidence;
use crate::builder::Builder;
use crate::clock::{Clock, whole_micros};
use crate::column::{Columns, Load};
use crate::email::Identifier;
use crate::error::{Error, Failure};
use crate::keyring::{Current, Keyring};
use crate::password::{Hasher, Screening};
use crate::policy::Policy;
use crate::store::{Dialect, Migration, Pool, Row, Stamp};
use crate::telemetry::{self, Named, carry, watched};

pub use crate::telemetry::Operation;

/// Authentication for the users of type `U`. Cheap to clone; every clone is the same.
///
/// Each method names the key that turns it on. Each change is one transaction with its audit row, and an operation goes on to its
/// end even if the future that asked for it is dropped.
pub struct Sigra<U> {
    pub(crate) core: Arc<Core>,
    user: PhantomData<fn() -> U>,
}

/// What does not depend on the user type.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) pool: Pool,
    pub(crate) keys: Current<Keyring>,
    /// Held by whoever replaces keys or peppers.
    pub(crate) rotation: tokio::sync::Mutex<()>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) hasher: Hasher,
    pub(crate) screening: Screening,
    /// Operations under way: each goes on to its end whoever waits for it, so their number must have a bound.
    pub(crate) places: Arc<Semaphore>,
    /// What the audit trail is signed and sealed with.
    pub(crate) evidence: Evidence,
    /// Wakes the worker of this handle when mail was put into the outbox.
    pub(crate) outbox: Notify,
    /// Whether the log has been told of users without an account.
    pub(crate) told_of_unadopted: AtomicBool,
    /// The log has been told that a request came without a network.
    pub(crate) told_of_no_network: AtomicBool,
}

/// Operations under way in one handle and its clones; more are refused at once.
pub(crate) const OPERATIONS: usize = 512;

impl Core {
    /// The time as the database keeps it.
    pub(crate) fn now(&self) -> OffsetDateTime {
        whole_micros(self.clock.now())
    }
}

impl<U> Sigra<U> {
    pub(crate) fn new(core: Core) -> Self {
        Self { core: Arc::new(core), user: PhantomData }
    }

    /// Connects to `sqlite://`, `postgres://` or `mysql://` with the keys of the environment variable `SIGRA_KEYS`.
    ///
    /// Compares the keys and peppers with those that the database was used with, and notes which are new. Writes no audit row.
    ///
    /// # Errors
    /// [`Failure::Keys`] with what to set, also for keys that are not those of the database, [`Failure::Config`] for a URL
    /// whose database is not on, [`Failure::Database`] where the server does not answer.
    pub fn connect(url: &str) -> Operation<'_, Self>
    where
        U: Account,
    {
        watched::<U>(Named::Connect).run(async move { Self::builder().url(url).open().await })
    }

    /// Connects with settings of the host's: its own pool, keys, clock or hashing limits.
    pub fn builder() -> Builder<U>
    where
        U: Account,
    {
        Builder::new()
    }

    /// Creates or updates Sigra's tables. Call it after the host's own migrations: the tables refer to the host's.
    ///
    /// Safe to call at every start, from several processes at once, and after a crash. Then compares the keys and peppers with
    /// those that the database was used with, and notes which are new. Users without an account are told to the log: see
    /// [`adopt_accounts`](Self::adopt_accounts). Writes no audit row.
    ///
    /// # Errors
    /// [`Failure::Config`] where the prefix belongs to another user type, or where on MariaDB or MySQL another process has been
    /// migrating for a minute: start again when it is done. [`Failure::Keys`] where the keys are not the ones that the database
    /// was used with, [`Failure::Database`] otherwise.
    pub fn migrate(&self) -> Operation<'_, ()>
    where
        U: Account,
    {
        watched::<U>(Named::Migrate).run(async move {
            let auth = self.clone();
            // Shielded: a migration that is cut off half-way would only cost the next start time, but there is no need.
            let task = async move {
                crate::store::migrate::<U>(&auth.core.pool, auth.core.now()).await?;
                auth.check_keys().await?;
                auth.look_for_unadopted().await
            };
            tokio::spawn(carry(task)).await.map_err(Failure::from)?
        })
    }

    /// The SQL that [`migrate`](Self::migrate) runs, for hosts that keep it among their own migrations.
    #[must_use]
    pub fn migrations(dialect: Dialect) -> Vec<Migration>
    where
        U: Account,
    {
        crate::store::migration_texts::<U>(dialect)
    }

    /// The settings in force, for a page or a log that shows them (ASVS 6.1.1, 7.1.1).
    #[must_use]
    pub fn policy(&self) -> Policy
    where
        U: Account,
    {
        U::POLICY
    }

    /// Password hashes computed by this handle and its clones, real and dummy alike.
    #[must_use]
    pub fn hashes_computed(&self) -> u64 {
        self.core.hasher.computed()
    }

    /// Which database it is.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.core.pool.dialect()
    }

    /// Waits for connections in use and closes them all. A pool of the host's stays open.
    pub async fn close(&self) {
        self.core.pool.close().await;
    }
}

impl<U> Clone for Sigra<U> {
    fn clone(&self) -> Self {
        Self { core: self.core.clone(), user: PhantomData }
    }
}

impl<U> fmt::Debug for Sigra<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sigra").field("core", &self.core).finish()
    }
}

/// Reads a row from left to right, naming the host's type where it does not fit.
pub(crate) struct Reader<'r, U> {
    columns: Columns<'r>,
    user: PhantomData<fn() -> U>,
}

impl<'r, U: Account> Reader<'r, U> {
    pub(crate) fn new(row: &'r Row) -> Self {
        Self { columns: Columns::new(row), user: PhantomData }
    }

    pub(crate) fn next<T: Load>(&mut self) -> Result<T, Failure> {
        self.columns.next().map_err(Self::failure)
    }

    /// What `{assurance}` selects.
    pub(crate) fn assurance(&mut self) -> Result<Assurance, Failure> {
        let (first, first_at) = (self.next::<String>()?, self.next::<Stamp>()?.0);
        let (second, second_at) = (self.next::<Option<String>>()?, self.next::<Option<Stamp>>()?);
        let (proved_at, trusted) = (self.next::<Stamp>()?.0, self.next::<i64>()? == 1);
        let unknown = || Failure::Config("a session names a factor that this version does not know".into());
        let second = match second.zip(second_at) {
            Some((factor, Stamp(at))) => Some((Factor::parse(&factor).ok_or_else(unknown)?, at)),
            None => None,
        };
        let first = Factor::parse(&first).ok_or_else(unknown)?;
        Ok(Assurance { first, first_at, second, proved_at, trusted })
    }

    /// What `{is_confirmed}` selects. Without `confirm_email` there is nothing to confirm, and every account counts.
    pub(crate) fn confirmed(&mut self) -> Result<bool, Failure> {
        let confirmed = self.next::<i64>()? == 1;
        Ok(confirmed || U::POLICY.confirm_email.is_none())
    }

    pub(crate) fn user(&mut self) -> Result<U, Failure> {
        U::read(&mut self.columns).map_err(Self::failure)
    }

    /// What is read behind the address that the row begins with, if it is this very one. A neighbour's is read as well, for the work
    /// is to be the same, and is nobody's business: not even where it cannot be read.
    pub(crate) fn of_address<T>(
        mut self,
        identifier: &Identifier,
        read: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let (whose, read) = (self.next::<String>(), read(&mut self));
        match whose {
            Ok(whose) if whose == identifier.as_str() => read.map(Some),
            Ok(_) => Ok(None),
            Err(failure) => {
                telemetry::unreadable_address(U::SCHEMA.user_type, &failure);
                Ok(None)
            }
        }
    }

    fn failure(source: crate::column::ReadError) -> Failure {
        Failure::Read { table: U::SCHEMA.table, user_type: U::SCHEMA.user_type, source }
    }
}
