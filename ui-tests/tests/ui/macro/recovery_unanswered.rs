//! 1 mistake: nobody said how an owner gets in who has lost the second factor.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    totp(issuer = "Acme"),
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
