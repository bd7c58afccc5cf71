//! 1 mistake: rule S0127, sudo-above-absolute.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "5m", absolute = "10m"),
    lockout(after = 10, wait = "15m"),
    sudo,
)]
struct User {
    #[sigra(id)] id: uuid::Uuid,
    #[sigra(email)] email: String,
    #[sigra(password)] password: Option<PasswordHash>,
}

fn main() {}
