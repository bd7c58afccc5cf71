//! Accounts for the rows of users that came with the host's table.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::column::ReadError;
use crate::core::{Operation, Reader, Sigra};
use crate::email::Address;
use crate::error::{DatabaseErrorKind, Error, Failure};
use crate::limits::Bucket;
use crate::store::statements::{
    CountWithoutAccount, InsertAccount, UsersWithoutAccount, UsersWithoutAccountAfter,
};
use crate::store::{Rendered, Row};
use crate::telemetry::{self, Named, watched};
use crate::unit::{Bookkeeping, Recorded, Shielded, Step, Unit};

/// What the host knows of the address of a user whom [`Sigra::adopt_accounts`] gives an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdoptAs {
    /// Somebody has proved to receive mail there. With `confirm_email` the user signs in at once.
    Confirmed,
    /// Nobody has, or nobody knows. With `confirm_email` the user signs in after a link or code that
    /// [`Sigra::resend_confirmation`] mails; and as with any account that nobody has confirmed, whoever registers with the
    /// address once more voids its password, and the mailbox decides.
    Unconfirmed,
}

/// What [`Sigra::adopt_accounts`] did.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "it says which users cannot sign in"]
pub struct Adoption<Id> {
    /// Accounts that this call made. What ran beside it made is not among them.
    pub adopted: u64,
    /// Rows that still have no account.
    pub not_adopted: u64,
    /// The first 1,000 of those, each with its reason: however many there are, the report stays small.
    pub rows: Vec<NotAdopted<Id>>,
}

impl<Id> Default for Adoption<Id> {
    fn default() -> Self {
        Self { adopted: 0, not_adopted: 0, rows: Vec::new() }
    }
}

/// A row of the host's that has no account, and why.
#[derive(Debug)]
#[non_exhaustive]
pub struct NotAdopted<Id> {
    /// The primary key of the row.
    pub user_id: Id,
    /// What to mend.
    pub why: WhyNotAdopted<Id>,
}

/// Why a row gets no account. The texts have no address in them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WhyNotAdopted<Id> {
    /// Its address is not one that could be registered: not one plain e-mail address.
    #[error("its address is not one plain e-mail address")]
    InvalidAddress,
    /// Its address has blanks around it, or letters in another form than NFC, and mail goes to what is stored.
    #[error(
        "its address has blanks around it, or is not in Unicode's form NFC: store it as it should be written"
    )]
    NotAsWritten,
    /// Another account has this address, in whichever spelling. Somebody has to decide which of the two rows is the user's.
    #[error("its address is that of the account {by}, in whichever spelling")]
    AddressTaken {
        /// The user who has it.
        by: Id,
    },
    /// A column does not fit its field, such as a `NULL` where the field is no `Option`.
    #[error("the row does not fit the user type: {0}")]
    Unreadable(ReadError),
}

/// Rows that one transaction reads.
const BATCH: u16 = 100;
/// Rows that a report names.
const NAMED: usize = 1_000;

impl<U> Sigra<U> {
    /// Gives each row of the host's table that has no account one: until then nobody signs in to it, whatever its column of
    /// the password holds. Registration does the same for the rows that it makes; this is for rows that an import or other
    /// code wrote.
    ///
    /// ```no_run
    /// # use sigra::{AdoptAs, Client, Sigra};
    /// # trait Verified { fn verified(&self) -> bool; }
    /// # async fn example<User: sigra::Account + Verified>(auth: &Sigra<User>) -> Result<(), sigra::Error> {
    /// // What the old application knew, in a column of the host's; or `|_| AdoptAs::Unconfirmed`.
    /// let known = |user: &User| if user.verified() { AdoptAs::Confirmed } else { AdoptAs::Unconfirmed };
    /// let adoption = auth.adopt_accounts("import", known, &Client::unknown()).await?;
    /// for row in &adoption.rows {
    ///     eprintln!("{} has no account: {}", row.user_id, row.why);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// `adopt_as` says for each user whether the address was ever proved; there is no default, since nobody but the host
    /// can know. Where the struct has a `confirmed_at` field, a time that stands there counts whatever it says, and
    /// `Confirmed` fills an empty one. It may be called more than once for a user, and must answer by the row alone.
    ///
    /// A row gets the account that a registration with its address would: found by every spelling, and with the same
    /// limits. Rows that could not be registered are left as they are and named in the report; the rest is adopted. Of two
    /// rows with one address, one that is confirmed comes first, then the one with the lower key; which of them is the
    /// user's is for somebody to decide who knows both.
    ///
    /// A registration with the address counts as well, so adopt before the application takes registrations. A unique index on the
    /// column turns them away only in the spellings that it takes for one: it has to ignore case (`lower(email)`, `citext`,
    /// `COLLATE NOCASE`), which a plain one of PostgreSQL or SQLite does not, and it still takes another spelling of a domain or
    /// of an accented letter (IDNA, NFC). Then the account is that of whoever registered, and the user's row is reported as
    /// [`AddressTaken`](WhyNotAdopted::AddressTaken).
    ///
    /// Works through the table in transactions of 100 rows, and holds no more of it in memory. Each makes whole accounts,
    /// with their rows in the trail, or nothing, so it may be cut off, fail, run beside itself in another process or be
    /// called at every start: the next call makes the accounts that are missing.
    ///
    /// `operator` names who does it, for the trail. Writes one audit row `account.user.adopt` for each account, with
    /// `confirmed` in its details; one in all where there was none to make.
    ///
    /// # Errors
    /// [`Refusal::Busy`](crate::Refusal::Busy) and [`Failure`](crate::Failure), also where the key of a row does not fit
    /// its field. What was adopted before stays.
    pub fn adopt_accounts<'a>(
        &'a self,
        operator: &'a str,
        adopt_as: impl Fn(&U) -> AdoptAs + Send + Sync + 'static,
        client: &'a Client,
    ) -> Operation<'a, Adoption<U::Id>>
    where
        U: Account,
    {
        watched::<U>(Named::AdoptAccounts).by_operator(operator, client).run(async move {
            let actor = Actor::operator(operator);
            let by = Adopter { actor, adopt_as: Arc::new(adopt_as), client: client.clone() };
            self.shielded(|shielded| async move { shielded.adopt_all(&by).await }).await
        })
    }

    /// Tells, once for each handle, of users whom nobody has given an account.
    pub(crate) async fn look_for_unadopted(&self) -> Result<(), Error>
    where
        U: Account,
    {
        let statement = Rendered::<U, CountWithoutAccount>::STATEMENT;
        let row = match self.core.pool.read().await?.fetch_optional(statement, &[]).await {
            // Before the first migration, Sigra's or the host's.
            Err(error) if error.kind == DatabaseErrorKind::MissingTable => return Ok(()),
            row => row?,
        };
        let rows = row.map(|row| Reader::<U>::new(&row).next::<i64>()).transpose()?.unwrap_or_default();
        if rows > 0 && !self.core.told_of_unadopted.swap(true, Ordering::Relaxed) {
            telemetry::not_adopted(U::SCHEMA.user_type, U::SCHEMA.table, rows);
        }
        Ok(())
    }
}

/// Who adopts, and what the host knows of the addresses.
struct Adopter<U> {
    actor: Actor,
    adopt_as: Arc<dyn Fn(&U) -> AdoptAs + Send + Sync>,
    client: Client,
}

impl<U> Clone for Adopter<U> {
    fn clone(&self) -> Self {
        Self { actor: self.actor.clone(), adopt_as: self.adopt_as.clone(), client: self.client.clone() }
    }
}

impl<U: Account> Shielded<U> {
    /// Confirmed addresses first: of two rows with one address the account is whose it was proved to be.
    async fn adopt_all(&self, by: &Adopter<U>) -> Result<Adoption<U::Id>, Error> {
        let mut adoption = Adoption::default();
        for turn in [AdoptAs::Confirmed, AdoptAs::Unconfirmed] {
            let (mut after, mut others) = (None, false);
            loop {
                let batch = self.step(AdoptBatch { by: by.clone(), turn, after }).await?;
                adoption.adopted += batch.adopted;
                adoption.not_adopted += batch.left.len() as u64;
                let room = NAMED.saturating_sub(adoption.rows.len());
                adoption.rows.extend(batch.left.into_iter().take(room));
                others |= batch.others;
                after = batch.last;
                if !batch.is_full {
                    break;
                }
            }
            if !others {
                break;
            }
        }
        if adoption.adopted == 0 {
            self.step(NothingToAdopt(by.clone())).await?;
        }
        Ok(adoption)
    }
}

/// The next rows without an account, as far as they are of this turn.
struct AdoptBatch<U: Account> {
    by: Adopter<U>,
    turn: AdoptAs,
    /// The key of the last row that was looked at.
    after: Option<U::Id>,
}

/// What became of a batch.
struct Batch<Id> {
    adopted: u64,
    left: Vec<NotAdopted<Id>>,
    /// Rows of the other turn were among them.
    others: bool,
    last: Option<Id>,
    is_full: bool,
}

/// Why a row has got no account now.
enum Passed<Id> {
    Left(WhyNotAdopted<Id>),
    /// It is for the other turn.
    Other,
    /// Whoever ran beside this one gave it an account, or removed it.
    Settled,
}

impl<U: Account> Step<U> for AdoptBatch<U> {
    type Output = Batch<U::Id>;

    fn client(&self) -> &Client {
        &self.by.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let rows = match &self.after {
            Some(after) => unit.fetch(UsersWithoutAccountAfter, &[after, &i64::from(BATCH)]).await?,
            None => unit.fetch(UsersWithoutAccount, &[&i64::from(BATCH)]).await?,
        };
        let is_full = rows.len() == usize::from(BATCH);
        let mut batch = Batch { adopted: 0, left: Vec::new(), others: false, last: None, is_full };
        let mut closing: Option<Entry> = None;
        for row in rows {
            let user_id = key::<U>(&row)?;
            match self.adopt(unit, &user_id, &row).await? {
                Ok(entry) => {
                    batch.adopted += 1;
                    if let Some(before) = closing.replace(entry) {
                        unit.record_beside(before).await?;
                    }
                }
                Err(Passed::Left(why)) => batch.left.push(NotAdopted { user_id: user_id.clone(), why }),
                Err(Passed::Other) => batch.others = true,
                Err(Passed::Settled) => {}
            }
            batch.last = Some(user_id);
        }
        match closing {
            Some(entry) => unit.record(entry, batch).await,
            None => Ok(unit.bookkeeping(Bookkeeping::NothingAdopted, batch)),
        }
    }
}

impl<U: Account> AdoptBatch<U> {
    /// Makes the account, and gives the row of the trail that stands for it.
    async fn adopt(
        &self,
        unit: &mut Unit<'_, U>,
        user_id: &U::Id,
        row: &Row,
    ) -> Result<Result<Entry, Passed<U::Id>>, Error> {
        let address = match self.address(row) {
            Ok(address) => address,
            Err(passed) => return Ok(Err(passed)),
        };
        let identifier = address.identifier();
        let (bucket, now) = (Bucket::account(&identifier), unit.stamp());
        let values: &[&dyn crate::column::Bind] = &[user_id, &identifier.as_str(), bucket.key(), &now];
        if unit.execute(InsertAccount, values).await?.rows == 0 {
            return Ok(Err(match unit.owner_of(&identifier).await? {
                Some(by) if by != *user_id => Passed::Left(WhyNotAdopted::AddressTaken { by }),
                _ => Passed::Settled,
            }));
        }
        let confirmed = self.turn == AdoptAs::Confirmed;
        if confirmed {
            unit.confirm(user_id).await?;
        }
        let entry = Entry::success(Event::AdoptAccount, self.by.actor.clone()).of(user_id);
        Ok(Ok(entry.with_details(format!(r#"{{"confirmed":{confirmed}}}"#))))
    }

    /// The address of a row that it is the turn of.
    fn address(&self, row: &Row) -> Result<Address, Passed<U::Id>> {
        let user = match U::read(&mut crate::column::Columns::new(row)) {
            Ok(user) => user,
            // The host cannot be asked whose turn it is.
            Err(error) if self.turn == AdoptAs::Confirmed => {
                return Err(Passed::Left(WhyNotAdopted::Unreadable(error)));
            }
            Err(_) => return Err(Passed::Settled),
        };
        if (self.by.adopt_as)(&user) != self.turn {
            return Err(Passed::Other);
        }
        let stored = user.email();
        let address = Address::parse(stored).map_err(|_| Passed::Left(WhyNotAdopted::InvalidAddress))?;
        // Mail goes to what is stored.
        if address.as_str() == stored { Ok(address) } else { Err(Passed::Left(WhyNotAdopted::NotAsWritten)) }
    }
}

/// The key stands behind the columns of the struct, so that an error names a column by its place in it.
fn key<U: Account>(row: &Row) -> Result<U::Id, Failure> {
    row.get(U::SCHEMA.columns.len()).map_err(|source| Failure::Read {
        table: U::SCHEMA.table,
        user_type: U::SCHEMA.user_type,
        source,
    })
}

/// An operator's operation has its row, also where there was nothing to do.
struct NothingToAdopt<U>(Adopter<U>);

impl<U: Account> Step<U> for NothingToAdopt<U> {
    type Output = ();

    fn client(&self) -> &Client {
        &self.0.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<()>, Error> {
        let entry = Entry::refused(Event::AdoptAccount, self.0.actor.clone(), Reason::NothingToDo);
        unit.record(entry, ()).await
    }
}
