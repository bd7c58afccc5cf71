//! The derives of Sigra. Everything they read and refuse is in `sigra-grammar`; what they emit is in `expand` and `event`.

#![forbid(unsafe_code)]

mod event;
mod expand;
mod fallback;
mod ide;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use proc_macro2::{Span, TokenStream};
use quote::quote;
use sigra_grammar::event::Kind;
use syn::DeriveInput;

// Made from the table of keys by the tests, which run each example's mistake and print what it gives.
#[doc = include_str!("../KEYS.md")]
#[proc_macro_derive(Sigra, attributes(sigra))]
pub fn derive_sigra(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive(input.into(), Built { totp: cfg!(feature = "totp") }).into()
}

/// What Sigra was built with.
#[derive(Clone, Copy, Debug)]
struct Built {
    totp: bool,
}

// Made from the same table.
#[doc = include_str!("../EVENTS.md")]
#[proc_macro_derive(AuditEvent, attributes(sigra))]
pub fn derive_audit_event(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive_event(Kind::Event, input.into()).into()
}

/// Lets a struct stand inside the details of an event: a map of its fields.
///
/// The keys of its fields are those of [`AuditEvent`](derive@AuditEvent): `key` and `skip`. A `crate` on the struct says where
/// Sigra is, if it has another name.
#[proc_macro_derive(AuditDetail, attributes(sigra))]
pub fn derive_audit_detail(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive_event(Kind::Detail, input.into()).into()
}

/// The inside of `sigra::audit::event_name!`.
#[doc(hidden)]
#[proc_macro]
pub fn event_name(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    guarded(|| event::name(input.into())).into()
}

/// The whole way of the derive, without the compiler's types so that tests can call it.
fn derive(input: TokenStream, built: Built) -> TokenStream {
    read(input, |input| expand_or_explain(input, built))
}

/// The same for an event or for what stands in one.
fn derive_event(kind: Kind, input: TokenStream) -> TokenStream {
    read(input, |input| event::expand_or_explain(kind, input))
}

fn read(input: TokenStream, expand: impl FnOnce(&DeriveInput) -> TokenStream) -> TokenStream {
    guarded(|| match syn::parse2::<DeriveInput>(input) {
        Ok(input) => expand(&input),
        Err(error) => error.into_compile_error(),
    })
}

fn guarded(expand: impl FnOnce() -> TokenStream) -> TokenStream {
    let output = catch_unwind(AssertUnwindSafe(expand)).unwrap_or_else(|panic| bug(&*panic));
    dump(&output);
    output
}

fn expand_or_explain(input: &DeriveInput, built: Built) -> TokenStream {
    let missing = if built.totp { &[] } else { &[&sigra_grammar::keys::TOTP][..] };
    let (krate, items) = match sigra_grammar::model_without(input, missing) {
        Ok(model) => (model.krate.clone(), expand::expand(&model)),
        // The implementations are emitted all the same: the host's use of them is no second mistake.
        Err(rejected) => {
            let errors = rejected.error.to_compile_error();
            let fallback = fallback::expand(input, &rejected);
            (rejected.draft.krate(), quote!(#errors #fallback))
        }
    };
    // First, as `ide` explains.
    let hints = ide::hints(input, &krate, &ide::USER);
    quote!(#hints #items)
}

/// A panic here is never the host's fault, and should not look like it.
fn bug(panic: &(dyn std::any::Any + Send)) -> TokenStream {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref().copied())
        .unwrap_or("no text");
    let message = format!(
        "a macro of Sigra panicked: {text}\n= help: this is a bug in Sigra, please report it with this code"
    );
    syn::Error::new(Span::call_site(), message).into_compile_error()
}

/// `SIGRA_DUMP=1 cargo check` prints what the derive emits.
fn dump(output: &TokenStream) {
    if std::env::var_os("SIGRA_DUMP").is_some() {
        #[expect(clippy::print_stderr, reason = "printing is what the switch is for")]
        {
            eprintln!("{output}");
        }
    }
}
