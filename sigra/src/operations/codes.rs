//! One code of a second factor: it is counted, then compared, then used up.

use std::time::Duration;

use time::OffsetDateTime;

use crate::account::Account;
use crate::assurance::Factor;
use crate::audit::Reason;
use crate::core::Reader;
use crate::email::Identifier;
use crate::error::{Error, Refusal};
use crate::factors::backup::BackupCode;
use crate::factors::seal;
use crate::factors::typed::Typed;
use crate::limits::{Bucket, Limit};
use crate::store::statements::{
    CountFactorFailure, FactorFailures, FactorSeeds, ForgetFactorFailures, LowerFactorFailures, ResealFactor,
    UseBackupCode, UseStep,
};
use crate::unit::Unit;

use super::MailKind;
use super::standing::Whose;

/// Wrong codes in a row, over all factors, pending sign-ins and nodes. A guess succeeds once in 330,000: three of a million codes
/// are good at a time.
const WRONG_CODES: Limit = Limit::InARow { most: 5, wait: Duration::from_mins(15) };
/// Reached as soon as there is any of these.
const ONE_WRONG_CODE: Limit = Limit::InARow { most: 1, wait: Duration::from_mins(15) };
/// Wrong codes over all waits, after which none is looked at any more (NIST SP 800-63B-4 3.2.2 allows 100).
const MOST_FAILURES: i64 = 95;
/// Of these as many stay at most where a mailed link has set another password: its owner has one row of five codes.
const KEPT_FAILURES: i64 = 90;
/// How often such a link lets codes be tried again. Whoever has the mailbox alone could guess on and on otherwise.
const LET_AGAIN: Limit = Limit::InWindow { most: 1, within: Duration::from_hours(24) };

/// A second factor of an account was proved, and what proved it is used up. Only [`Unit::judge`] makes one.
pub(super) struct Proved<U: Account> {
    user_id: U::Id,
    factor: Factor,
    at: OffsetDateTime,
}

impl<U: Account> Proved<U> {
    /// What was proved, if it was this account's.
    pub(super) fn by(&self, user_id: &U::Id) -> Option<(Factor, OffsetDateTime)> {
        (self.user_id == *user_id).then_some((self.factor, self.at))
    }
}

/// Why a code proves nothing.
pub(super) struct Unproved {
    pub(super) reason: Reason,
    pub(super) refusal: Refusal,
}

impl Unproved {
    /// There is nothing left that a code could complete.
    pub(super) const OVER: Self = Self { reason: Reason::InvalidToken, refusal: Refusal::InvalidToken };
}

impl<U: Account> Unit<'_, U> {
    /// Judges a code of an account that is [held](Self::hold). One text is one attempt, at the one kind of factor that it may be.
    pub(super) async fn judge(
        &mut self,
        whose: &Whose<'_, U>,
        typed: &Typed,
    ) -> Result<Result<Proved<U>, Unproved>, Error> {
        let identifier = Identifier::from_stored(whose.identifier.to_owned());
        let device = self.factor_device(whose).await?;
        let bucket = match &device {
            Some(device) => device.factor_bucket(),
            None => Bucket::factors(&identifier),
        };
        if let Err(reached) = self.reserve(&bucket, WRONG_CODES).await? {
            let refusal = Refusal::TooManyAttempts { retry_after: reached.retry_after };
            let reason = if device.is_some() { Reason::DeviceLimit } else { Reason::FactorLimit };
            return Ok(Err(Unproved { reason, refusal }));
        }
        let is_shut = device.is_none() && self.factor_failures(whose.user_id).await? >= MOST_FAILURES;
        let factor = if is_shut { None } else { self.use_up(whose.user_id, typed).await? };
        if let Some(factor) = factor {
            self.execute(ForgetFactorFailures, &[whose.user_id]).await?;
            self.clear(&bucket).await?;
            if let Some(device) = &device {
                self.device_proved_code(device).await?;
            }
            if factor == Factor::BackupCode {
                self.enqueue(MailKind::BackupCodeUsed, &identifier).await?;
            }
            return Ok(Ok(Proved { user_id: whose.user_id.clone(), factor, at: self.now }));
        }
        self.execute(CountFactorFailure, &[whose.user_id]).await?;
        match &device {
            Some(device) => self.device_failed_code(device, WRONG_CODES.most()).await?,
            None if self.reached(&bucket, WRONG_CODES).await?.is_some() => {
                self.tell_of_guesses(&identifier).await?;
            }
            None => {}
        }
        let reason = if is_shut { Reason::FactorShut } else { Reason::WrongCode };
        Ok(Err(Unproved { reason, refusal: Refusal::InvalidCode }))
    }

    /// Finds what a code belongs to and uses it up, each by one conditional statement.
    async fn use_up(&mut self, user_id: &U::Id, typed: &Typed) -> Result<Option<Factor>, Error> {
        match typed {
            Typed::Totp(code) => Ok(self.use_step(user_id, code).await?.then_some(Factor::Totp)),
            Typed::Backup(code) if U::POLICY.backup_codes.is_some() => {
                Ok(self.use_backup_code(user_id, code).await?.then_some(Factor::BackupCode))
            }
            Typed::Backup(_) | Typed::Nothing => Ok(None),
        }
    }

    /// Every authenticator of the account is looked at, whichever has the code.
    async fn use_step(&mut self, user_id: &U::Id, code: &str) -> Result<bool, Error> {
        let now = self.now.unix_timestamp();
        let mut found = None;
        for row in self.fetch(FactorSeeds, &[user_id]).await? {
            let mut row = Reader::<U>::new(&row);
            let (id, sealed, last) = (row.next::<uuid::Uuid>()?, row.next::<Vec<u8>>()?, row.next::<i64>()?);
            let Some(opened) = seal::open(&sealed, &self.keys, &seal::bound_to(user_id, id)) else {
                // A wrong code all the same: it must be counted, or the others could be guessed at.
                self.notes.unreadable_seed(id);
                continue;
            };
            if let Some(step) = opened.seed.step_of(code, last, now)
                && found.is_none()
            {
                found = Some((id, step, opened, sealed));
            }
        }
        let Some((id, step, opened, stored)) = found else { return Ok(false) };
        let stamp = self.stamp();
        if self.execute(UseStep, &[&step, &stamp, &id, user_id, &step]).await?.rows != 1 {
            return Ok(false);
        }
        if !opened.is_current {
            let sealed = seal::seal(&opened.seed, &self.keys, &seal::bound_to(user_id, id))?;
            let key_id = self.keys.current().to_owned();
            self.execute(ResealFactor, &[&sealed, &key_id, &id, user_id, &stored]).await?;
        }
        Ok(true)
    }

    async fn use_backup_code(&mut self, user_id: &U::Id, code: &BackupCode) -> Result<bool, Error> {
        let now = self.stamp();
        for hash in code.hashes(&self.keys, user_id) {
            if self.execute(UseBackupCode, &[&now, &hash, user_id]).await?.rows == 1 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn factor_failures(&mut self, user_id: &U::Id) -> Result<i64, Error> {
        let row = self.fetch_optional(FactorFailures, &[user_id]).await?;
        Ok(row.map(|row| Reader::<U>::new(&row).next()).transpose()?.unwrap_or_default())
    }

    /// Somebody knows the password: its owner has to know that. One mail a wait.
    async fn tell_of_guesses(&mut self, identifier: &Identifier) -> Result<(), Error> {
        let kind = MailKind::SecondFactorGuessed;
        let once = Limit::InWindow { most: 1, within: Duration::from_mins(15) };
        if self.reserve(&Bucket::mail(kind.name(), identifier), once).await?.is_ok() {
            self.enqueue(kind, identifier).await?;
        }
        Ok(())
    }

    /// A mailed link has set another password, so whoever guessed with the old one is out. Its owner may try a code at once, but
    /// the mailbox is no second factor: once a day, and with what is left of a hundred.
    pub(super) async fn let_codes_be_tried_again(
        &mut self,
        user_id: &U::Id,
        identifier: &Identifier,
    ) -> Result<(), Error> {
        let bucket = Bucket::factors(identifier);
        // A right code in a known browser ends the row of failures, and not what was counted of browsers that are not known: now
        // that is all of them.
        if self.factor_failures(user_id).await? == 0 && self.reached(&bucket, ONE_WRONG_CODE).await?.is_none()
        {
            return Ok(());
        }
        if self.reserve(&Bucket::factors_let_again(identifier), LET_AGAIN).await?.is_ok() {
            self.clear(&bucket).await?;
            self.execute(LowerFactorFailures, &[&KEPT_FAILURES, user_id, &KEPT_FAILURES]).await?;
        }
        Ok(())
    }

    /// Its owner has proved both factors in a session: no row of failures goes on.
    pub(super) async fn forget_wrong_codes(&mut self, user_id: &U::Id) -> Result<(), Error> {
        self.execute(ForgetFactorFailures, &[user_id]).await?;
        Ok(())
    }
}
