//! 1 mistake: rule S0602, event-name.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(AuditEvent)]
#[sigra(event = "Billing.Invoice.Export")]
struct InvoiceExported;

fn main() {}
