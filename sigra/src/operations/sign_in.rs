//! Sign-in by password.

use crate::account::Account;
use crate::assurance::Factor;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::core::{Operation, Reader, Sigra};
use crate::email::Identifier;
#[cfg(feature = "totp")]
use crate::error::DatabaseError;
use crate::error::{Error, Failure, Refusal};
use crate::feature;
use crate::limits::Bucket;
use crate::outcome::Outcome;
#[cfg(feature = "totp")]
use crate::outcome::Slot as _;
use crate::password::{PasswordHash, Verified};
use crate::session::Credentials;
use crate::store::statements::{CredentialsByNearest, DeleteSessionByToken, HoldEpoch, UpgradePassword};
use crate::telemetry::{Named, watched};
use crate::token::SessionToken;
use crate::unit::{Bookkeeping, Recorded, Shielded, Step, Unit};

use super::MailKind;
use super::attempt::{Attempt, Candidate};
use super::standing::{ActiveAccount, Checked, Obstacle};

#[cfg(test)]
mod speed;

impl<U> Sigra<U> {
    /// Signs in by address and password.
    ///
    /// The attempt is counted in the database before the password is looked at: where the account is known in the client's
    /// device ([`Client::with_device_token`]), for that device alone, and otherwise for the account, the network and everybody,
    /// as `lockout` and `throttle` say. Then one hash is computed whether or not there is such an account, and only then is it
    /// looked at how the account stands: with a wrong password an unknown, a disabled, an unconfirmed and a plain account get one
    /// answer after the same work (ASVS 6.3.8), and so does any password of an account whose stored hash cannot be verified: the
    /// log and the trail tell the operator. A right password clears the account's count, and its owner learns through a variant of
    /// the outcome what stands in the way; a hundred of them an hour are taken for one account, until a mailed link or an operator
    /// opens it again. With `must_change_password` a right one is looked up among breached ones first, which takes two seconds at
    /// most.
    ///
    /// Where even the right password opens nothing it is answered and counted like a wrong one, after the same work: for an
    /// account that failures have shut, and with `confirm_email` for an address that nobody has confirmed. A password there
    /// proves nothing, since anybody may have registered with the address; and a visitor who registers and then signs in learns
    /// not whether the address was free. So say beside every [`Refusal::InvalidCredentials`] of a sign-in, in the same words,
    /// that an address has to be confirmed first, and offer [`resend_confirmation`](Self::resend_confirmation).
    ///
    /// A stored hash that is imported, weaker than today's cost or without today's pepper is replaced in the transaction that
    /// opens the session, unless the password was changed meanwhile. It stays the same password, so the row of the sign-in is
    /// the only one.
    ///
    /// An account has at most a hundred live sessions: one more ends those that were unused for longest, and the row of the sign-in
    /// says how many in its details, as `sessions_ended`.
    ///
    /// Writes one audit row `session.password.sign_in`: success, or refused or failed with the reason. The trail tells apart what the answer
    /// does not.
    ///
    /// # Errors
    /// [`Refusal::InvalidCredentials`], [`Refusal::TooManyAttempts`] before any hash is computed or after too many right passwords,
    /// [`Refusal::Busy`] before a hash is computed, and [`Failure`](crate::Failure); with these two the attempt is not counted unless
    /// the password was looked at.
    pub fn sign_in<'a>(&'a self, credentials: Credentials, client: &'a Client) -> Operation<'a, U::SignIn>
    where
        U: feature::Passwords,
    {
        watched::<U>(Named::SignIn).by(client).run(async move {
            let client = client.clone();
            self.shielded(|shielded| async move {
                shielded.sign_in(credentials, client).await.map(U::SignIn::from)
            })
            .await
        })
    }
}

impl<U: Account> Unit<'_, U> {
    /// Stores a better hash of the same password. `false`: it was changed meanwhile. Where the host itself wrote to the column
    /// its hash stays.
    async fn upgrade_password(&mut self, of: &Candidate<U>, hash: &PasswordHash) -> Result<bool, Error> {
        // Looking is not enough: a change that has not committed yet would be overwritten.
        if self.execute(HoldEpoch, &[&of.user_id, &of.epoch]).await?.rows != 1 {
            return Ok(false);
        }
        self.execute(UpgradePassword, &[hash, &of.user_id, &of.hash]).await?;
        Ok(true)
    }
}

impl<U: feature::Passwords> Shielded<U> {
    async fn sign_in(&self, credentials: Credentials, client: Client) -> Result<Outcome<U>, Error> {
        let identifier = Identifier::of_attempt(&credentials.email);
        self.0.core.hasher.glance()?;
        let reserved = self.step(Reserve { identifier, client: client.clone() }).await??;
        let Reserved { attempt, candidate } = reserved;
        let stored = candidate.as_ref().and_then(|candidate| candidate.hash.clone());
        // Where the right password opens nothing, it must not be known by the work that follows a right one.
        let opens = candidate.as_ref().is_some_and(|candidate| opens_nothing(candidate, &attempt).is_none());
        // A place only now: whoever is at a limit must not keep others from the queue.
        let hasher = &self.0.core.hasher;
        let verified = match hasher.admit() {
            Ok(place) => hasher.verify(place, credentials.password.clone(), stored, opens).await,
            Err(busy) => Err(busy.into()),
        };
        let verified = match verified {
            Ok(verified) => verified,
            Err(error) => return Err(self.undecided(attempt, client, error).await),
        };
        let breached = U::POLICY.must_change_password
            && verified.right
            && opens
            && self.0.core.screening.is_breached(&credentials.password).await;
        let replaces =
            credentials.replaces.and_then(|text| SessionToken::parse(&text, &self.0.core.keys.get()));
        let decide = Decide {
            candidate,
            verified,
            breached,
            attempt,
            remember: credentials.remember,
            replaces: replaces.map(|token| token.hash()),
            client,
        };
        Ok(self.step(decide).await??)
    }
}

/// Why not even the right password of an account opens anything. Known before it is looked at.
fn opens_nothing<U: Account>(candidate: &Candidate<U>, attempt: &Attempt) -> Option<Reason> {
    if attempt.is_shut::<U>(candidate.failures) {
        Some(Reason::PasswordShut)
    } else if !candidate.confirmed {
        Some(Reason::Unconfirmed)
    } else {
        None
    }
}

/// Counts the attempt and reads what there is to verify against.
struct Reserve {
    identifier: Identifier,
    client: Client,
}

/// An attempt that may be looked at, and whose it is.
struct Reserved<U: Account> {
    attempt: Attempt,
    candidate: Option<Candidate<U>>,
}

impl<U: Account> Step<U> for Reserve {
    type Output = Result<Reserved<U>, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        match unit.begin_attempt(self.identifier.clone()).await? {
            Ok(attempt) => {
                let (identifier, bucket) = (self.identifier.as_str(), Bucket::account(&self.identifier));
                let row = unit.fetch_optional(CredentialsByNearest, &[bucket.key(), &identifier]).await?;
                let candidate = match row {
                    Some(row) => Reader::<U>::new(&row).of_address(&self.identifier, Candidate::read)?,
                    None => None,
                };
                Ok(unit.bookkeeping(Bookkeeping::AttemptReserved, Ok(Reserved { attempt, candidate })))
            }
            Err((reason, retry_after)) => {
                let owner = unit.nearest_owner(&self.identifier).await?;
                let entry = Entry::refused(Event::SignIn, Actor::Visitor, reason).maybe_of(owner);
                unit.record(entry, Err(Refusal::TooManyAttempts { retry_after })).await
            }
        }
    }
}

/// Gives the attempt back.
struct Return {
    attempt: Attempt,
    client: Client,
}

impl<U: Account> Step<U> for Return {
    type Output = ();

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<()>, Error> {
        unit.attempt_returned(&self.attempt).await?;
        Ok(unit.bookkeeping(Bookkeeping::AttemptReturned, ()))
    }
}

impl<U: Account> Shielded<U> {
    /// Nothing was decided about an attempt, so nothing is counted: it goes back, and the answer says why. What fails here fails
    /// whichever account it is.
    pub(super) async fn undecided(&self, attempt: Attempt, client: Client, error: Error) -> Error {
        match (error, self.step(Return { attempt, client }).await) {
            (Error::Refused(_), Err(failed)) => failed,
            (error, _) => error,
        }
    }
}

/// Whether a first factor is enough.
enum Way<U: Account> {
    In(ActiveAccount<U>),
    /// With the details of the row.
    SecondFactor(Outcome<U>, String),
}

#[cfg(feature = "totp")]
impl<U: Account> Unit<'_, U> {
    /// Every first factor comes here. Where a second one is due, only a trusted browser goes on without it.
    async fn let_in(&mut self, checked: Checked<U>, remember: bool) -> Result<Way<U>, Error> {
        let pending = match checked {
            Checked::Active(account) => return Ok(Way::In(account)),
            Checked::SecondFactorDue(pending) => pending,
        };
        if let Some(trusted) = self.trusted_browser(&pending).await? {
            let account = pending.skipped(&trusted).ok_or_else(DatabaseError::lost_race)?;
            return Ok(Way::In(account));
        }
        let (challenge, details) = self.challenge(&pending, remember).await?;
        let off = || Failure::Config("a second factor is due and `totp` is off".into());
        let challenge = U::SecondFactor::fill(challenge).ok_or_else(off)?;
        Ok(Way::SecondFactor(Outcome::SecondFactor(challenge), details))
    }
}

#[cfg(not(feature = "totp"))]
impl<U: Account> Unit<'_, U> {
    /// The derive refuses `totp` in a build without it. Should a second factor be due all the same, nobody gets in.
    #[allow(clippy::unused_async, reason = "as with the cargo feature")]
    async fn let_in(&mut self, checked: Checked<U>, _: bool) -> Result<Way<U>, Error> {
        match checked {
            Checked::Active(account) => Ok(Way::In(account)),
            Checked::SecondFactorDue(_) => Err(Failure::Config(
                "a second factor is due; build Sigra with the cargo feature `totp`".into(),
            )
            .into()),
        }
    }
}

/// Turns a verified password into a session, or says why not.
struct Decide<U: Account> {
    candidate: Option<Candidate<U>>,
    verified: Verified,
    /// The right password is known from a breach.
    breached: bool,
    attempt: Attempt,
    remember: bool,
    replaces: Option<Vec<u8>>,
    client: Client,
}

impl<U: Account> Decide<U> {
    /// Whose password it is, or why it opens nothing.
    fn proved(&self) -> Result<&Candidate<U>, (Reason, Option<&U::Id>)> {
        let Some(candidate) = &self.candidate else { return Err((Reason::UnknownAccount, None)) };
        let nothing = if self.verified.right {
            opens_nothing(candidate, &self.attempt)
        } else {
            Some(self.verified.reason())
        };
        match nothing {
            Some(reason) => Err((reason, Some(&candidate.user_id))),
            None => Ok(candidate),
        }
    }
}

impl<U: feature::Passwords> Step<U> for Decide<U> {
    type Output = Result<Outcome<U>, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let refused = |reason| Entry::refused(Event::SignIn, Actor::Visitor, reason);
        let candidate = match self.proved() {
            Ok(candidate) => candidate,
            Err((reason, user_id)) => {
                unit.attempt_failed(&self.attempt).await?;
                let entry = refused(reason).maybe_of(user_id);
                return unit.record(entry, Err(Refusal::InvalidCredentials)).await;
            }
        };
        let user_id = &candidate.user_id;
        // The password may have been changed while this one was being hashed: then it is not the right one any more. Nor does it
        // prove anything if the host took the confirmation back meanwhile, or where the address is not the one that was asked for.
        let changed = || refused(Reason::AccountChanged).of(user_id);
        let standing = unit.standing(user_id).await?.filter(|standing| {
            standing.epoch == candidate.epoch
                && standing.confirmed
                && self.attempt.is_at(&standing.identifier)
        });
        let Some(mut standing) = standing else {
            return unit.record(changed(), Err(Refusal::InvalidCredentials)).await;
        };
        if self.breached && standing.must_change_since.is_none() {
            if !unit.require_change(user_id, standing.epoch).await? {
                return unit.record(changed(), Err(Refusal::InvalidCredentials)).await;
            }
            standing.must_change_since = Some(unit.now);
        }
        let identifier = standing.identifier.clone();
        let standing = standing.check(Factor::Password, unit.now);
        // Before the counters: a change of the password takes the account first, too.
        if standing.is_ok()
            && let Some(hash) = &self.verified.upgrade
            && !unit.upgrade_password(candidate, hash).await?
        {
            return unit.record(changed(), Err(Refusal::InvalidCredentials)).await;
        }
        if let Err(refusal) = unit.count_right_password(&self.attempt).await? {
            return unit.record(refused(Reason::RightPasswordLimit).of(user_id), Err(refusal)).await;
        }
        let checked = match standing {
            Ok(checked) => checked,
            Err(obstacle) => {
                unit.attempt_opened_nothing(&self.attempt, candidate.failures).await?;
                if let Obstacle::MustChangePassword(_) = obstacle {
                    unit.mail_if_allowed(MailKind::MustChangePassword, &Identifier::from_stored(identifier))
                        .await?;
                }
                let entry = refused(obstacle.reason()).of(user_id);
                return unit.record(entry, obstacle.answer()).await;
            }
        };
        unit.attempt_succeeded(&self.attempt, candidate.failures).await?;
        let account = match unit.let_in(checked, self.remember).await? {
            Way::In(account) => account,
            Way::SecondFactor(challenge, details) => {
                let entry = refused(Reason::SecondFactorDue).of(user_id).with_details(details);
                return unit.record(entry, Ok(challenge)).await;
            }
        };
        if let Some(hash) = &self.replaces {
            unit.execute(DeleteSessionByToken, &[hash]).await?;
        }
        let session = unit.open_session(&account, self.remember).await?;
        let entry = Entry::success(Event::SignIn, Actor::Account).of(user_id).in_session(session.session.id);
        unit.record(entry, Ok(Outcome::Complete(session))).await
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::unit::tests::Scratch;

    /// What is read of the nearest address is compared when it is read, and once more before it opens anything.
    #[tokio::test]
    async fn an_attempt_at_one_address_opens_no_account_of_another() {
        let scratch = Scratch::new().await;
        let auth = scratch.open().await;
        auth.migrate().await.unwrap();
        scratch
            .run(
                "INSERT INTO users (id, email) VALUES (1, 'ada@example.com'); \
                 INSERT INTO sigra_accounts (user_id, identifier, epoch, bucket, factor_failures, created_at) \
                 VALUES (1, 'ada@example.com', 0, x'00', 0, 0)",
            )
            .await;
        let reserved = async |email: &str| {
            let client = Client::from_address([192, 0, 2, 1].into());
            auth.perform(Reserve { identifier: Identifier::of_attempt(email), client })
                .await
                .unwrap()
                .unwrap()
        };
        let near = reserved("adaa@example.com").await;
        assert!(near.candidate.is_none());
        for (attempt, opens) in [(near.attempt, false), (reserved("ada@example.com").await.attempt, true)] {
            let decide = Decide {
                candidate: reserved("ada@example.com").await.candidate,
                verified: Verified { right: true, unreadable: false, upgrade: None },
                breached: false,
                attempt,
                remember: false,
                replaces: None,
                client: Client::from_address([192, 0, 2, 1].into()),
            };
            assert_eq!(auth.perform(decide).await.unwrap().is_ok(), opens);
        }
        auth.close().await;
    }
}
