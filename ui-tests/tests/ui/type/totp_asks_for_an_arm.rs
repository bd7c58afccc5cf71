//! 1 mistake: turning `totp` on asks for the arm, and the key is underlined.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    reset_password(within = "1h"),
    must_change_password,
    lockout(after = 10, wait = "15m"),
    totp(issuer = "Acme"),
    backup_codes,
)]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

fn greet(outcome: UserSignIn) {
    match outcome {
        UserSignIn::Complete(_session) => {}
        UserSignIn::MustChangePassword(_) => {}
    }
}

fn main() {}
