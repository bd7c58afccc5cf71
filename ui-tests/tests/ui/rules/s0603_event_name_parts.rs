//! 1 mistake: rule S0603, event-name-parts.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(AuditEvent)]
#[sigra(event = "invoice.export")]
struct InvoiceExported;

fn main() {}
