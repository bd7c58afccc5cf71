//! 1 mistake: a likely name is suggested.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
)]
struct UserAccount {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

fn main() {}
