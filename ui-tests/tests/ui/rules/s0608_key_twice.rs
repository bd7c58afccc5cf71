//! 1 mistake: rule S0608, key-twice.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(AuditEvent)]
#[sigra(event = "billing.invoice.export")]
struct InvoiceExported {
    size: i64,
    #[sigra(key = "size")] length: i64,
}

fn main() {}
