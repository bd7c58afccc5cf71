//! A stored hash by its form.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ::argon2::{Block, Params};

use super::argon2::{Argon2Hash, unusable};
use super::hash::PasswordHash;
#[cfg(feature = "legacy-hashes")]
use super::legacy::Legacy;
use super::pepper::Peppers;
use super::verifier::PasswordVerifier;
use crate::error::Failure;

/// What a stored hash asks for.
pub(super) enum Stored {
    Argon2(Argon2Hash),
    #[cfg(feature = "legacy-hashes")]
    Legacy(Legacy),
    Host(Arc<dyn PasswordVerifier>, PasswordHash),
}

impl Stored {
    /// Reads a stored hash. One that nothing here understands is a failure: the account needs the operator. `None`: Django's
    /// mark of an account without a password.
    pub(super) fn read(
        hash: PasswordHash,
        peppers: &Peppers,
        verifiers: &[Arc<dyn PasswordVerifier>],
    ) -> Result<Option<Self>, Failure> {
        let text = hash.as_phc();
        if text.starts_with('!') {
            return Ok(None);
        }
        if let Some(argon2) = Argon2Hash::parse(text, peppers) {
            return argon2.map(Self::Argon2).map(Some);
        }
        for verifier in verifiers {
            if ask(|| verifier.recognises(text))? {
                return Ok(Some(Self::Host(verifier.clone(), hash)));
            }
        }
        #[cfg(feature = "legacy-hashes")]
        if let Some(legacy) = Legacy::parse(text) {
            return Ok(Some(Self::Legacy(legacy)));
        }
        Err(unusable(if cfg!(feature = "legacy-hashes") {
            "it is not Argon2, bcrypt, scrypt or PBKDF2 within sane costs, and no `Builder::verifier` recognises it"
        } else {
            "it is not Argon2, and no `Builder::verifier` recognises it; bcrypt, scrypt and PBKDF2 need the cargo \
             feature `legacy-hashes` of `sigra`"
        }))
    }

    /// Whether a password is the right one.
    pub(super) fn verify(&self, password: &[u8], blocks: &mut [Block]) -> Result<bool, Failure> {
        match self {
            Self::Argon2(hash) => hash.verify(password, blocks),
            #[cfg(feature = "legacy-hashes")]
            Self::Legacy(hash) => hash.verify(password),
            Self::Host(verifier, hash) => ask(|| verifier.verify(password, hash.as_phc())),
        }
    }

    /// 1 KiB blocks of Argon2 that it takes to compute it.
    pub(super) fn blocks(&self) -> usize {
        if let Self::Argon2(hash) = self { hash.blocks() } else { 0 }
    }

    /// Whether it costs at least as much as a hash of today.
    pub(super) fn costs_today(&self, today: &Params) -> bool {
        matches!(self, Self::Argon2(hash) if !hash.is_weaker_than(today))
    }

    /// Whether it costs exactly what a hash of today does, and can take its place.
    pub(super) fn is_todays(&self, today: &Params) -> bool {
        matches!(self, Self::Argon2(hash) if hash.costs(today))
    }

    /// Whether both cost the same to compute.
    pub(super) fn same_cost(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Argon2(one), Self::Argon2(two)) => one.same_cost(two),
            #[cfg(feature = "legacy-hashes")]
            (Self::Legacy(one), Self::Legacy(two)) => one.cost() == two.cost(),
            (Self::Host(one, _), Self::Host(two, _)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }

    /// What decides about the cost, for an operator.
    pub(super) fn form(&self) -> String {
        match self {
            Self::Argon2(hash) => hash.form(),
            #[cfg(feature = "legacy-hashes")]
            Self::Legacy(hash) => format!("{:?}", hash.cost()),
            Self::Host(..) => "one of `Builder::verifier`".into(),
        }
    }

    /// What it is to be replaced by once its password is known; `None` where it may stay.
    pub(super) fn successor(&self, today: &Params) -> Option<Params> {
        if let Self::Argon2(hash) = self { hash.successor(today) } else { Some(today.clone()) }
    }
}

/// Asks the host's own code. A panic there concerns the accounts alone whose hashes it knows: it must not become an answer that
/// other addresses do not get.
fn ask(question: impl FnOnce() -> bool) -> Result<bool, Failure> {
    catch_unwind(AssertUnwindSafe(question)).map_err(|_| unusable("a `Builder::verifier` panicked"))
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stored(..)")
    }
}
