//! An operation from its first poll to its end: the span it runs in, what became of it, and the one event that says so.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tracing::{Instrument as _, Span};

use super::events::{self, Closing};
use super::metrics::{self, Timer};
use super::spans::{About, Named};
use crate::account::Account;
use crate::audit::{Actor, AnyEvent, AnyReason, AuditOutcome, Entry, Reason};
use crate::client::Client;
use crate::error::{Error, Failure};
use crate::session::{Session, SessionId};

/// What an operation is until it is awaited. Nothing of it happens before that.
///
/// A type of its own, so that an operation whose key is off is one compile error at the call, where an `async fn` would repeat it
/// for the future and for its `await`. Each runs in a [span of its name](crate::telemetry).
#[must_use = "an operation does nothing until it is awaited"]
pub struct Operation<'a, T>(Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>);

impl<T> Future for Operation<'_, T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<T> std::fmt::Debug for Operation<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Operation(..)")
    }
}

/// Begins an operation. There is no other way to make one, so none is without its name.
pub(crate) fn watched<'a, U: Account>(named: Named) -> Beginning<'a> {
    Beginning {
        named,
        user_type: U::SCHEMA.user_type,
        by: None,
        operator: None,
        user_id: None,
        session: None,
    }
}

/// What is known of an operation before it runs.
pub(crate) struct Beginning<'a> {
    named: Named,
    user_type: &'static str,
    by: Option<&'a Client>,
    operator: Option<&'a str>,
    user_id: Option<String>,
    session: Option<SessionId>,
}

impl<'a> Beginning<'a> {
    /// Who asks.
    pub(crate) fn by(mut self, client: &'a Client) -> Self {
        self.by = Some(client);
        self
    }

    /// The operator who asks, by the name that the host gives.
    pub(crate) fn by_operator(mut self, operator: &'a str, client: &'a Client) -> Self {
        self.operator = Some(operator);
        self.by(client)
    }

    /// The account that it is about.
    pub(crate) fn about(mut self, user_id: &impl std::fmt::Display) -> Self {
        self.user_id = Some(user_id.to_string());
        self
    }

    /// The session on whose behalf it runs.
    pub(crate) fn within<U: Account>(mut self, session: &Session<U>) -> Self {
        self.session = Some(session.id);
        self.about(session.user.id())
    }

    /// The operation that does this work.
    pub(crate) fn run<T: 'a>(
        self,
        work: impl Future<Output = Result<T, Error>> + Send + 'a,
    ) -> Operation<'a, T> {
        Operation(Box::pin(async move {
            let watch = Arc::new(Watch::begin(self));
            let span = watch.span.clone();
            let result = CURRENT.scope(watch.clone(), work).instrument(span).await;
            watch.settle(&result);
            result
        }))
    }
}

tokio::task_local! {
    /// The operation that this task works for.
    static CURRENT: Arc<Watch>;
}

/// An operation under way. Its caller and its task hold it; whoever lets go last has it tell what became of it, so that a caller
/// who hangs up takes no outcome with it.
struct Watch {
    named: Named,
    user_type: &'static str,
    client: Client,
    operator: Option<String>,
    user_id: Option<String>,
    within: Option<SessionId>,
    span: Span,
    started: Timer,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What the last audit row said.
    verdict: Option<Verdict>,
    end: Option<End>,
}

/// What an audit row said of the operation.
#[derive(Clone, Copy, Debug)]
struct Verdict {
    outcome: AuditOutcome,
    reason: Option<&'static str>,
    session: Option<SessionId>,
}

impl Verdict {
    /// Who has to prove the second factor was not turned away: a dashboard must not show an attack where people sign in.
    fn word(self) -> &'static str {
        if self.reason == Some(Reason::SecondFactorDue.name()) { "challenged" } else { self.outcome.name() }
    }
}

/// What came back from the work.
#[derive(Debug)]
enum End {
    Success,
    Refused(&'static str),
    Failed(Trouble),
    /// It failed at what it was for, but goes on to clean up after itself.
    FailedAllTheSame(Trouble),
}

/// A failure as far as it is told.
#[derive(Debug)]
struct Trouble {
    code: &'static str,
    text: String,
    help: &'static str,
}

impl Trouble {
    fn of(failure: &Failure) -> Self {
        Self { code: failure.code(), text: failure.to_string(), help: events::help(failure) }
    }
}

impl From<&Error> for End {
    fn from(error: &Error) -> Self {
        match error {
            Error::Refused(refusal) => Self::Refused(refusal.code()),
            Error::Failed(failure) => Self::Failed(Trouble::of(failure)),
        }
    }
}

impl Watch {
    fn begin(beginning: Beginning<'_>) -> Self {
        let Beginning { named, user_type, by, operator, user_id, session } = beginning;
        let client = by.cloned().unwrap_or_else(Client::unknown);
        let about = About {
            user_type,
            request_id: client.request_id(),
            session_id: session.map(tracing::field::display),
        };
        Self {
            named,
            user_type,
            span: named.span(&about),
            client,
            operator: operator.map(str::to_owned),
            user_id,
            within: session,
            started: Timer::start(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the work came to. The caller's word is the last, if there still is a caller.
    fn settle<T>(&self, result: &Result<T, Error>) {
        let mut state = self.state();
        if !matches!(state.end, Some(End::FailedAllTheSame(_))) {
            state.end = Some(result.as_ref().err().map_or(End::Success, End::from));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let State { verdict, end } =
            std::mem::take(self.state.get_mut().unwrap_or_else(PoisonError::into_inner));
        // What the trail says is more exact than what a visitor is told, and it tells of refusals that no visitor notices.
        let spoken = verdict.filter(|verdict| verdict.outcome != AuditOutcome::Success);
        let reason = spoken.and_then(|verdict| verdict.reason);
        let (outcome, reason, trouble) = match (end, spoken) {
            (Some(End::Failed(trouble) | End::FailedAllTheSame(trouble)), _) => {
                ("failed", Some(trouble.code), Some(trouble))
            }
            (_, Some(verdict)) => (verdict.word(), reason, None),
            (Some(End::Refused(code)), None) => ("refused", Some(code), None),
            (Some(End::Success), None) => ("success", None, None),
            (None, None) => ("abandoned", None, None),
        };
        self.span.record("outcome", outcome);
        if let Some(reason) = reason {
            self.span.record("reason", reason);
        }
        if outcome == "failed" {
            self.span.record("otel.status_code", "ERROR");
        }
        // What is recorded twice stands twice in a line of the log.
        if let Some(known) = verdict.and_then(|verdict| verdict.session)
            && self.within != Some(known)
        {
            self.span.record("session_id", tracing::field::display(known));
        }
        metrics::operation_ended(self.named, self.user_type, outcome, reason, &self.started);
        let closing = Closing {
            operation: self.named.name(),
            quiet: self.named.level() != tracing::Level::INFO,
            user_type: self.user_type,
            request_id: self.client.request_id(),
            session_id: verdict.and_then(|verdict| verdict.session).or(self.within),
            outcome,
            reason,
            error: trouble.as_ref().map(|trouble| trouble.text.as_str()),
            help: trouble.as_ref().map(|trouble| trouble.help),
        };
        self.span.in_scope(|| closing.tell());
    }
}

/// The operation that is under way in this task, for the task that it goes on in.
pub(crate) fn carry<T>(
    task: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> impl Future<Output = Result<T, Error>> + Send + 'static
where
    T: Send + 'static,
{
    let watch = CURRENT.try_with(Arc::clone).ok();
    let under_way = metrics::under_way();
    let task = async move {
        let _under_way = under_way;
        let Some(watch) = watch else { return task.await };
        // What stands if the task panics.
        watch.settle::<()>(&Err(Failure::Interrupted("its task panicked".into()).into()));
        let result = CURRENT.scope(watch.clone(), task).await;
        watch.settle(&result);
        result
    };
    task.in_current_span()
}

/// The operation goes on, to clean up after itself, but has failed at what it was for.
pub(crate) fn failed_all_the_same(error: &Error) {
    let end = match End::from(error) {
        End::Failed(trouble) => End::FailedAllTheSame(trouble),
        end => end,
    };
    let _ = CURRENT.try_with(|watch| watch.state().end = Some(end));
}

/// The row that an operation is owed which failed before a step of its own wrote one, and who asked. None where there is one, or
/// where it never has any.
pub(crate) fn owed_row(failure: &Failure) -> Option<(Entry, Client)> {
    let watch = CURRENT.try_with(Arc::clone).ok()?;
    let event = watch.named.event()?;
    // An adoption has written rows for what it had done before.
    if watch.state().verdict.is_some() && watch.named != Named::AdoptAccounts {
        return None;
    }
    let actor = match (&watch.operator, watch.named) {
        (Some(operator), _) => Actor::operator(operator),
        (None, Named::RotateKeys | Named::RotatePeppers) => Actor::System,
        // It changed nothing, however often it is asked for.
        (None, _) => Actor::Visitor,
    };
    let mut entry = Entry::failed(event, actor, Reason::InternalError)
        .maybe_of(watch.user_id.as_ref())
        .with_details(format!(r#"{{"failure":"{}"}}"#, failure.code()));
    entry.session_id = watch.within.map(|session| session.0);
    Some((entry, watch.client.clone()))
}

/// What a transaction has to tell once it is committed, and not before.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    verdict: Option<Verdict>,
    locked: bool,
    /// Rows of the trail that Sigra did not write.
    foreign_rows: Vec<uuid::Uuid>,
    /// Authenticators whose seeds no key opens.
    unreadable_seeds: Vec<uuid::Uuid>,
    /// Event, reason and number of refusals that became one row.
    counted: Vec<(String, String, i64)>,
    /// Kind and id of keys that write from now on.
    new_writers: Vec<(&'static str, String)>,
}

impl Notes {
    /// The step has its audit row, or is counted in one.
    pub(crate) fn recorded(&mut self, entry: &Entry) {
        let (outcome, reason) = match entry.event {
            AnyEvent::Sigra(_) => (entry.outcome, entry.reason.map(AnyReason::name)),
            // Whatever became of it in the host's own code, it was recorded, and that is the operation.
            AnyEvent::Host(_) => (AuditOutcome::Success, None),
        };
        self.verdict = Some(Verdict { outcome, reason, session: entry.session_id.map(SessionId) });
    }

    /// A row that waits for its number was not written by Sigra, or not like this.
    pub(crate) fn foreign_row(&mut self, row: uuid::Uuid) {
        self.foreign_rows.push(row);
    }

    /// No key of this process opens the seed of an authenticator.
    #[cfg(feature = "totp")]
    pub(crate) fn unreadable_seed(&mut self, factor: uuid::Uuid) {
        self.unreadable_seeds.push(factor);
    }

    /// Refusals of one kind became one row.
    pub(crate) fn counted(&mut self, event: &str, reason: &str, count: i64) {
        self.counted.push((event.to_owned(), reason.to_owned(), count));
    }

    /// A key that the database had not seen writes from now on.
    pub(crate) fn new_writer(&mut self, kind: &'static str, id: &str) {
        self.new_writers.push((kind, id.to_owned()));
    }

    /// Strangers have used up the attempts at an address.
    pub(crate) fn locked(&mut self) {
        self.locked = true;
    }

    /// The transaction is committed.
    pub(crate) fn committed<U: Account>(self) {
        let user_type = U::SCHEMA.user_type;
        if self.locked {
            metrics::account_locked(user_type);
            events::account_locked(user_type);
        }
        for row in self.foreign_rows {
            events::foreign_row(user_type, row);
        }
        for factor in self.unreadable_seeds {
            events::unreadable_seed(user_type, factor);
        }
        for (event, reason, count) in &self.counted {
            events::refusals_counted(user_type, event, reason, *count);
        }
        for (kind, id) in &self.new_writers {
            events::new_writer(user_type, kind, id);
        }
        if let Some(verdict) = self.verdict {
            let _ = CURRENT.try_with(|watch| watch.state().verdict = Some(verdict));
        }
    }
}
