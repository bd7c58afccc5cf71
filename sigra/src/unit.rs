//! The unit of work: one transaction with its state change, its audit row and its mail, run to the end whoever waits for it.

use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

use time::OffsetDateTime;
use tracing::Instrument as _;

use crate::account::Account;
use crate::audit::Entry;
use crate::client::{Client, Facts};
use crate::column::Bind;
use crate::core::{Core, Sigra};
use crate::error::{DatabaseError, DatabaseErrorKind, Error, Failure, Refusal};
use crate::store::statements::InsertAudit;
use crate::store::{Done, Rendered, Row, Stamp, Template, Writer};

/// One step of an operation that changes the database.
///
/// It may be run again when it lost against a concurrent transaction, so it takes `&self` and leaves nothing behind outside
/// the unit.
pub(crate) trait Step<U: Account>: Send + Sync + 'static {
    type Output: Send + 'static;

    /// Who asked, for the audit row.
    fn client(&self) -> &Client;

    /// Does the work. Only [`Unit::record`] and [`Unit::bookkeeping`] make the [`Recorded`] that a step must return, so a step
    /// that forgets its audit row does not compile.
    fn run(
        &self,
        unit: &mut Unit<'_, U>,
    ) -> impl Future<Output = Result<Recorded<Self::Output>, Error>> + Send;
}

/// The output of a step, with the proof that its audit row stands in the same transaction.
#[must_use]
pub(crate) struct Recorded<T>(T);

/// Why a step writes no audit row: it changes nothing that anybody could be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bookkeeping {
    /// Counts an attempt before the password is looked at. The step that decides about it writes the row.
    AttemptReserved,
    /// Moves the time at which a session was last used.
    LastSeen,
    /// Gives back an attempt that came to nothing because the server was busy.
    AttemptReturned,
    /// Takes or gives back a row of the outbox.
    OutboxLease,
    /// Looks whether a link is good, before a hash is computed for it.
    LinkLookedAt,
    /// Removes what had expired and could no longer be used.
    ExpiredRows,
}

/// An open transaction.
pub(crate) struct Unit<'c, U> {
    pub(crate) core: &'c Core,
    /// The time of the whole step.
    pub(crate) now: OffsetDateTime,
    /// Who asked.
    pub(crate) client: &'c Client,
    facts: Facts,
    writer: Writer<'c>,
    /// The connection goes back to the pool only after the transaction was ended.
    ended: bool,
    mailed: bool,
    user: PhantomData<fn() -> U>,
}

/// Runs of a step that lost against concurrent ones before the loss is reported.
const MAX_RUNS: u32 = 10;

/// The inside of a task that no caller can cut off. Steps run here and nowhere else.
pub(crate) struct Shielded<U>(pub(crate) Sigra<U>);

impl<U: Account> Sigra<U> {
    /// Runs a whole operation in a task of its own: a caller that goes away, as an axum handler does when its client hangs
    /// up, can neither cut it off half-way, nor leave a connection inside a transaction, nor keep it out of the trail. Busy
    /// where too many are under way already.
    pub(crate) async fn shielded<T, F>(&self, operation: impl FnOnce(Shielded<U>) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let busy = |_| Refusal::Busy { retry_after: Duration::from_secs(1) };
        let place = self.core.places.clone().try_acquire_owned().map_err(busy)?;
        let operation = operation(Shielded(self.clone()));
        let task = async move {
            let _place = place;
            operation.await
        };
        let task = tokio::spawn(task.in_current_span());
        task.await.map_err(|error| Failure::Interrupted(error.to_string()))?
    }

    /// An operation of one step.
    pub(crate) async fn perform<S: Step<U>>(&self, step: S) -> Result<S::Output, Error> {
        self.shielded(|shielded| async move { shielded.step(step).await }).await
    }
}

impl<U: Account> Shielded<U> {
    /// Runs a step, again if it lost against a concurrent transaction.
    pub(crate) async fn step<S: Step<U>>(&self, step: S) -> Result<S::Output, Error> {
        let mut runs = 1;
        loop {
            match run_once::<U, S>(&self.0.core, &step).await {
                Err(error) if runs < MAX_RUNS && error.is_transient() => {
                    tokio::time::sleep(Duration::from_millis(u64::from(2 * runs * runs))).await;
                    runs += 1;
                }
                result => break result,
            }
        }
    }
}

async fn run_once<U: Account, S: Step<U>>(core: &Core, step: &S) -> Result<S::Output, Error> {
    let mut unit = Unit::<U>::begin(core, step.client()).await?;
    match step.run(&mut unit).await {
        Ok(Recorded(output)) => {
            let mailed = unit.mailed;
            unit.commit().await?;
            if mailed {
                core.outbox.notify_one();
            }
            Ok(output)
        }
        Err(error) => {
            unit.rollback().await;
            Err(error)
        }
    }
}

impl<'c, U: Account> Unit<'c, U> {
    async fn begin(core: &'c Core, client: &'c Client) -> Result<Self, Error> {
        let mut writer = core.pool.write().await?;
        let begun = match writer.begin().await {
            // The server was restarted while the connection lay idle. Nothing was sent that could have been done twice.
            Err(error) if error.kind == DatabaseErrorKind::Disconnected => {
                writer.connection.close_on_drop();
                drop(writer);
                writer = core.pool.write().await?;
                writer.begin().await
            }
            begun => begun,
        };
        let unit = Self {
            core,
            now: core.now(),
            client,
            facts: client.facts(U::POLICY.privacy),
            writer,
            ended: false,
            mailed: false,
            user: PhantomData,
        };
        // From here on a failure closes the connection.
        begun?;
        Ok(unit)
    }

    async fn commit(mut self) -> Result<(), Error> {
        self.writer.connection.commit().await?;
        self.ended = true;
        Ok(())
    }

    async fn rollback(mut self) {
        self.ended = self.writer.connection.rollback().await.is_ok();
    }

    /// The time as a parameter.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp(self.now)
    }

    /// The time so much later.
    pub(crate) fn after(&self, duration: Duration) -> Stamp {
        Stamp(self.now + duration)
    }

    /// What is known of the client, under the privacy setting.
    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Marks a point to which [`take_back`](Self::take_back) returns.
    pub(crate) async fn mark(&mut self) -> Result<(), DatabaseError> {
        self.writer.connection.run("SAVEPOINT sigra").await
    }

    /// Undoes what was done since the mark, also after a statement that failed.
    pub(crate) async fn take_back(&mut self) -> Result<(), DatabaseError> {
        self.writer.connection.run("ROLLBACK TO SAVEPOINT sigra").await
    }

    pub(crate) async fn execute<T: Template>(
        &mut self,
        _: T,
        values: &[&dyn Bind],
    ) -> Result<Done, DatabaseError> {
        self.writer.connection.execute(Rendered::<U, T>::STATEMENT, values).await
    }

    pub(crate) async fn fetch_optional<T: Template>(
        &mut self,
        _: T,
        values: &[&dyn Bind],
    ) -> Result<Option<Row>, DatabaseError> {
        self.writer.connection.fetch_optional(Rendered::<U, T>::STATEMENT, values).await
    }

    #[cfg(feature = "totp")]
    pub(crate) async fn fetch<T: Template>(
        &mut self,
        _: T,
        values: &[&dyn Bind],
    ) -> Result<Vec<Row>, DatabaseError> {
        self.writer.connection.fetch(Rendered::<U, T>::STATEMENT, values).await
    }

    /// Notes that the outbox has a new row, to wake the worker after the commit.
    pub(crate) fn mailed(&mut self) {
        self.mailed = true;
    }

    /// Writes the audit row and closes the step. If the row cannot be written, neither is anything else.
    pub(crate) async fn record<T>(&mut self, entry: Entry, output: T) -> Result<Recorded<T>, Error> {
        if U::POLICY.audit.enabled {
            let id = uuid::Uuid::now_v7();
            let Facts { network, user_agent, request_id, .. } = self.facts.clone();
            let values: &[&dyn Bind] = &[
                &id,
                &self.stamp(),
                &entry.event.name(),
                &entry.outcome.name(),
                &entry.reason.map(crate::audit::Reason::name),
                &entry.actor.name(),
                &entry.user_id,
                &entry.session_id,
                &network,
                &user_agent,
                &request_id,
            ];
            self.execute(InsertAudit, values)
                .await
                .map_err(|source| Failure::Audit { table: format!("{}audit", U::SCHEMA.prefix), source })?;
        }
        tracing::info!(event = entry.event.name(), outcome = entry.outcome.name(), "sigra");
        Ok(Recorded(output))
    }

    /// Closes a step that has no row of its own, for one of the reasons there are.
    #[allow(clippy::unused_self, reason = "only an open unit may be closed")]
    pub(crate) fn bookkeeping<T>(&mut self, why: Bookkeeping, output: T) -> Recorded<T> {
        tracing::trace!(?why, "sigra");
        Recorded(output)
    }
}

impl<U> Drop for Unit<'_, U> {
    fn drop(&mut self) {
        if !self.ended {
            self.writer.connection.close_on_drop();
        }
    }
}
