//! Passwords: what a visitor types, what is stored, and the rules between them.

mod blocklist;
pub mod breached;
mod context;
mod hash;
mod hasher;
mod pattern;
mod screen;
#[cfg(feature = "zxcvbn")]
mod strength;

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

pub use self::hash::PasswordHash;
pub(crate) use self::hasher::Hasher;
pub use self::hasher::Hashing;
pub(crate) use self::screen::Screening;
#[cfg(feature = "zxcvbn")]
pub use self::strength::Strength;

/// Code points that a password may have. NIST SP 800-63B-4 asks for at least 64.
pub const MAX_LENGTH: usize = 256;
/// Bytes that a password may have in NFC.
pub const MAX_BYTES: usize = 1024;

/// A password as a visitor typed it, in NFC (NIST SP 800-63B-4 3.1.1.2), never shortened and never shown.
///
/// Wiped from memory when dropped.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password and normalises it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = Zeroizing::new(text.into());
        Self(Zeroizing::new(text.nfc().collect()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
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
    fn a_password_is_never_shown() {
        assert_eq!(format!("{:?}", Password::new("correct horse battery")), "Password(..)");
    }
}
