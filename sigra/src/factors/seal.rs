//! Seeds at rest: sealed with XChaCha20-Poly1305 under a key that HKDF derives from the ring, bound to their user and factor.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::totp::Seed;
use crate::error::{Error, Failure};
use crate::keyring::{Keyring, Purpose};

/// The first byte of what is stored, for the day on which it changes.
const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 24;

/// A seed that was unsealed, and whether the ring's current key had sealed it.
pub(crate) struct Unsealed {
    pub(crate) seed: Seed,
    pub(crate) is_current: bool,
}

/// Whose seed it is: what stands in another row is worthless there.
pub(crate) fn bound_to(user_id: &impl std::fmt::Display, factor: uuid::Uuid) -> Vec<u8> {
    let user_id = user_id.to_string();
    [b"sigra/v1/factor-seed".as_slice(), b"\0", user_id.as_bytes(), b"\0", factor.as_bytes()].concat()
}

/// Seals a seed under the ring's current key.
pub(crate) fn seal(seed: &Seed, keys: &Keyring, bound_to: &[u8]) -> Result<Vec<u8>, Error> {
    let key_id = keys.current();
    let cipher = cipher(keys, key_id).ok_or_else(|| Failure::Config("the keyring is empty".into()))?;
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|error| Failure::Random(error.to_string()))?;
    let payload = Payload { msg: seed.bytes(), aad: bound_to };
    let sealed = cipher
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| Failure::Config("a seed could not be sealed".into()))?;
    let length = u8::try_from(key_id.len()).map_err(|_| Failure::Config("the key id is too long".into()))?;
    Ok([&[FORMAT, length], key_id.as_bytes(), &nonce, &sealed].concat())
}

/// Opens a sealed seed; `None` where the ring lacks its key, or it was changed or belongs elsewhere.
pub(crate) fn open(stored: &[u8], keys: &Keyring, bound_to: &[u8]) -> Option<Unsealed> {
    let (&[format, length], rest) = stored.split_first_chunk::<2>()?;
    let (key_id, rest) = rest.split_at_checked(usize::from(length))?;
    let key_id = std::str::from_utf8(key_id).ok()?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
    if format != FORMAT {
        return None;
    }
    let payload = Payload { msg: sealed, aad: bound_to };
    let seed = Zeroizing::new(cipher(keys, key_id)?.decrypt(&XNonce::from(*nonce), payload).ok()?);
    Some(Unsealed { seed: Seed::read(&seed)?, is_current: key_id == keys.current() })
}

fn cipher(keys: &Keyring, key_id: &str) -> Option<XChaCha20Poly1305> {
    let key = keys.derive(key_id, Purpose::FactorSeed)?;
    Some(XChaCha20Poly1305::new(&Key::from(*key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(ids: &[&str]) -> Keyring {
        let key = |id: &str| {
            format!("{id}:{}", "dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktdGVzdC0".replace('t', &id[..1]))
        };
        Keyring::parse(&ids.iter().map(|id| key(id)).collect::<Vec<_>>().join(",")).unwrap()
    }

    #[test]
    fn a_seed_opens_for_its_own_row_and_under_every_key_of_the_ring() {
        let (user, factor) = (7, uuid::Uuid::now_v7());
        let seed = Seed::generate().unwrap();
        let stored = seal(&seed, &ring(&["a1"]), &bound_to(&user, factor)).unwrap();
        assert!(stored.len() <= 255 && !stored.windows(20).any(|part| part == seed.bytes()));
        let opened = open(&stored, &ring(&["a1"]), &bound_to(&user, factor)).unwrap();
        assert!(opened.is_current && opened.seed.bytes() == seed.bytes());
        let opened = open(&stored, &ring(&["b2", "a1"]), &bound_to(&user, factor)).unwrap();
        assert!(!opened.is_current && opened.seed.bytes() == seed.bytes());
        assert!(open(&stored, &ring(&["b2"]), &bound_to(&user, factor)).is_none());
        assert!(open(&stored, &ring(&["a1"]), &bound_to(&8, factor)).is_none());
        assert!(open(&stored, &ring(&["a1"]), &bound_to(&user, uuid::Uuid::now_v7())).is_none());
    }

    #[test]
    fn what_was_changed_does_not_open() {
        let bound = bound_to(&7, uuid::Uuid::now_v7());
        let stored = seal(&Seed::generate().unwrap(), &ring(&["a1"]), &bound).unwrap();
        for i in 0..stored.len() {
            let mut changed = stored.clone();
            changed[i] ^= 1;
            assert!(open(&changed, &ring(&["a1"]), &bound).is_none(), "byte {i}");
            assert!(open(&stored[..i], &ring(&["a1"]), &bound).is_none(), "{i} bytes");
        }
    }
}
