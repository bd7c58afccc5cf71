//! Attempts are counted in the database before they are looked at: however many come at once, from whichever node, no more
//! are looked at than the limit allows.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use crate::account::Account;
use crate::client::ClientNet;
use crate::column::Bind;
use crate::core::Reader;
use crate::email::Identifier;
use crate::error::Error;
use crate::policy::{LockoutPolicy, ThrottlePolicy};
use crate::store::Stamp;
use crate::store::statements::{
    ClearLimit, CountFailure, CountInARow, CountInWindow, ForgetFailures, LimitReachedUntil, RefundLimit,
    RestartLimit, StartLimit,
};
use crate::unit::Unit;

/// A count in a row is forgotten after so long without an attempt, and how long the waits have become so long after the last.
const FORGET_AFTER: Duration = Duration::from_hours(24);

/// Waits double up to this one.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// A right clock writes no time further ahead than two days. One that was wrong must not shut anybody out for years.
const FARTHEST: Duration = Duration::from_hours(72);

/// What one row of the limit for everybody counts at least, where there are several.
const ATTEMPTS_A_ROW: u32 = 500;
const MOST_ROWS: u32 = 16;

/// How often a row that comes and goes is looked at before the attempt is refused.
const MAX_LOOKS: u32 = 64;

/// Slots into which the networks of refusals fall.
const SLOTS: u8 = 32;

/// What attempts are counted for. Unknown addresses have counters like known ones: a limit tells nothing about an account.
#[derive(Clone, Debug)]
pub(crate) struct Bucket(Vec<u8>);

impl Bucket {
    /// Wrong passwords for one address.
    pub(crate) fn account(identifier: &Identifier) -> Self {
        Self::new("account", identifier.as_str())
    }

    /// Right passwords of one account.
    pub(crate) fn right_passwords(identifier: &Identifier) -> Self {
        Self::new("right-passwords", identifier.as_str())
    }

    /// New passwords of one account that are looked up.
    pub(crate) fn screenings(identifier: &Identifier) -> Self {
        Self::new("screenings", identifier.as_str())
    }

    /// Wrong codes of second factors for one account, over all its factors and pending sign-ins.
    #[cfg(feature = "totp")]
    pub(crate) fn factors(identifier: &Identifier) -> Self {
        Self::new("factors", identifier.as_str())
    }

    /// Changes of second factors and backup codes of one account.
    #[cfg(feature = "totp")]
    pub(crate) fn factor_changes(user_id: &impl std::fmt::Display) -> Self {
        Self::new("factor-changes", &user_id.to_string())
    }

    /// Times that a mailed link has let wrong codes of second factors of one account be forgotten.
    #[cfg(feature = "totp")]
    pub(crate) fn factors_let_again(identifier: &Identifier) -> Self {
        Self::new("factors-let-again", identifier.as_str())
    }

    /// Wrong codes of second factors from one browser in which the account's owner proved one before.
    #[cfg(feature = "totp")]
    pub(crate) fn factor_device(id: uuid::Uuid) -> Self {
        Self::new("factor-device", &id.to_string())
    }

    /// Wrong passwords from one browser in which the account is known.
    pub(crate) fn device(id: uuid::Uuid) -> Self {
        Self::new("device", &id.to_string())
    }

    /// Failed attempts of everybody together. Every attempt writes to such a row, so a large limit is dealt out over several,
    /// each with its part of it. A network always falls to the same one, and can use up half a part at most, or it would keep
    /// everybody out whose network falls there; where the network is not known the address is taken for it.
    pub(crate) fn overall(
        network: Option<ClientNet>,
        identifier: &Identifier,
        most: u32,
        per_network: u32,
    ) -> (Self, u32) {
        let falls_by = network.map_or_else(|| Self::account(identifier), Self::network);
        Self::dealt_out("overall", &falls_by, most, per_network)
    }

    /// Requests of everybody together, dealt out by the network like failed attempts.
    pub(crate) fn overall_requests(network: ClientNet, most: u32, per_network: u32) -> (Self, u32) {
        Self::dealt_out("overall-requests", &Self::requests(network), most, per_network)
    }

    fn dealt_out(kind: &str, falls_by: &Self, most: u32, per_network: u32) -> (Self, u32) {
        let a_row = ATTEMPTS_A_ROW.max(per_network.saturating_mul(2));
        let rows = (most / a_row).clamp(1, MOST_ROWS);
        let row = u32::from(falls_by.0.first().copied().unwrap_or_default()) % rows;
        (Self::new(kind, &format!("{row}/{rows}")), most / rows)
    }

    /// Failed attempts from one network.
    pub(crate) fn network(network: ClientNet) -> Self {
        Self::new("network", &network.limit_key())
    }

    /// Registrations, requests for mail and links that are no good from one network.
    pub(crate) fn requests(network: ClientNet) -> Self {
        Self::new("requests", &network.limit_key())
    }

    /// The same from clients whose network is not known, all together.
    pub(crate) fn requests_from_nowhere() -> Self {
        Self::new("requests", "")
    }

    /// Wrong codes for one address, over all the codes it was sent.
    pub(crate) fn codes(identifier: &Identifier) -> Self {
        Self::new("codes", identifier.as_str())
    }

    /// Times that one address was locked, of which its owner is told once each.
    pub(crate) fn locked(identifier: &Identifier) -> Self {
        Self::new("locked", identifier.as_str())
    }

    /// Mails of one kind to one address.
    pub(crate) fn mail(kind: &str, identifier: &Identifier) -> Self {
        Self::new(&format!("mail-{kind}"), identifier.as_str())
    }

    /// Refusals of one event that are told alike, from the networks of one slot: however many networks there are, the slots are
    /// few.
    pub(crate) fn refusals(event: &str, told: &str, network: Option<ClientNet>) -> Self {
        let slot = network.map(|network| Sha256::digest(network.limit_key())[0] % SLOTS);
        Self::new("refusals", &format!("{event} {told} {slot:?}"))
    }

    /// The key in the table, and what the account has of it.
    pub(crate) fn key(&self) -> &Vec<u8> {
        &self.0
    }

    /// A hash, so that the table has keys of one length and no addresses. It has no key: limits outlive the rotation of keys.
    fn new(kind: &str, what: &str) -> Self {
        Self(Sha256::new().chain_update(kind).chain_update([0]).chain_update(what).finalize().to_vec())
    }
}

/// A limit and how it counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    /// So many in a row, then a wait. Every further row of attempts arms the wait again, and makes it twice as long up to
    /// [`LONGEST_WAIT`], until a day has passed without an attempt.
    InARow { most: u32, wait: Duration },
    /// So many within a window.
    InWindow { most: u32, within: Duration },
}

impl Limit {
    pub(crate) fn most(self) -> i64 {
        match self {
            Self::InARow { most, .. } | Self::InWindow { most, .. } => i64::from(most),
        }
    }

    /// The first wait, in microseconds.
    fn wait(self) -> i64 {
        match self {
            Self::InARow { wait, .. } => micros(wait),
            Self::InWindow { .. } => 0,
        }
    }

    /// What a fresh row has counted already: the attempt that opens it, unless that is the last one too and has to arm the wait.
    fn opened_with(self) -> i64 {
        i64::from(self.most() > 1)
    }

    /// How long a row stays open that is not at its limit.
    fn open(self) -> Duration {
        match self {
            Self::InARow { .. } => FORGET_AFTER,
            Self::InWindow { within, .. } => within,
        }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

impl From<LockoutPolicy> for Limit {
    fn from(policy: LockoutPolicy) -> Self {
        Self::InARow { most: policy.after, wait: policy.wait }
    }
}

impl From<ThrottlePolicy> for Limit {
    fn from(policy: ThrottlePolicy) -> Self {
        Self::InWindow { most: policy.per_network, within: policy.within }
    }
}

/// The limit is reached until the time given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LimitReached {
    pub(crate) retry_after: Duration,
}

impl<U: Account> Unit<'_, U> {
    /// Counts one attempt, or says that none is left. Decided by the rows that conditional statements changed.
    pub(crate) async fn reserve(
        &mut self,
        bucket: &Bucket,
        limit: Limit,
    ) -> Result<Result<(), LimitReached>, Error> {
        // The row can come and go between two statements: other attempts start it, and a success elsewhere clears it. Only a
        // row that is seen at its limit refuses.
        for _ in 0..MAX_LOOKS {
            if self.count(bucket, limit).await? {
                return Ok(Ok(()));
            }
            // Both, whichever of them is due: a row that lapsed is kept for an account and swept for nobody, which must not show.
            let (restarted, started) = (self.restart(bucket, limit).await?, self.start(bucket, limit).await?);
            if restarted || started {
                if limit.opened_with() == 1 {
                    return Ok(Ok(()));
                }
                continue;
            }
            if let Some(reached) = self.reached(bucket, limit).await? {
                return Ok(Err(reached));
            }
        }
        // Nobody was let through, so nothing is lost but one attempt.
        Ok(Err(LimitReached { retry_after: Duration::from_secs(1) }))
    }

    /// Whether a bucket is at its limit.
    pub(crate) async fn reached(
        &mut self,
        bucket: &Bucket,
        limit: Limit,
    ) -> Result<Option<LimitReached>, Error> {
        let now = self.stamp();
        let row = self.fetch_optional(LimitReachedUntil, &[&bucket.0, &now, &limit.most()]).await?;
        let Some(row) = row else { return Ok(None) };
        let resets_at = Reader::<U>::new(&row).next::<Stamp>()?.0;
        Ok(Some(LimitReached { retry_after: whole_seconds(resets_at - self.now) }))
    }

    async fn count(&mut self, bucket: &Bucket, limit: Limit) -> Result<bool, Error> {
        let (now, most) = (self.stamp(), limit.most());
        let done = match limit {
            Limit::InARow { .. } => {
                let forget = self.after(FORGET_AFTER);
                let values: &[&dyn Bind] =
                    &[&most, &now, &forget, &most, &forget, &forget, &bucket.0, &now, &most];
                self.execute(CountInARow, values).await?
            }
            Limit::InWindow { .. } => self.execute(CountInWindow, &[&bucket.0, &now, &most]).await?,
        };
        Ok(done.rows == 1)
    }

    /// Opens a row that lapsed.
    async fn restart(&mut self, bucket: &Bucket, limit: Limit) -> Result<bool, Error> {
        let (now, open, wrong) = (self.stamp(), self.after(limit.open()), self.after(FARTHEST));
        let longest = micros(LONGEST_WAIT);
        let values: &[&dyn Bind] = &[
            &limit.most(),
            &now,
            &limit.wait(),
            &longest,
            &longest,
            &limit.opened_with(),
            &open,
            &open,
            &bucket.0,
            &now,
            &wrong,
        ];
        Ok(self.execute(RestartLimit, values).await?.rows == 1)
    }

    /// Opens a row where there is none.
    async fn start(&mut self, bucket: &Bucket, limit: Limit) -> Result<bool, Error> {
        let open = self.after(limit.open());
        Ok(self
            .execute(StartLimit, &[&bucket.0, &limit.opened_with(), &limit.wait(), &open, &open])
            .await?
            .rows
            == 1)
    }

    /// The time by which what this step has just counted was counted, for [`refund`](Self::refund). Not the step's own: one that
    /// began later may have opened the window before it.
    pub(crate) fn counted_at(&self) -> OffsetDateTime {
        self.core.now()
    }

    /// Gives one attempt back that was counted by this time. Where its window is over it is gone with that: the next one has
    /// counted others' attempts.
    pub(crate) async fn refund(
        &mut self,
        bucket: &Bucket,
        limit: Limit,
        counted_at: OffsetDateTime,
    ) -> Result<(), Error> {
        let latest_end = match limit {
            // A window that was open then began no later, and the next one begins after it: but for that of a step which began
            // before this was counted, in the moment in which one window follows another. The first keeps what the next is given.
            Limit::InWindow { within, .. } => Stamp(counted_at + within),
            Limit::InARow { .. } => self.after(FARTHEST),
        };
        self.execute(RefundLimit, &[&bucket.0, &latest_end]).await?;
        Ok(())
    }

    /// Counts a failure of this bucket for good: it is not forgotten with the wait.
    pub(crate) async fn count_failure(&mut self, bucket: &Bucket) -> Result<(), Error> {
        self.execute(CountFailure, &[&bucket.0]).await?;
        Ok(())
    }

    /// Forgets the failures of this bucket, and lets its wait stand.
    pub(crate) async fn forget_failures(&mut self, bucket: &Bucket) -> Result<(), Error> {
        self.execute(ForgetFailures, &[&bucket.0]).await?;
        Ok(())
    }

    /// Forgets every attempt of this bucket and of no other.
    pub(crate) async fn clear(&mut self, bucket: &Bucket) -> Result<(), Error> {
        self.execute(ClearLimit, &[&bucket.0]).await?;
        Ok(())
    }
}

/// Rounded up, so that a visitor who waits as long as told is not told again.
fn whole_seconds(left: time::Duration) -> Duration {
    Duration::from_secs(u64::try_from(left.whole_seconds().max(0)).unwrap_or(0) + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn however_many_networks_there_are_their_refusals_fall_into_few_slots() {
        let bucket = |told, number: u32| {
            let network = ClientNet::new(std::net::IpAddr::from(number.to_be_bytes()));
            Bucket::refusals("event", told, Some(network)).key().clone()
        };
        let all: BTreeSet<_> = (0..10_000).map(|number| bucket("told", number)).collect();
        assert_eq!(all.len(), usize::from(SLOTS));
        let other: BTreeSet<_> = (0..10_000).map(|number| bucket("another", number)).collect();
        assert!(all.is_disjoint(&other));
        assert!(!all.contains(Bucket::refusals("event", "told", None).key()));
    }

    #[test]
    fn no_network_can_use_up_a_row_of_the_limit_for_everybody() {
        let somebody = Identifier::of_attempt("ada@example.com");
        for (overall, per_network) in
            [(1000, 100), (1000, 400), (10_000, 600), (10_000_000, 100_000), (300, 100)]
        {
            let (_, most) = Bucket::overall(None, &somebody, overall, per_network);
            assert!(most >= 2 * per_network, "{per_network} of {most}, of {overall}");
            assert!(most <= overall);
        }
        // Large ones are dealt out all the same.
        assert_eq!(Bucket::overall(None, &somebody, 10_000, 100).1, 625);
    }
}
