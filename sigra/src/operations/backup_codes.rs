//! Backup codes: making a set, and counting what is left of it.

use std::fmt;

use zeroize::Zeroizing;

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::core::{Operation, Reader, Sigra};
use crate::email::Identifier;
use crate::error::{DatabaseError, Error, Refusal};
use crate::factors::backup::BackupCode;
use crate::feature;
use crate::invalidation::Change;
use crate::session::Session;
use crate::store::Rendered;
use crate::store::statements::{BackupCodesLeft, InsertBackupCode};
use crate::telemetry::{Named, watched};
use crate::unit::{Recorded, Step, Unit};

use super::MailKind;
use super::standing::Holder;
use super::sudo::Sudo;

/// A new set of backup codes, to be shown once: they cannot be read again. `Debug` shows nothing of them.
#[must_use = "their owner has to see them"]
pub struct BackupCodes(Vec<Zeroizing<String>>);

impl BackupCodes {
    /// The codes, in groups of four letters.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|code| code.as_str())
    }
}

impl fmt::Debug for BackupCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupCodes(..)")
    }
}

impl<U> Sigra<U> {
    /// Makes a set of backup codes and voids the one before. Each code has 120 random bits, stands in for an authenticator
    /// once, and is stored as a keyed hash.
    ///
    /// The owner gets a mail with a link that voids them. Writes one audit row `account.backup_codes.create`: success, or
    /// refused with the reason.
    ///
    /// # Errors
    /// [`Refusal::NoFactor`] where the account has no second factor, [`Refusal::TooManyAttempts`] after twenty changes of second
    /// factors and codes within an hour, [`Refusal::SudoRequired`], [`Refusal::SessionEnded`], [`Refusal::Busy`], and
    /// [`Failure`](crate::Failure).
    pub fn create_backup_codes<'a>(
        &'a self,
        sudo: &'a Sudo<U>,
        client: &'a Client,
    ) -> Operation<'a, BackupCodes>
    where
        U: feature::BackupCodes,
    {
        watched::<U>(Named::CreateBackupCodes).by(client).within(sudo).run(async move {
            let create = Create::<U> { holder: Holder::of(sudo), client: client.clone() };
            Ok(self.perform(create).await??)
        })
    }

    /// How many backup codes the user has left. Writes no audit row.
    ///
    /// # Errors
    /// [`Failure`](crate::Failure).
    pub fn backup_codes_left<'a>(&'a self, session: &'a Session<U>) -> Operation<'a, u64>
    where
        U: feature::BackupCodes,
    {
        watched::<U>(Named::CountBackupCodes).within(session).run(async move {
            let statement = Rendered::<U, BackupCodesLeft>::STATEMENT;
            let row = self.core.pool.read().await?.fetch_optional(statement, &[session.user.id()]).await?;
            let left = row.map(|row| Reader::<U>::new(&row).next::<i64>()).transpose()?;
            Ok(left.and_then(|left| u64::try_from(left).ok()).unwrap_or_default())
        })
    }
}

impl<U: Account> Unit<'_, U> {
    /// The same, for a mail.
    pub(super) async fn backup_codes_left(&mut self, user_id: &U::Id) -> Result<u64, Error> {
        let row = self.fetch_optional(BackupCodesLeft, &[user_id]).await?;
        let left = row.map(|row| Reader::<U>::new(&row).next::<i64>()).transpose()?;
        Ok(left.and_then(|left| u64::try_from(left).ok()).unwrap_or_default())
    }
}

struct Create<U: Account> {
    holder: Holder<U>,
    client: Client,
}

impl<U: feature::BackupCodes> Step<U> for Create<U> {
    type Output = Result<BackupCodes, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let Holder { session, user_id, .. } = &self.holder;
        let event = Event::CreateBackupCodes;
        let refused = |reason| self.holder.refused(event, reason);
        let held = match unit.may_change(&self.holder).await? {
            Ok(held) => held,
            Err((reason, refusal)) => return unit.record(refused(reason), Err(refusal)).await,
        };
        if held.factors == 0 {
            return unit.record(refused(Reason::NoFactor), Err(Refusal::NoFactor)).await;
        }
        let changed = unit.invalidate(Change::CodesReplaced, user_id, held.epoch, Some(*session)).await?;
        changed.ok_or_else(DatabaseError::lost_race)?;
        let mut codes = Vec::new();
        for _ in 0..U::POLICY.backup_codes.unwrap_or_default() {
            let code = BackupCode::generate()?;
            let (id, hash, now) = (uuid::Uuid::now_v7(), code.hash(&unit.keys, user_id)?, unit.stamp());
            let key_id = unit.keys.current().to_owned();
            unit.execute(InsertBackupCode, &[&id, user_id, &hash, &key_id, &now]).await?;
            codes.push(code.shown());
        }
        if let Some(standing) = unit.standing(user_id).await? {
            let identifier = Identifier::from_stored(standing.identifier);
            unit.enqueue(MailKind::BackupCodesReplaced, &identifier).await?;
        }
        let entry = Entry::success(event, Actor::Account).of(user_id).in_session(*session);
        unit.record(entry, Ok(BackupCodes(codes))).await
    }
}
