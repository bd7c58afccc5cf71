//! Errors: what a visitor may be told, and what only an operator may.

use std::time::Duration;

use crate::password::PasswordProblem;
use crate::password::breached::Unavailable;

/// Why an operation did not do what was asked.
///
/// The split is the point: a [`Refusal`] is an answer to the visitor and safe to show; a [`Failure`] is for the operator's
/// log, and a visitor gets no more than "try again later".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request was understood and refused. Nothing went wrong.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something the operator must look at. Nothing was changed, unless the connection broke at the very moment of the commit.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// An answer to the visitor. The text of each is safe to show and says nothing about whether an account exists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Unknown address, wrong password, an account without one, or an address that nobody has confirmed: they are one answer.
    #[error("the e-mail address or the password is wrong")]
    InvalidCredentials,
    /// The limit of `lockout` or `throttle` is reached. The same for addresses that have an account and that have none.
    #[error("too many attempts; try again in {} seconds", retry_after.as_secs())]
    TooManyAttempts {
        /// When the limit arms itself again.
        retry_after: Duration,
    },
    /// The server is at its limit of operations or of password hashes, or what this was about kept changing; nothing was done,
    /// try again.
    #[error("the server is busy; try again in {} seconds", retry_after.as_secs())]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// A code of a second factor that is wrong, or was used already: they are one answer.
    #[error("this code is wrong, or was used already")]
    InvalidCode,
    /// What was asked for changes a credential, and who is there was not proved recently enough, or not by the second factor that
    /// the account has (ASVS 7.5.1).
    #[error("prove once more that it is you: {}", if *with_code { "type a code" } else { "type your password" })]
    SudoRequired {
        /// Only a code of the second factor will do: `Sigra::step_up_with_code`. Otherwise the password will,
        /// too.
        with_code: bool,
    },
    /// The account has as many second factors as it may.
    #[error("there are {most} authenticators already; remove one first")]
    TooManyFactors {
        /// How many it may have.
        most: u32,
    },
    /// Backup codes stand in for a second factor, and the account has none.
    #[error("add an authenticator first")]
    NoFactor,
    /// The delay of an assisted recovery has not passed.
    #[error("the owner has {} more seconds to stop this", retry_after.as_secs())]
    TooEarly {
        /// When it will have.
        retry_after: Duration,
    },
    /// A link or code that is wrong, used, expired or voided: they are one answer.
    #[error("this link or code is not valid any more; ask for a new one")]
    InvalidToken,
    /// The new password does not meet the policy. The visitor may try another; nothing was used up.
    #[error(transparent)]
    PasswordRejected(#[from] PasswordProblem),
    /// Not one plain e-mail address.
    #[error("this is not an e-mail address")]
    InvalidEmail,
    /// A value that the host's table keeps unique, other than the address, is taken. The same for a free and a taken address.
    #[error("one of the values is taken already")]
    Conflict,
    /// A value that the host's table cannot hold: too long, out of range, or with a character that the database refuses.
    #[error("one of the values cannot be stored")]
    InvalidValue,
    /// The session that asked for this has ended meanwhile.
    #[error("your session has ended; sign in again")]
    SessionEnded,
}

/// Trouble that an operator must look at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The database could not be asked or did not answer as it should.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The audit row could not be written, so the operation was undone.
    #[error(
        "the audit row could not be written, so nothing was changed; check the table `{table}`, its grants and the \
         disk: {source}"
    )]
    Audit {
        /// The audit table.
        table: String,
        /// What the database said.
        source: DatabaseError,
    },
    /// The audit trail is not as Sigra left it. It is not written on from there, so that the traces stay.
    #[error(
        "the audit trail was changed by something other than Sigra: {0}; keep a copy of the database, and find what was \
         changed with `Sigra::verify_audit` and the checkpoints that were handed over"
    )]
    AuditChanged(String),
    /// A sink did not take a checkpoint of the audit trail. It is tried again with the next one; rows are written meanwhile.
    #[error("a checkpoint of the audit trail could not be handed to {sink}; it is tried again: {source}")]
    CheckpointSink {
        /// Which.
        sink: String,
        /// What it said.
        source: crate::audit::SinkError,
    },
    /// A sink did not take rows of the audit trail. They are forwarded again; rows are written meanwhile.
    #[error("rows of the audit trail could not be forwarded to {sink}; they are forwarded again: {source}")]
    AuditSink {
        /// Which.
        sink: String,
        /// What it said.
        source: crate::audit::SinkError,
    },
    /// An event of the host's cannot be recorded as it is. Nothing was written.
    #[error(transparent)]
    Event(#[from] crate::audit::EventError),
    /// A row does not fit the host's struct.
    #[error("a row of `{table}` does not fit `{user_type}`: {source}")]
    Read {
        /// The host's table.
        table: &'static str,
        /// The host's type.
        user_type: &'static str,
        /// Which column, and why.
        source: crate::column::ReadError,
    },
    /// The settings given at start cannot work; the text says what to set.
    #[error("{0}")]
    Config(String),
    /// Keys that are missing, malformed, or not those of the database; the text says what to set.
    #[error(transparent)]
    Keys(#[from] crate::keyring::KeyringError),
    /// A stored password hash that no verifier of Sigra understands. It is in the log alone: a visitor gets the answer of a wrong
    /// password, as for an address without an account.
    #[error("the password hash of an account is not one that this version can verify: {0}")]
    PasswordHash(String),
    /// A stored password hash was made with a pepper that this process does not have. In the log alone, like the one above.
    #[error(
        "the password hash of an account needs the pepper `{id}`: put it back into `SIGRA_PEPPER` (or what \
         `Builder::pepper` gets), behind the newest"
    )]
    Pepper {
        /// Which.
        id: String,
    },
    /// A new password could not be looked up among breached ones, and the host wants no other
    /// ([`WhenUnavailable::Refuse`](crate::password::breached::WhenUnavailable)). Nothing was used up.
    #[error("a new password was refused, since breached ones cannot be looked up: {0}")]
    BreachedPasswords(#[from] Unavailable),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Random(String),
    /// The task of an operation panicked or the runtime is shutting down. The transaction it was in was undone.
    #[error("the operation was interrupted: {0}")]
    Interrupted(String),
}

impl From<tokio::task::JoinError> for Failure {
    /// Without the panic's message: it can hold what a visitor sent. It stands where the process prints panics.
    fn from(error: tokio::task::JoinError) -> Self {
        let how = if error.is_panic() { "its task panicked" } else { "the runtime is shutting down" };
        Self::Interrupted(how.into())
    }
}

impl Refusal {
    /// A stable code for it: the label `reason` of metrics, the field of that name in spans, and the code in answers of programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidCredentials => "invalid_credentials",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::Busy { .. } => "busy",
            Self::InvalidCode => "invalid_code",
            Self::SudoRequired { .. } => "sudo_required",
            Self::TooManyFactors { .. } => "too_many_factors",
            Self::NoFactor => "no_factor",
            Self::TooEarly { .. } => "too_early",
            Self::InvalidToken => "invalid_token",
            Self::PasswordRejected(_) => "password_rejected",
            Self::InvalidEmail => "invalid_email",
            Self::Conflict => "conflict",
            Self::InvalidValue => "invalid_value",
            Self::SessionEnded => "session_ended",
        }
    }
}

impl Failure {
    /// A stable code for it: the label `reason` of metrics, and the field of that name in spans.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Database(_) => "database",
            Self::Audit { .. } => "audit",
            Self::AuditChanged(_) => "audit_changed",
            Self::CheckpointSink { .. } => "checkpoint_sink",
            Self::AuditSink { .. } => "audit_sink",
            Self::Event(_) => "event",
            Self::Read { .. } => "read",
            Self::Config(_) => "config",
            Self::Keys(_) => "keys",
            Self::PasswordHash(_) => "password_hash",
            Self::Pepper { .. } => "pepper",
            Self::BreachedPasswords(_) => "breached_passwords",
            Self::Random(_) => "random",
            Self::Interrupted(_) => "interrupted",
        }
    }
}

impl From<DatabaseError> for Error {
    fn from(error: DatabaseError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<PasswordProblem> for Error {
    fn from(problem: PasswordProblem) -> Self {
        Self::Refused(problem.into())
    }
}

impl From<Unavailable> for Error {
    fn from(error: Unavailable) -> Self {
        Self::Failed(error.into())
    }
}

impl From<crate::keyring::KeyringError> for Error {
    fn from(error: crate::keyring::KeyringError) -> Self {
        Self::Failed(error.into())
    }
}

impl Error {
    /// The refusal, where it is one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Failed(_) => None,
        }
    }

    /// Whether the same transaction may go through when it is run again.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Failed(Failure::Database(error) | Failure::Audit { source: error, .. }) => {
                error.kind == DatabaseErrorKind::Transient
            }
            _ => false,
        }
    }
}

/// What the database said, with what an operator can do about it. Parameters never appear in it.
#[derive(Debug, thiserror::Error)]
#[error("database: {message}{}", hint.map(|hint| format!(" ({hint})")).unwrap_or_default())]
pub struct DatabaseError {
    message: String,
    hint: Option<&'static str>,
    pub(crate) kind: DatabaseErrorKind,
}

impl DatabaseError {
    /// The database answered, and the answer was no: nothing of the transaction can have been kept.
    pub(crate) fn is_refused(&self) -> bool {
        !matches!(
            self.kind,
            DatabaseErrorKind::Transient | DatabaseErrorKind::Disconnected | DatabaseErrorKind::NoConnection
        )
    }

    /// A conditional statement found that another transaction was faster.
    pub(crate) fn lost_race() -> Self {
        Self { message: "the row changed meanwhile".into(), hint: None, kind: DatabaseErrorKind::Transient }
    }
}

/// What the library does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(any(feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(dead_code, reason = "without a database nothing fails")
)]
pub(crate) enum DatabaseErrorKind {
    /// Lost against a concurrent transaction; nothing is wrong.
    Transient,
    /// The connection is gone; another may work.
    Disconnected,
    /// Every connection was busy for too long.
    NoConnection,
    /// The statement broke a unique constraint.
    Unique,
    /// A trigger refused the statement.
    Trigger,
    /// A value does not fit its column.
    Value,
    /// The index is there already.
    DuplicateIndex,
    /// Sigra's tables are not there yet.
    MissingTable,
    /// Nothing the library can mend.
    Other,
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::error::DatabaseError as Answer;

        let answer = error.as_database_error();
        let code = answer.and_then(Answer::code);
        // PostgreSQL's detail line repeats the values of the row; only its message is taken over.
        let message = answer.map_or_else(|| error.to_string(), |answer| answer.message().to_owned());
        let missing =
            matches!(code.as_deref(), Some("42P01" | "42S02")) || message.starts_with("no such table");
        let kind = match &error {
            _ if missing => DatabaseErrorKind::MissingTable,
            sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                DatabaseErrorKind::Disconnected
            }
            sqlx::Error::PoolTimedOut => DatabaseErrorKind::NoConnection,
            _ if answer.is_some_and(Answer::is_unique_violation) => DatabaseErrorKind::Unique,
            _ if message.starts_with("Duplicate key name") => DatabaseErrorKind::DuplicateIndex,
            _ if answer.is_some_and(Answer::is_check_violation) => DatabaseErrorKind::Value,
            // MariaDB has no SQLSTATE of its own for a lock that took too long.
            _ if message.starts_with("Lock wait timeout") => DatabaseErrorKind::Transient,
            // The codes of the three databases do not collide: SQLSTATEs have five characters, SQLite's numbers fewer.
            _ => match code.as_deref() {
                Some("40001" | "40P01" | "5" | "6" | "261" | "517") => DatabaseErrorKind::Transient,
                // Whether what was under way came to something, such an answer leaves open.
                Some("57P01" | "57P02" | "57P03" | "70100") => DatabaseErrorKind::Disconnected,
                Some(state) if state.len() == 5 && state.starts_with("08") => DatabaseErrorKind::Disconnected,
                Some("P0001" | "45000" | "1811") => DatabaseErrorKind::Trigger,
                // "Data exception", on PostgreSQL and MariaDB.
                Some(state) if state.len() == 5 && state.starts_with("22") => DatabaseErrorKind::Value,
                _ => DatabaseErrorKind::Other,
            },
        };
        let may_not_define = message.contains("SUPER privilege and binary logging is enabled");
        let hint = match &error {
            _ if may_not_define => Some(
                "the migration makes triggers: set `log_bin_trust_function_creators = 1` while it runs, or let an administrator \
                 run the SQL of `Sigra::migrations`",
            ),
            _ if missing => Some("call `Sigra::migrate` after the host's own migrations"),
            sqlx::Error::PoolTimedOut => Some("every connection was busy for ten seconds"),
            sqlx::Error::Io(_) => Some("is the server up, and does the URL name its host and port?"),
            _ => None,
        };
        // MariaDB repeats the value that did not fit; the code and the constraint are enough to find the column.
        let message = match kind {
            DatabaseErrorKind::Unique | DatabaseErrorKind::Value => format!(
                "a value was refused: {} {}",
                code.as_deref().unwrap_or_default(),
                answer.and_then(Answer::constraint).unwrap_or_default()
            ),
            _ => message,
        };
        Self { message, hint, kind }
    }
}
