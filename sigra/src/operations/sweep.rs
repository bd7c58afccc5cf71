//! Removal of what has expired, in small batches.

use std::marker::PhantomData;

use crate::account::Account;
use crate::audit::{Actor, Entry, Event};
use crate::client::Client;
use crate::core::{Operation, Sigra};
use crate::error::Error;
use crate::store::statements::{
    SweepAudit, SweepDevices, SweepFactors, SweepLimits, SweepSessions, SweepTokens,
};
use crate::unit::{Bookkeeping, Recorded, Step, Unit};

/// Rows that a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Sessions that were idle for too long or expired.
    pub sessions: u64,
    /// Devices in which nobody has signed in for half a year.
    pub devices: u64,
    /// Tokens that expired, used or not.
    pub tokens: u64,
    /// Second factors that no code proved in time, or that were removed a week ago.
    pub factors: u64,
    /// Counters that had lapsed.
    pub limits: u64,
    /// Rows of the trail older than `audit(retain)`.
    pub audit: u64,
}

impl Swept {
    fn most(self) -> u64 {
        let most = self.sessions.max(self.devices).max(self.tokens);
        most.max(self.factors).max(self.limits).max(self.audit)
    }
}

/// Rows that one statement removes. The statements say the same number.
const BATCH: u64 = 500;
/// Batches of one call.
const BATCHES: u32 = 40;

impl<U> Sigra<U> {
    /// Removes expired sessions, devices, tokens, factors, counters and audit rows, at most 20,000 of each in a call.
    ///
    /// Nothing depends on it but the size of the tables: what has expired is refused whether or not its row is there. The
    /// worker calls it every ten minutes. Writes one audit row `audit.rows.remove` with each batch of audit rows removed.
    ///
    /// # Errors
    /// [`Failure`](crate::Failure).
    pub fn sweep(&self) -> Operation<'_, Swept>
    where
        U: Account,
    {
        Box::pin(async move {
            let mut total = Swept::default();
            for _ in 0..BATCHES {
                let batch = self.perform(Sweep::<U>(Client::unknown(), PhantomData)).await?;
                total.sessions += batch.sessions;
                total.devices += batch.devices;
                total.tokens += batch.tokens;
                total.factors += batch.factors;
                total.limits += batch.limits;
                total.audit += batch.audit;
                if batch.most() < BATCH {
                    break;
                }
            }
            Ok(total)
        })
    }
}

struct Sweep<U>(Client, PhantomData<fn() -> U>);

impl<U: Account> Step<U> for Sweep<U> {
    type Output = Swept;

    fn client(&self) -> &Client {
        &self.0
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Swept>, Error> {
        let now = unit.stamp();
        let mut swept = Swept {
            sessions: unit.execute(SweepSessions, &[&now, &now]).await?.rows,
            devices: unit.execute(SweepDevices, &[&now]).await?.rows,
            tokens: unit.execute(SweepTokens, &[&now]).await?.rows,
            factors: unit.execute(SweepFactors, &[&now]).await?.rows,
            limits: unit.execute(SweepLimits, &[&now]).await?.rows,
            audit: 0,
        };
        if let Some(retain) = U::POLICY.audit.retain {
            let before = crate::store::Stamp(unit.now - retain);
            swept.audit = unit.execute(SweepAudit, &[&before]).await?.rows;
        }
        if swept.audit > 0 {
            return unit.record(Entry::success(Event::RemoveOldRows, Actor::System), swept).await;
        }
        Ok(unit.bookkeeping(Bookkeeping::ExpiredRows, swept))
    }
}
