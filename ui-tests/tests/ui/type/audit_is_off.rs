//! 1 mistake: the `unsafe_` key that turned it off is named.

use sigra::{Error, PasswordHash, Session, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    unsafe_no_audit = "the database writes a trail",
)]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

async fn activity(auth: &Sigra<User>, session: &Session<User>) -> Result<(), Error> {
    auth.activity(session, 10).await?;
    Ok(())
}

fn main() {}
