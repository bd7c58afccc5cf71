//! 4 mistakes: what the compiler finds stands in the same build as what the macro finds.

use std::time::Duration;

use sigra::{PasswordHash, Sigra};

const IDLE: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_secs(86_400);

#[derive(Sigra)]
#[sigra(
    table = "app users",
    password(min_length = 8),
    session(idle = IDLE, absolute = "14d"),
    lockout(after = 10, wait = DAY.saturating_mul(400)),
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
