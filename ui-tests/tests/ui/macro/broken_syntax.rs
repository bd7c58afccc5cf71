//! 5 mistakes: one error at the token, and the keys beside it are read all the same.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password session(idle = "1h", absolute = "14d"),
    privacy =,
    "lockout",
    audit: true,
    lockout(after = 10, wait = "15m"),
)]
#[sigra]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

fn main() {}
