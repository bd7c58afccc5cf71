//! The unit of work: one transaction with its state change, its audit row and its mail, run to the end whoever waits for it.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use crate::account::Account;
use crate::audit::{Entry, Row as AuditRow, table};
use crate::client::{Client, ClientNet, Facts};
use crate::column::Bind;
use crate::core::{Core, Sigra};
use crate::error::{DatabaseError, DatabaseErrorKind, Error, Failure, Refusal};
use crate::keyring::Keyring;
use crate::store::statements::InsertAudit;
use crate::store::{Ahead, Dialect, Done, Rendered, Row, Stamp, Statement, Template, WithAuditRow, Writer};
use crate::telemetry::{self, Busy, Notes};

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
    /// Counts a registration, or a new password of somebody who is signed in, before it is looked up or hashed. The step that ends
    /// the operation writes the row.
    RequestCounted,
    /// Moves the time at which a session was last used.
    LastSeen,
    /// Gives back an attempt or a registration about which nothing was decided, because the server was busy or failed.
    AttemptReturned,
    /// Takes or gives back a row of the outbox.
    OutboxLease,
    /// Looks whether a link is good, before a hash is computed for it.
    LinkLookedAt,
    /// Removes what had expired and could no longer be used.
    ExpiredRows,
    /// Seals seeds under another key of the ring. They are the same seeds.
    #[cfg(feature = "totp")]
    SeedsResealed,
    /// Turns counted refusals into rows.
    CountedRefusals,
    /// Numbers and seals rows of the trail, or notes that a checkpoint is out.
    Sealing,
    /// Takes or gives back the turn of a sink, and notes how far it has come.
    Forwarding,
    /// Notes the keys that a process started with.
    KeysNoted,
    /// Rows of the host's that were looked at and got no account.
    NothingAdopted,
}

/// An open transaction.
pub(crate) struct Unit<'c, U> {
    pub(crate) core: &'c Core,
    /// The time of the whole step.
    pub(crate) now: OffsetDateTime,
    /// Who asked.
    pub(crate) client: &'c Client,
    /// The ring for the whole step.
    pub(crate) keys: Arc<Keyring>,
    facts: Facts,
    network: Option<ClientNet>,
    writer: Writer<'c>,
    /// The connection goes back to the pool only after the transaction was ended.
    ended: bool,
    mailed: bool,
    /// Sessions that ended because the account had as many as it may: the row of the step says so.
    pub(crate) surplus_sessions: u64,
    /// Statements that wait for the next one, or for the audit row.
    waiting: Option<Waiting>,
    /// The audit row, which is the last thing that a transaction writes.
    row: Option<Box<AuditRow>>,
    /// What is told of it once it is committed.
    pub(crate) notes: Notes,
    user: PhantomData<fn() -> U>,
}

/// Statements of which nothing is asked but that they are done.
struct Waiting {
    each: Vec<(Statement, Values)>,
    /// All of them together with the audit row.
    with_row: Statement,
}

/// The parameters of a statement that waits.
pub(crate) type Values = Vec<Box<dyn Bind>>;

/// Why a transaction did not commit.
enum NotCommitted {
    /// That is what is to be reported.
    For(Error),
    /// The database refused one of several statements that were handed over together.
    Together(DatabaseError),
}

impl<E: Into<Error>> From<E> for NotCommitted {
    fn from(error: E) -> Self {
        Self::For(error.into())
    }
}

/// Runs of a step that lost against concurrent ones before the loss is reported.
const MAX_RUNS: u32 = 10;

/// The inside of a task that no caller can cut off. Steps run here and nowhere else. One that is given up in here, for taking too
/// long, closes its connection.
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
        let busy = |_| {
            telemetry::busy(Busy::Operations);
            Refusal::Busy { retry_after: Duration::from_secs(1) }
        };
        let place = self.core.places.clone().try_acquire_owned().map_err(busy)?;
        let operation = self.owing_a_row(operation);
        let task = async move {
            let _place = place;
            operation.await
        };
        tokio::spawn(telemetry::carry(task)).await.map_err(Failure::from)?
    }

    /// The same however many operations are under way: a start, a rotation, and what the worker does. That is bounded by itself,
    /// and visitors who keep the process busy must not keep the mail and the seals waiting.
    pub(crate) async fn unhindered<T, F>(&self, work: impl FnOnce(Shielded<U>) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        tokio::spawn(telemetry::carry(self.owing_a_row(work))).await.map_err(Failure::from)?
    }

    /// The work, and the row that it owes should it fail.
    fn owing_a_row<T, F>(
        &self,
        work: impl FnOnce(Shielded<U>) -> F,
    ) -> impl Future<Output = Result<T, Error>> + Send + 'static
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let shielded = Shielded(self.clone());
        let work = work(Shielded(self.clone()));
        async move {
            let done = work.await;
            if let Err(Error::Failed(failure)) = &done {
                shielded.leave_row(failure).await;
            }
            done
        }
    }

    /// A step of Sigra's own work.
    pub(crate) async fn upkeep<S: Step<U>>(&self, step: S) -> Result<S::Output, Error> {
        self.unhindered(|shielded| async move { shielded.step(step).await }).await
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
        let mut together = true;
        loop {
            let error = match run_once::<U, S>(&self.0.core, &step, together).await {
                Ok(output) => break Ok(output),
                Err(NotCommitted::For(error)) => error,
                Err(NotCommitted::Together(error)) if error.is_refused() => {
                    // Which of the statements it was, the database did not say. Once more, one by one.
                    together = false;
                    continue;
                }
                Err(NotCommitted::Together(error)) => error.into(),
            };
            if runs >= MAX_RUNS || !error.is_transient() {
                break Err(error);
            }
            telemetry::step_retried(runs, &error);
            tokio::time::sleep(Duration::from_millis(u64::from(2 * runs * runs))).await;
            runs += 1;
        }
    }
}

async fn run_once<U: Account, S: Step<U>>(
    core: &Core,
    step: &S,
    together: bool,
) -> Result<S::Output, NotCommitted> {
    let mut unit = Unit::<U>::begin(core, step.client()).await?;
    match step.run(&mut unit).await {
        Ok(Recorded(output)) => {
            let (mailed, notes) = (unit.mailed, std::mem::take(&mut unit.notes));
            unit.commit(together).await?;
            // Only here: a transaction that is run again, for whichever reason, begins with no notes.
            notes.committed::<U>();
            if mailed {
                core.outbox.notify_waiters();
            }
            Ok(output)
        }
        Err(error) => {
            unit.rollback().await;
            Err(error.into())
        }
    }
}

impl<'c, U: Account> Unit<'c, U> {
    async fn begin(core: &'c Core, client: &'c Client) -> Result<Self, Error> {
        let begun = match Self::over(core, client, core.pool.write().await?).await {
            // The server was restarted while the connection lay idle. Nothing was sent that could have been done twice.
            Err(error) if error.kind == DatabaseErrorKind::Disconnected => {
                Self::over(core, client, core.pool.write().await?).await
            }
            begun => begun,
        };
        Ok(begun?)
    }

    /// Begins on this connection. A failure closes it, and so does a caller that goes away.
    async fn over(core: &'c Core, client: &'c Client, writer: Writer<'c>) -> Result<Self, DatabaseError> {
        let mut unit = Self {
            core,
            now: core.now(),
            client,
            keys: core.keys.get(),
            facts: client.facts(U::POLICY.privacy),
            network: client.network(),
            writer,
            ended: false,
            mailed: false,
            surplus_sessions: 0,
            waiting: None,
            row: None,
            notes: Notes::default(),
            user: PhantomData,
        };
        unit.writer.begin().await?;
        // It may have waited for its turn.
        (unit.now, unit.keys) = (core.now(), core.keys.get());
        Ok(unit)
    }

    /// Writes what is left to write and makes the transaction durable, in as few hand-offs as the database has for it.
    async fn commit(mut self, together: bool) -> Result<(), NotCommitted> {
        let dialect = self.core.pool.dialect();
        let joins = match dialect {
            Dialect::Sqlite => true,
            Dialect::Postgres => self.waiting.is_some(),
            Dialect::MySql => false,
        };
        if together
            && joins
            && let Some(row) = self.row.take()
        {
            let (statement, mut values) = match self.waiting.take() {
                Some(Waiting { with_row, each }) => {
                    (with_row, each.into_iter().flat_map(|(_, values)| values).collect())
                }
                None => (WithAuditRow::<U, Nothing>::STATEMENT, Vec::new()),
            };
            values.extend(row.into_values());
            if let Err(error) = self.writer.connection.execute(statement, &borrowed(&values)).await {
                if error.is_refused() {
                    self.rollback().await;
                }
                return Err(NotCommitted::Together(error));
            }
            self.ended = dialect == Dialect::Sqlite;
        } else {
            self.settle().await?;
            if let Some(row) = self.row.take() {
                self.insert_row(*row).await?;
            }
        }
        if !self.ended {
            self.writer.connection.commit().await?;
            self.ended = true;
        }
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

    /// The network that limits count by.
    pub(crate) fn network(&self) -> Option<ClientNet> {
        self.network
    }

    /// Marks a point to which [`take_back`](Self::take_back) returns.
    pub(crate) async fn mark(&mut self) -> Result<(), DatabaseError> {
        self.settle().await?;
        self.writer.connection.mark().await
    }

    /// Undoes what was done since the mark, also after a statement that failed.
    pub(crate) async fn take_back(&mut self) -> Result<(), DatabaseError> {
        self.settle().await?;
        self.writer.connection.take_back().await
    }

    pub(crate) async fn execute<T: Template>(
        &mut self,
        _: T,
        values: &[&dyn Bind],
    ) -> Result<Done, DatabaseError> {
        self.settle().await?;
        self.writer.connection.execute(Rendered::<U, T>::STATEMENT, values).await
    }

    pub(crate) async fn fetch<T: Template>(
        &mut self,
        _: T,
        values: &[&dyn Bind],
    ) -> Result<Vec<Row>, DatabaseError> {
        self.settle().await?;
        self.writer.connection.fetch(Rendered::<U, T>::STATEMENT, values).await
    }

    pub(crate) async fn fetch_optional<T: Template>(
        &mut self,
        template: T,
        values: &[&dyn Bind],
    ) -> Result<Option<Row>, DatabaseError> {
        Ok(self.fetch(template, values).await?.into_iter().next())
    }

    /// Runs statements of which nothing is asked but that they are done, with the parameters of each: before the next one, or
    /// together with the audit row.
    pub(crate) async fn execute_later<T: Ahead>(
        &mut self,
        _: T,
        values: T::Each<Values>,
    ) -> Result<(), DatabaseError> {
        self.settle().await?;
        let each = T::statements::<U>().into_iter().zip(values).collect();
        self.waiting = Some(Waiting { each, with_row: WithAuditRow::<U, T>::STATEMENT });
        Ok(())
    }

    /// Runs the statements that wait, if there are any.
    async fn settle(&mut self) -> Result<(), DatabaseError> {
        for (statement, values) in self.waiting.take().map_or_else(Vec::new, |waiting| waiting.each) {
            self.writer.connection.execute(statement, &borrowed(&values)).await?;
        }
        Ok(())
    }

    /// Notes that the outbox has a new row, to wake the worker after the commit.
    pub(crate) fn mailed(&mut self) {
        self.mailed = true;
    }

    /// Closes the step with its audit row, which is written with the commit: if it cannot be, neither is anything else.
    pub(crate) async fn record<T>(&mut self, entry: Entry, output: T) -> Result<Recorded<T>, Error> {
        let entry = match self.surplus_sessions {
            0 => entry,
            ended => entry.with_number("sessions_ended", ended),
        };
        self.notes.recorded(&entry);
        if U::POLICY.audit.enabled && !self.counted(&entry).await? {
            self.row = Some(Box::new(self.audit_row(entry)?));
        }
        Ok(Recorded(output))
    }

    /// The row of an entry, with its keyed hash.
    pub(crate) fn audit_row(&self, entry: Entry) -> Result<AuditRow, Error> {
        let Facts { network, user_agent, request_id, .. } = self.facts.clone();
        let row = AuditRow::of(entry, self.now);
        self.signed(AuditRow { request_id, network, user_agent, ..row })
    }

    /// Gives a row its keyed hash.
    pub(crate) fn signed(&self, mut row: AuditRow) -> Result<AuditRow, Error> {
        let closed = row.close(&self.core.evidence.secrets().keys, &table::<U>());
        closed.ok_or_else(|| Failure::Random("none for the salt of an audit row".into()))?;
        Ok(row)
    }

    /// Writes an audit row now, beside the one of the step.
    pub(crate) async fn insert_row(&mut self, row: AuditRow) -> Result<(), Error> {
        let written = self.execute(InsertAudit, &borrowed(&row.into_values())).await;
        written.map_err(|source| Failure::Audit { table: table::<U>(), source })?;
        Ok(())
    }

    /// Writes the row of one of several changes of a step, beside the one that closes it.
    pub(crate) async fn record_beside(&mut self, entry: Entry) -> Result<(), Error> {
        if U::POLICY.audit.enabled {
            let row = self.audit_row(entry)?;
            self.insert_row(row).await?;
        }
        Ok(())
    }

    /// Closes a step that has no row of its own, for one of the reasons there are.
    #[allow(clippy::unused_self, reason = "only an open unit may be closed")]
    pub(crate) fn bookkeeping<T>(&mut self, why: Bookkeeping, output: T) -> Recorded<T> {
        telemetry::bookkeeping(&why);
        Recorded(output)
    }
}

/// No statement at all, where the audit row is joined by the commit alone.
struct Nothing;

impl Template for Nothing {
    const SQL: &'static str = "";
}

fn borrowed(values: &[Box<dyn Bind>]) -> Vec<&dyn Bind> {
    values.iter().map(AsRef::as_ref).collect()
}

impl<U> Drop for Unit<'_, U> {
    fn drop(&mut self) {
        if !self.ended {
            self.writer.connection.close_on_drop();
        }
    }
}

#[cfg(all(test, feature = "sqlite"))]
pub(crate) mod tests {
    use std::pin::Pin;

    use sqlx::Connection as _;

    use super::*;
    use crate::clock::TestClock;
    use crate::mail::{Links, Mail, MailError, Mailer};
    use crate::password::PasswordHash;

    #[derive(Clone, Debug, sigra_macros::Sigra)]
    #[sigra(
        crate = crate,
        table = "users",
        password,
        session(idle = "1h", absolute = "14d"),
        reset_password(within = "1h"),
        lockout(after = 10, wait = "15m"),
        throttle(per_network = 100, within = "15m"),
        audit(retain = "400d"),
        unsafe_shared_tables = "each test has a database of its own"
    )]
    pub(crate) struct User {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }

    /// A database with the table of users in it.
    pub(crate) struct Scratch(std::path::PathBuf);

    #[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
    impl Scratch {
        pub(crate) async fn new() -> Self {
            let name = format!("sigra-scratch-{}.db", uuid::Uuid::now_v7());
            let scratch = Self(std::env::temp_dir().join(name));
            scratch
                .run("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, password TEXT NULL)")
                .await;
            scratch
        }

        fn url(&self) -> String {
            format!("sqlite://{}", self.0.display())
        }

        /// One process more that uses it.
        pub(crate) async fn open(&self) -> Sigra<User> {
            self.open_at(Arc::default()).await
        }

        /// One with a clock of its own.
        pub(crate) async fn open_at(&self, clock: Arc<TestClock>) -> Sigra<User> {
            let keys = Keyring::parse("k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY").unwrap();
            Sigra::<User>::builder().url(&self.url()).keyring(keys).clock(clock).build().await.unwrap()
        }

        pub(crate) async fn sum_of(&self, column: &str, table: &str) -> i64 {
            let mut connection = sqlx::SqliteConnection::connect(&self.url()).await.unwrap();
            let sql = sqlx::AssertSqlSafe(format!("SELECT SUM({column}) FROM {table}"));
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        }

        /// What an intruder does.
        pub(crate) async fn run(&self, sql: &'static str) {
            let url = format!("{}?mode=rwc", self.url());
            let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            for suffix in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{suffix}", self.0.display()));
            }
        }
    }

    /// Takes every mail.
    struct Letterbox;

    impl Mailer for Letterbox {
        fn send(&self, _: Mail) -> Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + '_>> {
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test]
    async fn a_transaction_that_is_given_up_while_it_begins_holds_nothing() {
        let scratch = Scratch::new().await;
        let auth = scratch.open().await;
        auth.migrate().await.unwrap();
        let client = Client::unknown();
        let mut other = sqlx::SqliteConnection::connect(&scratch.url()).await.unwrap();
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        let begun = Unit::<User>::begin(&auth.core, &client);
        let given_up = tokio::time::timeout(Duration::from_millis(200), begun).await;
        assert!(given_up.is_err(), "it waits for the file");
        // Free for so long that what waits in vain would have it by now.
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        sqlx::raw_sql("BEGIN IMMEDIATE; ROLLBACK").execute(&mut other).await.unwrap();
        auth.request_password_reset("ada@example.com", &client).await.unwrap();
    }

    #[tokio::test]
    async fn visitors_who_fill_every_place_keep_neither_mail_nor_seals_waiting() {
        let scratch = Scratch::new().await;
        let auth = scratch.open().await;
        auth.migrate().await.unwrap();
        let new = NewUser { email: "ada@example.com".into(), password: "glacier teapot 47 violins".into() };
        let client = Client::unknown();
        assert!(auth.register(new, &client).await.unwrap().user().is_some());
        auth.request_password_reset("ada@example.com", &client).await.unwrap();

        let places = auth.core.places.clone();
        let all = u32::try_from(places.available_permits()).unwrap();
        let _visitors = places.acquire_many_owned(all).await.unwrap();
        let busy = auth.request_password_reset("ada@example.com", &client).await.unwrap_err();
        assert!(matches!(busy.refusal(), Some(Refusal::Busy { .. })), "{busy}");
        let links = Links::new("https://acme.example").unwrap();
        assert_eq!(auth.deliver_mail(&Letterbox, &links).await.unwrap(), 1);
        assert!(auth.seal_audit().await.unwrap().rows > 0);
        auth.sweep().await.unwrap();
        auth.close().await;
    }
}
