//! The database, and the one table in it that is the host's own. Sigra makes its tables beside it.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions as _, Connection as _};
use uuid::Uuid;

/// Where the users are: `SIGRA_DATABASE_URL`, or a file in the current directory.
pub fn url() -> String {
    std::env::var("SIGRA_DATABASE_URL").unwrap_or_else(|_| "sqlite://sigra-app.db".to_owned())
}

// A host with more tables keeps statements like these among its migrations. The addresses need no unique index here:
// Sigra compares them in a canonical form, in a table of its own.

const SQLITE: &str = "CREATE TABLE IF NOT EXISTS users (
    id BLOB NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    password_hash TEXT NULL,
    display_name TEXT NOT NULL,
    disabled_at TEXT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)";

const POSTGRES: &str = "CREATE TABLE IF NOT EXISTS users (
    id UUID NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    password_hash TEXT NULL,
    display_name TEXT NOT NULL,
    disabled_at TIMESTAMPTZ NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now()
)";

const MYSQL: &str = "CREATE TABLE IF NOT EXISTS users (
    id BINARY(16) NOT NULL PRIMARY KEY,
    email VARCHAR(320) NOT NULL,
    password_hash VARCHAR(255) NULL,
    display_name VARCHAR(100) NOT NULL,
    disabled_at DATETIME(6) NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
) ENGINE = InnoDB CHARACTER SET utf8mb4";

/// Creates the table where it is not there yet.
pub async fn create_users_table(url: &str) -> Result<(), String> {
    let created = match try_create(url).await {
        // PostgreSQL: of two processes that start at once, one can fail here although it said `IF NOT EXISTS`. The
        // second time, it does.
        Err(sqlx::Error::Database(_)) => try_create(url).await,
        result => result,
    };
    created.map_err(|error| {
        format!("cannot create the table `users`: {error}; does SIGRA_DATABASE_URL name a database that can be reached?")
    })
}

async fn try_create(url: &str) -> Result<(), sqlx::Error> {
    match url.split(':').next() {
        Some("postgres" | "postgresql") => {
            let mut connection = PgConnectOptions::from_str(url)?.connect().await?;
            sqlx::raw_sql(POSTGRES).execute(&mut connection).await?;
            connection.close().await
        }
        Some("mysql" | "mariadb") => {
            let mut connection = MySqlConnectOptions::from_str(url)?.connect().await?;
            sqlx::raw_sql(MYSQL).execute(&mut connection).await?;
            connection.close().await
        }
        Some("sqlite") => {
            let options = SqliteConnectOptions::from_str(url)?
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .busy_timeout(Duration::from_secs(10));
            let mut connection = options.connect().await?;
            sqlx::raw_sql(SQLITE).execute(&mut connection).await?;
            connection.close().await
        }
        _ => Err(sqlx::Error::Configuration(
            "the address starts with none of `sqlite:`, `postgres:` and `mysql:`".into(),
        )),
    }
}

/// Finds users for operators. It connects for each question, which is seldom asked; a host has a pool of its own.
#[derive(Clone)]
pub struct Users(Arc<str>);

impl Users {
    pub fn at(url: &str) -> Self {
        Self(url.into())
    }

    /// The user who registered with an address, written as it was then.
    pub async fn find(&self, email: &str) -> Result<Option<Uuid>, sqlx::Error> {
        let url = &*self.0;
        match url.split(':').next() {
            Some("postgres" | "postgresql") => {
                let mut connection = PgConnectOptions::from_str(url)?.connect().await?;
                let found = sqlx::query_scalar("SELECT id FROM users WHERE email = $1").bind(email);
                let found = found.fetch_optional(&mut connection).await?;
                connection.close().await.map(|()| found)
            }
            Some("mysql" | "mariadb") => {
                let mut connection = MySqlConnectOptions::from_str(url)?.connect().await?;
                let found = sqlx::query_scalar("SELECT id FROM users WHERE BINARY email = ?").bind(email);
                let found = found.fetch_optional(&mut connection).await?;
                connection.close().await.map(|()| found)
            }
            _ => {
                let mut connection = SqliteConnectOptions::from_str(url)?.connect().await?;
                let found = sqlx::query_scalar("SELECT id FROM users WHERE email = $1").bind(email);
                let found = found.fetch_optional(&mut connection).await?;
                connection.close().await.map(|()| found)
            }
        }
    }
}
