//! 1 mistake: rustc writes the bound that is missing.

use sigra::{Account, Client, Error, Sigra};

async fn forgot<U: Account>(auth: &Sigra<U>, client: &Client) -> Result<(), Error> {
    auth.request_password_reset("ada@example.com", client).await
}

fn main() {}
