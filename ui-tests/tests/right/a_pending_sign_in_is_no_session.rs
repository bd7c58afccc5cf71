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

async fn leave(auth: &Sigra<User>, pending: &SecondFactor, code: &str, client: &Client) -> Result<(), Error> {
    let proved = auth.prove_second_factor(pending.token().expose(), code, client).await?;
    auth.sign_out(proved.session(), client).await
}
