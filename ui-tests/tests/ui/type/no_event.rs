//! 2 mistakes: only an event is recorded, and nobody makes up its name.

use sigra::audit::EventName;
use sigra::{Client, Error, Session, Sigra, feature};

struct InvoiceExported;

async fn export<U: feature::Audit>(auth: &Sigra<U>, session: &Session<U>, client: &Client) -> Result<(), Error> {
    auth.record(session, InvoiceExported, client).await
}

fn main() {
    let _ = EventName("session.password.sign_in");
}
