//! A code as somebody typed it: one text is one attempt at one kind of factor.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::backup::BackupCode;

/// Characters that are looked at.
const MOST: usize = 100;

/// What was typed to prove a second factor, and what is wanted with it.
///
/// Blanks and dashes do not matter, nor whether a digit is a full-width one. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Code {
    text: Zeroizing<String>,
    pub(crate) trust: bool,
    pub(crate) replaces: Option<String>,
}

impl Code {
    /// A code of an authenticator app, or a backup code.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: Zeroizing::new(text.into()), trust: false, replaces: None }
    }

    /// Asks that this browser may skip the second factor for the time of `trusted_browser(within = "..")`. Without that key, and
    /// in a step-up, it changes nothing.
    #[must_use]
    pub fn trust(mut self, trust: bool) -> Self {
        self.trust = trust;
        self
    }

    /// The session token that the request came with, if any: the sign-in that is completed ends that session.
    #[must_use]
    pub fn replacing(mut self, token: Option<&str>) -> Self {
        self.replaces = token.map(str::to_owned);
        self
    }

    pub(crate) fn typed(&self) -> Typed {
        let plain: Zeroizing<String> = Zeroizing::new(
            self.text.nfkc().take(MOST).filter(|c| !c.is_whitespace() && !is_dash(*c)).collect(),
        );
        if plain.len() == 6 && plain.bytes().all(|byte| byte.is_ascii_digit()) {
            return Typed::Totp(plain);
        }
        BackupCode::parse(&plain).map_or(Typed::Nothing, Typed::Backup)
    }
}

fn is_dash(c: char) -> bool {
    c == '-' || ('\u{2010}'..='\u{2015}').contains(&c) || c == '\u{2212}'
}

impl From<&str> for Code {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Code {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("trust", &self.trust).finish_non_exhaustive()
    }
}

/// Which kind of code it may be. No text is two of them.
#[derive(Clone)]
pub(crate) enum Typed {
    Totp(Zeroizing<String>),
    Backup(BackupCode),
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_dashes_do_not_matter() {
        for text in ["123456", " 123 456 ", "123-456", "\u{ff11}\u{ff12}\u{ff13}456", "123\u{a0}456\n"] {
            assert!(matches!(Code::new(text).typed(), Typed::Totp(code) if *code == "123456"), "{text}");
        }
        for text in [
            "abcd-EFGH-1234-5678-9abc-defg",
            "abcd efgh 1234 5678 9abc defg",
            "ABCD\u{2013}EFGH123456789ABCDEFG",
        ] {
            assert!(matches!(Code::new(text).typed(), Typed::Backup(_)), "{text}");
        }
        for text in ["", "12345", "1234567", "hello", &"1".repeat(5000)] {
            assert!(matches!(Code::new(text).typed(), Typed::Nothing), "{text}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", Code::new("123456").trust(true)), "Code { trust: true, .. }");
    }
}
