//! Sign-in by password.

use std::time::Duration;

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::core::{Operation, Reader, Sigra};
use crate::email::Identifier;
use crate::error::{Error, Refusal};
use crate::feature;
use crate::limits::{Bucket, Limit};
use crate::outcome::Outcome;
use crate::password::{PasswordHash, Verified};
use crate::session::Credentials;
use crate::store::statements::{
    Credentials as CredentialsOf, DeleteSessionByToken, HoldEpoch, UpgradePassword,
};
use crate::token::SessionToken;
use crate::unit::{Bookkeeping, Recorded, Shielded, Step, Unit};

use super::standing::Obstacle;

#[cfg(test)]
mod speed;

impl<U> Sigra<U> {
    /// Signs in by address and password.
    ///
    /// The attempt is counted in the database before the password is looked at, then one hash is computed whether or not
    /// there is such an account, and only then is it looked at how the account stands: with a wrong password an unknown, a
    /// disabled, an unconfirmed and a plain account get one answer after the same work (ASVS 6.3.8). A right password
    /// clears the account's count, and its owner learns through a variant of the outcome what stands in the way.
    ///
    /// A stored hash that is imported, weaker than today's cost or without today's pepper is replaced in the transaction that
    /// opens the session, unless the password was changed meanwhile. It stays the same password, so the row of the sign-in is
    /// the only one.
    ///
    /// Writes one audit row `session.password.sign_in`: success, or refused with the reason.
    ///
    /// # Errors
    /// [`Refusal::InvalidCredentials`], [`Refusal::TooManyAttempts`] before any hash is computed, [`Refusal::Busy`] before
    /// a hash is computed and without counting the attempt, and [`Failure`](crate::Failure).
    pub fn sign_in<'a>(&'a self, credentials: Credentials, client: &'a Client) -> Operation<'a, U::SignIn>
    where
        U: feature::Passwords,
    {
        Box::pin(async move {
            let client = client.clone();
            self.shielded(|shielded| async move {
                shielded.sign_in(credentials, client).await.map(U::SignIn::from)
            })
            .await
        })
    }
}

/// What is known of whoever tries, after the attempt was counted.
pub(super) struct Candidate<U: Account> {
    pub(super) user_id: U::Id,
    pub(super) epoch: i64,
    pub(super) hash: Option<PasswordHash>,
}

impl<U: Account> Candidate<U> {
    pub(super) fn read(row: &crate::store::Row) -> Result<Self, Error> {
        let mut row = Reader::<U>::new(row);
        Ok(Self { user_id: row.next()?, epoch: row.next()?, hash: row.next()? })
    }
}

/// The buckets of one attempt. The network comes first in every step, so that two steps never wait for each other.
#[derive(Clone, Debug)]
pub(super) struct Buckets {
    network: Option<(Bucket, Limit)>,
    account: (Bucket, Option<Limit>),
}

impl Buckets {
    pub(super) fn of<U: Account>(identifier: &Identifier, client: &Client) -> Self {
        let throttle = U::POLICY.throttle.zip(client.network());
        Self {
            network: throttle.map(|(policy, network)| (Bucket::network(network), policy.into())),
            account: (Bucket::account(identifier), U::POLICY.lockout.map(Limit::from)),
        }
    }
}

impl<U: Account> Unit<'_, U> {
    /// Counts an attempt in every bucket.
    pub(super) async fn reserve_attempt(
        &mut self,
        buckets: &Buckets,
    ) -> Result<Result<(), (Reason, Duration)>, Error> {
        if let Some((bucket, limit)) = &buckets.network
            && let Err(reached) = self.reserve(bucket, *limit).await?
        {
            return Ok(Err((Reason::NetworkLimit, reached.retry_after)));
        }
        if let (bucket, Some(limit)) = &buckets.account
            && let Err(reached) = self.reserve(bucket, *limit).await?
        {
            return Ok(Err((Reason::AccountLimit, reached.retry_after)));
        }
        Ok(Ok(()))
    }

    /// Counts a registration or a request for mail, which cost work and mail whatever comes of them.
    pub(super) async fn count_request(&mut self, client: &Client) -> Result<Result<(), Refusal>, Error> {
        let Some((policy, network)) = U::POLICY.throttle.zip(client.network()) else { return Ok(Ok(())) };
        let reserved = self.reserve(&Bucket::requests(network), policy.into()).await?;
        Ok(reserved.map_err(|reached| Refusal::TooManyAttempts { retry_after: reached.retry_after }))
    }

    /// The password was right: the network gets its attempt back, and the account's row of failures is over.
    pub(super) async fn attempt_succeeded(&mut self, buckets: &Buckets) -> Result<(), Error> {
        if let Some((bucket, _)) = &buckets.network {
            self.refund(bucket).await?;
        }
        if buckets.account.1.is_some() {
            self.clear(&buckets.account.0).await?;
        }
        Ok(())
    }
}

impl<U: Account> Unit<'_, U> {
    /// Stores a better hash of the same password. `false`: it was changed meanwhile. Where the host itself wrote to the column
    /// its hash stays.
    async fn upgrade_password(&mut self, of: &Candidate<U>, hash: &PasswordHash) -> Result<bool, Error> {
        // Looking is not enough: a change that has not committed yet would be overwritten.
        if self.execute(HoldEpoch, &[&of.user_id, &of.epoch]).await?.rows != 1 {
            return Ok(false);
        }
        self.execute(UpgradePassword, &[hash, &of.user_id, &of.hash]).await?;
        Ok(true)
    }
}

impl<U: feature::Passwords> Shielded<U> {
    async fn sign_in(&self, credentials: Credentials, client: Client) -> Result<Outcome<U>, Error> {
        let identifier = Identifier::of_attempt(&credentials.email);
        let buckets = Buckets::of::<U>(&identifier, &client);
        let reserve = Reserve { identifier, buckets: buckets.clone(), client: client.clone() };
        let candidate = self.step(reserve).await??;
        let stored = candidate.as_ref().and_then(|candidate| candidate.hash.clone());
        // A place only now: whoever is at a limit must not keep others from the queue.
        let hasher = &self.0.core.hasher;
        let verified = match hasher.admit() {
            Ok(place) => hasher.verify(place, credentials.password, stored).await,
            Err(busy) => Err(busy.into()),
        };
        let verified = match verified {
            // Nothing was looked at, so nothing is counted.
            Err(error @ Error::Refused(Refusal::Busy { .. })) => {
                self.step(Return { buckets, client }).await?;
                return Err(error);
            }
            verified => verified?,
        };
        let replaces =
            credentials.replaces.as_deref().and_then(|text| SessionToken::parse(text, &self.0.core.keys));
        let decide = Decide {
            candidate,
            verified,
            buckets,
            remember: credentials.remember,
            replaces: replaces.map(|token| token.hash()),
            client,
        };
        Ok(self.step(decide).await??)
    }
}

/// Counts the attempt and reads what there is to verify against.
struct Reserve {
    identifier: Identifier,
    buckets: Buckets,
    client: Client,
}

impl<U: Account> Step<U> for Reserve {
    type Output = Result<Option<Candidate<U>>, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let reserved = unit.reserve_attempt(&self.buckets).await?;
        let candidate = match unit.fetch_optional(CredentialsOf, &[&self.identifier.as_str()]).await? {
            Some(row) => Some(Candidate::<U>::read(&row)?),
            None => None,
        };
        if let Err((reason, retry_after)) = reserved {
            let entry = Entry::refused(Event::SignIn, Actor::Visitor, reason)
                .maybe_of(candidate.map(|candidate| candidate.user_id));
            return unit.record(entry, Err(Refusal::TooManyAttempts { retry_after })).await;
        }
        Ok(unit.bookkeeping(Bookkeeping::AttemptReserved, Ok(candidate)))
    }
}

/// Gives the attempt back.
pub(super) struct Return {
    pub(super) buckets: Buckets,
    pub(super) client: Client,
}

impl<U: Account> Step<U> for Return {
    type Output = ();

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<()>, Error> {
        if let Some((bucket, _)) = &self.buckets.network {
            unit.refund(bucket).await?;
        }
        unit.refund(&self.buckets.account.0).await?;
        Ok(unit.bookkeeping(Bookkeeping::AttemptReturned, ()))
    }
}

/// Turns a verified password into a session, or says why not.
struct Decide<U: Account> {
    candidate: Option<Candidate<U>>,
    verified: Verified,
    buckets: Buckets,
    remember: bool,
    replaces: Option<Vec<u8>>,
    client: Client,
}

impl<U: feature::Passwords> Step<U> for Decide<U> {
    type Output = Result<Outcome<U>, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let refused = |reason| Entry::refused(Event::SignIn, Actor::Visitor, reason);
        let candidate = match (&self.candidate, self.verified.right) {
            (Some(candidate), true) => candidate,
            (Some(candidate), false) => {
                let entry = refused(Reason::WrongPassword).of(&candidate.user_id);
                return unit.record(entry, Err(Refusal::InvalidCredentials)).await;
            }
            (None, _) => {
                return unit.record(refused(Reason::UnknownAccount), Err(Refusal::InvalidCredentials)).await;
            }
        };
        let user_id = &candidate.user_id;
        // The password may have been changed while this one was being hashed: then it is not the right one any more.
        let standing = unit.standing(user_id).await?.filter(|standing| standing.epoch == candidate.epoch);
        let Some(standing) = standing else {
            let entry = refused(Reason::AccountChanged).of(user_id);
            return unit.record(entry, Err(Refusal::InvalidCredentials)).await;
        };
        let standing = standing.check();
        // Before the counters: a change of the password takes the account first, too.
        if standing.is_ok()
            && let Some(hash) = &self.verified.upgrade
            && !unit.upgrade_password(candidate, hash).await?
        {
            let entry = refused(Reason::AccountChanged).of(user_id);
            return unit.record(entry, Err(Refusal::InvalidCredentials)).await;
        }
        unit.attempt_succeeded(&self.buckets).await?;
        let account = match standing {
            Ok(account) => account,
            Err(obstacle) => {
                let entry = refused(obstacle.reason()).of(user_id);
                let outcome = match obstacle {
                    Obstacle::Disabled(payload) => Outcome::Disabled(payload),
                    Obstacle::Unconfirmed(payload) => Outcome::Unconfirmed(payload),
                };
                return unit.record(entry, Ok(outcome)).await;
            }
        };
        if let Some(hash) = &self.replaces {
            unit.execute(DeleteSessionByToken, &[hash]).await?;
        }
        let session = unit.open_session(&account, self.remember).await?;
        let entry = Entry::success(Event::SignIn, Actor::Account).of(user_id).in_session(session.session.id);
        unit.record(entry, Ok(Outcome::Complete(session))).await
    }
}
