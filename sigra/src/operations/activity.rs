//! What a user may read of the trail.

use crate::audit::Activity;
use crate::core::{Operation, Reader, Sigra};
use crate::feature;
use crate::session::Session;
use crate::store::statements::Activity as ActivityOf;
use crate::store::{Rendered, Stamp};
use crate::telemetry::{Named, watched};

impl<U> Sigra<U> {
    /// The latest rows of the user's own trail, the newest first, at most 200: Sigra's events and the
    /// [host's own](Self::record). Writes no audit row.
    ///
    /// # Errors
    /// [`Failure`](crate::Failure).
    pub fn activity<'a>(&'a self, session: &'a Session<U>, limit: u32) -> Operation<'a, Vec<Activity>>
    where
        U: feature::Audit,
    {
        watched::<U>(Named::ReadActivity).within(session).run(async move {
            let statement = Rendered::<U, ActivityOf>::STATEMENT;
            let user_id = session.user.id().to_string();
            let limit = i64::from(limit.min(200));
            let rows =
                self.core.pool.read().await?.fetch(statement, &[&user_id, session.user.id(), &limit]).await?;
            rows.iter()
                .map(|row| {
                    let mut row = Reader::<U>::new(row);
                    Ok(Activity {
                        at: row.next::<Stamp>()?.0,
                        event: row.next()?,
                        outcome: row.next()?,
                        reason: row.next()?,
                        actor: row.next()?,
                        network: row.next()?,
                        user_agent: row.next()?,
                        details: row.next()?,
                    })
                })
                .collect()
        })
    }
}
