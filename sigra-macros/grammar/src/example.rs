//! Examples for the documentation: a small complete host with one thing changed, so that each shows only its point.

use std::fmt::{self, Display};

const KEYS: [(&str, &str); 4] = [
    ("table", r#"table = "users""#),
    ("password", "password"),
    ("session", r#"session(idle = "1h", absolute = "14d")"#),
    ("lockout", r#"lockout(after = 10, wait = "15m")"#),
];

const FIELDS: [(&str, &str); 3] = [
    ("id", "#[sigra(id)] id: uuid::Uuid"),
    ("email", "#[sigra(email)] email: String"),
    ("password", "#[sigra(password)] password: Option<PasswordHash>"),
];

/// What differs from the plain host: a name and the code that replaces it. Empty code removes it, a new name adds it.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// A key of the struct.
    Key(&'static str, &'static str),
    /// A field.
    Field(&'static str, &'static str),
}

/// A second factor, and a way back for whoever loses it.
pub(crate) const TOTP: Change = Change::Key("totp", r#"totp(issuer = "Acme")"#);
pub(crate) const CODES: Change = Change::Key("backup_codes", "backup_codes");
/// A session as short as AAL2 has it.
pub(crate) const SHORT: Change = Change::Key("session", r#"session(idle = "1h", absolute = "24h")"#);

/// A host, displayed as Rust code.
#[derive(Clone, Copy, Debug)]
pub struct Example<'c>(pub &'c [Change]);

impl Display for Example<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut keys, mut fields) = (KEYS.to_vec(), FIELDS.to_vec());
        for change in self.0 {
            let (list, name, code) = match *change {
                Change::Key(name, code) => (&mut keys, name, code),
                Change::Field(name, code) => (&mut fields, name, code),
            };
            match list.iter_mut().find(|(known, _)| *known == name) {
                Some(entry) => entry.1 = code,
                None => list.push((name, code)),
            }
        }
        writeln!(f, "#[derive(Sigra)]\n#[sigra(")?;
        for (_, code) in keys.iter().filter(|(_, code)| !code.is_empty()) {
            writeln!(f, "    {code},")?;
        }
        writeln!(f, ")]\nstruct User {{")?;
        for (_, code) in fields.iter().filter(|(_, code)| !code.is_empty()) {
            writeln!(f, "    {code},")?;
        }
        f.write_str("}")
    }
}
