//! The pools: Sigra's own, or the host's.

use std::fmt;

use super::Dialect;
use super::connection::Connection;
#[cfg(feature = "sqlite")]
use crate::error::DatabaseErrorKind;
use crate::error::{DatabaseError, Error, Failure};

/// Where the database is.
#[derive(Clone)]
pub(crate) enum Source {
    Url(String),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::SqlitePool),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
    #[cfg(feature = "mysql")]
    MySql(sqlx::MySqlPool),
}

/// The pools of one database.
///
/// Nobody but Sigra uses a pool that Sigra opened. It begins transactions only in tasks that no caller cancels, and a step that it
/// gives up by itself closes its connection; so its connections are never poisoned and need no check before a read. A pool of the
/// host's is checked each time.
pub(crate) struct Pool {
    backend: Backend,
    shared: bool,
}

enum Backend {
    /// One writer, because SQLite admits one at a time and competing writers wait in steps of the busy handler; many readers.
    #[cfg(feature = "sqlite")]
    Sqlite { readers: sqlx::SqlitePool, writer: sqlx::SqlitePool, turn: tokio::sync::Semaphore },
    #[cfg(feature = "postgres")]
    Postgres { pool: sqlx::PgPool, turn: tokio::sync::Semaphore },
    #[cfg(feature = "mysql")]
    MySql { pool: sqlx::MySqlPool, turn: tokio::sync::Semaphore },
}

/// Transactions at once on a pool of this size: a third of the connections is left to session checks, however many write.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn turns(connections: u32) -> tokio::sync::Semaphore {
    tokio::sync::Semaphore::new((connections - connections / 3).max(1) as usize)
}

/// A connection for one transaction, with its turn among the writers.
pub(crate) struct Writer<'p> {
    pub(crate) connection: Connection,
    shared: bool,
    _turn: tokio::sync::SemaphorePermit<'p>,
}

/// A connection in a transaction that only reads. Held by tasks that nothing cancels.
pub(crate) struct Snapshot {
    pub(crate) connection: Connection,
    ended: bool,
}

impl Snapshot {
    /// Gives the connection back.
    pub(crate) async fn end(mut self) {
        self.ended = self.connection.rollback().await.is_ok();
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if !self.ended {
            self.connection.close_on_drop();
        }
    }
}

impl Writer<'_> {
    /// Starts a transaction.
    pub(crate) async fn begin(&mut self) -> Result<(), DatabaseError> {
        self.connection.begin(self.shared).await
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("dialect", &self.dialect())
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

/// Idle connections are pinged after this time: a server that was restarted has closed them.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const PING_AFTER: std::time::Duration = std::time::Duration::from_secs(5);
/// How long a request waits for a connection.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
const ACQUIRE_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);
/// Connections of a pool that Sigra opens. A session check holds one for less than a millisecond.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
const CONNECTIONS: u32 = 10;

impl Pool {
    pub(crate) async fn open(source: Source) -> Result<Self, Error> {
        match source {
            Source::Url(url) => Self::connect(&url).await,
            #[cfg(feature = "sqlite")]
            Source::Sqlite(pool) => Ok(Self {
                backend: Backend::Sqlite {
                    readers: pool.clone(),
                    writer: pool,
                    turn: tokio::sync::Semaphore::new(1),
                },
                shared: true,
            }),
            #[cfg(feature = "postgres")]
            Source::Postgres(pool) => {
                let turn = turns(pool.options().get_max_connections());
                Ok(Self { backend: Backend::Postgres { pool, turn }, shared: true })
            }
            #[cfg(feature = "mysql")]
            Source::MySql(pool) => {
                let turn = turns(pool.options().get_max_connections());
                Ok(Self { backend: Backend::MySql { pool, turn }, shared: true })
            }
        }
    }

    /// Opens pools by URL. The scheme decides which database it is.
    async fn connect(url: &str) -> Result<Self, Error> {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        match scheme {
            #[cfg(feature = "sqlite")]
            "sqlite" => Self::connect_sqlite(url).await,
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => Self::connect_postgres(url).await,
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => Self::connect_mysql(url).await,
            _ => Err(Failure::Config(unknown_scheme(scheme)).into()),
        }
    }

    #[cfg(feature = "sqlite")]
    async fn connect_sqlite(url: &str) -> Result<Self, Error> {
        use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
        use std::str::FromStr as _;

        let options = SqliteConnectOptions::from_str(url)
            .map_err(DatabaseError::from)?
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged sign-out must survive a power cut: NORMAL synchronises only at checkpoints.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(ACQUIRE_WITHIN);
        // sqlx gives such a database a file name of its own, so the URL has to tell.
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(Failure::Config(
                "an in-memory SQLite database has one connection and forgets every session; use a file: \
                 `sqlite://app.db`"
                    .into(),
            )
            .into());
        }
        let pool = async |size| {
            let pool = || {
                SqlitePoolOptions::new()
                    .max_connections(size)
                    .acquire_timeout(ACQUIRE_WITHIN)
                    .test_before_acquire(false)
                    .connect_with(options.clone())
            };
            // To turn the write-ahead log on needs the file alone, and SQLite does not wait for it: processes that start together
            // on a new file would turn each other away.
            let deadline = tokio::time::Instant::now() + ACQUIRE_WITHIN;
            loop {
                match pool().await.map_err(DatabaseError::from) {
                    Err(error)
                        if error.kind == DatabaseErrorKind::Transient
                            && tokio::time::Instant::now() < deadline =>
                    {
                        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    }
                    opened => break opened,
                }
            }
        };
        // The writer first: it creates the file and turns the write-ahead log on.
        let writer = pool(1).await?;
        let readers = pool(CONNECTIONS).await?;
        Ok(Self {
            backend: Backend::Sqlite { readers, writer, turn: tokio::sync::Semaphore::new(1) },
            shared: false,
        })
    }

    #[cfg(feature = "postgres")]
    async fn connect_postgres(url: &str) -> Result<Self, Error> {
        let pool = sqlx::postgres::PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE_WITHIN)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| Box::pin(ping_if_idle(connection, meta)))
            .connect(url)
            .await
            .map_err(DatabaseError::from)?;
        Ok(Self { backend: Backend::Postgres { pool, turn: turns(CONNECTIONS) }, shared: false })
    }

    #[cfg(feature = "mysql")]
    async fn connect_mysql(url: &str) -> Result<Self, Error> {
        let pool = sqlx::mysql::MySqlPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE_WITHIN)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    let level = sqlx::raw_sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
                    level.execute(connection).await.map(|_| ())
                })
            })
            .test_before_acquire(false)
            .before_acquire(|connection, meta| Box::pin(ping_if_idle(connection, meta)))
            .connect(url)
            .await
            .map_err(DatabaseError::from)?;
        Ok(Self { backend: Backend::MySql { pool, turn: turns(CONNECTIONS) }, shared: false })
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self.backend {
            #[cfg(feature = "sqlite")]
            Backend::Sqlite { .. } => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Backend::Postgres { .. } => Dialect::Postgres,
            #[cfg(feature = "mysql")]
            Backend::MySql { .. } => Dialect::MySql,
        }
    }

    /// A connection for reads outside a transaction.
    pub(crate) async fn read(&self) -> Result<Connection, DatabaseError> {
        let mut connection: Connection = match self.backend {
            #[cfg(feature = "sqlite")]
            Backend::Sqlite { ref readers, .. } => Connection::Sqlite(readers.acquire().await?),
            #[cfg(feature = "postgres")]
            Backend::Postgres { ref pool, .. } => Connection::Postgres(pool.acquire().await?),
            #[cfg(feature = "mysql")]
            Backend::MySql { ref pool, .. } => Connection::MySql(pool.acquire().await?),
        };
        if self.shared {
            connection.cleanse().await?;
        }
        Ok(connection)
    }

    /// A connection for one transaction.
    pub(crate) async fn write(&self) -> Result<Writer<'_>, DatabaseError> {
        match self.backend {
            #[cfg(feature = "sqlite")]
            Backend::Sqlite { ref writer, ref turn, .. } => {
                let turn = turn.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
                let connection = Connection::Sqlite(writer.acquire().await?);
                Ok(Writer { connection, shared: self.shared, _turn: turn })
            }
            #[cfg(feature = "postgres")]
            Backend::Postgres { ref pool, ref turn } => {
                let turn = turn.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
                let connection = Connection::Postgres(pool.acquire().await?);
                Ok(Writer { connection, shared: self.shared, _turn: turn })
            }
            #[cfg(feature = "mysql")]
            Backend::MySql { ref pool, ref turn } => {
                let turn = turn.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
                let connection = Connection::MySql(pool.acquire().await?);
                Ok(Writer { connection, shared: self.shared, _turn: turn })
            }
        }
    }

    /// A connection whose reads all see the database as it is now.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, DatabaseError> {
        let mut snapshot = Snapshot { connection: self.read().await?, ended: false };
        snapshot.connection.begin_snapshot().await?;
        Ok(snapshot)
    }

    /// Closes every connection of pools that Sigra opened; a host's pool stays open.
    pub(crate) async fn close(&self) {
        if self.shared {
            return;
        }
        match self.backend {
            #[cfg(feature = "sqlite")]
            Backend::Sqlite { ref readers, ref writer, .. } => {
                readers.close().await;
                writer.close().await;
            }
            #[cfg(feature = "postgres")]
            Backend::Postgres { ref pool, .. } => pool.close().await,
            #[cfg(feature = "mysql")]
            Backend::MySql { ref pool, .. } => pool.close().await,
        }
    }
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
async fn ping_if_idle<C: sqlx::Connection>(
    connection: &mut C,
    meta: sqlx::pool::PoolConnectionMetadata,
) -> Result<bool, sqlx::Error> {
    if meta.idle_for > PING_AFTER {
        connection.ping().await?;
    }
    Ok(true)
}

/// Says which cargo feature a URL needs, or which URLs there are.
fn unknown_scheme(scheme: &str) -> String {
    let feature = match scheme {
        "sqlite" => "sqlite",
        "postgres" | "postgresql" => "postgres",
        "mysql" | "mariadb" => "mysql",
        _ => {
            return "the database URL must start with `sqlite://`, `postgres://` or `mysql://`".into();
        }
    };
    format!(
        "`{scheme}://` needs the cargo feature `{feature}` of `sigra`: \
         `sigra = {{ version = \"0.1\", features = [\"{feature}\"] }}`"
    )
}
