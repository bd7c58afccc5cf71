//! A recorder of metrics, as an exporter has one: every value of every series, to be compared before and after.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder as Records,
    SharedString, Unit,
};

/// What was recorded so far.
#[derive(Debug, Default)]
pub struct Recorder {
    series: Mutex<BTreeMap<Series, Arc<Values>>>,
    described: Mutex<BTreeMap<String, (Option<Unit>, String)>>,
}

/// One name with one set of labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The metric.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Values(Mutex<Value>);

#[derive(Clone, Debug, Default)]
struct Value {
    /// A counter's count, a gauge's level, or how many values a histogram got.
    now: f64,
    /// The highest that a gauge ever was.
    peak: f64,
    /// What a histogram got last.
    last: f64,
}

/// Installs the recorder of the test binary, once.
///
/// # Panics
/// Another one was installed before.
pub fn install() -> &'static Recorder {
    static RECORDER: OnceLock<&'static Recorder> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let recorder: &'static Recorder = Box::leak(Box::default());
        metrics::set_global_recorder(recorder).expect("the only recorder");
        recorder
    })
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    fn values(&self, kind: &'static str, key: &Key) -> Arc<Values> {
        let labels = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
        let series = Series { kind, name: key.name().to_owned(), labels };
        lock(&self.series).entry(series).or_default().clone()
    }

    /// All series that were ever recorded.
    #[must_use]
    pub fn series(&self) -> Vec<Series> {
        lock(&self.series).keys().cloned().collect()
    }

    /// The sum over all series of a metric that have these labels, among others.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.matching(name, labels).map(|value| value.now).sum()
    }

    /// The highest level that a gauge ever had.
    #[must_use]
    pub fn peak(&self, name: &str) -> f64 {
        self.matching(name, &[]).map(|value| value.peak).fold(0.0, f64::max)
    }

    /// The last value that a histogram got.
    #[must_use]
    pub fn last(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.matching(name, labels).map(|value| value.last).last()
    }

    /// Unit and text of each metric that was described.
    #[must_use]
    pub fn described(&self) -> BTreeMap<String, (Option<Unit>, String)> {
        lock(&self.described).clone()
    }

    fn matching(&self, name: &str, labels: &[(&str, &str)]) -> impl Iterator<Item = Value> + use<> {
        let matches = |series: &Series| {
            series.name == name
                && labels.iter().all(|(key, value)| series.labels.get(*key).is_some_and(|have| have == value))
        };
        let found: Vec<Value> = lock(&self.series)
            .iter()
            .filter(|(series, _)| matches(series))
            .map(|(_, values)| lock(&values.0).clone())
            .collect();
        found.into_iter()
    }

    fn describe(&self, key: &KeyName, unit: Option<Unit>, text: &SharedString) {
        lock(&self.described).insert(key.as_str().to_owned(), (unit, text.to_string()));
    }
}

impl Records for Recorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(&key, unit, &text);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(&key, unit, &text);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe(&key, unit, &text);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.values("counter", key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.values("gauge", key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.values("histogram", key))
    }
}

impl Values {
    fn to(&self, level: impl FnOnce(f64) -> f64) {
        let mut value = lock(&self.0);
        value.now = level(value.now);
        value.peak = value.peak.max(value.now);
    }
}

#[allow(clippy::cast_precision_loss, reason = "tests count to a few hundred")]
impl CounterFn for Values {
    fn increment(&self, by: u64) {
        self.to(|now| now + by as f64);
    }

    fn absolute(&self, value: u64) {
        self.to(|now| now.max(value as f64));
    }
}

impl GaugeFn for Values {
    fn increment(&self, by: f64) {
        self.to(|now| now + by);
    }

    fn decrement(&self, by: f64) {
        self.to(|now| now - by);
    }

    fn set(&self, level: f64) {
        self.to(|_| level);
    }
}

impl HistogramFn for Values {
    fn record(&self, value: f64) {
        self.to(|now| now + 1.0);
        lock(&self.0).last = value;
    }
}
