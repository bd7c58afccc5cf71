//! What an operator sees of Sigra: spans, events and metrics, under names that are stable.
//!
#![doc = include_str!("page.md")]

mod events;
mod metrics;
mod operation;
mod spans;

pub use self::events::EVENTS;
pub use self::metrics::METRICS;
pub use self::operation::Operation;
pub use self::spans::SPANS;

pub(crate) use self::events::{
    bookkeeping, breached_unknown, checkpoint, hash_not_named, mail_failed, no_network, not_adopted,
    rows_missed, step_retried, touch_failed, trail_changed, unreadable_address, unreadable_hash,
    unsafe_setting, worker_failed,
};
#[cfg(feature = "axum")]
pub(crate) use self::events::{no_address_by_proxies, no_address_of_connection};
#[cfg(feature = "totp")]
pub(crate) use self::metrics::codes_under_old_keys;
pub(crate) use self::metrics::{
    Busy, MEASURES, MailOutcome, Timer, audit_lag, busy, describe, hash_computed, hash_queue, mail_settled,
    outbox_stands, session_checked, sink_behind,
};
pub(crate) use self::operation::{Notes, carry, failed_all_the_same, owed_row, watched};
pub(crate) use self::spans::Named;

/// What the library's own `tracing` targets are called: `sigra=debug` in a filter shows them all.
const TARGET: &str = "sigra";

#[cfg(test)]
mod tests;
