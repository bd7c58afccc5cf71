//! 2 mistakes: names in the database are plain.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "public.users",
    prefix = "Sigra_",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
)]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

fn main() {}
