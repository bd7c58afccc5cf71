//! 1 mistake: rule S0607, secret-in-an-event.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(AuditEvent)]
#[sigra(event = "billing.invoice.export")]
struct InvoiceExported {
    access_token: String,
}

fn main() {}
