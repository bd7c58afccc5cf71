//! 4 mistakes: a near name is suggested, a far one gets the list of what there is.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    sesion(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    favourite_colour = "blue",
)]
struct User {
    #[sigra(id, autoincrement)]
    id: i64,
    #[sigra(emial)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

fn main() {}
