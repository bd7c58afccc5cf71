//! 1 mistake: the message names the key that is off, and the user type.

use sigra::{Client, Error, PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), throttle(per_network = 100, within = "15m"),
    totp(issuer = "Acme"), backup_codes)]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

async fn lost(auth: &Sigra<User>, client: &Client) -> Result<bool, Error> {
    auth.finish_recovery("root", &7, client).await
}

fn main() {}
