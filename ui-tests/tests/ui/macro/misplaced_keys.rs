//! 4 mistakes: each key is told where it goes.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d", after = 3),
    lockout(after = 10, wait = "15m"),
    skip,
    idle = "1h",
)]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email, session)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

fn main() {}
