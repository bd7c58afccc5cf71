//! 1 mistake: a sign-in whose second factor is due is no session.

use sigra::{Client, Error, PasswordHash, SecondFactor, Sigra};

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

async fn leave(auth: &Sigra<User>, pending: &SecondFactor, client: &Client) -> Result<(), Error> {
    auth.sign_out(pending, client).await
}

fn main() {}
