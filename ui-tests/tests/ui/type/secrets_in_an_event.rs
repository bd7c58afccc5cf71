//! 9 mistakes: no secret enters the trail by its type, wherever it stands.

use sigra::token::{ForSession, Token};
use sigra::{AuditDetail, AuditEvent, Credentials, Keyring, Password, PasswordHash, SessionToken};

#[derive(AuditEvent)]
#[sigra(event = "app.user.import")]
struct Imported {
    typed: Password,
    hashed: PasswordHash,
    maybe: Option<PasswordHash>,
    session: SessionToken,
    any: Vec<Token<ForSession>>,
    ring: Keyring,
    presented: Credentials,
    raw: [u8; 32],
}

#[derive(AuditDetail)]
struct Inner {
    typed: Password,
}

fn main() {}
