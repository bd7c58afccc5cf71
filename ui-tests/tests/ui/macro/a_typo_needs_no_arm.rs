//! 1 mistake: a `match` that knows nothing of the misspelt key's variants is no second one.

use sigra::{Client, Credentials, Error, PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(table = "users", password, session(idle = "1h", absolut = "14d"), lockout(after = 10, wait = "15m"))]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

async fn sign_in(auth: &Sigra<User>, credentials: Credentials, client: &Client) -> Result<i64, Error> {
    match auth.sign_in(credentials, client).await? {
        UserSignIn::Complete(session) => Ok(session.user().id),
    }
}

fn main() {}
