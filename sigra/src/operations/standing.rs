//! Whether an account may be given a session or a token: the proof that every issuer asks for.

use time::OffsetDateTime;

use crate::account::Account;
use crate::assurance::{Assurance, Factor};
use crate::audit::{Actor, Entry, Event, Reason};
use crate::core::Reader;
use crate::error::{Error, Refusal};
use crate::outcome::{Disabled, MustChangePassword, Outcome, Slot as _};
use crate::session::{NewSession, Session, SessionId};
use crate::store::statements::{
    DeleteSurplusSessions, HoldEpoch, InsertDevice, InsertSession, LoadUser, RotateSession, SessionIsLive,
    Standing as StandingOf, SurplusSession,
};
use crate::store::{Row, Stamp};
use crate::token::SessionToken;
use crate::unit::{Unit, Values};

use super::devices::knows_devices;

/// Live sessions of one account.
pub(super) const LIVE_SESSIONS: u16 = 100;

/// How an account stands at the moment of a step.
pub(crate) struct Standing<U: Account> {
    pub(crate) user_id: U::Id,
    pub(crate) epoch: i64,
    pub(crate) identifier: String,
    /// The stored address: the one that mail goes to.
    pub(crate) email: String,
    /// The address is confirmed, or need not be.
    pub(crate) confirmed: bool,
    pub(crate) disabled_since: Option<OffsetDateTime>,
    pub(crate) must_change_since: Option<OffsetDateTime>,
    /// Second factors that count.
    pub(crate) factors: i64,
}

/// What stands in the way, with the payload of the outcome variant where its owner is told.
pub(crate) enum Obstacle<U: Account> {
    /// Whoever registered need not be the owner of the address, so nobody is told.
    Unconfirmed,
    Disabled(U::Disabled),
    MustChangePassword(U::MustChangePassword),
}

impl<U: Account> Obstacle<U> {
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Unconfirmed => Reason::Unconfirmed,
            Self::Disabled(_) => Reason::Disabled,
            Self::MustChangePassword(_) => Reason::MustChangePassword,
        }
    }

    /// The answer to whoever showed the right password.
    pub(crate) fn answer(self) -> Result<Outcome<U>, Refusal> {
        match self {
            Self::Unconfirmed => Err(Refusal::InvalidCredentials),
            Self::Disabled(payload) => Ok(Outcome::Disabled(payload)),
            Self::MustChangePassword(payload) => Ok(Outcome::MustChangePassword(payload)),
        }
    }
}

/// Nothing stands in the way of this account. Made by [`Standing::check`], by `PendingAccount::proved` and `::skipped`, and by
/// [`Checked::continued`] alone; every issuer of a session takes one. It carries what was proved.
pub(crate) struct ActiveAccount<U: Account> {
    user_id: U::Id,
    epoch: i64,
    assurance: Assurance,
}

/// The first factor was right and the second is due: a ticket for a challenge and for nothing else.
pub(crate) struct PendingAccount<U: Account> {
    user_id: U::Id,
    epoch: i64,
    identifier: String,
    first: Assurance,
}

/// An account in whose way nothing stands but, perhaps, the second factor.
pub(crate) enum Checked<U: Account> {
    Active(ActiveAccount<U>),
    #[cfg_attr(not(feature = "totp"), allow(dead_code, reason = "nothing is proved with it there"))]
    SecondFactorDue(PendingAccount<U>),
}

impl<U: Account> Checked<U> {
    pub(crate) fn user_id(&self) -> &U::Id {
        match self {
            Self::Active(account) => &account.user_id,
            Self::SecondFactorDue(account) => &account.user_id,
        }
    }

    pub(crate) fn epoch(&self) -> i64 {
        match self {
            Self::Active(account) => account.epoch,
            Self::SecondFactorDue(account) => account.epoch,
        }
    }

    /// For a session that goes on in another: the second factor that was proved in it is not asked for again.
    pub(crate) fn continued(self, held: &Held) -> Option<ActiveAccount<U>> {
        let (user_id, epoch, first) = match self {
            Self::Active(account) => (account.user_id, account.epoch, account.assurance),
            Self::SecondFactorDue(account) if held.assurance.second.is_some() => {
                (account.user_id, account.epoch, account.first)
            }
            Self::SecondFactorDue(_) => return None,
        };
        Some(ActiveAccount {
            user_id,
            epoch,
            assurance: Assurance { second: held.assurance.second, ..first },
        })
    }
}

#[cfg(feature = "totp")]
impl<U: Account> PendingAccount<U> {
    pub(crate) fn whose(&self) -> Whose<'_, U> {
        Whose { user_id: &self.user_id, epoch: self.epoch, identifier: &self.identifier }
    }

    pub(crate) fn first(&self) -> Factor {
        self.first.first
    }

    /// The second factor of this very account was proved.
    pub(super) fn proved(self, proved: &super::codes::Proved<U>) -> Option<ActiveAccount<U>> {
        let Self { user_id, epoch, first, .. } = self;
        let (factor, at) = proved.by(&user_id)?;
        Some(ActiveAccount { user_id, epoch, assurance: first.with_second(factor, at) })
    }

    /// The browser is trusted by this very account.
    pub(super) fn skipped(self, trusted: &super::trust::Trusted<U>) -> Option<ActiveAccount<U>> {
        let Self { user_id, epoch, first, .. } = self;
        trusted.by(&user_id).then_some(ActiveAccount { user_id, epoch, assurance: first.trusted() })
    }
}

/// An account as tokens name it.
pub(crate) struct Whose<'a, U: Account> {
    pub(crate) user_id: &'a U::Id,
    pub(crate) epoch: i64,
    pub(crate) identifier: &'a str,
}

impl<U: Account> Standing<U> {
    pub(crate) fn whose(&self) -> Whose<'_, U> {
        Whose { user_id: &self.user_id, epoch: self.epoch, identifier: &self.identifier }
    }

    /// Lets an account through, or says what its owner has to be told. The first factor was proved now.
    pub(crate) fn check(self, first: Factor, now: OffsetDateTime) -> Result<Checked<U>, Obstacle<U>> {
        if !self.confirmed {
            return Err(Obstacle::Unconfirmed);
        }
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
        let Self { user_id, epoch, identifier, .. } = self;
        let first = Assurance::first(first, now);
        Ok(if self.factors > 0 && U::POLICY.totp.is_some() {
            Checked::SecondFactorDue(PendingAccount { user_id, epoch, identifier, first })
        } else {
            Checked::Active(ActiveAccount { user_id, epoch, assurance: first })
        })
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

/// The holder's session, as a step found it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) epoch: i64,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) last_seen_at: OffsetDateTime,
    pub(crate) expires_at: OffsetDateTime,
    pub(crate) remembered: bool,
    pub(crate) assurance: Assurance,
    /// Second factors that the account has.
    pub(crate) factors: i64,
}

impl Held {
    /// The account has a second factor, and it was not proved in this session: the browser is trusted, or the factor is new.
    pub(crate) fn lacks_second_factor<U: Account>(&self) -> bool {
        U::POLICY.totp.is_some() && self.factors > 0 && self.assurance.second.is_none()
    }

    pub(crate) fn read<U: Account>(row: &Row) -> Result<Self, Error> {
        let mut row = Reader::<U>::new(row);
        Ok(Self {
            epoch: row.next()?,
            created_at: row.next::<Stamp>()?.0,
            last_seen_at: row.next::<Stamp>()?.0,
            expires_at: row.next::<Stamp>()?.0,
            remembered: row.next::<i64>()? == 1,
            assurance: row.assurance()?,
            factors: row.next()?,
        })
    }
}

impl<U: Account> Holder<U> {
    /// The row of a step that was refused to whoever is signed in. What can be asked for without end, since it changes nothing and
    /// uses nothing up, is a visitor's, as what a limit refuses is everywhere: a flood of it is counted and does not fill the trail.
    pub(super) fn refused(&self, event: Event, reason: Reason) -> Entry {
        let actor = match reason {
            Reason::AccountLimit
            | Reason::NetworkLimit
            | Reason::DeviceLimit
            | Reason::RightPasswordLimit
            | Reason::OverallLimit
            | Reason::FactorLimit
            | Reason::ChangeLimit
            | Reason::SessionEnded
            | Reason::AccountChanged
            | Reason::SudoRequired
            | Reason::PasswordRejected
            | Reason::NothingToDo => Actor::Visitor,
            // Nothing but a lockout limits these for one account.
            Reason::WrongPassword | Reason::UnreadableHash if U::POLICY.lockout.is_none() => Actor::Visitor,
            _ => Actor::Account,
        };
        Entry::refused(event, actor, reason).of(&self.user_id).in_session(self.session)
    }

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
            confirmed: row.confirmed()?,
            disabled_since: row.next()?,
            must_change_since: row.next::<Option<Stamp>>()?.map(|Stamp(since)| since),
            factors: row.next()?,
        }))
    }

    /// The session that asks for a change, as it is in the transaction that makes the change; `None` where it has ended.
    pub(crate) async fn held(&mut self, holder: &Holder<U>) -> Result<Option<Held>, Error> {
        let (now, id) = (self.stamp(), holder.session.0);
        let row = self.fetch_optional(SessionIsLive, &[&id, &holder.user_id, &now, &now]).await?;
        row.as_ref().map(Held::read::<U>).transpose()
    }

    /// Whether that session is still live.
    pub(crate) async fn is_live(&mut self, holder: &Holder<U>) -> Result<bool, Error> {
        Ok(self.held(holder).await?.is_some())
    }

    /// Keeps everybody else from changing the account, or trying a code of it, until this transaction ends. `false`: it is in
    /// another epoch.
    pub(super) async fn hold(&mut self, user_id: &U::Id, epoch: i64) -> Result<bool, Error> {
        Ok(self.execute(HoldEpoch, &[user_id, &epoch]).await?.rows == 1)
    }

    /// Gives a session in which a factor was just proved another secret, so that what was known of it before is worth nothing
    /// (ASVS 7.2.4). The one place that does.
    pub(crate) async fn rotate_session(
        &mut self,
        holder: &Holder<U>,
        held: &Held,
        assurance: Assurance,
    ) -> Result<NewSession<U>, Error> {
        let token = SessionToken::generate(&self.keys)?;
        let (second, second_at) = assurance.second.map(|(factor, at)| (factor.name(), Stamp(at))).unzip();
        let (proved, trusted) = (Stamp(assurance.proved_at), i64::from(assurance.trusted));
        let values: &[&dyn crate::column::Bind] = &[
            &token.hash(),
            &token.key_id(),
            &second,
            &second_at,
            &proved,
            &trusted,
            &holder.session.0,
            &holder.user_id,
        ];
        if self.execute(RotateSession, values).await?.rows != 1 {
            return Err(crate::error::DatabaseError::lost_race().into());
        }
        let row = self.fetch_optional(LoadUser, &[&holder.user_id]).await?.ok_or_else(gone)?;
        let session = Session {
            id: holder.session,
            user: Reader::<U>::new(&row).user()?,
            remembered: held.remembered,
            created_at: held.created_at,
            last_seen_at: held.last_seen_at,
            expires_at: held.expires_at,
            assurance,
        };
        let device = self.recognise(&holder.user_id, held.epoch, assurance.second.is_some()).await?;
        Ok(NewSession { session, token, device })
    }

    /// Ends the live sessions of an account that were unused for longest, so that it has a hundred with a new one: whoever
    /// knows the password could fill the table. The row of the step says how many they were.
    async fn end_surplus_sessions(&mut self, user_id: &U::Id) -> Result<(), Error> {
        let now = self.stamp();
        let others = i64::from(LIVE_SESSIONS - 1);
        if let Some(row) = self.fetch_optional(SurplusSession, &[user_id, &now, &now, &others]).await? {
            let mut row = Reader::<U>::new(&row);
            let (seen, id) = (row.next::<Stamp>()?, row.next::<uuid::Uuid>()?);
            let values: &[&dyn crate::column::Bind] = &[user_id, &now, &now, &seen, &seen, &id];
            self.surplus_sessions = self.execute(DeleteSurplusSessions, values).await?.rows;
        }
        Ok(())
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
        let assurance = account.assurance;
        let (second, second_at) =
            assurance.second.map(|(factor, at)| (factor.name().to_owned(), Stamp(at))).unzip();
        let row = self.fetch_optional(LoadUser, &[&account.user_id]).await?.ok_or_else(gone)?;
        let user = Reader::<U>::new(&row).user()?;
        self.end_surplus_sessions(&account.user_id).await?;
        let row: Values = vec![
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
            Box::new(assurance.first.name().to_owned()),
            Box::new(Stamp(assurance.first_at)),
            Box::new(second),
            Box::new(second_at),
            Box::new(Stamp(assurance.proved_at)),
            Box::new(i64::from(assurance.trusted)),
        ];
        let proved_second = assurance.second.is_some();
        let device = if knows_devices::<U>() && self.client_device().is_none() {
            let (token, device) = self.new_device(&account.user_id, account.epoch, proved_second).await?;
            // Last, so that both go together with the audit row.
            self.execute_later((InsertDevice, InsertSession), [device, row]).await?;
            Some(token)
        } else {
            // The session before the device, whose row there may be: its foreign key locks the user's row, and whoever deletes an
            // account begins with that.
            self.execute_later(InsertSession, [row]).await?;
            self.recognise(&account.user_id, account.epoch, proved_second).await?
        };
        let Stamp(created_at) = now;
        let (last_seen_at, Stamp(expires_at)) = (created_at, expires);
        let session = Session { id, user, remembered, created_at, last_seen_at, expires_at, assurance };
        Ok(NewSession { session, token, device })
    }
}

/// The account was deleted by the host while a step ran. The foreign key makes this all but impossible.
fn gone() -> Error {
    crate::error::Failure::Interrupted("the account was deleted meanwhile".into()).into()
}
