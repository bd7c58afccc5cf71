//! 1 mistake: `NewUser` already has a field of this name.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    address: String,
    #[sigra(password)]
    hash: Option<PasswordHash>,
    #[sigra(column = "plain")]
    password: String,
}

fn main() {}
