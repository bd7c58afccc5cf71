//! 1 mistake: the host's table is not among Sigra's own.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "sigra_users",
    password,
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
