//! Pools of a host's own, which others use too.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use sigra::{Builder, Sigra};
use sqlx::AssertSqlSafe;

use crate::database::{Database, Kind};
use crate::host::User;

/// A pool that a host opened as sqlx's documentation says, without any care for Sigra.
#[derive(Clone, Debug)]
pub enum HostPool {
    /// Of SQLite.
    Sqlite(sqlx::SqlitePool),
    /// Of PostgreSQL.
    Postgres(sqlx::PgPool),
    /// Of MariaDB.
    MySql(sqlx::MySqlPool),
}

/// Runs the same on whichever pool it is.
macro_rules! on {
    ($self:expr, $pool:ident => $body:expr) => {
        match $self {
            HostPool::Sqlite($pool) => $body,
            HostPool::Postgres($pool) => $body,
            HostPool::MySql($pool) => $body,
        }
    };
}

impl HostPool {
    /// Opens one of so many connections.
    ///
    /// # Panics
    /// The database does not answer.
    pub async fn open(database: &Database, size: u32) -> Self {
        match database.kind() {
            Kind::Sqlite => {
                let options = sqlx::sqlite::SqlitePoolOptions::new().max_connections(size);
                Self::Sqlite(options.connect(database.url()).await.expect("a connection"))
            }
            Kind::Postgres => {
                let options = sqlx::postgres::PgPoolOptions::new().max_connections(size);
                Self::Postgres(options.connect(database.url()).await.expect("a connection"))
            }
            Kind::MySql => {
                let options = sqlx::mysql::MySqlPoolOptions::new().max_connections(size);
                Self::MySql(options.connect(database.url()).await.expect("a connection"))
            }
        }
    }

    /// Sigra on this pool.
    pub fn builder(&self) -> Builder<User> {
        match self.clone() {
            Self::Sqlite(pool) => Sigra::builder().sqlite_pool(pool),
            Self::Postgres(pool) => Sigra::builder().pg_pool(pool),
            Self::MySql(pool) => Sigra::builder().mysql_pool(pool),
        }
    }

    /// Runs a statement of the host's own; `Ok` is the database's acknowledgement.
    ///
    /// # Errors
    /// The database's.
    pub async fn run(&self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        on!(self, pool => sqlx::raw_sql(sql).execute(pool).await.map(|_| ()))
    }

    /// Begins a transaction of the host's and gives up after so many polls, as a web framework does with a handler whose
    /// client hung up.
    pub async fn give_up_begin(&self, polls: u64) {
        on!(self, pool => drop(give_up(pool.begin(), polls).await));
    }

    /// Closes the connections.
    pub async fn close(&self) {
        on!(self, pool => pool.close().await);
    }
}

/// Polls a future so many times at most and drops it then; `None`: it was not ready.
pub async fn give_up<F: Future>(future: F, polls: u64) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // The last poll was in vain: whoever waited hangs up while the answer is on its way.
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
