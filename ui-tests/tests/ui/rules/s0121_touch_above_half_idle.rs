//! 1 mistake: rule S0121, touch-above-half-idle.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "10m", absolute = "14d", touch = "9m"),
    lockout(after = 10, wait = "15m"),
)]
struct User {
    #[sigra(id)] id: uuid::Uuid,
    #[sigra(email)] email: String,
    #[sigra(password)] password: Option<PasswordHash>,
}

fn main() {}
