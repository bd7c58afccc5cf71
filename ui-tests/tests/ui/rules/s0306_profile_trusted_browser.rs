//! 1 mistake: rule S0306, profile-trusted-browser.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "24h"),
    lockout(after = 10, wait = "15m"),
    profile = "aal2",
    totp(issuer = "Acme"),
    backup_codes,
    trusted_browser(within = "7d"),
)]
struct User {
    #[sigra(id)] id: uuid::Uuid,
    #[sigra(email)] email: String,
    #[sigra(password)] password: Option<PasswordHash>,
}

fn main() {}
