//! 1 mistake: rule S0112, two-roles-on-one-field.

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
)]
struct User {
    #[sigra(id, email)] email: String,
    #[sigra(password)] password: Option<PasswordHash>,
}

fn main() {}
