//! What the keys ask of each other: one function a rule, with the wrong code above it.

use proc_macro2::Literal;
use quote::{ToTokens, quote};

use crate::error::{Errors, Message};
use crate::example::Change::{self, Field, Key};
use crate::keys::{self, field};
use crate::model::{self, Draft, Role, Session, Throttle};
use crate::value::{Amount, Quantity, name_problem};

/// One rule: what is checked, and what explains it.
#[derive(Debug)]
pub struct Rule {
    /// Stable number, for `cargo sigra explain`.
    pub code: &'static str,
    /// Its name, in the words of the mistake.
    pub name: &'static str,
    /// Who asks for it.
    pub clause: &'static str,
    /// A host that breaks it, and nothing else.
    pub wrong: &'static [Change],
    /// The same host put right.
    pub right: &'static [Change],
    check: fn(&Draft, &Errors),
}

/// Every rule, in the order of their numbers. A number is never given to another rule.
pub static RULES: &[Rule] = &[
    Rule {
        code: "S0101",
        name: "no-table",
        clause: "Sigra",
        wrong: &[Key("table", "")],
        right: &[],
        check: no_table,
    },
    Rule {
        code: "S0102",
        name: "no-way-to-sign-in",
        clause: "Sigra",
        wrong: &[Key("password", ""), Field("password", "")],
        right: &[],
        check: no_way_to_sign_in,
    },
    Rule {
        code: "S0103",
        name: "no-session",
        clause: "ASVS 7.1.1",
        wrong: &[Key("session", "")],
        right: &[],
        check: no_session,
    },
    Rule {
        code: "S0104",
        name: "guessing-unanswered",
        clause: "ASVS 6.3.1, NIST SP 800-63B-4 3.2.2",
        wrong: &[Key("lockout", "")],
        right: &[Key("lockout", r#"throttle(per_network = 100, within = "15m")"#)],
        check: guessing_unanswered,
    },
    Rule {
        code: "S0105",
        name: "lockout-and-none",
        clause: "ASVS 6.1.1",
        wrong: &[Key("unsafe_no_lockout", r#"unsafe_no_lockout = "the gateway counts failures""#)],
        right: &[Key("lockout", r#"unsafe_no_lockout = "the gateway counts failures""#)],
        check: lockout_and_none,
    },
    Rule {
        code: "S0106",
        name: "audit-and-none",
        clause: "ASVS 16.1.1",
        wrong: &[
            Key("audit", "audit"),
            Key("unsafe_no_audit", r#"unsafe_no_audit = "the database has a trail""#),
        ],
        right: &[Key("audit", r#"audit(retain = "400d")"#)],
        check: audit_and_none,
    },
    Rule {
        code: "S0107",
        name: "no-id",
        clause: "Sigra",
        wrong: &[Field("id", "id: uuid::Uuid")],
        right: &[],
        check: no_id,
    },
    Rule {
        code: "S0108",
        name: "no-email",
        clause: "Sigra",
        wrong: &[Field("email", "address: String")],
        right: &[],
        check: no_email,
    },
    Rule {
        code: "S0109",
        name: "no-password-field",
        clause: "Sigra",
        wrong: &[Field("password", "")],
        right: &[],
        check: no_password_field,
    },
    Rule {
        code: "S0110",
        name: "password-field-alone",
        clause: "Sigra",
        wrong: &[Key("password", "")],
        right: &[],
        check: password_field_alone,
    },
    Rule {
        code: "S0111",
        name: "confirmed-at-alone",
        clause: "Sigra",
        wrong: &[Field("confirmed_at", "#[sigra(confirmed_at)] confirmed_at: Option<OffsetDateTime>")],
        right: &[
            Key("confirm_email", "confirm_email"),
            Field("confirmed_at", "#[sigra(confirmed_at)] confirmed_at: Option<OffsetDateTime>"),
        ],
        check: confirmed_at_alone,
    },
    Rule {
        code: "S0112",
        name: "two-roles-on-one-field",
        clause: "Sigra",
        wrong: &[Field("id", ""), Field("email", "#[sigra(id, email)] email: String")],
        right: &[],
        check: two_roles_on_one_field,
    },
    Rule {
        code: "S0113",
        name: "one-role-on-two-fields",
        clause: "Sigra",
        wrong: &[Field("backup", "#[sigra(email)] backup: String")],
        right: &[Field("backup", "backup: String")],
        check: one_role_on_two_fields,
    },
    Rule {
        code: "S0114",
        name: "one-column-twice",
        clause: "Sigra",
        wrong: &[Field("name", r#"#[sigra(column = "email")] name: String"#)],
        right: &[Field("name", r#"#[sigra(column = "name")] name: String"#)],
        check: one_column_twice,
    },
    Rule {
        code: "S0115",
        name: "column-name",
        clause: "Sigra",
        wrong: &[Field("größe", "größe: i64")],
        right: &[Field("größe", r#"#[sigra(column = "size")] größe: i64"#)],
        check: column_name,
    },
    Rule {
        code: "S0116",
        name: "table-under-prefix",
        clause: "Sigra",
        wrong: &[Key("table", r#"table = "sigra_sessions""#)],
        right: &[],
        check: table_under_prefix,
    },
    Rule {
        code: "S0117",
        name: "new-field-taken",
        clause: "Sigra",
        wrong: &[
            Field("email", "#[sigra(email)] address: String"),
            Field("other", r#"#[sigra(column = "other")] email: String"#),
        ],
        right: &[Field("other", r#"#[sigra(column = "other")] other: String"#)],
        check: new_field_taken,
    },
    Rule {
        code: "S0118",
        name: "cheap-hash",
        clause: "ASVS 11.4.2, OWASP Password Storage Cheat Sheet",
        wrong: &[Key("password", "password(memory_kib = 12288, iterations = 2)")],
        right: &[Key("password", "password(memory_kib = 12288, iterations = 3)")],
        check: cheap_hash,
    },
    Rule {
        code: "S0119",
        name: "idle-above-absolute",
        clause: "NIST SP 800-63B-4 5.2",
        wrong: &[Key("session", r#"session(idle = "2d", absolute = "1d")"#)],
        right: &[Key("session", r#"session(idle = "1d", absolute = "2d")"#)],
        check: idle_above_absolute,
    },
    Rule {
        code: "S0120",
        name: "remember-below-absolute",
        clause: "Sigra",
        wrong: &[Key("session", r#"session(idle = "1h", absolute = "14d", remember = "7d")"#)],
        right: &[Key("session", r#"session(idle = "1h", absolute = "14d", remember = "30d")"#)],
        check: remember_below_absolute,
    },
    Rule {
        code: "S0121",
        name: "touch-above-half-idle",
        clause: "ASVS 7.3.1",
        wrong: &[Key("session", r#"session(idle = "10m", absolute = "14d", touch = "9m")"#)],
        right: &[Key("session", r#"session(idle = "10m", absolute = "14d", touch = "5m")"#)],
        check: touch_above_half_idle,
    },
    Rule {
        code: "S0122",
        name: "must-change-without-reset",
        clause: "NIST SP 800-63B-4 3.1.1.2",
        wrong: &[Key("must_change_password", "must_change_password")],
        right: &[
            Key("reset_password", r#"reset_password(within = "1h")"#),
            Key("must_change_password", "must_change_password"),
        ],
        check: must_change_without_reset,
    },
    Rule {
        code: "S0123",
        name: "overall-below-network",
        clause: "ASVS 6.3.1",
        wrong: &[Key("throttle", r#"throttle(per_network = 1000, overall = 500, within = "15m")"#)],
        right: &[Key("throttle", r#"throttle(per_network = 100, overall = 500, within = "15m")"#)],
        check: overall_below_network,
    },
    Rule {
        code: "S0124",
        name: "recovery-unanswered",
        clause: "ASVS 6.4.4, NIST SP 800-63B-4 4.2",
        wrong: &[Key("totp", r#"totp(issuer = "Acme")"#)],
        right: &[Key("totp", r#"totp(issuer = "Acme")"#), Key("backup_codes", "backup_codes")],
        check: recovery_unanswered,
    },
    Rule {
        code: "S0125",
        name: "recovery-and-none",
        clause: "ASVS 6.4.4",
        wrong: &[
            Key("totp", r#"totp(issuer = "Acme")"#),
            Key("backup_codes", "backup_codes"),
            Key("unsafe_no_recovery", r#"unsafe_no_recovery = "accounts are made anew""#),
        ],
        right: &[
            Key("totp", r#"totp(issuer = "Acme")"#),
            Key("unsafe_no_recovery", r#"unsafe_no_recovery = "accounts are made anew""#),
        ],
        check: recovery_and_none,
    },
    Rule {
        code: "S0126",
        name: "without-totp",
        clause: "Sigra",
        wrong: &[Key("backup_codes", "backup_codes")],
        right: &[Key("totp", r#"totp(issuer = "Acme")"#), Key("backup_codes", "backup_codes")],
        check: without_totp,
    },
    Rule {
        code: "S0127",
        name: "sudo-above-absolute",
        clause: "ASVS 7.5.1",
        wrong: &[Key("session", r#"session(idle = "5m", absolute = "10m")"#), Key("sudo", "sudo")],
        right: &[
            Key("session", r#"session(idle = "5m", absolute = "10m")"#),
            Key("sudo", r#"sudo(within = "5m")"#),
        ],
        check: sudo_above_absolute,
    },
];

/// Runs every rule over what could be read. A rule is silent about keys that could not: their mistake is reported already.
pub(crate) fn check(draft: &Draft, errors: &Errors) {
    for rule in RULES {
        (rule.check)(draft, errors);
    }
}

/// `#[sigra(password, ..)] struct User`
fn no_table(draft: &Draft, errors: &Errors) {
    if !draft.mentions(&keys::TABLE) {
        errors.at(
            &draft.ident,
            Message::new(format_args!("`{}` has no table", draft.ident))
                .help(format_args!(
                    "name it: `#[sigra(table = \"{}\", ..)]`",
                    plural(&draft.ident.to_string())
                ))
                .note("Sigra's own tables refer to it by foreign keys"),
        );
    }
}

/// `#[sigra(table = "users", session(..))]`, no field marked either
fn no_way_to_sign_in(draft: &Draft, errors: &Errors) {
    if !draft.mentions(&keys::PASSWORD) && !draft.mentions(&field::PASSWORD) {
        errors.at(
            &draft.ident,
            Message::new(format_args!("`{}` has no way to sign in", draft.ident)).help(format_args!(
                "add `password` to `#[sigra(..)]` and mark its field: `{}`",
                field::PASSWORD.example
            )),
        );
    }
}

/// `#[sigra(table = "users", password, ..)]`
fn no_session(draft: &Draft, errors: &Errors) {
    if !draft.mentions(&keys::SESSION) {
        errors.at(
            &draft.ident,
            Message::new(format_args!("`{}` has no `session`", draft.ident))
                .help(format_args!("add `{}`", keys::SESSION.example))
                .note(keys::SESSION.required.unwrap_or_default()),
        );
    }
}

/// `#[sigra(table = "users", password, session(..))]`
fn guessing_unanswered(draft: &Draft, errors: &Errors) {
    let answered = [&keys::LOCKOUT, &keys::THROTTLE, &keys::UNSAFE_NO_LOCKOUT]
        .into_iter()
        .any(|key| draft.mentions(key));
    let Some(password) = &draft.settings.password else { return };
    if !answered {
        errors.at(
            &password.written,
            Message::new(format_args!("`{}` must say how guessing is met", draft.ident))
                .help("add `lockout(after = 10, wait = \"15m\")`: ten wrong passwords shut an account for 15 minutes, but for browsers that are known")
                .help("or `throttle(per_network = 100, within = \"15m\")`: one network runs out of attempts, many networks together do not")
                .help("or `unsafe_no_lockout = \"reason\"`: Sigra counts nothing, whoever wrote the reason answers for it")
                .note("`lockout` and `throttle` can stand together"),
        );
    }
}

/// `#[sigra(.., lockout(..), unsafe_no_lockout = "..")]`
fn lockout_and_none(draft: &Draft, errors: &Errors) {
    let settings = &draft.settings;
    let lockout = settings.lockout.as_ref().map(|_| "lockout");
    let throttle = settings.throttle.as_ref().map(|_| "throttle");
    if let (Some(none), Some(on)) = (&settings.unsafe_no_lockout, lockout.or(throttle)) {
        errors.at(
            &none.key,
            Message::new(format_args!(
                "`unsafe_no_lockout` says that nothing counts failures, and `{on}` does"
            ))
            .help("remove one of the two"),
        );
    }
}

/// `#[sigra(.., audit, unsafe_no_audit = "..")]`
fn audit_and_none(draft: &Draft, errors: &Errors) {
    if let (Some(none), Some(_)) = (&draft.settings.unsafe_no_audit, &draft.settings.audit) {
        errors.at(
            &none.key,
            Message::new("`unsafe_no_audit` switches the trail off, and `audit` asks for it")
                .help("remove one of the two"),
        );
    }
}

/// `struct User { id: Uuid, .. }`
fn no_id(draft: &Draft, errors: &Errors) {
    missing_field(draft, errors, Role::Id, "id", "its primary key");
}

/// `struct User { email: String, .. }`
fn no_email(draft: &Draft, errors: &Errors) {
    missing_field(draft, errors, Role::Email, "address", "it");
}

fn missing_field(draft: &Draft, errors: &Errors, role: Role, what: &str, mark: &str) {
    let key = role.key();
    if !draft.mentions(key) {
        errors.at(
            &draft.ident,
            Message::new(format_args!("`{}` has no {what}", draft.ident))
                .help(format_args!("mark {mark}: `{}`", key.example))
                .note(key.required.unwrap_or_default()),
        );
    }
}

/// `#[sigra(.., password)] struct User { password: Option<PasswordHash>, .. }`
fn no_password_field(draft: &Draft, errors: &Errors) {
    if let Some(password) = &draft.settings.password
        && !draft.mentions(&field::PASSWORD)
    {
        errors.at(
            &password.written,
            Message::new(format_args!("`password` is on, and no field of `{}` holds the hash", draft.ident))
                .help(format_args!("mark it: `{}`", field::PASSWORD.example)),
        );
    }
}

/// `#[sigra(table = "users", ..)] struct User { #[sigra(password)] password: Option<PasswordHash>, .. }`
fn password_field_alone(draft: &Draft, errors: &Errors) {
    if !draft.mentions(&keys::PASSWORD)
        && let Some((_, key)) = marks(draft, Role::Password).next()
    {
        errors.at(
            key,
            Message::new(format_args!(
                "this field holds a hash, and `password` is off for `{}`",
                draft.ident
            ))
            .help("add `password` to the `#[sigra(..)]` of the struct"),
        );
    }
}

/// `#[sigra(confirmed_at)] confirmed_at: ..` without `confirm_email`
fn confirmed_at_alone(draft: &Draft, errors: &Errors) {
    if !draft.mentions(&keys::CONFIRM_EMAIL)
        && let Some((_, key)) = marks(draft, Role::ConfirmedAt).next()
    {
        errors.at(
            key,
            Message::new(format_args!(
                "`confirmed_at` is never set: `confirm_email` is off for `{}`",
                draft.ident
            ))
            .help(format_args!("add `{}` to the `#[sigra(..)]` of the struct", keys::CONFIRM_EMAIL.example)),
        );
    }
}

/// `#[sigra(id, email)] email: String`
fn two_roles_on_one_field(draft: &Draft, errors: &Errors) {
    for field in &draft.fields {
        let [(first, _), (second, key), ..] = &field.marks[..] else { continue };
        let (first, second) = (first.key().name, second.key().name);
        let message = if second == "skip" {
            Message::new(format_args!("`skip` does nothing beside `{first}`"))
                .help(format_args!("write just `#[sigra({first})]`: registration knows what to do with it"))
        } else {
            Message::new(format_args!("`{}` cannot be `{first}` and `{second}`", field.ident))
                .help(format_args!("give `{second}` a field of its own"))
        };
        errors.at(key, message);
    }
}

/// `#[sigra(email)] email: String, #[sigra(email)] backup: String`
fn one_role_on_two_fields(draft: &Draft, errors: &Errors) {
    for (role, _) in Role::ALL.into_iter().filter(|(role, _)| *role != Role::Skip) {
        let mut marked = marks(draft, role);
        let Some((first, _)) = marked.next() else { continue };
        for (_, key) in marked {
            let name = role.key().name;
            errors.at(
                key,
                Message::new(format_args!("`{}` is already the `{name}` field", first.ident))
                    .help(format_args!("mark one field of `{}` with `#[sigra({name})]`", draft.ident)),
            );
        }
    }
}

/// `email: String, #[sigra(column = "email")] name: String`
fn one_column_twice(draft: &Draft, errors: &Errors) {
    for (i, field) in draft.fields.iter().enumerate() {
        // Names are compared as a database would that folds case.
        let same = |other: &&model::Field| other.column().eq_ignore_ascii_case(&field.column());
        if let Some(first) = draft.fields[..i].iter().find(same) {
            errors.at(
                column_tokens(field),
                Message::new(format_args!("`{}` already reads the column `{}`", first.ident, first.column()))
                    .help("name another with `#[sigra(column = \"..\")]`"),
            );
        }
    }
}

/// `größe: i64`
fn column_name(draft: &Draft, errors: &Errors) {
    for field in draft.fields.iter().filter(|field| !field.mentions.has(&field::COLUMN)) {
        if name_problem(&field.column(), 63).is_some() {
            errors.at(
                &field.ident,
                Message::new(format_args!("`{}` is no plain column name", field.ident))
                    .help("name the column in ASCII: `#[sigra(column = \"..\")]`"),
            );
        }
    }
}

/// `#[sigra(table = "sigra_users", ..)]`
fn table_under_prefix(draft: &Draft, errors: &Errors) {
    let prefix = draft.settings.prefix.as_ref().map_or("sigra_", |prefix| &prefix.value.0);
    if let Some(table) = &draft.settings.table
        && table.value.0.to_ascii_lowercase().starts_with(prefix)
    {
        errors.at(
            &table.written,
            Message::new(format_args!("tables that start with `{prefix}` are Sigra's own"))
                .help("name the host's table otherwise, or give Sigra another `prefix`"),
        );
    }
}

/// `#[sigra(email)] address: String, email: String`
fn new_field_taken(draft: &Draft, errors: &Errors) {
    for field in draft.fields.iter().filter(|field| field.is_filled()) {
        for role in [Role::Email, Role::Password] {
            let name = role.key().name;
            if field.ident == name && draft.field(role).is_some() {
                errors.at(
                    &field.ident,
                    Message::new(format_args!(
                        "`New{}` has a `{name}` of its own, which is what the visitor typed",
                        draft.ident
                    ))
                    .help(format_args!(
                        "name this field otherwise: `#[sigra(column = \"{}\")] other_{name}: ..`",
                        field.column()
                    )),
                );
            }
        }
    }
}

/// `password(memory_kib = 12288, iterations = 2)`
fn cheap_hash(draft: &Draft, errors: &Errors) {
    const PAIRS: [(u64, u64); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];
    let Some(password) = &draft.settings.password else { return };
    let (memory, passes) = (&password.value.memory_kib, &password.value.iterations);
    let at = if memory.written.is_empty() { &passes.written } else { &memory.written };
    let message = Message::new("this hash is cheaper to guess than OWASP allows (ASVS 11.4.2)");
    match (memory.amount, passes.amount) {
        (Amount::Rejected, _) | (_, Amount::Rejected) => {}
        (Amount::Known(memory), Amount::Known(passes)) => {
            let memory_needed =
                PAIRS.into_iter().rev().find(|(_, least)| *least <= passes).map(|(memory, _)| memory);
            let passes_needed =
                PAIRS.into_iter().find(|(least, _)| *least <= memory).map(|(_, passes)| passes);
            if let (Some(more), Some(longer)) = (memory_needed, passes_needed)
                && memory < more
            {
                let first = format!("memory_kib = {more}, iterations = {passes}");
                let second = format!("memory_kib = {memory}, iterations = {longer}");
                errors
                    .at(at, message.help(format_args!("write `password({first})` or `password({second})`")));
            }
        }
        _ => {
            let limits = [memory, passes]
                .into_iter()
                .filter(|one| one.amount == Amount::Compiled)
                .flat_map(Quantity::limits);
            let (memory, passes) = (memory.compared(), passes.compared());
            let pairs = PAIRS.map(|(kib, least)| {
                let (kib, least) = (Literal::u64_unsuffixed(kib), Literal::u64_unsuffixed(least));
                quote!(#kib <= #memory && #least <= #passes)
            });
            errors.assert(at, quote!(!(#(#limits)&&*) #(|| #pairs)*), message);
        }
    }
}

/// `session(idle = "2d", absolute = "1d")`
fn idle_above_absolute(draft: &Draft, errors: &Errors) {
    let Some(Session { idle, absolute, .. }) = session(draft) else { return };
    let message = "`idle` is above `absolute`: the session would never end by disuse";
    at_most(errors, idle, (absolute, 1), idle, message, |_, absolute| {
        format!("write `idle = {absolute}` at most")
    });
}

/// `session(idle = "1h", absolute = "14d", remember = "7d")`
fn remember_below_absolute(draft: &Draft, errors: &Errors) {
    let Some(Session { absolute, remember: Some(remember), .. }) = session(draft) else { return };
    let message =
        "`remember` is below `absolute`: whoever asked to be remembered would be signed out earlier";
    at_most(errors, absolute, (remember, 1), remember, message, |absolute, _| {
        format!("write `remember = {absolute}` at least")
    });
}

/// `session(idle = "10m", absolute = "14d", touch = "9m")`
fn touch_above_half_idle(draft: &Draft, errors: &Errors) {
    let Some(Session { idle, touch, .. }) = session(draft) else { return };
    let at = if touch.written.is_empty() { idle } else { touch };
    let message = "`touch` is above half of `idle`: a session in use could end as unused";
    at_most(errors, touch, (idle, 2), at, message, |_, half| format!("write `touch = {half}` at most"));
}

/// `#[sigra(.., must_change_password)]` without `reset_password`
fn must_change_without_reset(draft: &Draft, errors: &Errors) {
    if let Some(key) = &draft.settings.must_change_password
        && !draft.mentions(&keys::RESET_PASSWORD)
    {
        errors.at(
            key,
            Message::new(
                "`must_change_password` needs `reset_password`: its mailed link is the way to a new password",
            )
            .help(format_args!("add `{}`", keys::RESET_PASSWORD.example)),
        );
    }
}

/// `throttle(per_network = 1000, overall = 1500, within = "15m")`
fn overall_below_network(draft: &Draft, errors: &Errors) {
    let Some(throttle) = &draft.settings.throttle else { return };
    let Throttle { per_network, overall: Some(overall), .. } = &throttle.value else { return };
    let message = "`overall` is below twice `per_network`: one network could keep everybody out";
    at_most(errors, per_network, (overall, 2), overall, message, |overall, _| {
        format!("write `overall = {overall}` at least")
    });
}

/// `#[sigra(.., totp(issuer = "Acme"))]`
fn recovery_unanswered(draft: &Draft, errors: &Errors) {
    let answered = [&keys::BACKUP_CODES, &keys::ASSISTED_RECOVERY, &keys::UNSAFE_NO_RECOVERY]
        .into_iter()
        .any(|key| draft.mentions(key));
    let Some(totp) = &draft.settings.totp else { return };
    if !answered {
        errors.at(
            &totp.written,
            Message::new(format_args!(
                "`{}` must say how an owner gets in who has lost the second factor",
                draft.ident
            ))
            .help("add `backup_codes`: ten codes to keep on paper, each good once; whoever finds one needs the password too")
            .help("or `assisted_recovery(delay = \"24h\")`: an operator takes the factors off, after a mail that can stop it")
            .help("or `unsafe_no_recovery = \"reason\"`: whoever loses the factor loses the account")
            .note("`backup_codes` and `assisted_recovery` can stand together"),
        );
    }
}

/// `#[sigra(.., backup_codes, unsafe_no_recovery = "..")]`
fn recovery_and_none(draft: &Draft, errors: &Errors) {
    let settings = &draft.settings;
    let codes = settings.backup_codes.as_ref().map(|_| "backup_codes");
    let assisted = settings.assisted_recovery.as_ref().map(|_| "assisted_recovery");
    if let (Some(none), Some(on)) = (&settings.unsafe_no_recovery, codes.or(assisted)) {
        errors.at(
            &none.key,
            Message::new(format_args!(
                "`unsafe_no_recovery` says that nobody gets in again, and `{on}` lets them"
            ))
            .help("remove one of the two"),
        );
    }
}

/// `#[sigra(.., backup_codes)]` without `totp`
fn without_totp(draft: &Draft, errors: &Errors) {
    let settings = &draft.settings;
    if draft.mentions(&keys::TOTP) {
        return;
    }
    let written = [
        settings.backup_codes.as_ref().map(|on| &on.key),
        settings.assisted_recovery.as_ref().map(|on| &on.key),
        settings.trusted_browser.as_ref().map(|on| &on.key),
        settings.unsafe_no_recovery.as_ref().map(|on| &on.key),
    ];
    for key in written.into_iter().flatten() {
        errors.at(
            key,
            Message::new(format_args!("`{key}` needs `totp`: without it there is no second factor"))
                .help(format_args!("add `{}`", keys::TOTP.example)),
        );
    }
}

/// `#[sigra(.., session(idle = "5m", absolute = "10m"), sudo)]`
fn sudo_above_absolute(draft: &Draft, errors: &Errors) {
    let Some(Session { absolute, .. }) = session(draft) else { return };
    let Some(sudo) = &draft.settings.sudo else { return };
    let within = &sudo.value;
    let message = "`sudo(within)` is above `session(absolute)`: no proof would ever be too old";
    if within.written.is_empty() {
        // The default was not written, so the key itself is underlined.
        if let (Amount::Known(known), Amount::Known(limit)) = (within.amount, absolute.amount)
            && known > limit
        {
            let most = within.range.unit.code(limit);
            errors.at(
                &sudo.written,
                Message::new(message).help(format_args!("write `sudo(within = {most})` at most")),
            );
        }
        return;
    }
    at_most(errors, within, (absolute, 1), within, message, |_, most| {
        format!("write `within = {most}` at most")
    });
}

fn session(draft: &Draft) -> Option<&Session> {
    draft.settings.session.as_ref().map(|session| &session.value)
}

/// Asks that `small * factor <= large`, of the macro where both are known and else of the compiler. The help is made of
/// the two limits that would do: the least `large`, and the most `small`.
fn at_most(
    errors: &Errors,
    small: &Quantity,
    (large, factor): (&Quantity, u64),
    at: &Quantity,
    message: &str,
    help: impl Fn(String, String) -> String,
) {
    match (small.amount, large.amount) {
        (Amount::Rejected, _) | (_, Amount::Rejected) => {}
        (Amount::Known(known), Amount::Known(limit)) => {
            if known * factor > limit {
                let (least, most) =
                    (large.range.unit.code(known * factor), small.range.unit.code(limit / factor));
                errors.at(&at.written, Message::new(message).help(help(least, most)));
            }
        }
        _ => {
            // A value out of its own range has an error of its own, and is not compared with others.
            let limits = [small, large]
                .into_iter()
                .filter(|one| one.amount == Amount::Compiled)
                .flat_map(Quantity::limits);
            let (small, large) = (small.compared(), large.compared());
            let factor = Literal::u64_unsuffixed(factor);
            errors.assert(&at.written, quote!(!(#(#limits)&&*) || #factor * #small <= #large), message);
        }
    }
}

/// The fields marked as `role`, with the marking key.
fn marks(draft: &Draft, role: Role) -> impl Iterator<Item = (&model::Field, &syn::Ident)> {
    draft.fields.iter().filter_map(move |field| {
        let (_, key) = field.marks.iter().find(|(mark, _)| *mark == role)?;
        Some((field, key))
    })
}

fn column_tokens(field: &model::Field) -> proc_macro2::TokenStream {
    field.renamed.as_ref().map_or_else(|| field.ident.to_token_stream(), |name| name.written.clone())
}

/// `UserAccount` as the name of a table: `user_accounts`.
fn plural(name: &str) -> String {
    let mut snake = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_uppercase() && i > 0 {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    match snake.strip_suffix('y') {
        _ if snake.ends_with(['s', 'x']) || snake.ends_with("ch") || snake.ends_with("sh") => snake + "es",
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if snake == "person" => "people".to_owned(),
        _ => snake + "s",
    }
}
