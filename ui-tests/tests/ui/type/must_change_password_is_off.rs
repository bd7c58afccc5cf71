//! 1 mistake: the message names the key that is off, and the user type.

use sigra::{Client, Error, PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), throttle(per_network = 100, within = "15m"))]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

async fn leaked(auth: &Sigra<User>, client: &Client) -> Result<(), Error> {
    auth.require_password_change("root", &7, client).await.map(|_| ())
}

fn main() {}
