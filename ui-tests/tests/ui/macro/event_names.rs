//! 7 mistakes: a name is `area.object.verb`, in an area of the host's own.

use sigra::AuditEvent;

#[derive(AuditEvent)]
#[sigra(event = "session.password.sign_in")]
struct SignedIn;

#[derive(AuditEvent)]
#[sigra(event = "sigra.invoice.export")]
struct Sigras;

#[derive(AuditEvent)]
#[sigra(event = "invoice.export")]
struct TwoParts;

#[derive(AuditEvent)]
#[sigra(event = "billing.invoice.line.export")]
struct FourParts;

#[derive(AuditEvent)]
#[sigra(event = "Billing.InvoiceLine.Export")]
struct UpperCase;

#[derive(AuditEvent)]
#[sigra(event = "")]
struct Empty;

const NAME: &str = "billing.invoice.export";

#[derive(AuditEvent)]
#[sigra(event = NAME)]
struct Elsewhere;

fn main() {
    let _ = NAME;
}
