//! Does what a help line says, as a program would: so the help is enough for whoever reads it.

use std::ops::Range;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use sigra_grammar::keys;
use syn::{Data, DeriveInput, Meta};

/// Reads Rust source. Spans are real, so that they say where things stand in it.
pub(crate) fn input(source: &str) -> DeriveInput {
    syn::parse_str(source).unwrap_or_else(|error| panic!("{error} in:\n{source}"))
}

/// What comes of following one help line.
#[derive(Clone, Debug)]
pub(crate) enum Fixed {
    /// The source as it then is.
    Source(String),
    /// The same source in a build with this cargo feature.
    Feature(String),
}

/// Every choice of a message, followed. `at` is what the error underlines in `source`.
pub(crate) fn fixes(source: &str, at: &Range<usize>, message: &str) -> Vec<(String, Fixed)> {
    let helps = message.lines().filter_map(|line| line.strip_prefix("= help: "));
    let choices: Vec<&str> = helps.flat_map(choices).collect();
    // A second choice that names no verb has the first one's.
    let verb = choices.first().and_then(|first| first.split_whitespace().next()).unwrap_or_default();
    let choices = choices.iter().map(|choice| match choice.trim_start_matches("or ") {
        bare if bare.starts_with('`') => format!("{verb} {bare}"),
        whole => whole.to_owned(),
    });
    choices.map(|choice| (choice.clone(), follow(source, at, &choice))).collect()
}

/// `` write `a` or `b` `` as two.
fn choices(help: &str) -> Vec<&str> {
    // What stands behind the code is its consequence.
    let help = help.split_once("`: ").map_or(help, |(code, _)| &help[..=code.len()]);
    match help.split_once("` or `") {
        Some((first, _)) if !help.starts_with("leave it out") => {
            vec![&help[..=first.len()], &help[first.len() + "` or ".len()..]]
        }
        _ => vec![help],
    }
}

fn follow(source: &str, at: &Range<usize>, choice: &str) -> Fixed {
    let codes: Vec<&str> = choice.split('`').skip(1).step_by(2).collect();
    let place = Source::read(source);
    if let Some(feature) = codes.first().and_then(|code| code.strip_prefix("cargo add sigra --features ")) {
        return Fixed::Feature(feature.to_owned());
    }
    let mut edits = Vec::new();
    if choice.starts_with("leave it out") && !choice.contains("of the row")
        || choice.starts_with("remove one of the two")
    {
        edits.push((place.without(at), String::new()));
    } else if choice.starts_with("did you mean") {
        edits.push((at.clone(), codes[0].to_owned()));
    } else {
        for code in codes {
            place.write(code, at, choice, &mut edits);
        }
    }
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    // Two codes that stand there already both take the word away that they stand for.
    edits.dedup();
    let fixed = edits.into_iter().fold(source.to_owned(), |mut fixed, (range, code)| {
        fixed.replace_range(range, &code);
        fixed
    });
    Fixed::Source(fixed)
}

/// Where things stand in the source.
struct Source {
    text: String,
    /// The name of the type, with its parameters.
    head: Range<usize>,
    /// All of the item.
    item: Range<usize>,
    /// The lists of the struct.
    lists: Vec<List>,
    fields: Vec<Field>,
    /// Before the brace that ends the fields.
    end_of_fields: Option<usize>,
}

struct Field {
    name: String,
    whole: Range<usize>,
    lists: Vec<List>,
}

/// What stands in parentheses.
#[derive(Clone)]
struct List {
    /// The key before the parentheses.
    name: String,
    inside: Range<usize>,
    items: Vec<Item>,
}

#[derive(Clone)]
struct Item {
    name: String,
    whole: Range<usize>,
    inner: Option<List>,
}

fn range(tokens: impl ToTokens) -> Range<usize> {
    let tokens: Vec<TokenTree> = tokens.into_token_stream().into_iter().collect();
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return 0..0 };
    first.span().byte_range().start..last.span().byte_range().end
}

impl List {
    fn of(name: String, group: &proc_macro2::Group) -> Self {
        let inside = group.span_open().byte_range().end..group.span_close().byte_range().start;
        let mut items = Vec::new();
        let mut item: Vec<TokenTree> = Vec::new();
        let mut end = |item: &mut Vec<TokenTree>| {
            let tokens: TokenStream = std::mem::take(item).into_iter().collect();
            if tokens.is_empty() {
                return;
            }
            let name = tokens.clone().into_iter().next().map(|first| first.to_string()).unwrap_or_default();
            let inner = tokens.clone().into_iter().find_map(|token| match token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                    Some(Self::of(name.clone(), &group))
                }
                _ => None,
            });
            items.push(Item { name, whole: range(tokens), inner });
        };
        for token in group.stream() {
            match &token {
                TokenTree::Punct(comma) if comma.as_char() == ',' => end(&mut item),
                _ => item.push(token),
            }
        }
        end(&mut item);
        Self { name, inside, items }
    }

    fn all(attrs: &[syn::Attribute]) -> Vec<Self> {
        let lists =
            attrs.iter().filter(|attr| attr.path().is_ident("sigra")).filter_map(|attr| match &attr.meta {
                Meta::List(list) => {
                    let group = list.to_token_stream().into_iter().find_map(|token| match token {
                        TokenTree::Group(group) => Some(group),
                        _ => None,
                    });
                    Some(Self::of(String::new(), &group?))
                }
                _ => None,
            });
        lists.collect()
    }

    /// The list and the item in it at a place, the innermost first.
    fn enclosing(&self, at: &Range<usize>) -> Vec<(&Self, &Item)> {
        let holds = |item: &&Item| item.whole.start <= at.start && at.end <= item.whole.end;
        let Some(item) = self.items.iter().find(holds) else { return Vec::new() };
        let mut found = item.inner.as_ref().map(|inner| inner.enclosing(at)).unwrap_or_default();
        found.push((self, item));
        found
    }
}

impl Source {
    fn read(text: &str) -> Self {
        let parsed: DeriveInput = input(text);
        let Data::Struct(data) = &parsed.data else { panic!("a struct in\n{text}") };
        let fields = data.fields.iter().filter_map(|field| {
            let name = field.ident.as_ref()?.to_string();
            Some(Field { name, whole: range(field), lists: List::all(&field.attrs) })
        });
        let end_of_fields = match &data.fields {
            syn::Fields::Named(fields) => Some(fields.brace_token.span.close().byte_range().start),
            _ => None,
        };
        let head = range(data.struct_token).start..range(&parsed.generics).end.max(range(&parsed.ident).end);
        let end = parsed
            .to_token_stream()
            .into_iter()
            .last()
            .map_or(text.len(), |last| last.span().byte_range().end);
        Self {
            text: text.to_owned(),
            head: head.clone(),
            item: head.start..end,
            lists: List::all(&parsed.attrs),
            fields: fields.collect(),
            end_of_fields,
        }
    }

    fn enclosing(&self, at: &Range<usize>) -> Vec<(&List, &Item)> {
        let lists = self.lists.iter().chain(self.fields.iter().flat_map(|field| &field.lists));
        lists.flat_map(|list| list.enclosing(at)).collect()
    }

    /// What is underlined, with the comma that goes with it.
    fn without(&self, at: &Range<usize>) -> Range<usize> {
        // An attribute without parentheses is underlined without its brackets.
        let attribute = self.text[..at.start].ends_with("#[").then(|| at.start - 2..at.end + 1);
        let item = self.enclosing(at).first().map(|(_, item)| item.whole.clone());
        let whole = attribute.or(item).unwrap_or_else(|| at.clone());
        let rest = &self.text[whole.end..];
        let comma = rest.len() - rest.trim_start().trim_start_matches(',').len();
        let has_comma = rest.trim_start().starts_with(',');
        whole.start..whole.end + if has_comma { comma } else { 0 }
    }

    /// Where one code of a help line goes.
    fn write(&self, code: &str, at: &Range<usize>, choice: &str, edits: &mut Vec<(Range<usize>, String)>) {
        if code.starts_with("struct ") {
            // All of it, or what stands before the fields.
            if code.contains('{') {
                edits.push((self.item.clone(), code.to_owned()));
            } else {
                self.without_parameters(code, edits);
            }
        } else if let Some(rest) = code.strip_prefix("#[sigra(") {
            let (inside, field) = rest.split_once(")]").unwrap_or((rest, ""));
            match field.trim().split_once(':') {
                Some((name, _)) => self.write_field(name.trim(), code, at, choice, edits),
                // The attribute is underlined without its brackets.
                None => edits.push((at.start - 2..at.end + 1, format!("#[sigra({inside})]"))),
            }
        } else {
            self.write_item(code, at, choice, edits);
        }
    }

    /// A generic user: the parameters go, and a type stands for each.
    fn without_parameters(&self, code: &str, edits: &mut Vec<(Range<usize>, String)>) {
        let parsed: DeriveInput = input(&self.text);
        edits.push((self.head.clone(), code.to_owned()));
        let Data::Struct(data) = &parsed.data else { return };
        for param in parsed.generics.type_params() {
            for field in
                data.fields.iter().filter(|field| param.ident == field.ty.to_token_stream().to_string())
            {
                edits.push((range(&field.ty), "i64".to_owned()));
            }
        }
    }

    fn write_field(
        &self,
        name: &str,
        code: &str,
        at: &Range<usize>,
        choice: &str,
        edits: &mut Vec<(Range<usize>, String)>,
    ) {
        let holds = |field: &&Field| field.whole.start <= at.start && at.end <= field.whole.end;
        let renamed = choice.starts_with("name this field otherwise");
        let field = self.fields.iter().find(|field| field.name == name);
        let field = field.or_else(|| self.fields.iter().find(holds).filter(|_| renamed));
        match (field, self.end_of_fields) {
            (Some(field), _) => edits.push((field.whole.clone(), code.to_owned())),
            (None, Some(end)) => edits.push((end..end, format!("{code},\n"))),
            (None, None) => panic!("no fields for `{code}`"),
        }
        // A key that was written in the wrong place goes from there.
        if choice.starts_with("mark the field") {
            edits.push((self.without(at), String::new()));
        }
    }

    fn write_item(
        &self,
        code: &str,
        at: &Range<usize>,
        choice: &str,
        edits: &mut Vec<(Range<usize>, String)>,
    ) {
        let name: String = code.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if code.starts_with(',') {
            edits.push((at.clone(), code.to_owned()));
            return;
        }
        let mut enclosing = self.enclosing(at);
        if choice.starts_with("add") {
            enclosing.retain(|(list, _)| self.lists.iter().any(|own| own.inside == list.inside));
        }
        if let Some((_, item)) = enclosing.iter().find(|(_, item)| item.name == name) {
            edits.push((item.whole.clone(), code.to_owned()));
            return;
        }
        // A setting of the list that is underlined goes into it.
        let is_inner = |list: &List| {
            let key = keys::STRUCT.into_iter().find(|key| key.name == list.name);
            key.is_some_and(|key| key.inner.iter().any(|inner| inner.name == name))
        };
        if let Some((list, item)) = enclosing.iter().find(|(list, _)| is_inner(list)) {
            let known =
                keys::STRUCT.into_iter().flat_map(|key| key.inner).any(|inner| inner.name == item.name);
            match list.items.iter().find(|item| item.name == name) {
                Some(there) => {
                    edits.push((there.whole.clone(), code.to_owned()));
                    edits.push((self.without(at), String::new()));
                }
                None if known => edits.push((item.whole.end..item.whole.end, format!(", {code}"))),
                None => edits.push((item.whole.clone(), code.to_owned())),
            }
            return;
        }
        let wrong = enclosing.first().map(|(_, item)| item.whole.clone());
        let there = self.lists.iter().flat_map(|list| &list.items).find(|item| item.name == name);
        match there {
            Some(there) => {
                edits.push((there.whole.clone(), code.to_owned()));
                // It stood for what is there now.
                let begins = wrong.as_ref().map(|wrong| wrong.start);
                let is_taken = edits.iter().any(|(range, _)| Some(range.start) == begins);
                if wrong.is_some() && !is_taken && !choice.starts_with("add") {
                    edits.push((self.without(at), String::new()));
                }
            }
            None if choice.starts_with("add")
                || edits
                    .iter()
                    .any(|(range, _)| Some(range.start) == wrong.as_ref().map(|wrong| wrong.start))
                || wrong.is_none() =>
            {
                match self.lists.first() {
                    Some(list) => {
                        let end = list.inside.end;
                        if let Some((_, added)) = edits.iter_mut().find(|(range, _)| *range == (end..end)) {
                            added.extend([code, ",\n"]);
                            return;
                        }
                        let comma = if self.text[..end].trim_end().ends_with([',', '(']) { "" } else { ", " };
                        edits.push((end..end, format!("{comma}{code},\n")));
                    }
                    None => edits.push((self.head.start..self.head.start, format!("#[sigra({code})]\n"))),
                }
            }
            None => edits.push((wrong.unwrap_or_else(|| at.clone()), code.to_owned())),
        }
    }
}
