//! 1 mistake: what turns it on is a field.

use sigra::{Client, Error, PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

async fn disable(auth: &Sigra<User>, client: &Client) -> Result<(), Error> {
    auth.disable_account("ops", &7, client).await?;
    Ok(())
}

fn main() {}
