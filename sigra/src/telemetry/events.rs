//! The events: each has a stable name and one level, and this file alone writes them.
//!
//! None has an address, a password, a token, a code, a network or the key of a user: who may read logs is not who may read the
//! trail. `request_id` and `session_id` lead from the one to the other.

use std::fmt::Display;

use tracing::Level;

use super::TARGET;
use crate::SessionId;
use crate::error::{DatabaseErrorKind, Error, Failure};

/// The name and level of an event.
pub(super) struct Name {
    pub(super) name: &'static str,
    pub(super) level: Level,
}

macro_rules! events {
    ($($event:ident = $name:literal at $level:ident;)*) => {
        $(
            #[cfg_attr(not(feature = "axum"), allow(dead_code, reason = "some are the extractors' own"))]
            const $event: Name = Name { name: $name, level: Level::$level };
        )*

        /// The names of all events. They are stable: alerts may be checked against them.
        pub const EVENTS: &[&str] = &[$($name),*];

        #[cfg(test)]
        pub(super) const ALL: &[Name] = &[$($event),*];
    };
}

events! {
    SUCCEEDED = "operation.succeeded" at INFO;
    CHALLENGED = "operation.challenged" at INFO;
    REFUSED = "operation.refused" at INFO;
    LIMITED = "operation.limited" at WARN;
    BUSY = "operation.busy" at WARN;
    FAILED = "operation.failed" at ERROR;
    ABANDONED = "operation.abandoned" at DEBUG;
    ACCOUNT_LOCKED = "account.locked" at WARN;
    NOT_ADOPTED = "account.not_adopted" at WARN;
    MAIL_FAILED = "mail.failed" at WARN;
    UNREADABLE_SEED = "factor.seed_unreadable" at ERROR;
    CHECKPOINT = "audit.checkpoint" at INFO;
    REFUSALS_COUNTED = "audit.refusals_counted" at INFO;
    FOREIGN_ROW = "audit.row_foreign" at ERROR;
    ROWS_MISSED = "audit.rows_missed" at ERROR;
    TRAIL_CHANGED = "audit.trail_changed" at ERROR;
    NEW_WRITER = "keyring.new_writer" at WARN;
    WORKER_FAILED = "worker.failed" at ERROR;
    TOUCH_FAILED = "session.touch_failed" at WARN;
    BREACHED_UNKNOWN = "password.breached_unknown" at WARN;
    UNREADABLE_ADDRESS = "account.address_unreadable" at ERROR;
    UNREADABLE_HASH = "password.hash_unreadable" at ERROR;
    HASH_NOT_NAMED = "password.hash_not_named" at WARN;
    UNSAFE_SETTING = "settings.unsafe" at WARN;
    NO_FORWARDED_ADDRESS = "request.address_not_forwarded" at WARN;
    NO_ADDRESS = "request.address_unknown" at ERROR;
    NO_NETWORK = "request.network_missing" at ERROR;
    STEP_RETRIED = "step.retried" at DEBUG;
    BOOKKEEPING = "step.bookkeeping" at TRACE;
}

/// Writes an event under its name: as its metadata, where OpenTelemetry looks for it, and as a field, for all who print lines.
macro_rules! tell {
    ($event:ident, $($rest:tt)*) => {
        tracing::event!(name: $event.name, target: TARGET, $event.level, event = $event.name, $($rest)*)
    };
}

/// The one event with which an operation ends.
pub(super) struct Closing<'a> {
    pub(super) operation: &'static str,
    /// It only reads, so that its success is no news.
    pub(super) quiet: bool,
    pub(super) user_type: &'static str,
    pub(super) request_id: Option<&'a str>,
    pub(super) session_id: Option<SessionId>,
    pub(super) outcome: &'static str,
    pub(super) reason: Option<&'static str>,
    pub(super) error: Option<&'a str>,
    pub(super) help: Option<&'static str>,
}

impl Closing<'_> {
    pub(super) fn tell(self) {
        let Self { operation, quiet, user_type, request_id, session_id, outcome, reason, error, help } = self;
        let session_id = session_id.map(tracing::field::display);
        macro_rules! close {
            ($event:ident, $text:literal) => {
                tell!(
                    $event,
                    operation,
                    outcome,
                    reason,
                    user_type,
                    request_id,
                    session_id = session_id.as_ref(),
                    error,
                    help,
                    $text
                )
            };
        }
        match (outcome, reason) {
            ("success", _) if quiet => {}
            ("success", _) => close!(SUCCEEDED, "done"),
            ("challenged", _) => close!(CHALLENGED, "the second factor is due"),
            ("failed", _) => close!(FAILED, "an operation failed"),
            ("abandoned", _) => close!(ABANDONED, "nobody waited for it, before anything was changed"),
            (_, Some("busy")) => close!(BUSY, "refused: the server is at its limit"),
            (_, Some(reason)) if limit(reason).is_some() => close!(LIMITED, "refused: a limit is reached"),
            _ => close!(REFUSED, "refused"),
        }
    }
}

/// Which limit a reason names, if it names one.
pub(super) fn limit(reason: &'static str) -> Option<&'static str> {
    reason.strip_suffix("_limit")
}

/// What an operator can do about a failure, where its own text does not say so.
pub(super) fn help(failure: &Failure) -> &'static str {
    match failure {
        Failure::Database(error) if error.kind == DatabaseErrorKind::Transient => {
            "other transactions were faster ten times over: look for one that stays open, then try again"
        }
        Failure::Database(_) => {
            "look whether the database answers, has room, and has the tables of this version"
        }
        Failure::Audit { .. } => "let the trail be written again; until then nothing can be changed",
        Failure::AuditChanged(_) => {
            "keep a copy of the database, then have `Sigra::verify_audit` say what was changed"
        }
        Failure::CheckpointSink { .. } => {
            "let the sink take checkpoints again; rows are written and sealed meanwhile"
        }
        Failure::AuditSink { .. } => {
            "let the sink take rows again; they wait for it in the trail until retention removes them"
        }
        Failure::Event(_) => "change the event in the application's code; nothing of it was recorded",
        Failure::Read { .. } => "make the column and the field the same type; `NULL` needs an `Option`",
        Failure::Config(_) | Failure::Keys(_) | Failure::Pepper { .. } => {
            "change the setting that the error names"
        }
        Failure::PasswordHash(_) => {
            "import the hash in a form that a verifier knows, or have the password reset"
        }
        Failure::BreachedPasswords(_) => {
            "let the source of breached passwords be reached, or accept passwords unseen"
        }
        Failure::Random(_) => "restart the process; the system it runs on is not fit for secrets",
        Failure::Interrupted(_) => {
            "look for a panic in the process's output; what was not committed was undone"
        }
    }
}

pub(super) fn account_locked(user_type: &'static str) {
    tell!(
        ACCOUNT_LOCKED,
        user_type,
        "the attempts at an address are used up, whether or not it has an account"
    );
}

/// Users of the host's without an account.
pub(crate) fn not_adopted(user_type: &'static str, table: &'static str, rows: i64) {
    tell!(
        NOT_ADOPTED,
        user_type,
        table,
        rows,
        "rows of the users' table have no account and cannot sign in; call `Sigra::adopt_accounts`"
    );
}

/// A seed that no key of this process opens. Its factor names it in the database, and opens nothing.
pub(super) fn unreadable_seed(user_type: &'static str, factor: uuid::Uuid) {
    tell!(
        UNREADABLE_SEED,
        user_type,
        %factor,
        help = "put the key that sealed it back into the keyring, behind the newest",
        "the seed of an authenticator cannot be opened, so its codes are refused"
    );
}

/// A checkpoint of the trail, for whoever keeps the log: under a target of its own, so that it can go where others do not.
pub(crate) fn checkpoint(size: u64, checkpoint: &dyn Display) {
    tracing::event!(
        name: CHECKPOINT.name,
        target: "sigra::checkpoint",
        CHECKPOINT.level,
        event = CHECKPOINT.name,
        size,
        "{checkpoint}"
    );
}

/// Refusals without rows of their own became one row.
pub(super) fn refusals_counted(user_type: &'static str, operation: &str, reason: &str, count: i64) {
    tell!(
        REFUSALS_COUNTED,
        user_type,
        operation,
        reason,
        count,
        "refusals of one kind were counted in one row"
    );
}

/// A row is sealed all the same: what stood there when it was found is kept for whoever looks into it.
pub(super) fn foreign_row(user_type: &'static str, row: uuid::Uuid) {
    tell!(
        FOREIGN_ROW,
        user_type,
        %row,
        "a row of the audit trail was written or changed by something other than Sigra"
    );
}

/// Rows are gone that a sink has not got: retention does not wait for it.
pub(crate) fn rows_missed(user_type: &'static str, sink: &str, next: i64, first: i64) {
    tell!(
        ROWS_MISSED,
        user_type,
        sink,
        next,
        first,
        "rows of the audit trail were removed before they could be forwarded; let the sink keep up, or keep rows longer; where \
         retention has not come so far yet, `Sigra::verify_audit` names what somebody else removed"
    );
}

/// A verification has findings.
pub(crate) fn trail_changed(user_type: &'static str, findings: u64) {
    tell!(
        TRAIL_CHANGED,
        user_type,
        findings,
        "the audit trail is not as Sigra left it; the report says where"
    );
}

/// Other processes may not have this key yet; no process can know.
pub(super) fn new_writer(user_type: &'static str, kind: &'static str, id: &str) {
    tell!(
        NEW_WRITER,
        user_type,
        kind,
        id,
        "a key that this database has not seen before writes from now on; a process that does not have it yet refuses what \
         it writes, so with several processes add a new key at the end first"
    );
}

/// A mailer did not take a mail. The text has none of what the mail says, nor to whom.
pub(crate) fn mail_failed(kind: &'static str, error: &str) {
    tell!(MAIL_FAILED, kind, error, "a mail could not be sent; it is tried again");
}

/// A task of the worker could not do its work this time.
pub(crate) fn worker_failed(task: &'static str, error: &Error) {
    tell!(WORKER_FAILED, task, %error, "the worker could not do its work; it tries again");
}

pub(crate) fn touch_failed(error: &Error) {
    tell!(TOUCH_FAILED, %error, "the time of a session's last use could not be written; it may end a little early");
}

/// Breached passwords could not be looked up, and the password is taken as it is.
pub(crate) fn breached_unknown(at: &'static str, error: &dyn Display) {
    tell!(BREACHED_UNKNOWN, at, %error, "a password was not looked up among breached ones");
}

/// Nobody can sign in to an account whose address is no text, and nobody else is to notice.
pub(crate) fn unreadable_address(user_type: &'static str, failure: &Failure) {
    tell!(
        UNREADABLE_ADDRESS,
        user_type,
        error = %failure,
        "an account was passed over whose address cannot be read; was its column changed?"
    );
}

/// A stored hash that cannot be verified opens nothing.
pub(crate) fn unreadable_hash(failure: &Failure) {
    tell!(UNREADABLE_HASH, error = %failure, help = help(failure), "a password was refused for its stored hash");
}

/// A stored hash costs more beside today's, and the work of other attempts does not make up for it.
pub(crate) fn hash_not_named(form: &str) {
    tell!(
        HASH_NOT_NAMED,
        form,
        help = "give one such hash to `Builder::imported_like` until all have signed in",
        "attempts at accounts whose hash was imported, or has another cost than today's, can be told by their time"
    );
}

pub(crate) fn unsafe_setting(user_type: &'static str, key: &'static str, why: &'static str) {
    tell!(UNSAFE_SETTING, user_type, key, why, "an unsafe setting is on");
}

#[cfg(feature = "axum")]
pub(crate) fn no_address_by_proxies(hops: u8) {
    tell!(
        NO_FORWARDED_ADDRESS,
        hops,
        "a request came without the address that the trusted proxies should have written to `X-Forwarded-For`; does each \
         append to it, and can anybody connect past them?"
    );
}

#[cfg(feature = "axum")]
pub(crate) fn no_address_of_connection() {
    tell!(
        NO_ADDRESS,
        "the address of a request is not known: serve the router with \
         `into_make_service_with_connect_info::<SocketAddr>()`, and in tests add the layer `MockConnectInfo`"
    );
}

/// Once for each handle: each request says the same.
pub(crate) fn no_network(user_type: &'static str) {
    tell!(
        NO_NETWORK,
        user_type,
        help = "give the address of each request with `Client::from_address`; the extractors of `sigra::axum` do",
        "`throttle` is on, and a request came without the network that it counts by: one network has no limit here"
    );
}

/// A transaction lost against another and is run again.
pub(crate) fn step_retried(run: u32, error: &Error) {
    tell!(STEP_RETRIED, run, %error, "another transaction was faster");
}

/// A step ended without a row of its own in the trail.
pub(crate) fn bookkeeping(why: &dyn std::fmt::Debug) {
    tell!(BOOKKEEPING, ?why, "no row in the trail");
}
