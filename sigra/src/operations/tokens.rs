//! Mailed tokens: how they are issued, found and consumed.

use std::time::Duration;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::account::Account;
use crate::core::Reader;
use crate::error::{Error, Failure};
use crate::keyring::Purpose;
use crate::store::statements::{Consume, CountTry, DeleteTokensFor, InsertToken, NearestCode, TokenByHash};
use crate::store::{Row, Stamp};
use crate::token::{ForConfirmEmail, Token, TokenPurpose};
use crate::unit::Unit;

use super::standing::Whose;

/// A token's row that looked good when it was read. It proves nothing until it is consumed.
pub(super) struct Found<U: Account> {
    pub(super) id: uuid::Uuid,
    pub(super) user_id: U::Id,
    pub(super) identifier: String,
    pub(super) issued_at: OffsetDateTime,
    pub(super) epoch: i64,
    pub(super) expires_at: OffsetDateTime,
    pub(super) extras: Extras,
}

/// What a token remembers of why it was issued.
#[derive(Clone, Debug, Default)]
pub(super) struct Extras {
    /// The visitor asked to be remembered.
    pub(super) remembered: bool,
    /// The first factor, and when it was proved.
    pub(super) factor: Option<String>,
    /// The change that it undoes.
    pub(super) undoes: Option<String>,
    /// What was changed.
    pub(super) about: Option<uuid::Uuid>,
}

/// A token that this transaction, and no other, has consumed.
///
/// Only [`Unit::consume`] makes one. It carries the value it proves: the account, at that address, in that epoch.
pub(super) struct Consumed<U: Account> {
    pub(super) user_id: U::Id,
    pub(super) identifier: String,
    pub(super) epoch: i64,
    pub(super) extras: Extras,
}

impl<U: Account> Found<U> {
    pub(super) fn read(row: &Row) -> Result<Self, Error> {
        let mut row = Reader::<U>::new(row);
        let (id, user_id) = (row.next()?, row.next()?);
        let (identifier, epoch) = (row.next()?, row.next()?);
        let (issued_at, expires_at) = (row.next::<Stamp>()?.0, row.next::<Stamp>()?.0);
        let extras = Extras {
            remembered: row.next::<i64>()? == 1,
            factor: row.next()?,
            undoes: row.next()?,
            about: row.next()?,
        };
        Ok(Self { id, user_id, identifier, issued_at, epoch, expires_at, extras })
    }
}

impl<U: Account> Unit<'_, U> {
    /// Issues a token to an account, with a code beside it or without, and returns its secret.
    pub(super) async fn issue<P: TokenPurpose>(
        &mut self,
        account: &Whose<'_, U>,
        within: Duration,
        code: Option<&str>,
        extras: Extras,
    ) -> Result<Token<P>, Error> {
        self.issue_as(uuid::Uuid::now_v7(), account, within, code, extras).await
    }

    /// The same with an id that is known elsewhere. It is no secret and opens nothing.
    pub(super) async fn issue_as<P: TokenPurpose>(
        &mut self,
        id: uuid::Uuid,
        account: &Whose<'_, U>,
        within: Duration,
        code: Option<&str>,
        extras: Extras,
    ) -> Result<Token<P>, Error> {
        let token = Token::<P>::generate(&self.keys)?;
        let code_hash = match code {
            Some(code) => {
                let keyed = self.keys.mac(token.key_id(), Purpose::ConfirmEmailCode, &bound(id, code));
                Some(keyed.ok_or_else(|| Failure::Config("the keyring is empty".into()))?.to_vec())
            }
            None => None,
        };
        let code_for = code_hash.is_some().then(|| account.identifier.to_owned());
        let (now, expires) = (self.stamp(), self.after(within));
        self.execute(
            InsertToken,
            &[
                &id,
                account.user_id,
                &P::NAME,
                &token.hash(),
                &token.key_id(),
                &code_hash,
                &code_for,
                &account.identifier,
                &account.epoch,
                &i64::from(extras.remembered),
                &extras.factor,
                &extras.undoes,
                &extras.about,
                &now,
                &expires,
            ],
        )
        .await?;
        Ok(token)
    }

    /// The row of a token, if it could be consumed now.
    pub(super) async fn find<P: TokenPurpose>(
        &mut self,
        token: &Token<P>,
    ) -> Result<Option<Found<U>>, Error> {
        self.find_by_hash::<P>(&token.hash()).await
    }

    async fn find_by_hash<P: TokenPurpose>(&mut self, hash: &[u8]) -> Result<Option<Found<U>>, Error> {
        let now = self.stamp();
        let row = self.fetch_optional(TokenByHash, &[&hash, &P::NAME, &now]).await?;
        row.as_ref().map(Found::read).transpose()
    }

    /// Consumes a token; `None` where there is none, or it is no good.
    pub(super) async fn redeem<P: TokenPurpose>(
        &mut self,
        token: Option<&Token<P>>,
    ) -> Result<Option<Consumed<U>>, Error> {
        let Some(token) = token else { return Ok(None) };
        match self.find(token).await? {
            Some(found) => self.consume::<P>(found).await,
            None => Ok(None),
        }
    }

    /// The row of the newest code for an address, if the code is the right one. Whoever calls it has counted the try, by the
    /// address alone: a count at the code would show by its time who waits to be confirmed.
    pub(super) async fn find_by_code(
        &mut self,
        identifier: &str,
        code: &str,
    ) -> Result<Option<Found<U>>, Error> {
        use subtle::ConstantTimeEq as _;

        let row = self.fetch_optional(NearestCode, &[&identifier]).await?;
        // Where there is none at all, one that nobody can have stands in for it.
        let (mut id, mut token_hash, mut expected, mut whose) =
            (uuid::Uuid::nil(), Vec::new(), Vec::new(), String::new());
        if let Some(row) = row {
            let mut row = Reader::<U>::new(&row);
            (id, token_hash, expected, whose) = (row.next()?, row.next()?, row.next()?, row.next()?);
        }
        let right = self
            .keys
            .macs(Purpose::ConfirmEmailCode, &bound(id, code))
            .fold(subtle::Choice::from(0), |right, hash| right | hash.as_slice().ct_eq(&expected));
        if bool::from(right) && whose == identifier {
            return self.find_by_hash::<ForConfirmEmail>(&token_hash).await;
        }
        Ok(None)
    }

    /// Counts a try of a token that was found, and keeps it from being consumed by another until this transaction ends. `false`:
    /// it was consumed meanwhile, or tried too often.
    pub(super) async fn try_token(&mut self, found: &Found<U>, tries: i64) -> Result<bool, Error> {
        Ok(self.execute(CountTry, &[&found.id, &tries]).await?.rows == 1)
    }

    /// Consumes a token: the one primitive for everything that may be used once. Decided by the one row that one conditional
    /// statement changes; its siblings for the same purpose go with it.
    pub(super) async fn consume<P: TokenPurpose>(
        &mut self,
        found: Found<U>,
    ) -> Result<Option<Consumed<U>>, Error> {
        let now = self.stamp();
        if self.execute(Consume, &[&now, &found.id, &P::NAME, &now]).await?.rows != 1 {
            return Ok(None);
        }
        if !P::SIBLINGS_STAY {
            self.execute(DeleteTokensFor, &[&found.user_id, &P::NAME, &found.id]).await?;
        }
        let Found { user_id, identifier, epoch, extras, .. } = found;
        Ok(Some(Consumed { user_id, identifier, epoch, extras }))
    }
}

/// What a code's hash covers: the same digits under another token are another code.
fn bound(token: uuid::Uuid, code: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([token.as_bytes().as_slice(), code.as_bytes()].concat())
}
