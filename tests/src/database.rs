//! Databases of a test's own: a SQLite file, a PostgreSQL database, a MariaDB database.
//!
//! `SIGRA_TEST_DATABASES` names the ones to run on: `sqlite` (default), or `all`, or a list such as `sqlite,postgres`.
//! `SIGRA_TEST_POSTGRES` and `SIGRA_TEST_MYSQL` say where the servers are. A named server that does not answer fails the test.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io::Write as _;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use crate::wait::until;

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file in the temporary folder.
    Sqlite,
    /// A database on the server.
    Postgres,
    /// A database on the server.
    MySql,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MariaDB",
        })
    }
}

/// The line about what is missing is said once.
static SAID: Once = Once::new();

/// A connection of the test's own. Without TLS, whose handshake waits twice for an acknowledgement that is held back for 40 ms:
/// the tests make thousands of connections.
async fn postgres(url: &str) -> Result<sqlx::PgConnection, sqlx::Error> {
    let options: sqlx::postgres::PgConnectOptions = url.parse()?;
    sqlx::PgConnection::connect_with(&options.ssl_mode(sqlx::postgres::PgSslMode::Disable)).await
}

/// The databases that this run covers.
///
/// # Panics
/// `SIGRA_TEST_DATABASES` names something else.
#[must_use]
pub fn covered() -> Vec<Kind> {
    let text = std::env::var("SIGRA_TEST_DATABASES").unwrap_or_default();
    let all = [(Kind::Sqlite, "sqlite"), (Kind::Postgres, "postgres"), (Kind::MySql, "mysql")];
    let chosen: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    for name in &chosen {
        assert!(
            *name == "all" || all.iter().any(|(_, known)| known == name),
            "SIGRA_TEST_DATABASES names `{name}`; it may name sqlite, postgres, mysql or all"
        );
    }
    let default = chosen.is_empty();
    let is_in =
        |name: &str| chosen.contains(&name) || chosen.contains(&"all") || (default && name == "sqlite");
    let covered: Vec<Kind> = all.into_iter().filter(|(_, name)| is_in(name)).map(|(kind, _)| kind).collect();
    SAID.call_once(|| {
        let missing: Vec<String> = all
            .iter()
            .filter(|(kind, _)| !covered.contains(kind))
            .map(|(kind, _)| kind.to_string())
            .collect();
        if !missing.is_empty() {
            // Past the test runner's capture: whoever runs the tests should see it.
            let line = format!(
                "not covered by this run: {} (set SIGRA_TEST_DATABASES=all)\n",
                missing.join(" and ")
            );
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    });
    covered
}

/// Runs a test on every database that is covered, each time on an empty one of its own.
///
/// # Panics
/// The test does, or takes more than `SIGRA_TEST_MINUTES` (default 15) on one of them, or a server does not answer.
pub async fn each_database<F, Fut>(test: F)
where
    F: Fn(Database) -> Fut,
    Fut: Future<Output = ()>,
{
    for kind in covered() {
        let database = Database::create(kind).await;
        let guard = Report(kind);
        let within = Duration::from_secs(60 * minutes());
        assert!(
            tokio::time::timeout(within, test(database)).await.is_ok(),
            "it did not end within {within:?}"
        );
        std::mem::forget(guard);
    }
}

/// How long a test may take on one database: what hangs should say so, and not hold up all others.
fn minutes() -> u64 {
    std::env::var("SIGRA_TEST_MINUTES").map_or(15, |minutes| minutes.parse().expect("a number of minutes"))
}

/// Names the database of a test that fails.
struct Report(Kind);

impl Drop for Report {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = std::io::stderr().write_all(format!("the test failed on {}\n", self.0).as_bytes());
        }
    }
}

/// An empty database that is dropped with its last handle.
#[derive(Clone, Debug)]
pub struct Database(std::sync::Arc<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    url: String,
    name: String,
    server: Option<String>,
}

impl Database {
    /// Creates one.
    ///
    /// # Panics
    /// The server does not answer.
    pub async fn create(kind: Kind) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("sigra_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let (url, server) = match kind {
            Kind::Sqlite => {
                let path = std::env::temp_dir().join(format!("{name}.db"));
                (format!("sqlite://{}?mode=rwc", path.display()), None)
            }
            Kind::Postgres => {
                let server = server(kind);
                let mut connection = postgres(&server).await.expect("PostgreSQL answers");
                let create = format!("CREATE DATABASE {name}");
                sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.expect("a database");
                (with_database(&server, &name), Some(server))
            }
            Kind::MySql => {
                let server = server(kind);
                let mut connection = sqlx::MySqlConnection::connect(&server).await.expect("MariaDB answers");
                let create = format!("CREATE DATABASE {name}");
                sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.expect("a database");
                (with_database(&server, &name), Some(server))
            }
        };
        Self(std::sync::Arc::new(Inner { kind, url, name, server }))
    }

    /// Which database it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Runs statements of the test's own on a connection of their own.
    ///
    /// # Panics
    /// The database refuses them.
    pub async fn run(&self, sql: &str) {
        if let Err(error) = self.try_run(sql).await {
            panic!("{sql}: {error}");
        }
    }

    /// The same, where the database may refuse.
    ///
    /// # Errors
    /// The database's.
    pub async fn try_run(&self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self.0.kind {
            Kind::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(self.url()).await?;
                sqlx::raw_sql("PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON")
                    .execute(&mut connection)
                    .await?;
                sqlx::raw_sql(sql).execute(&mut connection).await?;
                connection.close().await
            }
            Kind::Postgres => {
                let mut connection = postgres(self.url()).await?;
                sqlx::raw_sql(sql).execute(&mut connection).await?;
                connection.close().await
            }
            Kind::MySql => {
                let mut connection = sqlx::MySqlConnection::connect(self.url()).await?;
                sqlx::raw_sql(sql).execute(&mut connection).await?;
                connection.close().await
            }
        }
    }

    /// Does something while a transaction of somebody else's has run these statements and not ended. SQLite locks no rows: there
    /// nothing is held.
    ///
    /// # Panics
    /// The database refuses them.
    pub async fn while_held<F: Future>(&self, sql: &str, held: F) -> F::Output {
        if self.0.kind == Kind::Sqlite { held.await } else { self.before(sql, held, "ROLLBACK").await }
    }

    /// Does something once a transaction of somebody else's has run these statements, and commits it then.
    ///
    /// # Panics
    /// The database refuses them.
    pub async fn before_commit<F: Future>(&self, sql: &str, before: F) -> F::Output {
        self.before(sql, before, "COMMIT").await
    }

    /// Does something between the statements of a transaction of somebody else's and its end.
    async fn before<F: Future>(&self, sql: &str, before: F, end: &str) -> F::Output {
        let (begin, end) = (self.begin(sql), AssertSqlSafe(end.to_owned()));
        macro_rules! around {
            ($connect:expr) => {{
                let mut connection = $connect.await.expect("a connection");
                let begun = sqlx::raw_sql(begin).execute(&mut connection).await;
                begun.unwrap_or_else(|error| panic!("{sql}: {error}"));
                let output = before.await;
                sqlx::raw_sql(end).execute(&mut connection).await.expect("ended");
                output
            }};
        }
        match self.0.kind {
            Kind::Sqlite => around!(sqlx::SqliteConnection::connect(self.url())),
            Kind::Postgres => around!(postgres(self.url())),
            Kind::MySql => around!(sqlx::MySqlConnection::connect(self.url())),
        }
    }

    fn begin(&self, sql: &str) -> AssertSqlSafe<String> {
        let begin = match self.0.kind {
            Kind::Sqlite => "PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE",
            Kind::Postgres => "BEGIN",
            Kind::MySql => "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; START TRANSACTION",
        };
        AssertSqlSafe(format!("{begin}; {sql}"))
    }

    /// Waits until somebody waits for a row that another's transaction holds. SQLite locks no rows, and says nothing of who waits:
    /// there it is over at once.
    ///
    /// # Panics
    /// Nobody does within two minutes.
    pub async fn until_somebody_waits(&self) {
        let (table, waits) = match self.0.kind {
            Kind::Sqlite => return,
            Kind::Postgres => {
                ("pg_stat_activity", "datname = current_database() AND wait_event_type = 'Lock'")
            }
            Kind::MySql => (
                "information_schema.innodb_trx",
                "trx_state = 'LOCK WAIT' AND trx_mysql_thread_id IN \
                 (SELECT id FROM information_schema.processlist WHERE db = DATABASE())",
            ),
        };
        until("somebody waits for a row", async || {
            // MariaDB repeats an answer that it gave within the last tenth of a second.
            tokio::time::sleep(Duration::from_millis(150)).await;
            self.count(table, waits).await > 0
        })
        .await;
    }

    /// The first column of a query's rows as text.
    ///
    /// # Panics
    /// The database refuses it, or a value is not text.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let query = AssertSqlSafe(sql.to_owned());
        let read = |error: sqlx::Error| panic!("{sql}: {error}");
        match self.0.kind {
            Kind::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect(self.url()).await.unwrap_or_else(read);
                let rows = sqlx::query(query)
                    .fetch_all(&mut connection)
                    .await
                    .unwrap_or_else(|error| panic!("{sql}: {error}"));
                rows.iter().map(|row| row.get::<String, _>(0)).collect()
            }
            Kind::Postgres => {
                let mut connection = postgres(self.url()).await.unwrap_or_else(|error| panic!("{error}"));
                let rows = sqlx::query(query)
                    .fetch_all(&mut connection)
                    .await
                    .unwrap_or_else(|error| panic!("{sql}: {error}"));
                rows.iter().map(|row| row.get::<String, _>(0)).collect()
            }
            Kind::MySql => {
                let mut connection = sqlx::MySqlConnection::connect(self.url())
                    .await
                    .unwrap_or_else(|error| panic!("{error}"));
                let rows = sqlx::query(query)
                    .fetch_all(&mut connection)
                    .await
                    .unwrap_or_else(|error| panic!("{sql}: {error}"));
                // MariaDB gives EXPLAIN and information_schema columns as bytes.
                rows.iter()
                    .map(|row| {
                        row.try_get::<String, _>(0).unwrap_or_else(|_| {
                            String::from_utf8_lossy(&row.get::<Vec<u8>, _>(0)).into_owned()
                        })
                    })
                    .collect()
            }
        }
    }

    /// How many rows a table has that meet a condition.
    ///
    /// # Panics
    /// The database refuses the query.
    pub async fn count(&self, table: &str, condition: &str) -> i64 {
        let cast = if self.0.kind == Kind::MySql { "CHAR" } else { "TEXT" };
        let sql = format!("SELECT CAST(COUNT(*) AS {cast}) FROM {table} WHERE {condition}");
        self.texts(&sql).await[0].parse().expect("a number")
    }
}

impl Database {
    /// Somebody who owns nothing and may read and write every table there is, but insert no row into one: where they connect.
    /// They go with the database.
    ///
    /// # Panics
    /// The database refuses it, or it is SQLite, which knows nobody.
    pub async fn guest(&self, table: &str) -> String {
        let name = &self.0.name;
        let (create, revoke) = match self.kind() {
            Kind::Sqlite => panic!("SQLite knows nobody"),
            Kind::Postgres => (
                format!(
                    "CREATE ROLE {name} LOGIN PASSWORD '{name}'; \
                     GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}"
                ),
                format!("REVOKE INSERT ON {table} FROM {name}"),
            ),
            Kind::MySql => {
                // A right to the whole database could not be taken back for one table.
                let rights = "SELECT, INSERT, UPDATE, DELETE";
                let grant = |table: &String| format!("GRANT {rights} ON {name}.{table} TO '{name}'@'%'");
                let grants = self.tables().await.iter().map(grant).collect::<Vec<_>>().join("; ");
                (
                    format!("CREATE USER '{name}'@'%' IDENTIFIED BY '{name}'; {grants}"),
                    format!("REVOKE INSERT ON {name}.{table} FROM '{name}'@'%'"),
                )
            }
        };
        self.run(&create).await;
        self.run(&revoke).await;
        let (scheme, rest) = self.url().split_once("://").expect("an address");
        let place = rest.split_once('@').map_or(rest, |(_, place)| place);
        format!("{scheme}://{name}:{name}@{place}")
    }

    /// Gives the [`guest`](Self::guest) the one right that was missing.
    ///
    /// # Panics
    /// The database refuses it.
    pub async fn grant_insert(&self, table: &str) {
        let name = &self.0.name;
        let host = if self.kind() == Kind::MySql { "@'%'" } else { "" };
        self.run(&format!("GRANT INSERT ON {table} TO {name}{host}")).await;
    }

    /// Its name on the server, which is unique among the tests that run.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

/// Every row of every table, as text.
pub type Dump = BTreeMap<String, Vec<String>>;

/// Reads whole databases in one statement each.
#[derive(Clone, Debug)]
pub struct Dumper {
    database: Database,
    sql: String,
}

impl Database {
    /// The names of the tables.
    ///
    /// # Panics
    /// The database refuses the query.
    pub async fn tables(&self) -> Vec<String> {
        let mut tables: Vec<String> = self.columns().await.into_iter().map(|(table, _, _)| table).collect();
        tables.dedup();
        tables
    }

    /// Table, name and type of every column, in the order of their names.
    ///
    /// # Panics
    /// The database refuses the query.
    pub async fn columns(&self) -> Vec<(String, String, String)> {
        let sql = match self.0.kind {
            Kind::Sqlite => {
                "SELECT m.name || '|' || p.name || '|' || lower(p.type) FROM sqlite_master m, \
                 pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
            }
            Kind::Postgres => {
                "SELECT CONCAT(table_name, '|', column_name, '|', data_type) FROM information_schema.columns \
                 WHERE table_schema = 'public'"
            }
            Kind::MySql => {
                "SELECT CONCAT(table_name, '|', column_name, '|', column_type) FROM information_schema.columns \
                 WHERE table_schema = DATABASE()"
            }
        };
        let mut columns: Vec<_> = self
            .texts(sql)
            .await
            .iter()
            .map(|line| {
                let mut parts = line.splitn(3, '|').map(str::to_owned);
                let mut next = || parts.next().expect("three parts");
                (next(), next(), next())
            })
            .collect();
        columns.sort();
        columns
    }

    /// Prepares for dumps of the tables that there are now.
    ///
    /// # Panics
    /// The database refuses the query.
    pub async fn dumper(&self) -> Dumper {
        let mut tables = BTreeMap::<String, Vec<String>>::new();
        for (table, column, ty) in self.columns().await {
            let value = match self.0.kind {
                Kind::Sqlite => {
                    format!(
                        "CASE typeof({column}) WHEN 'blob' THEN hex({column}) ELSE CAST({column} AS TEXT) END"
                    )
                }
                Kind::Postgres => format!("{column}::text"),
                Kind::MySql if ty.contains("binary") => format!("HEX({column})"),
                Kind::MySql => format!("CAST({column} AS CHAR)"),
            };
            tables.entry(table).or_default().push(format!("'{column}', {value}"));
        }
        let rows = tables.iter().map(|(table, columns)| {
            let columns = columns.join(", ");
            match self.0.kind {
                Kind::Sqlite => format!("SELECT '{table}|' || json_object({columns}) FROM {table}"),
                Kind::Postgres => {
                    format!("SELECT '{table}|' || json_build_object({columns})::text FROM {table}")
                }
                Kind::MySql => format!("SELECT CONCAT('{table}|', JSON_OBJECT({columns})) FROM {table}"),
            }
        });
        let sql = rows.collect::<Vec<_>>().join(" UNION ALL ");
        Dumper { database: self.clone(), sql }
    }
}

impl Dumper {
    /// Every row of every table that has rows, each table's in the order of their text.
    ///
    /// # Panics
    /// The database refuses the query.
    pub async fn dump(&self) -> Dump {
        let mut dump = Dump::new();
        for line in self.database.texts(&self.sql).await {
            let (table, row) = line.split_once('|').expect("a table");
            dump.entry(table.to_owned()).or_default().push(row.to_owned());
        }
        for rows in dump.values_mut() {
            rows.sort();
        }
        dump
    }
}

/// Table, column and value of everything in a dump that is not `NULL`. Bytes are in hexadecimal.
///
/// # Panics
/// A row is not the object that [`Dumper::dump`] writes.
#[must_use]
pub fn cells(dump: &Dump) -> Vec<(String, String, String)> {
    let mut cells = Vec::new();
    for (table, rows) in dump {
        for row in rows {
            let row: BTreeMap<String, Option<serde_json::Value>> =
                serde_json::from_str(row).expect("an object");
            for (column, value) in row {
                match value {
                    Some(serde_json::Value::String(text)) => cells.push((table.clone(), column, text)),
                    None => {}
                    Some(other) => cells.push((table.clone(), column, other.to_string())),
                }
            }
        }
    }
    cells
}

impl Drop for Inner {
    fn drop(&mut self) {
        match (&self.server, self.kind) {
            (None, _) => {
                let path = self.url.trim_start_matches("sqlite://").trim_end_matches("?mode=rwc");
                for suffix in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(format!("{path}{suffix}"));
                }
            }
            (Some(server), kind) => {
                let (server, name) = (server.clone(), self.name.clone());
                // A runtime of its own: the test's may be shutting down.
                let dropped = std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                    runtime.block_on(async move {
                        if kind == Kind::Postgres {
                            let mut connection = postgres(&server).await?;
                            for sql in [
                                format!("DROP DATABASE {name} WITH (FORCE)"),
                                format!("DROP ROLE IF EXISTS {name}"),
                            ] {
                                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
                            }
                        } else {
                            let mut connection = sqlx::MySqlConnection::connect(&server).await?;
                            // As FORCE does above: the test's runtime is blocked here, and may have left a transaction open, for
                            // whose end the server would wait.
                            let open = format!(
                                "SELECT CAST(id AS SIGNED) FROM information_schema.processlist WHERE db = '{name}'"
                            );
                            let open: Vec<i64> =
                                sqlx::query_scalar(AssertSqlSafe(open)).fetch_all(&mut connection).await?;
                            for id in open {
                                // It may have gone by itself.
                                let kill = AssertSqlSafe(format!("KILL {id}"));
                                let _ = sqlx::raw_sql(kill).execute(&mut connection).await;
                            }
                            let sql =
                                AssertSqlSafe(format!("DROP DATABASE {name}; DROP USER IF EXISTS {name}"));
                            sqlx::raw_sql(sql).execute(&mut connection).await?;
                        }
                        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
                    })
                });
                let _ = dropped.join();
            }
        }
    }
}

fn server(kind: Kind) -> String {
    let (variable, default) = match kind {
        Kind::Postgres => ("SIGRA_TEST_POSTGRES", "postgres://root@127.0.0.1:5432/postgres"),
        _ => ("SIGRA_TEST_MYSQL", "mysql://root@127.0.0.1:3306/test"),
    };
    std::env::var(variable).unwrap_or_else(|_| default.to_owned())
}

/// The same server, another database.
fn with_database(url: &str, name: &str) -> String {
    let (before, after) = url.split_at(url.rfind('/').expect("a path"));
    let query = after.find('?').map_or("", |at| &after[at..]);
    format!("{before}/{name}{query}")
}
