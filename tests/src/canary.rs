//! Secrets that must be nowhere, in every form in which they could be.

use std::collections::BTreeMap;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use sha2::{Digest as _, Sha256};

/// Everything that must be nowhere, and what it is.
#[derive(Debug, Default)]
pub struct Canaries(BTreeMap<String, &'static str>);

impl Canaries {
    /// A secret as it is.
    pub fn add(&mut self, what: &'static str, secret: impl Into<String>) {
        self.0.insert(secret.into().to_lowercase(), what);
    }

    /// A token, and the secret in it as bytes.
    ///
    /// # Panics
    /// It is no token.
    pub fn token(&mut self, what: &'static str, token: &str) {
        self.add(what, token);
        let encoded = token.rsplit('.').next().expect("a part");
        let secret = Base64UrlUnpadded::decode_vec(encoded).expect("base64url");
        self.add(what, encoded);
        self.bytes(what, &secret);
        self.add(what, hex(token.as_bytes()));
        self.add(what, hex(&Sha256::digest(token)));
    }

    /// A secret of bytes, and its hash.
    pub fn bytes(&mut self, what: &'static str, secret: &[u8]) {
        self.add(what, hex(secret));
        self.add(what, hex(&Sha256::digest(secret)));
        // As `{:?}` prints bytes.
        let list = format!("{secret:?}");
        self.add(what, list.trim_matches(['[', ']']));
    }

    /// A password, as it is and as bytes.
    pub fn password(&mut self, password: &str) {
        self.add("a password", password);
        self.bytes("a password", password.as_bytes());
    }

    /// How many forms are looked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What of them is in a text, in whatever case.
    #[must_use]
    pub fn in_text(&self, text: &str) -> Option<&'static str> {
        let folded = text.to_lowercase();
        self.0.iter().find(|(secret, _)| folded.contains(secret.as_str())).map(|(_, what)| *what)
    }

    /// None of them is in a text.
    ///
    /// # Panics
    /// One is.
    pub fn assert_absent(&self, text: &str, place: &str) {
        if let Some(what) = self.in_text(text) {
            panic!("{what} is in {place}: {text}");
        }
    }
}

/// Which of these codes of six digits stands in a text by itself. The fraction of a second has as many digits, and is none.
#[must_use]
pub fn code_in<'c>(codes: &'c [String], text: &str) -> Option<&'c str> {
    let text = without_fractions(text);
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    codes.iter().map(String::as_str).find(|code| words.contains(code))
}

/// A text without the digits behind the point of each number.
fn without_fractions(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut is_fraction = false;
    for letter in text.chars() {
        is_fraction = if is_fraction {
            letter.is_ascii_digit()
        } else {
            letter == '.' && kept.ends_with(|c: char| c.is_ascii_digit())
        };
        if !is_fraction {
            kept.push(letter);
        }
    }
    kept
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// The bytes of a text in hexadecimal; `None` where it is none.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_start_matches("\\x");
    let pairs = digits.as_bytes().chunks(2);
    let whole = !digits.is_empty() && digits.len().is_multiple_of(2) && digits.is_ascii();
    whole.then(|| pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_in_each_of_its_forms() {
        let mut canaries = Canaries::default();
        canaries.password("Canary Song");
        for text in [
            "<canary song>",
            "x'43616E61727920536F6E67'",
            "[67, 97, 110, 97, 114, 121, 32, 83, 111, 110, 103]",
        ] {
            assert_eq!(canaries.in_text(text), Some("a password"), "{text}");
        }
        assert_eq!(canaries.in_text("a sparrow"), None);
        assert_eq!(canaries.len(), 4);
    }

    #[test]
    fn a_code_is_found_where_it_is_no_fraction_of_a_second() {
        let codes = ["271828".to_owned(), "314159".to_owned()];
        for text in ["314159", "code=314159, ", "the code.314159", "1.5 314159.", "\"314159\""] {
            assert_eq!(code_in(&codes, text), Some("314159"), "{text}");
        }
        for text in ["2026-01-01 00:00:00.314159+00", "took 12.314159ms", "0.314159 s", "a314159", "1314159"]
        {
            assert_eq!(code_in(&codes, text), None, "{text}");
        }
    }
}
