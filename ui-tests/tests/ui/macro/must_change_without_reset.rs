//! 1 mistake: nothing mails the link that would end the change.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    must_change_password,
)]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

fn _is_covered(outcome: UserSignIn) -> bool {
    match outcome {
        UserSignIn::Complete(session) => session.user().id > 0,
        UserSignIn::MustChangePassword(_) => false,
    }
}

fn main() {}
