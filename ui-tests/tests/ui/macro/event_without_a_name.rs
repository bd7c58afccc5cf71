//! 3 mistakes: an event has a name, and what stands inside one has none.

use sigra::{AuditDetail, AuditEvent};

#[derive(AuditEvent)]
struct InvoiceExported {
    pages: u32,
}

#[derive(AuditEvent)]
#[sigra]
struct Exported;

#[derive(AuditDetail)]
#[sigra(event = "billing.line.export")]
struct Line {
    cents: i64,
}

fn main() {}
