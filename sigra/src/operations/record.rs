//! Events of the host's own, recorded in the one trail.

use std::marker::PhantomData;

use crate::account::Account;
use crate::audit::{Actor, AuditEvent, Entry, EventError};
use crate::client::Client;
use crate::core::{Operation, Sigra};
use crate::error::{Error, Failure};
use crate::feature;
use crate::session::Session;
use crate::telemetry::{Named, watched};
use crate::unit::{Recorded, Step, Unit};

impl<U> Sigra<U> {
    /// Records an event of the host's that a signed-in user brought about: one row in the trail, durable when this returns.
    ///
    /// ```no_run
    /// use sigra::{AuditEvent, Client, Error, Session, Sigra, feature};
    ///
    /// #[derive(AuditEvent)]
    /// #[sigra(event = "billing.invoice.export")]
    /// struct InvoiceExported {
    ///     invoice: uuid::Uuid,
    ///     pages: u32,
    /// }
    ///
    /// async fn export<U: feature::Audit>(auth: &Sigra<U>, session: &Session<U>, client: &Client) -> Result<(), Error> {
    ///     let export = InvoiceExported { invoice: uuid::Uuid::nil(), pages: 3 };
    ///     if export.pages > 100 {
    ///         return auth.record(session, export.refused("too_long"), client).await;
    ///     }
    ///     auth.record(session, export, client).await
    ///     // Only now hand the file out: without its row, nothing happened.
    /// }
    /// ```
    ///
    /// The row says that the account did it, in this session: both come from the [`Session`] and never from a request. The
    /// user finds it in [`activity`](Self::activity). Whether the session has ended meanwhile is not asked: what was done
    /// in it was done.
    ///
    /// The row is a transaction of its own. Record before the host's own change takes effect, and give the change up where
    /// this fails, if there must be none without its row.
    ///
    /// # Errors
    /// [`Failure::Event`] where the details are out of their bounds or the reason is no code; [`Failure::Audit`] where the row
    /// cannot be written; [`Refusal::Busy`](crate::Refusal::Busy) and every other [`Failure`]. None of them leaves a row.
    pub fn record<'a, E: AuditEvent>(
        &'a self,
        session: &'a Session<U>,
        event: E,
        client: &'a Client,
    ) -> Operation<'a, ()>
    where
        U: feature::Audit,
    {
        let entry = Entry::of_host(&event, Actor::Account)
            .map(|entry| entry.of(session.user.id()).in_session(session.id));
        watched::<U>(Named::Record).by(client).within(session).run(self.write(entry, client))
    }

    /// Records an event of the host's that an operator brought about, for an account or for none: one row in the trail.
    ///
    /// ```no_run
    /// # #[derive(sigra::AuditEvent)]
    /// # #[sigra(event = "billing.plan.change")]
    /// # struct PlanChanged { plan: &'static str }
    /// # async fn example<U: sigra::feature::Audit>(auth: &sigra::Sigra<U>, user: &U, client: &sigra::Client)
    /// # -> Result<(), sigra::Error> {
    /// auth.record_by_operator("root", Some(user.id()), PlanChanged { plan: "pro" }, client).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// `operator` names who does it: take it from the operator's own session. Of an account, the row says that the
    /// operator acted on its behalf, and its user finds it in [`activity`](Self::activity).
    ///
    /// # Errors
    /// Those of [`record`](Self::record).
    pub fn record_by_operator<'a, E: AuditEvent>(
        &'a self,
        operator: &'a str,
        on_behalf_of: Option<&'a U::Id>,
        event: E,
        client: &'a Client,
    ) -> Operation<'a, ()>
    where
        U: feature::Audit,
    {
        let actor = Actor::operator(operator);
        let entry = Entry::of_host(&event, actor).map(|entry| entry.on_behalf_of(on_behalf_of));
        watched::<U>(Named::RecordByOperator).by(client).run(self.write(entry, client))
    }

    /// Records an event of the host's that nobody asked for: a job, a timer, another system. One row in the trail.
    ///
    /// A job has no request: give [`Client::unknown`], with the job's id as
    /// [`with_request_id`](Client::with_request_id) if it has one. Of an account, the row says that the system acted on its
    /// behalf, and its user finds it in [`activity`](Self::activity).
    ///
    /// # Errors
    /// Those of [`record`](Self::record).
    pub fn record_by_system<'a, E: AuditEvent>(
        &'a self,
        on_behalf_of: Option<&'a U::Id>,
        event: E,
        client: &'a Client,
    ) -> Operation<'a, ()>
    where
        U: feature::Audit,
    {
        let entry = Entry::of_host(&event, Actor::System).map(|entry| entry.on_behalf_of(on_behalf_of));
        watched::<U>(Named::RecordBySystem).by(client).run(self.write(entry, client))
    }

    async fn write(&self, entry: Result<Entry, EventError>, client: &Client) -> Result<(), Error>
    where
        U: Account,
    {
        let entry = entry.map_err(Failure::Event)?;
        self.perform(Record::<U> { entry, client: client.clone(), user: PhantomData }).await
    }
}

/// A row, and nothing else.
pub(super) struct Record<U> {
    pub(super) entry: Entry,
    pub(super) client: Client,
    pub(super) user: PhantomData<fn() -> U>,
}

impl<U: Account> Step<U> for Record<U> {
    type Output = ();

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<()>, Error> {
        unit.record(self.entry.clone(), ()).await
    }
}
