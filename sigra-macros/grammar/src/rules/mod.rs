//! The rules: what each protects, who asks for it, a host that breaks it, and the check.
//!
//! Each error says which rule it is of. A rule is checked where it can be seen first: `reading` while a key is read, the
//! `structure` of the struct and the `relations` between keys in one pass over what could be read, `limits` at each number and
//! duration, and `compiled` by rustc, in the code that the derive emits.

mod compiled;
pub(crate) mod event;
pub(crate) mod limits;
pub(crate) mod profile;
pub(crate) mod reading;
mod relations;
mod structure;

use std::ptr;

use crate::error::{Code, Errors};
use crate::example::{Change, Example};
use crate::keys::{self, Key};
use crate::model::Draft;
use crate::words;

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its number, which no other rule ever gets.
    pub code: Code,
    /// Its name, in the words of the mistake.
    pub name: &'static str,
    /// What would happen without it.
    pub protects: &'static str,
    /// Who asks for it.
    pub clause: &'static str,
    /// The keys that it looks at.
    pub sees: Sees,
    /// Code that breaks it, and no other rule.
    pub wrong: Wrong,
    check: Option<Check>,
}

type Check = fn(Code, &Draft, &Errors);

/// Which keys a rule looks at.
#[derive(Clone, Copy, Debug)]
pub enum Sees {
    /// The form of every key.
    Every,
    /// These.
    These(&'static [&'static Key]),
}

/// What breaks a rule.
#[derive(Clone, Copy, Debug)]
pub enum Wrong {
    /// The plain host with something changed.
    Host(&'static [Change]),
    /// The same in a build without the cargo feature of this key.
    Without(&'static Key, &'static [Change]),
    /// A user that is no such host.
    User(&'static str),
    /// The name of a derive, and what it stands on.
    Derive(&'static str, &'static str),
    /// A case of `ui-tests/tests/ui/type`, since only rustc sees it.
    Case(&'static str),
}

impl Wrong {
    /// The code, with its derive; of a case, nothing.
    #[must_use]
    pub fn source(&self) -> Option<String> {
        match self {
            Self::Host(changes) | Self::Without(_, changes) => Some(Example(changes).to_string()),
            Self::User(source) => Some(format!("#[derive(Sigra)]\n{source}")),
            Self::Derive(derive, source) => Some(format!("#[derive({derive})]\n{source}")),
            Self::Case(_) => None,
        }
    }
}

impl Rule {
    /// A rule that something else than the pass over the draft checks.
    pub(crate) const fn new(
        code: Code,
        name: &'static str,
        (protects, clause): (&'static str, &'static str),
        sees: Sees,
        wrong: Wrong,
    ) -> Self {
        Self { code, name, protects, clause, sees, wrong, check: None }
    }

    const fn checked(self, check: Check) -> Self {
        Self { check: Some(check), ..self }
    }

    /// Whether it looks at `key`.
    #[must_use]
    pub fn sees(&self, key: &Key) -> bool {
        match self.sees {
            Sees::Every => true,
            Sees::These(keys) => keys.iter().any(|one| ptr::eq(*one, key)),
        }
    }
}

/// Every rule, in the order of their numbers.
#[must_use]
pub fn all() -> Vec<Rule> {
    let mut all: Vec<Rule> =
        [reading::RULES, structure::RULES, relations::RULES, profile::RULES, compiled::RULES, event::RULES]
            .concat();
    all.extend(limits::rules());
    all.extend(words::rules());
    all.sort_by_key(|rule| rule.code);
    all
}

/// The rules that are checked in the pass over the draft.
fn between() -> impl Iterator<Item = &'static Rule> {
    structure::RULES.iter().chain(relations::RULES).chain(profile::RULES)
}

/// The rules that look at more than one thing, over what could be read. A rule is silent about keys that could not: their
/// mistake is reported already.
pub(crate) fn check(draft: &Draft, errors: &Errors) {
    for rule in between() {
        if let Some(check) = rule.check {
            check(rule.code, draft, errors);
        }
    }
    limits::check(draft, errors);
}

/// Every key of a user, once: of the struct, inside parentheses, and of a field.
pub fn user_keys() -> impl Iterator<Item = &'static Key> {
    let inner = keys::STRUCT.into_iter().flat_map(|key| key.inner.iter().copied());
    keys::STRUCT.into_iter().chain(inner).chain(keys::FIELD)
}
