//! What is asked of a host's own events.

use super::{Rule, Sees, Wrong};
use crate::error::Code;
use crate::keys::event::{EVENT, KEY, SKIP};

pub(crate) const NAMELESS: Code = Code("S0601");
pub(crate) const FORM: Code = Code("S0602");
pub(crate) const PARTS: Code = Code("S0603");
pub(crate) const LONG_PART: Code = Code("S0604");
pub(crate) const RESERVED: Code = Code("S0605");
pub(crate) const KEY_FORM: Code = Code("S0606");
pub(crate) const SECRET: Code = Code("S0607");
pub(crate) const KEY_TWICE: Code = Code("S0608");
pub(crate) const KEY_BESIDE_SKIP: Code = Code("S0609");
pub(crate) const TYPE_PARAMETERS: Code = Code("S0610");
pub(crate) const SHAPE: Code = Code("S0611");

const FOUND: &str = "Whoever reads the trail finds an event by a name that is stable and has one form.";

pub(super) static RULES: &[Rule] = &[
    Rule::new(
        NAMELESS,
        "event-without-a-name",
        (FOUND, "ASVS 16.2.1"),
        Sees::These(&[&EVENT]),
        Wrong::Derive("AuditEvent", "struct InvoiceExported {\n    invoice: Uuid,\n}"),
    ),
    Rule::new(
        FORM,
        "event-name",
        (FOUND, "ASVS 16.2.1"),
        Sees::These(&[&EVENT]),
        Wrong::Derive("AuditEvent", "#[sigra(event = \"Billing.Invoice.Export\")]\nstruct InvoiceExported;"),
    ),
    Rule::new(
        PARTS,
        "event-name-parts",
        (FOUND, "ASVS 16.2.1"),
        Sees::These(&[&EVENT]),
        Wrong::Derive("AuditEvent", "#[sigra(event = \"invoice.export\")]\nstruct InvoiceExported;"),
    ),
    Rule::new(
        LONG_PART,
        "event-name-too-long",
        (FOUND, "ASVS 16.2.1"),
        Sees::These(&[&EVENT]),
        Wrong::Derive(
            "AuditEvent",
            "#[sigra(event = \"billing.an_invoice_of_a_customer_who_has_ordered_in_the_past.export\")]\nstruct InvoiceExported;",
        ),
    ),
    Rule::new(
        RESERVED,
        "reserved-area",
        ("An event of the host's must not pass for one of Sigra's.", "ASVS 16.4.2"),
        Sees::These(&[&EVENT]),
        Wrong::Derive("AuditEvent", "#[sigra(event = \"session.invoice.export\")]\nstruct InvoiceExported;"),
    ),
    Rule::new(
        KEY_FORM,
        "key-form",
        ("A key that needs quotes is written in two ways, and found by one.", "ASVS 16.2.4"),
        Sees::These(&[&KEY]),
        Wrong::Derive(
            "AuditEvent",
            "#[sigra(event = \"billing.invoice.export\")]\nstruct InvoiceExported {\n    #[sigra(key = \"the size\")] size: i64,\n}",
        ),
    ),
    Rule::new(
        SECRET,
        "secret-in-an-event",
        ("Whoever may read the trail must not find a way in there.", "ASVS 16.2.5"),
        Sees::These(&[&KEY]),
        Wrong::Derive(
            "AuditEvent",
            "#[sigra(event = \"billing.invoice.export\")]\nstruct InvoiceExported {\n    access_token: String,\n}",
        ),
    ),
    Rule::new(
        KEY_TWICE,
        "key-twice",
        ("Of two values under one key one is lost.", "ASVS 16.2.1"),
        Sees::These(&[&KEY]),
        Wrong::Derive(
            "AuditEvent",
            "#[sigra(event = \"billing.invoice.export\")]\nstruct InvoiceExported {\n    size: i64,\n    #[sigra(key = \"size\")] length: i64,\n}",
        ),
    ),
    Rule::new(
        KEY_BESIDE_SKIP,
        "key-beside-skip",
        ("What is skipped stands in no row: a key for it promises otherwise.", "Sigra"),
        Sees::These(&[&KEY, &SKIP]),
        Wrong::Derive(
            "AuditEvent",
            "#[sigra(event = \"billing.invoice.export\")]\nstruct InvoiceExported {\n    #[sigra(skip, key = \"size\")] length: i64,\n}",
        ),
    ),
    Rule::new(
        TYPE_PARAMETERS,
        "type-parameters",
        ("Rows of one event have one form.", "ASVS 16.2.4"),
        Sees::These(&[&EVENT]),
        Wrong::Derive(
            "AuditEvent",
            "#[sigra(event = \"billing.invoice.export\")]\nstruct InvoiceExported<T> {\n    what: T,\n}",
        ),
    ),
    Rule::new(
        SHAPE,
        "event-shape",
        ("The names of the fields are the keys in the row.", "ASVS 16.2.4"),
        Sees::These(&[&EVENT]),
        Wrong::Derive(
            "AuditEvent",
            "#[sigra(event = \"billing.invoice.export\")]\nstruct InvoiceExported(i64);",
        ),
    ),
];
