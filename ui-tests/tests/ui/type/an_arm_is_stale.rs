//! 1 mistake: the key was taken away, its arm was not.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
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
        UserSignIn::SecondFactor(_) => {}
    }
}

fn main() {}
