//! 1 mistake: the implementations beside the error use the name that was given.

use sigra::PasswordHash;

mod vendored {
    pub use sigra as auth;
}

use vendored::auth::{Client, Error, Sigra};

#[derive(Sigra)]
#[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"), foo, crate = vendored::auth)]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

async fn reset(auth: &Sigra<User>, client: &Client) -> Result<(), Error> {
    auth.request_password_reset("ada@example.com", client).await
}

fn main() {}
