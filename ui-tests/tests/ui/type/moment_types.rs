//! 2 mistakes: a flag does not say when.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    confirm_email,
    reset_password,
)]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
    #[sigra(confirmed_at)]
    confirmed_at: bool,
    #[sigra(disabled_at)]
    disabled_at: time::OffsetDateTime,
}

fn main() {}
