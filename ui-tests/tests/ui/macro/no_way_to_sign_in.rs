//! 1 mistake: an account that nobody can open.

use sigra::Sigra;

#[derive(Sigra)]
#[sigra(
    table = "users",
    session(idle = "1h", absolute = "14d"),
)]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
}

fn main() {}
