//! The row of an operation that is over before a step of its own could write it: by what the visitor sent, or by what is not to be had.

use std::marker::PhantomData;

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::core::Sigra;
use crate::error::{Error, Failure, Refusal};
use crate::password::PasswordProblem;
use crate::telemetry;
use crate::unit::Shielded;

use super::record::Record;

impl<U: Account> Sigra<U> {
    /// Hands on what came of looking at a visitor's input, before anything is looked up for it. What is refused has its row then.
    pub(super) async fn looked_at<T: Send + 'static, E: Into<Error>>(
        &self,
        event: Event,
        client: &Client,
        looked: Result<T, E>,
    ) -> Result<T, Error> {
        match looked.map_err(Into::into) {
            Ok(input) => Ok(input),
            Err(error) => {
                let (entry, client) = (Entry::success(event, Actor::Visitor), client.clone());
                self.shielded(|shielded| async move { shielded.judged(entry, &client, Err(error)).await })
                    .await
            }
        }
    }
}

impl<U: Account> Shielded<U> {
    /// Hands on what came of judging something in the middle of an operation. Where that is the end of it, it has its row then:
    /// `entry` says what it was and whose. Without the row it is a failure.
    pub(super) async fn judged<T>(
        &self,
        entry: Entry,
        client: &Client,
        judged: Result<T, Error>,
    ) -> Result<T, Error> {
        if let Err(error) = &judged
            && U::POLICY.audit.enabled
            && let Some(entry) = ended(entry, error)
        {
            self.step(Record::<U> { entry, client: client.clone(), user: PhantomData }).await?;
        }
        judged
    }

    /// What failed has its row, unless a step of its own wrote it already or the database is not there to take it. The failure
    /// is what its caller is told, whatever becomes of the row.
    pub(crate) async fn leave_row(&self, failure: &Failure) {
        if U::POLICY.audit.enabled
            && leaves_room(failure)
            && let Some((entry, client)) = telemetry::owed_row(failure)
        {
            drop(self.step(Record::<U> { entry, client, user: PhantomData }).await);
        }
    }
}

/// Whether a failure leaves room for a row: not that of the trail itself, nor of a database that does not answer.
fn leaves_room(failure: &Failure) -> bool {
    match failure {
        Failure::Database(error) => error.is_refused(),
        Failure::Audit { .. } | Failure::AuditChanged(_) => false,
        _ => true,
    }
}

/// The row of it. None of a server that is busy, or of a database that does not answer: neither leaves room for one.
fn ended(entry: Entry, error: &Error) -> Option<Entry> {
    match error {
        Error::Refused(Refusal::InvalidEmail) => Some(entry.refused_for(Reason::InvalidEmail)),
        Error::Refused(Refusal::PasswordRejected(PasswordProblem::Unchanged)) => {
            Some(entry.refused_for(Reason::PasswordUnchanged))
        }
        // Of a step that was undone, and its row with it.
        Error::Refused(Refusal::SessionEnded) => Some(entry.refused_for(Reason::AccountChanged)),
        Error::Refused(Refusal::PasswordRejected(_)) => Some(entry.refused_for(Reason::PasswordRejected)),
        Error::Failed(Failure::BreachedPasswords(_)) => Some(entry.failed_for(Reason::BreachedPasswords)),
        Error::Failed(Failure::Keys(_)) => Some(entry.failed_for(Reason::Keys)),
        Error::Refused(_) | Error::Failed(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::audit::AnyReason;

    #[test]
    fn what_was_undone_has_its_row_and_a_server_that_is_busy_has_none() {
        let row =
            |refusal: Refusal| ended(Entry::success(Event::ChangePassword, Actor::Visitor), &refusal.into());
        let reason = |refusal| row(refusal).and_then(|entry| entry.reason).map(AnyReason::name);
        assert_eq!(reason(Refusal::SessionEnded), Some("account_changed"));
        assert_eq!(reason(PasswordProblem::Common.into()), Some("password_rejected"));
        assert_eq!(reason(PasswordProblem::Unchanged.into()), Some("password_unchanged"));
        assert_eq!(reason(Refusal::Busy { retry_after: Duration::from_secs(1) }), None);
    }
}
