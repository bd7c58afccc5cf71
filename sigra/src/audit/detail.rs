//! What may stand in the details of an event, by type.

use std::borrow::Cow;
use std::collections::BTreeMap;

use time::{OffsetDateTime, UtcOffset};

use super::details::{Details, MAX_ENTRIES, Value};
use crate::session::SessionId;

/// A type that may enter the audit trail.
///
/// Implemented for `bool`, integers of 16 to 64 bits, texts, [`Uuid`](uuid::Uuid), [`OffsetDateTime`], [`SessionId`], and for
/// `Option`, lists and maps of those; derived for structs with [`AuditDetail`](derive@crate::AuditDetail). Passwords, hashes, tokens,
/// keys and credentials do not implement it, so they cannot enter by accident. Bytes do not either, since they may be a key,
/// nor do floating-point numbers, which have no one written form.
///
/// An enum of the host's gives its text:
///
/// ```
/// use sigra::audit::{AuditDetail, Value};
///
/// enum Plan {
///     Free,
///     Pro,
/// }
///
/// impl AuditDetail for Plan {
///     fn detail(&self) -> Value {
///         match self {
///             Self::Free => "free".detail(),
///             Self::Pro => "pro".detail(),
///         }
///     }
/// }
/// ```
///
/// Do not implement it for a type that holds a secret.
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot enter the audit trail",
    label = "not a plain value",
    note = "plain are `bool`, integers of 16 to 64 bits, texts, `Uuid`, `OffsetDateTime`, `SessionId`, and `Option`, `Vec` and maps of those",
    note = "bytes (`u8`) are not, since they may be a key; nor are `f32` and `f64`, since they have no one written form",
    note = "of a struct: add `#[derive(sigra::AuditDetail)]` to it",
    note = "of a secret: record what names it, such as the id of its session, or leave the field out with `#[sigra(skip)]`"
)]
pub trait AuditDetail {
    /// The value as it enters the trail.
    fn detail(&self) -> Value;
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl AuditDetail for $integer {
            fn detail(&self) -> Value {
                Value::Integer(i128::from(*self))
            }
        }
    )*};
}
// No `u8`: bytes in a row are a key as likely as not.
integers!(i16 i32 i64 u16 u32 u64);

macro_rules! texts {
    ($($text:ty)*) => {$(
        impl AuditDetail for $text {
            fn detail(&self) -> Value {
                Value::Text(self.to_string())
            }
        }
    )*};
}
texts!(str String char Cow<'_, str> uuid::Uuid SessionId);

impl AuditDetail for usize {
    fn detail(&self) -> Value {
        // No platform has more than 64 bits.
        Value::Integer(*self as i128)
    }
}

impl AuditDetail for bool {
    fn detail(&self) -> Value {
        Value::Bool(*self)
    }
}

/// UTC, whole microseconds, as RFC 3339 writes it: `2026-11-25T02:10:47.000005Z`.
impl AuditDetail for OffsetDateTime {
    fn detail(&self) -> Value {
        let at = self.checked_to_offset(UtcOffset::UTC).unwrap_or(*self);
        let (hour, minute, second, micro) = at.to_hms_micro();
        let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
        Value::Text(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z"))
    }
}

impl AuditDetail for Value {
    fn detail(&self) -> Value {
        self.clone()
    }
}

impl AuditDetail for Details {
    fn detail(&self) -> Value {
        Value::Map(self.clone())
    }
}

impl<T: AuditDetail + ?Sized> AuditDetail for &T {
    fn detail(&self) -> Value {
        (**self).detail()
    }
}

impl<T: AuditDetail> AuditDetail for Option<T> {
    fn detail(&self) -> Value {
        self.as_ref().map_or(Value::Null, AuditDetail::detail)
    }
}

impl<T: AuditDetail> AuditDetail for [T] {
    fn detail(&self) -> Value {
        // One more than there may be is as wrong as a million more.
        Value::List(self.iter().take(MAX_ENTRIES + 1).map(AuditDetail::detail).collect())
    }
}

impl<T: AuditDetail, const N: usize> AuditDetail for [T; N] {
    fn detail(&self) -> Value {
        self[..].detail()
    }
}

impl<T: AuditDetail> AuditDetail for Vec<T> {
    fn detail(&self) -> Value {
        self[..].detail()
    }
}

impl<K: AsRef<str>, T: AuditDetail> AuditDetail for BTreeMap<K, T> {
    fn detail(&self) -> Value {
        let entries = self.iter().take(MAX_ENTRIES + 1);
        Value::Map(entries.map(|(key, value)| (key.as_ref().to_owned(), value.detail())).collect())
    }
}
