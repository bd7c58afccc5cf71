//! Authenticators: adding one, naming them, and removing one.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::account::Account;
use crate::assurance::Factor;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::{Client, clean};
use crate::core::{Operation, Reader, Sigra};
use crate::email::Identifier;
use crate::error::{DatabaseError, Error, Failure, Refusal};
use crate::factors::seal;
use crate::factors::totp::{Seed, qr};
use crate::factors::typed::{Code, Typed};
use crate::feature;
use crate::invalidation::Change;
use crate::session::{NewSession, Session};
use crate::store::statements::{
    ConfirmFactor, DeleteEnrolments, Enrolment as EnrolmentOf, FactorsOf, InsertFactor, RemoveFactor,
};
use crate::store::{Rendered, Stamp};
use crate::telemetry::{Named, watched};
use crate::unit::{Recorded, Step, Unit};

use super::MailKind;
use super::outbox::DISOWN_WITHIN;
use super::standing::{Held, Holder};
use super::sudo::Sudo;

/// How long an authenticator may wait for the code that proves it.
const ENROL_WITHIN: Duration = Duration::from_mins(15);
/// How long one that was removed can be restored: it may have gone a week before the change whose link brings it back, and that
/// link is good for another.
pub(super) const RESTORE_WITHIN: Duration = Duration::from_hours(2 * 7 * 24);
const _: () = assert!(RESTORE_WITHIN.as_secs() == 2 * DISOWN_WITHIN.as_secs());
/// Authenticators of one account.
pub(super) const MOST_FACTORS: u32 = 5;
/// Characters of a name that are kept.
const MOST_LETTERS: usize = 60;

/// Names a second factor in lists. It is no secret and opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FactorId(uuid::Uuid);

impl fmt::Display for FactorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for FactorId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// One of a user's second factors.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FactorInfo {
    /// Its id, to remove it by.
    pub id: FactorId,
    /// What it is.
    pub factor: Factor,
    /// The name that its owner gave it.
    pub name: String,
    /// When a code proved it (UTC).
    pub added_at: OffsetDateTime,
    /// When a code of it was last used (UTC).
    pub last_used_at: Option<OffsetDateTime>,
}

/// An authenticator that waits for its first code: what to show its owner, once. `Debug` shows nothing of it.
#[must_use = "its owner has to see it"]
pub struct Enrolment {
    id: FactorId,
    secret: Zeroizing<String>,
    uri: Zeroizing<String>,
    qr: Zeroizing<String>,
    expires_at: OffsetDateTime,
}

impl Enrolment {
    /// Its id, to confirm it by.
    #[must_use]
    pub fn id(&self) -> FactorId {
        self.id
    }

    /// The secret in base32, in groups of four, for those who type it.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The `otpauth:` address, for a link on the device itself.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The address as a QR code: a complete SVG element, to stand in the page as it is. It is the secret: no file, no log.
    #[must_use]
    pub fn qr_svg(&self) -> &str {
        &self.qr
    }

    /// When it is over if no code came (UTC).
    #[must_use]
    pub fn expires_at(&self) -> OffsetDateTime {
        self.expires_at
    }
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enrolment").field("id", &self.id.0).finish_non_exhaustive()
    }
}

impl<U> Sigra<U> {
    /// Begins to add an authenticator app (RFC 6238: SHA-1, six digits, 30 seconds, a seed of 160 bits). It counts only after
    /// [`confirm_totp`](Self::confirm_totp), within 15 minutes; one that was begun before and not confirmed is void.
    ///
    /// Where the account has a second factor, [`Sudo`] means that it was proved: nobody adds their own to an account that they
    /// have half of. Writes one audit row `account.factor.begin`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::TooManyFactors`] above five, [`Refusal::TooManyAttempts`] after twenty changes of second factors and codes within
    /// an hour, this one and the confirmation counted each, [`Refusal::SudoRequired`], [`Refusal::SessionEnded`],
    /// [`Refusal::Busy`], and [`Failure`](crate::Failure).
    pub fn begin_totp<'a>(
        &'a self,
        sudo: &'a Sudo<U>,
        name: &'a str,
        client: &'a Client,
    ) -> Operation<'a, Enrolment>
    where
        U: feature::Totp,
    {
        watched::<U>(Named::BeginTotp).by(client).within(sudo).run(async move {
            let name: String = clean(name).trim().chars().take(MOST_LETTERS).collect();
            let name = if name.is_empty() { "Authenticator".to_owned() } else { name };
            let email = sudo.user.email().to_owned();
            let begin = Begin::<U> { holder: Holder::of(sudo), name, email, client: client.clone() };
            Ok(self.perform(begin).await??)
        })
    }

    /// Adds the authenticator that was begun, by a code of it, which is used up.
    ///
    /// Ends the account's other sessions that have no second factor, revokes the trust in browsers, voids pending sign-ins, and
    /// gives this session, in which the factor is proved now, another secret: put it into the cookie. The owner gets a mail with
    /// a link that undoes it. Writes one audit row `account.factor.add`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::InvalidCode`], after which another may be tried, [`Refusal::InvalidToken`] where the enrolment is over,
    /// [`Refusal::TooManyFactors`], [`Refusal::TooManyAttempts`] as for [`begin_totp`](Self::begin_totp), also after wrong codes,
    /// [`Refusal::SudoRequired`], [`Refusal::SessionEnded`], [`Refusal::Busy`], and [`Failure`](crate::Failure).
    pub fn confirm_totp<'a>(
        &'a self,
        sudo: &'a Sudo<U>,
        id: FactorId,
        code: impl Into<Code>,
        client: &'a Client,
    ) -> Operation<'a, NewSession<U>>
    where
        U: feature::Totp,
    {
        let typed = code.into().typed();
        watched::<U>(Named::ConfirmTotp).by(client).within(sudo).run(async move {
            let confirm = Confirm::<U> { holder: Holder::of(sudo), id, typed, client: client.clone() };
            Ok(self.perform(confirm).await??)
        })
    }

    /// The user's second factors, the oldest first. Writes no audit row.
    ///
    /// # Errors
    /// [`Failure`](crate::Failure).
    pub fn factors<'a>(&'a self, session: &'a Session<U>) -> Operation<'a, Vec<FactorInfo>>
    where
        U: feature::Totp,
    {
        watched::<U>(Named::ListFactors).within(session).run(async move {
            let statement = Rendered::<U, FactorsOf>::STATEMENT;
            let rows = self.core.pool.read().await?.fetch(statement, &[session.user.id()]).await?;
            let mut factors = Vec::new();
            for row in &rows {
                let mut row = Reader::<U>::new(row);
                let id = FactorId(row.next()?);
                // One of a newer version is counted, and shown there.
                let Some(factor) = Factor::parse(&row.next::<String>()?) else { continue };
                let (name, added_at) = (row.next()?, row.next::<Stamp>()?.0);
                let last_used_at = row.next::<Option<Stamp>>()?.map(|Stamp(at)| at);
                factors.push(FactorInfo { id, factor, name, added_at, last_used_at });
            }
            Ok(factors)
        })
    }

    /// Removes a second factor. With the last one the backup codes go, and the password alone signs in again.
    ///
    /// Ends what [`confirm_totp`](Self::confirm_totp) ends, and gives this session another secret. The owner gets a mail with a link
    /// that undoes it, for a week. Writes one audit row `account.factor.remove`: success, or refused or failed with the reason.
    ///
    /// `None`: the user has no such factor, whoever else may have it.
    ///
    /// # Errors
    /// [`Refusal::TooManyAttempts`] as for [`begin_totp`](Self::begin_totp), [`Refusal::SudoRequired`], [`Refusal::SessionEnded`], [`Refusal::Busy`], and [`Failure`](crate::Failure).
    pub fn remove_factor<'a>(
        &'a self,
        sudo: &'a Sudo<U>,
        id: FactorId,
        client: &'a Client,
    ) -> Operation<'a, Option<NewSession<U>>>
    where
        U: feature::Totp,
    {
        watched::<U>(Named::RemoveFactor).by(client).within(sudo).run(async move {
            let remove = Remove::<U> { holder: Holder::of(sudo), id, client: client.clone() };
            Ok(self.perform(remove).await??)
        })
    }
}

impl<U: Account> Unit<'_, U> {
    /// Whoever adds a factor has proved to be there of late, and has room for one more.
    async fn may_add_factor(&mut self, holder: &Holder<U>) -> Result<Result<Held, (Reason, Refusal)>, Error> {
        let held = match self.may_change(holder).await? {
            Ok(held) => held,
            Err(refused) => return Ok(Err(refused)),
        };
        if held.factors >= i64::from(MOST_FACTORS) {
            return Ok(Err((Reason::TooManyFactors, Refusal::TooManyFactors { most: MOST_FACTORS })));
        }
        Ok(Ok(held))
    }

    /// After a change of the factors: ends what the table says, and moves this browser's session on.
    async fn factors_changed(
        &mut self,
        change: Change,
        holder: &Holder<U>,
        held: Held,
        assurance: crate::assurance::Assurance,
    ) -> Result<NewSession<U>, Error> {
        let epoch = self.invalidate(change, &holder.user_id, held.epoch, Some(holder.session)).await?;
        let epoch = epoch.ok_or_else(DatabaseError::lost_race)?;
        self.rotate_session(holder, &Held { epoch, ..held }, assurance).await
    }

    async fn tell_of_factor(
        &mut self,
        kind: MailKind,
        holder: &Holder<U>,
        about: uuid::Uuid,
    ) -> Result<(), Error> {
        if let Some(standing) = self.standing(&holder.user_id).await? {
            let identifier = Identifier::from_stored(standing.identifier);
            self.enqueue_about(kind, &identifier, Some(about)).await?;
        }
        Ok(())
    }
}

struct Begin<U: Account> {
    holder: Holder<U>,
    name: String,
    email: String,
    client: Client,
}

impl<U: feature::Totp> Step<U> for Begin<U> {
    type Output = Result<Enrolment, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let Holder { session, user_id, .. } = &self.holder;
        let refused = |reason| self.holder.refused(Event::BeginFactor, reason);
        if let Err((reason, refusal)) = unit.may_add_factor(&self.holder).await? {
            return unit.record(refused(reason), Err(refusal)).await;
        }
        unit.execute(DeleteEnrolments, &[user_id]).await?;
        let issuer = U::POLICY.totp.ok_or_else(|| Failure::Config("`totp` is off".into()))?.issuer;
        let (id, seed) = (uuid::Uuid::now_v7(), Seed::generate()?);
        let uri = seed.uri(issuer, &self.email)?;
        let enrolment = Enrolment {
            id: FactorId(id),
            secret: seed.text(),
            qr: qr(&uri)?,
            uri,
            expires_at: unit.after(ENROL_WITHIN).0,
        };
        let sealed = seal::seal(&seed, &unit.keys, &seal::bound_to(user_id, id))?;
        let (now, expires) = (unit.stamp(), Stamp(enrolment.expires_at));
        let key_id = unit.keys.current().to_owned();
        let values: &[&dyn crate::column::Bind] =
            &[&id, user_id, &Factor::Totp.name(), &self.name, &sealed, &key_id, &now, &expires];
        unit.execute(InsertFactor, values).await?;
        let entry = Entry::success(Event::BeginFactor, Actor::Account).of(user_id).in_session(*session);
        unit.record(entry, Ok(enrolment)).await
    }
}

struct Confirm<U: Account> {
    holder: Holder<U>,
    id: FactorId,
    typed: Typed,
    client: Client,
}

impl<U: feature::Totp> Confirm<U> {
    /// Proves the enrolment and uses up the step of its code.
    async fn confirm(&self, unit: &mut Unit<'_, U>) -> Result<Result<(), (Reason, Refusal)>, Error> {
        let (FactorId(id), user_id, now) = (self.id, &self.holder.user_id, unit.stamp());
        let over = Err((Reason::InvalidToken, Refusal::InvalidToken));
        let Some(row) = unit.fetch_optional(EnrolmentOf, &[&id, user_id, &now]).await? else {
            return Ok(over);
        };
        let sealed = Reader::<U>::new(&row).next::<Vec<u8>>()?;
        let opened = seal::open(&sealed, &unit.keys, &seal::bound_to(user_id, id));
        let Some(opened) = opened else { return Ok(over) };
        let step = match &self.typed {
            Typed::Totp(code) => opened.seed.step_of(code, 0, unit.now.unix_timestamp()),
            Typed::Backup(_) | Typed::Nothing => None,
        };
        let Some(step) = step else { return Ok(Err((Reason::WrongCode, Refusal::InvalidCode))) };
        let values: &[&dyn crate::column::Bind] = &[&now, &step, &now, &id, user_id, &now];
        Ok(if unit.execute(ConfirmFactor, values).await?.rows == 1 { Ok(()) } else { over })
    }
}

impl<U: feature::Totp> Step<U> for Confirm<U> {
    type Output = Result<NewSession<U>, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let Holder { session, user_id, .. } = &self.holder;
        let refused = |reason| self.holder.refused(Event::AddFactor, reason);
        let held = match unit.may_add_factor(&self.holder).await? {
            Ok(held) => held,
            Err((reason, refusal)) => return unit.record(refused(reason), Err(refusal)).await,
        };
        if let Err((reason, refusal)) = self.confirm(unit).await? {
            return unit.record(refused(reason), Err(refusal)).await;
        }
        let assurance = held.assurance.with_second(Factor::Totp, unit.now);
        let next = unit.factors_changed(Change::FactorAdded, &self.holder, held, assurance).await?;
        unit.tell_of_factor(MailKind::FactorAdded, &self.holder, self.id.0).await?;
        let entry = Entry::success(Event::AddFactor, Actor::Account).of(user_id).in_session(*session);
        unit.record(entry, Ok(next)).await
    }
}

struct Remove<U: Account> {
    holder: Holder<U>,
    id: FactorId,
    client: Client,
}

impl<U: feature::Totp> Step<U> for Remove<U> {
    type Output = Result<Option<NewSession<U>>, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let Holder { session, user_id, .. } = &self.holder;
        let refused = |reason| self.holder.refused(Event::RemoveFactor, reason);
        let held = match unit.may_change(&self.holder).await? {
            Ok(held) => held,
            Err((reason, refusal)) => return unit.record(refused(reason), Err(refusal)).await,
        };
        let (now, until) = (unit.stamp(), unit.after(RESTORE_WITHIN));
        if unit.execute(RemoveFactor, &[&now, &until, &self.id.0, user_id]).await?.rows != 1 {
            return unit.record(refused(Reason::NothingToDo), Ok(None)).await;
        }
        let change = if held.factors > 1 { Change::FactorRemoved } else { Change::LastFactorRemoved };
        let next = unit.factors_changed(change, &self.holder, held, held.assurance).await?;
        unit.tell_of_factor(MailKind::FactorRemoved, &self.holder, self.id.0).await?;
        let entry = Entry::success(Event::RemoveFactor, Actor::Account).of(user_id).in_session(*session);
        unit.record(entry, Ok(Some(next))).await
    }
}
