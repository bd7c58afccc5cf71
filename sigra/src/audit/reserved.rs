//! Which names a host may give to its own events and to what stands in them: plain code without dependencies.
//!
//! The grammar reads it while a host compiles, and the library while it runs. `sigra/src/audit/reserved.rs` is a copy of this
//! file; a test keeps the two the same.

/// Areas of events that are Sigra's own, now or in a later version.
pub(crate) const RESERVED_AREAS: &[&str] = &[
    "account",
    "api_token",
    "audit",
    "auth",
    "backup_code",
    "identity",
    "impersonation",
    "invitation",
    "jwt",
    "keyring",
    "lockout",
    "magic_link",
    "mail",
    "mfa",
    "oauth",
    "outbox",
    "passkey",
    "password",
    "recovery",
    "session",
    "sigra",
    "sudo",
    "system",
    "throttle",
    "token",
    "totp",
    "trusted_browser",
];

/// A key with one of these in it promises a secret, whatever its case and its separators.
const SECRET: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "authorization",
    "authorisation",
    "cookie",
    "credential",
    "bearer",
    "apikey",
    "accesskey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "backupcode",
    "recoverycode",
    "securitycode",
    "magiclink",
];

/// Shorter ones, which other words contain by chance: they count where they are a word of the key.
const SECRET_WORDS: &[&str] = &["pass", "pwd", "pin", "otp", "totp", "jwt", "csrf", "xsrf", "cvv", "cvc"];

/// Bytes of one part of an event's name, and of a reason.
pub(crate) const MAX_NAME: usize = 48;
/// Bytes of a key.
pub(crate) const MAX_KEY: usize = 64;

/// Why a text is not the name of a host's event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameProblem {
    /// It has so many parts, and not three.
    Parts(usize),
    /// A part is not lower-case letters, digits and `_` behind a letter.
    Form,
    /// A part is too long.
    Long,
    /// Its area is Sigra's own.
    Reserved,
}

/// What is wrong with the name of an event, if anything is.
pub(crate) const fn name_problem(name: &str) -> Option<NameProblem> {
    let bytes = name.as_bytes();
    let (mut parts, mut start, mut area, mut i) = (1, 0, 0, 0);
    let (mut form, mut long) = (false, false);
    while i <= bytes.len() {
        if i == bytes.len() || bytes[i] == b'.' {
            form = form || !is_code(bytes, start, i);
            long = long || i - start > MAX_NAME;
            if parts == 1 {
                area = i;
            }
            if i < bytes.len() {
                parts += 1;
            }
            start = i + 1;
        }
        i += 1;
    }
    if form {
        Some(NameProblem::Form)
    } else if parts != 3 {
        Some(NameProblem::Parts(parts))
    } else if long {
        Some(NameProblem::Long)
    } else if is_reserved(bytes, area) {
        Some(NameProblem::Reserved)
    } else {
        None
    }
}

/// Whether a key is made of ASCII letters, digits, `_`, `-` and `.`, and is not empty.
pub(crate) fn is_plain_key(key: &str) -> bool {
    !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// The word by which a key promises a secret, if it does.
pub(crate) fn secret_in(key: &str) -> Option<&'static str> {
    let joined: String =
        key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let anywhere = || SECRET.iter().find(|word| joined.contains(**word));
    let words = words(key);
    let word = || SECRET_WORDS.iter().find(|word| **word == joined || words.iter().any(|one| one == **word));
    anywhere().or_else(word).copied()
}

/// The words of a key, without numbers at their ends: `userPin`, `user_pin2` and `USER-PIN` have the same two.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for c in key.chars() {
        if !c.is_ascii_alphanumeric() || c.is_ascii_uppercase() && !before.is_ascii_uppercase() {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.iter().map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()).collect()
}

/// Whether a part of a text is lower-case letters, digits and `_` behind a letter.
pub(crate) const fn is_code(bytes: &[u8], start: usize, end: usize) -> bool {
    if start >= end || !bytes[start].is_ascii_lowercase() {
        return false;
    }
    let mut i = start;
    while i < end {
        if !(bytes[i].is_ascii_lowercase() || bytes[i].is_ascii_digit() || bytes[i] == b'_') {
            return false;
        }
        i += 1;
    }
    true
}

const fn is_reserved(name: &[u8], length: usize) -> bool {
    let mut i = 0;
    while i < RESERVED_AREAS.len() {
        let area = RESERVED_AREAS[i].as_bytes();
        let mut same = area.len() == length;
        let mut j = 0;
        while same && j < length {
            same = area[j] == name[j];
            j += 1;
        }
        if same {
            return true;
        }
        i += 1;
    }
    false
}
