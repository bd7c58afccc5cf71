//! Whether an account may be given a session or a token: the proof that every issuer asks for.

use time::OffsetDateTime;

use crate::account::Account;
use crate::audit::Reason;
use crate::core::Reader;
use crate::error::Error;
use crate::outcome::{Disabled, MustChangePassword, Outcome, Slot as _, Unconfirmed};
use crate::session::{NewSession, Session, SessionId};
use crate::store::Stamp;
use crate::store::statements::{InsertSession, LoadUser, SessionIsLive, Standing as StandingOf};
use crate::token::SessionToken;
use crate::unit::Unit;

/// How an account stands at the moment of a step.
pub(crate) struct Standing<U: Account> {
    pub(crate) user_id: U::Id,
    pub(crate) epoch: i64,
    pub(crate) identifier: String,
    /// The stored address: the one that mail goes to.
    pub(crate) email: String,
    pub(crate) confirmed: bool,
    pub(crate) disabled_since: Option<OffsetDateTime>,
    pub(crate) must_change_since: Option<OffsetDateTime>,
}

/// What stands in the way, as the payload of an outcome variant.
pub(crate) enum Obstacle<U: Account> {
    Disabled(U::Disabled),
    MustChangePassword(U::MustChangePassword),
    Unconfirmed(U::Unconfirmed),
}

impl<U: Account> Obstacle<U> {
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Disabled(_) => Reason::Disabled,
            Self::MustChangePassword(_) => Reason::MustChangePassword,
            Self::Unconfirmed(_) => Reason::Unconfirmed,
        }
    }
}

impl<U: Account> From<Obstacle<U>> for Outcome<U> {
    fn from(obstacle: Obstacle<U>) -> Self {
        match obstacle {
            Obstacle::Disabled(payload) => Self::Disabled(payload),
            Obstacle::MustChangePassword(payload) => Self::MustChangePassword(payload),
            Obstacle::Unconfirmed(payload) => Self::Unconfirmed(payload),
        }
    }
}

/// Nothing stands in the way of this account. Only [`Standing::check`] makes one, and every issuer of a session takes one.
pub(crate) struct ActiveAccount<U: Account> {
    user_id: U::Id,
    epoch: i64,
}

impl<U: Account> ActiveAccount<U> {
    pub(crate) fn user_id(&self) -> &U::Id {
        &self.user_id
    }

    pub(crate) fn epoch(&self) -> i64 {
        self.epoch
    }
}

impl<U: Account> Standing<U> {
    /// Lets an account through, or says what its owner has to be told.
    pub(crate) fn check(self) -> Result<ActiveAccount<U>, Obstacle<U>> {
        if let Some(since) = self.disabled_since
            && let Some(payload) = U::Disabled::fill(Disabled::new(since))
        {
            return Err(Obstacle::Disabled(payload));
        }
        if let Some(since) = self.must_change_since
            && let Some(payload) = U::MustChangePassword::fill(MustChangePassword::new(since))
        {
            return Err(Obstacle::MustChangePassword(payload));
        }
        if !self.confirmed
            && let Some(payload) = U::Unconfirmed::fill(Unconfirmed::new(self.email))
        {
            return Err(Obstacle::Unconfirmed(payload));
        }
        Ok(ActiveAccount { user_id: self.user_id, epoch: self.epoch })
    }
}

/// The session on whose behalf a step runs, without its user.
pub(crate) struct Holder<U: Account> {
    pub(crate) session: SessionId,
    pub(crate) user_id: U::Id,
    pub(crate) remembered: bool,
}

impl<U: Account> Clone for Holder<U> {
    fn clone(&self) -> Self {
        Self { session: self.session, user_id: self.user_id.clone(), remembered: self.remembered }
    }
}

impl<U: Account> Holder<U> {
    pub(crate) fn of(session: &Session<U>) -> Self {
        Self { session: session.id, user_id: session.user.id().clone(), remembered: session.remembered }
    }
}

impl<U: Account> Unit<'_, U> {
    /// Reads how an account stands.
    pub(crate) async fn standing(&mut self, user_id: &U::Id) -> Result<Option<Standing<U>>, Error> {
        let Some(row) = self.fetch_optional(StandingOf, &[user_id]).await? else { return Ok(None) };
        let mut row = Reader::<U>::new(&row);
        Ok(Some(Standing {
            user_id: user_id.clone(),
            epoch: row.next()?,
            identifier: row.next()?,
            email: row.next()?,
            confirmed: row.next::<i64>()? == 1,
            disabled_since: row.next()?,
            must_change_since: row.next::<Option<Stamp>>()?.map(|Stamp(since)| since),
        }))
    }

    /// Whether the session that asks for a change is still live in the transaction that makes the change.
    pub(crate) async fn is_live(&mut self, holder: &Holder<U>) -> Result<bool, Error> {
        let (now, id) = (self.stamp(), holder.session.0);
        Ok(self.fetch_optional(SessionIsLive, &[&id, &holder.user_id, &now, &now]).await?.is_some())
    }

    /// Begins a session. The one place that does.
    pub(crate) async fn open_session(
        &mut self,
        account: &ActiveAccount<U>,
        remember: bool,
    ) -> Result<NewSession<U>, Error> {
        let policy = U::POLICY.session;
        let (remembered, idle, absolute) = match policy.remember {
            Some(remember_for) if remember => (true, remember_for, remember_for),
            _ => (false, policy.idle, policy.absolute),
        };
        let token = SessionToken::generate(&self.keys)?;
        let id = SessionId(uuid::Uuid::now_v7());
        let (now, expires) = (self.stamp(), self.after(absolute));
        let facts = self.facts().clone();
        let row = self.fetch_optional(LoadUser, &[&account.user_id]).await?.ok_or_else(gone)?;
        let user = Reader::<U>::new(&row).user()?;
        // Last, so that it can go together with the audit row.
        self.execute_later(
            InsertSession,
            vec![
                Box::new(id.0),
                Box::new(account.user_id.clone()),
                Box::new(token.hash()),
                Box::new(token.key_id().to_owned()),
                Box::new(account.epoch),
                Box::new(i64::from(remembered)),
                Box::new(now),
                Box::new(now),
                Box::new(self.after(idle)),
                Box::new(expires),
                Box::new(facts.network),
                Box::new(facts.user_agent),
                Box::new(facts.note),
            ],
        )
        .await?;
        let Stamp(created_at) = now;
        let session =
            Session { id, user, remembered, created_at, last_seen_at: created_at, expires_at: expires.0 };
        let device = self.recognise(account).await?;
        Ok(NewSession { session, token, device })
    }
}

/// The account was deleted by the host while a step ran. The foreign key makes this all but impossible.
fn gone() -> Error {
    crate::error::Failure::Interrupted("the account was deleted meanwhile".into()).into()
}
