//! What every operation of an operator on an account has: who does it, to whom, from where.

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;

/// An operator at work on an account.
pub(super) struct ByOperator<U: Account> {
    actor: Actor,
    pub(super) user_id: U::Id,
    pub(super) client: Client,
}

impl<U: Account> ByOperator<U> {
    pub(super) fn new(operator: &str, user_id: &U::Id, client: &Client) -> Self {
        Self { actor: Actor::operator(operator), user_id: user_id.clone(), client: client.clone() }
    }

    pub(super) fn success(&self, event: Event) -> Entry {
        Entry::success(event, self.actor.clone()).of(&self.user_id)
    }

    pub(super) fn refused(&self, event: Event, reason: Reason) -> Entry {
        Entry::refused(event, self.actor.clone(), reason).of(&self.user_id)
    }

    /// There is no such account, or it is as it would be already.
    pub(super) fn nothing_to_do(&self, event: Event) -> Entry {
        self.refused(event, Reason::NothingToDo)
    }
}
