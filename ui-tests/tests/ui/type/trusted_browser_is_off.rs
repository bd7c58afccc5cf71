//! 1 mistake: the message names the key that is off, and the user type.

use sigra::{Client, Error, PasswordHash, Session, Sigra};

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

async fn forget(auth: &Sigra<User>, session: &Session<User>, client: &Client) -> Result<u64, Error> {
    auth.revoke_trusted_browsers(session, client).await
}

fn main() {}
