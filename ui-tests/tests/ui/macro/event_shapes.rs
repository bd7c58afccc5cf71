//! 6 mistakes: one struct with named fields for each event.

use sigra::{AuditDetail, AuditEvent};

#[derive(AuditEvent)]
#[sigra(event = "billing.invoice.export")]
enum Exported {
    Invoice,
    Receipt,
}

#[derive(AuditEvent)]
#[sigra(event = "billing.invoice.export")]
struct Pair(u64, String);

#[derive(AuditEvent)]
#[sigra(event = "billing.invoice.export")]
union Either {
    pages: u32,
}

#[derive(AuditEvent)]
#[sigra(event = "billing.invoice.export")]
struct Generic<'a, T> {
    by: &'a str,
    what: T,
}

#[derive(AuditDetail)]
enum Plan {
    Free,
    Pro,
}

#[derive(AuditDetail)]
struct Price(i64);

// Using them is no second mistake.
fn is_event(_: impl AuditEvent) {}

fn main() {
    is_event(Exported::Invoice);
    is_event(Pair(1, String::new()));
    is_event(Generic { by: "", what: Plan::Free });
    let _ = AuditDetail::detail(&Price(1));
}
