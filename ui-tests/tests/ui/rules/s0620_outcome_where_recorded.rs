//! 1 mistake: rule S0620, outcome-where-recorded.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(AuditEvent)]
#[sigra(event = "billing.invoice.export", outcome = "ada")]
struct InvoiceExported;

fn main() {}
