//! 1 mistake: rule S0611, event-shape.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(AuditEvent)]
#[sigra(event = "billing.invoice.export")]
struct InvoiceExported(i64);

fn main() {}
