//! 1 mistake: the type is underlined, and the type that will do is named.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: Vec<u8>,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

fn main() {}
