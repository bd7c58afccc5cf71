//! 1 mistake: rule S0601, event-without-a-name.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(AuditEvent)]
struct InvoiceExported {
    invoice: Uuid,
}

fn main() {}
