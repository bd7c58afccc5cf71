//! The way back in for the owner of an account that strangers have locked.

use std::time::Duration;

use crate::account::Account;
use crate::assurance::Factor;
use crate::audit::{Actor, Entry, Event};
use crate::client::Client;
use crate::core::{Operation, Sigra};
use crate::email::{Address, Identifier};
use crate::error::{Error, Refusal};
use crate::feature;
use crate::limits::Bucket;
use crate::telemetry::{Named, watched};
use crate::token::{DeviceToken, ForUnlockAccount, Token};
use crate::unit::{Recorded, Step, Unit};

use super::MailKind;
use super::operator::ByOperator;
use super::outbox::Ask;

/// How long a link to unlock an account is good (NIST SP 800-63B-4 4.2.1.2: a day at most).
pub(super) const UNLOCK_WITHIN: Duration = Duration::from_hours(24);

/// A mailed link has proved who is there. It is no session: the user signs in with the password, and is let try it.
#[derive(Clone, Debug)]
#[must_use = "put its device token into a cookie, or strangers can lock the owner out again"]
#[non_exhaustive]
pub struct Recovered {
    device: Option<DeviceToken>,
}

impl Recovered {
    /// The secret by which this browser is known from now on, for a cookie of its own, so that strangers who go on trying do not
    /// lock its owner out again; `None` where neither `lockout` nor `totp` is on.
    #[must_use]
    pub fn device_token(&self) -> Option<&DeviceToken> {
        self.device.as_ref()
    }
}

impl<U> Sigra<U> {
    /// Unlocks an account by the token of a mailed link, and makes the browser that used it a known one. Call it for POST alone:
    /// mail scanners follow links by GET.
    ///
    /// Nobody is signed in, and the address is not confirmed by it: whoever registered with another person's address could lock
    /// the account to have that person confirm it. Until it is confirmed no browser becomes known. Writes one audit row
    /// `account.user.unlock`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::InvalidToken`] for one that is wrong, used, expired or voided, [`Refusal::TooManyAttempts`] by `throttle` for a
    /// further one of these, [`Refusal::Busy`], and [`Failure`](crate::Failure).
    pub fn unlock_by_link<'a>(&'a self, token: &'a str, client: &'a Client) -> Operation<'a, Recovered>
    where
        U: feature::Lockout,
    {
        watched::<U>(Named::Unlock).by(client).run(async move {
            let token = Token::parse(token, &self.core.keys.get());
            Ok(self.perform(UnlockByLink { token, client: client.clone() }).await??)
        })
    }

    /// Asks for a mail with a link to unlock an account. The answer and the work are the same whether or not there is such an
    /// account: the worker finds that out. At most five mails an hour go to one address. A mail goes out by itself when an
    /// account is locked, five times an hour at most; this is for those who have lost it.
    ///
    /// Writes one audit row `account.user.request_unlock`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::InvalidEmail`], [`Refusal::TooManyAttempts`] by `throttle`, [`Refusal::Busy`], and [`Failure`](crate::Failure).
    pub fn request_unlock<'a>(&'a self, email: &'a str, client: &'a Client) -> Operation<'a, ()>
    where
        U: feature::Lockout,
    {
        watched::<U>(Named::RequestUnlock).by(client).run(async move {
            let event = Event::RequestUnlock;
            let identifier = self.looked_at(event, client, Address::parse(email)).await?.identifier();
            let ask = Ask { kind: MailKind::UnlockAccount, event, identifier, client: client.clone() };
            Ok(self.perform(ask).await??)
        })
    }

    /// Unlocks an account: it may be tried again at once. `false`: there is no such account.
    ///
    /// `operator` names who does it, for the trail: take it from the operator's own session. Writes one audit row
    /// `account.user.unlock`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::Busy`] and [`Failure`](crate::Failure).
    pub fn unlock_account<'a>(
        &'a self,
        operator: &'a str,
        user_id: &'a U::Id,
        client: &'a Client,
    ) -> Operation<'a, bool>
    where
        U: feature::Lockout,
    {
        watched::<U>(Named::UnlockByOperator).by_operator(operator, client).about(user_id).run(async move {
            self.perform(UnlockByOperator(ByOperator::new(operator, user_id, client))).await
        })
    }
}

impl<U: Account> Unit<'_, U> {
    /// Its owner has proved to have the mailbox: the failures are over, and this device is known, unless something stands in the
    /// way of the account.
    pub(super) async fn recover(
        &mut self,
        user_id: &U::Id,
        identifier: &Identifier,
    ) -> Result<Recovered, Error> {
        self.open_again(identifier).await?;
        // The mailbox is no factor: where a second one is due it still is, and the browser is known as far as the password goes.
        let account = match self.standing(user_id).await? {
            Some(standing) => standing.check(Factor::Password, self.now).ok(),
            None => None,
        };
        let device = match account {
            Some(account) => self.recognise(account.user_id(), account.epoch(), false).await?,
            None => None,
        };
        Ok(Recovered { device })
    }

    /// It may be tried again, and its owner is told anew when that is used up.
    pub(super) async fn open_again(&mut self, identifier: &Identifier) -> Result<(), Error> {
        // Whoever knew the password may have used these up. Before the account's own row, as a sign-in takes them.
        self.clear(&Bucket::right_passwords(identifier)).await?;
        self.clear(&Bucket::account(identifier)).await?;
        self.clear(&Bucket::locked(identifier)).await
    }
}

struct UnlockByLink {
    token: Option<Token<ForUnlockAccount>>,
    client: Client,
}

impl<U: feature::Lockout> Step<U> for UnlockByLink {
    type Output = Result<Recovered, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let Some(consumed) = unit.redeem(self.token.as_ref()).await? else {
            return unit.refuse_link(Event::UnlockAccount).await;
        };
        let user_id = &consumed.user_id;
        let recovered = unit.recover(user_id, &Identifier::from_stored(consumed.identifier)).await?;
        unit.record(Entry::success(Event::UnlockAccount, Actor::Account).of(user_id), Ok(recovered)).await
    }
}

struct UnlockByOperator<U: Account>(ByOperator<U>);

impl<U: feature::Lockout> Step<U> for UnlockByOperator<U> {
    type Output = bool;

    fn client(&self) -> &Client {
        &self.0.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<bool>, Error> {
        let Some(standing) = unit.standing(&self.0.user_id).await? else {
            return unit.record(self.0.nothing_to_do(Event::UnlockAccount), false).await;
        };
        unit.open_again(&Identifier::from_stored(standing.identifier)).await?;
        unit.record(self.0.success(Event::UnlockAccount), true).await
    }
}
