//! Everything that the process logs, from every library in it: what a test may look for secrets in, and the very statements
//! that sqlx ran.

use std::fmt::{Debug, Write as _};
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The lines logged so far.
#[derive(Debug)]
pub struct Log(Mutex<Vec<String>>);

/// Keeps what is logged from here on, at every level, by every thread of the test binary.
///
/// # Panics
/// Another subscriber was set before.
pub fn capture() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    static SET: OnceLock<()> = OnceLock::new();
    let log = LOG.get_or_init(|| Log(Mutex::default()));
    SET.get_or_init(|| tracing::subscriber::set_global_default(Capture(log)).expect("the only subscriber"));
    log
}

impl Log {
    /// A copy of the lines.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The SQL texts that sqlx ran, each in one line.
    #[must_use]
    pub fn statements(&self) -> Vec<String> {
        self.lines()
            .iter()
            .filter_map(|line| line.strip_prefix("sqlx::query "))
            .filter_map(|line| {
                let (summary, statement) = line.split_once(STATEMENT)?;
                let statement = statement.split_once(" rows_affected=").map_or(statement, |(text, _)| text);
                // A statement of four words or fewer stands in the summary alone.
                let short = summary.trim_start_matches(SUMMARY);
                let text = if statement.trim().is_empty() { short } else { statement.trim() };
                Some(text.trim().to_owned())
            })
            .collect()
    }
}

const SUMMARY: &str = "summary=";
const STATEMENT: &str = " db.statement=";

struct Capture(&'static Log);

impl Capture {
    fn keep(&self, target: &str, write: impl FnOnce(&mut Line)) {
        let mut line = Line(target.to_owned());
        write(&mut line);
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.0);
    }
}

impl Subscriber for Capture {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.keep(span.metadata().target(), |line| span.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.keep("span", |line| values.record(line));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.keep(event.metadata().target(), |line| event.record(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, " {}={value}", field.name());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}
