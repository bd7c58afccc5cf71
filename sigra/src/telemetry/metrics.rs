//! The metrics, through the facade `metrics`, with the cargo feature of that name. Without it every function here is empty.

use std::time::Duration;

use super::events::limit;
use super::spans::Named;

/// A label and its value. Both are the library's own words, so that their number has a bound.
type Label = (&'static str, &'static str);

macro_rules! kinds {
    ($($kind:ident),*) => {$(
        #[derive(Clone, Copy)]
        struct $kind(
            #[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "nobody asks for its name"))]
            &'static str,
        );
    )*};
}
kinds!(Counter, Gauge, Histogram);

macro_rules! metrics {
    ($($metric:ident: $kind:ident in $unit:ident = $name:literal, $help:literal;)*) => {
        $(const $metric: $kind = $kind($name);)*

        /// The names of all metrics. They are stable: dashboards may be checked against them.
        pub const METRICS: &[&str] = &[$($name),*];

        /// Kind and unit of each.
        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str, &str)] = &[$(($name, stringify!($kind), stringify!($unit))),*];

        /// Tells the recorder what each metric is.
        #[cfg(feature = "metrics")]
        pub(crate) fn describe() {
            $($metric.describe(::metrics::Unit::$unit, $help);)*
        }
    };
}

metrics! {
    OPERATIONS: Counter in Count = "sigra_operations_total", "Operations that ended";
    OPERATION_SECONDS: Histogram in Seconds = "sigra_operation_duration_seconds", "How long operations took";
    UNDER_WAY: Gauge in Count = "sigra_operations_in_flight", "Operations under way that change something, of 512 allowed for each handle";
    BUSY: Counter in Count = "sigra_busy_total", "Requests refused because the process was at its limit";
    SIGN_INS: Counter in Count = "sigra_sign_ins_total", "Steps of signing in, by whichever method";
    LOCKOUTS: Counter in Count = "sigra_lockouts_total", "Addresses whose attempts strangers have used up";
    LIMITS: Counter in Count = "sigra_limits_reached_total", "Requests refused by a limit";
    SESSION_CHECKS: Counter in Count = "sigra_session_checks_total", "Session tokens that were looked up";
    HASHES: Counter in Count = "sigra_hashes_total", "Password hashes computed, real and dummy alike";
    HASH_SECONDS: Histogram in Seconds = "sigra_hash_duration_seconds", "How long one password hash took";
    HASH_QUEUE: Gauge in Count = "sigra_hash_queue_depth", "Requests that wait for a permit to hash";
    HASH_WAIT: Histogram in Seconds = "sigra_hash_queue_wait_seconds", "How long a request waited for a permit to hash";
    MAILS: Counter in Count = "sigra_mails_total", "Mails of the outbox that were dealt with";
    MAIL_AGE: Histogram in Seconds = "sigra_mail_delivery_age_seconds", "How old a mail was when the mailer took it";
    OUTBOX: Gauge in Count = "sigra_outbox_mails", "Mails in the outbox";
    OUTBOX_DUE: Gauge in Count = "sigra_outbox_due_mails", "Mails in the outbox that are due";
    OUTBOX_AGE: Gauge in Seconds = "sigra_outbox_oldest_seconds", "Age of the oldest mail in the outbox";
    OLD_CODES: Gauge in Count = "sigra_backup_codes_under_old_keys", "Users whose backup codes are under a key that writes no more";
    AUDIT_UNSEQUENCED: Gauge in Count = "sigra_audit_unsequenced_rows", "Rows of the trail that have no number and no seal yet";
    AUDIT_AGE: Gauge in Seconds = "sigra_audit_checkpoint_age_seconds", "Age of the newest checkpoint of the trail that every sink has, zero while nothing was written since";
    AUDIT_SINK: Gauge in Count = "sigra_audit_sink_behind_rows", "Sealed rows of the trail that a sink has not got";
}

/// Whether anything is measured: what would be read for a metric alone is not read without one.
pub(crate) const MEASURES: bool = cfg!(feature = "metrics");

#[cfg(feature = "metrics")]
mod recording {
    use super::{Counter, Gauge, Histogram, Label};
    use metrics::Unit;

    impl Counter {
        pub(super) fn add(self, labels: &[Label]) {
            metrics::counter!(self.0, labels).increment(1);
        }

        pub(super) fn describe(self, unit: Unit, help: &'static str) {
            metrics::describe_counter!(self.0, unit, help);
        }
    }

    impl Gauge {
        pub(super) fn add(self, by: f64) {
            metrics::gauge!(self.0).increment(by);
        }

        pub(super) fn set(self, labels: &[Label], value: f64) {
            metrics::gauge!(self.0, labels).set(value);
        }

        pub(super) fn set_for_sink(self, user_type: &'static str, sink: &str, value: f64) {
            metrics::gauge!(self.0, "user_type" => user_type, "sink" => sink.to_owned()).set(value);
        }

        pub(super) fn describe(self, unit: Unit, help: &'static str) {
            metrics::describe_gauge!(self.0, unit, help);
        }
    }

    impl Histogram {
        pub(super) fn observe(self, labels: &[Label], value: f64) {
            metrics::histogram!(self.0, labels).record(value);
        }

        pub(super) fn describe(self, unit: Unit, help: &'static str) {
            metrics::describe_histogram!(self.0, unit, help);
        }
    }

    /// A moment in the process's own time.
    pub(crate) struct Timer(std::time::Instant);

    impl Timer {
        pub(crate) fn start() -> Self {
            Self(std::time::Instant::now())
        }

        pub(super) fn seconds(&self) -> f64 {
            self.0.elapsed().as_secs_f64()
        }
    }
}

#[cfg(not(feature = "metrics"))]
#[allow(
    clippy::unused_self,
    clippy::needless_pass_by_value,
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape is that of the functions that measure"
)]
mod recording {
    use super::{Counter, Gauge, Histogram, Label};

    impl Counter {
        pub(super) const fn add(self, _: &[Label]) {}
    }

    impl Gauge {
        pub(super) const fn add(self, _: f64) {}
        pub(super) const fn set(self, _: &[Label], _: f64) {}
        pub(super) const fn set_for_sink(self, _: &'static str, _: &str, _: f64) {}
    }

    impl Histogram {
        pub(super) const fn observe(self, _: &[Label], _: f64) {}
    }

    /// No clock is read.
    pub(crate) struct Timer;

    impl Timer {
        pub(crate) const fn start() -> Self {
            Self
        }

        pub(super) const fn seconds(&self) -> f64 {
            0.0
        }
    }
}

pub(crate) use self::recording::Timer;

/// There is no recorder to tell.
#[cfg(not(feature = "metrics"))]
pub(crate) const fn describe() {}

impl Gauge {
    /// One more, until the value is dropped.
    fn hold(self) -> Held {
        self.add(1.0);
        Held(self)
    }
}

/// One of those that a gauge counts.
pub(crate) struct Held(Gauge);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.add(-1.0);
    }
}

pub(super) fn operation_ended(
    named: Named,
    user_type: &'static str,
    outcome: &'static str,
    reason: Option<&'static str>,
    started: &Timer,
) {
    let operation = ("operation", named.name());
    let (outcome, reason_label, user_type) =
        (("outcome", outcome), ("reason", reason.unwrap_or("none")), ("user_type", user_type));
    OPERATIONS.add(&[operation, outcome, reason_label, user_type]);
    OPERATION_SECONDS.observe(&[operation, outcome], started.seconds());
    if let Some(method) = named.sign_in_method() {
        SIGN_INS.add(&[("method", method), outcome, reason_label, user_type]);
    }
    if let Some(limit) = reason.and_then(limit) {
        LIMITS.add(&[("limit", limit), user_type]);
    }
}

/// An operation that goes on whoever waits for it.
pub(super) fn under_way() -> Held {
    UNDER_WAY.hold()
}

/// What has no room left.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Busy {
    /// 512 operations of one handle are under way.
    Operations,
    /// The queue for hashing is full.
    HashQueue,
    /// A request waited for a permit to hash until its deadline.
    HashDeadline,
}

pub(crate) fn busy(busy: Busy) {
    BUSY.add(&[(
        "limit",
        match busy {
            Busy::Operations => "operations",
            Busy::HashQueue => "hash_queue",
            Busy::HashDeadline => "hash_deadline",
        },
    )]);
}

pub(super) fn account_locked(user_type: &'static str) {
    LOCKOUTS.add(&[("user_type", user_type)]);
}

/// A token was looked up, or was none.
pub(crate) fn session_checked(user_type: &'static str, live: bool) {
    SESSION_CHECKS.add(&[("result", if live { "live" } else { "none" }), ("user_type", user_type)]);
}

/// One hash was computed.
pub(crate) fn hash_computed(started: &Timer) {
    HASHES.add(&[]);
    HASH_SECONDS.observe(&[], started.seconds());
}

/// A request that waits for a permit to hash, until the value is dropped.
pub(crate) struct Waiting(Timer, #[allow(dead_code, reason = "counts until it is dropped")] Held);

pub(crate) fn hash_queue() -> Waiting {
    Waiting(Timer::start(), HASH_QUEUE.hold())
}

impl Drop for Waiting {
    fn drop(&mut self) {
        HASH_WAIT.observe(&[], self.0.seconds());
    }
}

/// What became of a mail of the outbox.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MailOutcome {
    /// The mailer took it.
    Sent,
    /// The mailer did not take it; it is tried again.
    Failed,
    /// It could not be written; it is tried again.
    SetAside,
    /// Nobody has the address, or there is nothing to say any more, or it was given up.
    Dropped,
}

/// A mail of the outbox was dealt with, so long after it was put there.
pub(crate) fn mail_settled(kind: &'static str, outcome: MailOutcome, age: Duration) {
    let name = match outcome {
        MailOutcome::Sent => "sent",
        MailOutcome::Failed => "failed",
        MailOutcome::SetAside => "set_aside",
        MailOutcome::Dropped => "dropped",
    };
    MAILS.add(&[("kind", kind), ("outcome", name)]);
    if matches!(outcome, MailOutcome::Sent) {
        MAIL_AGE.observe(&[("kind", kind)], age.as_secs_f64());
    }
}

/// How the outbox stands: the mails in it, those that are due, and the age of the oldest.
#[allow(clippy::cast_precision_loss, reason = "a gauge is read by people")]
pub(crate) fn outbox_stands(user_type: &'static str, mails: i64, due: i64, oldest: Duration) {
    let labels = [("user_type", user_type)];
    OUTBOX.set(&labels, mails as f64);
    OUTBOX_DUE.set(&labels, due as f64);
    OUTBOX_AGE.set(&labels, oldest.as_secs_f64());
}

/// How far a sink is behind the sealed rows. Its name is the host's own word, and there are as many as the host has sinks.
#[allow(clippy::cast_precision_loss, reason = "a gauge is read by people")]
pub(crate) fn sink_behind(user_type: &'static str, sink: &str, rows: i64) {
    AUDIT_SINK.set_for_sink(user_type, sink, rows as f64);
}

/// How many users hold backup codes under keys of the ring that write no more.
#[allow(clippy::cast_precision_loss, reason = "a gauge is read by people")]
#[cfg_attr(not(feature = "totp"), allow(dead_code, reason = "there are no backup codes"))]
pub(crate) fn codes_under_old_keys(user_type: &'static str, holders: i64) {
    OLD_CODES.set(&[("user_type", user_type)], holders as f64);
}

/// How far the sealing is behind the trail: rows without a seal, and the age of the newest checkpoint, if there is one.
#[allow(clippy::cast_precision_loss, reason = "a gauge is read by people")]
pub(crate) fn audit_lag(user_type: &'static str, unsealed: i64, checkpoint_age: Option<Duration>) {
    let labels = [("user_type", user_type)];
    AUDIT_UNSEQUENCED.set(&labels, unsealed as f64);
    if let Some(age) = checkpoint_age {
        AUDIT_AGE.set(&labels, age.as_secs_f64());
    }
}
