//! 1 mistake: rule S0610, type-parameters.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(AuditEvent)]
#[sigra(event = "billing.invoice.export")]
struct InvoiceExported<T> {
    what: T,
}

fn main() {}
