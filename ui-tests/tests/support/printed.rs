//! What rustc printed about a case, and the case after its help was followed.

use std::ops::Range;
use std::path::Path;

use syn::Item;
use syn::spanned::Spanned as _;

use crate::fix::{Fixed, fixes};

/// A case that only rustc sees through.
pub(crate) struct Printed {
    /// Its code, without what a file needs around it.
    pub(crate) source: String,
    errors: Vec<Error>,
}

struct Error {
    at: Range<usize>,
    text: String,
}

/// What becomes of a case.
pub(crate) enum Mended {
    /// The text says what to write: this, and the code is what it makes.
    AsPrinted(String, String),
    /// rustc's own text says nothing that a program could follow. The code is in `tests/right`.
    ByHand(String),
}

impl Printed {
    pub(crate) fn read(case: &Path) -> Self {
        let read = |extension: &str| {
            let path = case.with_extension(extension);
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let (source, printed) = (read("rs"), read("stderr"));
        let errors = printed.split("\nerror").map(|text| Error::read(&source, text)).collect();
        Self { source, errors }
    }

    /// The code after every error's text was followed.
    pub(crate) fn mended(&self, by_hand: &Path) -> Mended {
        let (mut source, mut said) = (self.source.clone(), Vec::new());
        // From the end, so that what stands before stays in its place.
        for error in self.errors.iter().rev() {
            let Some(advice) = error.advice() else {
                let code = std::fs::read_to_string(by_hand)
                    .unwrap_or_else(|error| panic!("{}: {error}", by_hand.display()));
                return Mended::ByHand(code);
            };
            source = advice.iter().fold(source, |source, advice| follow(&source, &error.at, advice));
            said.extend(advice);
        }
        Mended::AsPrinted(said.join("; "), plain(&source))
    }
}

/// A case without the line about its mistakes and without `main`.
fn plain(source: &str) -> String {
    let code = source.split_once("\n\n").map_or(source, |(_, code)| code);
    format!("{}\n", code.replace("\nfn main() {}\n", "").trim_end())
}

impl Error {
    fn read(source: &str, text: &str) -> Self {
        let place = text.lines().find_map(|line| line.trim_start().strip_prefix("--> ")).unwrap_or_default();
        let mut numbers = place.rsplit(':').map(|number| number.parse::<usize>().unwrap_or(1) - 1);
        let (column, line) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        let carets = text.lines().find(|line| line.contains('^')).unwrap_or_default();
        let length = carets.chars().filter(|c| *c == '^').count();
        let start = source.split_inclusive('\n').take(line).map(str::len).sum::<usize>() + column;
        Self { at: start..start + length, text: text.to_owned() }
    }

    /// What the text says to write, as help lines that a program can follow.
    fn advice(&self) -> Option<Vec<String>> {
        let notes = self.text.lines().filter_map(|line| line.trim_start().strip_prefix("= note: "));
        let add = notes.clone().find(|note| note.starts_with("add `") && !note.contains("derive("));
        if let Some(note) = add {
            let end =
                note.find(" to the `#[sigra(..)]`").or_else(|| note.find(" to `")).unwrap_or(note.len());
            return Some(vec![note[..end].to_owned()]);
        }
        if let Some(note) = notes.clone().find(|note| note.starts_with("replace `")) {
            let codes: Vec<&str> = note.split('`').skip(1).step_by(2).collect();
            return Some(vec![
                format!("leave it out: `{}`", codes[0]),
                format!("add `{}`", codes[codes.len() - 1]),
            ]);
        }
        let expected =
            self.text.lines().find_map(|line| line.split_once("^ expected `")?.1.split('`').next());
        let of_a_field = self.text.contains("field cannot be a");
        expected.filter(|_| of_a_field).map(|ty| vec![format!("did you mean `{ty}`")])
    }
}

/// Follows a help line in the user of a file.
fn follow(source: &str, at: &Range<usize>, advice: &str) -> String {
    let file = syn::parse_file(source).unwrap_or_else(|error| panic!("{error} in:\n{source}"));
    let user = file.items.iter().find_map(|item| match item {
        Item::Struct(user) => Some(user),
        _ => None,
    });
    let user = user.unwrap_or_else(|| panic!("no struct in:\n{source}"));
    let whole = user.span().byte_range();
    let code = &source[whole.clone()];
    // What is underlined may stand outside, where the user is used.
    let at = if whole.start <= at.start && at.end <= whole.end {
        at.start - whole.start..at.end - whole.start
    } else {
        let name = user.ident.span().byte_range();
        name.start - whole.start..name.end - whole.start
    };
    let at = advice.strip_prefix("leave it out: `").map_or(at, |rest| {
        let key = rest.trim_end_matches('`');
        let start = code.find(key).unwrap_or_else(|| panic!("no `{key}` in:\n{code}"));
        start..start + key.len()
    });
    let message = format!("\n= help: {advice}");
    match fixes(code, &at, &message).into_iter().next() {
        Some((_, Fixed::Source(mended))) => {
            format!("{}{mended}{}", &source[..whole.start], &source[whole.end..])
        }
        other => panic!("`{advice}` came to {other:?}"),
    }
}
