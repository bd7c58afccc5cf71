//! Where rows of the trail are forwarded to after they are sealed.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::checkpoint::SinkError;
use super::row::Row;

/// Takes the sealed rows of the trail, such as to a log collector: each at least once, in the order of their numbers.
///
/// How far a sink has come stands in the database under its name. A new name starts with the oldest row that there is. After
/// a crash, or where the sink failed, it gets the rows again that it may have taken already: [`Row::leaf`] tells which. One
/// node at a time forwards to a name. A row is forwarded with its personal facts, which
/// [`erase_personal_facts`](crate::Sigra::erase_personal_facts) does not reach any more. Retention does not wait: a row that
/// is removed before the sink took it is left out, and the log says so. A row that somebody else wrote into the trail comes too:
/// look at [`Row::is_foreign`].
///
/// ```
/// use std::{future::Future, pin::Pin};
/// use sigra::audit::{AuditSink, Row, SinkError};
///
/// struct Printer;
///
/// impl AuditSink for Printer {
///     fn name(&self) -> String {
///         "printer".into()
///     }
///     fn forward(&self, rows: Vec<Row>) -> Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send + '_>> {
///         Box::pin(async move {
///             rows.iter().for_each(|row| println!("{:?} {}", row.leaf, row.event));
///             Ok(())
///         })
///     }
/// }
/// ```
pub trait AuditSink: Send + Sync + 'static {
    /// Under which name the database remembers how far it has come, and what it is called where it fails. Always the same, and
    /// of 1 to 100 characters of ASCII without blanks.
    fn name(&self) -> String;
    /// Takes rows: from 1 to 256, whose numbers rise. An error means that it has not taken them all; they come again. It has
    /// 30 seconds.
    fn forward(&self, rows: Vec<Row>) -> Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send + '_>>;
}

/// Gives a sink so long to take something. One that panics or never answers is one that failed; what it was doing is dropped, so
/// that it does not come after what is handed over later.
pub(crate) async fn answer(
    within: Duration,
    taking: impl Future<Output = Result<(), SinkError>> + Send + 'static,
) -> Result<(), SinkError> {
    let mut task = tokio::task::JoinSet::new();
    task.spawn(taking);
    match tokio::time::timeout(within, task.join_next()).await {
        Ok(Some(Ok(taken))) => taken,
        Ok(_) => Err(SinkError::new("the sink panicked")),
        Err(_) => Err(SinkError::new("the sink did not answer in time")),
    }
}
