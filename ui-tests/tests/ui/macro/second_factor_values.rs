//! 9 mistakes: values of the keys of second factors.

use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    totp(issuer = "Acme: production"),
    backup_codes(count = 100),
    trusted_browser(within = "90d"),
    assisted_recovery(delay = "10m"),
    sudo(within = "8h"),
)]
struct Member {
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
    lockout(after = 10, wait = "15m"),
    totp(issuer = ""),
    backup_codes = 10,
    trusted_browser,
    unsafe_no_recovery = "none",
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
