//! Completion and hover inside `#[sigra(..)]`: the user's own words, imported from the library's list of keys.
//!
//! For completion rust-analyzer expands twice, as the code is and with a marker typed into the word, and looks up the scope in the
//! first output at the place that the marker has in the second. So whatever depends on the text of the word, as an error does, has
//! to stand behind the hints: they come first in what a derive emits.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote};
use sigra_grammar::keys::{self, Key};
use syn::{Attribute, Data, DeriveInput, Ident, Meta, Path};

/// The keys of one derive: on the struct and on its fields, each with its module in the library's list.
pub(crate) struct Lists {
    on_struct: (&'static [&'static str], &'static [&'static Key]),
    on_field: (&'static [&'static str], &'static [&'static Key]),
}

/// `#[derive(Sigra)]`
pub(crate) const USER: Lists =
    Lists { on_struct: (&[], &keys::STRUCT), on_field: (&["field_keys"], &keys::FIELD) };
/// `#[derive(AuditEvent)]`
pub(crate) const EVENT: Lists = Lists {
    on_struct: (&["event_keys"], &keys::event::STRUCT),
    on_field: (&["event_field_keys"], &keys::event::FIELD),
};
/// `#[derive(AuditDetail)]`: `crate` alone stands on the struct, and a keyword cannot be imported.
pub(crate) const DETAIL: Lists = Lists {
    on_struct: (&["detail_keys"], &keys::event::DETAIL),
    on_field: (&["event_field_keys"], &keys::event::FIELD),
};

/// Code that only rust-analyzer compiles. It comes from the raw tokens: completion is asked for in broken input.
pub(crate) fn hints(input: &DeriveInput, krate: &Path, lists_of: &Lists) -> TokenStream {
    let mut hints = Hints { krate, blocks: TokenStream::new(), count: 0 };
    for tokens in lists(&input.attrs) {
        hints.list(tokens, lists_of.on_struct.0, lists_of.on_struct.1);
    }
    if let Data::Struct(data) = &input.data {
        for tokens in data.fields.iter().flat_map(|field| lists(&field.attrs)) {
            hints.list(tokens, lists_of.on_field.0, lists_of.on_field.1);
        }
    }
    let blocks = hints.blocks;
    quote! {
        #[allow(unexpected_cfgs)]
        const _: () = {
            #[cfg(rust_analyzer)]
            { #blocks }
        };
    }
}

/// What stands in the parentheses of each `#[sigra(..)]`.
fn lists(attrs: &[Attribute]) -> impl Iterator<Item = TokenStream> {
    attrs.iter().filter_map(|attr| match &attr.meta {
        Meta::List(list) if list.path.is_ident("sigra") => Some(list.tokens.clone()),
        _ => None,
    })
}

struct Hints<'i> {
    krate: &'i Path,
    blocks: TokenStream,
    count: usize,
}

impl Hints<'_> {
    /// One list of keys: the words in it, then the lists inside it.
    fn list(&mut self, tokens: TokenStream, path: &[&str], known: &[&Key]) {
        let krate = self.krate;
        let segments = path.iter().map(|segment| format_ident!("{segment}"));
        let module = quote!(#krate::__private::keys #(::#segments)*);
        let name = format_ident!("__sigra_keys_{}", self.count);
        self.count += 1;
        let mut words = Vec::new();
        let mut lists = Vec::new();
        let mut at_start = true;
        for token in tokens {
            match token {
                // A keyword cannot be imported, and would be an error where nothing else is wrong with it.
                TokenTree::Ident(word)
                    if at_start && syn::parse2::<Ident>(word.to_token_stream()).is_ok() =>
                {
                    words.push(word);
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                    if let Some(word) = words.last() {
                        lists.push((word.to_string(), group.stream()));
                    }
                }
                TokenTree::Punct(comma) if comma.as_char() == ',' => {
                    at_start = true;
                    continue;
                }
                _ => {}
            }
            at_start = false;
        }
        let hovers: Vec<&Ident> =
            words.iter().filter(|word| known.iter().any(|key| *word == key.name)).collect();
        // Inside a module a path means the same only if it begins at a crate.
        let absolute =
            krate.leading_colon.is_some() || krate.segments.len() == 1 || krate.segments[0].ident == "crate";
        let completion = absolute.then(|| {
            quote! {
                mod #name {
                    use #module::*;
                    use self::{#(#words as _,)*};
                }
            }
        });
        self.blocks.extend(quote!(#completion #(let _ = #module::#hovers;)*));
        for (word, tokens) in lists {
            if let Some(key) = known.iter().find(|key| key.name == word && !key.inner.is_empty()) {
                self.list(tokens, &[key.name], key.inner);
            }
        }
    }
}
