//! 1 mistake: the message names the key that is off, and the user type.

use sigra::{Client, Error, PasswordHash, Sigra, Sudo};

#[derive(Sigra)]
#[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), throttle(per_network = 100, within = "15m"), sudo)]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

async fn enrol(auth: &Sigra<User>, sudo: &Sudo<User>, client: &Client) -> Result<(), Error> {
    auth.begin_totp(sudo, "phone", client).await.map(|_| ())
}

fn main() {}
