//! Time as a seam: the system's clock by default, a hand-driven one in tests.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;

/// Where Sigra reads the time. Never taken from a request.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time in UTC.
    fn now(&self) -> OffsetDateTime;

    /// Whether a test moves it. Any other is held against that of the database before rows of the trail are removed for good, so
    /// that one process whose clock is ahead removes nothing early.
    fn is_simulated(&self) -> bool {
        false
    }
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// A clock for tests: the system's time plus what the test adds.
///
/// ```
/// use sigra::clock::{Clock, TestClock};
/// use std::time::Duration;
///
/// let clock = TestClock::default();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(3600));
/// assert!(clock.now() >= before + Duration::from_secs(3600));
/// ```
#[derive(Debug, Default)]
pub struct TestClock {
    offset_seconds: AtomicI64,
}

impl TestClock {
    /// Moves the clock on, by whole seconds: a fraction is dropped.
    pub fn advance(&self, by: Duration) {
        self.offset_seconds.fetch_add(i64::try_from(by.as_secs()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Moves the clock back, as a bad time server would, by whole seconds.
    pub fn step_back(&self, by: Duration) {
        self.offset_seconds.fetch_sub(i64::try_from(by.as_secs()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + time::Duration::seconds(self.offset_seconds.load(Ordering::SeqCst))
    }

    fn is_simulated(&self) -> bool {
        true
    }
}

/// The time as every database keeps it: whole microseconds.
pub(crate) fn whole_micros(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(at.nanosecond() / 1_000 * 1_000).unwrap_or(at)
}
