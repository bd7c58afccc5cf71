//! 1 mistake: the message names the key that is off, and the user type.

use sigra::{Client, Error, NewSession, PasswordHash, Session, Sigra};

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

async fn prove(auth: &Sigra<User>, session: &Session<User>, client: &Client) -> Result<NewSession<User>, Error> {
    auth.step_up_with_password(session, "a password", client).await
}

fn main() {}
