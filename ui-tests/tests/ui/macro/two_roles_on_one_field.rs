//! 2 mistakes: a field is one thing.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
struct User {
    #[sigra(id, email)]
    email: String,
    #[sigra(password, skip)]
    password: Option<PasswordHash>,
}

fn main() {}
