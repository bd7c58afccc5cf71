//! Where every mistake is collected, so that one build reports them all.

use std::cell::RefCell;
use std::fmt::{self, Display};

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The number of a rule, such as `S0119`. It stays with its rule for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub &'static str);

impl Code {
    /// Begins what an error of this rule says with its first line: lower case, no full stop, code in back-ticks.
    pub fn says(self, what: impl Display) -> Message {
        Message { code: self, text: what.to_string() }
    }
}

impl Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What an error says: what is wrong, then what to write instead, then which rule it is.
///
/// rustc indents the lines after the first so that `= help:` looks like its own.
#[derive(Clone, Debug)]
#[must_use]
pub struct Message {
    code: Code,
    text: String,
}

impl Message {
    /// Adds a line with the exact code to write.
    pub fn help(self, help: impl Display) -> Self {
        Self { text: format!("{}\n= help: {help}", self.text), ..self }
    }

    /// Adds a line with the reason.
    pub fn note(self, note: impl Display) -> Self {
        Self { text: format!("{}\n= note: {note}", self.text), ..self }
    }
}

impl Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n= note: rule {} of `sigra::rules`", self.text, self.code)
    }
}

/// Code as people write it, for a help line: tokens print with a blank between any two.
pub(crate) fn as_written(code: &impl ToTokens) -> String {
    let spaced = code.to_token_stream().to_string();
    let tight =
        [(" :: ", "::"), (" < ", "<"), (" >", ">"), ("& ", "&"), (" ,", ","), (":: ", "::"), ("' ", "'")];
    tight.into_iter().fold(spaced, |text, (from, to)| text.replace(from, to))
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
    pub fn at(&self, tokens: impl ToTokens, message: Message) {
        self.found.borrow_mut().push(syn::Error::new_spanned(tokens, message));
    }

    /// Leaves a check to the compiler, whose text has one line.
    pub fn assert(&self, at: impl ToTokens, condition: TokenStream, message: &Message) {
        let Message { code, text } = message;
        let message = format!("{text} (rule {code})");
        self.assertions.borrow_mut().push(Assertion { at: at.into_token_stream(), condition, message });
    }

    /// All mistakes in the order of the source, and what is left for the compiler to check.
    pub fn finish(mut self) -> (Option<syn::Error>, Vec<Assertion>) {
        self.finished = true;
        let mut found = self.found.take();
        found.sort_by_key(|error| error.span().start());
        let all = found.into_iter().reduce(|mut all, error| {
            all.combine(error);
            all
        });
        (all, self.assertions.take())
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        assert!(self.finished || std::thread::panicking(), "the errors of an attribute were never looked at");
    }
}
