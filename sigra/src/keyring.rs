//! One keyring with ids: every secret that Sigra keys is keyed by one derived for its purpose.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Where [`Sigra::connect`](crate::Sigra::connect) finds the keys.
pub const KEYS_VARIABLE: &str = "SIGRA_KEYS";

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// The application's secret keys, newest first: the first writes, all read.
///
/// As text: `id:key` pairs, separated by commas or spaces, where an id is one to eight lower-case letters or digits and a key
/// is 32 bytes in unpadded base64url. Whoever has the database alone can neither use nor guess what is stored there;
/// whoever has the keys too can, so keep them apart. Keys are wiped from memory when the ring is dropped.
pub struct Keyring {
    keys: Vec<Key>,
}

struct Key {
    id: String,
    secret: Zeroizing<[u8; KEY_BYTES]>,
}

/// What a derived key is for. A value keyed for one purpose is worthless for every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Session,
    Device,
    ConfirmEmail,
    ConfirmEmailCode,
    ResetPassword,
    UnlockAccount,
    SecondFactor,
    Disown,
    FactorSeed,
    BackupCode,
    Pepper,
}

impl Purpose {
    /// The HKDF info (RFC 5869 3.2). Stable: it is part of what is stored.
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Session => b"sigra/v1/session",
            Self::Device => b"sigra/v1/device",
            Self::ConfirmEmail => b"sigra/v1/confirm-email",
            Self::ConfirmEmailCode => b"sigra/v1/confirm-email-code",
            Self::ResetPassword => b"sigra/v1/reset-password",
            Self::UnlockAccount => b"sigra/v1/unlock-account",
            Self::SecondFactor => b"sigra/v1/second-factor",
            Self::Disown => b"sigra/v1/disown",
            Self::FactorSeed => b"sigra/v1/factor-seed",
            Self::BackupCode => b"sigra/v1/backup-code",
            Self::Pepper => b"sigra/v1/pepper",
        }
    }
}

/// What is wrong with the keys, and what to set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The variable is not set. No example is given: a key that stood in a log is none.
    #[error(
        "no keys: set `SIGRA_KEYS` to `k1:` followed by 32 random bytes in unpadded base64url; this makes them: \
         `echo k1:$(head -c 32 /dev/urandom | basenc --base64url | tr -d =)`"
    )]
    Missing,
    /// A pair without a colon, or an id that is not one to eight lower-case letters or digits.
    #[error(
        "entry {position} of the keys is not `id:key` with an id of one to eight lower-case letters or digits"
    )]
    Malformed {
        /// Which, from one.
        position: usize,
    },
    /// Not 32 bytes of unpadded base64url.
    #[error("the key `{id}` is not 32 bytes in unpadded base64url (43 characters)")]
    WrongLength {
        /// Which.
        id: String,
    },
    /// Two keys under one id.
    #[error("the key id `{id}` stands twice")]
    Duplicate {
        /// Which.
        id: String,
    },
    /// A key that is no secret.
    #[error("the key `{id}` is one byte repeated; use random bytes")]
    Weak {
        /// Which.
        id: String,
    },
}

impl Keyring {
    /// Reads the environment variable `SIGRA_KEYS`.
    ///
    /// # Errors
    /// It is not set, or [`parse`](Self::parse) refuses it.
    pub fn from_env() -> Result<Self, KeyringError> {
        match std::env::var(KEYS_VARIABLE) {
            Ok(text) if !text.trim().is_empty() => Self::parse(&Zeroizing::new(text)),
            _ => Err(KeyringError::Missing),
        }
    }

    /// Reads `id:key` pairs, newest first.
    ///
    /// # Errors
    /// The first pair that cannot be used. The error never repeats key material.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let mut keys: Vec<Key> = Vec::new();
        let entries = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        for (index, entry) in entries.enumerate() {
            let malformed = || KeyringError::Malformed { position: index + 1 };
            let (id, encoded) = entry.split_once(':').ok_or_else(malformed)?;
            let good = (1..=8).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            if !good {
                return Err(malformed());
            }
            let id = id.to_owned();
            let mut secret = Zeroizing::new([0; KEY_BYTES]);
            match Base64UrlUnpadded::decode(encoded, &mut *secret) {
                Ok(bytes) if bytes.len() == KEY_BYTES => {}
                _ => return Err(KeyringError::WrongLength { id }),
            }
            if secret.iter().all(|byte| *byte == secret[0]) {
                return Err(KeyringError::Weak { id });
            }
            if keys.iter().any(|key| key.id == id) {
                return Err(KeyringError::Duplicate { id });
            }
            keys.push(Key { id, secret });
        }
        if keys.is_empty() {
            return Err(KeyringError::Missing);
        }
        Ok(Self { keys })
    }

    /// A fresh key as text, for `SIGRA_KEYS`; `None` if the operating system gave no random bytes.
    #[must_use]
    pub fn generate_text(id: &str) -> Option<String> {
        let mut secret = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(&mut *secret).ok()?;
        Some(format!("{id}:{}", Base64UrlUnpadded::encode_string(&*secret)))
    }

    /// The id of the key that writes.
    pub(crate) fn current(&self) -> &str {
        self.keys.first().map_or("", |key| &key.id)
    }

    /// The key that is derived from one of the ring for a purpose; `None` where the ring has no such key.
    pub(crate) fn derive(&self, key_id: &str, purpose: Purpose) -> Option<Zeroizing<[u8; 32]>> {
        self.keys.iter().find(|key| key.id == key_id).map(|key| key.derive(purpose))
    }

    /// The keyed hash of a value under one key of the ring; `None` where the ring has no such key.
    pub(crate) fn mac(&self, key_id: &str, purpose: Purpose, value: &[u8]) -> Option<[u8; 32]> {
        self.keys.iter().find(|key| key.id == key_id).map(|key| key.mac(purpose, value))
    }

    /// The keyed hashes of a value under every key of the ring: for values too short to carry a key id.
    pub(crate) fn macs(&self, purpose: Purpose, value: &[u8]) -> impl Iterator<Item = [u8; 32]> {
        self.keys.iter().map(move |key| key.mac(purpose, value))
    }
}

impl Key {
    #[allow(clippy::expect_used, reason = "the length is a constant within the limit of the algorithm")]
    fn derive(&self, purpose: Purpose) -> Zeroizing<[u8; 32]> {
        let mut derived = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, &*self.secret)
            .expand(purpose.label(), &mut *derived)
            .expect("32 bytes are within HKDF's limit");
        derived
    }

    /// HMAC-SHA-256 (RFC 2104) under the key that HKDF derives for the purpose.
    #[allow(clippy::expect_used, reason = "HMAC has no limit of length")]
    fn mac(&self, purpose: Purpose, value: &[u8]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&*self.derive(purpose))
            .expect("HMAC takes keys of any length");
        mac.update(value);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}
