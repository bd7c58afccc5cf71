//! What is wrong with one key by itself: its word, its place, the form of its value.

use super::{Rule, Sees, Wrong};
use crate::error::Code;
use crate::example::Change::{Field, Key};
use crate::example::{CODES, SHORT, TOTP};
use crate::keys::{self, field};

pub(crate) const PARENTHESES: Code = Code("S0001");
pub(crate) const UNKNOWN_KEY: Code = Code("S0002");
pub(crate) const MISPLACED: Code = Code("S0003");
pub(crate) const GIVEN_TWICE: Code = Code("S0004");
pub(crate) const NO_VALUE: Code = Code("S0005");
pub(crate) const NEEDS_VALUE: Code = Code("S0006");
pub(crate) const SETTINGS_IN_PARENTHESES: Code = Code("S0007");
pub(crate) const INCOMPLETE: Code = Code("S0008");
pub(crate) const COMMA: Code = Code("S0009");
pub(crate) const STRAY: Code = Code("S0010");
pub(crate) const NO_KEY: Code = Code("S0011");
pub(crate) const DURATION: Code = Code("S0012");
pub(crate) const NUMBER: Code = Code("S0013");
pub(crate) const NAME: Code = Code("S0014");
pub(crate) const PREFIX: Code = Code("S0015");
pub(crate) const REASON: Code = Code("S0016");
pub(crate) const ISSUER: Code = Code("S0017");
pub(crate) const PRIVACY: Code = Code("S0018");
pub(crate) const CRATE_PATH: Code = Code("S0019");
pub(crate) const GENERIC: Code = Code("S0020");
pub(crate) const NO_STRUCT: Code = Code("S0021");
pub(crate) const CARGO_FEATURE: Code = Code("S0022");
pub(crate) const PLANNED: Code = Code("S0023");
pub(crate) const OTHER_WORD: Code = Code("S0024");
pub(crate) const NAMED_DETAIL: Code = Code("S0025");
pub(crate) const PROFILE: Code = Code("S0026");

const MEANING: &str = "What is written must mean one thing, to Sigra and to whoever reads it.";
const SILENCE: &str = "A setting that is read past is a protection that somebody believes in and nobody has.";

pub(super) static RULES: &[Rule] = &[
    Rule::new(
        PARENTHESES,
        "keys-in-parentheses",
        (MEANING, "Sigra"),
        Sees::Every,
        Wrong::Host(&[Field("name", "#[sigra] name: String")]),
    ),
    Rule::new(
        UNKNOWN_KEY,
        "unknown-key",
        (SILENCE, "Sigra"),
        Sees::Every,
        Wrong::Host(&[Key("session", r#"sesion(idle = "1h", absolute = "14d")"#)]),
    ),
    Rule::new(
        MISPLACED,
        "misplaced-key",
        (SILENCE, "Sigra"),
        Sees::Every,
        Wrong::Host(&[Key("skip", "skip")]),
    ),
    Rule::new(
        GIVEN_TWICE,
        "key-given-twice",
        (MEANING, "Sigra"),
        Sees::Every,
        Wrong::Host(&[Key("privacy", r#"privacy = "full""#), Key("again", r#"privacy = "none""#)]),
    ),
    Rule::new(
        NO_VALUE,
        "no-value-wanted",
        (MEANING, "Sigra"),
        Sees::Every,
        Wrong::Host(&[
            Key("reset_password", "reset_password"),
            Key("must_change_password", "must_change_password = true"),
        ]),
    ),
    Rule::new(
        NEEDS_VALUE,
        "value-missing",
        (SILENCE, "Sigra"),
        Sees::Every,
        Wrong::Host(&[Key("privacy", "privacy")]),
    ),
    Rule::new(
        SETTINGS_IN_PARENTHESES,
        "settings-in-parentheses",
        (MEANING, "Sigra"),
        Sees::Every,
        Wrong::Host(&[Key("reset_password", r#"reset_password = "1h""#)]),
    ),
    Rule::new(
        INCOMPLETE,
        "setting-missing",
        (
            "Where no default is right for every site, the host decides, and writes it down.",
            "ASVS 6.1.1, 7.1.1",
        ),
        Sees::Every,
        Wrong::Host(&[Key("session", r#"session(idle = "1h")"#)]),
    ),
    Rule::new(
        COMMA,
        "comma-missing",
        (MEANING, "Sigra"),
        Sees::Every,
        Wrong::Host(&[Key("password", "password reset_password"), Key("reset_password", "")]),
    ),
    Rule::new(
        STRAY,
        "stray-token",
        (MEANING, "Sigra"),
        Sees::Every,
        Wrong::Host(&[Key("privacy", r#"privacy "full""#)]),
    ),
    Rule::new(
        NO_KEY,
        "no-key",
        (SILENCE, "Sigra"),
        Sees::Every,
        Wrong::Host(&[Key("word", r#""password""#)]),
    ),
    Rule::new(
        DURATION,
        "no-duration",
        ("A number without its unit is read as seconds by one and as minutes by another.", "ASVS 7.1.1"),
        Sees::Every,
        Wrong::Host(&[Key("session", r#"session(idle = "15 minutes", absolute = "14d")"#)]),
    ),
    Rule::new(
        NUMBER,
        "no-number",
        (MEANING, "Sigra"),
        Sees::Every,
        Wrong::Host(&[Key("lockout", r#"lockout(after = "10", wait = "15m")"#)]),
    ),
    Rule::new(
        NAME,
        "no-plain-name",
        (
            "A name that needs no quotes means the same to every database, and can end no statement.",
            "ASVS 1.2.4",
        ),
        Sees::These(&[&keys::TABLE, &keys::PREFIX, &field::COLUMN]),
        Wrong::Host(&[Key("table", r#"table = "app users""#)]),
    ),
    Rule::new(
        PREFIX,
        "no-prefix",
        ("PostgreSQL folds names that are not quoted, and cuts long ones off.", "Sigra"),
        Sees::These(&[&keys::PREFIX]),
        Wrong::Host(&[Key("prefix", r#"prefix = "Auth_""#)]),
    ),
    Rule::new(
        REASON,
        "no-reason",
        ("Whoever switches a protection off says why, to whoever reviews the line.", "Sigra"),
        Sees::These(&[
            &keys::UNSAFE_SHARED_TABLES,
            &keys::UNSAFE_NO_LOCKOUT,
            &keys::UNSAFE_NO_RECOVERY,
            &keys::UNSAFE_NO_AUDIT,
        ]),
        Wrong::Host(&[Key("unsafe_no_audit", r#"unsafe_no_audit = "dev""#)]),
    ),
    Rule::new(
        ISSUER,
        "no-issuer",
        (
            "An authenticator app shows the name beside the code, so that nobody types it elsewhere.",
            "Key URI Format",
        ),
        Sees::These(&[&keys::totp::ISSUER]),
        Wrong::Host(&[
            Key("totp", r#"totp(issuer = "Acme: production")"#),
            Key("backup_codes", "backup_codes"),
        ]),
    ),
    Rule::new(
        PRIVACY,
        "no-privacy",
        ("How much is stored about a visitor is one of three things that are documented.", "ASVS 14.2.4"),
        Sees::These(&[&keys::PRIVACY]),
        Wrong::Host(&[Key("privacy", r#"privacy = "hashed""#)]),
    ),
    Rule::new(
        CRATE_PATH,
        "no-crate-path",
        (MEANING, "Sigra"),
        Sees::These(&[&keys::CRATE]),
        Wrong::Host(&[Key("crate", r#"crate = "sigra""#)]),
    ),
    Rule::new(
        GENERIC,
        "generic-user",
        ("A session opened for one type would be one of another.", "Sigra"),
        Sees::Every,
        Wrong::User(
            "#[sigra(table = \"users\", password, session(idle = \"1h\", absolute = \"14d\"), lockout(after = 10, wait = \"15m\"))]\n\
             struct User<T> {\n    #[sigra(id)] id: uuid::Uuid,\n    #[sigra(email)] email: String,\n    \
             #[sigra(password)] password: Option<PasswordHash>,\n    extra: T,\n}",
        ),
    ),
    Rule::new(
        NO_STRUCT,
        "no-struct",
        ("A user is a row, and its fields are columns.", "Sigra"),
        Sees::Every,
        Wrong::User(
            "#[sigra(table = \"users\", password, session(idle = \"1h\", absolute = \"14d\"), lockout(after = 10, wait = \"15m\"))]\n\
             struct User(uuid::Uuid, String);",
        ),
    ),
    Rule::new(
        CARGO_FEATURE,
        "cargo-feature-missing",
        ("What is not built in cannot protect anybody.", "Sigra"),
        Sees::These(&[&keys::TOTP]),
        Wrong::Without(
            &keys::TOTP,
            &[Key("totp", r#"totp(issuer = "Acme")"#), Key("backup_codes", "backup_codes")],
        ),
    ),
    Rule::new(
        PLANNED,
        "planned-key",
        (SILENCE, "Sigra"),
        Sees::Every,
        Wrong::Host(&[Key("passkeys", "passkeys")]),
    ),
    Rule::new(
        OTHER_WORD,
        "word-of-another-library",
        (SILENCE, "Sigra"),
        Sees::Every,
        Wrong::Host(&[Key("reset_password", "recoverable")]),
    ),
    Rule::new(
        PROFILE,
        "no-profile",
        ("An assurance level is one of those that a standard defines.", "NIST SP 800-63B-4 2"),
        Sees::These(&[&keys::PROFILE]),
        Wrong::Host(&[Key("profile", r#"profile = "aal4""#), TOTP, CODES, SHORT]),
    ),
    Rule::new(
        NAMED_DETAIL,
        "name-inside-an-event",
        ("One row has one name.", "ASVS 16.2.1"),
        Sees::Every,
        Wrong::Derive(
            "AuditDetail",
            "#[sigra(event = \"billing.invoice.export\")]\nstruct Line {\n    amount: i64,\n}",
        ),
    ),
];
