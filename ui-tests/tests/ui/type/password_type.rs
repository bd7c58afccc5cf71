//! 1 mistake: a `String` is no hash.

use sigra::Sigra;

#[derive(Sigra)]
#[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: String,
}

fn main() {}
