//! 1 mistake: rule S0621, actor-where-recorded.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(AuditEvent)]
#[sigra(event = "billing.invoice.export", actor = "ada")]
struct InvoiceExported;

fn main() {}
