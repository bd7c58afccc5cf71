//! The keys of `#[derive(AuditEvent)]` and `#[derive(AuditDetail)]`.

use super::{CRATE, Key};

/// The keys of an event's struct.
pub static STRUCT: [&Key; 2] = [&EVENT, &CRATE];

/// The keys of a struct inside the details of an event.
pub static DETAIL: [&Key; 1] = [&CRATE];

/// The keys of a field of either.
pub static FIELD: [&Key; 2] = [&KEY, &SKIP];

/// `event`
pub static EVENT: Key = Key::new(
    "event",
    r#"event = "billing.invoice.export""#,
    "The event's name in the trail, `area.object.verb`: lower-case ASCII letters, digits and `_`, at most 48 bytes a part. \
     Names are stable: who reads the trail searches for them. The areas that Sigra uses are reserved.",
)
.misuse(r#"event = "session.invoice.export""#)
.required("whoever reads the trail searches for it")
.tried(&[("name event_name action action_name type kind verb topic subject category code", "")]);

/// `key`
pub static KEY: Key = Key::new(
    "key",
    r#"#[sigra(key = "size")] größe: i64"#,
    "The key in the row's details, where it is not the field's name: ASCII letters, digits, `_`, `-` and `.`, at most 64 \
     bytes. A key that promises a secret is refused.",
)
.misuse(r#"#[sigra(key = "access_token")] access: String"#)
.tried(&[("rename name column field as alias label title", "")]);

/// `skip`
pub static SKIP: Key = Key::new(
    "skip",
    "#[sigra(skip)] draft: Draft",
    "The field stands in no row. Its type may be anything.",
)
.misuse("#[sigra(skip = true)] draft: Draft")
.tried(&[(
    "ignore ignored redact redacted mask masked hide hidden private sensitive secret omit skip_serializing exclude",
    "",
)]);
