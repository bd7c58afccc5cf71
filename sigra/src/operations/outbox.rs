//! The outbox: what is to be mailed is decided in the transaction, and done after it by a worker.
//!
//! A row names what to send and to which address, and holds no secret: the worker issues the token in the moment before it
//! sends. So nothing in the database can be used by whoever reads it, a mail that failed is sent again with a fresh token, and
//! a request takes the same time whether or not there is an account.

use std::time::Duration;

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::core::{Operation, Reader, Sigra};
use crate::email::Identifier;
use crate::error::{Error, Refusal};
use crate::limits::{Bucket, Limit};
use crate::mail::{Links, Mail, Mailer, Message};
use crate::store::statements::{ClaimMail, DeleteMail, DueMail, IdentifierTaken, InsertMail, PostponeMail};
use crate::store::{Rendered, Stamp};
use crate::token::{ForConfirmEmail, ForResetPassword, six_digits};
use crate::unit::{Bookkeeping, Recorded, Step, Unit};

use super::standing::Standing;

/// What a row of the outbox asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MailKind {
    ConfirmEmail,
    AddressTaken,
    ResetPassword,
    PasswordChanged,
}

impl MailKind {
    const ALL: [Self; 4] =
        [Self::ConfirmEmail, Self::AddressTaken, Self::ResetPassword, Self::PasswordChanged];

    /// The name in the column `kind`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ConfirmEmail => "confirm_email",
            Self::AddressTaken => "address_taken",
            Self::ResetPassword => "reset_password",
            Self::PasswordChanged => "password_changed",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Mails of one kind that strangers can cause to one address.
const MAILS: Limit = Limit::InWindow { most: 5, within: Duration::from_hours(1) };
/// How long a worker has for one mail before another may take it.
const LEASE: Duration = Duration::from_mins(2);
/// Deliveries that are tried: over about a day and a half.
const ATTEMPTS: i64 = 12;
/// How often the worker looks for rows that another process wrote, or that were postponed.
const POLL_EVERY: Duration = Duration::from_secs(2);
const SWEEP_EVERY: Duration = Duration::from_mins(10);

impl<U: Account> Unit<'_, U> {
    /// Puts a mail into the outbox, in this transaction.
    pub(super) async fn enqueue(&mut self, kind: MailKind, identifier: &Identifier) -> Result<(), Error> {
        let now = self.stamp();
        let values: &[&dyn crate::column::Bind] =
            &[&uuid::Uuid::now_v7(), &kind.name(), &identifier.as_str(), &now, &now];
        self.execute(InsertMail, values).await?;
        self.mailed();
        Ok(())
    }

    /// Whether another mail of this kind may go to the address now.
    pub(super) async fn may_mail(&mut self, kind: MailKind, identifier: &Identifier) -> Result<bool, Error> {
        Ok(self.reserve(&Bucket::mail(kind.name(), identifier), MAILS).await?.is_ok())
    }
}

/// A visitor asks for a mail. The account, if there is one, is not even looked up.
pub(super) struct Ask {
    pub(super) kind: MailKind,
    pub(super) event: Event,
    pub(super) identifier: Identifier,
    pub(super) client: Client,
}

impl<U: Account> Step<U> for Ask {
    type Output = Result<(), Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let refused = |reason| Entry::refused(self.event, Actor::Visitor, reason);
        if let Err(refusal) = unit.count_request(&self.client).await? {
            return unit.record(refused(Reason::NetworkLimit), Err(refusal)).await;
        }
        if !unit.may_mail(self.kind, &self.identifier).await? {
            return unit.record(refused(Reason::MailLimit), Ok(())).await;
        }
        unit.enqueue(self.kind, &self.identifier).await?;
        unit.record(Entry::success(self.event, Actor::Visitor), Ok(())).await
    }
}

/// A row as it was read.
#[derive(Clone, Debug)]
#[allow(clippy::struct_field_names, reason = "the columns are called so")]
struct Due {
    id: uuid::Uuid,
    kind: Option<MailKind>,
    identifier: String,
    due_at: Stamp,
    attempts: i64,
}

/// Takes a row for a while and writes the mail. `None`: another worker has it, or there is nothing to send.
struct Compose {
    due: Due,
    links: Links,
    client: Client,
}

impl<U: Account> Step<U> for Compose {
    type Output = Option<Mail>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let Due { id, kind, identifier, due_at, .. } = &self.due;
        let lease = unit.after(LEASE);
        if unit.execute(ClaimMail, &[&lease, id, due_at]).await?.rows != 1 {
            return Ok(unit.bookkeeping(Bookkeeping::OutboxLease, None));
        }
        let standing = match unit.fetch_optional(IdentifierTaken, &[&identifier.as_str()]).await? {
            Some(row) => unit.standing(&Reader::<U>::new(&row).next()?).await?,
            None => None,
        };
        let message = match (kind, &standing) {
            (Some(kind), Some(standing)) if standing.disabled_since.is_none() => {
                self.write(unit, *kind, standing).await?
            }
            _ => None,
        };
        let (Some(message), Some(standing)) = (message, standing) else {
            // Nobody has this address, or what was asked for is done already.
            unit.execute(DeleteMail, &[id]).await?;
            return Ok(unit.bookkeeping(Bookkeeping::OutboxLease, None));
        };
        let entry = Entry::success(Event::SendMail, Actor::System).of(&standing.user_id);
        unit.record(entry, Some(Mail::new(standing.email, message))).await
    }
}

impl Compose {
    async fn write<U: Account>(
        &self,
        unit: &mut Unit<'_, U>,
        kind: MailKind,
        standing: &Standing<U>,
    ) -> Result<Option<Message>, Error> {
        let links = &self.links;
        Ok(match kind {
            MailKind::ConfirmEmail => match U::POLICY.confirm_email {
                Some(policy) if !standing.confirmed => {
                    let code = six_digits()?;
                    let token =
                        unit.issue::<ForConfirmEmail>(standing, policy.within, Some(code.as_str())).await?;
                    let link = links.confirm_email(token.expose());
                    Some(Message::ConfirmEmail { link, code: code.to_string(), within: policy.within })
                }
                _ => None,
            },
            MailKind::ResetPassword => match U::POLICY.reset_password {
                Some(policy) => {
                    let token = unit.issue::<ForResetPassword>(standing, policy.within, None).await?;
                    Some(Message::ResetPassword {
                        link: links.reset_password(token.expose()),
                        within: policy.within,
                    })
                }
                None => None,
            },
            MailKind::AddressTaken => {
                Some(Message::AddressTaken { sign_in: links.sign_in(), reset: links.ask_reset() })
            }
            MailKind::PasswordChanged => Some(Message::PasswordChanged { reset: links.ask_reset() }),
        })
    }
}

/// What became of a mail that was handed to the mailer.
struct Settle {
    due: Due,
    sent: bool,
    client: Client,
}

impl<U: Account> Step<U> for Settle {
    type Output = ();

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<()>, Error> {
        let Due { id, attempts, .. } = &self.due;
        if self.sent {
            unit.execute(DeleteMail, &[id]).await?;
            return Ok(unit.bookkeeping(Bookkeeping::OutboxLease, ()));
        }
        if attempts + 1 >= ATTEMPTS {
            unit.execute(DeleteMail, &[id]).await?;
            let entry = Entry::failed(Event::SendMail, Actor::System, Reason::DeliveryFailed);
            return unit.record(entry, ()).await;
        }
        let next = unit.after(Duration::from_secs(30 << (*attempts).clamp(0, 12)));
        unit.execute(PostponeMail, &[&next, id]).await?;
        Ok(unit.bookkeeping(Bookkeeping::OutboxLease, ()))
    }
}

impl<U> Sigra<U> {
    /// Sends what is due now and returns how many mails the mailer took. The worker does this by itself; tests and cron jobs
    /// may call it.
    ///
    /// A mail is sent at least once: a process that dies between sending and noting it leaves the row for another, who
    /// sends a fresh link. Writes one audit row `mail.message.send` for each mail written.
    ///
    /// # Errors
    /// [`Failure`](crate::Failure). A mailer that fails is no error: the mail is tried again, later and later.
    pub fn deliver_mail<'a>(&'a self, mailer: &'a dyn Mailer, links: &'a Links) -> Operation<'a, usize>
    where
        U: Account,
    {
        Box::pin(async move {
            let mut sent = 0;
            for due in self.due_mail().await? {
                let compose = Compose { due: due.clone(), links: links.clone(), client: Client::unknown() };
                let Some(mail) = self.perform(compose).await? else { continue };
                let result = mailer.send(mail).await;
                if let Err(error) = &result {
                    tracing::warn!(%error, "a mail could not be sent; it is tried again");
                }
                sent += usize::from(result.is_ok());
                self.perform(Settle { due, sent: result.is_ok(), client: Client::unknown() }).await?;
            }
            Ok(sent)
        })
    }

    async fn due_mail(&self) -> Result<Vec<Due>, Error>
    where
        U: Account,
    {
        let now = Stamp(self.core.now());
        let rows = self.core.pool.read().await?.fetch(Rendered::<U, DueMail>::STATEMENT, &[&now]).await?;
        rows.iter()
            .map(|row| {
                let mut row = Reader::<U>::new(row);
                Ok(Due {
                    id: row.next()?,
                    kind: MailKind::parse(&row.next::<String>()?),
                    identifier: row.next()?,
                    due_at: row.next()?,
                    attempts: row.next()?,
                })
            })
            .collect()
    }
}

/// The loop of [`Sigra::start_worker`].
pub(crate) async fn worker<U: Account>(auth: Sigra<U>, mailer: impl Mailer, links: Links) {
    let mut swept = tokio::time::Instant::now();
    loop {
        match auth.deliver_mail(&mailer, &links).await {
            // There may be more than one batch.
            Ok(sent) if sent > 0 => continue,
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "the worker could not read the outbox"),
        }
        if swept.elapsed() >= SWEEP_EVERY {
            swept = tokio::time::Instant::now();
            if let Err(error) = auth.sweep().await {
                tracing::error!(%error, "the worker could not sweep");
            }
        }
        let _ = tokio::time::timeout(POLL_EVERY, auth.core.outbox.notified()).await;
    }
}
