//! 1 mistake: memory and passes are judged together.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password(memory_kib = 12288, iterations = 2),
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

fn main() {}
