//! A host that listens to every lint hears nothing about the generated code.

#![forbid(missing_docs, unsafe_code)]
#![deny(
    dead_code,
    deprecated,
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    missing_debug_implementations,
    private_interfaces,
    single_use_lifetimes,
    unnameable_types,
    unreachable_pub,
    unused,
    unused_qualifications,
    clippy::all,
    clippy::nursery,
    clippy::pedantic
)]

use sigra::{PasswordHash, Sigra};
use time::OffsetDateTime;

/// Somebody with an account.
#[derive(Debug, Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    confirm_email,
    reset_password,
    lockout(after = 10, wait = "15m"),
    audit(retain = "400d"),
    prefix = "l0_"
)]
pub struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
    #[sigra(confirmed_at)]
    confirmed_at: Option<OffsetDateTime>,
    #[sigra(disabled_at)]
    disabled_at: Option<OffsetDateTime>,
    /// A column that registration fills.
    role: String,
}

impl User {
    /// The role.
    #[must_use]
    pub fn role(&self) -> &str {
        &self.role
    }
}

/// A visitor who has not joined.
#[must_use]
pub fn guest(email: String, password: &str) -> NewUser {
    NewUser { email, password: password.into(), role: "guest".to_owned() }
}

/// A user type that is on its way out.
#[allow(deprecated, reason = "the type is declared and derived here, not used")]
mod old {
    /// Somebody with an account.
    #[deprecated = "write `User`"]
    #[derive(Debug, sigra::Sigra)]
    #[sigra(
        table = "members",
        password,
        session(idle = "1h", absolute = "14d"),
        throttle(per_network = 5, within = "1h"),
        prefix = "l1_"
    )]
    pub struct Member {
        #[sigra(id)]
        id: uuid::Uuid,
        #[sigra(email)]
        email: String,
        #[sigra(password)]
        password: Option<sigra::PasswordHash>,
    }
}

#[expect(deprecated, reason = "it is still public")]
pub use self::old::Member;

/// Somebody exported an invoice.
#[derive(Debug, sigra::AuditEvent)]
#[sigra(event = "billing.invoice.export")]
pub struct InvoiceExported<'a> {
    invoice: uuid::Uuid,
    by: &'a str,
    lines: Vec<Line>,
    /// What stands in no row.
    #[sigra(skip)]
    pub file: Vec<u8>,
}

/// One of its lines.
#[derive(Debug, sigra::AuditDetail)]
pub struct Line {
    /// How much.
    pub cents: i64,
}

/// An export.
#[must_use]
pub const fn export(invoice: uuid::Uuid, by: &str) -> InvoiceExported<'_> {
    InvoiceExported { invoice, by, lines: Vec::new(), file: Vec::new() }
}

/// An event of an old version.
#[deprecated = "write `InvoiceExported`"]
#[derive(Debug, sigra::AuditEvent)]
#[sigra(event = "billing.invoice.print")]
pub struct InvoicePrinted;
