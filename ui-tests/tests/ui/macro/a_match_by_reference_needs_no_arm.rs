//! 1 mistake: what is off has no variant, also beside a mistake.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(table = "users", password(min_length = 8), session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

fn greet(outcome: &UserSignIn) -> i64 {
    match outcome {
        UserSignIn::Complete(session) => session.user().id,
    }
}

fn main() {}
