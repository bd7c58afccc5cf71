//! One keyring with ids: every secret that Sigra keys is keyed by one derived for its purpose.
//!
//! # Rotation
//!
//! The first key of a ring writes, and all of them read. So a new key comes in before the old one goes, and nobody notices:
//!
//! | step | `SIGRA_KEYS` | when |
//! |---|---|---|
//! | 1 | `k1:.. k2:..` | the new key comes last: it reads |
//! | 2 | `k2:.. k1:..` | every process has done step 1: the new key writes |
//! | 3 | `k2:..` | every process has done step 2, and nothing that the old key wrote is live |
//!
//! A single process may begin with step 2. Each step is a restart with the new setting, or, without one,
//! [`Sigra::rotate_keys`](crate::Sigra::rotate_keys) in the running process; set `SIGRA_KEYS` as well, for the next start.
//! Step 3 is refused while anything needs the old key, with how much: sessions live for `session(absolute)`, or
//! `session(remember)`, at most, and with `lockout` or `totp` a browser is known for 180 days after its last sign-in, which also puts it
//! under the new key.
//!
//! Seeds of authenticators are sealed anew under the first key by the worker, within minutes and whether or not they are used;
//! [`Sigra::sweep`](crate::Sigra::sweep) does the same at once. While processes are at different steps they may seal to and fro,
//! which harms nothing. Backup codes cannot be moved, because nobody has them but their users: each stays under its key until it is
//! used or its user makes a new set. The metric `sigra_backup_codes_under_old_keys` and the error of step 3 say how many users that
//! are. Ask them for new sets, or void the codes on purpose; their authenticators stay good:
//!
//! ```sql
//! SELECT DISTINCT u.email FROM users u JOIN sigra_backup_codes b ON b.user_id = u.id
//! WHERE b.key_id = 'k1' AND b.used_at IS NULL;
//! DELETE FROM sigra_backup_codes WHERE key_id = 'k1'
//! ```
//!
//! What is voided by hand leaves no row in the trail: note it with
//! [`Sigra::record_by_operator`](crate::Sigra::record_by_operator).
//!
//! Peppers go the same way in `SIGRA_PEPPER`, by [`Sigra::rotate_peppers`](crate::Sigra::rotate_peppers). A hash gets the new
//! one with the next sign-in of its account, so step 3 may be long in coming. To bring in the very first pepper on several
//! processes, step 1 is `none p1:..`: with `none` in front they all read it while nobody writes it yet.
//!
//! # What is checked
//!
//! A table of Sigra's remembers each key and pepper that the database was used with: its id, and a keyed hash by which the
//! same bytes are known again. The hash is under a key of its own (HKDF), so whoever reads the table has nothing to use or to
//! guess at. [`Builder::build`](crate::Builder::build), [`Sigra::migrate`](crate::Sigra::migrate) and both rotations compare
//! it with their ring, and fail, with what to set, where
//!
//! - an id has other bytes than before, or the same bytes have another id;
//! - none of the keys is one of this database's;
//! - a key is missing that live sessions, mailed links, known devices, second factors, backup codes or unsealed rows of the audit
//!   trail need, or a pepper that a stored hash names.
//!
//! # A key that leaked, or is lost
//!
//! It need not wait until nothing needs it. Put the new key in front everywhere (step 2), delete the old one's row from that
//! table, and go on with step 3 at once:
//!
//! ```sql
//! DELETE FROM sigra_keys WHERE kind = 'key' AND id = 'k1'
//! ```
//!
//! A table with another prefix has another name, which the error gives. Every session, mailed link and known device under the
//! key ends in each process that lacks it, and so does every authenticator whose seed is sealed under it and every backup code
//! that is hashed under it: their owners need the way back of the host's policy. Nothing else does. Call
//! [`Sigra::sweep`](crate::Sigra::sweep) before, and no authenticator is lost. Where the old key is lost already there is no step 2: delete
//! the rows of all keys (`WHERE kind = 'key'`) and start with the new one. A pepper goes the same way, with `kind = 'pepper'`;
//! accounts under one that is given up need a reset of their passwords.
//!
//! The log of the audit trail comes under the new key with step 2, at the start or with the rotation, so it is sealed on after the
//! old one is gone; keep the old one's line of [`Sigra::audit_public_keys`](crate::Sigra::audit_public_keys), which verifies old
//! checkpoints. Where the old key was lost before step 2, nobody can tell any more whether the log is as Sigra left it: rows are
//! written, and sealing fails with [`Failure::AuditChanged`](crate::Failure::AuditChanged), until the key is in the ring again for
//! one start, behind the newest. Where it is lost for good, stop every process, put a copy of the database aside together with the
//! checkpoints, and begin the trail anew. The next [`Sigra::migrate`](crate::Sigra::migrate) makes its tables:
//!
//! ```sql
//! DROP TABLE sigra_audit; DROP TABLE sigra_audit_tree; DROP TABLE sigra_audit_segments;
//! DROP TABLE sigra_audit_checkpoints; DROP TABLE sigra_audit_sinks;
//! DELETE FROM sigra_migrations
//! ```

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Where [`Sigra::connect`](crate::Sigra::connect) finds the keys.
pub const KEYS_VARIABLE: &str = "SIGRA_KEYS";

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// What stands in front of peppers that all read while none writes.
const NONE_WRITES: &str = "none";

/// The application's secret keys, newest first: the first writes, all read.
///
/// As text: `id:key` pairs, separated by commas or spaces, where an id is one to eight lower-case letters or digits and a key
/// is 32 bytes in unpadded base64url. Whoever has the database alone can neither use nor guess what is stored there;
/// whoever has the keys too can, so keep them apart. The keys themselves are wiped from memory as soon as those for each
/// purpose are derived from them, and these when the ring is dropped. The [module](self) says how keys are rotated.
pub struct Keyring {
    keys: Vec<Key>,
    /// Whether the first writes.
    writes: bool,
}

struct Key {
    id: String,
    /// One for each purpose. Boxed: a key that moves leaves no copy behind.
    derived: Box<Zeroizing<[[u8; 32]; Purpose::ALL.len()]>>,
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
    /// To know the key again, and for nothing else.
    KeyCheck,
    AuditRow,
    AuditSeal,
    AuditTree,
    AuditCheckpoint,
}

impl Purpose {
    /// Each at its own place.
    const ALL: [Self; 16] = [
        Self::Session,
        Self::Device,
        Self::ConfirmEmail,
        Self::ConfirmEmailCode,
        Self::ResetPassword,
        Self::UnlockAccount,
        Self::SecondFactor,
        Self::Disown,
        Self::FactorSeed,
        Self::BackupCode,
        Self::Pepper,
        Self::KeyCheck,
        Self::AuditRow,
        Self::AuditSeal,
        Self::AuditTree,
        Self::AuditCheckpoint,
    ];

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
            Self::KeyCheck => b"sigra/v1/key-check",
            Self::AuditRow => b"sigra/v1/audit-row",
            Self::AuditSeal => b"sigra/v1/audit-seal",
            Self::AuditTree => b"sigra/v1/audit-tree",
            Self::AuditCheckpoint => b"sigra/v1/audit-checkpoint",
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
         `echo \"k1:$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\\n')\"`"
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
    /// The same bytes twice: what is keyed by one is keyed by the other.
    #[error(
        "`{id}` and `{other}` are the same bytes: every id needs random bytes of its own, and keys and peppers need \
         different ones"
    )]
    Repeated {
        /// One of the two.
        id: String,
        /// The other.
        other: String,
    },
    /// Keys none of which writes.
    #[error("`none` stands in front of the keys, but a session needs one that writes: begin with that key")]
    NoneWrites,
    /// An id that the database knows with other bytes.
    #[error(
        "`{variable}` gives `{id}` other bytes than this database was used with: give `{id}` the bytes it had, and a new \
         key an id that was never used. If they are lost for good, delete the row of `{id}` from the table `{table}`"
    )]
    Changed {
        /// The environment variable, or what the host gives in its place.
        variable: &'static str,
        /// Which.
        id: String,
        /// The table of known keys.
        table: String,
    },
    /// Bytes that the database knows under another id.
    #[error(
        "`{variable}` calls `{id}` what this database knows as `{known_as}`: give it back the id `{known_as}`, which stands \
         in everything that it wrote"
    )]
    Renamed {
        /// The environment variable, or what the host gives in its place.
        variable: &'static str,
        /// Which.
        id: String,
        /// What it was called before.
        known_as: String,
    },
    /// Not one of the database's keys.
    #[error(
        "none of the keys is one of this database's, which was used with `{}`: is it the right database? Put its keys back \
         into `SIGRA_KEYS` (or what `Builder::keyring` gets), behind the new one. If they are lost for good, delete their \
         rows from the table `{table}`; every session, mailed link and known device ends with them",
        known.join("`, `")
    )]
    Unknown {
        /// The ids of the database's keys.
        known: Vec<String>,
        /// The table of known keys.
        table: String,
    },
    /// A key that something live needs.
    #[error(
        "the key `{id}` is missing, and {sessions} live sessions, {links} mailed links, {devices} known devices, {factors} \
         second factors and {backup_codes} backup codes of {holders} users need it: put it back into `SIGRA_KEYS` (or what \
         `Builder::keyring` gets), behind the newest, until they have ended. Second factors move on with the worker, backup codes \
         when their users make new ones. To end all of it now, on purpose: `DELETE FROM {table} WHERE kind = 'key' AND id = '{id}'`, and try again"
    )]
    StillNeeded {
        /// Which.
        id: String,
        /// How many sessions would end.
        sessions: u64,
        /// How many links and codes would end.
        links: u64,
        /// How many browsers would not be known any more.
        devices: u64,
        /// How many authenticators nobody could prove any more.
        factors: u64,
        /// How many backup codes would be worth nothing.
        backup_codes: u64,
        /// How many users have such codes.
        holders: u64,
        /// The table of known keys.
        table: String,
    },
    /// A key under which rows of the audit trail were written that are not sealed yet.
    #[error(
        "the key `{id}` is missing, and {rows} rows of the audit trail that are not sealed yet need it: put it back into \
         `SIGRA_KEYS` (or what `Builder::keyring` gets), behind the newest, until a worker or `Sigra::seal_audit` has sealed \
         them. If it is lost for good: `DELETE FROM {table} WHERE kind = 'key' AND id = '{id}'`, and try again; they are then \
         sealed as rows that Sigra may not have written"
    )]
    TrailNeeds {
        /// Which.
        id: String,
        /// How many rows.
        rows: u64,
        /// The table of known keys.
        table: String,
    },
    /// A pepper that a stored hash needs.
    #[error(
        "the pepper `{id}` is missing, and password hashes in `{users}` need it: put it back into `SIGRA_PEPPER` (or what \
         `Builder::pepper` gets), behind the newest. If it is lost for good, delete its row from the table `{table}`; \
         accounts under it need a reset of their passwords"
    )]
    PepperStillNeeded {
        /// Which.
        id: String,
        /// The host's table.
        users: &'static str,
        /// The table of known keys.
        table: String,
    },
    /// A rotation without the key that writes at that moment.
    #[error(
        "the ring lacks `{id}`, which writes in this process until now: put the new one in front of `{id}`, and leave \
         `{id}` out by a later rotation, when nothing needs it"
    )]
    StillWrites {
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

    /// Reads `id:key` pairs, newest first. Peppers may have `none` in front of them: then none of them writes.
    ///
    /// # Errors
    /// The first pair that cannot be used. The error never repeats key material.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let mut keys: Vec<Key> = Vec::new();
        let mut writes = true;
        let entries = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        for (index, entry) in entries.enumerate() {
            if index == 0 && entry == NONE_WRITES {
                writes = false;
                continue;
            }
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
            let key = Key::derive(id, &secret);
            if let Some(other) = keys.iter().find(|other| other.derived == key.derived) {
                return Err(KeyringError::Repeated { id: key.id, other: other.id.clone() });
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(KeyringError::Missing);
        }
        Ok(Self { keys, writes })
    }

    /// A fresh key as text, for `SIGRA_KEYS`; `None` if the operating system gave no random bytes.
    #[must_use]
    pub fn generate_text(id: &str) -> Option<String> {
        let mut secret = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(&mut *secret).ok()?;
        let encoded = Zeroizing::new(Base64UrlUnpadded::encode_string(&*secret));
        Some(format!("{id}:{}", *encoded))
    }

    /// The ring as one that keys sessions and links.
    ///
    /// # Errors
    /// None of its keys writes.
    pub(crate) fn writing(self) -> Result<Self, KeyringError> {
        if self.writes { Ok(self) } else { Err(KeyringError::NoneWrites) }
    }

    /// The id of the key that writes; empty where none does.
    pub(crate) fn current(&self) -> &str {
        self.keys.first().filter(|_| self.writes).map_or("", |key| &key.id)
    }

    /// The ids, newest first.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| &*key.id)
    }

    fn find(&self, key_id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == key_id)
    }

    /// Two keys of different rings with the same bytes.
    pub(crate) fn shared_with(&self, other: &Self) -> Option<(&str, String)> {
        let same = |key: &Key| other.keys.iter().find(|other| other.derived == key.derived);
        self.keys.iter().find_map(|key| same(key).map(|other| (&*key.id, other.id.clone())))
    }

    /// Whether an id of this ring has other bytes in the other one: which.
    pub(crate) fn differs_from(&self, other: &Self) -> Option<&str> {
        let differs = |key: &&Key| other.find(&key.id).is_some_and(|other| other.derived != key.derived);
        self.keys.iter().find(differs).map(|key| &*key.id)
    }

    /// The key that is derived from one of the ring for a purpose; `None` where the ring has no such key.
    pub(crate) fn derive(&self, key_id: &str, purpose: Purpose) -> Option<Zeroizing<[u8; 32]>> {
        self.find(key_id).map(|key| Zeroizing::new(key.derived[purpose as usize]))
    }

    /// The keyed hash of a value under one key of the ring; `None` where the ring has no such key.
    pub(crate) fn mac(&self, key_id: &str, purpose: Purpose, value: &[u8]) -> Option<[u8; 32]> {
        self.find(key_id).map(|key| key.mac(purpose, value))
    }

    /// The keyed hashes of a value under every key of the ring: for values too short to carry a key id.
    pub(crate) fn macs(&self, purpose: Purpose, value: &[u8]) -> impl Iterator<Item = [u8; 32]> {
        self.keys.iter().map(move |key| key.mac(purpose, value))
    }
}

impl Key {
    /// HKDF-SHA-256 (RFC 5869) without a salt: the key is uniformly random already.
    #[allow(clippy::expect_used, reason = "the length is a constant within the limit of the algorithm")]
    fn derive(id: String, secret: &[u8; KEY_BYTES]) -> Self {
        let mut derived = Box::new(Zeroizing::new([[0; 32]; Purpose::ALL.len()]));
        let hkdf = Hkdf::<Sha256>::new(None, secret);
        for purpose in Purpose::ALL {
            hkdf.expand(purpose.label(), &mut derived[purpose as usize])
                .expect("32 bytes are within HKDF's limit");
        }
        Self { id, derived }
    }

    /// HMAC-SHA-256 (RFC 2104) under the key that HKDF derives for the purpose.
    fn mac(&self, purpose: Purpose, value: &[u8]) -> [u8; 32] {
        let mut mac = hmac_under(&self.derived[purpose as usize]);
        mac.update(value);
        mac.finalize().into_bytes().into()
    }
}

/// HMAC-SHA-256 under a key, ready to run.
#[allow(clippy::expect_used, reason = "HMAC has no limit of length")]
pub(crate) fn hmac_under(key: &[u8]) -> Hmac<Sha256> {
    <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length")
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

/// A value that is replaced while others use it: whoever has got it keeps it as it was then, to the end of the work.
pub(crate) struct Current<T>(RwLock<Arc<T>>);

impl<T> Current<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(RwLock::new(Arc::new(value)))
    }

    /// The value of this moment.
    pub(crate) fn get(&self) -> Arc<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The value from here on.
    pub(crate) fn set(&self, value: impl Into<Arc<T>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = value.into();
    }
}

impl<T: fmt::Debug> fmt::Debug for Current<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    const ONE: &str = "k1:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI";
    const TWO: &str = "k2:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY";

    fn ring(text: &str) -> Keyring {
        Keyring::parse(text).unwrap()
    }

    #[test]
    fn a_key_is_derived_as_rfc_5869_says() {
        // Python: base64.urlsafe_b64encode(hmac.new(hmac.new(bytes(32), b"12345678901234567890123456789012",
        //         "sha256").digest(), b"sigra/v1/session\x01", "sha256").digest())
        let derived = ring(ONE).derive("k1", Purpose::Session).unwrap();
        assert_eq!(
            Base64UrlUnpadded::encode_string(&*derived),
            "pGIsvOAmK8CXRDkGQpeO3ph7_SaIkdGwKTDw3KUpo8I"
        );
    }

    #[test]
    fn every_purpose_has_a_place_a_label_and_a_key_of_its_own() {
        for (place, purpose) in Purpose::ALL.into_iter().enumerate() {
            assert_eq!(purpose as usize, place, "{purpose:?}");
            for other in Purpose::ALL.into_iter().filter(|other| *other != purpose) {
                assert_ne!(purpose.label(), other.label());
                assert_ne!(ring(ONE).mac("k1", purpose, b"value"), ring(ONE).mac("k1", other, b"value"));
            }
        }
    }

    #[test]
    fn the_first_writes_and_all_read() {
        let both = ring(&format!("{TWO},{ONE}"));
        assert_eq!(both.current(), "k2");
        for id in ["k1", "k2"] {
            assert!(both.mac(id, Purpose::Session, b"value").is_some());
        }
        assert_eq!(
            both.mac("k1", Purpose::Session, b"value"),
            ring(ONE).mac("k1", Purpose::Session, b"value")
        );
        assert!(both.mac("k3", Purpose::Session, b"value").is_none());
        let readers = ring(&format!("none {ONE}"));
        assert_eq!(readers.current(), "");
        assert!(
            readers.derive("k1", Purpose::Pepper).is_some() && readers.derive("", Purpose::Pepper).is_none()
        );
        assert!(matches!(readers.writing(), Err(KeyringError::NoneWrites)));
    }

    #[test]
    fn what_cannot_be_used_is_named_by_place_or_id_and_never_repeated() {
        let bytes = &ONE[3..];
        let same = format!("{ONE} k9:{bytes}");
        for (text, expected) in [
            ("", "no keys"),
            (" , ", "no keys"),
            ("none", "no keys"),
            (bytes, "entry 1"),
            (&format!("K1:{bytes}"), "entry 1"),
            (&format!(":{bytes}"), "entry 1"),
            (&format!("{ONE} none"), "entry 2"),
            (&format!("{ONE} muchlonger:{bytes}"), "entry 2"),
            (&ONE[..20], "`k1` is not 32 bytes"),
            (&format!("{ONE}="), "`k1` is not 32 bytes"),
            ("k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "`k1` is one byte repeated"),
            (&format!("{ONE} k1:{}", &TWO[3..]), "`k1` stands twice"),
            (&same, "`k9` and `k1` are the same bytes"),
        ] {
            let error = Keyring::parse(text).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(expected), "{text}: {shown}");
            assert!(!shown.contains(&bytes[..17]), "{shown}");
        }
    }

    #[test]
    fn rings_are_compared_by_their_bytes() {
        let renamed = ring(&format!("p1:{}", &ONE[3..]));
        assert_eq!(ring(ONE).shared_with(&renamed), Some(("k1", "p1".to_owned())));
        assert_eq!(ring(TWO).shared_with(&renamed), None);
        let changed = ring(&format!("k1:{}", &TWO[3..]));
        assert_eq!(changed.differs_from(&ring(ONE)), Some("k1"));
        assert_eq!(ring(&format!("{TWO} {ONE}")).differs_from(&ring(ONE)), None);
    }

    #[test]
    fn a_ring_shows_its_ids_alone() {
        let both = ring(&format!("{TWO} {ONE}"));
        assert_eq!(format!("{both:?} {:?}", Current::new(ring(ONE))), r#"["k2", "k1"] ["k1"]"#);
    }

    #[test]
    fn keys_and_what_hashes_under_them_are_wiped() {
        fn wiped<T: ZeroizeOnDrop>(_: &T) {}
        wiped(&*ring(ONE).keys[0].derived);
        wiped(&ring(ONE).derive("k1", Purpose::Pepper).unwrap());
        wiped(&Sha256::default());
    }

    #[test]
    fn work_that_has_begun_keeps_its_ring() {
        let current = Current::new(ring(ONE));
        let before = current.get();
        current.set(ring(TWO));
        assert_eq!((before.current(), current.get().current()), ("k1", "k2"));
    }

    #[test]
    fn a_generated_key_is_one_that_parses() {
        let (one, two) = (Keyring::generate_text("k1").unwrap(), Keyring::generate_text("k1").unwrap());
        assert_eq!(ring(&one).current(), "k1");
        assert_eq!(ring(&one).differs_from(&ring(&two)), Some("k1"));
    }
}
