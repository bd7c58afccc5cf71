use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    reset_password,
    must_change_password,
)]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
    #[sigra(disabled_at)]
    disabled_at: Option<time::OffsetDateTime>,
}

fn greet(outcome: UserSignIn) -> &'static str {
    match outcome {
        UserSignIn::Complete(_session) => "welcome",
        UserSignIn::Disabled(_) => "ask the operator",
        UserSignIn::MustChangePassword(_) => "look into your mailbox",
    }
}
