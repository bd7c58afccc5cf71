//! Everything that the process logs, from every library in it: what a test may look for secrets in, the very statements that
//! sqlx ran, and the spans and events as they are.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{Debug, Write as _};
use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry};

use crate::wait::until;

/// What was logged so far.
#[derive(Debug, Default)]
pub struct Log {
    lines: Mutex<Vec<String>>,
    told: Mutex<Vec<Told>>,
    printed: Mutex<Vec<u8>>,
    /// Spans that have not closed yet, by target.
    open: Mutex<BTreeMap<String, usize>>,
}

/// A span that has closed, or an event.
#[derive(Clone, Debug)]
pub struct Told {
    /// Whether it is a span.
    pub is_span: bool,
    /// The library that told it.
    pub target: String,
    /// Its stable name.
    pub name: String,
    /// Its level.
    pub level: Level,
    /// Its fields, with the last value of each.
    pub fields: BTreeMap<String, String>,
    /// The names of the spans it stands in, the innermost first.
    pub within: Vec<String>,
}

impl Told {
    /// The value of a field; empty where it has none.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// Keeps what is logged from here on, at every level, by every thread of the test binary.
///
/// # Panics
/// Another subscriber was set before.
pub fn capture() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    static SET: OnceLock<()> = OnceLock::new();
    let log = LOG.get_or_init(Log::default);
    SET.get_or_init(|| {
        let printing = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE)
            .with_writer(Printer(log));
        let subscriber = Registry::default().with(Capture(log)).with(printing);
        tracing::subscriber::set_global_default(subscriber).expect("the only subscriber");
    });
    log
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Log {
    /// A copy of the lines.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        lock(&self.lines).clone()
    }

    /// The spans that have closed and the events, in their order.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        lock(&self.told).clone()
    }

    /// Waits until the spans of a library have closed: a driver's thread may hold one a little longer than its operation takes.
    ///
    /// # Panics
    /// They never do.
    pub async fn closed(&self, target: &str) {
        let what = format!("the spans of {target} have closed");
        until(&what, async || lock(&self.open).get(target).is_none_or(|open| *open == 0)).await;
    }

    /// The lines as the subscriber of most applications prints them.
    #[must_use]
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&lock(&self.printed)).into_owned()
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
    fn keep(&self, target: &str, write: impl FnOnce(&mut Line)) -> BTreeMap<String, String> {
        let mut line = Line { text: target.to_owned(), fields: BTreeMap::new() };
        write(&mut line);
        lock(&self.0.lines).push(line.text);
        line.fields
    }
}

impl<S: Subscriber + for<'l> LookupSpan<'l>> Layer<S> for Capture {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        let fields = self.keep(metadata.target(), |line| {
            let _ = write!(line.text, " {}", metadata.name());
            attributes.record(line);
        });
        context.span(id).expect("a new span").extensions_mut().insert(fields);
        *lock(&self.0.open).entry(metadata.target().to_owned()).or_default() += 1;
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let recorded = self.keep("span", |line| values.record(line));
        let span = context.span(id).expect("an open span");
        if let Some(fields) = span.extensions_mut().get_mut::<BTreeMap<String, String>>() {
            fields.extend(recorded);
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let fields = self.keep(metadata.target(), |line| event.record(line));
        let within = context.event_scope(event).into_iter().flatten();
        let within = within.map(|span| span.name().to_owned()).collect();
        lock(&self.0.told).push(Told {
            is_span: false,
            target: metadata.target().to_owned(),
            name: metadata.name().to_owned(),
            level: *metadata.level(),
            fields,
            within,
        });
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).expect("a closing span");
        let fields = span.extensions_mut().remove::<BTreeMap<String, String>>();
        lock(&self.0.told).push(Told {
            is_span: true,
            target: span.metadata().target().to_owned(),
            name: span.name().to_owned(),
            level: *span.metadata().level(),
            fields: fields.unwrap_or_default(),
            within: span.scope().skip(1).map(|span| span.name().to_owned()).collect(),
        });
        if let Some(open) = lock(&self.0.open).get_mut(span.metadata().target()) {
            *open -= 1;
        }
    }
}

struct Line {
    text: String,
    fields: BTreeMap<String, String>,
}

impl Line {
    fn note(&mut self, field: &Field, value: String) {
        let _ = write!(self.text, " {}={value}", field.name());
        self.fields.insert(field.name().to_owned(), value);
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = format!("{value} {value:?}");
        let mut source = value.source();
        while let Some(error) = source {
            let _ = write!(text, ": {error} {error:?}");
            source = error.source();
        }
        self.note(field, text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.note(field, format!("{value:?}"));
    }
}

/// Where the subscriber of most applications prints to.
struct Printer(&'static Log);

impl<'w> MakeWriter<'w> for Printer {
    type Writer = Page;

    fn make_writer(&'w self) -> Page {
        Page(self.0)
    }
}

struct Page(&'static Log);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0.printed).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
