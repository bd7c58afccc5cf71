//! 1 mistake: rule S0606, key-form.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(AuditEvent)]
#[sigra(event = "billing.invoice.export")]
struct InvoiceExported {
    #[sigra(key = "the size")] size: i64,
}

fn main() {}
