//! What every user must have, and what its fields are.

use quote::ToTokens;

use super::{Rule, Sees, Wrong};
use crate::error::{Code, Errors, as_written};
use crate::example::Change::{Field, Key};
use crate::keys::{self, field};
use crate::model::{self, Draft, Role};
use crate::value::{LONGEST_NAME, name_problem, plain_name};

const MOMENT: &str = "#[sigra(confirmed_at)] confirmed_at: Option<OffsetDateTime>";

pub(super) static RULES: &[Rule] = &[
    Rule::new(
        Code("S0101"),
        "no-table",
        (
            "Sigra's tables refer to the host's by foreign keys: what belongs to a user goes with the user.",
            "Sigra",
        ),
        Sees::These(&[&keys::TABLE]),
        Wrong::Host(&[Key("table", "")]),
    )
    .checked(no_table),
    Rule::new(
        Code("S0102"),
        "no-way-to-sign-in",
        ("An account that nobody can sign in to is none.", "Sigra"),
        Sees::These(&[&keys::PASSWORD, &field::PASSWORD]),
        Wrong::Host(&[Key("password", ""), Field("password", "")]),
    )
    .checked(no_way_to_sign_in),
    Rule::new(
        Code("S0103"),
        "no-session",
        (
            "How long a stolen cookie is of use is decided by whoever knows the site, and written down.",
            "ASVS 7.1.1",
        ),
        Sees::These(&[&keys::SESSION, &keys::PROFILE]),
        Wrong::Host(&[Key("session", "")]),
    )
    .checked(no_session),
    Rule::new(
        Code("S0107"),
        "no-id",
        ("Sessions, tokens and audit rows name a user by a key that never changes.", "Sigra"),
        Sees::These(&[&field::ID]),
        Wrong::Host(&[Field("id", "id: uuid::Uuid")]),
    )
    .checked(no_id),
    Rule::new(
        Code("S0108"),
        "no-email",
        ("Without an address nobody can be told, or helped back in.", "NIST SP 800-63B-4 4.2"),
        Sees::These(&[&field::EMAIL]),
        Wrong::Host(&[Field("email", "email: String")]),
    )
    .checked(no_email),
    Rule::new(
        Code("S0109"),
        "no-password-field",
        ("Hashes are kept in a column of a type that nobody prints by accident.", "ASVS 11.4.2"),
        Sees::These(&[&keys::PASSWORD, &field::PASSWORD]),
        Wrong::Host(&[Field("password", "")]),
    )
    .checked(no_password_field),
    Rule::new(
        Code("S0110"),
        "password-field-alone",
        ("A column of hashes that nothing checks looks like a protection.", "Sigra"),
        Sees::These(&[&keys::PASSWORD, &field::PASSWORD]),
        Wrong::Host(&[Key("password", "")]),
    )
    .checked(password_field_alone),
    Rule::new(
        Code("S0111"),
        "confirmed-at-alone",
        ("A time that is never set reads as if nobody had an address.", "Sigra"),
        Sees::These(&[&keys::CONFIRM_EMAIL, &keys::RESET_PASSWORD, &field::CONFIRMED_AT]),
        Wrong::Host(&[Field("confirmed_at", MOMENT)]),
    )
    .checked(confirmed_at_alone),
    Rule::new(
        Code("S0112"),
        "two-roles-on-one-field",
        ("What names a user and where mail goes change at different times.", "Sigra"),
        Sees::These(&[
            &field::ID,
            &field::EMAIL,
            &field::PASSWORD,
            &field::CONFIRMED_AT,
            &field::DISABLED_AT,
            &field::SKIP,
        ]),
        Wrong::Host(&[Field("id", ""), Field("email", "#[sigra(id, email)] email: String")]),
    )
    .checked(two_roles_on_one_field),
    Rule::new(
        Code("S0113"),
        "one-role-on-two-fields",
        ("With two addresses nobody knows which of them was proved.", "Sigra"),
        Sees::These(&[
            &field::ID,
            &field::EMAIL,
            &field::PASSWORD,
            &field::CONFIRMED_AT,
            &field::DISABLED_AT,
        ]),
        Wrong::Host(&[Field("backup", "#[sigra(email)] backup: String")]),
    )
    .checked(one_role_on_two_fields),
    Rule::new(
        Code("S0114"),
        "one-column-twice",
        ("Of two values for one column one is lost.", "Sigra"),
        Sees::These(&[&field::COLUMN, &field::ID, &field::EMAIL, &field::PASSWORD]),
        Wrong::Host(&[Field("name", r#"#[sigra(column = "email")] name: String"#)]),
    )
    .checked(one_column_twice),
    Rule::new(
        Code("S0115"),
        "column-name",
        ("A name that needs no quotes means the same to every database.", "ASVS 1.2.4"),
        Sees::These(&[&field::COLUMN]),
        Wrong::Host(&[Field("größe", "größe: i64")]),
    )
    .checked(column_name),
    Rule::new(
        Code("S0116"),
        "table-under-prefix",
        ("Sigra's migrations own the tables under its prefix, and the host's own theirs.", "Sigra"),
        Sees::These(&[&keys::TABLE, &keys::PREFIX]),
        Wrong::Host(&[Key("table", r#"table = "sigra_members""#)]),
    )
    .checked(table_under_prefix),
    Rule::new(
        Code("S0117"),
        "new-field-taken",
        ("What a visitor typed as the password must not end up in a column that is printed.", "Sigra"),
        Sees::These(&[&field::EMAIL, &field::PASSWORD, &field::COLUMN]),
        Wrong::Host(&[
            Field("email", "#[sigra(email)] address: String"),
            Field("other", r#"#[sigra(column = "other")] email: String"#),
        ]),
    )
    .checked(new_field_taken),
];

/// `#[sigra(password, ..)] struct User`
fn no_table(code: Code, draft: &Draft, errors: &Errors) {
    if !draft.mentions(&keys::TABLE) {
        errors.at(
            &draft.ident,
            code.says(format_args!("`{}` has no table", draft.ident))
                .help(format_args!("add `table = \"{}\"`", free_table(draft)))
                .note("Sigra's own tables refer to it by foreign keys"),
        );
    }
}

/// `#[sigra(table = "users", session(..))]`, no field marked either
fn no_way_to_sign_in(code: Code, draft: &Draft, errors: &Errors) {
    if !draft.mentions(&keys::PASSWORD) && !draft.mentions(&field::PASSWORD) {
        errors.at(
            &draft.ident,
            code.says(format_args!("`{}` has no way to sign in", draft.ident))
                .help(format_args!("add `password` and mark its field: `{}`", field::PASSWORD.example)),
        );
    }
}

/// `#[sigra(table = "users", password, ..)]`
fn no_session(code: Code, draft: &Draft, errors: &Errors) {
    // A profile brings its own.
    if !draft.mentions(&keys::SESSION) && !draft.mentions(&keys::PROFILE) {
        errors.at(
            &draft.ident,
            code.says(format_args!("`{}` has no `session`", draft.ident))
                .help(format_args!("add `{}`", keys::SESSION.example))
                .note(keys::SESSION.required.unwrap_or_default()),
        );
    }
}

/// `struct User { id: Uuid, .. }`
fn no_id(code: Code, draft: &Draft, errors: &Errors) {
    missing_field(code, draft, errors, Role::Id, "id", "its primary key");
}

/// `struct User { email: String, .. }`
fn no_email(code: Code, draft: &Draft, errors: &Errors) {
    missing_field(code, draft, errors, Role::Email, "address", "it");
}

fn missing_field(code: Code, draft: &Draft, errors: &Errors, role: Role, what: &str, mark: &str) {
    let key = role.key();
    if !draft.mentions(key) {
        errors.at(
            &draft.ident,
            code.says(format_args!("`{}` has no {what}", draft.ident))
                .help(format_args!("mark {mark}: `{}`", key.example))
                .note(key.required.unwrap_or_default()),
        );
    }
}

/// `#[sigra(.., password)] struct User { password: Option<PasswordHash>, .. }`
fn no_password_field(code: Code, draft: &Draft, errors: &Errors) {
    if let Some(password) = &draft.settings.password
        && !draft.mentions(&field::PASSWORD)
    {
        errors.at(
            &password.written,
            code.says(format_args!("`password` is on, and no field of `{}` holds the hash", draft.ident))
                .help(format_args!("mark it: `{}`", field::PASSWORD.example)),
        );
    }
}

/// `#[sigra(table = "users", ..)] struct User { #[sigra(password)] password: Option<PasswordHash>, .. }`
fn password_field_alone(code: Code, draft: &Draft, errors: &Errors) {
    if !draft.mentions(&keys::PASSWORD)
        && let Some((_, key)) = marks(draft, Role::Password).next()
    {
        errors.at(
            key,
            code.says(format_args!("this field holds a hash, and `password` is off for `{}`", draft.ident))
                .help("add `password`"),
        );
    }
}

/// `#[sigra(confirmed_at)] confirmed_at: ..` without `confirm_email`
fn confirmed_at_alone(code: Code, draft: &Draft, errors: &Errors) {
    if !draft.mentions(&keys::CONFIRM_EMAIL)
        && let Some((_, key)) = marks(draft, Role::ConfirmedAt).next()
    {
        errors.at(
            key,
            code.says(format_args!(
                "`confirmed_at` is never set: `confirm_email` is off for `{}`",
                draft.ident
            ))
            .help(if draft.mentions(&keys::RESET_PASSWORD) {
                format!("add `{}`", keys::CONFIRM_EMAIL.example)
            } else {
                format!("add `{}` and `{}`", keys::CONFIRM_EMAIL.example, keys::RESET_PASSWORD.example)
            }),
        );
    }
}

/// `#[sigra(id, email)] email: String`
fn two_roles_on_one_field(code: Code, draft: &Draft, errors: &Errors) {
    for field in &draft.fields {
        let [(first, _), (second, key), ..] = &field.marks[..] else { continue };
        let (first, second) = (first.key(), second.key());
        let message = if second.name == "skip" {
            code.says(format_args!("`skip` does nothing beside `{}`", first.name)).help(format_args!(
                "write `#[sigra({})] {}: {}`: registration knows what to do with it",
                first.name,
                field.ident,
                as_written(&field.ty)
            ))
        } else {
            // The field keeps the role that it is named after, if it is.
            let (keeps, moves) = if second.example.contains(&format!(" {}: ", field.ident)) {
                (second, first)
            } else {
                (first, second)
            };
            code.says(format_args!("`{}` cannot be `{}` and `{}`", field.ident, first.name, second.name))
                .help(format_args!(
                    "write two fields: `#[sigra({})] {}: {}` and `{}`",
                    keeps.name,
                    field.ident,
                    as_written(&field.ty),
                    moves.example
                ))
        };
        errors.at(key, message);
    }
}

/// `#[sigra(email)] email: String, #[sigra(email)] backup: String`
fn one_role_on_two_fields(code: Code, draft: &Draft, errors: &Errors) {
    for (role, _) in Role::ALL.into_iter().filter(|(role, _)| *role != Role::Skip) {
        let mut marked = marks(draft, role);
        let Some((first, _)) = marked.next() else { continue };
        // A field with two roles has been told so.
        for (_, key) in marked.filter(|(field, _)| field.marks.len() == 1) {
            let name = role.key().name;
            errors.at(
                key,
                code.says(format_args!("`{}` is already the `{name}` field", first.ident))
                    .help(format_args!("leave it out: one field of `{}` is marked so", draft.ident)),
            );
        }
    }
}

/// `email: String, #[sigra(column = "email")] name: String`
fn one_column_twice(code: Code, draft: &Draft, errors: &Errors) {
    for (i, field) in draft.fields.iter().enumerate() {
        // Names are compared as a database would that folds case.
        let same = |other: &&model::Field| other.column().eq_ignore_ascii_case(&field.column());
        if let Some(first) = draft.fields[..i].iter().find(same) {
            errors.at(
                column_tokens(field),
                code.says(format_args!("`{}` already reads the column `{}`", first.ident, first.column()))
                    .help(format_args!("name another: `{}`", with_column(draft, field))),
            );
        }
    }
}

/// `größe: i64`
fn column_name(code: Code, draft: &Draft, errors: &Errors) {
    for field in draft.fields.iter().filter(|field| !field.mentions.has(&field::COLUMN)) {
        if name_problem(&field.column(), LONGEST_NAME).is_some() {
            errors.at(
                &field.ident,
                code.says(format_args!("`{}` is no plain column name", field.ident))
                    .help(format_args!("name the column in ASCII: `{}`", with_column(draft, field))),
            );
        }
    }
}

/// `#[sigra(table = "sigra_users", ..)]`
fn table_under_prefix(code: Code, draft: &Draft, errors: &Errors) {
    // One that could not be read is none to compare with.
    let Some(prefix) = draft.prefix() else { return };
    if let Some(table) = &draft.settings.table
        && table.value.0.to_ascii_lowercase().starts_with(prefix)
    {
        let rest = table.value.0.get(prefix.len()..).and_then(|rest| plain_name(rest, LONGEST_NAME));
        let other = rest.unwrap_or_else(|| "users".to_owned());
        let begins = |free: &&str| table.value.0.to_ascii_lowercase().starts_with(*free);
        let free = ["auth_", "sigra_", "idp_"].into_iter().find(|free| !begins(free)).unwrap_or("auth_");
        let verb = if draft.settings.prefix.is_some() { "write" } else { "add" };
        errors.at(
            &table.written,
            code.says(format_args!("tables that start with `{prefix}` are Sigra's own"))
                .help(format_args!("write `table = \"{other}\"`"))
                .help(format_args!("or {verb} `prefix = \"{free}\"`: Sigra's own tables are named so then")),
        );
    }
}

/// `#[sigra(email)] address: String, email: String`
fn new_field_taken(code: Code, draft: &Draft, errors: &Errors) {
    for field in draft.fields.iter().filter(|field| field.is_filled()) {
        for role in [Role::Email, Role::Password] {
            let name = role.key().name;
            if field.ident == name && draft.field(role).is_some() {
                errors.at(
                    &field.ident,
                    code.says(format_args!(
                        "`New{}` has a `{name}` of its own, which is what the visitor typed",
                        draft.ident
                    ))
                    .help(format_args!(
                        "name this field otherwise: `#[sigra(column = \"{}\")] other_{name}: {}`",
                        field.column(),
                        as_written(&field.ty)
                    )),
                );
            }
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

/// A table named after the type, past the prefix of Sigra's own.
fn free_table(draft: &Draft) -> String {
    let name = plural(&draft.ident.to_string());
    let prefix = draft.settings.prefix.as_ref().map_or("sigra_", |prefix| &prefix.value.0);
    name.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map_or(name.clone(), str::to_owned)
}

/// The attribute that gives a field another column, beside what it is marked as.
fn with_column(draft: &Draft, field: &model::Field) -> String {
    let marks = field.marks.iter().map(|(role, _)| role.key().name);
    let keys: Vec<_> =
        marks.map(str::to_owned).chain([format!("column = \"{}\"", free_column(draft, field))]).collect();
    format!("#[sigra({})] {}: {}", keys.join(", "), field.ident, as_written(&field.ty))
}

/// A column that no field reads yet, named after the field.
fn free_column(draft: &Draft, field: &model::Field) -> String {
    let name = plain_name(&field.ident.to_string(), LONGEST_NAME - 2).unwrap_or_else(|| "column".to_owned());
    let taken = |name: &str| draft.fields.iter().any(|other| other.column().eq_ignore_ascii_case(name));
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    std::iter::once(name.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(name)
}
