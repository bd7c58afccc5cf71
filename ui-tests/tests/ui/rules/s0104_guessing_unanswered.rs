//! 1 mistake: rule S0104, guessing-unanswered.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
)]
struct User {
    #[sigra(id)] id: uuid::Uuid,
    #[sigra(email)] email: String,
    #[sigra(password)] password: Option<PasswordHash>,
}

fn main() {}
