//! 5 mistakes: durations stand in quotes, within limits that name their reason.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = 30, absolute = "90d", remember = "2 weeks", touch),
    lockout(after = 10, wait = "15m"),
    confirm_email(within = 48h),
    reset_password,
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
