//! Passwords: what a visitor types, what is stored, and the rules between them.
//!
//! # Hashes that other software made
//!
//! Copy them into the column as they are, and give the rows accounts by [`adopt_accounts`](crate::Sigra::adopt_accounts): a row that
//! no registration made has none, and nobody signs in to it until then. The first right password replaces each hash by an Argon2id
//! hash of today's cost, in the transaction that opens the session.
//!
//! | form | from | bounds |
//! |---|---|---|
//! | `$argon2id$`, `$argon2i$`, `$argon2d$`, `argon2$argon2id$` | any library that writes PHC strings, Django | 1 GiB, 64 passes, 64 lanes |
//! | `$2a$`, `$2b$`, `$2y$`, `bcrypt$`, `bcrypt_sha256$` | bcrypt, Django | cost 4 to 16 |
//! | `$scrypt$ln=..,r=..,p=..$`, `scrypt$` | PHC, passlib, Django | 256 MiB, p = 16 |
//! | `pbkdf2_sha256$`, `pbkdf2_sha1$`, `$pbkdf2-sha256$`, `$pbkdf2-sha512$`, `$pbkdf2$` | Django, passlib | 10,000,000 rounds |
//! | base64 that begins with `AQ` or `AJ` and the like | ASP.NET Core Identity, versions 3 and 2 | 10,000,000 rounds |
//! | `!..` | Django's mark of an account without a password | |
//!
//! All but Argon2 need the cargo feature `legacy-hashes`; a form of your own needs a [`PasswordVerifier`].
//!
//! A hash beyond the bounds, of no form, under a pepper that this process does not have, or whose verifier panics, is refused like
//! a wrong password: after the same work, and counted. An address without an account has no hash that could fail, so any other
//! answer would tell strangers which addresses have one. The log has an error that says what to do
//! (`password.hash_unreadable`), and the trail the reason `unreadable_hash`.
//!
//! An Argon2id hash is replaced too where today's cost is more work (memory times passes), never because its figures are merely
//! different; and where it lacks today's pepper ([`Builder::pepper`](crate::Builder::pepper)).
//!
//! Passwords are compared in NFC, while other software hashed whatever bytes it got: somebody who typed a decomposed accent
//! there has to reset the password. A password of more than 72 bytes never matches a plain bcrypt hash, which would have
//! forgotten the rest; nor does one with a NUL inside.
//!
//! So that the time of an answer does not tell which account has an imported hash, give one example of each kind to
//! [`Builder::imported_like`](crate::Builder::imported_like).

mod argon2;
mod blocklist;
pub mod breached;
mod calibrate;
mod context;
mod engine;
mod hash;
mod hasher;
#[cfg(feature = "legacy-hashes")]
mod legacy;
mod pattern;
mod pepper;
mod screen;
mod stored;
#[cfg(feature = "zxcvbn")]
mod strength;
mod verifier;

use std::fmt;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::audit::Reason;

pub use self::calibrate::{Cost, calibrate};
pub use self::hash::PasswordHash;
pub(crate) use self::hasher::Hasher;
pub use self::hasher::Hashing;
pub use self::pepper::PEPPER_VARIABLE;
pub(crate) use self::pepper::Peppers;
pub(crate) use self::screen::Screening;
#[cfg(feature = "zxcvbn")]
pub use self::strength::Strength;
pub use self::verifier::PasswordVerifier;

/// Code points that a password may have. NIST SP 800-63B-4 asks for at least 64.
pub const MAX_LENGTH: usize = 256;
/// Bytes that a password may have in NFC.
pub const MAX_BYTES: usize = 1024;

/// How many times as many bytes NFC may take (UAX #15, 12).
const GROWTH: usize = 3;

/// What came of verifying a password.
#[derive(Debug)]
pub(crate) struct Verified {
    /// Whether it is the right one.
    pub(crate) right: bool,
    /// The stored hash could not be verified, so that no password is right. The log says why.
    pub(crate) unreadable: bool,
    /// What to store in place of the old hash, where that is weaker than today's or lacks the pepper.
    pub(crate) upgrade: Option<PasswordHash>,
}

impl Verified {
    /// Why a password is not the right one.
    pub(crate) fn reason(&self) -> Reason {
        if self.unreadable { Reason::UnreadableHash } else { Reason::WrongPassword }
    }
}

/// What the host says of hashes that Sigra did not make.
#[derive(Clone, Default)]
pub(crate) struct Setup {
    pub(crate) verifiers: Vec<Arc<dyn PasswordVerifier>>,
    pub(crate) examples: Vec<String>,
}

/// A password as a visitor typed it, in NFC (NIST SP 800-63B-4 3.1.1.2), never shortened and never shown.
///
/// Wiped from memory when dropped.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password and normalises it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = Zeroizing::new(text.into());
        if unicode_normalization::is_nfc(&text) {
            return Self(text);
        }
        // Room for the worst case: a string that grows leaves pieces of the password behind.
        let mut composed = Zeroizing::new(String::with_capacity(GROWTH * text.len()));
        composed.extend(text.nfc());
        Self(composed)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether it is the same as another that its owner typed. Nobody learns anything by the time that it takes.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }

    /// Longer than any password that can have been set.
    pub(crate) fn is_too_long(&self) -> bool {
        self.0.len() > MAX_BYTES || self.0.chars().count() > MAX_LENGTH
    }

    /// Checks a new password. There are no rules of composition: NIST SP 800-63B-4 forbids them.
    pub(crate) fn check(&self, min_length: u32) -> Result<(), PasswordProblem> {
        let length = self.0.chars().count();
        if length < min_length as usize {
            Err(PasswordProblem::TooShort { min: min_length })
        } else if self.is_too_long() {
            Err(PasswordProblem::TooLong { max: MAX_LENGTH })
        } else {
            Ok(())
        }
    }
}

impl<T: Into<String>> From<T> for Password {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

impl Clone for Password {
    fn clone(&self) -> Self {
        Self(Zeroizing::new(self.0.to_string()))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Why a new password is refused, in words for the visitor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordProblem {
    /// Fewer code points than the policy's minimum.
    #[error(
        "the password is too short: use at least {min} characters; a few words in a row are easy to remember"
    )]
    TooShort {
        /// The minimum, in code points.
        min: u32,
    },
    /// More than can be taken.
    #[error("the password is too long: use at most {max} characters")]
    TooLong {
        /// The maximum, in code points.
        max: usize,
    },
    /// One character or a few over and over, or a row such as `abcdef..` (NIST SP 800-63B-4 3.1.1.2).
    #[error(
        "the password is one short pattern, which is tried first: use a few words that do not belong together"
    )]
    Pattern,
    /// One that many people use (NIST SP 800-63B-4 3.1.1.2, ASVS 6.2.4).
    #[error(
        "many people use this password, so it is tried first: use a few words that do not belong together"
    )]
    Common,
    /// Made of the account's address or the application's name (NIST SP 800-63B-4 3.1.1.2, ASVS 6.2.11).
    #[error("the password is made of your e-mail address or the name of this site: use other words")]
    Context,
    /// Known from a data breach (ASVS 6.2.12). It says nothing about this account.
    #[error(
        "this password is known from a data breach at another site: choose a new one, and change it wherever you use it"
    )]
    Breached,
    /// The password that it is to replace: others may know that one.
    #[error("the new password must differ from the one that has to be replaced: choose another")]
    Unchanged,
    /// Fewer guesses than the host's setting `strength` asks for.
    #[error(
        "the password is too easy to guess{}: make it longer, or use words that do not belong together",
        warning.as_ref().map(|warning| format!(" ({})", warning.trim_end_matches('.'))).unwrap_or_default()
    )]
    Weak {
        /// What makes it so, in English, where zxcvbn has words for it.
        warning: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_code_points_after_nfc() {
        assert_eq!(Password::new("a".repeat(14)).check(15), Err(PasswordProblem::TooShort { min: 15 }));
        assert_eq!(Password::new("a".repeat(15)).check(15), Ok(()));
        // Fifteen letters of two code points each are fifteen after composition.
        assert_eq!(Password::new("e\u{301}".repeat(15)).check(15), Ok(()));
        assert_eq!(
            Password::new("e\u{301}".repeat(14)).check(15),
            Err(PasswordProblem::TooShort { min: 15 })
        );
        assert_eq!(Password::new("\u{1f511}".repeat(64)).check(15), Ok(()));
        assert_eq!(Password::new("a".repeat(257)).check(15), Err(PasswordProblem::TooLong { max: 256 }));
    }

    #[test]
    fn composition_never_outgrows_the_room_that_is_made_for_it() {
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            assert!(text.nfc().map(char::len_utf8).sum::<usize>() <= GROWTH * text.len(), "{c:?}");
        }
        // A musical note of four bytes becomes three of four.
        let notes = "\u{1d15e}".repeat(64);
        let password = Password::new(notes.as_str());
        assert_eq!(password.0.len(), 2 * notes.len());
        assert_eq!(password.0.capacity(), GROWTH * notes.len());
    }

    #[test]
    fn a_password_is_wiped() {
        fn wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        wiped(&Password::new("correct horse battery").0);
    }

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(format!("{:?}", Password::new("correct horse battery")), "Password(..)");
    }
}
