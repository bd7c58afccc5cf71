//! 2 mistakes: the outcome, the new user and the features of `User` are there all the same.

use sigra::{Client, Credentials, Error, PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    reset_password,
    must_change_pasword
)]
pub struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
    #[sigra(skp)]
    created_at: i64,
}

async fn sign_in(auth: &Sigra<User>, credentials: Credentials, client: &Client) -> Result<(), Error> {
    match auth.sign_in(credentials, client).await? {
        UserSignIn::Complete(session) => println!("{}", session.user().id),
        UserSignIn::MustChangePassword(since) => println!("{}", since.since()),
    }
    Ok(())
}

fn new() -> NewUser {
    NewUser { email: String::new(), password: "".into() }
}

fn main() {}
