//! 2 mistakes: one network could keep everybody out, and a limit that a few visitors reach.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    throttle(per_network = 1000, overall = 500, within = "15m"),
)]
struct Shopper {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

#[derive(Sigra)]
#[sigra(
    table = "users",
    prefix = "b_",
    password,
    session(idle = "1h", absolute = "14d"),
    throttle(per_network = 10, overall = 50, within = "15m"),
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
