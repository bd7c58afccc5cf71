//! What the derive emits: snapshots to read, and properties that no change may lose.

use std::io::Write as _;

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::visit::{self, Visit};

use super::{derive, everything, fields, input, tokens};

pub(super) fn pretty(tokens: TokenStream) -> String {
    let file =
        syn::parse2(tokens).unwrap_or_else(|error| panic!("the derive emits what is no Rust: {error}"));
    prettyplease::unparse(&file)
}

pub(super) fn without_hints(output: TokenStream) -> TokenStream {
    let file: syn::File = syn::parse2(output).expect("the derive emits Rust");
    let items = file.items.into_iter().filter(|item| !quote!(#item).to_string().contains("rust_analyzer"));
    quote!(#(#items)*)
}

fn minimal() -> TokenStream {
    quote! {
        #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m"))]
        struct User {
            #[sigra(id)]
            id: i64,
            #[sigra(email)]
            email: String,
            #[sigra(password)]
            password: Option<PasswordHash>,
        }
    }
}

#[test]
fn every_key() {
    insta::assert_snapshot!(pretty(without_hints(derive(everything()))));
}

#[test]
fn the_least_host() {
    insta::assert_snapshot!(pretty(without_hints(derive(minimal()))));
}

#[test]
fn a_mistake_has_the_implementations_beside_it() {
    let fields = fields();
    let output = derive(quote! {
        #[sigra(tabel = "users", password, session(idle = "1h", absolute = "14d"), throttle(per_network = 5, within = "1h"), crate = other)]
        pub struct User { #fields }
    });
    insta::assert_snapshot!(pretty(without_hints(output)));
}

#[test]
fn editor_hints() {
    let krate = syn::parse_quote!(other);
    let hints = crate::ide::hints(
        &input(
            "#[sigra(crate = other, table = \"users\", session(idle, ab), lo)] struct User { #[sigra(i)] id: i64 }",
        ),
        &krate,
        &crate::ide::USER,
    );
    insta::assert_snapshot!(pretty(hints));
}

/// rust-analyzer types a marker at the cursor, and takes the first place of it in the output for a place in the output without it.
#[test]
fn a_word_being_completed_stands_where_its_marker_does() {
    const MARKER: &str = "raCompletionMarker";
    let user = |source: &str| derive(tokens(source));
    let event = |source: &str| crate::derive_event(sigra_grammar::event::Kind::Event, tokens(source));
    let password = "#[sigra(id)] id: i64, #[sigra(email)] email: String, #[sigra(password)] password: Option<PasswordHash>";
    let places = [
        format!("#[sigra(table = \"users\", password, l|)] struct User {{ {password} }}"),
        format!(
            "#[sigra(table = \"users\", pass|word, session(idle = \"1h\"))] struct User {{ {password} }}"
        ),
        format!(
            "#[sigra(table = \"users\", password, session(id|, absolute = \"14d\"))] struct User {{ {password} }}"
        ),
        "#[sigra(table = \"users\")] struct User { #[sigra(em|)] email: String }".to_owned(),
    ];
    let expansions =
        places.iter().map(|place| (place.as_str(), &user as &dyn Fn(&str) -> TokenStream)).chain([
            ("#[sigra(na|)] struct Opened;", &event as _),
            ("#[sigra(name = \"app.door.open\")] struct Opened { #[sigra(sk|)] by: i64 }", &event as _),
        ]);
    for (place, expand) in expansions {
        let plain = expand(&place.replace('|', "")).to_string();
        let marked = expand(&place.replace('|', MARKER)).to_string();
        let found = marked.find(MARKER).unwrap_or_else(|| panic!("{place}: the marker is not emitted"));
        assert_eq!(plain.get(..found), Some(&marked[..found]), "{place}");
        assert!(marked[..found].contains("rust_analyzer"), "{place}: it is emitted before the hints");
    }
}

/// The time that rustc takes for an expansion goes with its size, and time itself cannot be tested on shared machines.
pub(super) fn count(tokens: TokenStream) -> usize {
    tokens
        .into_iter()
        .map(|token| if let TokenTree::Group(group) = token { 1 + count(group.stream()) } else { 1 })
        .sum()
}

#[test]
fn the_expansion_stays_small() {
    let all = count(without_hints(derive(everything())));
    let least = count(without_hints(derive(minimal())));
    // Past the test runner's capture: whoever runs the tests should see it.
    let figures = format!("tokens emitted: {least} for the smallest user, {all} for the fullest\n");
    std::io::stderr().write_all(figures.as_bytes()).expect("the figures can be printed");
    assert!(all <= 2000, "the expansion of every key has {all} tokens");
    assert!(least <= 1350, "the expansion of the least host has {least} tokens");
}

/// A path that begins with a name from the prelude, or with one that the host may have given to something else.
pub(super) struct Hygiene {
    of_the_host: Vec<&'static str>,
    foreign: Vec<String>,
}

impl Hygiene {
    /// Every such path in an expansion; `more` are names that the host of this test has.
    pub(super) fn foreign(output: TokenStream, more: &[&'static str]) -> Vec<String> {
        const OF_THE_HOST: &[&str] =
            &["uuid", "time", "String", "Option", "limits", "i64", "User", "UserSignIn", "NewUser"];
        let file: syn::File = syn::parse2(output).expect("the derive emits Rust");
        let mut hygiene = Self { of_the_host: [OF_THE_HOST, more].concat(), foreign: Vec::new() };
        hygiene.visit_file(&file);
        hygiene.foreign
    }
}

impl<'ast> Visit<'ast> for Hygiene {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let first = path.segments[0].ident.to_string();
        let local = [
            "Self",
            "self",
            "macro_rules",
            "f",
            "outcome",
            "session",
            "reason",
            "columns",
            "new",
            "values",
            "user",
        ];
        let own =
            first.starts_with("__SIGRA_") || local.contains(&&*first) || self.of_the_host.contains(&&*first);
        if path.leading_colon.is_none() && !own {
            self.foreign.push(quote!(#path).to_string());
        }
        visit::visit_path(self, path);
    }

    // `#[doc]`, `#[allow]` and their like cannot be shadowed.
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
}

#[test]
fn no_name_relies_on_what_the_host_has_in_scope() {
    let broken = quote!(
        #[sigra(password)]
        struct User {
            id: i64,
        }
    );
    for source in [everything(), minimal(), broken] {
        let foreign = Hygiene::foreign(without_hints(derive(source)), &["PasswordHash"]);
        assert!(foreign.is_empty(), "{foreign:?}");
    }
}

#[test]
fn another_name_of_the_crate_is_used_everywhere() {
    let renamed = [
        "#[sigra(table = \"users\", password, session(idle = \"1h\", absolute = \"14d\"), lockout(after = 1, wait = \"1m\"), crate = other)]
         struct User { #[sigra(id)] id: i64, #[sigra(email)] email: String, #[sigra(password)] password: Option<PasswordHash> }",
        "#[sigra(crate = other, nonsense)] struct User { id: i64 }",
        "#[sigra(nonsense, crate = other)] enum User {}",
        "#[sigra(= , crate = other)] struct User;",
    ];
    for source in renamed {
        let output = derive(tokens(source)).to_string();
        assert!(!output.contains(":: sigra"), "{output}");
    }
}

#[test]
fn a_build_without_the_cargo_feature_says_which_to_add() {
    let built = crate::Built { totp: false };
    let output = crate::derive(everything(), built).to_string();
    assert_eq!(output.matches("compile_error").count(), 1);
    assert!(output.contains("`totp` needs Sigra's cargo feature `totp`"), "{output}");
    assert!(!crate::derive(minimal(), built).to_string().contains("compile_error"));
}

#[test]
fn a_panic_of_the_derive_is_said_to_be_its_own() {
    for panic in [&"a reason" as &(dyn std::any::Any + Send), &String::from("a reason")] {
        let output = crate::bug(panic).to_string();
        assert!(
            output.contains("panicked: a reason") && output.contains("this is a bug in Sigra"),
            "{output}"
        );
    }
}

#[test]
fn what_is_no_struct_at_all_is_an_error_of_the_parser() {
    assert!(
        derive(quote!(
            fn main() {}
        ))
        .to_string()
        .contains("compile_error")
    );
}
