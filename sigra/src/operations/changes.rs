//! How often the second factors and backup codes of one account may be changed.

use std::time::Duration;

use crate::account::Account;
use crate::audit::Reason;
use crate::error::{Error, Refusal};
use crate::limits::{Bucket, Limit};
use crate::unit::Unit;

use super::standing::{Held, Holder};

/// Steps that change them, whatever comes of each: they make rows, and mails to their owner.
const CHANGES: Limit = Limit::InWindow { most: 20, within: Duration::from_hours(1) };

impl<U: Account> Unit<'_, U> {
    /// Whoever changes factors or codes has proved to be there of late, and has not changed them too often. Counted before the
    /// change.
    pub(super) async fn may_change(
        &mut self,
        holder: &Holder<U>,
    ) -> Result<Result<Held, (Reason, Refusal)>, Error> {
        let held = match self.sudo(holder).await? {
            Ok(held) => held,
            Err(not_enough) => return Ok(Err((not_enough.reason, not_enough.refusal()))),
        };
        if let Err(reached) = self.reserve(&Bucket::factor_changes(&holder.user_id), CHANGES).await? {
            let refusal = Refusal::TooManyAttempts { retry_after: reached.retry_after };
            return Ok(Err((Reason::ChangeLimit, refusal)));
        }
        Ok(Ok(held))
    }
}
