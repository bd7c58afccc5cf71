//! 1 mistake: a number of seconds is no duration.

use sigra::{PasswordHash, Sigra};

const IDLE: u64 = 3600;

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = IDLE, absolute = "14d"),
    lockout(after = 10, wait = "15m"),
)]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

fn main() {}
