//! Trusted browsers: where the second factor was proved and its owner lets it be skipped for a while.

use time::OffsetDateTime;

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::core::{Operation, Reader, Sigra};
use crate::error::{Error, Refusal};
use crate::feature;
use crate::session::Session;
use crate::store::statements::{RevokeAllTrust, RevokeTrust, TrustDevice, TrustedDevice, TrustedDevices};
use crate::store::{Rendered, Stamp};
use crate::telemetry::{Named, watched};
use crate::token::DeviceToken;
use crate::unit::{Recorded, Step, Unit};

use super::standing::{Holder, PendingAccount};

/// Names a browser in lists. It is no secret and opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BrowserId(uuid::Uuid);

impl std::fmt::Display for BrowserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for BrowserId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A browser in which the second factor is skipped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TrustedBrowser {
    /// Its name, to revoke it by.
    pub id: BrowserId,
    /// Whether it is the one that asked for the list.
    pub current: bool,
    /// When the account was first signed in to there (UTC).
    pub created_at: OffsetDateTime,
    /// The last sign-in there (UTC).
    pub last_seen_at: OffsetDateTime,
    /// Until when the factor is skipped (UTC).
    pub trusted_until: OffsetDateTime,
    /// The network at the last sign-in, as the privacy setting keeps it.
    pub network: Option<String>,
    /// The browser at the last sign-in, as the privacy setting keeps it.
    pub user_agent: Option<String>,
}

/// The client's browser is trusted by an account. Only [`Unit::trusted_browser`] makes one.
pub(super) struct Trusted<U: Account>(U::Id);

impl<U: Account> Trusted<U> {
    pub(super) fn by(&self, user_id: &U::Id) -> bool {
        self.0 == *user_id
    }
}

impl<U> Sigra<U> {
    /// The browsers in which the user may skip the second factor, the last used first. Writes no audit row.
    ///
    /// # Errors
    /// [`Failure`](crate::Failure).
    pub fn trusted_browsers<'a>(
        &'a self,
        session: &'a Session<U>,
        client: &'a Client,
    ) -> Operation<'a, Vec<TrustedBrowser>>
    where
        U: feature::TrustedBrowser,
    {
        watched::<U>(Named::ListTrustedBrowsers).by(client).within(session).run(async move {
            let here = client.device_token().and_then(|text| DeviceToken::parse(text, &self.core.keys.get()));
            let here = here.map(|token| token.hash());
            let now = Stamp(self.core.now());
            let statement = Rendered::<U, TrustedDevices>::STATEMENT;
            let rows = self.core.pool.read().await?.fetch(statement, &[session.user.id(), &now]).await?;
            rows.iter()
                .map(|row| {
                    let mut row = Reader::<U>::new(row);
                    Ok(TrustedBrowser {
                        id: BrowserId(row.next()?),
                        current: Some(row.next::<Vec<u8>>()?) == here,
                        created_at: row.next::<Stamp>()?.0,
                        last_seen_at: row.next::<Stamp>()?.0,
                        trusted_until: row.next::<Stamp>()?.0,
                        network: row.next()?,
                        user_agent: row.next()?,
                    })
                })
                .collect()
        })
    }

    /// Has one browser ask for the second factor again. `false`: the user trusts no such browser. Its sessions go on: end them with
    /// [`revoke_session`](Self::revoke_session).
    ///
    /// Writes one audit row `account.trust.revoke`: success, or refused or failed with the reason, `nothing_to_do` for `false`.
    ///
    /// # Errors
    /// [`Refusal::SessionEnded`] where the asking session has ended, [`Refusal::Busy`], and [`Failure`](crate::Failure).
    pub fn revoke_trusted_browser<'a>(
        &'a self,
        session: &'a Session<U>,
        id: BrowserId,
        client: &'a Client,
    ) -> Operation<'a, bool>
    where
        U: feature::TrustedBrowser,
    {
        watched::<U>(Named::RevokeTrust).by(client).within(session).run(async move {
            let revoke = Revoke::<U> { holder: Holder::of(session), id: Some(id), client: client.clone() };
            Ok(self.perform(revoke).await?? > 0)
        })
    }

    /// Has every browser ask for the second factor again, and returns how many skipped it. Writes one audit row
    /// `account.trust.revoke`: success, or refused or failed with the reason, `nothing_to_do` where there was none.
    ///
    /// # Errors
    /// [`Refusal::SessionEnded`] where the asking session has ended, [`Refusal::Busy`], and [`Failure`](crate::Failure).
    pub fn revoke_trusted_browsers<'a>(
        &'a self,
        session: &'a Session<U>,
        client: &'a Client,
    ) -> Operation<'a, u64>
    where
        U: feature::TrustedBrowser,
    {
        watched::<U>(Named::RevokeAllTrust).by(client).within(session).run(async move {
            let revoke = Revoke::<U> { holder: Holder::of(session), id: None, client: client.clone() };
            Ok(self.perform(revoke).await??)
        })
    }
}

impl<U: Account> Unit<'_, U> {
    /// Whether the client's browser may skip the second factor of this account: it has the secret that was given to it in this
    /// very epoch of the account.
    pub(super) async fn trusted_browser(
        &mut self,
        account: &PendingAccount<U>,
    ) -> Result<Option<Trusted<U>>, Error> {
        if U::POLICY.trusted_browser.is_none() {
            return Ok(None);
        }
        let Some(token) = self.client_device() else { return Ok(None) };
        let (now, whose) = (self.stamp(), account.whose());
        let values: &[&dyn crate::column::Bind] = &[&token.hash(), whose.user_id, &whose.epoch, &now, &now];
        let row = self.fetch_optional(TrustedDevice, values).await?;
        Ok(row.map(|_| Trusted(whose.user_id.clone())))
    }

    /// From now on the browser with this secret skips the second factor, in which it was just proved.
    pub(super) async fn trust(&mut self, user_id: &U::Id, device: Option<&DeviceToken>) -> Result<(), Error> {
        let (Some(within), Some(device)) = (U::POLICY.trusted_browser, device) else { return Ok(()) };
        let Some(standing) = self.standing(user_id).await? else { return Ok(()) };
        let until = self.after(within);
        self.execute(TrustDevice, &[&until, &device.hash(), user_id, &standing.epoch]).await?;
        Ok(())
    }
}

/// Revokes the trust in one browser, or in all.
struct Revoke<U: Account> {
    holder: Holder<U>,
    id: Option<BrowserId>,
    client: Client,
}

impl<U: feature::TrustedBrowser> Step<U> for Revoke<U> {
    type Output = Result<u64, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let Holder { session, user_id, .. } = &self.holder;
        let refused = |reason| self.holder.refused(Event::RevokeTrust, reason);
        if !unit.is_live(&self.holder).await? {
            return unit.record(refused(Reason::SessionEnded), Err(Refusal::SessionEnded)).await;
        }
        let now = unit.stamp();
        let done = match self.id {
            Some(BrowserId(id)) => unit.execute(RevokeTrust, &[&id, user_id, &now]).await?,
            None => unit.execute(RevokeAllTrust, &[user_id, &now]).await?,
        };
        if done.rows == 0 {
            return unit.record(refused(Reason::NothingToDo), Ok(0)).await;
        }
        let entry = Entry::success(Event::RevokeTrust, Actor::Account).of(user_id).in_session(*session);
        unit.record(entry, Ok(done.rows)).await
    }
}
