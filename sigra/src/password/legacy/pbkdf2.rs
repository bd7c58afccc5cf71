//! PBKDF2 (RFC 8018 5.2): Django's forms and passlib's.

use ::pbkdf2::pbkdf2_hmac;
use base64ct::{Base64, Base64Unpadded, Encoding as _};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

use super::{Cost, is_output, same};

/// Ten times what Django computed in 2025.
const MAX_ROUNDS: u32 = 10_000_000;

/// The hash function within HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::password) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    const fn output_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

pub(in crate::password) struct Pbkdf2 {
    hash: Hash,
    rounds: u32,
    blocks: u32,
    salt: Vec<u8>,
    output: Vec<u8>,
}

/// The names, and which are Django's.
const FORMS: [(&str, Hash, bool); 5] = [
    ("pbkdf2_sha256$", Hash::Sha256, true),
    ("pbkdf2_sha1$", Hash::Sha1, true),
    ("$pbkdf2-sha256$", Hash::Sha256, false),
    ("$pbkdf2-sha512$", Hash::Sha512, false),
    ("$pbkdf2$", Hash::Sha1, false),
];

impl Pbkdf2 {
    /// `rounds$salt$hash` after the name. Django has the salt as text and the hash in base64; passlib has both in unpadded
    /// base64 with a dot for the plus.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (hash, django, rest) =
            FORMS.iter().find_map(|(name, hash, django)| Some((*hash, *django, text.strip_prefix(name)?)))?;
        let (rounds, rest) = rest.split_once('$')?;
        let (salt, output) = rest.split_once('$')?;
        let unpadded = |text: &str| Base64Unpadded::decode_vec(&text.replace('.', "+")).ok();
        let (salt, output) = if django {
            (salt.into(), Base64::decode_vec(output).ok()?)
        } else {
            (unpadded(salt)?, unpadded(output)?)
        };
        Self::new(hash, rounds.parse().ok()?, salt, output)
    }

    pub(super) fn new(hash: Hash, rounds: u32, salt: Vec<u8>, output: Vec<u8>) -> Option<Self> {
        let blocks = u32::try_from(output.len().div_ceil(hash.output_bytes())).ok()?;
        let sane = rounds > 0 && rounds.checked_mul(blocks)? <= MAX_ROUNDS && is_output(&output);
        sane.then_some(Self { hash, rounds, blocks, salt, output })
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut computed = Zeroizing::new(vec![0; self.output.len()]);
        match self.hash {
            Hash::Sha1 => pbkdf2_hmac::<Sha1>(password, &self.salt, self.rounds, &mut computed),
            Hash::Sha256 => pbkdf2_hmac::<Sha256>(password, &self.salt, self.rounds, &mut computed),
            Hash::Sha512 => pbkdf2_hmac::<Sha512>(password, &self.salt, self.rounds, &mut computed),
        }
        same(&computed, &self.output)
    }

    pub(super) fn cost(&self) -> Cost {
        Cost::Pbkdf2 { hash: self.hash, rounds: self.rounds, blocks: self.blocks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_of_rfc_6070_verifies() {
        // PBKDF2-HMAC-SHA-1("password", "salt", 4096).
        let hash = Pbkdf2::parse("pbkdf2_sha1$4096$salt$SwB5AbdlSJq+rUnZJvch0GWkKcE=").unwrap();
        assert!(hash.verify(b"password"));
        assert!(!hash.verify(b"Password"));
    }

    #[test]
    fn costs_beyond_bounds_and_short_outputs_are_refused() {
        for text in [
            "pbkdf2_sha1$0$salt$SwB5AbdlSJq+rUnZJvch0GWkKcE=",
            "pbkdf2_sha1$10000001$salt$SwB5AbdlSJq+rUnZJvch0GWkKcE=",
            "pbkdf2_sha1$4096$salt$",
            "pbkdf2_sha1$4096$salt$SwB5",
            "pbkdf2_sha1$4096$salt",
            "$pbkdf2-sha256$4096$!$SwB5AbdlSJq.rUnZJvch0GWkKcE",
        ] {
            assert!(Pbkdf2::parse(text).is_none(), "{text}");
        }
    }
}
