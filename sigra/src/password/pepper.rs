//! Peppers: secrets of the application without which a stolen table cannot even be guessed at.

use std::env::VarError;
use std::sync::Arc;

use base64ct::{Base64Unpadded, Encoding as _};
use zeroize::Zeroizing;

use crate::error::{Error, Failure};
use crate::keyring::{Keyring, Purpose};

/// Where [`Builder::build`](crate::Builder::build) finds the peppers, if the host gives none.
pub const PEPPER_VARIABLE: &str = "SIGRA_PEPPER";

/// The secret input of Argon2 (RFC 9106 3.1, `K`).
pub(super) type Secret = Zeroizing<[u8; 32]>;

/// Peppers by id, newest first: the first writes, all verify. Empty where there are none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peppers(Option<Arc<Keyring>>);

impl Peppers {
    /// The host's ring, or the one in the environment.
    pub(crate) fn resolve(given: Option<Keyring>) -> Result<Self, Error> {
        if let Some(given) = given {
            return Ok(Self::from(given));
        }
        Self::of_variable(std::env::var(PEPPER_VARIABLE))
    }

    /// Set but empty is a secret that went missing on its way here, and no decision to have none.
    fn of_variable(variable: Result<String, VarError>) -> Result<Self, Error> {
        match variable.map(Zeroizing::new) {
            Ok(text) => Self::parse(&text).map_err(|error| Failure::Config(error).into()),
            Err(VarError::NotPresent) => Ok(Self::default()),
            Err(VarError::NotUnicode(_)) => {
                Err(Failure::Config(format!("`{PEPPER_VARIABLE}` cannot be used: it is no UTF-8 text"))
                    .into())
            }
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let keys =
            Keyring::parse(text).map_err(|error| format!("`{PEPPER_VARIABLE}` cannot be used: {error}"))?;
        Ok(Self::from(keys))
    }

    /// The ring; `None` where there are no peppers.
    pub(crate) fn ring(&self) -> Option<&Keyring> {
        self.0.as_deref()
    }

    /// The id of the pepper that writes, as the hash names it; empty where there is none.
    pub(super) fn current(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |keys| keys.current().as_bytes())
    }

    /// How the hashes that Sigra writes name a pepper: a part that no other hash has.
    pub(crate) fn naming(id: &str) -> String {
        format!(",keyid={}$", Base64Unpadded::encode_string(id.as_bytes()))
    }

    /// The pepper that a stored hash names; `None` where it names none.
    pub(super) fn secret(&self, id: &[u8]) -> Result<Option<Secret>, Failure> {
        if id.is_empty() {
            return Ok(None);
        }
        let id = std::str::from_utf8(id).unwrap_or("?");
        let found = self.0.as_ref().and_then(|keys| keys.derive(id, Purpose::Pepper));
        found.map(Some).ok_or_else(|| Failure::Pepper { id: id.to_owned() })
    }
}

impl From<Keyring> for Peppers {
    fn from(ring: Keyring) -> Self {
        Self(Some(Arc::new(ring)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_pepper_is_a_failure_that_says_what_to_set() {
        let failure = Peppers::default().secret(b"p1").unwrap_err();
        let text = failure.to_string();
        assert!(text.contains("`p1`") && text.contains("`SIGRA_PEPPER`"), "{text}");
        assert!(Peppers::default().secret(b"").unwrap().is_none());
        assert!(Peppers::parse("p1:short").unwrap_err().contains("`SIGRA_PEPPER` cannot be used"));
    }

    #[test]
    fn a_variable_that_says_nothing_is_refused_and_one_that_is_not_there_means_none() {
        assert!(Peppers::of_variable(Err(VarError::NotPresent)).unwrap().ring().is_none());
        for variable in [Ok(String::new()), Ok(" \n".to_owned()), Err(VarError::NotUnicode("x".into()))] {
            let error = Peppers::of_variable(variable).unwrap_err().to_string();
            assert!(error.contains("`SIGRA_PEPPER` cannot be used"), "{error}");
        }
    }
}
