//! What a new password has to pass, in one place for registration, reset and change.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::breached::{BreachedPasswords, Fingerprint, Unavailable, WhenUnavailable};
use super::context::Words;
use super::{GROWTH, Password, PasswordProblem, blocklist, pattern};
use crate::error::Error;
use crate::telemetry;

/// Host names that new passwords are held against.
const MOST_SITES: usize = 16;

/// What the host said about new passwords when it started Sigra.
#[derive(Debug, Default)]
pub(crate) struct Screening {
    /// Names of the application.
    pub(crate) names: Vec<String>,
    /// Host names that it is served at, as far as they are known by now.
    sites: RwLock<BTreeSet<String>>,
    pub(crate) breached: Option<(Arc<dyn BreachedPasswords>, WhenUnavailable)>,
    #[cfg(feature = "zxcvbn")]
    pub(crate) strength: Option<super::Strength>,
}

impl Screening {
    /// Its visitors know the application by the host name in this address. Of very many, as where each tenant has one, the first
    /// are taken.
    pub(crate) fn served_at(&self, base_url: &str) {
        let rest = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        // An address of numbers is no name.
        if host.contains(char::is_alphabetic) && !host.starts_with('[') {
            let mut sites = self.sites.write().unwrap_or_else(PoisonError::into_inner);
            if sites.len() < MOST_SITES {
                sites.insert(host.to_owned());
            }
        }
    }

    /// Judges a new password for the account of an address. What leaves the process comes last.
    ///
    /// The answer depends on the password and the address that the visitor gave, and never on whether there is an account.
    pub(crate) async fn check(
        &self,
        password: &Password,
        min_length: u32,
        address: &str,
    ) -> Result<(), Error> {
        password.check(min_length)?;
        let words = {
            let sites = self.sites.read().unwrap_or_else(PoisonError::into_inner);
            Words::new(address, &self.names, &*sites)
        };
        look(password, &words)?;
        #[cfg(feature = "zxcvbn")]
        if let Some(strength) = self.strength {
            super::strength::check(password.clone(), &words, strength).await?;
        }
        let Some((breached, when_unavailable)) = &self.breached else { return Ok(()) };
        match answer(&**breached, password, SET_WITHIN).await {
            Ok(false) => Ok(()),
            Ok(true) => Err(PasswordProblem::Breached.into()),
            Err(error) if *when_unavailable == WhenUnavailable::Accept => {
                telemetry::breached_unknown("change", &error);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// How long a new password waits for the source. The operation goes on without its caller, so a source that never answers would
/// keep a place for ever.
const SET_WITHIN: Duration = Duration::from_secs(10);

/// How long a sign-in waits for the source.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(2);

/// What the source says, if it says it in time.
async fn answer(
    breached: &dyn BreachedPasswords,
    password: &Password,
    within: Duration,
) -> Result<bool, Unavailable> {
    let fingerprint = Fingerprint::of(password);
    let answer = tokio::time::timeout(within, breached.contains(&fingerprint)).await;
    answer.unwrap_or_else(|_| Err(Unavailable::new("no answer in time")))
}

impl Screening {
    /// Whether a right password is known from a breach by now. Where that cannot be told, it opens what it opened before.
    pub(crate) async fn is_breached(&self, password: &Password) -> bool {
        let Some((breached, _)) = &self.breached else { return false };
        answer(&**breached, password, LOOK_UP_WITHIN).await.unwrap_or_else(|error| {
            telemetry::breached_unknown("sign_in", &error);
            false
        })
    }
}

/// What can be said without asking anybody.
fn look(password: &Password, words: &Words) -> Result<(), PasswordProblem> {
    let folded = fold(password);
    let characters = Zeroizing::new(folded.chars().collect::<Vec<char>>());
    if words.make_up(&characters) {
        Err(PasswordProblem::Context)
    } else if pattern::is_pattern(&characters) {
        Err(PasswordProblem::Pattern)
    } else if blocklist::contains(&folded) {
        Err(PasswordProblem::Common)
    } else {
        Ok(())
    }
}

/// The form in which passwords are compared with words: lower case, NFC.
fn fold(password: &Password) -> Zeroizing<String> {
    // Room for both steps, so that neither grows and leaves pieces of the password behind.
    let mut lower = Zeroizing::new(String::with_capacity(GROWTH * password.0.len()));
    lower.extend(password.0.chars().flat_map(char::to_lowercase));
    // Lower-casing can leave a decomposed letter behind.
    let mut folded = Zeroizing::new(String::with_capacity(GROWTH * lower.len()));
    folded.extend(lower.nfc());
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(password: &str, min_length: u32) -> Option<PasswordProblem> {
        let screening = Screening { names: vec!["Acme".into()], ..Screening::default() };
        match screening.check(&password.into(), min_length, "ada@example.com").await {
            Ok(()) => None,
            Err(Error::Refused(crate::Refusal::PasswordRejected(problem))) => Some(problem),
            Err(other) => panic!("{other}"),
        }
    }

    #[tokio::test]
    async fn a_site_is_known_by_its_host_name_and_not_by_its_number() {
        let screening = Screening::default();
        let check = async |password: &str| {
            screening.check(&password.into(), 15, "ada@example.com").await.map_err(|error| error.to_string())
        };
        for base_url in ["http://127.0.0.1:3000", "http://[::1]:3000", "https://rockets.acme.example:8443/x"]
        {
            assert_eq!(check("RocketsAcme-2026").await, Ok(()));
            screening.served_at(base_url);
        }
        assert!(check("RocketsAcme-2026").await.is_err());
        assert_eq!(*screening.sites.read().unwrap(), BTreeSet::from(["rockets.acme.example".to_owned()]));
    }

    #[tokio::test]
    async fn every_entry_is_refused_in_any_case() {
        for entry in blocklist::entries() {
            for password in [entry.to_owned(), entry.to_uppercase()] {
                let problem = check(&password, 8).await;
                let common = matches!(problem, Some(PasswordProblem::Common | PasswordProblem::Pattern));
                // A letter that has no single upper case comes back as another.
                assert!(common || entry.to_uppercase().to_lowercase() != entry, "{password}: {problem:?}");
            }
        }
    }

    /// Never says whether it knows a password.
    #[derive(Debug)]
    struct Silent;

    impl BreachedPasswords for Silent {
        fn contains<'a>(&'a self, _: &'a Fingerprint) -> crate::password::breached::Lookup<'a> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn a_source_that_never_answers_is_not_waited_for() {
        let answer = answer(&Silent, &"glacier teapot 47 violins".into(), Duration::from_millis(1)).await;
        assert_eq!(answer, Err(Unavailable::new("no answer in time")));
    }

    #[tokio::test]
    async fn each_reason_is_its_own_and_length_comes_first() {
        assert_eq!(check("aaaaaaa", 8).await, Some(PasswordProblem::TooShort { min: 8 }));
        assert_eq!(check("aaaaaaaa", 8).await, Some(PasswordProblem::Pattern));
        assert_eq!(check("ACMEACMEACMEACME", 15).await, Some(PasswordProblem::Context));
        assert_eq!(check("Ada@Example.com", 15).await, Some(PasswordProblem::Context));
        assert_eq!(check("Correct Horse Battery Staple", 15).await, Some(PasswordProblem::Common));
        assert_eq!(check("passwordPASSWORD", 15).await, Some(PasswordProblem::Common));
        assert_eq!(check("glacier teapot 47 violins", 15).await, None);
        // No composition is asked for, and none helps.
        assert_eq!(check("glacierteapotviolins", 15).await, None);
        assert_eq!(check("Password1234567", 15).await, Some(PasswordProblem::Common));
    }
}
