//! 1 mistake: rule S0622, one-trail.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(AuditEvent)]
#[sigra(event = "billing.invoice.export", severity = "ada")]
struct InvoiceExported;

fn main() {}
