//! "This was not me": a mailed link undoes a change that the owner did not make, and ends what came of it.

use crate::account::Account;
use crate::audit::{Actor, Entry, Event};
use crate::client::Client;
use crate::core::{Operation, Reader, Sigra};
use crate::email::Identifier;
use crate::error::{DatabaseError, Error, Refusal};
use crate::feature;
use crate::invalidation::Change;
use crate::store::Stamp;
use crate::store::statements::{
    CancelRecovery, ConfirmedAt, DeleteFactor, NewestBeside, OldestRemoved, RemoveFactor, RequireChange,
    RestoreFactor,
};
use crate::telemetry::{Named, watched};
use crate::token::{ForDisown, Token};
use crate::unit::{Recorded, Step, Unit};

use super::MailKind;
use super::enrol::{MOST_FACTORS, RESTORE_WITHIN};
use super::outbox::DISOWN_WITHIN;
use super::tokens::Consumed;

/// A change was undone. It is no session: the user signs in.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Disowned;

impl<U> Sigra<U> {
    /// Undoes a change of second factors by the token of the link that was mailed with it: removes what was added, restores what
    /// was removed, voids codes that were made, stops a recovery. Call it for POST alone: mail scanners follow links by GET.
    ///
    /// Where what was added is the last factor, of those that were removed in the week before it, or since, the one that was proved
    /// first comes back too: the mailbox alone takes no second factor off an account that had another. Where a factor that is
    /// restored would be the sixth, the one of the others that was proved last goes.
    ///
    /// Ends every session, the backup codes, and what else the table in [`invalidation`](crate::invalidation) says; whoever made
    /// the change knew the password, so with `must_change_password` it has to be replaced, by a link that goes to the owner at once.
    /// A link works once, for a week from the change, or for a day where its mail leaves later than six days after it; that of a
    /// recovery as long as it may be finished. It works while the account is disabled too, which stays so.
    ///
    /// Writes one audit row `account.change.disown`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::InvalidToken`] for one that is wrong, used, expired or voided, [`Refusal::TooManyAttempts`] by `throttle` for a
    /// further one of these, [`Refusal::Busy`], and [`Failure`](crate::Failure).
    pub fn disown<'a>(&'a self, token: &'a str, client: &'a Client) -> Operation<'a, Disowned>
    where
        U: feature::Totp,
    {
        watched::<U>(Named::Disown).by(client).run(async move {
            let token = Token::parse(token, &self.core.keys.get());
            Ok(self.perform(Disown { token, client: client.clone() }).await??)
        })
    }
}

impl<U: Account> Unit<'_, U> {
    /// Takes back what the mail was about. Backup codes have ended already, with whatever was undone: whoever made one change may
    /// have made those too.
    async fn undo(&mut self, consumed: &Consumed<U>) -> Result<(), Error> {
        let (user_id, now) = (&consumed.user_id, self.stamp());
        let undoes = consumed.extras.undoes.as_deref().unwrap_or_default();
        let about = consumed.extras.about.unwrap_or_default();
        if undoes == MailKind::FactorAdded.name() {
            let added = self.fetch_optional(ConfirmedAt, &[&about, user_id]).await?;
            let added = added.map(|row| Reader::<U>::new(&row).next::<Stamp>()).transpose()?;
            self.execute(DeleteFactor, &[&about, user_id]).await?;
            // Whoever added one and removed the others must not be undone to none. Nor must an owner with a new phone be, by
            // somebody who has the mailbox alone. One is enough for that. More might bring back what the stranger added and
            // removed before; what its owner misses besides has a link of its own. What went long before the one that is taken off
            // now went without it, and may be a stranger's that no link takes off any more.
            if let Some(Stamp(added)) = added
                && self.factors_of(user_id).await? == 0
            {
                let oldest = self
                    .fetch_optional(OldestRemoved, &[user_id, &Stamp(added - DISOWN_WITHIN), &now])
                    .await?;
                if let Some(id) = oldest.map(|row| Reader::<U>::new(&row).next::<uuid::Uuid>()).transpose()? {
                    self.execute(RestoreFactor, &[&id, user_id, &now]).await?;
                }
            }
        } else if undoes == MailKind::FactorRemoved.name() {
            let restored = self.execute(RestoreFactor, &[&about, user_id, &now]).await?.rows == 1;
            if restored && self.factors_of(user_id).await? > i64::from(MOST_FACTORS) {
                self.remove_newest_beside(user_id, about).await?;
            }
        } else if undoes == MailKind::RecoveryBegun.name() {
            self.execute(CancelRecovery, &[user_id]).await?;
        }
        Ok(())
    }

    async fn factors_of(&mut self, user_id: &U::Id) -> Result<i64, Error> {
        Ok(self.standing(user_id).await?.map_or(0, |standing| standing.factors))
    }

    /// Makes room for the factor that was restored: whoever removed it may have filled its place, and must not keep it out so.
    async fn remove_newest_beside(&mut self, user_id: &U::Id, restored: uuid::Uuid) -> Result<(), Error> {
        if let Some(row) = self.fetch_optional(NewestBeside, &[user_id, &restored]).await? {
            let newest = Reader::<U>::new(&row).next::<uuid::Uuid>()?;
            let (now, until) = (self.stamp(), self.after(RESTORE_WITHIN));
            self.execute(RemoveFactor, &[&now, &until, &newest, user_id]).await?;
        }
        Ok(())
    }
}

struct Disown {
    token: Option<Token<ForDisown>>,
    client: Client,
}

impl<U: feature::Totp> Step<U> for Disown {
    type Output = Result<Disowned, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let Some(consumed) = unit.redeem(self.token.as_ref()).await? else {
            return unit.refuse_link(Event::Disown).await;
        };
        let user_id = &consumed.user_id;
        let ended = unit.invalidate(Change::Disowned, user_id, consumed.epoch, None).await?;
        // Another change of the account came between: run the step again, on what it left.
        ended.ok_or_else(DatabaseError::lost_race)?;
        unit.undo(&consumed).await?;
        if U::POLICY.must_change_password {
            let now = unit.stamp();
            unit.execute(RequireChange, &[&now, user_id]).await?;
            let identifier = Identifier::from_stored(consumed.identifier.clone());
            unit.enqueue(MailKind::MustChangePassword, &identifier).await?;
        }
        unit.record(Entry::success(Event::Disown, Actor::Account).of(user_id), Ok(Disowned)).await
    }
}
