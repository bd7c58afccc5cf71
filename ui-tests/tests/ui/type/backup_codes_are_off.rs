//! 1 mistake: the message names the key that is off, and the user type.

use sigra::{Client, Error, PasswordHash, Sigra, Sudo};

#[derive(Sigra)]
#[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), throttle(per_network = 100, within = "15m"),
    totp(issuer = "Acme"), assisted_recovery)]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

async fn codes(auth: &Sigra<User>, sudo: &Sudo<User>, client: &Client) -> Result<(), Error> {
    auth.create_backup_codes(sudo, client).await.map(|_| ())
}

fn main() {}
