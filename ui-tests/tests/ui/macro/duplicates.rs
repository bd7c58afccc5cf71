//! 4 mistakes: also across attributes.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", idle = "2h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    table = "people",
)]
#[sigra(password)]
struct User {
    #[sigra(id)]
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

fn main() {}
