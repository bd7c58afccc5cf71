//! The values that keys take. Each type checks what can be seen at the value alone.

use darling::{Error, FromMeta, Result};
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Expr, ExprLit, Ident, Lit, Path, UnOp};

use crate::duration;
use crate::error::Code;
use crate::keys::{Key, Range, Unit};
use crate::rules::reading;

/// What a key takes. `from_expr` says in one line what is wrong.
pub(crate) trait Value: FromMeta {
    /// The rule that a wrong one breaks.
    const CODE: Code;

    /// What was likely meant, as it is written in an attribute. Where there is no telling, the key's example is the help.
    fn meant(_: &Expr) -> Option<String> {
        None
    }
}

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

/// `profile`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `"aal1"`
    Aal1,
    /// `"aal2"`
    Aal2,
    /// `"aal3"`, which no host can have yet.
    Aal3,
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
    /// Its key.
    pub key: &'static Key,
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
    /// A literal out of its range. No rule but that of the limit looks at it.
    Outside(u64),
    /// Missing or malformed. That is reported, and no rule looks at it again.
    Rejected,
}

impl Quantity {
    pub(crate) fn new(
        list: &str,
        key: &'static Key,
        range: Range,
        written: TokenStream,
        amount: Amount,
    ) -> Self {
        let constant = format_ident!("__SIGRA_{}_{}", list.to_uppercase(), key.name.to_uppercase());
        Self { key, written, range, constant, amount }
    }

    /// What `key` inside `list` is where it is not written.
    pub(crate) fn default_of(list: &Key, key: &'static Key) -> Option<Self> {
        let range = key.range?;
        Some(Self::new(list.name, key, range, TokenStream::new(), Amount::Known(range.default?)))
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
            [self.range.least.value, self.range.most.value].map(|limit| compared(self.range.unit, limit));
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

/// The most bytes of a name: PostgreSQL cuts off longer ones.
pub(crate) const LONGEST_NAME: usize = 63;

/// Why `text` cannot be a plain name of at most `longest` bytes, if it cannot.
pub(crate) fn name_problem(text: &str, longest: usize) -> Option<String> {
    let plain = text
        .bytes()
        .enumerate()
        .all(|(i, byte)| byte == b'_' || byte.is_ascii_alphabetic() || i > 0 && byte.is_ascii_digit());
    if text.is_empty() {
        return Some("a name cannot be empty".to_owned());
    }
    if !plain {
        return Some(format!(
            "`{text}` is no plain name, which has ASCII letters, digits and `_`, and no digit first"
        ));
    }
    (text.len() > longest).then(|| format!("this name has {} bytes, and {longest} are the most", text.len()))
}

/// The plain name of at most `longest` bytes that comes nearest to `text`, if anything is left of it.
pub(crate) fn plain_name(text: &str, longest: usize) -> Option<String> {
    let plain = text.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    let first = text.trim().chars().next().filter(char::is_ascii_digit).map(|_| '_');
    let name: String = first.into_iter().chain(plain).take(longest).collect();
    name.contains(|c: char| c.is_ascii_alphanumeric()).then_some(name)
}

impl FromMeta for Name {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let text = string(expr).ok_or_else(|| Error::custom("expected a name in quotes"))?;
        name_problem(&text, LONGEST_NAME).map_or(Ok(Self(text)), |problem| Err(Error::custom(problem)))
    }
}

impl Value for Name {
    const CODE: Code = reading::NAME;

    fn meant(expr: &Expr) -> Option<String> {
        // Without its quotes a name is a path.
        let text = string(expr).or_else(|| match expr {
            Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
            _ => None,
        });
        plain_name(&text?, LONGEST_NAME).map(|name| format!("\"{name}\""))
    }
}

impl FromMeta for Reason {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let text = string(expr).ok_or_else(|| Error::custom("expected the reason in quotes"))?;
        if text.trim().chars().count() < 10 {
            return Err(Error::custom(
                "an `unsafe_` key needs a reason of at least ten characters, for whoever reviews this line",
            ));
        }
        Ok(Self(text))
    }
}

impl Value for Reason {
    const CODE: Code = reading::REASON;
}

impl FromMeta for Issuer {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let text = string(expr).ok_or_else(|| Error::custom("expected the application's name in quotes"))?;
        if text.contains(':') {
            return Err(Error::custom("an issuer has no colon: `otpauth:` addresses end it there"));
        }
        let length = text.trim().chars().count();
        if length == 0 || length > 64 || text.chars().any(char::is_control) {
            return Err(Error::custom("an issuer is a name of 1 to 64 characters"));
        }
        Ok(Self(text.trim().to_owned()))
    }
}

impl Value for Issuer {
    const CODE: Code = reading::ISSUER;

    fn meant(expr: &Expr) -> Option<String> {
        let text = string(expr)?;
        let parts = text.split(|c: char| c == ':' || c.is_control()).map(str::trim);
        let plain: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
        let plain: String = plain.join(" ").chars().take(64).collect();
        (!plain.is_empty()).then(|| format!("{plain:?}"))
    }
}

impl FromMeta for Privacy {
    fn from_expr(expr: &Expr) -> Result<Self> {
        match string(expr).as_deref() {
            Some("full") => Ok(Self::Full),
            Some("truncated") => Ok(Self::Truncated),
            Some("none") => Ok(Self::None),
            _ => Err(Error::custom("expected `\"full\"`, `\"truncated\"` or `\"none\"`")),
        }
    }
}

impl Value for Privacy {
    const CODE: Code = reading::PRIVACY;

    fn meant(expr: &Expr) -> Option<String> {
        let text = string(expr).unwrap_or_else(|| expr.to_token_stream().to_string()).to_ascii_lowercase();
        let known = ["full", "truncated", "none"].into_iter().find(|known| *known == text);
        // Whoever asks for something else asks for less than everything.
        Some(format!("\"{}\"", known.unwrap_or("truncated")))
    }
}

impl FromMeta for Profile {
    fn from_expr(expr: &Expr) -> Result<Self> {
        match string(expr).as_deref() {
            Some("aal1") => Ok(Self::Aal1),
            Some("aal2") => Ok(Self::Aal2),
            Some("aal3") => Ok(Self::Aal3),
            _ => Err(Error::custom("expected `\"aal1\"` or `\"aal2\"`")),
        }
    }
}

impl Value for Profile {
    const CODE: Code = reading::PROFILE;

    fn meant(expr: &Expr) -> Option<String> {
        let text = string(expr).unwrap_or_else(|| expr.to_token_stream().to_string());
        let level = text.chars().rfind(char::is_ascii_digit)?;
        matches!(level, '1' | '2').then(|| format!("\"aal{level}\""))
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
            _ => Err(Error::custom("expected the path of a crate, as `Cargo.toml` names it, without quotes")),
        }
    }
}

impl Value for CratePath {
    const CODE: Code = reading::CRATE_PATH;

    fn meant(expr: &Expr) -> Option<String> {
        let text = string(expr)?.replace('-', "_");
        syn::parse_str::<Path>(&text).is_ok().then_some(text)
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

impl Value for Count {
    const CODE: Code = reading::NUMBER;

    fn meant(expr: &Expr) -> Option<String> {
        let digits = match literal(expr)? {
            Lit::Int(number) if !negative(expr) => number.base10_digits().to_owned(),
            Lit::Str(text) => text.value().trim().to_owned(),
            _ => return None,
        };
        digits.parse::<u32>().ok().map(|number| number.to_string())
    }
}

impl FromMeta for Period {
    fn from_expr(expr: &Expr) -> Result<Self> {
        match literal(expr) {
            None => Ok(Self(None)),
            Some(Lit::Str(text)) if !negative(expr) => {
                let text = text.value();
                duration::parse(&text).map(|seconds| Self(Some(seconds))).ok_or_else(|| {
                    Error::custom(format_args!(
                        "`{text}` is not a duration, which is a whole number and one of `s`, `m`, `h`, `d`"
                    ))
                })
            }
            Some(_) => Err(Error::custom("expected a duration in quotes, such as `\"30d\"`")),
        }
    }
}

impl Value for Period {
    const CODE: Code = reading::DURATION;

    fn meant(expr: &Expr) -> Option<String> {
        let text = match literal(expr)? {
            Lit::Str(text) => text.value(),
            // `15m` without its quotes is a number with a suffix.
            other => other.to_token_stream().to_string(),
        };
        duration::guess(&text).map(|seconds| Unit::Duration.code(seconds))
    }
}

fn negative(expr: &Expr) -> bool {
    match expr {
        Expr::Group(group) => negative(&group.expr),
        other => matches!(other, Expr::Unary(_)),
    }
}
