//! 5 mistakes: the word of another library is answered with the key of this one.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    mfa,
    recovery_codes,
    remember_device,
    reauthenticate,
    admin_recovery,
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
