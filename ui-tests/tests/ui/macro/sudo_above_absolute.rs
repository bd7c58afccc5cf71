//! 2 mistakes: no proof would ever be too old, by the default and by what was written.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "5m", absolute = "10m"),
    lockout(after = 10, wait = "15m"),
    sudo,
)]
struct Member {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

#[derive(Sigra)]
#[sigra(
    table = "users",
    prefix = "b_",
    password,
    session(idle = "5m", absolute = "10m"),
    lockout(after = 10, wait = "15m"),
    sudo(within = "20m"),
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
