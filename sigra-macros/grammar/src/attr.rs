//! Reading `#[sigra(..)]`: which keys stand where, and what is wrong with those that do not.

use std::cell::RefCell;
use std::fmt::{self, Display};
use std::ptr;

use darling::FromMeta as _;
use darling::ast::NestedMeta;
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Ident, Meta, MetaNameValue};

use crate::error::{Errors, Message};
use crate::keys::{self, Key, Unit};
use crate::rules::{limits, reading};
use crate::value::{Amount, Count, Period, Quantity, Value};
use crate::{advice, syntax};

/// A key that could be read.
#[derive(Clone, Debug)]
pub struct Keyed<T> {
    /// The key itself.
    pub key: Ident,
    /// What errors underline: the value after `=`, or all of `key(..)`.
    pub written: TokenStream,
    /// Its value, or what stands in its parentheses.
    pub value: T,
}

/// Where keys stand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Struct,
    Field,
    Inside(&'static Key),
    Event,
    EventField,
    Detail,
    DetailField,
}

impl Place {
    pub(crate) fn keys(self) -> &'static [&'static Key] {
        match self {
            Self::Struct => &keys::STRUCT,
            Self::Field => &keys::FIELD,
            Self::Inside(key) => key.inner,
            Self::Event => &keys::event::STRUCT,
            Self::Detail => &keys::event::DETAIL,
            Self::EventField | Self::DetailField => &keys::event::FIELD,
        }
    }

    /// What the place belongs to, as a struct and its fields: a key of one derive is no advice about another's.
    fn derive(self) -> [Self; 2] {
        match self {
            Self::Struct | Self::Field | Self::Inside(_) => [Self::Struct, Self::Field],
            Self::Event | Self::EventField => [Self::Event, Self::EventField],
            Self::Detail | Self::DetailField => [Self::Detail, Self::DetailField],
        }
    }

    pub(crate) fn is_user(self) -> bool {
        matches!(self, Self::Struct | Self::Field | Self::Inside(_))
    }

    /// The shortest attribute that may stand here.
    fn example(self) -> &'static str {
        match self {
            Self::Struct | Self::Inside(_) => "#[sigra(table = \"users\")]",
            Self::Event => "#[sigra(event = \"billing.invoice.export\")]",
            Self::Detail => "#[sigra(crate = sigra_renamed)]",
            Self::Field | Self::EventField | Self::DetailField => "#[sigra(column = \"name\")]",
        }
    }

    pub(crate) fn is_list(self) -> bool {
        matches!(self, Self::Inside(_))
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Struct | Self::Event | Self::Detail => f.write_str("on the struct"),
            Self::Field | Self::EventField | Self::DetailField => f.write_str("on a field"),
            Self::Inside(key) => write!(f, "inside `{}(..)`", key.name),
        }
    }
}

/// Every place of the same derive with one of its keys.
pub(crate) fn everywhere(here: Place) -> impl Iterator<Item = (Place, &'static Key)> {
    let inside = keys::STRUCT.into_iter().map(Place::Inside);
    here.derive()
        .into_iter()
        .chain(inside.filter(move |_| here.is_user()))
        .flat_map(|place| place.keys().iter().map(move |key| (place, *key)))
}

/// Keys that were meant, also where they were misspelt, misplaced or given no proper value. What was meant is never
/// reported as missing: that would be a second error for one mistake.
#[derive(Clone, Debug, Default)]
pub struct Mentions(RefCell<Vec<&'static Key>>);

impl Mentions {
    /// Whether `key` was meant.
    #[must_use]
    pub fn has(&self, key: &Key) -> bool {
        self.0.borrow().iter().any(|mentioned| ptr::eq(*mentioned, key))
    }

    pub(crate) fn add(&self, key: &'static Key) {
        self.0.borrow_mut().push(key);
    }

    fn merge(&self, other: &Self) {
        self.0.borrow_mut().extend_from_slice(&other.0.borrow());
    }

    /// Every key of this name, wherever it belongs.
    pub(crate) fn add_name(&self, here: Place, name: &str) {
        everywhere(here).filter(|(_, key)| key.name == name).for_each(|(_, key)| self.add(key));
    }
}

/// The keys that were written at one place.
pub(crate) struct Items<'e> {
    place: Place,
    given: Vec<(&'static Key, Meta)>,
    mentions: Mentions,
    errors: &'e Errors,
}

impl<'e> Items<'e> {
    /// Reads every `#[sigra(..)]` among `attrs`.
    pub(crate) fn of(attrs: &[Attribute], place: Place, errors: &'e Errors) -> Self {
        let mut all = Self { place, given: Vec::new(), mentions: Mentions::default(), errors };
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("sigra")) {
            match &attr.meta {
                Meta::List(list) => all.read(list.tokens.clone()),
                other => {
                    let help = match place {
                        // Any key that could be shown would change what the field is.
                        Place::Field | Place::EventField | Place::DetailField => "leave it out".to_owned(),
                        _ => format!("write `{}`", place.example()),
                    };
                    errors.at(
                        other,
                        reading::PARENTHESES.says("`#[sigra]` takes its keys in parentheses").help(help),
                    );
                }
            }
        }
        all
    }

    pub(crate) fn into_mentions(self) -> Mentions {
        self.mentions
    }

    pub(crate) fn mentions(&self, key: &Key) -> bool {
        self.mentions.has(key)
    }

    pub(crate) fn report(&self, at: &impl ToTokens, message: Message) {
        self.errors.at(at, message);
    }

    fn read(&mut self, tokens: TokenStream) {
        for item in syntax::items(tokens, self.place, self.errors, &self.mentions) {
            self.take(item);
        }
    }

    /// Keeps an item whose key may stand here.
    fn take(&mut self, item: NestedMeta) {
        match item {
            NestedMeta::Meta(meta) => {
                if let Some(key) = self.resolve(meta.path()) {
                    if self.given.iter().any(|(given, _)| ptr::eq(*given, key)) {
                        self.errors.at(
                            meta.path(),
                            reading::GIVEN_TWICE
                                .says(format_args!("`{}` is given twice", key.name))
                                .help("remove one of the two"),
                        );
                    } else {
                        self.given.push((key, meta));
                    }
                }
            }
            NestedMeta::NameValueInvalidExpr(broken) => {
                if let Some(key) = self.resolve(&broken.path) {
                    self.needs_value(&broken, key);
                }
            }
            NestedMeta::Lit(literal) => {
                // `2fa` is a number with a suffix to the lexer, and a word to whoever wrote it.
                let text = literal.to_token_stream().to_string();
                match advice::explain(self.place, &text, &self.mentions) {
                    Some(message) => self.errors.at(&literal, message),
                    None => self.errors.at(
                        &literal,
                        reading::NO_KEY.says(format_args!("expected a key, found `{text}`")).help(
                            format_args!("leave it out, or write a key: `{}`", self.place.keys()[0].item()),
                        ),
                    ),
                }
            }
        }
    }

    fn resolve(&self, path: &syn::Path) -> Option<&'static Key> {
        let name = path.to_token_stream().to_string().replace(' ', "");
        let known = self.place.keys().iter().find(|key| key.name == name);
        match known {
            Some(key) => self.mentions.add(key),
            None => self.errors.at(path, advice::unknown(self.place, &name, &self.mentions)),
        }
        known.copied()
    }

    fn find(&self, key: &Key) -> Option<&Meta> {
        self.given.iter().find(|(given, _)| ptr::eq(*given, key)).map(|(_, meta)| meta)
    }

    /// `key`
    pub(crate) fn word(&self, key: &'static Key) -> Option<Ident> {
        let meta = self.find(key)?;
        if !matches!(meta, Meta::Path(_)) {
            let message = reading::NO_VALUE.says(format_args!("`{}` takes no value", key.name));
            if let Some(off) = switched_off(meta, key) {
                self.errors.at(meta, message.help(off));
                return None;
            }
            self.errors.at(meta, message.help(format_args!("write `{}`", key.name)));
        }
        ident(meta)
    }

    /// `key = value`
    pub(crate) fn value<T: Value>(&self, key: &'static Key) -> Option<Keyed<T>> {
        let meta = self.find(key)?;
        let Meta::NameValue(pair) = meta else {
            self.needs_value(meta, key);
            return None;
        };
        match T::from_expr(&pair.value) {
            Ok(value) => Some(Keyed { key: ident(meta)?, written: pair.value.to_token_stream(), value }),
            Err(error) => {
                self.wrong_value::<T>(pair, key, &error, |_| true);
                None
            }
        }
    }

    /// A value that is wrong by itself. The help is what was likely meant, if that is good, or the key's example.
    fn wrong_value<T: Value>(
        &self,
        pair: &MetaNameValue,
        key: &Key,
        error: &darling::Error,
        is_good: impl Fn(&T) -> bool,
    ) {
        let meant = T::meant(&pair.value).filter(|code| {
            let value = syn::parse_str(code).ok().and_then(|expr| T::from_expr(&expr).ok());
            value.is_some_and(|value| is_good(&value))
        });
        let code = meant.map_or_else(|| key.item().to_owned(), |code| format!("{} = {code}", key.name));
        self.errors.at(&pair.value, T::CODE.says(error).help(format_args!("write `{code}`")));
    }

    /// `key = 10` or `key = "15m"`; its default where it is left out, `None` where it has none.
    pub(crate) fn quantity(&self, key: &'static Key) -> Option<Quantity> {
        let range = key.range?;
        let list = if let Place::Inside(list) = self.place { list.name } else { "" };
        let quantity = |written, amount| Some(Quantity::new(list, key, range, written, amount));
        match self.find(key) {
            None if self.mentions(key) => quantity(TokenStream::new(), Amount::Rejected),
            None => range.default.and_then(|value| quantity(TokenStream::new(), Amount::Known(value))),
            Some(Meta::NameValue(pair)) => {
                let fits = |value: &Option<u64>| value.is_some_and(|value| range.contains(value));
                let read = match range.unit {
                    Unit::Count => Count::from_expr(&pair.value).map(|count| count.0).inspect_err(|error| {
                        self.wrong_value::<Count>(pair, key, error, |count| fits(&count.0));
                    }),
                    Unit::Duration => {
                        Period::from_expr(&pair.value).map(|time| time.0).inspect_err(|error| {
                            self.wrong_value::<Period>(pair, key, error, |time| fits(&time.0));
                        })
                    }
                };
                let amount = match read {
                    Ok(Some(value)) if range.contains(value) => Amount::Known(value),
                    Ok(Some(value)) => Amount::Outside(value),
                    Ok(None) => Amount::Compiled,
                    Err(_) => Amount::Rejected,
                };
                let quantity = quantity(pair.value.to_token_stream(), amount)?;
                if amount == Amount::Compiled {
                    let [at_least, at_most] = quantity.limits();
                    self.errors.assert(&pair.value, at_least, &limits::below(&quantity));
                    self.errors.assert(&pair.value, at_most, &limits::above(&quantity));
                }
                Some(quantity)
            }
            Some(other) => {
                self.needs_value(other, key);
                quantity(TokenStream::new(), Amount::Rejected)
            }
        }
    }

    /// A quantity that every such list has: [`list`](Self::list) has reported it if it is missing.
    pub(crate) fn required(&self, key: &'static Key) -> Option<Quantity> {
        let missing = || Some(Quantity::new("", key, key.range?, TokenStream::new(), Amount::Rejected));
        self.quantity(key).or_else(missing)
    }

    /// `key(..)`, or the bare `key` where nothing in the parentheses must be written.
    pub(crate) fn list(&self, key: &'static Key) -> Option<Keyed<Items<'e>>> {
        let meta = self.find(key)?;
        let mut inner = Items {
            place: Place::Inside(key),
            given: Vec::new(),
            mentions: Mentions::default(),
            errors: self.errors,
        };
        match meta {
            Meta::Path(_) => {}
            Meta::List(list) => {
                inner.read(list.tokens.clone());
                self.mentions.merge(&inner.mentions);
            }
            Meta::NameValue(_) => {
                let name = key.name;
                let message = reading::SETTINGS_IN_PARENTHESES
                    .says(format_args!("`{name}` takes its settings in parentheses"));
                let is_short = key.example == name || !key.may_stand_bare();
                self.errors.at(
                    meta,
                    match switched_off(meta, key) {
                        Some(off) => message.help(off),
                        None if is_short => message.help(format_args!("write `{}`", key.example)),
                        None => message
                            .help(format_args!("write `{}`", key.example))
                            .help(format_args!("or `{name}`, for the defaults")),
                    },
                );
                return None;
            }
        }
        let missing: Vec<_> = key
            .inner
            .iter()
            .filter(|one| one.required.is_some() && !inner.mentions(one))
            .map(|one| (one.name, one.required))
            .collect();
        if let [(_, why), ..] = missing[..] {
            let names: Vec<_> = missing.iter().map(|(name, _)| format!("`{name}`")).collect();
            let message =
                reading::INCOMPLETE.says(format_args!("`{}` needs {}", key.name, names.join(" and ")));
            // What is written and good stays.
            let settings = key.inner.iter().filter_map(|one| match inner.find(one) {
                Some(written) if is_within(written, one) => Some(crate::error::as_written(written)),
                Some(_) => Some(one.example.to_owned()),
                None => one.required.map(|_| one.example.to_owned()),
            });
            let settings: Vec<_> = settings.collect();
            let help = format!("write `{}({})`", key.name, settings.join(", "));
            self.errors.at(meta, message.help(help).note(why.unwrap_or_default()));
        }
        Some(Keyed { key: ident(meta)?, written: meta.to_token_stream(), value: inner })
    }

    fn needs_value(&self, at: &impl ToTokens, key: &Key) {
        let message = reading::NEEDS_VALUE.says(format_args!("`{}` needs a value", key.name));
        self.errors.at(at, message.help(format_args!("write `{}`", key.item())));
    }
}

/// Whether a setting has a value of its range, or one that is left to the compiler.
fn is_within(written: &Meta, key: &Key) -> bool {
    let (Some(range), Meta::NameValue(pair)) = (key.range, written) else { return key.range.is_none() };
    let value = match range.unit {
        Unit::Count => Count::from_expr(&pair.value).map(|count| count.0),
        Unit::Duration => Period::from_expr(&pair.value).map(|time| time.0),
    };
    value.is_ok_and(|value| value.is_none_or(|value| range.contains(value)))
}

/// `audit = false`: whoever writes that wants the opposite of the key.
fn switched_off(meta: &Meta, key: &Key) -> Option<&'static str> {
    let Meta::NameValue(pair) = meta else { return None };
    let off = matches!(&pair.value, syn::Expr::Lit(literal) if matches!(&literal.lit, syn::Lit::Bool(value) if !value.value));
    off.then_some(match key.name {
        "audit" => "leave it out; the trail is on, and only `unsafe_no_audit` with a reason turns it off",
        "lockout" | "throttle" => {
            "leave it out; where nothing else counts failures, `unsafe_no_lockout` says why"
        }
        _ => "leave it out: what is not written is off",
    })
}

fn ident(meta: &Meta) -> Option<Ident> {
    meta.path().get_ident().cloned()
}
