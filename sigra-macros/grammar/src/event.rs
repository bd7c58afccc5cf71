//! A host's own events: `#[derive(AuditEvent)]`, `#[derive(AuditDetail)]` and `event_name!`.

use darling::FromMeta;
use proc_macro2::TokenStream;
use syn::ext::IdentExt as _;
use syn::{Data, DeriveInput, Expr, Fields, Generics, Ident, Meta, Path, Type};

use crate::attr::{Items, Keyed, Place};
use crate::error::{Code, Errors, Message, as_written};
use crate::keys::{self, event};
use crate::reserved::{
    MAX_KEY, MAX_NAME, NameProblem, RESERVED_AREAS, is_plain_key, name_problem, secret_in,
};
use crate::rules::event as rule;
use crate::value::{CratePath, Value};

/// Which of the two derives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `#[derive(AuditEvent)]`
    Event,
    /// `#[derive(AuditDetail)]`
    Detail,
}

impl Kind {
    /// The name of the derive and of its trait.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "AuditEvent",
            Self::Detail => "AuditDetail",
        }
    }

    fn places(self) -> [Place; 2] {
        match self {
            Self::Event => [Place::Event, Place::EventField],
            Self::Detail => [Place::Detail, Place::DetailField],
        }
    }
}

/// What was read of a struct.
#[derive(Debug)]
pub struct Model {
    /// The type.
    pub ident: Ident,
    /// Its parameters: lifetimes at most, where nothing is wrong.
    pub generics: Generics,
    /// Where the generated code finds Sigra.
    pub krate: Path,
    /// The event's name; of a detail, and of an event with mistakes, `None`.
    pub name: Option<String>,
    /// The fields that go into the row.
    pub fields: Vec<Field>,
}

/// One field that goes into the row.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub ident: Ident,
    /// Its type.
    pub ty: Type,
    /// Its key.
    pub key: String,
}

/// What is left of a struct with mistakes.
#[derive(Debug)]
pub struct Rejected {
    /// Every mistake, in the order of the source.
    pub error: syn::Error,
    /// What was read all the same.
    pub model: Model,
}

/// The areas that a host's events cannot have.
#[must_use]
pub fn reserved_areas() -> &'static [&'static str] {
    RESERVED_AREAS
}

/// The name of an event, as a value of `event` and of `event_name!`.
#[derive(Clone, Debug)]
struct Name(String);

impl FromMeta for Name {
    fn from_expr(expr: &Expr) -> darling::Result<Self> {
        crate::value::string(expr)
            .map(Self)
            .ok_or_else(|| darling::Error::custom("expected the event's name in quotes"))
    }
}

impl Value for Name {
    const CODE: Code = rule::FORM;
}

/// The key of a field.
#[derive(Clone, Debug)]
struct FieldKey(String);

impl FromMeta for FieldKey {
    fn from_expr(expr: &Expr) -> darling::Result<Self> {
        crate::value::string(expr)
            .map(Self)
            .ok_or_else(|| darling::Error::custom("expected the key in quotes"))
    }
}

impl Value for FieldKey {
    const CODE: Code = rule::KEY_FORM;
}

/// Reads and checks the input of one of the derives.
pub fn model(kind: Kind, input: &DeriveInput) -> Result<Model, Box<Rejected>> {
    let errors = Errors::default();
    let model = read(kind, input, &errors);
    match errors.finish().0 {
        None => Ok(model),
        Some(error) => Err(Box::new(Rejected { error, model })),
    }
}

/// Reads what stands in `event_name!(..)`.
pub fn name(tokens: TokenStream) -> syn::Result<String> {
    let errors = Errors::default();
    let name = syn::parse2::<Expr>(tokens.clone()).ok().and_then(|expr| crate::value::string(&expr));
    let wrong = match &name {
        Some(name) => problem(name, |name| format!("event_name!(\"{name}\")")),
        None => Some(
            rule::FORM
                .says("expected the event's name in quotes")
                .help("write `event_name!(\"billing.invoice.export\")`"),
        ),
    };
    if let Some(message) = wrong {
        errors.at(tokens, message);
    }
    errors.finish().0.map_or_else(|| Ok(name.unwrap_or_default()), Err)
}

fn read(kind: Kind, input: &DeriveInput, errors: &Errors) -> Model {
    let [on_struct, on_field] = kind.places();
    let fields = fields(kind, input, errors);
    // What else is wrong with something that is no such struct is not said.
    let unreported = Errors::default();
    let sink = if fields.is_some() { errors } else { &unreported };
    let items = Items::of(&input.attrs, on_struct, sink);
    let krate: Option<Keyed<CratePath>> = items.value(&keys::CRATE);
    let name: Option<Keyed<Name>> = if kind == Kind::Event { items.value(&event::EVENT) } else { None };
    let name = name.filter(|name| {
        let wrong = problem(&name.value.0, |name| format!("event = \"{name}\""));
        let is_good = wrong.is_none();
        if let Some(message) = wrong {
            sink.at(&name.written, message);
        }
        is_good
    });
    // `#[sigra]` without its parentheses was to name it.
    let is_broken =
        |attr: &syn::Attribute| attr.path().is_ident("sigra") && !matches!(attr.meta, Meta::List(_));
    let meant = items.mentions(&event::EVENT) || input.attrs.iter().any(is_broken);
    if kind == Kind::Event && !meant {
        sink.at(&input.ident, nameless(&input.ident));
    }
    let fields =
        fields.unwrap_or_default().iter().filter_map(|field| Field::read(field, on_field, sink)).collect();
    drop(unreported.finish());
    let model = Model {
        ident: input.ident.clone(),
        generics: input.generics.clone(),
        krate: krate.map_or_else(|| syn::parse_quote!(::sigra), |krate| krate.value.0),
        name: name.map(|name| name.value.0),
        fields,
    };
    one_key_twice(&model.fields, errors);
    model
}

/// The fields of a plain struct, or one error about what stands there instead.
fn fields(kind: Kind, input: &DeriveInput, errors: &Errors) -> Option<Vec<syn::Field>> {
    let (derive, ident) = (kind.name(), &input.ident);
    let is_lifetime = |param| matches!(param, &syn::GenericParam::Lifetime(_));
    if !input.generics.params.iter().all(is_lifetime) {
        errors.at(
            &input.generics,
            rule::TYPE_PARAMETERS
                .says(format_args!("`{ident}` cannot have type parameters: its rows would have no one form"))
                .help(format_args!(
                    "write `struct {ident}` and a concrete type for each parameter; lifetimes may stay"
                )),
        );
        return None;
    }
    let (what, help) = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => return Some(fields.named.iter().cloned().collect()),
            Fields::Unit => return Some(Vec::new()),
            Fields::Unnamed(unnamed) => {
                ("a struct without named fields", named(ident, unnamed))
            }
        },
        Data::Enum(_) => match kind {
            Kind::Event => ("an enum", "write one struct for each event: each has a name of its own".to_owned()),
            Kind::Detail => (
                "an enum",
                "write its text yourself: `impl sigra::audit::AuditDetail for .. { fn detail(&self) -> Value { .. } }`"
                    .to_owned(),
            ),
        },
        Data::Union(_) => ("a union", "write a struct".to_owned()),
    };
    let message = rule::SHAPE.says(format_args!(
        "`#[derive({derive})]` needs a struct with named fields or none; `{ident}` is {what}"
    ));
    errors.at(ident, message.help(help));
    None
}

/// The struct with a name for each field.
fn named(ident: &Ident, unnamed: &syn::FieldsUnnamed) -> String {
    let fields = unnamed.unnamed.iter().enumerate().map(|(number, field)| {
        let number = if number == 0 { String::new() } else { format!("_{}", number + 1) };
        format!("value{number}: {}", as_written(&field.ty))
    });
    let fields: Vec<_> = fields.collect();
    format!("write `struct {ident} {{ {} }}`: the names are the keys in the row", fields.join(", "))
}

impl Field {
    fn read(field: &syn::Field, place: Place, errors: &Errors) -> Option<Self> {
        let items = Items::of(&field.attrs, place, errors);
        let (skip, renamed) = (items.word(&event::SKIP), items.value::<FieldKey>(&event::KEY));
        let ident = field.ident.clone()?;
        if skip.is_some() || items.mentions(&event::SKIP) {
            if let Some(renamed) = renamed {
                let message = rule::KEY_BESIDE_SKIP
                    .says("`key` does nothing beside `skip`: the field stands in no row");
                errors.at(&renamed.key, message.help("remove one of the two"));
            }
            return None;
        }
        let key =
            renamed.as_ref().map_or_else(|| ident.unraw().to_string(), |renamed| renamed.value.0.clone());
        // A key that could not be read is reported already, and the name that it replaces is not what is wrong.
        let unread = renamed.is_none() && items.mentions(&event::KEY);
        if let Some(message) = key_problem(&key, field).filter(|_| !unread) {
            match &renamed {
                Some(renamed) => errors.at(&renamed.written, message),
                None => errors.at(&ident, message),
            }
        }
        Some(Self { ident, ty: field.ty.clone(), key })
    }
}

/// `#[derive(AuditEvent)] struct InvoiceExported { .. }`
fn nameless(ident: &Ident) -> Message {
    let words = snake(&ident.unraw().to_string());
    let example = match words.rsplit_once('_') {
        Some((object, verb)) if name_problem(&format!("app.{object}.{verb}")).is_none() => {
            format!("event = \"app.{object}.{verb}\"")
        }
        _ => event::EVENT.example.to_owned(),
    };
    rule::NAMELESS
        .says(format_args!("`{ident}` has no name in the trail, `area.object.verb`"))
        .help(format_args!("add `{example}`"))
        .note(event::EVENT.required.unwrap_or_default())
}

/// What is wrong with the name of an event, with one to write instead.
fn problem(name: &str, write: impl Fn(&str) -> String) -> Option<Message> {
    const EXAMPLE: &str = "billing.invoice.export";
    let parts: Vec<&str> = name.split('.').collect();
    let good = |name: String| if name_problem(&name).is_none() { name } else { EXAMPLE.to_owned() };
    let (message, better) = match name_problem(name)? {
        NameProblem::Form => {
            let meant = plain(name);
            if matches!(name_problem(&meant), Some(NameProblem::Reserved)) {
                return problem(&meant, write);
            }
            let message = match name {
                "" => rule::FORM.says("an event needs a name"),
                name => rule::FORM.says(format_args!(
                    "`{name}` is no event name, which is `area.object.verb` in lower-case letters, digits and `_`"
                )),
            };
            (message, good(meant))
        }
        NameProblem::Parts(count) => {
            let many = if count == 1 { "one part".to_owned() } else { format!("{count} parts") };
            let what = format!("`{name}` has {many}, and an event has three: `area.object.verb`");
            let better = match parts[..] {
                [object, verb] => format!("app.{object}.{verb}"),
                [area, ref object @ .., verb] => format!("{area}.{}.{verb}", object.join("_")),
                _ => String::new(),
            };
            (rule::PARTS.says(what), good(better))
        }
        NameProblem::Long => {
            let long = parts.iter().find(|part| part.len() > MAX_NAME).map_or(0, |part| part.len());
            let short: Vec<&str> = parts.iter().map(|part| part.get(..MAX_NAME).unwrap_or(part)).collect();
            let short: Vec<&str> = short.iter().map(|part| part.trim_end_matches('_')).collect();
            let what = format!("a part of this name has {long} bytes, and {MAX_NAME} are the most");
            (rule::LONG_PART.says(what), good(short.join(".")))
        }
        NameProblem::Reserved => {
            let what = format!("the area `{}` is Sigra's own", parts[0]);
            (rule::RESERVED.says(what), good(format!("app.{}", parts[1..].join("."))))
        }
    };
    let message = message.help(format_args!("write `{}`", write(&better)));
    if parts.first().is_some_and(|area| RESERVED_AREAS.contains(area)) {
        let reserved: Vec<_> = RESERVED_AREAS.iter().map(|area| format!("`{area}`")).collect();
        return Some(message.note(format_args!("reserved are {}", reserved.join(", "))));
    }
    Some(message)
}

/// What is wrong with the key of a field.
fn key_problem(key: &str, field: &syn::Field) -> Option<Message> {
    let ident = field.ident.as_ref()?;
    let ty = as_written(&field.ty);
    let named = |key: &str| format!("#[sigra(key = \"{key}\")] {ident}: {ty}");
    let plain = |key: &str| {
        let plain = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
        let plain: String = plain.take(MAX_KEY).collect();
        if is_plain_key(&plain) && secret_in(&plain).is_none() { plain } else { "value".to_owned() }
    };
    if !is_plain_key(key) {
        let message = rule::KEY_FORM.says(if key.is_empty() {
            "a key cannot be empty".into()
        } else {
            format!("`{key}` is no plain key, which has ASCII letters, digits, `_`, `-` and `.`")
        });
        return Some(message.help(format_args!("name it: `{}`", named(&plain(key)))));
    }
    if key.len() > MAX_KEY {
        let message =
            rule::KEY_FORM.says(format_args!("this key has {} bytes, and {MAX_KEY} are the most", key.len()));
        return Some(message.help(format_args!("name it: `{}`", named(&plain(key)))));
    }
    let word = secret_in(key)?;
    let by = if word == key { String::new() } else { format!(" by its `{word}`") };
    Some(
        rule::SECRET
            .says(format_args!("`{key}` promises a secret{by}, and no secret enters the trail"))
            .help(format_args!("leave it out of the row: `#[sigra(skip)] {ident}: {ty}`"))
            .help(format_args!("or, where it is none, name it otherwise: `{}`", named("value"))),
    )
}

/// `size: i64, #[sigra(key = "size")] größe: i64`
fn one_key_twice(fields: &[Field], errors: &Errors) {
    for (i, field) in fields.iter().enumerate() {
        if let Some(first) = fields[..i].iter().find(|other| other.key == field.key) {
            let free = (2..).map(|number| format!("{}_{number}", field.key));
            let free =
                free.into_iter().find(|key| fields.iter().all(|other| other.key != *key)).unwrap_or_default();
            errors.at(
                &field.ident,
                rule::KEY_TWICE
                    .says(format_args!("`{}` already has the key `{}`", first.ident, field.key))
                    .help(format_args!(
                        "name it: `#[sigra(key = \"{free}\")] {}: {}`",
                        field.ident,
                        as_written(&field.ty)
                    )),
            );
        }
    }
}

/// What somebody means by `Billing.Invoice.Export`, `billing/invoice/export` or `billing:invoice-line:export`.
fn plain(name: &str) -> String {
    let parts = name.split(['.', '/', ':']).map(|part| snake(&part.replace(['-', ' '], "_")));
    parts.collect::<Vec<_>>().join(".")
}

/// `InvoiceExported` as `invoice_exported`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
        before = c;
    }
    snake
}
