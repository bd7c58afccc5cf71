//! 2 mistakes: what uses the id and the address is no third one.

use sigra::{Account, PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
struct User {
    id: uuid::Uuid,
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

fn name(user: &User) -> (uuid::Uuid, &str) {
    (*Account::id(user), Account::email(user))
}

fn main() {}
