//! Carrying out the table of [`invalidation`](crate::invalidation): the one place where what was good before a change ends.

use crate::account::Account;
use crate::error::Error;
use crate::invalidation::{Cell, Change, Kind};
use crate::session::SessionId;
use crate::store::statements::{
    AdvanceEpoch, DeleteBackupCodes, DeleteEnrolments, DeleteOldDevices, DeleteOldSessions, DeleteOldTokens,
    MoveDevices, MoveOwnSession, MoveSingleFactorSessions, MoveTokens, MoveTwoFactorSessions, RevokeTrustOf,
};
use crate::token::{
    ForConfirmEmail, ForDisown, ForResetPassword, ForSecondFactor, ForUnlockAccount, TokenPurpose,
};
use crate::unit::Unit;

/// The tokens of the table.
const TOKENS: [(Kind, &str); 5] = [
    (Kind::PendingSignIns, ForSecondFactor::NAME),
    (Kind::ResetLinks, ForResetPassword::NAME),
    (Kind::ConfirmLinks, ForConfirmEmail::NAME),
    (Kind::UnlockLinks, ForUnlockAccount::NAME),
    (Kind::DisownLinks, ForDisown::NAME),
];

impl<U: Account> Unit<'_, U> {
    /// Ends what a change ends, and gives the account's new epoch; `None`: the account is in another epoch than the caller saw.
    ///
    /// Every change begins an epoch. What the table lets stay is moved into it, one kind at a time; all else is void from that
    /// moment, also what a request that began earlier is about to create, and what this version has no name for.
    pub(super) async fn invalidate(
        &mut self,
        change: Change,
        user_id: &U::Id,
        epoch: i64,
        own: Option<SessionId>,
    ) -> Result<Option<i64>, Error> {
        if self.execute(AdvanceEpoch, &[user_id, &epoch]).await?.rows != 1 {
            return Ok(None);
        }
        self.end(change, user_id, epoch, own).await.map(Some)
    }

    /// The statements of [`invalidate`](Self::invalidate) for an account that is none: they find no row, and lock none.
    pub(super) async fn invalidate_nothing(&mut self, change: Change, nobody: &U::Id) -> Result<(), Error> {
        let epoch = 0;
        self.execute(AdvanceEpoch, &[nobody, &epoch]).await?;
        self.end(change, nobody, epoch, None).await.map(drop)
    }

    /// Ends what the table says, in an account that has just left this epoch.
    async fn end(
        &mut self,
        change: Change,
        user_id: &U::Id,
        epoch: i64,
        own: Option<SessionId>,
    ) -> Result<i64, Error> {
        let next = epoch + 1;
        let stays = |kind| change.does_to(kind) == Cell::Stays;
        let own = own.map_or_else(uuid::Uuid::nil, |SessionId(id)| id);
        if stays(Kind::OwnSession) {
            self.execute(MoveOwnSession, &[&next, user_id, &epoch, &own]).await?;
        }
        if stays(Kind::TwoFactorSessions) {
            self.execute(MoveTwoFactorSessions, &[&next, user_id, &epoch, &own]).await?;
        }
        if stays(Kind::SingleFactorSessions) {
            self.execute(MoveSingleFactorSessions, &[&next, user_id, &epoch, &own]).await?;
        }
        if stays(Kind::KnownDevices) {
            self.execute(MoveDevices, &[&next, user_id, &epoch]).await?;
        }
        if !stays(Kind::TrustedBrowsers) {
            self.execute(RevokeTrustOf, &[user_id]).await?;
        }
        for (kind, purpose) in TOKENS {
            if stays(kind) {
                self.execute(MoveTokens, &[&next, user_id, &epoch, &purpose]).await?;
            }
        }
        self.execute(DeleteOldSessions, &[user_id, &next]).await?;
        self.execute(DeleteOldTokens, &[user_id, &next]).await?;
        self.execute(DeleteOldDevices, &[user_id, &next]).await?;
        if !stays(Kind::BackupCodes) {
            self.execute(DeleteBackupCodes, &[user_id]).await?;
        }
        if !stays(Kind::Enrolments) {
            self.execute(DeleteEnrolments, &[user_id]).await?;
        }
        Ok(next)
    }
}
