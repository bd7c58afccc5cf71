//! The rules against themselves: each wrong host, what its help lines make of it, and every two of them together.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;

use sigra_grammar::event::Kind;
use sigra_grammar::example::{Change, Example};
use sigra_grammar::keys::{self, Key};
use sigra_grammar::rules::{self, Rule, Sees, Wrong};

use super::fix::{Fixed, fixes};
use super::{derive, input, tokens};

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

/// What became of each wrong host, for every choice of its help lines.
fn fixed() -> (Vec<(Rule, String, Fixed)>, String) {
    let (mut fixed, mut failures) = (Vec::new(), String::new());
    for rule in rules::all() {
        let Some(source) = rule.wrong.source() else { continue };
        for one in found(&rule.wrong, &source, &[]) {
            let choices = fixes(&source, &one.at, &one.message);
            if choices.is_empty() {
                writeln!(failures, "{} {} says not what to write:\n{}", rule.code, rule.name, one.message).unwrap();
            }
            for (choice, made) in choices {
                let (after, features) = match &made {
                    Fixed::Source(after) => (after.clone(), vec![]),
                    Fixed::Feature(feature) => (source.clone(), vec![feature.clone()]),
                };
                let left = match syn::parse_str::<syn::DeriveInput>(&after) {
                    Ok(_) => found_after(&rule.wrong, &after, &features),
                    Err(error) => format!("  {error}"),
                };
                if !left.is_empty() {
                    writeln!(failures, "{} {}: {choice}\n{source}\nbecame\n{after}\n{left}", rule.code, rule.name).unwrap();
                }
                fixed.push((rule, choice, made));
            }
        }
    }
    (fixed, failures)
}

fn found_after(wrong: &Wrong, after: &str, features: &[String]) -> String {
    show(&found(wrong, after, features))
}

#[test]
fn what_each_help_line_says_mends_the_host() {
    let (fixed, failures) = fixed();
    assert!(failures.is_empty(), "{failures}");
    println!("{} rules, {} help lines followed", rules::all().len(), fixed.len());
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
    let hosts: Vec<(Rule, &[Change])> = rules::all()
        .into_iter()
        .filter_map(|rule| match rule.wrong {
            Wrong::Host(changes) => Some((rule, changes)),
            _ => None,
        })
        .collect();
    let (mut pairs, mut failures) = (0, String::new());
    for (i, (first, changes)) in hosts.iter().enumerate() {
        for (second, others) in &hosts[i + 1..] {
            // Two that are about the same key are no two mistakes.
            let (one, two) = (changed(changes), changed(others));
            if !one.is_disjoint(&two) || !one.is_disjoint(&seen(second)) || !two.is_disjoint(&seen(first)) {
                continue;
            }
            let both = [*changes, *others].concat();
            let source = Example(&both).to_string();
            let wrong = Wrong::Host(&[]);
            let mut codes: Vec<_> = found(&wrong, &source, &[]).into_iter().map(|one| one.code).collect();
            codes.sort();
            if codes != [first.code.0, second.code.0] {
                writeln!(failures, "{} {} and {} {}: {codes:?}\n{source}", first.code, first.name, second.code, second.name).unwrap();
            }
            pairs += 1;
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(pairs > 500, "{pairs} pairs");
    println!("{pairs} pairs of mistakes");
}

#[test]
fn numbers_and_names_of_rules_are_given_once() {
    let all = rules::all();
    for (i, rule) in all.iter().enumerate() {
        let number = rule.code.0.strip_prefix('S').is_some_and(|rest| rest.len() == 4 && rest.parse::<u16>().is_ok());
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
    for key in rules::user_keys().chain(keys::event::FIELD).chain([&keys::event::EVENT]) {
        let own = rules::all().into_iter().filter(|rule| matches!(rule.sees, Sees::These(_)));
        assert!(own.into_iter().any(|rule| rule.sees(key)), "which rule looks at `{}`?", key.name);
    }
}

/// What a rule shows as wrong is about the keys that it says to look at.
#[test]
fn a_rule_looks_at_what_its_wrong_code_changes() {
    for rule in rules::all() {
        let (Wrong::Host(changes), Sees::These(_)) = (rule.wrong, rule.sees) else { continue };
        let keys: BTreeSet<_> = changed(changes).into_iter().filter(|name| name.starts_with("key")).collect();
        assert!(keys.is_empty() || !keys.is_disjoint(&seen(&rule)), "{} {}", rule.code, rule.name);
    }
}

#[test]
fn what_is_mended_expands() {
    for (rule, choice, made) in fixed().0 {
        let (Fixed::Source(after), Wrong::Host(_) | Wrong::User(_)) = (made, rule.wrong) else { continue };
        let output = derive(tokens(&after)).to_string();
        assert!(syn::parse_str::<syn::File>(&output).is_ok(), "{} {choice}", rule.code);
    }
}
