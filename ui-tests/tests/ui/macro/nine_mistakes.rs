//! 9 mistakes: all in one build, each under the word that is wrong, and none about the code that uses `User`.

use sigra::{Client, Credentials, Error, PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    tabel = "users",
    password(min_length = 8),
    sesion(idle = "1h", absolute = "14d"),
    confirm_email(within = "15 minutes"),
    reset_password(for = "1h"),
    must_change_password,
    lockout(after = 10),
    audit = "yes",
    id,
)]
pub struct User {
    #[sigra(emial)]
    pub email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
    pub display_name: String,
}

async fn sign_in(auth: &Sigra<User>, credentials: Credentials, client: &Client) -> Result<(), Error> {
    match auth.sign_in(credentials, client).await? {
        UserSignIn::Complete(_session) => {}
        UserSignIn::MustChangePassword(_) => auth.confirm_email("token", client).await.map(|_| ())?,
    }
    auth.request_password_reset("ada@example.com", client).await
}

fn new(display_name: String) -> NewUser {
    NewUser { email: String::new(), password: "".into(), display_name }
}

fn main() {}
