//! 2 mistakes: the prefix that two users share is found although one of them has another mistake.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    prefix = "site_",
    password(min_length = 8),
    session(idle = "1h", absolute = "14d"),
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

#[derive(Sigra)]
#[sigra(
    table = "staff",
    prefix = "site_",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
)]
struct Operator {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

fn main() {}
