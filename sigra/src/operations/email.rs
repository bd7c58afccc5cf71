//! Proof of the address, by link or by code.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::account::Account;
use crate::audit::{Actor, Entry, Event, Reason};
use crate::client::Client;
use crate::core::{Operation, Sigra};
use crate::email::{Address, Identifier};
use crate::error::{Error, Refusal};
use crate::feature;
use crate::limits::{Bucket, Limit};
use crate::store::statements::Confirm;
use crate::telemetry::{Named, watched};
use crate::token::{ForConfirmEmail, Token};
use crate::unit::{Recorded, Step, Unit};

use super::MailKind;
use super::outbox::Ask;

/// The address is confirmed. It is no session: the user signs in with the password.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Confirmed;

impl<U> Sigra<U> {
    /// Consumes the token of a confirmation link. Call it for POST alone: mail scanners follow links by GET.
    ///
    /// Attempts at the account that were counted before are forgotten, as by a link to unlock it: strangers may have made them
    /// before it had an owner.
    ///
    /// Writes one audit row `account.email.confirm`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::InvalidToken`] for one that is wrong, used, expired or voided, [`Refusal::TooManyAttempts`] by `throttle` for a
    /// further one of these, [`Refusal::Busy`], and [`Failure`](crate::Failure).
    pub fn confirm_email<'a>(&'a self, token: &'a str, client: &'a Client) -> Operation<'a, Confirmed>
    where
        U: feature::ConfirmEmail,
    {
        watched::<U>(Named::ConfirmEmail).by(client).run(async move {
            let proof = match Token::parse(token, &self.core.keys.get()) {
                Some(token) => Proof::Link(token),
                None => Proof::Nothing,
            };
            Ok(self.perform(ConfirmBy { proof, client: client.clone() }).await??)
        })
    }

    /// Consumes the six-digit code that the confirmation mail of this address brought. A code belongs to one account. Tries
    /// are counted by address before a code is compared: ten wrong ones in a row, and only links count for a day. It does what the
    /// [link](Self::confirm_email) does.
    ///
    /// Writes one audit row `account.email.confirm`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::InvalidToken`] for one that is wrong, used, expired or voided, [`Refusal::TooManyAttempts`] by `throttle`,
    /// [`Refusal::Busy`], and [`Failure`](crate::Failure).
    pub fn confirm_email_code<'a>(
        &'a self,
        email: &'a str,
        code: &'a str,
        client: &'a Client,
    ) -> Operation<'a, Confirmed>
    where
        U: feature::ConfirmEmail,
    {
        watched::<U>(Named::ConfirmEmailCode).by(client).run(async move {
            // People type the code as the mail shows it, in groups or with a space behind it.
            let mut digits = Zeroizing::new(String::with_capacity(code.len()));
            digits.extend(code.chars().filter(char::is_ascii_digit));
            let proof = Proof::Code(Identifier::of_attempt(email), digits);
            Ok(self.perform(ConfirmBy { proof, client: client.clone() }).await??)
        })
    }

    /// Asks for another confirmation mail. The answer and the work are the same whether or not there is such an account: the
    /// worker finds that out. At most five mails an hour go to one address, in portions that their links outlast, as for
    /// [`request_password_reset`](Self::request_password_reset).
    ///
    /// Writes one audit row `account.email.request_confirmation`: success, or refused or failed with the reason.
    ///
    /// # Errors
    /// [`Refusal::InvalidEmail`], [`Refusal::TooManyAttempts`] by `throttle`, [`Refusal::Busy`], and [`Failure`](crate::Failure).
    pub fn resend_confirmation<'a>(&'a self, email: &'a str, client: &'a Client) -> Operation<'a, ()>
    where
        U: feature::ConfirmEmail,
    {
        watched::<U>(Named::RequestConfirmation).by(client).run(async move {
            let event = Event::RequestConfirmation;
            let identifier = self.looked_at(event, client, Address::parse(email)).await?.identifier();
            let ask = Ask { kind: MailKind::ConfirmEmail, event, identifier, client: client.clone() };
            Ok(self.perform(ask).await??)
        })
    }
}

/// Wrong codes in a row for one address; after them only links count for a day.
const WRONG_CODES: Limit = Limit::InARow { most: 10, wait: Duration::from_hours(24) };

/// What a visitor shows for the address.
enum Proof {
    Link(Token<ForConfirmEmail>),
    Code(Identifier, Zeroizing<String>),
    Nothing,
}

struct ConfirmBy {
    proof: Proof,
    client: Client,
}

impl<U: Account> Step<U> for ConfirmBy {
    type Output = Result<Confirmed, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let found = match &self.proof {
            Proof::Link(token) => unit.find(token).await?,
            Proof::Code(identifier, code) => {
                if let Err((reason, refusal)) = unit.count_request().await? {
                    let entry = Entry::refused(Event::ConfirmEmail, Actor::Visitor, reason);
                    return unit.record(entry, Err(refusal)).await;
                }
                // Over all codes of the address: the tries of each new mail would add up.
                match unit.reserve(&Bucket::codes(identifier), WRONG_CODES).await? {
                    Ok(()) => unit.find_by_code(identifier.as_str(), code).await?,
                    Err(_) => None,
                }
            }
            Proof::Nothing => None,
        };
        let consumed = match found {
            Some(found) => unit.consume::<ForConfirmEmail>(found).await?,
            None => None,
        };
        let Some(consumed) = consumed else {
            // A code was counted before it was compared.
            if let Proof::Code(..) = &self.proof {
                let entry = Entry::refused(Event::ConfirmEmail, Actor::Visitor, Reason::InvalidToken);
                return unit.record(entry, Err(Refusal::InvalidToken)).await;
            }
            return unit.refuse_link(Event::ConfirmEmail).await;
        };
        if let Proof::Code(identifier, _) = &self.proof {
            unit.clear(&Bucket::codes(identifier)).await?;
        }
        unit.confirm(&consumed.user_id).await?;
        // What strangers tried before there was an owner is none of the owner's: a password that they have shut would be answered
        // like a wrong one.
        unit.open_again(&Identifier::from_stored(consumed.identifier)).await?;
        let entry = Entry::success(Event::ConfirmEmail, Actor::Account).of(&consumed.user_id);
        unit.record(entry, Ok(Confirmed)).await
    }
}

impl<U: Account> Unit<'_, U> {
    /// Notes when the address was proved, in the host's column if it has one. A second proof changes nothing.
    pub(super) async fn confirm(&mut self, user_id: &U::Id) -> Result<(), Error> {
        // A column of the host's has sqlx's own form of a time; Sigra's has the one of its tables.
        if U::SCHEMA.confirmed_at.is_some() {
            let now = self.now;
            self.execute(Confirm, &[&now, user_id]).await?;
        } else {
            let now = self.stamp();
            self.execute(Confirm, &[&now, user_id]).await?;
        }
        Ok(())
    }
}
