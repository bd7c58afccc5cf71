//! The values that keys take. Each type checks what can be seen at the value alone.

use darling::{Error, FromMeta, Result};
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Expr, ExprLit, Ident, Lit, Path, UnOp};

use crate::duration;
use crate::error::Message;
use crate::keys::{Key, Range, Unit};

/// A name in the database.
#[derive(Clone, Debug)]
pub struct Name(pub String);

/// The reason of an `unsafe_..` key.
#[derive(Clone, Debug)]
pub struct Reason(pub String);

/// What authenticator apps show beside a code.
#[derive(Clone, Debug)]
pub struct Issuer(pub String);

/// `privacy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Privacy {
    /// `"full"`
    #[default]
    Full,
    /// `"truncated"`
    Truncated,
    /// `"none"`
    None,
}

/// `crate`.
#[derive(Clone, Debug)]
pub struct CratePath(pub Path);

/// A whole number, before its range is known.
#[derive(Clone, Debug)]
pub struct Count(pub Option<u64>);

/// A duration in seconds, before its range is known.
#[derive(Clone, Debug)]
pub struct Period(pub Option<u64>);

/// A number or a duration, after its range was checked.
#[derive(Clone, Debug)]
pub struct Quantity {
    /// The user's tokens; of a default, nothing.
    pub written: TokenStream,
    /// What it may be, and how it is written.
    pub range: Range,
    /// The constant that holds it in the generated code where it is left to the compiler.
    pub constant: Ident,
    /// How much it is.
    pub amount: Amount,
}

/// How much is known about a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// A literal or a default: a number, or seconds.
    Known(u64),
    /// A path or an expression: the compiler checks it.
    Compiled,
    /// Missing, malformed or out of range. That is reported, and no rule looks at it again.
    Rejected,
}

impl Quantity {
    pub(crate) fn new(list: &str, key: &Key, range: Range, written: TokenStream, amount: Amount) -> Self {
        let constant = format_ident!("__SIGRA_{}_{}", list.to_uppercase(), key.name.to_uppercase());
        Self { written, range, constant, amount }
    }

    /// An expression that a constant comparison can use: `u32`, or nanoseconds as `u128`.
    pub(crate) fn compared(&self) -> TokenStream {
        let constant = &self.constant;
        match (self.amount, self.range.unit) {
            (Amount::Known(value), unit) => compared(unit, value),
            (_, Unit::Count) => quote!(#constant),
            (_, Unit::Duration) => quote!(#constant.as_nanos()),
        }
    }

    /// Whether the compiler finds it at least the least, and at most the most.
    pub(crate) fn limits(&self) -> [TokenStream; 2] {
        let value = self.compared();
        let [least, most] =
            [self.range.least.0, self.range.most.0].map(|limit| compared(self.range.unit, limit));
        [quote!(#least <= #value), quote!(#value <= #most)]
    }
}

/// A known value in the terms of [`Quantity::compared`].
fn compared(unit: Unit, value: u64) -> TokenStream {
    match unit {
        Unit::Count => Literal::u64_unsuffixed(value).to_token_stream(),
        Unit::Duration => Literal::u128_unsuffixed(u128::from(value) * 1_000_000_000).to_token_stream(),
    }
}

/// The literal of an expression, also through a `macro_rules!` variable and a minus sign.
fn literal(expr: &Expr) -> Option<&Lit> {
    match expr {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        Expr::Group(group) => literal(&group.expr),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => literal(&unary.expr),
        _ => None,
    }
}

pub(crate) fn string(expr: &Expr) -> Option<String> {
    match literal(expr) {
        Some(Lit::Str(text)) => Some(text.value()),
        _ => None,
    }
}

/// Why `text` cannot be a plain name of at most `longest` bytes, if it cannot.
pub(crate) fn name_problem(text: &str, longest: usize) -> Option<Message> {
    let plain = text
        .bytes()
        .enumerate()
        .all(|(i, byte)| byte == b'_' || byte.is_ascii_alphabetic() || i > 0 && byte.is_ascii_digit());
    if text.is_empty() {
        return Some(Message::new("a name cannot be empty"));
    }
    if !plain {
        let problem = Message::new(format_args!("`{text}` is no plain name"));
        return Some(
            problem
                .help("write ASCII letters, digits and `_`, and no digit first: Sigra never has to quote it"),
        );
    }
    (text.len() > longest).then(|| {
        Message::new(format_args!("this name has {} bytes", text.len()))
            .help(format_args!("write at most {longest}: PostgreSQL would cut it off"))
    })
}

impl FromMeta for Name {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let text = string(expr).ok_or_else(|| Error::custom("expected a name in quotes"))?;
        name_problem(&text, 63).map_or(Ok(Self(text)), |problem| Err(Error::custom(problem)))
    }
}

impl FromMeta for Reason {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let text = string(expr).ok_or_else(|| Error::custom("expected the reason in quotes"))?;
        if text.trim().chars().count() < 10 {
            let problem = Message::new("an `unsafe_` key needs a reason of at least ten characters");
            return Err(Error::custom(
                problem.help("write what makes it safe here, for whoever reviews this line"),
            ));
        }
        Ok(Self(text))
    }
}

impl FromMeta for Issuer {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let text = string(expr).ok_or_else(|| Error::custom("expected the application's name in quotes"))?;
        if text.contains(':') {
            let problem = Message::new("an issuer has no colon: `otpauth:` addresses end it there");
            let plain: Vec<_> = text.split(':').map(str::trim).filter(|part| !part.is_empty()).collect();
            return Err(Error::custom(
                problem.help(format_args!("write `issuer = \"{}\"`", plain.join(" "))),
            ));
        }
        let length = text.trim().chars().count();
        if length == 0 || length > 64 || text.chars().any(char::is_control) {
            let problem = Message::new("an issuer is a name of 1 to 64 characters");
            return Err(Error::custom(problem.help("write `issuer = \"Acme\"`")));
        }
        Ok(Self(text.trim().to_owned()))
    }
}

impl FromMeta for Privacy {
    fn from_expr(expr: &Expr) -> Result<Self> {
        match string(expr).as_deref() {
            Some("full") => Ok(Self::Full),
            Some("truncated") => Ok(Self::Truncated),
            Some("none") => Ok(Self::None),
            _ => Err(Error::custom(
                Message::new("expected `\"full\"`, `\"truncated\"` or `\"none\"`")
                    .help("write `privacy = \"truncated\"` to keep networks without single visitors"),
            )),
        }
    }
}

impl FromMeta for CratePath {
    fn from_expr(expr: &Expr) -> Result<Self> {
        match expr {
            Expr::Path(path)
                if path.qself.is_none() && path.path.segments.iter().all(|one| one.arguments.is_none()) =>
            {
                Ok(Self(path.path.clone()))
            }
            Expr::Group(group) => Self::from_expr(&group.expr),
            _ => {
                let help = match string(expr) {
                    Some(text) => format!("write it without quotes: `crate = {text}`"),
                    None => {
                        "write the name that `Cargo.toml` gives to Sigra: `crate = sigra_renamed`".to_owned()
                    }
                };
                Err(Error::custom(Message::new("expected the path of a crate").help(help)))
            }
        }
    }
}

impl FromMeta for Count {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let wrong = || Error::custom("expected a whole number without quotes, such as `10`");
        match literal(expr) {
            None => Ok(Self(None)),
            Some(Lit::Int(number)) if !negative(expr) && matches!(number.suffix(), "" | "u32") => {
                number.base10_parse::<u32>().map(|number| Self(Some(number.into()))).map_err(|_| wrong())
            }
            Some(_) => Err(wrong()),
        }
    }
}

impl FromMeta for Period {
    fn from_expr(expr: &Expr) -> Result<Self> {
        match literal(expr) {
            None => Ok(Self(None)),
            Some(Lit::Str(text)) if !negative(expr) => {
                duration::parse(&text.value()).map(|seconds| Self(Some(seconds))).map_err(Error::custom)
            }
            Some(other) => {
                let problem = Message::new("expected a duration in quotes, such as `\"30d\"`");
                let text = other.to_token_stream().to_string();
                Err(Error::custom(if duration::parse(&text).is_ok() {
                    problem.help(format_args!("write `\"{text}\"`"))
                } else {
                    problem
                }))
            }
        }
    }
}

fn negative(expr: &Expr) -> bool {
    match expr {
        Expr::Group(group) => negative(&group.expr),
        other => matches!(other, Expr::Unary(_)),
    }
}
