//! 1 mistake: rule S0232, assisted-recovery-delay-too-large.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    assisted_recovery(delay = "2592001s"),
    totp(issuer = "Acme"),
)]
struct User {
    #[sigra(id)] id: uuid::Uuid,
    #[sigra(email)] email: String,
    #[sigra(password)] password: Option<PasswordHash>,
}

fn main() {}
