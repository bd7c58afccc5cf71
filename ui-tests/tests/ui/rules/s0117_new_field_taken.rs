//! 1 mistake: rule S0117, new-field-taken.

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
    #[sigra(id)] id: uuid::Uuid,
    #[sigra(email)] address: String,
    #[sigra(password)] password: Option<PasswordHash>,
    #[sigra(column = "other")] email: String,
}

fn main() {}
