use sigra::{PasswordHash, Sigra};

#[derive(Sigra)]
#[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
    display_name: String,
}

fn new() -> NewUser {
    NewUser { email: String::new(), password: "".into(), display_name: String::new() }
}
