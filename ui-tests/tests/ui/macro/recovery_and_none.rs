//! 1 mistake: there is a way back, and there is none.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    totp(issuer = "Acme"),
    backup_codes,
    unsafe_no_recovery = "accounts are made anew",
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
