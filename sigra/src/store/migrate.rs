//! Sigra's migrations: a bookkeeping table of their own, one lock, and steps that a killed process can take up again.

use time::OffsetDateTime;

use super::connection::Connection;
#[allow(clippy::wildcard_imports, reason = "every step names statements of that module, and only those")]
use super::statements::*;
use super::{Dialect, Pool, Rendered, Stamp, Statement, Writer};
use crate::account::Account;
use crate::error::{DatabaseError, DatabaseErrorKind, Error, Failure};

/// One step of Sigra's schema, as SQL for one database.
#[derive(Clone, Debug)]
pub struct Migration {
    /// Counts up from 1.
    pub version: i64,
    /// What it does.
    pub name: &'static str,
    /// The statements, in order, with the names of the host's table and of Sigra's prefix in them.
    pub statements: Vec<&'static str>,
}

type Step = (i64, &'static str, Vec<Statement>);

/// Every step, oldest first. A released step never changes; a new one is added at the end.
fn steps<U: Account>() -> Vec<Step> {
    macro_rules! step {
        ($version:literal, $name:literal, $($template:ident),* $(,)?) => {
            ($version, $name, vec![$(Rendered::<U, $template>::STATEMENT),*])
        };
    }
    vec![step!(
        1,
        "accounts, sessions, devices, tokens, factors, keys, limits, outbox and audit trail",
        CreateAccounts,
        CreateSessions,
        IndexSessionsByUser,
        IndexSessionsByExpiry,
        IndexSessionsByIdle,
        CreateDevices,
        IndexDevicesByUser,
        IndexDevicesByExpiry,
        CreateTokens,
        IndexTokensByUser,
        IndexTokensByCode,
        IndexTokensByExpiry,
        CreateFactors,
        IndexFactorsByUser,
        IndexFactorsByExpiry,
        IndexFactorsByKey,
        CreateBackupCodes,
        IndexBackupCodesByUser,
        IndexBackupCodesByKey,
        CreateKeys,
        CreateLimits,
        IndexLimitsByForget,
        CreateOutbox,
        IndexOutboxByDue,
        CreateAudit,
        IndexAuditByUser,
        IndexAuditByLeaf,
        IndexAuditUnsealed,
        CreateAuditTree,
        CreateAuditSegments,
        CreateAuditCheckpoints,
        IndexAuditCheckpointsByExport,
        CreateAuditCounts,
        IndexAuditCountsByEnd,
        CreateAuditSinks,
        RefuseAuditChange,
        GuardAuditDelete,
        DropAuditInsertTrigger,
        CreateAuditInsertTrigger,
        DropAuditUpdateTrigger,
        CreateAuditUpdateTrigger,
        DropAuditDeleteTrigger,
        CreateAuditDeleteTrigger,
        DropTreeInsertTrigger,
        CreateTreeInsertTrigger,
        DropTreeUpdateTrigger,
        CreateTreeUpdateTrigger,
        DropAuditTruncateTrigger,
        CreateAuditTruncateTrigger,
        DropSegmentsUpdateTrigger,
        CreateSegmentsUpdateTrigger,
        DropSegmentsDeleteTrigger,
        CreateSegmentsDeleteTrigger,
    )]
}

/// The steps as text, for a host that keeps them among its own migrations.
pub(crate) fn texts<U: Account>(dialect: Dialect) -> Vec<Migration> {
    let text = |statement: Statement| -> Option<&'static str> {
        let text = match dialect {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => Some(statement.sqlite),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => Some(statement.postgres),
            #[cfg(feature = "mysql")]
            Dialect::MySql => Some(statement.mysql),
            #[allow(unreachable_patterns, reason = "every database may be on")]
            _ => None,
        };
        text.filter(|text: &&str| !text.is_empty())
    };
    steps::<U>()
        .into_iter()
        .map(|(version, name, statements)| Migration {
            version,
            name,
            statements: statements.into_iter().filter_map(text).collect(),
        })
        .collect()
}

/// Brings the database up to date. Safe to call from many processes at once and after a crash.
pub(crate) async fn run<U: Account>(pool: &Pool, now: OffsetDateTime) -> Result<(), Error> {
    let mut writer = pool.write().await?;
    let result = match lock::<U>(&mut writer, pool.dialect()).await {
        Ok(()) => apply::<U>(&mut writer.connection, pool.dialect(), now).await,
        Err(error) => Err(error),
    };
    let connection = &mut writer.connection;
    // Whatever happened, the lock goes with the connection's transaction or is given back here.
    let unlocked = unlock(connection, pool.dialect(), result.is_ok()).await;
    if unlocked.is_err() {
        connection.close_on_drop();
    }
    result?;
    unlocked?;
    Ok(())
}

async fn lock<U: Account>(writer: &mut Writer<'_>, dialect: Dialect) -> Result<(), Error> {
    match dialect {
        Dialect::Sqlite => writer.begin().await?,
        Dialect::Postgres => {
            writer.begin().await?;
            writer.connection.run("SELECT pg_advisory_xact_lock(8315161591217651)").await?;
        }
        // MariaDB commits at every CREATE: the lock has to live outside the transaction.
        Dialect::MySql => {
            let row = writer.connection.fetch_optional(Rendered::<U, LockMigrations>::STATEMENT, &[]).await?;
            if row.and_then(|row| row.get::<Option<i64>>(0).ok().flatten()) != Some(1) {
                return Err(Failure::Config(
                    "another process has been migrating this database for a minute; start again when it is done".into(),
                )
                .into());
            }
        }
    }
    Ok(())
}

async fn unlock(connection: &mut Connection, dialect: Dialect, applied: bool) -> Result<(), DatabaseError> {
    match dialect {
        Dialect::Sqlite | Dialect::Postgres if applied => connection.commit().await,
        Dialect::Sqlite | Dialect::Postgres => connection.rollback().await,
        Dialect::MySql => connection.run("DO RELEASE_LOCK(CONCAT('sigra:', SHA1(DATABASE())))").await,
    }
}

async fn apply<U: Account>(
    connection: &mut Connection,
    dialect: Dialect,
    now: OffsetDateTime,
) -> Result<(), Error> {
    connection.execute(Rendered::<U, CreateMigrations>::STATEMENT, &[]).await?;
    let mut applied = 0;
    for row in connection.fetch(Rendered::<U, AppliedMigrations>::STATEMENT, &[]).await? {
        let read = |source| Failure::Read { table: "migrations", user_type: U::SCHEMA.user_type, source };
        applied = row.get::<i64>(0).map_err(read)?;
        let host_table = row.get::<String>(1).map_err(read)?;
        if host_table != U::SCHEMA.table {
            return Err(Failure::Config(format!(
                "the tables with the prefix `{prefix}` belong to the users in `{host_table}`; give `{user}` tables of \
                 its own: `#[sigra(prefix = \"{other}_sigra_\")]`",
                prefix = U::SCHEMA.prefix,
                user = U::SCHEMA.user_type,
                other = U::SCHEMA.user_type.to_lowercase(),
            ))
            .into());
        }
    }
    for (version, name, statements) in steps::<U>() {
        if version <= applied {
            continue;
        }
        for statement in statements {
            match connection.define(statement).await {
                Ok(()) => {}
                // The index of a step that a killed process left half done; MySQL has no `IF NOT EXISTS` for it.
                Err(error)
                    if dialect == Dialect::MySql && error.kind == DatabaseErrorKind::DuplicateIndex => {}
                Err(error) => return Err(error.into()),
            }
        }
        let name = name.to_owned();
        let table = U::SCHEMA.table.to_owned();
        connection
            .execute(
                Rendered::<U, RecordMigration>::STATEMENT,
                &[&version, &name, &table, &Stamp(crate::clock::whole_micros(now))],
            )
            .await?;
    }
    Ok(())
}
