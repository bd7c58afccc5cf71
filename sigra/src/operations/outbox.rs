//! The outbox: what is to be mailed is decided in the transaction, and done after it by a worker.
//!
//! A row names what to send and to which address, and holds no secret: the worker issues the token in the moment before it
//! sends. So nothing in the database can be used by whoever reads it, a mail that failed is sent again with a fresh token, and
//! a request takes the same time whether or not there is an account.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

#[cfg(feature = "totp")]
use time::OffsetDateTime;

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::core::{Operation, Reader, Sigra};
use crate::email::{Address, Identifier};
use crate::error::{DatabaseError, Error, Failure, Refusal};
use crate::limits::{Bucket, Limit};
use crate::mail::{Links, Mail, MailError, Mailer, Message};
#[cfg(feature = "totp")]
use crate::store::statements::KeepRemoved;
use crate::store::statements::{
    ClaimMail, DeleteMail, DueMail, IdentifierTaken, InsertMail, OutboxStands, PostponeMail,
};
use crate::store::{Rendered, Stamp};
use crate::telemetry::{self, MailOutcome, Named, watched};
use crate::token::{ForConfirmEmail, ForDisown, ForResetPassword, ForUnlockAccount, six_digits};
use crate::unit::{Bookkeeping, Recorded, Step, Unit};

use super::standing::Standing;
use super::tokens::Extras;
use super::unlock::UNLOCK_WITHIN;

macro_rules! mail_kinds {
    (asked { $($asked:ident = $asked_name:literal,)* } notices { $($notice:ident = $notice_name:literal,)* }) => {
        /// What a row of the outbox asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum MailKind {
            $($asked,)*
            $($notice,)*
        }

        impl MailKind {
            const ALL: &[Self] = &[$(Self::$asked,)* $(Self::$notice,)*];

            /// The names as a list in SQL. A name that nothing has ends it, since each before is followed by a comma.
            pub(crate) const IN_SQL: &str =
                concat!($("'", $asked_name, "', ",)* $("'", $notice_name, "', ",)* "''");
            /// Those of mails that were asked for.
            pub(crate) const ASKED_IN_SQL: &str = concat!($("'", $asked_name, "', ",)* "''");

            /// The name in the column `kind`.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$asked => $asked_name,)*
                    $(Self::$notice => $notice_name,)*
                }
            }

            /// A stranger can cause it; nobody needs it when it is old.
            const fn was_asked_for(self) -> bool {
                matches!(self, $(Self::$asked)|*)
            }
        }
    };
}

mail_kinds! {
    asked {
        ConfirmEmail = "confirm_email",
        AddressTaken = "address_taken",
        ResetPassword = "reset_password",
        AccountLocked = "account_locked",
        UnlockAccount = "unlock_account",
        SecondFactorGuessed = "second_factor_guessed",
    }
    notices {
        PasswordChanged = "password_changed",
        MustChangePassword = "must_change_password",
        FactorAdded = "factor_added",
        FactorRemoved = "factor_removed",
        BackupCodesReplaced = "backup_codes_replaced",
        BackupCodeUsed = "backup_code_used",
        RecoveryBegun = "recovery_begun",
        RecoveryFinished = "recovery_finished",
    }
}

impl MailKind {
    /// It proves the address that it is mailed to.
    const fn has_secret(self) -> bool {
        !matches!(
            self,
            Self::AddressTaken
                | Self::PasswordChanged
                | Self::SecondFactorGuessed
                | Self::BackupCodeUsed
                | Self::RecoveryFinished
        )
    }

    /// How long the link in it is good, where the host says so.
    fn good_for<U: Account>(self) -> Option<Duration> {
        match self {
            Self::ConfirmEmail => U::POLICY.confirm_email.map(|policy| policy.within),
            Self::ResetPassword | Self::MustChangePassword => {
                U::POLICY.reset_password.map(|policy| policy.within)
            }
            _ => None,
        }
    }

    /// How many of the kind strangers can cause to one address: five an hour at most. Where its links do not last for an hour, in
    /// smaller portions over less time, so that whoever uses one up leaves the owner a link that is good until the next. Links
    /// that last for less than twelve minutes cannot fill the hour: there the owner waits for the next.
    pub(super) fn limit<U: Account>(self) -> Limit {
        const HOUR: Duration = Duration::from_hours(1);
        const HALF: Duration = Duration::from_mins(30);
        match self.good_for::<U>() {
            Some(lasting) if lasting < HALF => Limit::InWindow { most: 1, within: Duration::from_mins(12) },
            Some(lasting) if lasting < HOUR => Limit::InWindow { most: 2, within: HALF },
            _ => Limit::InWindow { most: 5, within: HOUR },
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// Which mails are looked at. The worker has places for each kind of three, so that what strangers cause holds up no notice, and what
/// they cause with addresses that nobody has proved, such as those they register with, none to somebody's who has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    Notices,
    /// Asked for, to the address of an account that is confirmed.
    ToProved,
    /// Asked for, to any other: also one that nobody has.
    ToUnproved,
    All,
}

impl Queue {
    /// What the statement calls it.
    const fn number(self) -> i64 {
        match self {
            Self::Notices => 0,
            Self::ToProved => 1,
            Self::ToUnproved => 2,
            Self::All => 3,
        }
    }
}

/// How long a worker has for one mail before another may take it.
const LEASE: Duration = Duration::from_mins(2);
/// How long a mailer has, within the lease.
pub(super) const SEND_WITHIN: Duration = Duration::from_mins(1);
/// What a visitor asked for so long ago is not sent any more.
const STALE_AFTER: Duration = Duration::from_hours(24);
/// How long after a change a link undoes it.
pub(super) const DISOWN_WITHIN: Duration = Duration::from_hours(7 * 24);
/// How long its owner has for it at least, where the mail leaves late.
const DISOWN_AT_LEAST: Duration = Duration::from_hours(24);
/// How long a recovery may be finished after its delay. The link that stops it is good as long.
pub(super) const FINISH_WITHIN: Duration = Duration::from_hours(7 * 24);
#[cfg(feature = "totp")]
/// Backup codes that are so few that their owner should make new ones.
const FEW_CODES: u64 = 3;
/// Mails that are looked at together.
pub(super) const BATCH: u16 = 20;
/// Deliveries that are tried, each after twice as long: over about seventeen hours.
const ATTEMPTS: i64 = 12;
/// After the first of them.
const FIRST_WAIT: Duration = Duration::from_secs(30);

impl<U: Account> Unit<'_, U> {
    /// Puts a mail into the outbox, in this transaction.
    pub(super) async fn enqueue(&mut self, kind: MailKind, identifier: &Identifier) -> Result<(), Error> {
        self.enqueue_about(kind, identifier, None).await
    }

    /// The same about one thing of several, by its id.
    pub(super) async fn enqueue_about(
        &mut self,
        kind: MailKind,
        identifier: &Identifier,
        about: Option<uuid::Uuid>,
    ) -> Result<(), Error> {
        let now = self.stamp();
        let values: &[&dyn crate::column::Bind] =
            &[&uuid::Uuid::now_v7(), &kind.name(), &identifier.as_str(), &about, &now, &now];
        self.execute(InsertMail, values).await?;
        self.mailed();
        Ok(())
    }

    /// Puts a mail that others can cause into the outbox, unless too many of its kind went to the address.
    pub(super) async fn mail_if_allowed(
        &mut self,
        kind: MailKind,
        identifier: &Identifier,
    ) -> Result<bool, Error> {
        let allowed = self.reserve(&Bucket::mail(kind.name(), identifier), kind.limit::<U>()).await?.is_ok();
        if allowed {
            self.enqueue(kind, identifier).await?;
        }
        Ok(allowed)
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
        if let Err((reason, refusal)) = unit.count_request().await? {
            return unit.record(refused(reason), Err(refusal)).await;
        }
        if !unit.mail_if_allowed(self.kind, &self.identifier).await? {
            return unit.record(refused(Reason::MailLimit), Ok(())).await;
        }
        unit.record(Entry::success(self.event, Actor::Visitor), Ok(())).await
    }
}

/// A row as it was read.
#[derive(Clone, Debug)]
#[allow(clippy::struct_field_names, reason = "the columns are called so")]
pub(super) struct Due {
    id: uuid::Uuid,
    kind: MailKind,
    identifier: String,
    about: Option<uuid::Uuid>,
    created_at: Stamp,
    due_at: Stamp,
    attempts: i64,
}

/// A row that is this worker's until the lease runs out.
#[derive(Clone, Debug)]
struct Claimed {
    due: Due,
    lease: Stamp,
}

impl Claimed {
    /// Drops the row and says whose mail it was.
    async fn give_up<U: Account>(&self, unit: &mut Unit<'_, U>, why: Reason) -> Result<Entry, Error> {
        let owner = match unit.fetch_optional(IdentifierTaken, &[&self.due.identifier.as_str()]).await? {
            Some(row) => Some(Reader::<U>::new(&row).next::<U::Id>()?),
            None => None,
        };
        unit.execute(DeleteMail, &[&self.due.id, &self.lease]).await?;
        Ok(Entry::failed(Event::SendMail, Actor::System, why).maybe_of(owner))
    }
}

/// Takes a row for a while and writes its mail.
struct Compose {
    due: Due,
    links: Links,
    client: Client,
}

/// What became of a row that was looked at.
enum Composed {
    Mail(Claimed, Mail),
    /// There is nobody to mail, or nothing to say any more. The row goes in a transaction of its own, as after a mail: where one
    /// writes at a time, a stranger's next request may wait for both, and learns from their number nothing of the address.
    Nothing(Claimed),
    /// Another worker has it, or it was given up.
    Gone,
}

impl<U: Account> Step<U> for Compose {
    type Output = Composed;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let Due { id, kind, identifier, about, created_at, due_at, attempts } = &self.due;
        let claimed = Claimed { due: self.due.clone(), lease: unit.after(LEASE) };
        if unit.execute(ClaimMail, &[&claimed.lease, id, due_at]).await?.rows != 1 {
            return Ok(unit.bookkeeping(Bookkeeping::OutboxLease, Composed::Gone));
        }
        let stale = kind.was_asked_for() && unit.now - created_at.0 > STALE_AFTER;
        if *attempts >= ATTEMPTS || (stale && *attempts > 0) {
            let entry = claimed.give_up(unit, Reason::DeliveryFailed).await?;
            return unit.record(entry, Composed::Gone).await;
        }
        let standing = match unit.fetch_optional(IdentifierTaken, &[&identifier.as_str()]).await? {
            Some(row) => unit.standing(&Reader::<U>::new(&row).next()?).await?,
            None => None,
        };
        // Nobody waits for an old answer any more, and a link in it would surprise. What happened to an account its owner hears
        // also while it is disabled: whoever may disable it could otherwise do the rest unheard.
        let standing = standing
            .filter(|standing| !kind.was_asked_for() || (standing.disabled_since.is_none() && !stale));
        if let Some(standing) = &standing
            && kind.has_secret()
            && !Address::parse(&standing.email).is_ok_and(|email| email.identifier().as_str() == identifier)
        {
            // A link proves the address that it was mailed to. This one would prove another: the host changed it by itself.
            let entry = claimed.give_up(unit, Reason::AddressChanged).await?;
            return unit.record(entry, Composed::Gone).await;
        }
        if let Some(standing) = &standing
            && kind.has_secret()
            && !unit.hold(&standing.user_id, standing.epoch).await?
        {
            // Held, so that a change that comes now finds the token and moves it into the epoch that it begins. One came between:
            // run the step again, on what it left.
            return Err(DatabaseError::lost_race().into());
        }
        let message = match &standing {
            Some(standing) => self.write(unit, *kind, *about, standing).await?,
            None => None,
        };
        let (Some(message), Some(standing)) = (message, standing) else {
            // Nobody has this address, or what was asked for is done already.
            return Ok(unit.bookkeeping(Bookkeeping::OutboxLease, Composed::Nothing(claimed)));
        };
        let entry = Entry::success(Event::SendMail, Actor::System).of(&standing.user_id);
        unit.record(entry, Composed::Mail(claimed, Mail::new(standing.email, message))).await
    }
}

impl Compose {
    async fn write<U: Account>(
        &self,
        unit: &mut Unit<'_, U>,
        kind: MailKind,
        about: Option<uuid::Uuid>,
        standing: &Standing<U>,
    ) -> Result<Option<Message>, Error> {
        let links = &self.links;
        let account = &standing.whose();
        let nothing = Extras::default;
        Ok(match kind {
            MailKind::ConfirmEmail => match U::POLICY.confirm_email {
                Some(policy) if !standing.confirmed => {
                    let code = six_digits()?;
                    let token = unit
                        .issue::<ForConfirmEmail>(account, policy.within, Some(code.as_str()), nothing())
                        .await?;
                    let link = links.confirm_email(token.expose());
                    Some(Message::ConfirmEmail { link, code: code.to_string(), within: policy.within })
                }
                _ => None,
            },
            MailKind::ResetPassword => match U::POLICY.reset_password {
                Some(policy) => {
                    let token =
                        unit.issue::<ForResetPassword>(account, policy.within, None, nothing()).await?;
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
            MailKind::AccountLocked | MailKind::UnlockAccount => match U::POLICY.lockout {
                Some(_) => {
                    let token =
                        unit.issue::<ForUnlockAccount>(account, UNLOCK_WITHIN, None, nothing()).await?;
                    let link = links.unlock_account(token.expose());
                    Some(if kind == MailKind::AccountLocked {
                        Message::AccountLocked { link, within: UNLOCK_WITHIN }
                    } else {
                        Message::UnlockAccount { link, within: UNLOCK_WITHIN }
                    })
                }
                None => None,
            },
            MailKind::MustChangePassword => match U::POLICY.reset_password {
                Some(policy) if standing.must_change_since.is_some() => {
                    let token =
                        unit.issue::<ForResetPassword>(account, policy.within, None, nothing()).await?;
                    let (link, ask) = (links.reset_password(token.expose()), links.ask_reset());
                    Some(Message::MustChangePassword { link, ask, within: policy.within })
                }
                _ => None,
            },
            MailKind::SecondFactorGuessed => Some(Message::SecondFactorGuessed { reset: links.ask_reset() }),
            MailKind::FactorAdded
            | MailKind::FactorRemoved
            | MailKind::BackupCodesReplaced
            | MailKind::RecoveryBegun => self.write_disownable(unit, kind, about, standing).await?,
            #[cfg(feature = "totp")]
            MailKind::BackupCodeUsed => {
                let left = unit.backup_codes_left(&standing.user_id).await?;
                Some(Message::BackupCodeUsed { left, few: left <= FEW_CODES, reset: links.ask_reset() })
            }
            #[cfg(not(feature = "totp"))]
            MailKind::BackupCodeUsed => None,
            MailKind::RecoveryFinished => Some(Message::RecoveryFinished { reset: links.ask_reset() }),
        })
    }

    /// A mail about a change that its owner may not have made, with the link that undoes it.
    async fn write_disownable<U: Account>(
        &self,
        unit: &mut Unit<'_, U>,
        kind: MailKind,
        about: Option<uuid::Uuid>,
        standing: &Standing<U>,
    ) -> Result<Option<Message>, Error> {
        let extras = Extras { undoes: Some(kind.name().to_owned()), about, ..Extras::default() };
        let most = match (kind, U::POLICY.assisted_recovery) {
            (MailKind::RecoveryBegun, Some(delay)) => delay + FINISH_WITHIN,
            _ => DISOWN_WITHIN,
        };
        // From the change on: what it removed waits no longer because the mail is late.
        let age = Duration::try_from(unit.now - self.due.created_at.0).unwrap_or_default();
        let within = most.saturating_sub(age).max(DISOWN_AT_LEAST);
        #[cfg(feature = "totp")]
        if age + within > most && matches!(kind, MailKind::FactorAdded | MailKind::FactorRemoved) {
            unit.keep_removed(&standing.user_id, self.due.created_at.0, within).await?;
        }
        let token = unit.issue::<ForDisown>(&standing.whose(), within, None, extras).await?;
        let (link, within) = (self.links.disown(token.expose()), to_the_hour(within));
        Ok(match kind {
            MailKind::FactorAdded => Some(Message::FactorAdded { link, within }),
            MailKind::FactorRemoved => Some(Message::FactorRemoved { link, within }),
            MailKind::BackupCodesReplaced => Some(Message::BackupCodesReplaced { link, within }),
            MailKind::RecoveryBegun => {
                U::POLICY.assisted_recovery.map(|delay| Message::RecoveryBegun { link, within, delay })
            }
            _ => None,
        })
    }
}

/// As a mail says it: a worker takes seconds, and nobody wants to read how many of a week are left.
fn to_the_hour(lasting: Duration) -> Duration {
    Duration::from_hours((lasting.as_secs() + 1_800) / 3_600)
}

/// What became of a mail that was handed to the mailer, or of a row that there was no mail for.
struct Settle {
    claimed: Claimed,
    /// Nothing is left to do.
    done: bool,
    client: Client,
}

impl<U: Account> Step<U> for Settle {
    type Output = ();

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<()>, Error> {
        let Claimed { due: Due { id, attempts, .. }, lease } = &self.claimed;
        if self.done {
            unit.execute(DeleteMail, &[id, lease]).await?;
        } else {
            unit.execute(PostponeMail, &[&unit.later(*attempts), id, lease]).await?;
        }
        Ok(unit.bookkeeping(Bookkeeping::OutboxLease, ()))
    }
}

/// Counts a row that could not be written and lets it wait, so that it is not the first to be read for ever.
struct SetAside {
    due: Due,
    client: Client,
}

impl<U: Account> Step<U> for SetAside {
    type Output = ();

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<()>, Error> {
        let Due { id, due_at, attempts, .. } = &self.due;
        unit.execute(ClaimMail, &[&unit.later(*attempts), id, due_at]).await?;
        Ok(unit.bookkeeping(Bookkeeping::OutboxLease, ()))
    }
}

impl<U: Account> Unit<'_, U> {
    /// The link of a mail that leaves late outlives what it might restore: that waits for it too.
    #[cfg(feature = "totp")]
    async fn keep_removed(
        &mut self,
        user_id: &U::Id,
        changed_at: OffsetDateTime,
        within: Duration,
    ) -> Result<(), Error> {
        let (now, until) = (self.stamp(), self.after(within));
        let since = Stamp(changed_at - DISOWN_WITHIN);
        self.execute(KeepRemoved, &[&until, user_id, &since, &now, &until]).await?;
        Ok(())
    }

    /// When to try again: each time after twice as long.
    fn later(&self, attempts: i64) -> Stamp {
        self.after(FIRST_WAIT * (1 << attempts.clamp(0, ATTEMPTS)))
    }
}

/// Hands a mail over. A mailer that panics or never answers is one that failed, and takes nothing with it.
async fn hand_over(mailer: &dyn Mailer, mail: Mail) -> Result<(), MailError> {
    let panicked = || MailError::new("the mailer panicked");
    let mut sending = catch_unwind(AssertUnwindSafe(|| mailer.send(mail))).map_err(|_| panicked())?;
    let guarded = poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| sending.as_mut().poll(context)));
        polled.unwrap_or_else(|_| Poll::Ready(Err(panicked())))
    });
    let sent = tokio::time::timeout(SEND_WITHIN, guarded).await;
    sent.unwrap_or_else(|_| Err(MailError::new("the mailer did not answer in time")))
}

impl<U> Sigra<U> {
    /// Sends what is due now and returns how many mails the mailer took. The worker does this by itself; tests and cron jobs
    /// may call it.
    ///
    /// A mail is sent at least once: a process that dies between sending and noting it leaves the row for another, who
    /// sends a fresh link. Writes one audit row `mail.message.send` when a mail is written, and one that says `failed` when
    /// it is given up.
    ///
    /// # Errors
    /// [`Failure`](crate::Failure). A mailer that fails is no error: the mail is tried again, later and later.
    pub fn deliver_mail<'a>(&'a self, mailer: &'a dyn Mailer, links: &'a Links) -> Operation<'a, usize>
    where
        U: Account,
    {
        watched::<U>(Named::DeliverMail).run(async move {
            let mut sent = 0;
            loop {
                let due = self.due_mail(Queue::All).await?;
                let is_last = due.len() < usize::from(BATCH);
                for due in due {
                    sent += usize::from(self.deliver_one(due, mailer, links).await?);
                }
                if is_last {
                    self.measure_outbox().await;
                    return Ok(sent);
                }
            }
        })
    }

    /// Writes and sends the mail of one row.
    pub(super) fn deliver_one<'a>(
        &'a self,
        due: Due,
        mailer: &'a dyn Mailer,
        links: &'a Links,
    ) -> Operation<'a, bool>
    where
        U: Account,
    {
        watched::<U>(Named::SendMail).run(async move {
            let kind = due.kind.name();
            let settled = |outcome| {
                let age = Duration::try_from(self.core.now() - due.created_at.0).unwrap_or_default();
                telemetry::mail_settled(kind, outcome, age);
            };
            let settle = |claimed, done| self.upkeep(Settle { claimed, done, client: Client::unknown() });
            let (claimed, mail) = match self.compose(&due, links).await? {
                Ok(Composed::Mail(claimed, mail)) => (claimed, mail),
                Ok(Composed::Nothing(claimed)) => {
                    settle(claimed, true).await?;
                    settled(MailOutcome::Dropped);
                    return Ok(false);
                }
                Ok(Composed::Gone) => {
                    settled(MailOutcome::Dropped);
                    return Ok(false);
                }
                Err(outcome) => {
                    settled(outcome);
                    return Ok(false);
                }
            };
            let private = mail.private();
            let result = hand_over(mailer, mail).await;
            if let Err(error) = &result {
                telemetry::mail_failed(kind, &private.conceal(&error.to_string()));
            }
            let sent = result.is_ok();
            settle(claimed, sent).await?;
            settled(if sent { MailOutcome::Sent } else { MailOutcome::Failed });
            Ok(sent)
        })
    }

    /// Writes the mail of one row. A row that cannot be written is set aside: it must not keep the others waiting.
    async fn compose(&self, due: &Due, links: &Links) -> Result<Result<Composed, MailOutcome>, Error>
    where
        U: Account,
    {
        let compose = Compose { due: due.clone(), links: links.clone(), client: Client::unknown() };
        match self.upkeep(compose).await {
            // Without the trail nothing goes on.
            Err(error) if !matches!(error, Error::Failed(Failure::Audit { .. })) => {
                telemetry::failed_all_the_same(&error);
                self.upkeep(SetAside { due: due.clone(), client: Client::unknown() }).await?;
                Ok(Err(MailOutcome::SetAside))
            }
            composed => Ok(Ok(composed?)),
        }
    }

    /// Tells how many mails wait and for how long. Nothing is read where nobody measures.
    pub(super) async fn measure_outbox(&self)
    where
        U: Account,
    {
        if !telemetry::MEASURES {
            return;
        }
        let measured = async {
            let now = self.core.now();
            let statement = Rendered::<U, OutboxStands>::STATEMENT;
            let row = self.core.pool.read().await?.fetch_optional(statement, &[&Stamp(now)]).await?;
            let Some(row) = row else { return Ok(()) };
            let mut row = Reader::<U>::new(&row);
            let (mails, due, oldest) = (row.next()?, row.next()?, row.next::<Option<Stamp>>()?);
            let age = oldest.and_then(|Stamp(oldest)| Duration::try_from(now - oldest).ok());
            telemetry::outbox_stands(U::SCHEMA.user_type, mails, due, age.unwrap_or_default());
            Ok::<(), Error>(())
        };
        if let Err(error) = measured.await {
            telemetry::worker_failed("measure", &error);
        }
    }

    pub(super) async fn due_mail(&self, queue: Queue) -> Result<Vec<Due>, Error>
    where
        U: Account,
    {
        let now = Stamp(self.core.now());
        let (statement, most) = (Rendered::<U, DueMail>::STATEMENT, i64::from(BATCH));
        let rows = self.core.pool.read().await?.fetch(statement, &[&now, &queue.number(), &most]).await?;
        let read = |row: &crate::store::Row| {
            let mut row = Reader::<U>::new(row);
            let (id, kind) = (row.next()?, MailKind::parse(&row.next::<String>()?));
            let (identifier, about, created_at) = (row.next()?, row.next()?, row.next()?);
            let (due_at, attempts) = (row.next()?, row.next()?);
            Ok(kind.map(|kind| Due { id, kind, identifier, about, created_at, due_at, attempts }))
        };
        rows.iter().map(read).filter_map(Result::transpose).collect()
    }
}
