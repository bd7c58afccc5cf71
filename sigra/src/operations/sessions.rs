//! Sessions: the check, the list, and their end.

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::core::{Operation, Reader, Sigra};
use crate::error::{DatabaseErrorKind, Error, Refusal};
use crate::feature;
use crate::session::{Session, SessionId, SessionInfo};
use crate::store::statements::{
    DeleteDevices, DeleteOtherSessions, DeleteSession, DeleteSessions, LiveSessions, SessionByToken,
    TouchSession,
};
use crate::store::{Rendered, Stamp};
use crate::telemetry::{self, Named, watched};
use crate::token::SessionToken;
use crate::unit::{Bookkeeping, Recorded, Step, Unit};

use super::standing::{Holder, LIVE_SESSIONS};

impl<U> Sigra<U> {
    /// Finds the live session of a token, with its user: one indexed statement on one connection.
    ///
    /// `None` for a token that is malformed, unknown, revoked, idle for too long or expired, whose account was disabled or
    /// deleted, or whose password was changed: a visitor gets no more than "not signed in". Nothing is cached, so a
    /// session that was revoked anywhere is refused by the next request everywhere (ASVS 7.4.1).
    ///
    /// Writes the time of last use at most once in `session(touch)`, and no audit row.
    ///
    /// # Errors
    /// [`Failure`](crate::Failure): the database did not answer. Never take it for "not signed in" when that would open a door.
    pub fn session<'a>(&'a self, token: &'a str) -> Operation<'a, Option<Session<U>>>
    where
        U: feature::Sessions,
    {
        watched::<U>(Named::CheckSession).run(async move {
            let found = self.live_session(token).await?;
            telemetry::session_checked(U::SCHEMA.user_type, found.is_some());
            Ok(found)
        })
    }

    async fn live_session(&self, token: &str) -> Result<Option<Session<U>>, Error>
    where
        U: feature::Sessions,
    {
        let Some(token) = SessionToken::parse(token, &self.core.keys.get()) else { return Ok(None) };
        let now = self.core.now();
        let values: &[&dyn crate::column::Bind] = &[&token.hash(), &Stamp(now), &Stamp(now)];
        let statement = Rendered::<U, SessionByToken>::STATEMENT;
        let row = match self.core.pool.read().await?.fetch_optional(statement, values).await {
            // The server was restarted while the connection lay idle; a read can be asked again.
            Err(error) if error.kind == DatabaseErrorKind::Disconnected => {
                self.core.pool.read().await?.fetch_optional(statement, values).await?
            }
            row => row?,
        };
        let Some(row) = row else { return Ok(None) };
        let mut row = Reader::<U>::new(&row);
        let session = Session {
            id: SessionId(row.next()?),
            created_at: row.next::<Stamp>()?.0,
            last_seen_at: row.next::<Stamp>()?.0,
            expires_at: row.next::<Stamp>()?.0,
            remembered: row.next::<i64>()? == 1,
            assurance: row.assurance()?,
            user: row.user()?,
        };
        let policy = U::POLICY.session;
        if now - session.last_seen_at >= policy.touch {
            let idle = if session.remembered { policy.remember.unwrap_or(policy.idle) } else { policy.idle };
            let seen = Stamp(session.last_seen_at);
            let touch = Touch { id: session.id, seen, idle, client: Client::unknown() };
            // The session is good whether or not this is written; at worst it ends a little earlier.
            if let Err(error) = self.perform(touch).await {
                telemetry::touch_failed(&error);
            }
        }
        Ok(Some(session))
    }

    /// The live sessions of the user, the last used first: no account has more than a hundred. Writes no audit row.
    ///
    /// # Errors
    /// [`Failure`](crate::Failure).
    pub fn sessions<'a>(&'a self, session: &'a Session<U>) -> Operation<'a, Vec<SessionInfo>>
    where
        U: feature::Sessions,
    {
        watched::<U>(Named::ListSessions).within(session).run(async move {
            let now = Stamp(self.core.now());
            let statement = Rendered::<U, LiveSessions>::STATEMENT;
            let most = i64::from(LIVE_SESSIONS);
            let values: &[&dyn crate::column::Bind] = &[session.user.id(), &now, &now, &most];
            let rows = self.core.pool.read().await?.fetch(statement, values).await?;
            rows.iter()
                .map(|row| {
                    let mut row = Reader::<U>::new(row);
                    let id = SessionId(row.next()?);
                    Ok(SessionInfo {
                        id,
                        current: id == session.id,
                        created_at: row.next::<Stamp>()?.0,
                        last_seen_at: row.next::<Stamp>()?.0,
                        expires_at: row.next::<Stamp>()?.0,
                        remembered: row.next::<i64>()? == 1,
                        network: row.next()?,
                        user_agent: row.next()?,
                        note: row.next()?,
                    })
                })
                .collect()
        })
    }

    /// Ends the session on the server. Writes one audit row `session.own.sign_out`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::SessionEnded`] where it had ended already, [`Refusal::Busy`], and
    /// [`Failure`](crate::Failure).
    pub fn sign_out<'a>(&'a self, session: &'a Session<U>, client: &'a Client) -> Operation<'a, ()>
    where
        U: feature::Sessions,
    {
        watched::<U>(Named::SignOut)
            .by(client)
            .within(session)
            .run(async move { self.end(session, Which::Own, client).await.map(|_| ()) })
    }

    /// Ends one of the user's sessions. `false`: the user has no such session, whoever else may have it.
    /// Writes one audit row `session.other.revoke`: success, or refused or failed with the reason, `nothing_to_do` for `false`.
    ///
    /// # Errors
    /// [`Refusal::SessionEnded`] where the asking session has ended, [`Refusal::Busy`], and
    /// [`Failure`](crate::Failure).
    pub fn revoke_session<'a>(
        &'a self,
        session: &'a Session<U>,
        id: SessionId,
        client: &'a Client,
    ) -> Operation<'a, bool>
    where
        U: feature::Sessions,
    {
        watched::<U>(Named::RevokeSession)
            .by(client)
            .within(session)
            .run(async move { self.end(session, Which::One(id), client).await.map(|ended| ended > 0) })
    }

    /// Ends every other session of the user and returns how many. Writes one audit row `session.others.revoke`: success, or
    /// refused with the reason, `nothing_to_do` where there was none.
    ///
    /// # Errors
    /// [`Refusal::SessionEnded`] where the asking session has ended, [`Refusal::Busy`], and
    /// [`Failure`](crate::Failure).
    pub fn revoke_other_sessions<'a>(
        &'a self,
        session: &'a Session<U>,
        client: &'a Client,
    ) -> Operation<'a, u64>
    where
        U: feature::Sessions,
    {
        watched::<U>(Named::RevokeOtherSessions)
            .by(client)
            .within(session)
            .run(async move { self.end(session, Which::Others, client).await })
    }

    /// Ends every session of the user, this one too, forgets every known device, and returns how many sessions. Writes one audit
    /// row `session.all.revoke`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::SessionEnded`] where the asking session has ended, [`Refusal::Busy`], and
    /// [`Failure`](crate::Failure).
    pub fn revoke_all_sessions<'a>(
        &'a self,
        session: &'a Session<U>,
        client: &'a Client,
    ) -> Operation<'a, u64>
    where
        U: feature::Sessions,
    {
        watched::<U>(Named::RevokeAllSessions)
            .by(client)
            .within(session)
            .run(async move { self.end(session, Which::All, client).await })
    }

    async fn end(&self, session: &Session<U>, which: Which, client: &Client) -> Result<u64, Error>
    where
        U: feature::Sessions,
    {
        Ok(self.perform(End::<U> { holder: Holder::of(session), which, client: client.clone() }).await??)
    }
}

/// Which sessions end.
#[derive(Clone, Copy, Debug)]
enum Which {
    Own,
    One(SessionId),
    Others,
    All,
}

struct End<U: Account> {
    holder: Holder<U>,
    which: Which,
    client: Client,
}

impl<U: Account> Step<U> for End<U> {
    type Output = Result<u64, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let Holder { session, user_id, .. } = &self.holder;
        let SessionId(own) = session;
        let event = match self.which {
            Which::Own => Event::SignOut,
            Which::One(_) => Event::RevokeSession,
            Which::Others => Event::RevokeOtherSessions,
            Which::All => Event::RevokeAllSessions,
        };
        let refused = |reason| self.holder.refused(event, reason);
        if !unit.is_live(&self.holder).await? {
            return unit.record(refused(Reason::SessionEnded), Err(Refusal::SessionEnded)).await;
        }
        let done = match self.which {
            Which::Own | Which::All => unit.execute(DeleteSession, &[own, user_id]).await?,
            Which::One(SessionId(id)) => unit.execute(DeleteSession, &[&id, user_id]).await?,
            Which::Others => unit.execute(DeleteOtherSessions, &[user_id, own]).await?,
        };
        let mut ended = done.rows;
        if ended == 0 {
            return match self.which {
                // Another request ended it since it was looked at.
                Which::Own | Which::All => {
                    unit.record(refused(Reason::SessionEnded), Err(Refusal::SessionEnded)).await
                }
                Which::One(_) | Which::Others => unit.record(refused(Reason::NothingToDo), Ok(0)).await,
            };
        }
        if let Which::All = self.which {
            // Whoever signs out everywhere does not trust everywhere.
            unit.execute(DeleteDevices, &[user_id]).await?;
            ended += unit.execute(DeleteSessions, &[user_id]).await?.rows;
        }
        let entry = Entry::success(event, Actor::Account).of(user_id).in_session(*session);
        unit.record(entry, Ok(ended)).await
    }
}

/// Moves the time of last use.
struct Touch {
    id: SessionId,
    seen: Stamp,
    idle: std::time::Duration,
    client: Client,
}

impl<U: Account> Step<U> for Touch {
    type Output = ();

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<()>, Error> {
        let (now, idle_until) = (unit.stamp(), unit.after(self.idle));
        unit.execute(TouchSession, &[&now, &idle_until, &self.id.0, &self.seen]).await?;
        Ok(unit.bookkeeping(Bookkeeping::LastSeen, ()))
    }
}
