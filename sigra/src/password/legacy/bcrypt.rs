//! bcrypt: `$2a$`, `$2b$` and `$2y$`, plain or as Django stores them.

use ::bcrypt::HashParts;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Cost, same};

/// 2^16 rounds take seconds; nobody stores more.
const MAX_COST: u32 = 16;
/// What bcrypt reads of a password. It would forget the rest.
const MAX_BYTES: usize = 72;

pub(in crate::password) struct Bcrypt {
    cost: u32,
    salt: [u8; 16],
    output: Vec<u8>,
    /// Django's `bcrypt_sha256`: the password is hashed first, so that its length does not matter.
    prehashed: bool,
}

impl Bcrypt {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (text, prehashed) = match (text.strip_prefix("bcrypt_sha256$"), text.strip_prefix("bcrypt$")) {
            (Some(inner), _) => (inner, true),
            (None, Some(inner)) => (inner, false),
            (None, None) => (text, false),
        };
        if !["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            return None;
        }
        // The crate says of a text that is not ASCII that it is malformed; its slices below are of ASCII.
        let parts: HashParts = text.parse().ok()?;
        let cost = parts.get_cost();
        let output = base64_of(text.get(29..)?)?;
        (4..=MAX_COST).contains(&cost).then(|| Self { cost, salt: parts.get_salt_raw(), output, prehashed })
    }

    /// bcrypt looks at 72 bytes, and repeats a shorter password with a NUL at its end until they are full. So a longer password
    /// would match by its first 72 bytes, and one with a NUL inside by what stands before it: both are refused, after the same
    /// work.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut key = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
        let whole = if self.prehashed {
            key.extend_from_slice(hex(&Sha256::digest(password)).as_bytes());
            true
        } else {
            key.extend_from_slice(&password[..password.len().min(MAX_BYTES)]);
            password.len() <= MAX_BYTES && !password.contains(&0)
        };
        if key.len() < MAX_BYTES {
            key.push(0);
        }
        let computed = Zeroizing::new(::bcrypt::bcrypt(self.cost, self.salt, &key));
        // The last of the 24 bytes was never stored by anybody.
        same(&computed[..23], &self.output) && whole
    }

    pub(super) fn cost(&self) -> Cost {
        Cost::Bcrypt { cost: self.cost }
    }
}

/// The output in bcrypt's own alphabet: the crate reads it and does not give it out.
fn base64_of(text: &str) -> Option<Vec<u8>> {
    use base64ct::Encoding as _;

    let output = base64ct::Base64Bcrypt::decode_vec(text).ok()?;
    (output.len() == 23).then_some(output)
}

fn hex(bytes: &[u8]) -> Zeroizing<String> {
    use std::fmt::Write as _;

    let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len()));
    for byte in bytes {
        let _ = write!(*text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seventy_two_bytes_match_and_no_longer_password_does_by_its_prefix() {
        // Made by Python's bcrypt: hashpw(b"a" * 72, gensalt(4)).
        let hash = Bcrypt::parse("$2b$04$JPVRlNcYINTPo1joxI5V3u2ODYGt4Vudt/BKpsPup9k1Gl.Fg/gN.").unwrap();
        assert!(hash.verify(&[b'a'; 72]));
        assert!(!hash.verify(&[b'a'; 71]));
        // What bcrypt itself would take for the same.
        assert!(!hash.verify(&[b'a'; 73]));
        let mut other = [b'a'; 73];
        other[72] = b'b';
        assert!(!hash.verify(&other));
    }

    #[test]
    fn a_password_does_not_match_by_repetition_after_a_nul() {
        // Made by Python's bcrypt: hashpw(b"abc", gensalt(4)).
        let hash = Bcrypt::parse("$2b$04$5Hv3.UFicFZXWTCwPDfEdOdZef4wSvzDMGSwTN7JWYOsR2TYSlu9G").unwrap();
        assert!(hash.verify(b"abc"));
        assert!(!hash.verify(b"abc\0abc"));
        assert!(!hash.verify(b"abc\0"));
    }

    #[test]
    fn texts_that_are_not_bcrypt_are_not_read() {
        for text in [
            "$2b$17$JPVRlNcYINTPo1joxI5V3u2ODYGt4Vudt/BKpsPup9k1Gl.Fg/gN.",
            "$2x$04$JPVRlNcYINTPo1joxI5V3u2ODYGt4Vudt/BKpsPup9k1Gl.Fg/gN.",
            "$2b$04$JPVRlNcYINTPo1joxI5V3u2ODYGt4Vudt/BKpsPup9k1Gl.Fg/gN",
            "$2b$04$JPVRlNcYINTPo1joxI5V3ü2ODYGt4Vudt/BKpsPup9k1Gl.Fg/gN.",
            "$2b$",
            "bcrypt$",
            "",
        ] {
            assert!(Bcrypt::parse(text).is_none(), "{text}");
        }
    }
}
