//! 3 mistakes: what is planned is said to be planned.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    passkeys(rp_id = "acme.example"),
    magic_link,
    jwt,
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
