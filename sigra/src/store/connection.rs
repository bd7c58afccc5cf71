//! One connection of whichever database it is, and the rows it yields.

use super::statement::Statement;
use crate::column::{Bind, Load, ReadError};
use crate::error::{DatabaseError, DatabaseErrorKind};

/// A connection on loan from a pool.
pub(crate) enum Connection {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::pool::PoolConnection<sqlx::Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::pool::PoolConnection<sqlx::Postgres>),
    #[cfg(feature = "mysql")]
    MySql(sqlx::pool::PoolConnection<sqlx::MySql>),
}

/// A row of whichever database it is.
#[doc(hidden)]
#[allow(clippy::large_enum_variant, reason = "a row lives for the time it takes to read it")]
pub enum Row {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteRow),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgRow),
    #[cfg(feature = "mysql")]
    MySql(sqlx::mysql::MySqlRow),
}

impl Row {
    /// Column `index`, from zero.
    pub(crate) fn get<T: Load>(&self, index: usize) -> Result<T, ReadError> {
        #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
        // sqlx's own text of a value that does not decode repeats the value.
        let failed = |error: sqlx::Error| {
            let reason = match error {
                sqlx::Error::ColumnDecode { .. } => "the value does not decode as its type".to_owned(),
                error => error.to_string(),
            };
            ReadError { index, reason }
        };
        let _ = index;
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref row) => <T as crate::column::LoadSqlite>::load(row, index).map_err(failed),
            #[cfg(feature = "postgres")]
            Self::Postgres(ref row) => <T as crate::column::LoadPostgres>::load(row, index).map_err(failed),
            #[cfg(feature = "mysql")]
            Self::MySql(ref row) => <T as crate::column::LoadMySql>::load(row, index).map_err(failed),
        }
    }
}

/// What a statement did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// Rows changed. MariaDB is told to count those that matched, so a guard belongs in the `WHERE`.
    pub(crate) rows: u64,
    /// The key that the database made for the row, on SQLite and MariaDB.
    pub(crate) inserted: Option<i64>,
}

/// The arguments of a statement for one database.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
macro_rules! arguments {
    ($database:ident, $bind:ident, $values:expr) => {{
        let mut arguments = <sqlx::$database as sqlx::Database>::Arguments::default();
        for value in $values {
            crate::column::$bind::bind(*value, &mut arguments).map_err(sqlx::Error::Encode)?;
        }
        arguments
    }};
}

impl Connection {
    /// Runs a statement that returns no rows.
    pub(crate) async fn execute(
        &mut self,
        statement: Statement,
        values: &[&dyn Bind],
    ) -> Result<Done, DatabaseError> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref mut connection) => {
                let arguments = arguments!(Sqlite, BindSqlite, values);
                let done = sqlx::query_with(statement.sqlite, arguments).execute(&mut **connection).await?;
                Ok(Done { rows: done.rows_affected(), inserted: Some(done.last_insert_rowid()) })
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(ref mut connection) => {
                let arguments = arguments!(Postgres, BindPostgres, values);
                let done = sqlx::query_with(statement.postgres, arguments).execute(&mut **connection).await?;
                Ok(Done { rows: done.rows_affected(), inserted: None })
            }
            #[cfg(feature = "mysql")]
            Self::MySql(ref mut connection) => {
                let arguments = arguments!(MySql, BindMySql, values);
                let done = sqlx::query_with(statement.mysql, arguments).execute(&mut **connection).await?;
                Ok(Done { rows: done.rows_affected(), inserted: i64::try_from(done.last_insert_id()).ok() })
            }
        }
    }

    /// The rows of a query.
    pub(crate) async fn fetch(
        &mut self,
        statement: Statement,
        values: &[&dyn Bind],
    ) -> Result<Vec<Row>, DatabaseError> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref mut connection) => {
                let arguments = arguments!(Sqlite, BindSqlite, values);
                let rows = sqlx::query_with(statement.sqlite, arguments).fetch_all(&mut **connection).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(ref mut connection) => {
                let arguments = arguments!(Postgres, BindPostgres, values);
                let rows =
                    sqlx::query_with(statement.postgres, arguments).fetch_all(&mut **connection).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
            #[cfg(feature = "mysql")]
            Self::MySql(ref mut connection) => {
                let arguments = arguments!(MySql, BindMySql, values);
                let rows = sqlx::query_with(statement.mysql, arguments).fetch_all(&mut **connection).await?;
                Ok(rows.into_iter().map(Row::MySql).collect())
            }
        }
    }

    /// The first row of a query, if it has one.
    pub(crate) async fn fetch_optional(
        &mut self,
        statement: Statement,
        values: &[&dyn Bind],
    ) -> Result<Option<Row>, DatabaseError> {
        Ok(self.fetch(statement, values).await?.into_iter().next())
    }

    /// Starts a transaction, ending first whatever a previous borrower may have left open.
    ///
    /// sqlx 0.9.0 returns a connection to its pool inside an open transaction when a `begin` is dropped while it waits for
    /// the server; writes of the next borrower would be acknowledged and never committed. `BEGIN; ROLLBACK` ends such a
    /// transaction and warns on no healthy connection, in the same round trip. A transaction in which a statement has failed
    /// refuses even `BEGIN`, and takes `ROLLBACK` alone.
    ///
    /// READ COMMITTED everywhere: MariaDB's default takes gap locks, on which parallel sign-ins deadlock.
    pub(crate) async fn begin(&mut self, shared: bool) -> Result<(), DatabaseError> {
        match *self {
            #[cfg(feature = "sqlite")]
            // IMMEDIATE: a transaction that reads first and writes later fails at once, not after the busy timeout.
            Self::Sqlite(ref mut connection) => run(&mut **connection, "BEGIN IMMEDIATE").await,
            #[cfg(feature = "postgres")]
            Self::Postgres(ref mut connection) => {
                match run(&mut **connection, "BEGIN; ROLLBACK; BEGIN ISOLATION LEVEL READ COMMITTED").await {
                    Err(error) if error.kind == DatabaseErrorKind::Other => {
                        run(&mut **connection, "ROLLBACK; BEGIN ISOLATION LEVEL READ COMMITTED").await
                    }
                    begun => begun,
                }
            }
            #[cfg(feature = "mysql")]
            Self::MySql(ref mut connection) => {
                // A pool of Sigra's own has set the level for good, and nobody else can have left anything open in it.
                if shared {
                    run(&mut **connection, "ROLLBACK").await?;
                    run(&mut **connection, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
                }
                run(&mut **connection, "START TRANSACTION").await
            }
        }
    }

    /// Starts a transaction whose reads all see the same state of the database.
    pub(crate) async fn begin_snapshot(&mut self) -> Result<(), DatabaseError> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref mut connection) => run(&mut **connection, "BEGIN").await,
            #[cfg(feature = "postgres")]
            Self::Postgres(ref mut connection) => {
                run(&mut **connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
            }
            #[cfg(feature = "mysql")]
            Self::MySql(ref mut connection) => {
                run(&mut **connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
                run(&mut **connection, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY").await
            }
        }
    }

    /// Ends whatever a previous borrower of a shared pool may have left open, before a read.
    pub(crate) async fn cleanse(&mut self) -> Result<(), DatabaseError> {
        match *self {
            #[cfg(feature = "sqlite")]
            // sqlx's SQLite worker undoes a `BEGIN` that nobody waits for any more.
            Self::Sqlite(_) => Ok(()),
            #[cfg(feature = "postgres")]
            Self::Postgres(ref mut connection) => match run(&mut **connection, "BEGIN; ROLLBACK").await {
                Err(error) if error.kind == DatabaseErrorKind::Other => {
                    run(&mut **connection, "ROLLBACK").await
                }
                cleansed => cleansed,
            },
            #[cfg(feature = "mysql")]
            Self::MySql(ref mut connection) => run(&mut **connection, "ROLLBACK").await,
        }
    }

    /// Makes the transaction durable.
    pub(crate) async fn commit(&mut self) -> Result<(), DatabaseError> {
        self.run("COMMIT").await
    }

    /// Undoes the transaction.
    pub(crate) async fn rollback(&mut self) -> Result<(), DatabaseError> {
        self.run("ROLLBACK").await
    }

    /// Marks a point in the transaction to which [`take_back`](Self::take_back) returns.
    pub(crate) async fn mark(&mut self) -> Result<(), DatabaseError> {
        self.run("SAVEPOINT sigra").await
    }

    /// Undoes what was done since the mark.
    pub(crate) async fn take_back(&mut self) -> Result<(), DatabaseError> {
        self.run("ROLLBACK TO SAVEPOINT sigra").await
    }

    /// Runs a statement without parameters.
    pub(crate) async fn run(&mut self, sql: &'static str) -> Result<(), DatabaseError> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref mut connection) => run(&mut **connection, sql).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(ref mut connection) => run(&mut **connection, sql).await,
            #[cfg(feature = "mysql")]
            Self::MySql(ref mut connection) => run(&mut **connection, sql).await,
        }
    }

    /// Runs a statement of the schema, if this database needs it. MariaDB and MySQL do not prepare `CREATE TRIGGER`.
    pub(crate) async fn define(&mut self, statement: Statement) -> Result<(), DatabaseError> {
        let text: &'static str = match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => statement.sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => statement.postgres,
            #[cfg(feature = "mysql")]
            Self::MySql(_) => statement.mysql,
        };
        if text.is_empty() { Ok(()) } else { self.run(text).await }
    }

    /// Closes the connection instead of giving it back: the server then undoes what was not committed.
    pub(crate) fn close_on_drop(&mut self) {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref mut connection) => connection.close_on_drop(),
            #[cfg(feature = "postgres")]
            Self::Postgres(ref mut connection) => connection.close_on_drop(),
            #[cfg(feature = "mysql")]
            Self::MySql(ref mut connection) => connection.close_on_drop(),
        }
    }
}

/// Statements by the simple protocol, which takes several at once and prepares nothing.
///
/// Boxed: rustc cannot see through the driver's own future that it is `Send` for every lifetime.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
fn run<'c, C>(
    connection: &'c mut C,
    sql: &'static str,
) -> std::pin::Pin<Box<dyn Future<Output = Result<(), DatabaseError>> + Send + 'c>>
where
    for<'e> &'e mut C: sqlx::Executor<'e>,
    C: Send,
{
    Box::pin(async move {
        sqlx::raw_sql(sql).execute(connection).await?;
        Ok(())
    })
}
