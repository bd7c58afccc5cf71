//! One attempt at a password: what it is counted in before the password is looked at, and what becomes of the counts after.

use std::sync::atomic::Ordering;
use std::time::Duration;

use time::OffsetDateTime;

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::core::Reader;
use crate::email::Identifier;
use crate::error::{Error, Refusal};
use crate::limits::{Bucket, Limit};
use crate::store::statements::CredentialsByUser;
use crate::telemetry;
use crate::unit::{Bookkeeping, Recorded, Step, Unit};

use super::MailKind;
use super::devices::Device;
use super::standing::{Held, Holder};

/// Wrong passwords in a row over all waits, after which the password opens nothing any more until its owner is back (NIST SP
/// 800-63B-4 3.2.2).
const MOST_FAILURES: u32 = 100;

/// Right passwords of one account: each costs a hash, a row of the trail, and a session or a challenge. More than any owner needs,
/// and looked at once the password is known to be right, so that nobody who does not know it can use them up or see them.
const RIGHT_PASSWORDS: Limit = Limit::InWindow { most: 100, within: Duration::from_hours(1) };

/// An attempt that is counted. Whoever tries from a browser in which the account is known is counted there and nowhere else, so
/// that strangers cannot use up its owner's attempts.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    identifier: Identifier,
    /// In the order of the enum, in which every transaction takes them, so that two never wait for each other. Right passwords come
    /// before them all.
    counters: Vec<Counter>,
    /// When it was counted.
    at: OffsetDateTime,
}

/// What an attempt is counted in.
#[derive(Clone, Debug)]
enum Counter {
    Network(Bucket, Limit),
    Overall(Bucket, Limit),
    Account(Bucket, Limit),
    Device(Bucket, Limit, Device),
}

impl Counter {
    fn bucket(&self) -> &Bucket {
        let (Self::Overall(bucket, _)
        | Self::Network(bucket, _)
        | Self::Account(bucket, _)
        | Self::Device(bucket, ..)) = self;
        bucket
    }

    fn limit(&self) -> Limit {
        let (Self::Overall(_, limit)
        | Self::Network(_, limit)
        | Self::Account(_, limit)
        | Self::Device(_, limit, _)) = self;
        *limit
    }

    fn reason(&self) -> Reason {
        match self {
            Self::Overall(..) => Reason::OverallLimit,
            Self::Network(..) => Reason::NetworkLimit,
            Self::Account(..) => Reason::AccountLimit,
            Self::Device(..) => Reason::DeviceLimit,
        }
    }

    /// A right password ends the row of failures of its own account. Others' failures are none of its business: there it only
    /// takes its own attempt back.
    fn ends_with_success(&self) -> bool {
        match self {
            Self::Overall(..) | Self::Network(..) => false,
            Self::Account(..) | Self::Device(..) => true,
        }
    }
}

impl Attempt {
    fn new<U: Account>(
        identifier: Identifier,
        client: &Client,
        device: Option<Device>,
        at: OffsetDateTime,
    ) -> Self {
        let (lockout, throttle) = (U::POLICY.lockout, U::POLICY.throttle);
        let mut counters = Vec::new();
        if let (Some(device), Some(lockout)) = (device, lockout) {
            counters.push(Counter::Device(device.bucket(), lockout.into(), device));
        } else {
            if let Some((throttle, network)) = throttle.zip(client.network()) {
                counters.push(Counter::Network(Bucket::network(network), throttle.into()));
            }
            if let Some((throttle, most)) = throttle.and_then(|throttle| Some((throttle, throttle.overall?)))
            {
                let (bucket, most) =
                    Bucket::overall(client.network(), &identifier, most, throttle.per_network);
                let within = throttle.within;
                counters.push(Counter::Overall(bucket, Limit::InWindow { most, within }));
            }
            if let Some(lockout) = lockout {
                counters.push(Counter::Account(Bucket::account(&identifier), lockout.into()));
            }
        }
        Self { identifier, counters, at }
    }

    /// Whether it is counted for this address.
    pub(super) fn is_at(&self, identifier: &str) -> bool {
        self.identifier.as_str() == identifier
    }

    /// Whether so many failures in a row have shut the password. Not for its owner's own browser.
    ///
    /// Attempts that are under way when the last one is counted still come: so it is shut early enough for a whole row of them.
    pub(super) fn is_shut<U: Account>(&self, failures: i64) -> bool {
        let Some(lockout) = U::POLICY.lockout else { return false };
        let known = self.counters.iter().any(|counter| matches!(counter, Counter::Device(..)));
        let most = MOST_FAILURES.saturating_sub(lockout.after).max(lockout.after);
        !known && failures >= i64::from(most)
    }
}

impl<U: Account> Unit<'_, U> {
    /// Tells the log, once for each handle, that a limit for networks is wanted and a request came without one.
    fn ask_for_a_network(&self) {
        if U::POLICY.throttle.is_some()
            && self.client.network().is_none()
            && !self.core.told_of_no_network.swap(true, Ordering::Relaxed)
        {
            telemetry::no_network(U::SCHEMA.user_type);
        }
    }

    /// Counts an attempt, or says which limit is reached.
    pub(super) async fn begin_attempt(
        &mut self,
        identifier: Identifier,
    ) -> Result<Result<Attempt, (Reason, Duration)>, Error> {
        self.ask_for_a_network();
        let device = self.known_device(&identifier).await?;
        let mut attempt = Attempt::new::<U>(identifier, self.client, device, self.now);
        for (counted, counter) in attempt.counters.iter().enumerate() {
            if let Err(reached) = self.reserve(counter.bucket(), counter.limit()).await? {
                self.leave_everybody_theirs(attempt.counters.iter().take(counted)).await?;
                return Ok(Err((counter.reason(), reached.retry_after)));
            }
        }
        attempt.at = self.counted_at();
        Ok(Ok(attempt))
    }

    /// The attempt was refused without being looked at. The network it came from keeps it counted, but what everybody shares
    /// would be used up for nothing by whoever goes on trying a locked account.
    async fn leave_everybody_theirs(
        &mut self,
        counted: impl Iterator<Item = &Counter> + Send,
    ) -> Result<(), Error> {
        for counter in counted {
            if let Counter::Overall(bucket, limit) = counter {
                self.refund(bucket, *limit, self.counted_at()).await?;
            }
        }
        Ok(())
    }

    /// The password was wrong. The work is the same whether or not there is such an account.
    pub(super) async fn attempt_failed(&mut self, attempt: &Attempt) -> Result<(), Error> {
        for counter in &attempt.counters {
            match counter {
                Counter::Account(bucket, limit) => {
                    self.count_failure(bucket).await?;
                    if let Limit::InARow { wait, .. } = limit
                        && self.reached(bucket, *limit).await?.is_some()
                    {
                        self.tell_the_owner(&attempt.identifier, *wait).await?;
                    }
                }
                Counter::Device(_, limit, device) => self.device_failed(device, limit.most()).await?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Strangers have used up the attempts: its owner learns how to get in all the same. One mail a wait, and no more an hour than
    /// of any other kind.
    async fn tell_the_owner(&mut self, identifier: &Identifier, wait: Duration) -> Result<(), Error> {
        let once = Limit::InWindow { most: 1, within: wait };
        if self.reserve(&Bucket::locked(identifier), once).await?.is_ok() {
            self.notes.locked();
            self.mail_if_allowed(MailKind::AccountLocked, identifier).await?;
        }
        Ok(())
    }

    /// Counts a right password, or says that there were too many. Then the attempt stays counted like one that failed: whoever
    /// goes on comes to the limit of the account, or of the browser, which refuses before a hash is computed, and which
    /// strangers could have reached as well.
    pub(super) async fn count_right_password(
        &mut self,
        attempt: &Attempt,
    ) -> Result<Result<(), Refusal>, Error> {
        let bucket = Bucket::right_passwords(&attempt.identifier);
        let reserved = self.reserve(&bucket, RIGHT_PASSWORDS).await?;
        Ok(reserved.map_err(|reached| Refusal::TooManyAttempts { retry_after: reached.retry_after }))
    }

    /// Whether the right password of a session's own user may go on, or why not: it is one too many, or the session lacks the
    /// second factor that the account has.
    pub(super) async fn lets_right_password_go_on(
        &mut self,
        held: &Held,
        attempt: &Attempt,
        failures: i64,
    ) -> Result<Result<(), (Reason, Refusal)>, Error> {
        if let Err(refusal) = self.count_right_password(attempt).await? {
            return Ok(Err((Reason::RightPasswordLimit, refusal)));
        }
        if held.lacks_second_factor::<U>() {
            self.attempt_opened_nothing(attempt, failures).await?;
            return Ok(Err((Reason::SudoRequired, Refusal::SudoRequired { with_code: true })));
        }
        Ok(Ok(()))
    }

    /// The password was right, and a session or a challenge comes of it: the network and everybody get the attempt back.
    ///
    /// That one attempt and no other: whoever guesses at other accounts and signs in to an own one in between has no guess
    /// more for it.
    pub(super) async fn attempt_succeeded(&mut self, attempt: &Attempt, failures: i64) -> Result<(), Error> {
        self.was_right(attempt, failures, true).await
    }

    /// The password was right and opens nothing. The account's row of failures is over, but the network's share is used: it is
    /// for attempts from which somebody gets in, and these can be made without end, at any number of accounts.
    pub(super) async fn attempt_opened_nothing(
        &mut self,
        attempt: &Attempt,
        failures: i64,
    ) -> Result<(), Error> {
        self.was_right(attempt, failures, false).await
    }

    async fn was_right(&mut self, attempt: &Attempt, failures: i64, opened: bool) -> Result<(), Error> {
        for counter in &attempt.counters {
            if counter.ends_with_success() {
                self.clear(counter.bucket()).await?;
            } else if opened {
                self.refund(counter.bucket(), counter.limit(), attempt.at).await?;
            }
        }
        // The account's own row, if it was counted there, has gone with its failures. Any other transaction takes it last, too.
        let is_cleared = attempt.counters.iter().any(|counter| matches!(counter, Counter::Account(..)));
        if failures > 0 && !is_cleared {
            self.forget_failures(&Bucket::account(&attempt.identifier)).await?;
        }
        Ok(())
    }

    /// Nothing was looked at, so nothing is counted.
    pub(super) async fn attempt_returned(&mut self, attempt: &Attempt) -> Result<(), Error> {
        for counter in &attempt.counters {
            self.refund(counter.bucket(), counter.limit(), attempt.at).await?;
        }
        Ok(())
    }

    /// Counts a registration or a request for mail, which cost work and mail whatever comes of them, or a link that is no good:
    /// for its network and, where there is such a limit, for everybody together.
    ///
    /// Requests without a network have the limit for everybody alone. They do not share that of one network: it would be used up
    /// by anybody, and shut out all of an application that gives no addresses.
    pub(super) async fn count_request(&mut self) -> Result<Result<(), (Reason, Refusal)>, Error> {
        self.ask_for_a_network();
        for (bucket, limit, reason) in self.requests() {
            if let Err(reached) = self.reserve(&bucket, limit).await? {
                let retry_after = reached.retry_after;
                return Ok(Err((reason, Refusal::TooManyAttempts { retry_after })));
            }
        }
        Ok(Ok(()))
    }

    /// What a request is counted in, and why it is refused there.
    fn requests(&self) -> Vec<(Bucket, Limit, Reason)> {
        let Some(policy) = U::POLICY.throttle else { return Vec::new() };
        let together =
            |(bucket, most)| (bucket, Limit::InWindow { most, within: policy.within }, Reason::OverallLimit);
        let Some(network) = self.client.network() else {
            return policy
                .overall
                .map(|most| together((Bucket::requests_from_nowhere(), most)))
                .into_iter()
                .collect();
        };
        let own = (Bucket::requests(network), policy.into(), Reason::NetworkLimit);
        let overall = policy.overall.map(|most| Bucket::overall_requests(network, most, policy.per_network));
        std::iter::once(own).chain(overall.map(together)).collect()
    }

    /// A link that is no good: counts it for the network, and closes the step with its refusal. Never called for a good one, so
    /// nobody's link is refused for what others on the network do.
    pub(super) async fn refuse_link<T>(
        &mut self,
        event: Event,
    ) -> Result<Recorded<Result<T, Refusal>>, Error> {
        let (reason, refusal) = match self.count_request().await? {
            Ok(()) => (Reason::InvalidToken, Refusal::InvalidToken),
            Err(reached) => reached,
        };
        self.record(Entry::refused(event, Actor::Visitor, reason), Err(refusal)).await
    }

    /// Nothing came of a request that was counted by this time, for want of room.
    pub(super) async fn return_request(&mut self, counted_at: OffsetDateTime) -> Result<(), Error> {
        for (bucket, limit, _) in self.requests() {
            self.refund(&bucket, limit, counted_at).await?;
        }
        Ok(())
    }
}

/// What is known of whoever tries, after the attempt was counted.
pub(super) struct Candidate<U: Account> {
    pub(super) user_id: U::Id,
    pub(super) epoch: i64,
    pub(super) failures: i64,
    /// Somebody has proved to have its mailbox. Until then its password proves nothing, whoever chose it.
    pub(super) confirmed: bool,
    pub(super) hash: Option<crate::password::PasswordHash>,
}

impl<U: Account> Candidate<U> {
    pub(super) fn read(row: &mut Reader<'_, U>) -> Result<Self, Error> {
        Ok(Self {
            user_id: row.next()?,
            epoch: row.next()?,
            failures: row.next()?,
            confirmed: row.confirmed()?,
            hash: row.next()?,
        })
    }
}

/// Counts an attempt of somebody who is signed in to prove the present password.
pub(super) struct ReserveForHolder<U: Account> {
    pub(super) event: Event,
    pub(super) holder: Holder<U>,
    pub(super) client: Client,
}

impl<U: Account> Step<U> for ReserveForHolder<U> {
    type Output = Result<(Candidate<U>, Attempt), Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let user_id = &self.holder.user_id;
        let refused = |reason| self.holder.refused(self.event, reason);
        let standing = if unit.is_live(&self.holder).await? { unit.standing(user_id).await? } else { None };
        let Some(standing) = standing else {
            return unit.record(refused(Reason::SessionEnded), Err(Refusal::SessionEnded)).await;
        };
        let attempt = match unit.begin_attempt(Identifier::from_stored(standing.identifier)).await? {
            Ok(attempt) => attempt,
            Err((reason, retry_after)) => {
                return unit.record(refused(reason), Err(Refusal::TooManyAttempts { retry_after })).await;
            }
        };
        let row = unit.fetch_optional(CredentialsByUser, &[user_id]).await?;
        let Some(row) = row else {
            return unit.record(refused(Reason::SessionEnded), Err(Refusal::SessionEnded)).await;
        };
        let candidate = Candidate::read(&mut Reader::<U>::new(&row))?;
        Ok(unit.bookkeeping(Bookkeeping::AttemptReserved, Ok((candidate, attempt))))
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::TestClock;
    use crate::unit::tests::{Scratch, User};

    /// An attempt that is given back, in a step in which time goes by before it is counted.
    struct Slow(Arc<TestClock>, Client);

    impl Step<User> for Slow {
        type Output = ();

        fn client(&self) -> &Client {
            &self.1
        }

        async fn run(&self, unit: &mut Unit<'_, User>) -> Result<Recorded<()>, Error> {
            self.0.advance(Duration::from_secs(20));
            let refused = |(_, retry_after)| Refusal::TooManyAttempts { retry_after };
            let attempt = unit.begin_attempt(Identifier::of_attempt("eve@example.com")).await?;
            unit.attempt_returned(&attempt.map_err(refused)?).await?;
            Ok(unit.bookkeeping(Bookkeeping::AttemptReturned, ()))
        }
    }

    #[tokio::test]
    async fn an_attempt_goes_back_also_from_a_window_that_one_opened_who_began_later() {
        let scratch = Scratch::new().await;
        let (ahead, late) = (Arc::new(TestClock::default()), Arc::new(TestClock::default()));
        ahead.advance(Duration::from_secs(10));
        let client = Client::from_address([192, 0, 2, 1].into());
        let first = scratch.open_at(ahead).await;
        first.migrate().await.unwrap();
        let wrong = crate::Credentials::new("ada@example.com", "no such password");
        assert!(first.sign_in(wrong, &client).await.is_err());
        let counted = scratch.sum_of("used", "sigra_limits").await;

        let second = scratch.open_at(late.clone()).await;
        second.perform(Slow(late, client)).await.unwrap();
        assert_eq!(scratch.sum_of("used", "sigra_limits").await, counted);
        first.close().await;
        second.close().await;
    }
}
