//! The second step of a sign-in: a challenge, and the code that answers it.

use std::time::Duration;

use crate::account::Account;
use crate::assurance::Factor;
use crate::audit::{Actor, Entry, Event};
use crate::client::Client;
use crate::core::{Operation, Sigra};
use crate::error::{Error, Refusal};
use crate::factors::typed::{Code, Typed};
use crate::feature;
use crate::outcome::SecondFactor;
use crate::session::NewSession;
use crate::store::statements::{DeleteSessionByToken, TokenByHash};
use crate::store::{Rendered, Stamp};
use crate::telemetry::{Named, watched};
use crate::token::{ForSecondFactor, PendingToken, SessionToken, Token, TokenPurpose as _};
use crate::unit::{Recorded, Step, Unit};

use super::codes::Unproved;
use super::standing::{ActiveAccount, Checked, PendingAccount};
use super::tokens::{Extras, Found};

/// How long a sign-in waits for its second factor.
const CHALLENGE_WITHIN: Duration = Duration::from_mins(10);
/// Codes that are looked at for one challenge, whatever other limits say.
const TRIES: i64 = 100;

impl<U> Sigra<U> {
    /// Completes a sign-in whose second factor is due, by a code of an authenticator app or a backup code.
    ///
    /// `pending` is the secret of [`SecondFactor`], from its cookie. The attempt is counted before the code is compared: five
    /// wrong ones in a row, over all factors, browsers and nodes, and the account waits for 15 minutes, each time twice as long
    /// up to a day, but where its owner has proved a second factor before. Its owner is told by mail. A code counts once, and
    /// completes one sign-in: of many requests at once, one.
    ///
    /// Writes one audit row `session.second_factor.prove`: success, or refused or failed with the reason. Its details name the `challenge`, as
    /// do those of the row `session.password.sign_in`, `second_factor_due`, with which the sign-in began.
    ///
    /// # Errors
    /// [`Refusal::InvalidToken`] where the pending sign-in is over: begin anew with the password. [`Refusal::InvalidCode`], after
    /// which it goes on, [`Refusal::TooManyAttempts`], [`Refusal::Busy`], and [`Failure`](crate::Failure).
    pub fn prove_second_factor<'a>(
        &'a self,
        pending: &'a str,
        code: impl Into<Code>,
        client: &'a Client,
    ) -> Operation<'a, NewSession<U>>
    where
        U: feature::Totp,
    {
        let code = code.into();
        watched::<U>(Named::ProveSecondFactor).by(client).run(async move {
            let replaces =
                code.replaces.as_deref().and_then(|text| SessionToken::parse(text, &self.core.keys.get()));
            let prove = Prove {
                token: Token::parse(pending, &self.core.keys.get()),
                typed: code.typed(),
                trust: code.trust,
                replaces: replaces.map(|token| token.hash()),
                client: client.clone(),
            };
            Ok(self.perform(prove).await??)
        })
    }

    /// The pending sign-in that a secret names; `None` where there is none any more. It says nothing of the user: who has
    /// proved one factor alone has not signed in. Writes no audit row.
    ///
    /// # Errors
    /// [`Failure`](crate::Failure).
    pub fn pending_sign_in<'a>(&'a self, pending: &'a str) -> Operation<'a, Option<SecondFactor>>
    where
        U: feature::Totp,
    {
        watched::<U>(Named::PendingSignIn).run(async move {
            let Some(token) = PendingToken::parse(pending, &self.core.keys.get()) else { return Ok(None) };
            let (statement, now) = (Rendered::<U, TokenByHash>::STATEMENT, Stamp(self.core.now()));
            let values: &[&dyn crate::column::Bind] = &[&token.hash(), &ForSecondFactor::NAME, &now];
            let row = self.core.pool.read().await?.fetch_optional(statement, values).await?;
            let found = row.as_ref().map(Found::<U>::read).transpose()?;
            Ok(found.map(|found| SecondFactor::new(token, found.expires_at)))
        })
    }
}

impl<U: Account> Unit<'_, U> {
    /// Begins to wait for the second factor of an account whose first was right. Also gives what the trail says of it.
    pub(super) async fn challenge(
        &mut self,
        account: &PendingAccount<U>,
        remembered: bool,
    ) -> Result<(SecondFactor, String), Error> {
        let factor = Some(account.first().name().to_owned());
        let extras = Extras { remembered, factor, ..Extras::default() };
        let (id, whose) = (uuid::Uuid::now_v7(), account.whose());
        let token = self.issue_as::<ForSecondFactor>(id, &whose, CHALLENGE_WITHIN, None, extras).await?;
        Ok((SecondFactor::new(token, self.after(CHALLENGE_WITHIN).0), details(id)))
    }

    /// The account that a challenge is about, as it stands now. `None`: nothing is due any more, or something else stands in
    /// the way, and the sign-in begins anew.
    async fn challenged(&mut self, found: &Found<U>) -> Result<Option<PendingAccount<U>>, Error> {
        let Some(first) = found.extras.factor.as_deref().and_then(Factor::parse) else { return Ok(None) };
        let Some(standing) = self.standing(&found.user_id).await? else { return Ok(None) };
        match standing.check(first, found.issued_at) {
            Ok(Checked::SecondFactorDue(pending)) => Ok(Some(pending)),
            Ok(Checked::Active(_)) | Err(_) => Ok(None),
        }
    }
}

/// What leads from the row of the first step to those of the second: the challenge, by the id of its row.
fn details(challenge: uuid::Uuid) -> String {
    format!("{{\"challenge\":\"{challenge}\"}}")
}

struct Prove {
    token: Option<PendingToken>,
    typed: Typed,
    trust: bool,
    replaces: Option<Vec<u8>>,
    client: Client,
}

impl Prove {
    /// The account, once everything is proved and used up.
    async fn complete<U: Account>(
        &self,
        unit: &mut Unit<'_, U>,
        found: Found<U>,
    ) -> Result<Result<(ActiveAccount<U>, bool), Unproved>, Error> {
        // From here on nobody else tries a code of this account, nor uses this challenge, nor changes what stands here.
        if !unit.hold(&found.user_id, found.epoch).await? || !unit.try_token(&found, TRIES).await? {
            return Ok(Err(Unproved::OVER));
        }
        let Some(account) = unit.challenged(&found).await? else { return Ok(Err(Unproved::OVER)) };
        let proved = match unit.judge(&account.whose(), &self.typed).await? {
            Ok(proved) => proved,
            Err(unproved) => return Ok(Err(unproved)),
        };
        let Some(consumed) = unit.consume::<ForSecondFactor>(found).await? else {
            return Ok(Err(Unproved::OVER));
        };
        Ok(match account.proved(&proved) {
            Some(account) => Ok((account, consumed.extras.remembered)),
            None => Err(Unproved::OVER),
        })
    }
}

impl<U: feature::Totp> Step<U> for Prove {
    type Output = Result<NewSession<U>, Refusal>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let refused = |reason| Entry::refused(Event::ProveSecondFactor, Actor::Visitor, reason);
        let found = match &self.token {
            Some(token) => unit.find(token).await?,
            None => None,
        };
        let Some(found) = found else {
            return unit.refuse_link(Event::ProveSecondFactor).await;
        };
        let (user_id, challenge) = (found.user_id.clone(), details(found.id));
        let (account, remembered) = match self.complete(unit, found).await? {
            Ok(done) => done,
            Err(Unproved { reason, refusal }) => {
                let entry = refused(reason).of(&user_id).with_details(challenge);
                return unit.record(entry, Err(refusal)).await;
            }
        };
        if let Some(hash) = &self.replaces {
            unit.execute(DeleteSessionByToken, &[hash]).await?;
        }
        let session = unit.open_session(&account, remembered).await?;
        if self.trust {
            unit.trust(&user_id, session.device_token()).await?;
        }
        let entry = Entry::success(Event::ProveSecondFactor, Actor::Account)
            .of(&user_id)
            .in_session(session.session.id)
            .with_details(challenge);
        unit.record(entry, Ok(session)).await
    }
}
