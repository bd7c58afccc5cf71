//! 3 mistakes: what the macro cannot see the compiler checks, at the same place.

use std::time::Duration;

use sigra::{PasswordHash, Sigra};

mod limits {
    pub const ATTEMPTS: u32 = 1000;
}
const IDLE: Duration = Duration::from_secs(10);

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = IDLE, absolute = "14d"),
    lockout(after = limits::ATTEMPTS, wait = Duration::from_secs(5)),
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
