use sigra::{Error, PasswordHash, Sigra};

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

async fn connect() -> Result<(), Error> {
    Sigra::<User>::connect("sqlite://app.db").await?;
    Ok(())
}
