//! 7 mistakes: no key promises a secret, and each is plain and there once.

use sigra::AuditEvent;

#[derive(AuditEvent)]
#[sigra(event = "billing.invoice.export")]
struct InvoiceExported {
    password: String,
    newAccessToken: String,
    #[sigra(key = "Set-Cookie")]
    header: String,
    größe: i64,
    pages: i64,
    #[sigra(key = "pages")]
    sheets: i64,
    #[sigra(skip = true)]
    file: Vec<u8>,
    #[sigra(skip, key = "draft")]
    draft: Vec<u8>,
}

fn main() {}
