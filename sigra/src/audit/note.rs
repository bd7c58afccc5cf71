//! Signed notes (c2sp.org/signed-note) with Ed25519: the form in which a checkpoint leaves the database.
//!
//! The crates that have them (signed_note 0.2, tlog_tiles 0.2) stand on the cryptography of 2023 (ed25519-dalek 2, sha2 0.10),
//! which would be in every build a second time.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding as _};
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::keyring::{Keyring, Purpose};

/// What stands before a signature.
const MARK: &str = "\u{2014} ";
/// The algorithm's byte: Ed25519.
const ED25519: u8 = 1;
/// A note of Sigra's has three short lines and a signature for each key of the ring.
const MOST_BYTES: usize = 64 * 1024;

/// The public half of the key that signs checkpoints. As text: the `vkey` of c2sp.org/signed-note, `name+hash+key`.
///
/// Keep it outside the database, next to where the checkpoints go: with it they can be verified without `SIGRA_KEYS`.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    hash: [u8; 4],
    key: VerifyingKey,
}

/// Not the text of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a public key: it is written `name+hash+key`, as `Sigra::audit_public_keys` gives it")]
pub struct PublicKeyError;

impl PublicKey {
    fn new(name: &str, key: VerifyingKey) -> Self {
        let hash =
            Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(key.as_bytes());
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
        Self { name: name.to_owned(), hash: [a, b, c, d], key }
    }

    /// The log that it speaks for: the first line of its checkpoints.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519], &self.key.as_bytes()[..]].concat();
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.hash), Base64::encode_string(&key))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        // The key itself may have plus signs in it.
        let mut parts = text.trim().splitn(3, '+');
        let mut next = || parts.next().ok_or(PublicKeyError);
        let (name, hash, key) = (next()?, next()?, next()?);
        let bytes = Base64::decode_vec(key).map_err(|_| PublicKeyError)?;
        let Some((&ED25519, key)) = bytes.split_first() else { return Err(PublicKeyError) };
        let key = <[u8; 32]>::try_from(key).map_err(|_| PublicKeyError)?;
        let key = Self::new(name, VerifyingKey::from_bytes(&key).map_err(|_| PublicKeyError)?);
        let same = is_name(name) && format!("{:08x}", u32::from_be_bytes(key.hash)) == hash;
        if same { Ok(key) } else { Err(PublicKeyError) }
    }
}

/// Whether a text may name a key: one word without a plus sign.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// Signs in the name of one log, with each key of the ring: a checkpoint that was signed while a key was being replaced can be
/// verified with the old public key and with the new one.
pub(crate) struct Signer {
    keys: Vec<(PublicKey, SigningKey)>,
}

impl Signer {
    pub(crate) fn new(name: &str, ring: &Keyring) -> Self {
        let key = |id| {
            let key = SigningKey::from_bytes(&*ring.derive(id, Purpose::AuditCheckpoint)?);
            Some((PublicKey::new(name, key.verifying_key()), key))
        };
        Self { keys: ring.ids().filter_map(key).collect() }
    }

    pub(crate) fn public_keys(&self) -> Vec<PublicKey> {
        self.keys.iter().map(|(public, _)| public.clone()).collect()
    }

    /// The note: the text, a blank line, and the signatures. The text ends with a line break.
    pub(crate) fn sign(&self, text: &str) -> String {
        use ed25519_dalek::ed25519::signature::Signer as _;

        let mut note = format!("{text}\n");
        for (public, key) in &self.keys {
            let signature = [&public.hash[..], &key.sign(text.as_bytes()).to_bytes()].concat();
            let encoded = Base64::encode_string(&signature);
            note.extend([MARK, &public.name, " ", &encoded, "\n"]);
        }
        note
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(public, _)| public)).finish()
    }
}

/// What is wrong with a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoteError {
    /// It does not have the form of one.
    Malformed,
    /// None of the keys has signed it.
    Unknown,
    /// It carries the name of a known key and not its signature.
    Forged,
}

/// The text of a note and its signatures: name, hash of the key, signature.
struct Parts<'n> {
    text: &'n str,
    signatures: Vec<(&'n str, [u8; 4], Signature)>,
}

fn parts(note: &str) -> Option<Parts<'_>> {
    let controls = note.chars().any(|c| c.is_control() && c != '\n');
    let end = note.rfind("\n\n").filter(|_| note.len() <= MOST_BYTES && !controls)?;
    let (text, block) = (&note[..=end], note[end + 2..].strip_suffix('\n')?);
    let signature = |line: &'_ str| {
        let (name, encoded) = line.strip_prefix(MARK)?.split_once(' ')?;
        let bytes = Base64::decode_vec(encoded).ok().filter(|_| is_name(name))?;
        let (hash, signature) = bytes.split_first_chunk::<4>()?;
        // Another algorithm's signature may be longer; it is not one of ours.
        let signature = signature
            .try_into()
            .map_or(Signature::from_bytes(&[0; 64]), |bytes| Signature::from_bytes(&bytes));
        Some((name.len(), *hash, signature))
    };
    let signatures = block.split('\n').map(|line| {
        let (length, hash, signature) = signature(line)?;
        Some((&line[MARK.len()..MARK.len() + length], hash, signature))
    });
    Some(Parts { text, signatures: signatures.collect::<Option<_>>()? })
}

/// The text of a note, without a look at who signed it.
pub(crate) fn text_of(note: &str) -> Result<&str, NoteError> {
    parts(note).map(|parts| parts.text).ok_or(NoteError::Malformed)
}

/// The text of a note that one of these keys has signed.
pub(crate) fn open<'n>(note: &'n str, keys: &[PublicKey]) -> Result<&'n str, NoteError> {
    let Parts { text, signatures } = parts(note).ok_or(NoteError::Malformed)?;
    let mut signed = false;
    for (name, hash, signature) in signatures {
        for key in keys.iter().filter(|key| key.name == name && key.hash == hash) {
            // Strict: no second signature of the same text passes for the first, and no weak key signs everything.
            key.key.verify_strict(text.as_bytes(), &signature).map_err(|_| NoteError::Forged)?;
            signed = true;
        }
    }
    if signed { Ok(text) } else { Err(NoteError::Unknown) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of golang.org/x/mod/sumdb/note.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
         then you don't know what your problem is.\n\n\
         \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn signer(ring: &str) -> Signer {
        Signer::new("acme.example/sigra_audit", &Keyring::parse(ring).unwrap())
    }

    const OLD: &str = "k1:dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktdGVzdC0";
    const BOTH: &str =
        "k2:dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktdGVzdC4,k1:dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktdGVzdC0";

    #[test]
    fn the_published_note_opens_with_its_key_and_no_other() {
        let key: PublicKey = KEY.parse().unwrap();
        assert_eq!(key.to_string(), KEY);
        let text = open(NOTE, std::slice::from_ref(&key)).unwrap();
        assert!(text.starts_with("If you") && text.ends_with("problem is.\n"));
        assert_eq!(open(&NOTE.replace("answer", "anwser"), &[key]), Err(NoteError::Forged));
        assert_eq!(open(NOTE, &signer(OLD).public_keys()), Err(NoteError::Unknown));
        assert_eq!(open(NOTE, &[]), Err(NoteError::Unknown));
        for bad in [
            "",
            "text\n",
            "text\n\n",
            "text\n\n\u{2014} a b",
            "text\n\n\u{2014} a b\n",
            "text\n\n- a AAAAAA==\n",
        ] {
            assert_eq!(open(bad, &signer(OLD).public_keys()), Err(NoteError::Malformed), "{bad:?}");
        }
    }

    /// Made by Python's cryptography 50.0.2 from the secret of [`OLD`]: HKDF(SHA256(), 32, None, b"sigra/v1/audit-checkpoint"), of
    /// which Ed25519PrivateKey.from_private_bytes signs the text; hashlib.sha256 of name, b"\n\x01" and key gives the four bytes.
    #[test]
    fn what_is_signed_is_what_another_implementation_signs() {
        let text = "acme.example/sigra_audit\n2\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let signature =
            "uvcbTT+LbItL+ZtPDGUTX57WA631KxAbWmD+4MYDTiFYKS3b6u4YKe2jzL/HEmRl185vg0zCcNX+ozKL6KNlMZJoYgo=";
        let signer = signer(OLD);
        assert_eq!(
            signer.public_keys()[0].to_string(),
            "acme.example/sigra_audit+baf71b4d+ASUl4j2u9PYihCpfEvcTd7OM2sUkWNIPwKrsaBFNC4OQ"
        );
        assert_eq!(signer.sign(text), format!("{text}\n\u{2014} acme.example/sigra_audit {signature}\n"));
    }

    #[test]
    fn a_public_key_is_read_only_as_it_was_written() {
        for bad in [
            "",
            "PeterNeumann",
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumanm+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
            "PeterNeumann+c74f20a3+AhpcQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW=",
        ] {
            assert_eq!(bad.parse::<PublicKey>(), Err(PublicKeyError), "{bad}");
        }
    }

    #[test]
    fn while_a_key_is_replaced_the_old_public_key_and_the_new_one_both_open() {
        let old = signer(OLD).public_keys();
        let both = signer(BOTH);
        let [new_key, old_key] = &both.public_keys()[..] else { panic!("two keys") };
        assert_eq!(old, std::slice::from_ref(old_key));
        let note = both.sign("a\nb\n");
        for key in [new_key, old_key] {
            assert_eq!(open(&note, std::slice::from_ref(key)), Ok("a\nb\n"));
            assert_eq!(key.to_string().parse::<PublicKey>().as_ref(), Ok(key));
        }
        // One good signature does not carry a bad one of a key that is known.
        let forged = note.replace(new_key.to_string().split('+').next().unwrap(), "another.example/x");
        assert_eq!(open(&forged, &both.public_keys()), Err(NoteError::Unknown));
        let text = format!("{both:?}");
        assert!(text.contains('+') && !text.contains("dGVzdC1"), "{text}");
    }
}
