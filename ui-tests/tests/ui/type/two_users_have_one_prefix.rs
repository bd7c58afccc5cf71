//! 1 mistake: the sessions of one would be sessions of the other.

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

mod staff {
    use super::*;

    #[derive(Sigra)]
    #[sigra(table = "staff", password, session(idle = "15m", absolute = "12h"), lockout(after = 10, wait = "15m"))]
    struct Operator {
        #[sigra(id)]
        id: i64,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<PasswordHash>,
    }
}

fn main() {}
