//! Floods of refusals and of failures: strangers cannot fill the trail. The first of a kind have rows of their own; the rest are
//! counted, and the count becomes one row when its time is over.
//!
//! Refusals are of one kind where a visitor is told the same. If each reason was counted apart, a stranger could fill the count
//! of one, and see by the work of the next attempt which reason it had: whether there is such an account.

use std::marker::PhantomData;
use std::time::Duration;

use time::format_description::well_known::Rfc3339;

use crate::account::Account;
use crate::audit::{Actor, AnyReason, AuditOutcome, Entry, Reason, Row, table};
use crate::client::Client;
use crate::column::Bind;
use crate::core::{Reader, Sigra};
use crate::error::{Error, Failure, Refusal};
use crate::limits::{Bucket, Limit};
use crate::store::Stamp;
use crate::store::statements::{CountRefusal, EndedCounts, StaleCount, StartCount, TakeCount};
use crate::unit::{Bookkeeping, Recorded, Step, Unit};

/// Refusals of one event that are told alike, from the networks of one slot, that have rows of their own within an hour. There
/// are 32 slots, so one kind of refusal makes at most 3,232 rows an hour, from however many networks.
const OWN_ROWS: Limit = Limit::InWindow { most: 100, within: Duration::from_hours(1) };
/// How often a count that comes and goes is looked at before the operation is given up.
const MAX_LOOKS: u32 = 16;
/// Counts that become rows in one transaction.
const BATCH: u16 = 100;

/// What a visitor is told where the reason is this one: the code of the refusal, or the reason itself where an outcome names it.
fn told(reason: AnyReason) -> &'static str {
    let AnyReason::Sigra(reason) = reason else { return reason.name() };
    match reason {
        Reason::UnknownAccount
        | Reason::WrongPassword
        | Reason::UnreadableHash
        | Reason::PasswordShut
        | Reason::Unconfirmed
        | Reason::AccountChanged => Refusal::InvalidCredentials.code(),
        Reason::AccountLimit
        | Reason::NetworkLimit
        | Reason::DeviceLimit
        | Reason::RightPasswordLimit
        | Reason::OverallLimit
        | Reason::FactorLimit
        | Reason::ChangeLimit => Refusal::TooManyAttempts { retry_after: Duration::ZERO }.code(),
        Reason::WrongCode | Reason::FactorShut => Refusal::InvalidCode.code(),
        Reason::AddressTaken | Reason::AddressContested => Reason::AddressTaken.name(),
        Reason::MailLimit
        | Reason::Disabled
        | Reason::MustChangePassword
        | Reason::PasswordUnchanged
        | Reason::SecondFactorDue
        | Reason::SudoRequired
        | Reason::TooManyFactors
        | Reason::NoFactor
        | Reason::TooEarly
        | Reason::AddressChanged
        | Reason::InvalidValue
        | Reason::InvalidEmail
        | Reason::PasswordRejected
        | Reason::BreachedPasswords
        | Reason::Keys
        | Reason::InvalidToken
        | Reason::SessionEnded
        | Reason::NothingToDo
        | Reason::DeliveryFailed
        | Reason::InternalError => reason.name(),
    }
}

/// How it ended, whose count is kept by what was told. Two reasons are nobody's fault who asked.
fn outcome(told: &str) -> AuditOutcome {
    if [Reason::BreachedPasswords, Reason::InternalError].iter().any(|reason| reason.name() == told) {
        AuditOutcome::Failed
    } else {
        AuditOutcome::Refused
    }
}

impl<U: Account> Unit<'_, U> {
    /// Counts a refusal, or what could not be done for a visitor, instead of giving it a row, if there have been many like it.
    /// Otherwise `false`.
    ///
    /// Only visitors are counted: what somebody with a session, an operator or Sigra itself does has its row each time. What is
    /// refused to somebody with a session and could be asked for without end is a visitor's too: `Holder::refused` says what.
    pub(crate) async fn counted(&mut self, entry: &Entry) -> Result<bool, Error> {
        let (AuditOutcome::Refused | AuditOutcome::Failed, Actor::Visitor, Some(reason)) =
            (entry.outcome, &entry.actor, entry.reason)
        else {
            return Ok(false);
        };
        let (event, told) = (entry.event.name(), told(reason));
        let bucket = Bucket::refusals(event, told, self.network());
        let counted = self.count_refusal(&bucket, event, told, i64::from(entry.user_id.is_some())).await;
        // The count stands for the row, so it fails like one.
        counted.map_err(|error| match error {
            Error::Failed(Failure::Database(source)) => {
                Failure::Audit { table: format!("{}_counts", table::<U>()), source }.into()
            }
            error => error,
        })
    }

    /// `known` is 1 where it is about an account that there is. The statements are the same for either.
    async fn count_refusal(
        &mut self,
        bucket: &Bucket,
        event: &str,
        told: &str,
        known: i64,
    ) -> Result<bool, Error> {
        let now = self.stamp();
        let network = self.facts().network.clone();
        for _ in 0..MAX_LOOKS {
            let values: &[&dyn Bind] = &[&known, &now, &network, &bucket.key(), &now];
            if self.execute(CountRefusal, values).await?.rows == 1 {
                return Ok(true);
            }
            let Err(reached) = self.reserve(bucket, OWN_ROWS).await? else { return Ok(false) };
            // A count of an earlier hour that nobody has written yet stands in the way.
            if let Some(row) = self.fetch_optional(StaleCount, &[&bucket.key(), &now]).await? {
                self.write_count(&Count::read::<U>(&row)?).await?;
            }
            let ends = self.after(reached.retry_after);
            let values: &[&dyn Bind] = &[&bucket.key(), &event, &told, &network, &known, &now, &now, &ends];
            if self.execute(StartCount, values).await?.rows == 1 {
                return Ok(true);
            }
        }
        Err(crate::error::DatabaseError::lost_race().into())
    }

    /// Turns a count into its row, unless another transaction does.
    async fn write_count(&mut self, count: &Count) -> Result<bool, Error> {
        if self.execute(TakeCount, &[&count.bucket, &count.ends_at, &count.refusals]).await?.rows != 1 {
            return Ok(false);
        }
        let row = self.signed(count.row(self.now)?)?;
        self.insert_row(row).await?;
        self.notes.counted(&count.event, &count.reason, count.refusals);
        Ok(true)
    }
}

/// A row of the table of counts.
struct Count {
    bucket: Vec<u8>,
    event: String,
    /// As it was told.
    reason: String,
    network: Option<String>,
    refusals: i64,
    /// How many of them were about an account that there is.
    known: i64,
    first_at: Stamp,
    last_at: Stamp,
    ends_at: Stamp,
}

impl Count {
    fn read<U: Account>(row: &crate::store::Row) -> Result<Self, Error> {
        let mut row = Reader::<U>::new(row);
        Ok(Self {
            bucket: row.next()?,
            event: row.next()?,
            reason: row.next()?,
            network: row.next()?,
            refusals: row.next()?,
            known: row.next()?,
            first_at: row.next()?,
            last_at: row.next()?,
            ends_at: row.next()?,
        })
    }

    /// The row that stands for so many. Its details say from when to when, and how many were about accounts that there are; its
    /// network is there if it was one.
    fn row(&self, now: time::OffsetDateTime) -> Result<Row, Failure> {
        let text = |at: Stamp| at.0.format(&Rfc3339).map_err(|error| Failure::Interrupted(error.to_string()));
        let (first, known, last) = (text(self.first_at)?, self.known, text(self.last_at)?);
        let details = format!(r#"{{"first":"{first}","known":{known},"last":"{last}"}}"#);
        Ok(Row {
            network: self.network.clone(),
            details: Some(details),
            ..Row::counted(&self.event, outcome(&self.reason), &self.reason, self.refusals, now)
        })
    }
}

impl<U> Sigra<U> {
    /// Turns the counts whose time is over into rows.
    pub(crate) async fn write_counts(&self) -> Result<(), Error>
    where
        U: Account,
    {
        if !U::POLICY.audit.enabled {
            return Ok(());
        }
        while self.upkeep(WriteCounts::<U>(Client::unknown(), PhantomData)).await? == usize::from(BATCH) {}
        Ok(())
    }
}

struct WriteCounts<U>(Client, PhantomData<fn() -> U>);

impl<U: Account> Step<U> for WriteCounts<U> {
    type Output = usize;

    fn client(&self) -> &Client {
        &self.0
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<usize>, Error> {
        let now = unit.stamp();
        let mut written = 0;
        for row in unit.fetch(EndedCounts, &[&now, &i64::from(BATCH)]).await? {
            written += usize::from(unit.write_count(&Count::read::<U>(&row)?).await?);
        }
        Ok(unit.bookkeeping(Bookkeeping::CountedRefusals, written))
    }
}
