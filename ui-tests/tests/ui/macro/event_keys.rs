//! 9 mistakes: words that people try, and keys in the wrong place.

use sigra::AuditEvent;

#[derive(AuditEvent)]
#[sigra(name = "billing.invoice.export", outcome = "refused", actor, severity = "high", skip, retries)]
struct InvoiceExported {
    #[sigra(rename = "count")]
    pages: u32,
    #[sigra(event = "billing.invoice.print")]
    printed: bool,
    #[sigra(redact)]
    customer: String,
}

fn main() {}
