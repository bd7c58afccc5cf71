//! 1 mistake: rule S0025, name-inside-an-event.

#![allow(unused_imports)]

use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(AuditDetail)]
#[sigra(event = "billing.invoice.export")]
struct Line {
    amount: i64,
}

fn main() {}
