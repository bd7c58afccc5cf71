//! Files made from the table of keys. `SIGRA_BLESS=1 cargo test -p sigra-macros` writes them anew.

use std::fmt::Write as _;
use std::path::Path;

use sigra_grammar::event::{Kind, reserved_areas};
use sigra_grammar::example::{Change, Example};
use sigra_grammar::keys::{self, Key};

use super::{errors, event_errors};

#[track_caller]
fn is_current(file: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("SIGRA_BLESS").is_some() {
        std::fs::write(&path, made).expect("the file can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == made, "{file} is not what the table of keys says: run the tests with SIGRA_BLESS=1");
}

#[test]
fn the_editor_hints_of_the_library_are_made_from_the_table() {
    let mut made = String::from(
        "//! One documented item for each key of `#[sigra(..)]`: editors complete and explain the keys from it.\n\
         //!\n\
         //! Made from the table of keys of `sigra-macros`, whose tests keep the two the same.\n\n\
         #![allow(non_upper_case_globals, reason = \"the items are named like the keys\")]\n",
    );
    for key in keys::STRUCT.into_iter().filter(|key| key.name != "crate") {
        item(&mut made, key, "");
        if !key.inner.is_empty() {
            write!(made, "\n/// The keys inside `{}(..)`.\npub mod {} {{", key.name, key.name).unwrap();
            key.inner.iter().for_each(|key| item(&mut made, key, "    "));
            made.push_str("}\n");
        }
    }
    made.push_str("\n/// The keys of a field.\npub mod field_keys {");
    for key in keys::FIELD {
        item(&mut made, key, "    ");
    }
    made.push_str("}\n");
    made.push_str("\n/// The keys of an event.\npub mod event_keys {");
    item(&mut made, &keys::event::EVENT, "    ");
    made.push_str("}\n\n/// The keys of a struct inside the details of an event. `crate` is a keyword, and stands in no list.\n");
    made.push_str("pub mod detail_keys {}\n\n/// The keys of a field of either.\npub mod event_field_keys {");
    for key in keys::event::FIELD {
        item(&mut made, key, "    ");
    }
    made.push_str("}\n");
    is_current("../sigra/src/keys.rs", &made.replace("{\n\n", "{\n"));
}

fn item(made: &mut String, key: &Key, indent: &str) {
    let docs = key.docs;
    write!(
        made,
        "\n{indent}/// {docs}\n{indent}///\n{indent}/// `{}`\n{indent}pub const {}: () = ();\n",
        key.example, key.name
    )
    .unwrap();
}

#[test]
fn the_reference_is_made_from_the_table() {
    is_current("KEYS.md", &reference());
}

#[test]
fn the_reference_of_events_is_made_from_the_table() {
    is_current("EVENTS.md", &reference_of_events());
}

/// The library looks at names with the same code as the grammar.
#[test]
fn the_library_has_the_same_names_reserved() {
    is_current("../sigra/src/audit/reserved.rs", include_str!("../../grammar/src/reserved.rs"));
}

fn reference_of_events() -> String {
    let mut made = String::from(include_str!("../event_reference.md"));
    made.push_str("\n# Reserved areas\n\n");
    let areas: Vec<_> = reserved_areas().iter().map(|area| format!("`{area}`")).collect();
    writeln!(made, "{}.", areas.join(", ")).unwrap();
    made.push_str("\n# Keys of the struct\n");
    described(&mut made, &keys::event::EVENT, &misused_event(&keys::event::EVENT));
    made.push_str("\n`crate` is that of `#[derive(Sigra)]`.\n\n# Keys of a field\n");
    for key in keys::event::FIELD {
        described(&mut made, key, &misused_event(key));
    }
    made
}

/// An event with a key's typical mistake in it.
fn misused_event(key: &Key) -> Vec<(String, String)> {
    let good = keys::event::EVENT.example;
    let on_struct = keys::event::STRUCT.iter().any(|one| one.name == key.name);
    let source = if on_struct {
        format!("#[sigra({})] struct InvoiceExported {{ invoice: Uuid }}", key.misuse)
    } else {
        format!("#[sigra({good})] struct InvoiceExported {{ {} }}", key.misuse)
    };
    event_errors(Kind::Event, &source)
}

#[test]
fn every_key_of_an_event_has_a_mistake_that_gives_one_error() {
    for key in [&keys::event::EVENT, &keys::event::KEY, &keys::event::SKIP] {
        let found = misused_event(key);
        assert_eq!(found.len(), 1, "{}: {found:#?}", key.name);
    }
}

fn described(made: &mut String, key: &Key, errors: &[(String, String)]) {
    head(made, key);
    mistake(made, key, errors);
}

fn reference() -> String {
    let mut made = String::from(include_str!("../reference.md"));
    made.push_str("\n# Keys of the struct\n");
    for key in keys::STRUCT {
        section(&mut made, key, Change::Key(key.name, key.misuse));
    }
    made.push_str("\n# Keys of a field\n");
    for key in keys::FIELD {
        section(&mut made, key, Change::Field(key.name, key.misuse));
    }
    made
}

fn head(made: &mut String, key: &Key) {
    let Key { name, example, docs, .. } = key;
    write!(made, "\n## `{name}`\n\n{docs}\n\n```text\n{example}\n```\n").unwrap();
    if let Some(why) = key.required {
        write!(made, "\nNo default: {why}.\n").unwrap();
    }
}

fn mistake(made: &mut String, key: &Key, errors: &[(String, String)]) {
    made.push_str("\nA mistake with it, and the answer:\n\n```text\n");
    writeln!(made, "{}\n", key.misuse).unwrap();
    for (_, message) in errors {
        writeln!(made, "error: {}", message.replace('\n', "\n ")).unwrap();
    }
    made.push_str("```\n");
}

fn section(made: &mut String, key: &Key, misuse: Change) {
    head(made, key);
    if !key.inner.is_empty() {
        made.push_str("\n| inside | what | default | from | to |\n|---|---|---|---|---|\n");
    }
    for inner in key.inner {
        let Some(range) = inner.range else {
            writeln!(made, "| `{}` | {} | none | | |", inner.example, inner.docs).unwrap();
            continue;
        };
        let default =
            range.default.map_or_else(|| "none".to_owned(), |value| format!("`{}`", range.unit.code(value)));
        let (least, most) = (range.unit.code(range.least.value), range.unit.code(range.most.value));
        writeln!(made, "| `{}` | {} | {default} | `{least}` | `{most}` |", inner.example, inner.docs)
            .unwrap();
    }
    mistake(made, key, &errors(&misused(key, misuse)));
}

/// A host with a key's typical mistake in it. Leaked: an example holds `'static` changes, and a test is short.
fn misused(key: &Key, misuse: Change) -> String {
    let mut changes = vec![misuse];
    match (key.name, misuse) {
        ("id", Change::Field(..)) => {
            changes = vec![Change::Field("id", key.misuse), Change::Field("email", "")];
        }
        ("skip", _) => changes = vec![Change::Field("email", key.misuse)],
        ("confirmed_at", _) => changes.extend([
            Change::Key("confirm_email", "confirm_email"),
            Change::Key("reset_password", "reset_password"),
        ]),
        ("confirm_email", _) => changes.push(Change::Key("reset_password", "reset_password")),
        ("unsafe_no_lockout", _) => changes.push(Change::Key("lockout", "")),
        ("totp", _) => changes.push(Change::Key("backup_codes", "backup_codes")),
        ("backup_codes" | "assisted_recovery" | "unsafe_no_recovery", _) => {
            changes.push(Change::Key("totp", keys::TOTP.example));
        }
        ("trusted_browser", _) => changes
            .extend([Change::Key("totp", keys::TOTP.example), Change::Key("backup_codes", "backup_codes")]),
        _ => {}
    }
    Example(changes.leak()).to_string()
}

#[test]
fn every_key_has_a_mistake_that_gives_one_error() {
    let struct_keys = keys::STRUCT.into_iter().map(|key| (key, Change::Key(key.name, key.misuse)));
    let field_keys = keys::FIELD.into_iter().map(|key| (key, Change::Field(key.name, key.misuse)));
    for (key, misuse) in struct_keys.chain(field_keys) {
        let found = errors(&misused(key, misuse));
        assert_eq!(found.len(), 1, "{}: {found:#?}", key.name);
    }
}
