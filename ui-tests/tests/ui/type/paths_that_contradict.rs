//! 2 mistakes: two values are compared also where one is a path.

use std::time::Duration;

use sigra::{PasswordHash, Sigra};

const DAY: Duration = Duration::from_secs(86_400);

#[derive(Sigra)]
#[sigra(
    table = "users",
    password(memory_kib = 12288, iterations = passes()),
    session(idle = "2d", absolute = DAY),
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

const fn passes() -> u32 {
    2
}

fn main() {}
