//! 4 mistakes: what a value may be stands in the message.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    unsafe_no_lockout = "dev",
    privacy = "hashed",
    confirm_email = "48h",
    crate = "sigra",
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
