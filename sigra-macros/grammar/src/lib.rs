//! The attribute grammar of Sigra, read by the derive and by the tools: from `#[sigra(..)]` to a checked [`Model`].
//!
//! The way through it: [`keys`] says what may be written, `syntax` splits what was written, `attr` finds the keys in it and
//! [`value`] reads their values, [`mod@model`] gives them types, [`rules`] compares them with each other. [`error`] collects every
//! mistake; `advice` and [`words`] know what to say about a word that is no key. [`mod@event`] reads the events of a host the same
//! way; `reserved` knows which names are taken.

#![forbid(unsafe_code)]

mod advice;
mod attr;
pub mod duration;
pub mod error;
pub mod event;
pub mod example;
pub mod keys;
pub mod model;
mod reserved;
pub mod rules;
mod syntax;
pub mod value;
pub mod words;

use syn::DeriveInput;

pub use crate::attr::{Keyed, Mentions};
use crate::error::{Assertion, Errors};
use crate::keys::Key;
use crate::model::{Draft, Model};

/// What is left of a struct with mistakes: what to tell its author, and what could be read all the same.
#[derive(Debug)]
pub struct Rejected {
    /// Every mistake, in the order of the source.
    pub error: syn::Error,
    /// What was read before, beside and after the mistakes.
    pub draft: Draft,
    /// What is left for the compiler to check: it finds its mistakes in the same build.
    pub assertions: Vec<Assertion>,
}

/// Reads and checks one `#[derive(Sigra)]` input.
pub fn model(input: &DeriveInput) -> Result<Model, Box<Rejected>> {
    model_without(input, &[])
}

/// The same in a build that lacks the cargo features of some keys, which are named like the keys.
pub fn model_without(input: &DeriveInput, missing: &[&'static Key]) -> Result<Model, Box<Rejected>> {
    let errors = Errors::default();
    let draft = Draft::read(input, &errors);
    if draft.is_readable() {
        rules::check(&draft, &errors);
        for key in missing {
            draft.needs_feature(key, &errors);
        }
    }
    match errors.finish() {
        (None, assertions) => Model::new(draft, assertions),
        (Some(error), assertions) => Err(Box::new(Rejected { error, draft, assertions })),
    }
}
