//! Attempts are counted in the database before they are looked at: however many come at once, from whichever node, no more
//! are looked at than the limit allows.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::account::Account;
use crate::client::ClientNet;
use crate::core::Reader;
use crate::email::Identifier;
use crate::error::Error;
use crate::policy::{LockoutPolicy, ThrottlePolicy};
use crate::store::Stamp;
use crate::store::statements::{
    ClearLimit, CountInARow, CountInWindow, LimitReachedUntil, RefundLimit, RestartLimit, StartLimit,
};
use crate::unit::Unit;

/// A count in a row is forgotten after so long without an attempt.
const FORGET_AFTER: Duration = Duration::from_hours(24);

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

    /// Failed attempts from one network.
    pub(crate) fn network(network: ClientNet) -> Self {
        Self::new("network", &network.limit_key())
    }

    /// Registrations and requests for mail from one network.
    pub(crate) fn requests(network: ClientNet) -> Self {
        Self::new("requests", &network.limit_key())
    }

    /// Wrong codes for one address, over all the codes it was sent.
    pub(crate) fn codes(identifier: &Identifier) -> Self {
        Self::new("codes", identifier.as_str())
    }

    /// Mails of one kind to one address.
    pub(crate) fn mail(kind: &str, identifier: &Identifier) -> Self {
        Self::new(&format!("mail-{kind}"), identifier.as_str())
    }

    /// Refusals of one kind, from the networks of one slot: however many networks there are, the slots are few.
    pub(crate) fn refusals(event: &str, reason: &str, network: Option<ClientNet>) -> Self {
        let slot = network.map(|network| Sha256::digest(network.limit_key())[0] % SLOTS);
        Self::new("refusals", &format!("{event} {reason} {slot:?}"))
    }

    /// The key in the table.
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
    /// So many in a row, then a wait. Every further row of attempts arms the wait again.
    InARow { most: u32, wait: Duration },
    /// So many within a window.
    InWindow { most: u32, within: Duration },
}

impl Limit {
    fn most(self) -> i64 {
        match self {
            Self::InARow { most, .. } | Self::InWindow { most, .. } => i64::from(most),
        }
    }
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
        let first = match limit {
            Limit::InARow { most: 1, wait } => self.after(wait),
            Limit::InARow { .. } => self.after(FORGET_AFTER),
            Limit::InWindow { within, .. } => self.after(within),
        };
        // The row can come and go between two statements: other attempts start it, and a success elsewhere clears it. Only a
        // row that is seen at its limit refuses.
        for _ in 0..MAX_LOOKS {
            if self.count(bucket, limit).await?
                || self.execute(RestartLimit, &[&first, &bucket.0, &self.stamp()]).await?.rows == 1
                || self.execute(StartLimit, &[&bucket.0, &first]).await?.rows == 1
            {
                return Ok(Ok(()));
            }
            let now = self.stamp();
            if let Some(row) =
                self.fetch_optional(LimitReachedUntil, &[&bucket.0, &now, &limit.most()]).await?
            {
                let resets_at = Reader::<U>::new(&row).next::<Stamp>()?.0;
                return Ok(Err(LimitReached { retry_after: whole_seconds(resets_at - self.now) }));
            }
        }
        // Nobody was let through, so nothing is lost but one attempt.
        Ok(Err(LimitReached { retry_after: Duration::from_secs(1) }))
    }

    async fn count(&mut self, bucket: &Bucket, limit: Limit) -> Result<bool, Error> {
        let now = self.stamp();
        let done = match limit {
            Limit::InARow { most, wait } => {
                let most = i64::from(most);
                let (locked, open) = (self.after(wait), self.after(FORGET_AFTER));
                self.execute(CountInARow, &[&most, &locked, &open, &bucket.0, &now, &most]).await?
            }
            Limit::InWindow { most, .. } => {
                self.execute(CountInWindow, &[&bucket.0, &now, &i64::from(most)]).await?
            }
        };
        Ok(done.rows == 1)
    }

    /// Gives one attempt back.
    pub(crate) async fn refund(&mut self, bucket: &Bucket) -> Result<(), Error> {
        self.execute(RefundLimit, &[&bucket.0]).await?;
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
        let bucket = |reason, number: u32| {
            let network = ClientNet::new(std::net::IpAddr::from(number.to_be_bytes()));
            Bucket::refusals("event", reason, Some(network)).key().clone()
        };
        let all: BTreeSet<_> = (0..10_000).map(|number| bucket("reason", number)).collect();
        assert_eq!(all.len(), usize::from(SLOTS));
        let other: BTreeSet<_> = (0..10_000).map(|number| bucket("another", number)).collect();
        assert!(all.is_disjoint(&other));
        assert!(!all.contains(Bucket::refusals("event", "reason", None).key()));
    }
}
