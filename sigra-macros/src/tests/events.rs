//! The derives of events: every message, what is emitted, and its bounds.

use std::fmt::Write as _;

use proc_macro2::TokenStream;
use quote::quote;
use sigra_grammar::event::{Kind, reserved_areas};

use super::expansion::{Hygiene, count, pretty, without_hints};
use super::{event_errors, tokens};
use crate::derive_event;

/// The errors of each source, underlined text first.
fn show(kind: Kind, sources: &[&str]) -> String {
    sources.iter().fold(String::new(), |mut shown, source| {
        writeln!(shown, "{source}").unwrap();
        for (underlined, message) in event_errors(kind, source) {
            writeln!(shown, "{underlined}\n    {}", message.replace('\n', "\n    ")).unwrap();
        }
        shown.push('\n');
        shown
    })
}

/// The errors of each name.
fn named(names: &[&str]) -> String {
    let sources: Vec<_> =
        names.iter().map(|name| format!("#[sigra(event = {name})] struct Exported;")).collect();
    show(Kind::Event, &sources.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The errors of each field.
fn with_field(fields: &[&str]) -> String {
    let sources: Vec<_> = fields
        .iter()
        .map(|field| format!("#[sigra(event = \"a.b.c\")] struct Exported {{ {field} }}"))
        .collect();
    show(Kind::Event, &sources.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn names() {
    insta::assert_snapshot!(named(&[
        "\"session.password.sign_in\"",
        "\"sigra.invoice.export\"",
        "\"export\"",
        "\"invoice.export\"",
        "\"billing.invoice.line.export\"",
        "\"Billing.InvoiceLine.Export\"",
        "\"billing/invoice/export\"",
        "\"billing:invoice-line:export\"",
        "\"billing..export\"",
        "\"billing.invoice.\"",
        "\"billing.2nd.export\"",
        "\"billing.größe.export\"",
        "\"\"",
        "\"session\"",
        "\"Session.Cart.Open\"",
        "5",
        "NAME",
        "\"billing.invoice.an_export_with_a_name_that_is_longer_than_any_that_anybody_reads\"",
    ]));
}

#[test]
fn good_names() {
    let sources = [
        "billing.invoice.export",
        "a.b.c",
        "billing2.invoice_line.export_as_pdf",
        "sessions.cart.open",
        "accounting.account.close",
    ];
    for name in sources {
        let source = format!("#[sigra(event = \"{name}\")] struct Exported;");
        assert_eq!(event_errors(Kind::Event, &source), [], "{name}");
    }
}

#[test]
fn every_reserved_area_is_refused() {
    assert!(reserved_areas().is_sorted());
    for area in reserved_areas() {
        let source = format!("#[sigra(event = \"{area}.b.c\")] struct Exported;");
        let found = event_errors(Kind::Event, &source);
        assert!(found.len() == 1 && found[0].1.contains("is Sigra's own"), "{area}: {found:?}");
    }
}

#[test]
fn a_struct_without_a_name() {
    insta::assert_snapshot!(show(
        Kind::Event,
        &[
            "struct InvoiceExported { invoice: Uuid }",
            "#[sigra()] struct InvoiceLineExported { invoice: Uuid }",
            "struct Export;",
            "#[sigra] struct Export;",
            "#[sigra = \"a.b.c\"] struct Export;",
        ]
    ));
}

#[test]
fn words_that_people_try() {
    let words = [
        "name = \"a.b.c\"",
        "action = \"export\"",
        "type = \"export\"",
        "evnt = \"a.b.c\"",
        "outcome = \"refused\"",
        "actor",
        "severity = \"high\"",
        "table = \"audit\"",
        "password",
        "key = \"x\"",
        "skip",
        "foo",
        "2fa",
    ];
    let beside: Vec<_> =
        words.iter().map(|word| format!("#[sigra(event = \"a.b.c\", {word})] struct Exported;")).collect();
    insta::assert_snapshot!(show(Kind::Event, &beside.iter().map(String::as_str).collect::<Vec<_>>()));
    let fields = [
        "#[sigra(rename = \"x\")] a: i64",
        "#[sigra(name = \"x\")] a: i64",
        "#[sigra(redact)] a: i64",
        "#[sigra(event = \"a.b.c\")] a: i64",
        "#[sigra(id)] a: i64",
        "#[sigra(kye = \"x\")] a: i64",
    ];
    insta::assert_snapshot!("words_on_a_field_of_an_event", with_field(&fields));
}

#[test]
fn keys_of_fields() {
    insta::assert_snapshot!(with_field(&[
        "password: String",
        "new_password_hash: String",
        "newPassword: String",
        "r#type: i64, csrf: String, user_pin2: i64",
        "authorization: String",
        "#[sigra(key = \"API-Key\")] client: String",
        "#[sigra(key = \"Set Cookie\")] client: String",
        "größe: i64",
        "#[sigra(key = \"size\")] größe: i64, size: i64",
        "#[sigra(key = 5)] a: i64",
        "#[sigra(key)] token: i64",
        "#[sigra(skip)] token: Token",
        "#[sigra(skip, key = \"x\")] token: Token",
        "#[sigra(skip = true)] token: Token",
        "#[sigra(key = \"\")] a: i64",
        "#[sigra(key = \"a_key_that_is_longer_than_any_that_anybody_would_ever_want_to_read_in_a_row\")] a: i64",
    ]));
}

#[test]
fn words_that_only_contain_a_secret_by_chance() {
    for key in [
        "shipping",
        "laptop",
        "passenger",
        "compass",
        "opinion",
        "hotpink",
        "spinner",
        "author",
        "key",
        "pinned",
    ] {
        assert_eq!(with_field(&[&format!("{key}: i64")]).lines().count(), 2, "{key}");
    }
}

#[test]
fn other_shapes() {
    let shapes = [
        "#[sigra(event = \"a.b.c\")] enum Exported { A, B }",
        "#[sigra(event = \"a.b.c\")] struct Exported(u8);",
        "#[sigra(event = \"a.b.c\")] union Exported { a: u8 }",
        "#[sigra(event = \"a.b.c\")] struct Exported<T> { a: T }",
        "#[sigra(event = \"a.b.c\")] struct Exported<'a, const N: usize> { a: [&'a str; N] }",
        "#[sigra(event = \"session.b.c\", nonsense)] enum Exported {}",
    ];
    insta::assert_snapshot!(show(Kind::Event, &shapes));
    insta::assert_snapshot!(
        "other_shapes_of_details",
        show(
            Kind::Detail,
            &[
                "enum Line { A }",
                "struct Line(u8);",
                "#[sigra(event = \"a.b.c\")] struct Line { a: u8 }",
                "struct Line { token: u8 }"
            ]
        )
    );
}

#[test]
fn seven_mistakes_are_seven_errors_in_the_order_of_the_source() {
    let source = r#"
        #[sigra(event = "mail.invoice.export", outcome = "refused", colour)]
        struct Exported {
            password: String,
            #[sigra(rename = "x")]
            invoice: Uuid,
            #[sigra(key = "to ken")]
            size: i64,
            #[sigra(key = "invoice")]
            other: i64,
        }
    "#;
    let underlined: Vec<_> = event_errors(Kind::Event, source).into_iter().map(|(at, _)| at).collect();
    let expected =
        ["\"mail.invoice.export\"", "outcome", "colour", "password", "rename", "\"to ken\"", "other"];
    assert_eq!(underlined, expected);
}

fn exported() -> TokenStream {
    quote! {
        #[sigra(event = "billing.invoice.export")]
        pub(crate) struct Exported<'a> {
            pub invoice: uuid::Uuid,
            #[sigra(key = "by")]
            r#type: Option<&'a str>,
            #[sigra(skip)]
            file: Vec<u8>,
        }
    }
}

fn line() -> TokenStream {
    quote! {
        #[sigra(crate = other)]
        struct Line {
            article: String,
            cents: i64,
        }
    }
}

#[test]
fn an_event() {
    insta::assert_snapshot!(pretty(without_hints(derive_event(Kind::Event, exported()))));
}

#[test]
fn an_event_without_details() {
    let source = "#[sigra(event = \"shop.door.open\")] struct Opened;";
    insta::assert_snapshot!(pretty(without_hints(derive_event(Kind::Event, tokens(source)))));
}

#[test]
fn a_detail() {
    insta::assert_snapshot!(pretty(without_hints(derive_event(Kind::Detail, line()))));
}

#[test]
fn an_event_with_a_mistake_has_its_implementation_beside_it() {
    let source = "#[sigra(event = \"audit.door.open\", crate = other)] struct Opened<T> { by: T }";
    insta::assert_snapshot!(pretty(without_hints(derive_event(Kind::Event, tokens(source)))));
}

#[test]
fn hints_for_editors() {
    let source = "#[sigra(ev = 1)] struct Opened { #[sigra(sk)] by: i64 }";
    let output = derive_event(Kind::Event, tokens(source));
    let file: syn::File = syn::parse2(output).expect("the derive emits Rust");
    let hints = file.items.into_iter().filter(|item| quote!(#item).to_string().contains("rust_analyzer"));
    insta::assert_snapshot!(pretty(quote!(#(#hints)*)));
}

/// An event has little to say to rustc.
#[test]
fn the_expansion_of_an_event_stays_small() {
    let event = count(without_hints(derive_event(Kind::Event, exported())));
    let detail = count(without_hints(derive_event(Kind::Detail, line())));
    assert!(event <= 200, "the expansion of an event has {event} tokens");
    assert!(detail <= 190, "the expansion of a detail has {detail} tokens");
}

#[test]
fn no_name_of_an_event_relies_on_what_the_host_has_in_scope() {
    let broken = quote!(
        #[sigra(nonsense)]
        struct Opened {
            by: i64,
        }
    );
    for (kind, source) in [(Kind::Event, exported()), (Kind::Detail, line()), (Kind::Event, broken)] {
        let of_the_host = ["Exported", "Line", "Opened", "Vec", "str", "other"];
        let foreign = Hygiene::foreign(without_hints(derive_event(kind, source)), &of_the_host);
        assert!(foreign.is_empty(), "{foreign:?}");
    }
}

#[test]
fn the_macro_of_a_name_answers_in_the_same_words() {
    let shown = |source: &str| pretty(crate_name(source));
    insta::assert_snapshot!(
        [
            "[dollar_crate] \"billing.invoice.export\"",
            "[dollar_crate] \"session.invoice.export\"",
            "[dollar_crate] invoice",
            "[dollar_crate]",
            "[dollar_crate] \"a.b.c\", 1",
        ]
        .map(shown)
        .join("\n")
    );
}

fn crate_name(source: &str) -> TokenStream {
    let expression = crate::event::name(tokens(source));
    quote!(const NAME: EventName = #expression;)
}
