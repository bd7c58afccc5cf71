//! 3 mistakes: a word that takes no value says so.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    audit = "yes",
)]
struct User {
    #[sigra(id = true)]
    id: i64,
    #[sigra(email("address"))]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

fn main() {}
