//! As little as a host can write.

use sigra::{PasswordHash, Sigra};

/// Somebody with an account.
#[derive(Sigra)]
#[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
pub struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

/// An outcome with one variant: nothing can stand in the way.
#[must_use]
pub fn user_of(outcome: UserSignIn) -> i64 {
    let UserSignIn::Complete(session) = outcome;
    session.user().id
}
