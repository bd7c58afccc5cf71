//! The rules: each wrong code, what its help lines make of it, every two mistakes together, and the files made of them.
//!
//! `SIGRA_BLESS=1 TRYBUILD=overwrite cargo test -p ui-tests` writes the files anew; run it twice, since the page of the rules
//! shows what rustc printed, and read the difference.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "support/fix.rs"]
mod fix;
#[path = "support/printed.rs"]
mod printed;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use sigra_grammar::event::Kind;
use sigra_grammar::example::{Change, Example};
use sigra_grammar::keys::{self, Key};
use sigra_grammar::rules::{self, Rule, Sees, Wrong};

use fix::{Fixed, fixes, input};
use printed::{Mended, Printed};

/// An error: what it underlines, what it says, and of which rule it is.
struct Found {
    at: Range<usize>,
    message: String,
    code: String,
}

/// The errors of what a rule shows as wrong, or of what became of it.
fn found(wrong: &Wrong, source: &str, features: &[String]) -> Vec<Found> {
    let error = match wrong {
        Wrong::Derive(derive, _) => {
            let kind = if *derive == "AuditEvent" { Kind::Event } else { Kind::Detail };
            sigra_grammar::event::model(kind, &input(source)).err().map(|rejected| rejected.error)
        }
        Wrong::Without(key, _) if !features.iter().any(|feature| feature == key.name) => {
            sigra_grammar::model_without(&input(source), &[*key]).err().map(|rejected| rejected.error)
        }
        _ => sigra_grammar::model(&input(source)).err().map(|rejected| rejected.error),
    };
    let errors = error.into_iter().flatten().map(|error| {
        let message = error.to_string();
        let code = message.rsplit_once("= note: rule ").map_or("", |(_, rest)| rest);
        let code = code.split_once(' ').map_or("", |(code, _)| code).to_owned();
        Found { at: error.span().byte_range(), message, code }
    });
    errors.collect()
}

fn show(found: &[Found]) -> String {
    found.iter().fold(String::new(), |mut shown, one| {
        writeln!(shown, "  {:?} {}", one.at, one.message.replace('\n', "\n      ")).unwrap();
        shown
    })
}

/// Past the test runner's capture: whoever runs the tests should see it.
fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

#[test]
fn every_rule_reports_its_wrong_code_once_and_nothing_else_does() {
    let mut failures = String::new();
    for rule in rules::all() {
        let Some(source) = rule.wrong.source() else { continue };
        let found = found(&rule.wrong, &source, &[]);
        if !matches!(&found[..], [one] if one.code == rule.code.0) {
            writeln!(failures, "{} {}:\n{source}\n{}", rule.code, rule.name, show(&found)).unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// One help line, followed.
struct Followed {
    rule: Rule,
    choice: String,
    made: Fixed,
}

/// What became of each wrong code, for every choice of its help lines.
fn followed() -> (Vec<Followed>, String) {
    let (mut followed, mut failures) = (Vec::new(), String::new());
    for rule in rules::all() {
        let Some(source) = rule.wrong.source() else { continue };
        for one in found(&rule.wrong, &source, &[]) {
            let choices = fixes(&source, &one.at, &one.message);
            if choices.is_empty() {
                writeln!(failures, "{} {} says not what to write:\n{}", rule.code, rule.name, one.message)
                    .unwrap();
            }
            for (choice, made) in choices {
                let (after, features) = match &made {
                    Fixed::Source(after) => (after, vec![]),
                    Fixed::Feature(feature) => (&source, vec![feature.clone()]),
                };
                let left = match syn::parse_str::<syn::DeriveInput>(after) {
                    Ok(_) => show(&found(&rule.wrong, after, &features)),
                    Err(error) => format!("  {error}"),
                };
                if !left.is_empty() {
                    writeln!(
                        failures,
                        "{} {}: {choice}\n{source}\nbecame\n{after}\n{left}",
                        rule.code, rule.name
                    )
                    .unwrap();
                }
                followed.push(Followed { rule, choice, made });
            }
        }
    }
    (followed, failures)
}

#[test]
fn what_each_help_line_says_mends_the_code() {
    let (followed, failures) = followed();
    assert!(failures.is_empty(), "{failures}");
    let seen_by_rustc = rules::all().iter().filter(|rule| rule.wrong.source().is_none()).count();
    say(&format!(
        "{} rules ({seen_by_rustc} of them checked by rustc); {} help lines followed as a program would, no mistake left",
        rules::all().len(),
        followed.len()
    ));
}

/// The keys and fields that a change is about.
fn changed(changes: &[Change]) -> BTreeSet<String> {
    let names = changes.iter().map(|change| match change {
        Change::Key(name, _) => format!("key {name}"),
        Change::Field(name, _) => format!("field {name}"),
    });
    names.collect()
}

/// The keys that a rule looks at, as changes name them.
fn seen(rule: &Rule) -> BTreeSet<String> {
    let Sees::These(seen) = rule.sees else { return BTreeSet::new() };
    let is = |list: &[&'static Key], key: &Key| list.iter().any(|one| std::ptr::eq(*one, key));
    let names = seen.iter().map(|key| {
        let list = keys::STRUCT.into_iter().find(|list| is(list.inner, key));
        match list {
            Some(list) => format!("key {}", list.name),
            None if is(&keys::FIELD, key) => format!("field {}", key.name),
            None => format!("key {}", key.name),
        }
    });
    names.collect()
}

#[test]
fn of_any_two_mistakes_neither_hides_the_other_nor_makes_a_third() {
    let mistakes: Vec<Mistake> = rules::all().into_iter().filter_map(Mistake::of).collect();
    let (mut pairs, mut failures) = (0, String::new());
    for (i, first) in mistakes.iter().enumerate() {
        for second in &mistakes[i + 1..] {
            let (one, two) = (&first.changed, &second.changed);
            // Two that are about the same key are no two mistakes.
            if !one.is_disjoint(two) || !one.is_disjoint(&second.seen) || !two.is_disjoint(&first.seen) {
                continue;
            }
            let source = Example(&[first.changes, second.changes].concat()).to_string();
            let codes = BTreeSet::from([first.rule.code.0, second.rule.code.0]);
            let at_both = || looking_at_both(&(one | &first.touched), &(two | &second.touched));
            if let Err(failure) = mended_one_by_one(&source, true, &codes, &at_both) {
                writeln!(failures, "{} and {}: {failure}", first.rule.name, second.rule.name).unwrap();
            }
            pairs += 1;
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(pairs > 500, "{pairs} pairs");
    say(&format!(
        "{pairs} pairs of mistakes, each with its two errors, mended one after the other by their help lines"
    ));
}

/// A rule that a host breaks.
struct Mistake {
    rule: Rule,
    changes: &'static [Change],
    changed: BTreeSet<String>,
    seen: BTreeSet<String>,
    touched: BTreeSet<String>,
}

impl Mistake {
    fn of(rule: Rule) -> Option<Self> {
        let Wrong::Host(changes) = rule.wrong else { return None };
        let (seen, touched) = (seen(&rule), touched(&rule));
        Some(Self { rule, changes, changed: changed(changes), seen, touched })
    }
}

/// The keys that a rule looks at, and those that its help lines write.
fn touched(rule: &Rule) -> BTreeSet<String> {
    let source = rule.wrong.source().unwrap_or_default();
    let messages = found(&rule.wrong, &source, &[]).into_iter().map(|one| one.message);
    let codes = messages.flat_map(|message| {
        let helps = message.lines().filter(|line| line.starts_with("= help: "));
        helps.flat_map(|help| help.split('`').skip(1).step_by(2)).map(str::to_owned).collect::<Vec<_>>()
    });
    let name =
        |code: String| code.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned);
    let written: BTreeSet<_> = codes.filter_map(name).map(|name| format!("key {name}")).collect();
    &written | &seen(rule)
}

/// The rules that look at keys of two sets.
fn looking_at_both(one: &BTreeSet<String>, other: &BTreeSet<String>) -> BTreeSet<&'static str> {
    let seen = rules::all().into_iter().map(|rule| (rule.code.0, seen(&rule)));
    seen.filter(|(_, seen)| !seen.is_disjoint(one) && !seen.is_disjoint(other))
        .map(|(code, _)| code)
        .collect()
}

/// Follows the first help line of one error after the other. Each takes its mistake away and makes no other, unless by a rule that
/// looks at the keys of both: it could not say so before. One that writes a whole key anew may mend the other on the way, or write
/// what the other writes, too (S0004).
fn mended_one_by_one(
    source: &str,
    is_first: bool,
    expected: &BTreeSet<&str>,
    at_both: &dyn Fn() -> BTreeSet<&'static str>,
) -> Result<(), String> {
    syn::parse_str::<syn::DeriveInput>(source).map_err(|error| format!("{error}\n{source}"))?;
    let errors: Vec<_> = found(&Wrong::Host(&[]), source, &[]);
    let (known, mut unheard): (Vec<_>, Vec<_>) =
        errors.iter().partition(|one| expected.contains(one.code.as_str()));
    unheard.retain(|one| one.code != "S0004");
    if !unheard.is_empty() {
        let at_both = at_both();
        unheard.retain(|one| !at_both.contains(one.code.as_str()));
    }
    if is_first && known.len() != expected.len() || !unheard.is_empty() {
        return Err(format!("{source}\n{}", show(&errors)));
    }
    for one in &known {
        let first = fixes(source, &one.at, &one.message).into_iter().next();
        let Some((choice, Fixed::Source(after))) = first else {
            return Err(format!("{} says not what to write", one.code));
        };
        let left = expected.iter().copied().filter(|code| *code != one.code).collect();
        mended_one_by_one(&after, false, &left, at_both)
            .map_err(|failure| format!("{choice}\n{source}\nbecame\n{failure}"))?;
    }
    Ok(())
}

/// A good host with each key that a good host can be without, and with what that key needs.
const COMPANY: [&[Change]; 26] = {
    use Change::{Field, Key};
    const TOTP: Change = Key("totp", "totp(issuer = \"Acme\")");
    const CODES: Change = Key("backup_codes", "backup_codes");
    const RESET: Change = Key("reset_password", "reset_password");
    const CONFIRM: Change = Key("confirm_email", "confirm_email");
    [
        &[Key("prefix", "prefix = \"auth_\"")],
        &[Key("unsafe_shared_tables", "unsafe_shared_tables = \"another view of the users\"")],
        &[Key("profile", "profile = \"aal1\"")],
        &[Key("password", "password(min_length = 20, memory_kib = 47104, iterations = 3)")],
        &[Key("session", "session(idle = \"2h\", absolute = \"12d\", remember = \"20d\", touch = \"2m\")")],
        &[Key("lockout", "lockout(after = 5, wait = \"20m\")")],
        &[CONFIRM, RESET],
        &[Key("confirm_email", "confirm_email(within = \"24h\")"), RESET],
        &[Key("reset_password", "reset_password(within = \"30m\")")],
        &[Key("must_change_password", "must_change_password"), RESET],
        &[Key("throttle", "throttle(per_network = 100, overall = 1000, within = \"15m\")")],
        &[Key("unsafe_no_lockout", "unsafe_no_lockout = \"the gateway counts\""), Key("lockout", "")],
        &[TOTP, CODES],
        &[TOTP, Key("backup_codes", "backup_codes(count = 12)")],
        &[TOTP, Key("assisted_recovery", "assisted_recovery(delay = \"48h\")")],
        &[TOTP, Key("unsafe_no_recovery", "unsafe_no_recovery = \"accounts are made anew\"")],
        &[TOTP, CODES, Key("trusted_browser", "trusted_browser(within = \"7d\")")],
        &[Key("sudo", "sudo(within = \"10m\")")],
        &[Key("audit", "audit(retain = \"400d\")")],
        &[Key("unsafe_no_audit", "unsafe_no_audit = \"the database has a trail\"")],
        &[Key("privacy", "privacy = \"none\"")],
        &[Key("crate", "crate = sigra_renamed")],
        &[
            CONFIRM,
            RESET,
            Field("confirmed_at", "#[sigra(confirmed_at)] confirmed_at: Option<OffsetDateTime>"),
        ],
        &[Field("disabled_at", "#[sigra(disabled_at)] disabled_at: Option<OffsetDateTime>")],
        &[Field("created", "#[sigra(skip)] created: OffsetDateTime")],
        &[Field("shown", "#[sigra(column = \"shown_name\")] shown: String")],
    ]
};

/// What a rule says to look at is all that it looks at: other keys beside its mistake change nothing.
#[test]
fn a_rule_looks_at_nothing_else() {
    for key in rules::user_keys() {
        let written = |changes: &&[Change]| changes.iter().any(|change| shows(change, key));
        assert!(COMPANY.iter().any(written) || Example(&[]).to_string().contains(key.name), "`{}`", key.name);
    }
    let (mut tried, mut failures) = (0, String::new());
    for company in COMPANY {
        let source = Example(company).to_string();
        let errors = found(&Wrong::Host(&[]), &source, &[]);
        assert!(errors.is_empty(), "{source}\n{}", show(&errors));
        for rule in rules::all() {
            let Wrong::Host(changes) = rule.wrong else { continue };
            let looked_at = &changed(changes) | &seen(&rule);
            if !looked_at.is_disjoint(&changed(company)) {
                continue;
            }
            let source = Example(&[changes, company].concat()).to_string();
            // A rule that looks at both may find fault with the two together.
            let at_both = looking_at_both(&changed(changes), &changed(company));
            let codes: Vec<_> = found(&rule.wrong, &source, &[])
                .into_iter()
                .map(|one| one.code)
                .filter(|code| !at_both.contains(code.as_str()))
                .collect();
            if codes != [rule.code.0] {
                writeln!(failures, "{} {}: {codes:?}\n{source}", rule.code, rule.name).unwrap();
            }
            tried += 1;
        }
    }
    assert!(failures.is_empty(), "{failures}");
    say(&format!(
        "{tried} times a mistake beside keys that its rule does not look at, each with its one error"
    ));
}

fn shows(change: &Change, key: &Key) -> bool {
    let (Change::Key(_, code) | Change::Field(_, code)) = change;
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == key.name)
}

#[test]
fn numbers_and_names_of_rules_are_given_once() {
    let all = rules::all();
    for (i, rule) in all.iter().enumerate() {
        let number =
            rule.code.0.strip_prefix('S').is_some_and(|rest| rest.len() == 4 && rest.parse::<u16>().is_ok());
        assert!(number, "{}", rule.code);
        for other in &all[..i] {
            assert!(other.code != rule.code && other.name != rule.name, "{} {}", rule.code, rule.name);
        }
    }
    assert!(all.len() >= 60, "{}", all.len());
}

/// A new key has to say which rules look at it, beside those that look at the form of every key.
#[test]
fn every_key_is_looked_at_by_a_rule_of_its_own() {
    for key in every_key() {
        let own = rules::all().into_iter().filter(|rule| matches!(rule.sees, Sees::These(_)));
        assert!(own.into_iter().any(|rule| rule.sees(key)), "which rule looks at `{}`?", key.name);
    }
}

fn every_key() -> impl Iterator<Item = &'static Key> {
    rules::user_keys().chain(keys::event::FIELD).chain([&keys::event::EVENT])
}

#[test]
fn a_rule_looks_at_what_its_wrong_code_changes() {
    for rule in rules::all() {
        let (Wrong::Host(changes), Sees::These(_)) = (rule.wrong, rule.sees) else { continue };
        let keys: BTreeSet<_> = changed(changes).into_iter().filter(|name| name.starts_with("key")).collect();
        assert!(keys.is_empty() || !keys.is_disjoint(&seen(&rule)), "{} {}", rule.code, rule.name);
    }
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[track_caller]
fn is_current(path: &Path, made: &str) {
    if std::env::var_os("SIGRA_BLESS").is_some()
        && std::fs::read_to_string(path).ok().as_deref() != Some(made)
    {
        std::fs::write(path, made).expect("the file can be written");
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == made, "{} is not what the rules say: run the tests with SIGRA_BLESS=1", path.display());
}

fn case_of(rule: &Rule) -> String {
    format!("{}_{}", rule.code.0.to_lowercase(), rule.name.replace('-', "_"))
}

const IMPORTS: &str = "use sigra::{AuditDetail, AuditEvent, PasswordHash, Sigra};\nuse time::OffsetDateTime;\nuse uuid::Uuid;\n";

/// The compile-fail case of each rule that the derive checks in this build.
fn cases() -> BTreeMap<PathBuf, String> {
    let cases = rules::all().into_iter().filter_map(|rule| {
        let source = rule.wrong.source().filter(|_| !matches!(rule.wrong, Wrong::Without(..)))?;
        let (code, name) = (rule.code, rule.name);
        let case = format!(
            "//! 1 mistake: rule {code}, {name}.\n\n#![allow(unused_imports)]\n\n{IMPORTS}\n{source}\n\nfn main() {{}}\n"
        );
        Some((here(&format!("tests/ui/rules/{}.rs", case_of(&rule))), case))
    });
    cases.collect()
}

#[test]
fn every_rule_has_its_case() {
    let cases = cases();
    for (path, case) in &cases {
        is_current(path, case);
    }
    say(&format!("{} cases made from the rules, each with one error", cases.len()));
    for entry in std::fs::read_dir(here("tests/ui/rules")).expect("the folder of the cases") {
        let path = entry.expect("a file").path().with_extension("rs");
        assert!(cases.contains_key(&path), "{} is of no rule", path.display());
    }
}

/// The mended hosts, which are a test of their own so that a rule that changed does not keep this one from being built.
#[test]
fn what_the_help_lines_make_is_built() {
    let mut made = String::from("// Made by `tests/rules.rs`.\n");
    let mut of_rule: BTreeMap<&str, usize> = BTreeMap::new();
    for Followed { rule, choice, made: fixed } in followed().0 {
        let Fixed::Source(after) = fixed else { continue };
        let number = of_rule.entry(rule.code.0).or_default();
        *number += 1;
        let code = rule.code.0.to_lowercase();
        let (imports, after) = (indented(IMPORTS), indented(&beside_others(&after)));
        write!(made, "\n/// {}: {choice}\nmod {code}_{number} {{\n{imports}\n{after}}}\n", rule.code)
            .unwrap();
    }
    let (mut as_printed, mut by_hand) = (0, 0);
    for (rule, mended) in of_rustc() {
        let (how, code) = match mended {
            Mended::AsPrinted(said, code) => (said, code),
            Mended::ByHand(code) => ("by hand".to_owned(), code),
        };
        *if how == "by hand" { &mut by_hand } else { &mut as_printed } += 1;
        let code = indented(&beside_others(&code));
        let number = rule.code.0.to_lowercase();
        write!(made, "\n/// {}: {how}\nmod {number} {{\n{code}}}\n", rule.code).unwrap();
    }
    say(&format!(
        "{as_printed} cases of rustc mended as their texts say, and {by_hand} by hand, whose texts are rustc's own"
    ));
    is_current(&here("tests/support/fixed.rs"), &made);
}

/// What becomes of the wrong code that only rustc sees.
fn of_rustc() -> Vec<(Rule, Mended)> {
    let cases = rules::all().into_iter().filter_map(|rule| match rule.wrong {
        Wrong::Case(case) => {
            let mended = Printed::read(&here(&format!("tests/ui/type/{case}")))
                .mended(&here(&format!("tests/right/{case}.rs")));
            Some((rule, mended))
        }
        _ => None,
    });
    cases.collect()
}

/// Many users in one crate, of which none is ever run.
fn beside_others(code: &str) -> String {
    let shared = "#[sigra(unsafe_shared_tables = \"examples that are never run\")]\n";
    code.replace("#[derive(Sigra)]\n", &format!("#[derive(Sigra)]\n{shared}"))
}

fn indented(code: &str) -> String {
    code.lines().fold(String::new(), |mut indented, line| {
        let line = if line.is_empty() { String::new() } else { format!("    {line}") };
        writeln!(indented, "{line}").unwrap();
        indented
    })
}

/// The page of the rules, with what rustc prints.
#[test]
fn the_page_of_the_rules_is_made_from_them() {
    let mut page = String::from(include_str!("support/rules_head.md"));
    page.push_str("\n# Which rules look at which keys\n\n| key | rules of its own |\n|---|---|\n");
    for key in every_key() {
        let own =
            rules::all().into_iter().filter(|rule| matches!(rule.sees, Sees::These(_)) && rule.sees(key));
        let own: Vec<_> = own.map(|rule| format!("[{}](#{})", rule.code, anchor(&rule))).collect();
        writeln!(page, "| `{}` | {} |", key.item(), own.join(", ")).unwrap();
    }
    page.push_str("\nThe rules S0001 to S0011 and those about words look at every key.\n");
    let (followed, of_rustc) = (followed().0, of_rustc());
    for rule in rules::all() {
        writeln!(page, "\n# {}: {}\n\n{} ({})\n", rule.code, rule.name, rule.protects, rule.clause).unwrap();
        if let Some(source) = rule.wrong.source() {
            writeln!(page, "```text\n{source}\n```\n").unwrap();
        }
        writeln!(page, "```text\n{}\n```", printed(&rule).trim_end()).unwrap();
        for one in followed.iter().filter(|one| one.rule.code == rule.code) {
            let Followed { choice, made, .. } = one;
            let right = match made {
                Fixed::Source(after) => {
                    format!("\nRight, as the help line says ({choice}):\n\n```text\n{after}\n```\n")
                }
                Fixed::Feature(_) => format!("\nRight: {choice}\n"),
            };
            page.push_str(&right);
        }
        if let Some((_, mended)) = of_rustc.iter().find(|(one, _)| one.code == rule.code) {
            let (how, code) = match mended {
                Mended::AsPrinted(said, code) => (format!("as the text says ({said})"), code),
                Mended::ByHand(code) => ("which rustc's own text does not say".to_owned(), code),
            };
            write!(page, "\nRight, {how}:\n\n```text\n{code}```\n").unwrap();
        }
    }
    is_current(&here("../sigra/src/rules.md"), &page);
}

fn anchor(rule: &Rule) -> String {
    format!("{}-{}", rule.code.0.to_lowercase(), rule.name)
}

/// What rustc prints about a rule's wrong code.
fn printed(rule: &Rule) -> String {
    let case = match rule.wrong {
        Wrong::Case(case) => format!("tests/ui/type/{case}.stderr"),
        Wrong::Without(..) => {
            let source = rule.wrong.source().unwrap_or_default();
            return found(&rule.wrong, &source, &[]).iter().fold(String::new(), |mut text, one| {
                write!(text, "error: {}", one.message.replace('\n', "\n       ")).unwrap();
                text
            });
        }
        _ => format!("tests/ui/rules/{}.stderr", case_of(rule)),
    };
    let printed = std::fs::read_to_string(here(&case)).unwrap_or_default();
    let is_new = std::env::var_os("SIGRA_BLESS").is_some();
    assert!(printed.starts_with("error") || is_new, "{case} is not there: what does rustc print?");
    printed
}
