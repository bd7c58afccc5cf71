//! Changing a password, knowing the old one or by a mailed link.

use std::time::Duration;

use crate::account::Account;
use crate::assurance::Factor;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::core::{Operation, Reader, Sigra};
use crate::email::{Address, Identifier};
use crate::error::{Error, Refusal};
use crate::feature;
use crate::invalidation::Change;
use crate::limits::{Bucket, Limit};
use crate::password::{Password, PasswordHash, PasswordProblem};
use crate::session::{NewSession, Session};
use crate::store::statements::{ChangeDone, CredentialsByUser, SetPassword, UpgradePassword};
use crate::telemetry::{Named, watched};
use crate::token::{ForResetPassword, Token};
use crate::unit::{Bookkeeping, Recorded, Shielded, Step, Unit};

use super::MailKind;
use super::attempt::{Attempt, Candidate, ReserveForHolder};
use super::outbox::Ask;
use super::standing::Holder;
use super::tokens::Found;
use super::unlock::Recovered;

/// New passwords that are looked up and compared for one link: each costs work and uses nothing up.
const TRIES: i64 = 100;
/// New passwords of somebody who is signed in that are looked up.
const SCREENINGS: Limit = Limit::InWindow { most: 100, within: Duration::from_hours(1) };

impl<U> Sigra<U> {
    /// Asks for a reset mail. The answer and the work are the same whether or not there is such an account: the worker finds
    /// that out. At most five mails an hour go to one address, in portions that their links outlast: whoever asks in its owner's
    /// place leaves a link that is good. A link that lasts for less than twelve minutes can be had anew after twelve.
    ///
    /// Writes one audit row `account.password.request_reset`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::InvalidEmail`], [`Refusal::TooManyAttempts`] by `throttle`, [`Refusal::Busy`], and [`Failure`](crate::Failure).
    pub fn request_password_reset<'a>(&'a self, email: &'a str, client: &'a Client) -> Operation<'a, ()>
    where
        U: feature::ResetPassword,
    {
        watched::<U>(Named::RequestPasswordReset).by(client).run(async move {
            let event = Event::RequestPasswordReset;
            let identifier = self.looked_at(event, client, Address::parse(email)).await?.identifier();
            let ask = Ask { kind: MailKind::ResetPassword, event, identifier, client: client.clone() };
            Ok(self.perform(ask).await??)
        })
    }

    /// Sets a new password by the token of a reset link. It never signs in: where a second factor is due it still is.
    ///
    /// Ends every session of the account and voids every link but the one that undoes a change of second factors; no device is
    /// known any more but, where `lockout` or `totp` is on, the one that used the link. The link also proves the address, so it
    /// confirms it and ends a lockout. The owner gets a mail. Once in 24 hours it also ends the wait after wrong codes of second
    /// factors and leaves five more codes at least. Where the password has to be replaced, the new one is compared with it first,
    /// which costs one hash more.
    ///
    /// Writes one audit row `account.password.reset`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::PasswordRejected`], with which the link stays good: [`PasswordProblem::Unchanged`] for the password that has to be
    /// replaced. A link may be tried with a hundred passwords. [`Refusal::InvalidToken`] for a link that is wrong, used, expired or voided,
    /// [`Refusal::TooManyAttempts`] by `throttle` for a further one of these, [`Refusal::Busy`], and [`Failure`](crate::Failure).
    pub fn reset_password<'a>(
        &'a self,
        token: &'a str,
        new: impl Into<Password>,
        client: &'a Client,
    ) -> Operation<'a, Recovered>
    where
        U: feature::ResetPassword,
    {
        let new = new.into();
        watched::<U>(Named::ResetPassword).by(client).run(async move {
            // What the account's address has to do with it is looked at once the link has named the account.
            let checked = new.check(U::POLICY.password.min_length);
            self.looked_at(Event::ResetPassword, client, checked).await?;
            let token = Token::parse(token, &self.core.keys.get());
            let client = client.clone();
            self.shielded(|shielded| async move { shielded.reset_password(token, new, client).await }).await
        })
    }

    /// Changes the password of a user who knows the present one (ASVS 6.2.3).
    ///
    /// A wrong one counts like a wrong sign-in, and a right one like a right one. Ends every session of the account, this one
    /// too, voids every link but the one that undoes a change of second factors, forgets every known device but this one, and
    /// returns a new session for the browser that asked. The owner gets a mail. Writes one audit row `account.password.change`:
    /// success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::InvalidCredentials`] where the present password is wrong, [`Refusal::PasswordRejected`], also for the present one,
    /// [`Refusal::TooManyAttempts`], also where a hundred new passwords were looked up within an hour, [`Refusal::Busy`],
    /// [`Refusal::SudoRequired`] where the account has a second factor that was
    /// not proved in this session, [`Refusal::SessionEnded`], and [`Failure`](crate::Failure).
    pub fn change_password<'a>(
        &'a self,
        session: &'a Session<U>,
        current: impl Into<Password>,
        new: impl Into<Password>,
        client: &'a Client,
    ) -> Operation<'a, NewSession<U>>
    where
        U: feature::Passwords,
    {
        let current = current.into();
        let new = new.into();
        watched::<U>(Named::ChangePassword).by(client).within(session).run(async move {
            let (holder, client) = (Holder::of(session), client.clone());
            let address = session.user.email().to_owned();
            self.shielded(|shielded| async move {
                // It changes nothing, however often it is asked for.
                let entry = || holder.refused(Event::ChangePassword, Reason::PasswordRejected);
                let checked = new.check(U::POLICY.password.min_length);
                shielded.judged(entry(), &client, checked.map_err(Error::from)).await?;
                shielded.0.core.hasher.glance()?;
                shielded.step(CountScreening { holder: holder.clone(), client: client.clone() }).await??;
                let screened = shielded.0.screen(&new, &address).await;
                shielded.judged(entry(), &client, screened).await?;
                shielded.change_password(holder, current, new, client).await
            })
            .await
        })
    }
}

impl<U: Account> Sigra<U> {
    /// Judges a new password, before anything is used up, counted or hashed for it.
    pub(super) async fn screen(&self, new: &Password, address: &str) -> Result<(), Error> {
        self.core.screening.check(new, U::POLICY.password.min_length, address).await
    }
}

impl<U: Account> Shielded<U> {
    async fn reset_password(
        &self,
        token: Option<Token<ForResetPassword>>,
        new: Password,
        client: Client,
    ) -> Result<Recovered, Error> {
        let hasher = &self.0.core.hasher;
        hasher.glance()?;
        // A link that is no good costs no look-up and no hash.
        let GoodLink { token, user_id, address, outgoing } =
            self.step(CheckLink { token, client: client.clone() }).await??;
        // It uses nothing up, so it is a visitor's, as with `Holder::refused`.
        let entry = || Entry::success(Event::ResetPassword, Actor::Visitor).of(&user_id);
        self.judged(entry(), &client, self.0.screen(&new, &address).await).await?;
        // One that cannot be verified opens nothing, so there is nothing to keep out of the way.
        if let Some(outgoing) = outgoing.clone()
            && hasher.verify(hasher.admit()?, new.clone(), Some(outgoing), false).await?.right
        {
            return self.judged(entry(), &client, Err(PasswordProblem::Unchanged.into())).await;
        }
        let hash = hasher.hash(hasher.admit()?, new).await?;
        Ok(self.step(Reset { token, hash, outgoing, client }).await??)
    }

    async fn change_password(
        &self,
        holder: Holder<U>,
        current: Password,
        new: Password,
        client: Client,
    ) -> Result<NewSession<U>, Error> {
        let hasher = &self.0.core.hasher;
        let event = Event::ChangePassword;
        let reserve = ReserveForHolder { event, holder: holder.clone(), client: client.clone() };
        let (mut candidate, attempt) = self.step(reserve).await??;
        let stored = candidate.hash.take();
        let is_shut = attempt.is_shut::<U>(candidate.failures);
        let unchanged = new.is(&current);
        let hash = async {
            // No upgrade: a new password takes its place.
            let verified = hasher.verify(hasher.admit()?, current, stored, false).await?;
            if !verified.right {
                return Ok(Err(verified.reason()));
            }
            if is_shut {
                return Ok(Err(Reason::PasswordShut));
            }
            if unchanged {
                return Ok(Ok(None));
            }
            hasher.hash(hasher.admit()?, new).await.map(|hash| Ok(Some(hash)))
        };
        let hash = match hash.await {
            Ok(hash) => hash,
            Err(error) => return Err(self.undecided(attempt, client, error).await),
        };
        let entry = holder.refused(event, Reason::AccountChanged);
        let by = client.clone();
        let changed = self.step(ChangePassword { holder, candidate, hash, attempt, client }).await;
        Ok(self.judged(entry, &by, changed).await??)
    }
}

/// Counts a new password of somebody who is signed in, before it is looked up.
struct CountScreening<U: Account> {
    holder: Holder<U>,
    client: Client,
}

impl<U: Account> Step<U> for CountScreening<U> {
    type Output = Result<(), Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let user_id = &self.holder.user_id;
        let counted = Bookkeeping::RequestCounted;
        // The step that looks whether the session is live refuses it.
        let Some(standing) = unit.standing(user_id).await? else {
            return Ok(unit.bookkeeping(counted, Ok(())));
        };
        let bucket = Bucket::screenings(&Identifier::from_stored(standing.identifier));
        match unit.reserve(&bucket, SCREENINGS).await? {
            Ok(()) => Ok(unit.bookkeeping(counted, Ok(()))),
            Err(reached) => {
                let entry = self.holder.refused(Event::ChangePassword, Reason::AccountLimit);
                let refusal = Refusal::TooManyAttempts { retry_after: reached.retry_after };
                unit.record(entry, Err(refusal)).await
            }
        }
    }
}

/// Looks whether a reset link is good, and for which address, without using it up.
struct CheckLink {
    token: Option<Token<ForResetPassword>>,
    client: Client,
}

/// A link that was good when it was looked at.
struct GoodLink<U: Account> {
    token: Token<ForResetPassword>,
    user_id: U::Id,
    address: String,
    /// What is stored of the password, where it has to be replaced by another.
    outgoing: Option<PasswordHash>,
}

impl<U: Account> Step<U> for CheckLink {
    type Output = Result<GoodLink<U>, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        if let Some(token) = &self.token
            && let Some(found) = unit.find(token).await?
        {
            let Ok(outgoing) = unit.outgoing(&found).await? else {
                return unit.record(invalid_link().of(&found.user_id), Err(Refusal::InvalidToken)).await;
            };
            let Found { user_id, identifier: address, .. } = found;
            let good = GoodLink { token: token.clone(), user_id, address, outgoing };
            return Ok(unit.bookkeeping(Bookkeeping::LinkLookedAt, Ok(good)));
        }
        unit.refuse_link(Event::ResetPassword).await
    }
}

/// A link was tried with too many passwords, or consumed meanwhile.
struct UsedUp;

impl<U: Account> Unit<'_, U> {
    /// What is stored of the password that a link is to replace, if the new one must be another. The look is counted first.
    async fn outgoing(&mut self, found: &Found<U>) -> Result<Result<Option<PasswordHash>, UsedUp>, Error> {
        if !self.try_token(found, TRIES).await? {
            return Ok(Err(UsedUp));
        }
        let standing = self.standing(&found.user_id).await?;
        if standing.is_none_or(|standing| standing.must_change_since.is_none()) {
            return Ok(Ok(None));
        }
        let row = self.fetch_optional(CredentialsByUser, &[&found.user_id]).await?;
        let candidate = row.map(|row| Candidate::read(&mut Reader::<U>::new(&row))).transpose()?;
        Ok(Ok(candidate.and_then(|candidate| candidate.hash)))
    }
}

fn invalid_link() -> Entry {
    Entry::refused(Event::ResetPassword, Actor::Visitor, Reason::InvalidToken)
}

struct Reset {
    token: Token<ForResetPassword>,
    hash: PasswordHash,
    /// What the new password was compared with.
    outgoing: Option<PasswordHash>,
    client: Client,
}

impl<U: Account> Step<U> for Reset {
    type Output = Result<Recovered, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let Some(consumed) = unit.redeem(Some(&self.token)).await? else {
            return unit.refuse_link(Event::ResetPassword).await;
        };
        let user_id = &consumed.user_id;
        // The account cannot have had another hash since, in the same epoch, unless the host itself wrote one. Then it is undone, and
        // the link is as good as before.
        if let Some(outgoing) = &self.outgoing
            && unit.hold(user_id, consumed.epoch).await?
            && unit.execute(UpgradePassword, &[&self.hash, user_id, outgoing]).await?.rows != 1
        {
            return Err(Refusal::Busy { retry_after: Duration::from_secs(1) }.into());
        }
        if !unit.replace_password(Change::PasswordReset, user_id, consumed.epoch, &self.hash).await? {
            return unit.record(invalid_link().of(user_id), Err(Refusal::InvalidToken)).await;
        }
        let identifier = Identifier::from_stored(consumed.identifier);
        // The link proves the address, and the password is from whoever used it.
        unit.confirm(user_id).await?;
        let recovered = unit.recover(user_id, &identifier).await?;
        #[cfg(feature = "totp")]
        unit.let_codes_be_tried_again(user_id, &identifier).await?;
        unit.enqueue(MailKind::PasswordChanged, &identifier).await?;
        let entry = Entry::success(Event::ResetPassword, Actor::Account).of(user_id);
        unit.record(entry, Ok(recovered)).await
    }
}

struct ChangePassword<U: Account> {
    holder: Holder<U>,
    candidate: Candidate<U>,
    /// The new hash, where the present password was right and opens something; none where the new password is the same.
    hash: Result<Option<PasswordHash>, Reason>,
    attempt: Attempt,
    client: Client,
}

impl<U: Account> Step<U> for ChangePassword<U> {
    type Output = Result<NewSession<U>, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let Holder { user_id, remembered, .. } = &self.holder;
        let refused = |reason| self.holder.refused(Event::ChangePassword, reason);
        let hash = match &self.hash {
            Ok(hash) => hash,
            Err(reason) => {
                unit.attempt_failed(&self.attempt).await?;
                return unit.record(refused(*reason), Err(Refusal::InvalidCredentials)).await;
            }
        };
        let Some(held) = unit.held(&self.holder).await? else {
            return unit.record(refused(Reason::SessionEnded), Err(Refusal::SessionEnded)).await;
        };
        // Before the counters, as wherever the password was right.
        if !unit.hold(user_id, self.candidate.epoch).await? {
            return unit.record(refused(Reason::AccountChanged), Err(Refusal::SessionEnded)).await;
        }
        let failures = self.candidate.failures;
        if let Err((reason, refusal)) = unit.lets_right_password_go_on(&held, &self.attempt, failures).await?
        {
            return unit.record(refused(reason), Err(refusal)).await;
        }
        let Some(hash) = hash else {
            unit.attempt_opened_nothing(&self.attempt, failures).await?;
            let refusal = PasswordProblem::Unchanged.into();
            return unit.record(refused(Reason::PasswordUnchanged), Err(refusal)).await;
        };
        if !unit.replace_password(Change::PasswordChanged, user_id, self.candidate.epoch, hash).await? {
            return unit.record(refused(Reason::AccountChanged), Err(Refusal::SessionEnded)).await;
        }
        unit.attempt_succeeded(&self.attempt, failures).await?;
        #[cfg(feature = "totp")]
        unit.forget_wrong_codes(user_id).await?;
        let standing = unit.standing(user_id).await?;
        let identifier =
            standing.as_ref().map(|standing| Identifier::from_stored(standing.identifier.clone()));
        let account = standing
            .and_then(|standing| standing.check(Factor::Password, unit.now).ok())
            .and_then(|checked| checked.continued(&held));
        let (Some(account), Some(identifier)) = (account, identifier) else {
            // Disabled or deleted since the check above, within this very transaction: undo it all.
            return Err(Refusal::SessionEnded.into());
        };
        let next = unit.open_session(&account, *remembered).await?;
        unit.enqueue(MailKind::PasswordChanged, &identifier).await?;
        let entry =
            Entry::success(Event::ChangePassword, Actor::Account).of(user_id).in_session(next.session.id);
        unit.record(entry, Ok(next)).await
    }
}

impl<U: Account> Unit<'_, U> {
    /// Sets the password and ends everything that the old one opened. `false`: the account changed meanwhile.
    pub(super) async fn replace_password(
        &mut self,
        change: Change,
        user_id: &U::Id,
        epoch: i64,
        hash: &PasswordHash,
    ) -> Result<bool, Error> {
        if self.invalidate(change, user_id, epoch, None).await?.is_none() {
            return Ok(false);
        }
        self.set_password(user_id, hash).await?;
        Ok(true)
    }

    /// The statements of [`replace_password`](Self::replace_password) for an account that is none.
    pub(super) async fn replace_nothing(
        &mut self,
        change: Change,
        nobody: &U::Id,
        hash: &PasswordHash,
    ) -> Result<(), Error> {
        self.invalidate_nothing(change, nobody).await?;
        self.set_password(nobody, hash).await
    }

    async fn set_password(&mut self, user_id: &U::Id, hash: &PasswordHash) -> Result<(), Error> {
        self.execute(SetPassword, &[hash, user_id]).await?;
        self.execute(ChangeDone, &[user_id]).await?;
        Ok(())
    }
}
