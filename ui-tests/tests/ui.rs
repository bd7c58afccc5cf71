//! Compile-fail cases. `TRYBUILD=overwrite cargo test -p ui-tests` writes the texts anew; read the difference.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Errors that Sigra's macro prints: the same words on every compiler.
#[test]
fn macro_errors() {
    trybuild::TestCases::new().compile_fail("tests/ui/macro/*.rs");
}

/// One for each rule, made from it.
#[test]
fn errors_of_the_rules() {
    trybuild::TestCases::new().compile_fail("tests/ui/rules/*.rs");
}

/// Errors that rustc prints about the generated code. Their layout is that of the pinned toolchain.
#[test]
fn type_errors() {
    trybuild::TestCases::new().compile_fail("tests/ui/type/*.rs");
}

const FOLDERS: [&str; 3] = ["macro", "rules", "type"];

fn files(folder: &str, extension: &str) -> BTreeSet<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui").join(folder);
    let entries = fs::read_dir(&folder).expect("the folder of the cases");
    entries
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|end| end == extension))
        .collect()
}

/// One error for each mistake, and none that another one caused.
#[test]
fn each_case_prints_as_many_errors_as_its_first_line_says() {
    for case in FOLDERS.into_iter().flat_map(|folder| files(folder, "rs")) {
        let source = fs::read_to_string(&case).expect("the case");
        let mistakes = source.strip_prefix("//! ").and_then(|rest| rest.split_once(" mistake"));
        let said: usize = mistakes
            .and_then(|(number, _)| number.parse().ok())
            .expect("`//! N mistakes: ..` on the first line");
        let printed = fs::read_to_string(case.with_extension("stderr")).expect("the text of the case");
        let errors = printed.lines().filter(|line| line.starts_with("error")).count();
        assert_eq!(errors, said, "{}", case.display());
        assert!(!printed.contains("warning"), "{}", case.display());
        assert!(!printed.contains("originates in the derive macro"), "{}", case.display());
    }
}

#[test]
fn every_text_has_its_case() {
    for folder in FOLDERS {
        let cases: BTreeSet<_> = files(folder, "rs").iter().map(|path| path.with_extension("")).collect();
        let texts: BTreeSet<_> = files(folder, "stderr").iter().map(|path| path.with_extension("")).collect();
        assert_eq!(cases, texts);
    }
}
