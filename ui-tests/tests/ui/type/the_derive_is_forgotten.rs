//! 1 mistake: the message names the derive.

use sigra::{Error, Sigra};

pub struct User {
    pub id: i64,
}

async fn connect() -> Result<(), Error> {
    Sigra::<User>::connect("sqlite://app.db").await?;
    Ok(())
}

fn main() {}
