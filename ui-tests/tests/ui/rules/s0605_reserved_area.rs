//! 1 mistake: rule S0605, reserved-area.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(AuditEvent)]
#[sigra(event = "session.invoice.export")]
struct InvoiceExported;

fn main() {}
