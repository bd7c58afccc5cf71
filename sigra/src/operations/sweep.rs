//! Removal of what has expired, in small batches, and the move of seeds to the key that writes.

use std::marker::PhantomData;

use crate::account::Account;
use crate::client::Client;
use crate::core::{Operation, Sigra};
use crate::error::Error;
use crate::store::statements::{SweepDevices, SweepFactors, SweepLimits, SweepSessions, SweepTokens};
use crate::telemetry::{Named, watched};
use crate::unit::{Bookkeeping, Recorded, Step, Unit};

/// Rows that a sweep removed, and seeds that it sealed anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// Sessions that were idle for too long or expired.
    pub sessions: u64,
    /// Devices in which nobody has signed in for half a year.
    pub devices: u64,
    /// Tokens that expired, used or not.
    pub tokens: u64,
    /// Second factors that no code proved in time, or that were removed two weeks ago.
    pub factors: u64,
    /// Counters that had lapsed.
    pub limits: u64,
    /// Seeds of authenticators that another key of the ring had sealed, and the key that writes has sealed now.
    pub resealed: u64,
    /// Rows of the trail, whole segments of 256, of which every one is older than `audit(retain)`.
    pub audit: u64,
}

impl Swept {
    fn most(self) -> u64 {
        self.sessions.max(self.devices).max(self.tokens).max(self.factors).max(self.limits)
    }
}

/// Rows that one statement removes.
const BATCH: u32 = 500;
/// Batches of one call.
const BATCHES: u32 = 400;

impl<U> Sigra<U> {
    /// Removes expired sessions, devices, tokens, factors and counters, at most 200,000 of each in a call, and old rows of the
    /// trail.
    ///
    /// Nothing depends on it but the size of the tables: what has expired is refused whether or not its row is there. The
    /// worker calls it every ten minutes.
    ///
    /// After a rotation of the keys it seals the seeds of authenticators anew under the key that writes, whether or not they are
    /// used, at most 20,000 in a call: see [`keyring`](crate::keyring). A seed that changes meanwhile stays as it is then. No row
    /// of the trail is written for it, since nothing changes that its owner could notice.
    ///
    /// Rows of the trail go by whole segments of 256, the oldest first, when the newest row of a segment is older than
    /// `audit(retain)`, by the clock of this process and by that of the database, and every sink has a checkpoint that covers
    /// it. A row of the future, which a wrong clock wrote, goes with those around it. The segment's hash stays, so that the rows above can
    /// still be verified and proved. Rows that were changed are kept. Writes one audit row `audit.rows.remove` with each
    /// batch of segments.
    ///
    /// # Errors
    /// [`Failure::AuditChanged`](crate::Failure::AuditChanged) where old rows of the trail do not make up the hash of their
    /// segment, and [`Failure`](crate::Failure).
    pub fn sweep(&self) -> Operation<'_, Swept>
    where
        U: Account,
    {
        watched::<U>(Named::Sweep).run(async move {
            let mut total = Swept::default();
            for _ in 0..BATCHES {
                let batch = self.upkeep(Sweep::<U>(Client::unknown(), PhantomData)).await?;
                total.sessions += batch.sessions;
                total.devices += batch.devices;
                total.tokens += batch.tokens;
                total.factors += batch.factors;
                total.limits += batch.limits;
                if batch.most() < u64::from(BATCH) {
                    break;
                }
            }
            #[cfg(feature = "totp")]
            {
                total.resealed = self.reseal_seeds().await?;
                self.measure_holders().await?;
            }
            self.write_counts().await?;
            total.audit = self.remove_old_rows().await?;
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
        let (now, most) = (unit.stamp(), i64::from(BATCH));
        let swept = Swept {
            sessions: unit.execute(SweepSessions, &[&now, &now, &most]).await?.rows,
            devices: unit.execute(SweepDevices, &[&now, &most]).await?.rows,
            tokens: unit.execute(SweepTokens, &[&now, &most]).await?.rows,
            factors: unit.execute(SweepFactors, &[&now, &most]).await?.rows,
            limits: unit.execute(SweepLimits, &[&now, &now, &most]).await?.rows,
            resealed: 0,
            audit: 0,
        };
        Ok(unit.bookkeeping(Bookkeeping::ExpiredRows, swept))
    }
}
