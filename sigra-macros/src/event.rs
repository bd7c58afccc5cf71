//! Events of the host: what their derives and `event_name!` emit, also beside an error.

use proc_macro2::{TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use sigra_grammar::event::{self, Field, Kind, Model};
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Path};

use crate::expand::hidden;
use crate::ide;

/// A name that is good, for the implementation beside an error.
const FALLBACK: &str = "app.event.fallback";

pub(crate) fn expand_or_explain(kind: Kind, input: &DeriveInput) -> TokenStream {
    let (model, errors) = match event::model(kind, input) {
        Ok(model) => (model, None),
        Err(rejected) => (rejected.model, Some(rejected.error.to_compile_error())),
    };
    let body = match kind {
        Kind::Event => implement_event(&model, errors.is_some()),
        Kind::Detail => implement_detail(&model, errors.is_some()),
    };
    let lists = if kind == Kind::Event { &ide::EVENT } else { &ide::DETAIL };
    // First, as `ide` explains.
    let (hints, hidden) = (ide::hints(input, &model.krate, lists), hidden(&body));
    quote!(#hints #errors #hidden)
}

/// `impl AuditEvent for InvoiceExported`.
fn implement_event(model: &Model, rejected: bool) -> TokenStream {
    let Model { ident, generics, krate, .. } = model;
    let (impl_generics, ty_generics, bounds) = generics.split_for_impl();
    let name = model.name.as_deref().filter(|_| !rejected).unwrap_or(FALLBACK);
    let details = details(model, rejected);
    quote! {
        impl #impl_generics #krate::audit::AuditEvent for #ident #ty_generics #bounds {
            const NAME: #krate::audit::EventName = #krate::__private::check::event_name(#name);
            fn details(&self) -> #krate::audit::Details {
                #details
            }
        }
    }
}

/// `impl AuditDetail for Line`
fn implement_detail(model: &Model, rejected: bool) -> TokenStream {
    let Model { ident, generics, krate, .. } = model;
    let (impl_generics, ty_generics, bounds) = generics.split_for_impl();
    let details = details(model, rejected);
    let value = if rejected { details } else { quote!(#krate::audit::Value::Map(#details)) };
    quote! {
        impl #impl_generics #krate::audit::AuditDetail for #ident #ty_generics #bounds {
            fn detail(&self) -> #krate::audit::Value {
                #value
            }
        }
    }
}

fn details(model: &Model, rejected: bool) -> TokenStream {
    if rejected {
        return quote!(::core::panic!("this code stands beside a compile error"));
    }
    let krate = &model.krate;
    let fields = model.fields.iter().map(|Field { ident, ty, key }| {
        // The type's span: an error about a type that cannot enter the trail belongs there.
        let value = quote_spanned!(ty.span()=> #krate::__private::check::detail::<#ty>(&self.#ident));
        quote!(.with(#key, #value))
    });
    quote!(#krate::audit::Details::new() #(#fields)*)
}

/// `event_name!([$crate] "billing.invoice.export")`
pub(crate) fn name(input: TokenStream) -> TokenStream {
    let mut tokens = input.into_iter();
    let krate: Option<Path> = match tokens.next() {
        Some(TokenTree::Group(group)) => syn::parse2(group.stream()).ok(),
        _ => None,
    };
    let krate = krate.unwrap_or_else(|| syn::parse_quote!(::sigra));
    let (name, error) = match event::name(tokens.collect()) {
        Ok(name) => (name, None),
        Err(error) => (FALLBACK.to_owned(), Some(error.to_compile_error())),
    };
    quote!({ #error #krate::__private::check::event_name(#name) })
}
