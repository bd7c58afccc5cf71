//! Passwords that are known from data breaches elsewhere (ASVS 6.2.12): where the host says they can be looked up.
//!
//! Nothing is looked up unless the host names a source: [`BreachedFiles`] for the files of Have I Been Pwned, or, with the
//! cargo feature `breached-online`, `BreachedOnline` for its server, or an implementation of its own.

mod files;
#[cfg(feature = "breached-online")]
mod online;

use std::fmt;
use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;

use sha1::{Digest as _, Sha1};
use zeroize::Zeroizing;

use super::Password;

pub use self::files::BreachedFiles;
#[cfg(feature = "breached-online")]
pub use self::online::{BreachedOnline, RangeClient, RangeRequest, RangeResponse};

/// A source that knows breached passwords.
///
/// It is asked when a password is set or changed, after every other rule, where it has ten seconds to answer, and with
/// `must_change_password` at each sign-in with the right password, where it has two.
///
/// ```
/// use sigra::password::breached::{BreachedPasswords, Fingerprint, Lookup};
///
/// #[derive(Debug)]
/// struct Known(std::collections::HashSet<String>);
/// impl BreachedPasswords for Known {
///     fn contains<'a>(&'a self, password: &'a Fingerprint) -> Lookup<'a> {
///         Box::pin(async { Ok(self.0.contains(password.hex())) })
///     }
/// }
/// ```
pub trait BreachedPasswords: fmt::Debug + Send + Sync + 'static {
    /// Whether the password is known from a breach. [`Unavailable`] where that cannot be said.
    ///
    /// May be dropped before it is done. What comes too late is [`Unavailable`].
    fn contains<'a>(&'a self, password: &'a Fingerprint) -> Lookup<'a>;
}

/// What [`BreachedPasswords::contains`] returns.
pub type Lookup<'a> = Pin<Box<dyn Future<Output = Result<bool, Unavailable>> + Send + 'a>>;

/// What happens to a new password while the source cannot be asked. There is no default: either answer has its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenUnavailable {
    /// It is taken unseen, with a line in the log at level `WARN`. Visitors can register and change passwords meanwhile.
    Accept,
    /// It is refused with [`Failure::BreachedPasswords`](crate::Failure::BreachedPasswords). No breached password gets in.
    Refuse,
}

/// The source could not say. The text is logged: it must hold nothing of the password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(String);

impl Unavailable {
    /// Says what went wrong.
    #[must_use]
    pub fn new(what: impl fmt::Display) -> Self {
        Self(what.to_string())
    }
}

/// The SHA-1 of a password in UTF-8, by which lists of breached passwords are kept. A source never sees the password itself.
///
/// It is as secret as the password, which it gives away to whoever guesses it; `Debug` shows nothing, and it is wiped when
/// dropped.
pub struct Fingerprint(Zeroizing<String>);

/// Characters of a fingerprint that a server may see: about one in a million passwords has them.
const PREFIX: usize = 5;

impl Fingerprint {
    /// The fingerprint of a password in NFC.
    #[must_use]
    pub fn of(password: &Password) -> Self {
        let mut hex = Zeroizing::new(String::with_capacity(40));
        for byte in Zeroizing::new(<[u8; 20]>::from(Sha1::digest(password.as_bytes()))).iter() {
            // A string takes everything that is written to it.
            let _ = write!(hex, "{byte:02X}");
        }
        Self(hex)
    }

    /// All 40 hexadecimal digits, upper case.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.0
    }

    /// The first five digits: what may be asked for.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.0[..PREFIX]
    }

    /// The other 35: what is looked for in the answer, and never leaves the process.
    #[must_use]
    pub fn suffix(&self) -> &str {
        &self.0[PREFIX..]
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}

/// A line `DIGITS:COUNT` of a list, `DIGITS` being `length` hexadecimal digits. A count of zero is padding, and no entry.
fn parse(line: &[u8], length: usize) -> Option<(&[u8], bool)> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (digits, count) = line.split_at_checked(length)?;
    let counted = match count.split_first() {
        None => true,
        Some((b':', count)) if !count.is_empty() && count.iter().all(u8::is_ascii_digit) => {
            count.iter().any(|digit| *digit != b'0')
        }
        Some(_) => return None,
    };
    digits.iter().all(u8::is_ascii_hexdigit).then_some((digits, counted))
}

/// Whether a range, the lines of one prefix, has the suffix. `None`: it is no range.
fn range_contains(range: &[u8], suffix: &str) -> Option<bool> {
    let mut found = false;
    let mut lines = 0;
    for line in range.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let (digits, counted) = parse(line, suffix.len())?;
        found |= counted && digits.eq_ignore_ascii_case(suffix.as_bytes());
        lines += 1;
    }
    // Every prefix has lines.
    (lines > 0).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_sha1_of_the_password_and_is_never_shown() {
        let fingerprint = Fingerprint::of(&"password".into());
        assert_eq!(fingerprint.hex(), "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8");
        assert_eq!(format!("{}{}", fingerprint.prefix(), fingerprint.suffix()), fingerprint.hex());
        assert_eq!(format!("{fingerprint:?}"), "Fingerprint(..)");
    }

    #[test]
    fn a_range_is_read_strictly_and_padding_is_no_entry() {
        let suffix = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
        let range = |text: &str| range_contains(text.as_bytes(), suffix);
        let other = "0018A45C4D1DEF81644B54AB7F969B88D65:1";
        assert_eq!(range(&format!("{other}\r\n{suffix}:9545824\r\n")), Some(true));
        assert_eq!(range(&format!("{other}\n{}:3", suffix.to_lowercase())), Some(true));
        assert_eq!(range(suffix), Some(true));
        assert_eq!(range(&format!("{other}\r\n{suffix}:0")), Some(false));
        assert_eq!(range(other), Some(false));
        for broken in
            ["", "\r\n", "<html>", &format!("{suffix}:"), &format!("{suffix}:x"), &format!("{suffix}1:2")]
        {
            assert_eq!(range(broken), None, "{broken}");
        }
    }
}
