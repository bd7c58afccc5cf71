//! Splitting the tokens of one list into its items, past whatever is wrong among them.

use darling::ast::NestedMeta;
use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Ident, Token};

use crate::attr::{Mentions, Place, everywhere};
use crate::error::{Errors, Message};
use crate::rules::reading;

/// Splits the tokens of one list into items. After a mistake it goes on behind the next comma, so that each mistake is
/// reported once and the items beside it are read all the same.
pub(crate) fn items(
    tokens: TokenStream,
    here: Place,
    errors: &Errors,
    mentions: &Mentions,
) -> Vec<NestedMeta> {
    let read = |input: ParseStream<'_>| {
        let mut items = Vec::new();
        while !input.is_empty() {
            let start = input.cursor().token_tree().map(|(token, _)| token);
            match input.parse::<NestedMeta>() {
                Ok(item) if input.is_empty() || input.peek(Token![,]) => items.push(item),
                // A literal is a mistake by itself, whatever follows.
                Ok(item @ NestedMeta::Lit(_)) => {
                    items.push(item);
                    skip(input, here, mentions);
                }
                Ok(item) => {
                    if let Some(key) = next_key(input, here) {
                        let message = reading::COMMA.says("expected `,` before this key");
                        let help = format!("write `, {key}`");
                        errors.at(key, message.help(help));
                        items.push(item);
                    } else if let Some(semicolon) = semicolon(input, here) {
                        errors
                            .at(semicolon, reading::COMMA.says("expected `,`, found `;`").help("write `,`"));
                        items.push(item);
                    } else {
                        let junk = input.cursor().token_tree().map(|(token, _)| token);
                        errors.at(&junk, unexpected(here, junk.as_ref(), start.as_ref()));
                        mention(start.as_ref(), here, mentions);
                        skip(input, here, mentions);
                    }
                }
                Err(error) => {
                    errors.at(&start, unreadable(start.as_ref(), &error));
                    mention(start.as_ref(), here, mentions);
                    skip(input, here, mentions);
                }
            }
            if input.peek(Token![,]) {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(items)
    };
    read.parse2(tokens).unwrap_or_default()
}

/// `privacy "full"`
fn unexpected(here: Place, junk: Option<&TokenTree>, key: Option<&TokenTree>) -> Message {
    let (found, name) = (text(junk), text(key));
    let message = reading::STRAY.says(format_args!("unexpected `{found}` after `{name}`"));
    let own = here.keys().iter().map(|key| (here, *key));
    match own.chain(everywhere(here)).find(|(_, key)| key.name == name) {
        Some((_, key)) => message.help(format_args!("write `{}`", key.item())),
        None => message.help("leave it out"),
    }
}

/// `= "full"`
fn unreadable(start: Option<&TokenTree>, error: &syn::Error) -> Message {
    match error.to_string().as_str() {
        "expected identifier or literal" => {
            reading::NO_KEY.says(format_args!("expected a key, found `{}`", text(start))).help("leave it out")
        }
        other => reading::STRAY.says(other).help("leave it out"),
    }
}

fn text(token: Option<&TokenTree>) -> String {
    token.map(ToString::to_string).unwrap_or_default()
}

fn mention(token: Option<&TokenTree>, here: Place, mentions: &Mentions) {
    if let Some(TokenTree::Ident(word)) = token {
        mentions.add_name(here, &word.to_string());
    }
}

/// The next token, if it is a key, so that only a comma can be missing before it.
fn next_key(input: ParseStream<'_>, here: Place) -> Option<Ident> {
    let next = input.fork().call(Ident::parse_any).ok()?;
    everywhere(here).any(|(_, key)| next == key.name).then_some(next)
}

/// Takes a semicolon that stands where a comma belongs: before a key, or at the end.
fn semicolon(input: ParseStream<'_>, here: Place) -> Option<Token![;]> {
    let behind = input.fork();
    behind.parse::<Token![;]>().ok()?;
    (behind.is_empty() || next_key(&behind, here).is_some()).then(|| input.parse().ok()).flatten()
}

/// Goes on to the next comma. A key in what is left out was still meant.
fn skip(input: ParseStream<'_>, here: Place, mentions: &Mentions) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let Ok(token) = input.parse::<TokenTree>() else { return };
        mention(Some(&token), here, mentions);
    }
}
