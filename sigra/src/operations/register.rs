//! Registration.

use std::fmt;

use time::OffsetDateTime;

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::column::{Id as _, Values};
use crate::core::{Operation, Reader, Sigra};
use crate::email::{Address, Identifier};
use crate::error::{DatabaseError, DatabaseErrorKind, Error, Failure, Refusal};
use crate::feature;
use crate::invalidation::Change;
use crate::limits::Bucket;
use crate::password::{Password, PasswordHash};
use crate::store::Dialect;
use crate::store::statements::{
    Contest, IdentifierTaken, InsertAccount, InsertUser, InsertUserWithId, LoadUser, NearestIdentifier,
};
use crate::telemetry::{Named, watched};
use crate::unit::{Bookkeeping, Recorded, Shielded, Step, Unit};

use super::MailKind;

/// The registration was accepted. Say "look into your mail" in every case: whether the address was free is its owner's
/// business, who gets a mail either way where `confirm_email` is on.
#[must_use]
pub struct Registered<U> {
    user: Option<U>,
}

impl<U> Registered<U> {
    /// The new user, for rows of the host's own that belong to it; `None` where the address had an account already.
    ///
    /// Never let it show in the answer: that would tell strangers who has an account (ASVS 6.3.8).
    #[must_use]
    pub fn user(&self) -> Option<&U> {
        self.user.as_ref()
    }
}

impl<U> fmt::Debug for Registered<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not even a log tells.
        f.write_str("Registered")
    }
}

impl<U> Sigra<U> {
    /// Registers a user with a password.
    ///
    /// A taken address gets the same answer after as many hashes, and its owner a mail; the database runs the same statements
    /// whatever account stands behind it. A free one gets rows of its own, so that its first registration is other work: of later
    /// ones nothing tells whether it was free. With `confirm_email` the new address gets a link and a code.
    ///
    /// An account whose address nobody has confirmed loses its password, and every link, when the address is registered once
    /// more, and no more than once: whoever has the mailbox then chooses one by `reset_password`. So `confirm_email` does not
    /// compile without it: an address would stay with the password of whoever registered it first. Your own columns stay as the
    /// first registration filled them, since nobody can say which of the two was the owner: take nothing in them for the owner's
    /// word, and let it be changed.
    ///
    /// An address is taken too where a row that nobody has [adopted](Self::adopt_accounts) has it and the host's table keeps
    /// addresses unique, in every spelling that its index takes for the same. Nobody gets a mail then.
    ///
    /// What is no address, or a password of the wrong length, is refused before anything is looked up and counted for nobody.
    /// Everything else counts for the network before the password is looked up or hashed, whatever comes of it, unless the server
    /// is busy.
    ///
    /// Writes one audit row `account.user.register`: success, or refused or failed with the reason. None where the server is busy.
    ///
    /// # Errors
    /// [`Refusal::InvalidEmail`], [`Refusal::PasswordRejected`] with the reason, [`Refusal::Conflict`] and
    /// [`Refusal::InvalidValue`] for columns of the host's, the same for free and taken addresses,
    /// [`Refusal::TooManyAttempts`] by `throttle` before any hash is computed, [`Refusal::Busy`], and
    /// [`Failure`](crate::Failure). No user is stored then.
    pub fn register<'a>(&'a self, new: U::New, client: &'a Client) -> Operation<'a, Registered<U>>
    where
        U: feature::Passwords,
    {
        watched::<U>(Named::Register).by(client).run(async move {
            let (email, password) = U::credentials(&new);
            let address = self.looked_at(Event::Register, client, Address::parse(email)).await?;
            let checked = password.check(U::POLICY.password.min_length);
            self.looked_at(Event::Register, client, checked).await?;
            let password = password.clone();
            let client = client.clone();
            self.shielded(|shielded| async move { shielded.register(new, address, password, client).await })
                .await
        })
    }
}

impl<U: Account> Shielded<U> {
    async fn register(
        &self,
        new: U::New,
        address: Address,
        password: Password,
        client: Client,
    ) -> Result<Registered<U>, Error> {
        let hasher = &self.0.core.hasher;
        hasher.glance()?;
        let counted_at = self.step(CountRegistration(client.clone())).await??;
        let screened = self.0.screen(&password, address.as_str()).await;
        self.judged(Entry::success(Event::Register, Actor::Visitor), &client, screened).await?;
        let hash = match hasher.admit() {
            Ok(place) => hasher.hash(place, password).await,
            Err(busy) => Err(busy.into()),
        };
        let hash = match hash {
            // Nothing came of it but that it has to be tried again.
            Err(error @ Error::Refused(Refusal::Busy { .. })) => {
                self.step(ReturnRegistration { client, counted_at }).await?;
                return Err(error);
            }
            hash => hash?,
        };
        let (identifier, dialect) = (address.identifier(), self.0.dialect());
        Ok(self.step(Register::<U> { new, address, identifier, hash, dialect, client }).await??)
    }
}

/// Counts a registration before anything is looked up or hashed for it.
struct CountRegistration(Client);

impl<U: Account> Step<U> for CountRegistration {
    /// When it was counted.
    type Output = Result<OffsetDateTime, Refusal>;

    fn client(&self) -> &Client {
        &self.0
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        if let Err((reason, refusal)) = unit.count_request().await? {
            let entry = Entry::refused(Event::Register, Actor::Visitor, reason);
            return unit.record(entry, Err(refusal)).await;
        }
        let counted_at = unit.counted_at();
        Ok(unit.bookkeeping(Bookkeeping::RequestCounted, Ok(counted_at)))
    }
}

/// Gives the registration back.
struct ReturnRegistration {
    client: Client,
    counted_at: OffsetDateTime,
}

impl<U: Account> Step<U> for ReturnRegistration {
    type Output = ();

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<()>, Error> {
        unit.return_request(self.counted_at).await?;
        Ok(unit.bookkeeping(Bookkeeping::AttemptReturned, ()))
    }
}

struct Register<U: Account> {
    new: U::New,
    address: Address,
    identifier: Identifier,
    hash: PasswordHash,
    dialect: Dialect,
    client: Client,
}

impl<U: Account> Step<U> for Register<U> {
    type Output = Result<Registered<U>, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let refused = |reason| Entry::refused(Event::Register, Actor::Visitor, reason);
        let mut owner = unit.owner_of(&self.identifier).await?;
        let mut taken = owner.is_some();
        unit.mark().await?;
        let mut inserted = self.insert(unit, !taken).await?;
        if let Err(refusal) = &inserted {
            let conflict = *refusal == Refusal::Conflict;
            unit.take_back().await?;
            // The host's own index may have decided between two registrations of this address before Sigra's could, or for a
            // row that nobody has adopted. Where it was about another value, it refuses this insert too. All of it also for a taken
            // address and for a value that no insert would make good: a refusal stores nothing and mails nothing, so that its work
            // is all that a stranger could measure, as often as they like.
            let owner_now = unit.owner_of(&self.identifier).await?;
            let again = self.insert(unit, false).await?;
            if !taken && (conflict || owner_now.is_some()) {
                (owner, taken, inserted) = (owner_now, true, again);
            }
        }
        let user_id = match inserted {
            Ok(user_id) => user_id,
            Err(refusal) => {
                unit.take_back().await?;
                return unit.record(refused(Reason::InvalidValue), Err(refusal)).await;
            }
        };
        if !taken {
            let now = unit.stamp();
            let account = unit
                .execute(
                    InsertAccount,
                    &[&user_id, &self.identifier.as_str(), Bucket::account(&self.identifier).key(), &now],
                )
                .await?;
            if account.rows == 1 {
                return self.registered(unit, user_id).await;
            }
            // Another registration of this address came first.
            owner = unit.owner_of(&self.identifier).await?;
        }
        // From here on the row that was inserted is none, and its key one that nobody has.
        unit.take_back().await?;
        let reason = self.taken(unit, owner.as_ref(), &user_id).await?;
        unit.record(refused(reason).maybe_of(owner), Ok(Registered { user: None })).await
    }
}

impl<U: Account> Unit<'_, U> {
    /// Whose account has this address.
    pub(super) async fn owner_of(&mut self, identifier: &Identifier) -> Result<Option<U::Id>, Error> {
        let row = self.fetch_optional(IdentifierTaken, &[&identifier.as_str()]).await?;
        Ok(row.map(|row| Reader::<U>::new(&row).next()).transpose()?)
    }

    /// The same by the same work for every address, where no other hides the difference.
    pub(super) async fn nearest_owner(&mut self, identifier: &Identifier) -> Result<Option<U::Id>, Error> {
        let row = self.fetch_optional(NearestIdentifier, &[&identifier.as_str()]).await?;
        let Some(row) = row else { return Ok(None) };
        Reader::<U>::new(&row).of_address(identifier, |row| Ok(row.next()?))
    }
}

impl<U: Account> Register<U> {
    /// Inserts the host's row. For a taken address too, under an address that nobody has, to be taken back: whatever the host's
    /// table refuses, it refuses for free and taken addresses alike.
    async fn insert(&self, unit: &mut Unit<'_, U>, free: bool) -> Result<Result<U::Id, Refusal>, Error> {
        let placeholder = self.placeholder();
        let email = if free { self.address.as_str() } else { placeholder.as_str() };
        match self.insert_user(unit, email).await {
            Ok(id) => Ok(Ok(id)),
            Err(Error::Failed(Failure::Database(error))) => match error.kind {
                DatabaseErrorKind::Unique => Ok(Err(Refusal::Conflict)),
                DatabaseErrorKind::Value => Ok(Err(Refusal::InvalidValue)),
                _ => Err(error.into()),
            },
            Err(error) => Err(error),
        }
    }

    /// An address that nobody has, of the visitor's own domain: a rule of the host's for addresses judges it alike.
    fn placeholder(&self) -> String {
        /// Of an address of 254 characters, so much is left of the random part.
        const LONGEST: usize = 200;
        let domain = self.address.as_str().rsplit_once('@').map(|(_, domain)| domain);
        let domain = domain.filter(|domain| domain.len() <= LONGEST).unwrap_or("taken.invalid");
        format!("{}@{domain}", uuid::Uuid::now_v7().simple())
    }

    async fn registered(
        &self,
        unit: &mut Unit<'_, U>,
        user_id: U::Id,
    ) -> Result<Recorded<Result<Registered<U>, Refusal>>, Error> {
        let row = unit.fetch_optional(LoadUser, &[&user_id]).await?;
        let user = row.map(|row| Reader::<U>::new(&row).user()).transpose()?;
        // Mail goes to what is stored. A server that cuts values off would send it to somebody else.
        if user.as_ref().is_some_and(|user| user.email() != self.address.as_str()) {
            return Err(Failure::Config(format!(
                "`{}` of `{}` does not keep an address as it was written; make it a text column of at least 254 characters \
                 and the server's SQL mode strict",
                U::SCHEMA.email,
                U::SCHEMA.table
            ))
            .into());
        }
        if U::POLICY.confirm_email.is_some() {
            unit.enqueue(MailKind::ConfirmEmail, &self.identifier).await?;
        }
        // Counted like the mail that a taken address gets: whoever registers once more finds the count as for any other.
        let taken = MailKind::AddressTaken;
        let _ = unit.reserve(&Bucket::mail(taken.name(), &self.identifier), taken.limit::<U>()).await?;
        let entry = Entry::success(Event::Register, Actor::Visitor).of(&user_id);
        unit.record(entry, Ok(Registered { user })).await
    }

    /// The same answer as for a free address; the owner is told by mail.
    ///
    /// Where nobody has confirmed the address yet, nobody knows whose password stands there: somebody may have registered with
    /// another person's address, and that person now registers too and would confirm the stranger's password. So it ceases to
    /// be one, and the mailbox decides: its owner chooses a password by the link to reset it.
    ///
    /// Once: from then on nobody's password stands there, and every further time would void the links that its owner was mailed.
    ///
    /// The statements are the same for every taken address, so that the time tells nobody whether it was confirmed, or whether
    /// somebody was here before. Where there is nothing to contest they are about `nobody`: the rows of an account that is confirmed
    /// are not locked by whoever registers with its address, and its owner never waits for them.
    async fn taken(
        &self,
        unit: &mut Unit<'_, U>,
        owner: Option<&U::Id>,
        nobody: &U::Id,
    ) -> Result<Reason, Error> {
        const CHANGE: Change = Change::PasswordReset;
        unit.mail_if_allowed(MailKind::AddressTaken, &self.identifier).await?;
        if U::POLICY.confirm_email.is_none() || U::POLICY.reset_password.is_none() {
            return Ok(Reason::AddressTaken);
        }
        let standing = unit.standing(owner.unwrap_or(nobody)).await?;
        let unconfirmed = standing.filter(|standing| !standing.confirmed);
        let nobody_knows = unit.core.hasher.unknowable()?;
        let contested = unconfirmed.as_ref().map_or(nobody, |standing| &standing.user_id);
        let is_first = unit.execute(Contest, &[contested]).await?.rows == 1;
        match &unconfirmed {
            Some(standing) if is_first => {
                if !unit.replace_password(CHANGE, contested, standing.epoch, &nobody_knows).await? {
                    return Err(DatabaseError::lost_race().into());
                }
            }
            _ => unit.replace_nothing(CHANGE, nobody, &nobody_knows).await?,
        }
        Ok(if unconfirmed.is_some() { Reason::AddressContested } else { Reason::AddressTaken })
    }

    async fn insert_user(&self, unit: &mut Unit<'_, U>, email: &str) -> Result<U::Id, Error> {
        let generated = U::Id::generate();
        let mut values = Values::default();
        if let Some(id) = &generated {
            values.push(id);
        }
        values.push(&email);
        values.push(&self.hash);
        U::write(&self.new, &mut values);
        if let Some(id) = &generated {
            unit.execute(InsertUserWithId, &values.0).await?;
            return Ok(id.clone());
        }
        let made = if self.dialect == Dialect::Postgres {
            match unit.fetch_optional(InsertUser, &values.0).await? {
                Some(row) => Some(Reader::<U>::new(&row).next::<U::Id>()?),
                None => None,
            }
        } else {
            unit.execute(InsertUser, &values.0).await?.inserted.and_then(U::Id::from_database)
        };
        made.ok_or_else(|| {
            Failure::Config(format!(
                "the database made no key for a new row of `{table}`: `{id}` must count up by itself",
                table = U::SCHEMA.table,
                id = U::SCHEMA.id
            ))
            .into()
        })
    }
}
