//! Storage: one front over the databases that are on.

#![cfg_attr(
    not(all(feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(
        unused,
        unreachable_code,
        clippy::unused_async,
        reason = "what one database needs, another does not"
    )
)]

mod connection;
mod migrate;
mod pool;
mod statement;
pub(crate) mod statements;
mod time;

pub(crate) use self::connection::Done;
pub use self::connection::Row;
pub use self::migrate::Migration;
pub(crate) use self::migrate::{run as migrate, texts as migration_texts};
pub(crate) use self::pool::{Pool, Snapshot, Source, Writer};
pub(crate) use self::statement::{Ahead, Rendered, Statement, Template, WithAuditRow};
pub(crate) use self::time::Stamp;

/// A database that Sigra can stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite 3.35 or newer; the cargo feature `sqlite` bundles one.
    Sqlite,
    /// PostgreSQL 13 or newer.
    Postgres,
    /// MariaDB 10.5 or newer, or MySQL 8.
    MySql,
}
