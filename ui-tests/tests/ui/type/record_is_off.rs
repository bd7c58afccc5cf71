//! 1 mistake: without a trail nothing is recorded in it.

use sigra::{AuditEvent, Client, Error, PasswordHash, Sigra};

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

#[derive(AuditEvent)]
#[sigra(event = "shop.door.open")]
struct DoorOpened;

async fn open(auth: &Sigra<User>) -> Result<(), Error> {
    auth.record_by_system(None, DoorOpened, &Client::unknown()).await
}

fn main() {}
