//! 1 mistake: a column that nothing fills.

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
    #[sigra(confirmed_at)]
    confirmed_at: Option<time::OffsetDateTime>,
}

fn main() {}
