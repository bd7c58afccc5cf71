//! Backup codes: 120 random bits each, in letters that people do not mix up, stored as a keyed hash that is bound to the user.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Error, Failure};
use crate::keyring::{Keyring, Purpose};

/// Bytes of a code: 120 bits (NIST SP 800-63B-4 3.1.2 asks for 20 where codes are limited, ASVS 6.5.2 for 112).
const BYTES: usize = 15;
/// Letters of a code.
pub(crate) const LETTERS: usize = 24;
/// Crockford's: no I, L, O or U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A code in its one spelling, without dashes.
#[derive(Clone)]
pub(crate) struct BackupCode(Zeroizing<String>);

impl BackupCode {
    pub(crate) fn generate() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        getrandom::fill(&mut *bytes).map_err(|error| Failure::Random(error.to_string()))?;
        let mut text = Zeroizing::new(String::with_capacity(LETTERS));
        for five in bytes.chunks(5) {
            // Forty bits are eight letters.
            let bits = five.iter().fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
            for i in (0..8).rev() {
                let index = usize::try_from((bits >> (5 * i)) & 31).unwrap_or_default();
                text.push(char::from(ALPHABET[index]));
            }
        }
        Ok(Self(text))
    }

    /// Reads what was typed, without the blanks and dashes in it: in either case, with the letters that look like digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut code = Zeroizing::new(String::with_capacity(LETTERS));
        for letter in text.chars() {
            let letter = match letter.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            if code.len() == LETTERS || !ALPHABET.contains(&u8::try_from(letter).ok()?) {
                return None;
            }
            code.push(letter);
        }
        (code.len() == LETTERS).then_some(Self(code))
    }

    /// As its owner is shown it: in groups of four.
    pub(crate) fn shown(&self) -> Zeroizing<String> {
        let mut shown = Zeroizing::new(String::with_capacity(LETTERS + 5));
        for (i, letter) in self.0.chars().enumerate() {
            if i > 0 && i % 4 == 0 {
                shown.push('-');
            }
            shown.push(letter);
        }
        shown
    }

    /// What is stored, under the ring's current key.
    pub(crate) fn hash(&self, keys: &Keyring, user_id: &impl fmt::Display) -> Result<Vec<u8>, Error> {
        let hash = keys.mac(keys.current(), Purpose::BackupCode, &self.bound(user_id));
        Ok(hash.ok_or_else(|| Failure::Config("the keyring is empty".into()))?.to_vec())
    }

    /// What may be stored, under each key of the ring.
    pub(crate) fn hashes(&self, keys: &Keyring, user_id: &impl fmt::Display) -> Vec<Vec<u8>> {
        keys.macs(Purpose::BackupCode, &self.bound(user_id)).map(|hash| hash.to_vec()).collect()
    }

    /// The same letters of another user are another code.
    fn bound(&self, user_id: &impl fmt::Display) -> Zeroizing<Vec<u8>> {
        let user_id = user_id.to_string();
        Zeroizing::new([user_id.as_bytes(), b"\0", self.0.as_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_120_bits_in_groups_of_four() {
        let code = BackupCode::generate().unwrap();
        let shown = code.shown();
        assert_eq!(shown.split('-').map(str::len).collect::<Vec<_>>(), [4; 6]);
        assert!(!shown.contains(['I', 'L', 'O', 'U']));
        assert_ne!(*shown, *BackupCode::generate().unwrap().shown());
        assert_eq!(BYTES * 8, LETTERS * 5);
    }

    #[test]
    fn every_letter_comes_up() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            seen.extend(BackupCode::generate().unwrap().0.chars());
        }
        assert_eq!(seen.len(), 32);
    }

    #[test]
    fn it_is_read_as_people_type_it() {
        let same = BackupCode::parse("0011ABCD0011ABCD0011ABCD").unwrap();
        assert_eq!(*BackupCode::parse("oOiLabcdoOlIabcd00llABCD").unwrap().0, *same.0);
        for wrong in
            ["", "0011", "U011ABCD0011ABCD0011ABCD", "0011ABCD0011ABCD0011ABCD0", "ä011ABCD0011ABCD0011ABC"]
        {
            assert!(BackupCode::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_same_letters_of_another_user_are_another_code() {
        let keys = Keyring::parse("k1:dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktdGVzdC0").unwrap();
        let code = BackupCode::generate().unwrap();
        assert_eq!(code.hashes(&keys, &1), [code.hash(&keys, &1).unwrap()]);
        assert_ne!(code.hash(&keys, &1).unwrap(), code.hash(&keys, &2).unwrap());
    }
}
