//! 1 mistake: rule S0609, key-beside-skip.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(AuditEvent)]
#[sigra(event = "billing.invoice.export")]
struct InvoiceExported {
    #[sigra(skip, key = "size")] length: i64,
}

fn main() {}
