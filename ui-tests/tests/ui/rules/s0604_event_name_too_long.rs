//! 1 mistake: rule S0604, event-name-too-long.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(AuditEvent)]
#[sigra(event = "billing.an_invoice_of_a_customer_who_has_ordered_in_the_past.export")]
struct InvoiceExported;

fn main() {}
