//! Where every mistake is collected, so that one build reports them all.

use std::cell::RefCell;
use std::fmt::{self, Display};

use proc_macro2::TokenStream;
use quote::ToTokens;

/// What an error says: what is wrong, then what to write instead.
///
/// rustc indents the lines after the first so that `= help:` looks like its own.
#[derive(Clone, Debug)]
#[must_use]
pub struct Message(String);

impl Message {
    /// The first line: lower case, no full stop, code in back-ticks.
    pub fn new(what: impl Display) -> Self {
        Self(what.to_string())
    }

    /// Adds a line with the exact code to write.
    pub fn help(self, help: impl Display) -> Self {
        Self(format!("{self}\n= help: {help}"))
    }

    /// Adds a line with the reason.
    pub fn note(self, note: impl Display) -> Self {
        Self(format!("{self}\n= note: {note}"))
    }
}

impl Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the macro cannot decide because a value is a path: the compiler does, at the value.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// The user's tokens to underline.
    pub at: TokenStream,
    /// A constant expression that must be true.
    pub condition: TokenStream,
    /// What is wrong if it is not.
    pub message: String,
}

/// The sink of mistakes. Reading goes on after each of them; whoever creates it must call [`finish`](Self::finish).
#[derive(Debug, Default)]
pub struct Errors {
    found: RefCell<Vec<syn::Error>>,
    assertions: RefCell<Vec<Assertion>>,
    finished: bool,
}

impl Errors {
    /// Reports a mistake under `tokens`, which must be the user's own.
    pub fn at(&self, tokens: impl ToTokens, message: impl Display) {
        self.found.borrow_mut().push(syn::Error::new_spanned(tokens, message));
    }

    /// Leaves a check to the compiler.
    pub fn assert(&self, at: impl ToTokens, condition: TokenStream, message: impl Display) {
        let (at, message) = (at.into_token_stream(), message.to_string());
        self.assertions.borrow_mut().push(Assertion { at, condition, message });
    }

    /// All mistakes in the order of the source, or what is left for the compiler to check.
    pub fn finish(mut self) -> syn::Result<Vec<Assertion>> {
        self.finished = true;
        let mut found = self.found.take();
        found.sort_by_key(|error| error.span().start());
        match found.into_iter().reduce(|mut all, error| {
            all.combine(error);
            all
        }) {
            Some(error) => Err(error),
            None => Ok(self.assertions.take()),
        }
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        assert!(self.finished || std::thread::panicking(), "the errors of an attribute were never looked at");
    }
}
