//! 4 mistakes: what is said when Sigra starts is no key.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password(min_length = 15, zxcvbn = 3),
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    blocklist,
    hibp,
    strength = 3,
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
