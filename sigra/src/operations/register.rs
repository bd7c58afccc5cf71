//! Registration.

use std::fmt;

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::column::{Id as _, Values};
use crate::core::{Operation, Reader, Sigra};
use crate::email::{Address, Identifier};
use crate::error::{DatabaseErrorKind, Error, Failure, Refusal};
use crate::feature;
use crate::password::PasswordHash;
use crate::store::Dialect;
use crate::store::statements::{
    DeleteUser, IdentifierTaken, InsertAccount, InsertUser, InsertUserWithId, LoadUser,
};
use crate::unit::{Recorded, Step, Unit};

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
    pub fn new_user(&self) -> Option<&U> {
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
    /// A taken address gets the same answer after the same work, and its owner a mail. With `confirm_email` the new address
    /// gets a link and a code. Writes one audit row `account.user.register`: success, or refused with `address_taken`.
    ///
    /// # Errors
    /// [`Refusal::InvalidEmail`], [`Refusal::PasswordRejected`] with the reason, [`Refusal::Busy`], [`Refusal::Conflict`] for
    /// another unique column of the host's, and [`Failure`](crate::Failure). Nothing is stored then.
    pub fn register<'a>(&'a self, new: U::New, client: &'a Client) -> Operation<'a, Registered<U>>
    where
        U: feature::Passwords,
    {
        Box::pin(async move {
            let (email, password) = U::credentials(&new);
            let address = Address::parse(email)?;
            self.screen(password, address.as_str()).await?;
            let password = password.clone();
            let client = client.clone();
            self.shielded(|shielded| async move {
                let place = shielded.0.core.hasher.admit()?;
                let hash = shielded.0.core.hasher.hash(place, password).await?;
                let identifier = address.identifier();
                let dialect = shielded.0.dialect();
                let register = Register::<U> { new, address, identifier, hash, dialect, client };
                let registered = match shielded.try_step(&register).await {
                    // Where the host's own index keeps the address unique, it may decide between two registrations at once before
                    // Sigra's does. The second run finds the account of the first, and the loser learns nothing.
                    Err(Error::Refused(Refusal::Conflict)) => shielded.try_step(&register).await,
                    registered => registered,
                };
                Ok(registered??)
            })
            .await
        })
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
        if let Some(row) = unit.fetch_optional(IdentifierTaken, &[&self.identifier.as_str()]).await? {
            let owner: U::Id = Reader::<U>::new(&row).next()?;
            return self.taken(unit, Some(owner)).await;
        }
        let user_id = match self.insert_user(unit).await {
            Ok(id) => id,
            Err(Error::Failed(Failure::Database(error))) if error.kind == DatabaseErrorKind::Unique => {
                return Err(Refusal::Conflict.into());
            }
            Err(error) => return Err(error),
        };
        let now = unit.stamp();
        let inserted = unit.execute(InsertAccount, &[&user_id, &self.identifier.as_str(), &now]).await?;
        if inserted.rows == 0 {
            // Another registration of this address came first. The row made above goes with it.
            unit.execute(DeleteUser, &[&user_id]).await?;
            return self.taken(unit, None).await;
        }
        if U::POLICY.confirm_email.is_some() {
            unit.enqueue(MailKind::ConfirmEmail, &self.identifier).await?;
        }
        let row = unit.fetch_optional(LoadUser, &[&user_id]).await?;
        let user = row.map(|row| Reader::<U>::new(&row).user()).transpose()?;
        let entry = Entry::success(Event::Register, Actor::Visitor).of(&user_id);
        unit.record(entry, Ok(Registered { user })).await
    }
}

impl<U: Account> Register<U> {
    async fn insert_user(&self, unit: &mut Unit<'_, U>) -> Result<U::Id, Error> {
        let generated = U::Id::generate();
        let email = self.address.as_str();
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

    /// The same answer as for a free address; the owner is told by mail.
    async fn taken(
        &self,
        unit: &mut Unit<'_, U>,
        owner: Option<U::Id>,
    ) -> Result<Recorded<Result<Registered<U>, Refusal>>, Error> {
        if unit.may_mail(MailKind::AddressTaken, &self.identifier).await? {
            unit.enqueue(MailKind::AddressTaken, &self.identifier).await?;
        }
        let entry = Entry::refused(Event::Register, Actor::Visitor, Reason::AddressTaken).maybe_of(owner);
        unit.record(entry, Ok(Registered { user: None })).await
    }
}
