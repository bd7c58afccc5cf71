//! The page and the code say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Named, events, metrics};

const PAGE: &str = include_str!("page.md");

/// The rows of the table under a heading, cell by cell, without their marks.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let section = PAGE.split("\n# ").find(|section| section.starts_with(heading)).expect(heading);
    let table = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows = table.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('|').map(|cell| cell.trim().replace('`', "")).collect()).collect()
}

fn as_set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names.into_iter().collect()
}

/// The names that a table lists are those of the code, each once.
fn assert_same(rows: &[Vec<String>], names: &[&str]) {
    let listed = as_set(rows.iter().map(|row| row[1].as_str()));
    assert_eq!(listed, as_set(names.iter().copied()));
    assert_eq!((rows.len(), names.len()), (listed.len(), listed.len()), "a name stands twice");
}

/// The library's own source files.
fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                into.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 40, "{}", found.len());
    found
}

#[test]
fn the_page_lists_exactly_the_spans_of_the_code_with_their_levels() {
    let rows = rows("Spans");
    assert_same(&rows, super::SPANS);
    for named in Named::ALL {
        let row = rows.iter().find(|row| row[1] == named.name()).unwrap();
        assert_eq!(row[2], named.level().as_str(), "{}", named.name());
    }
}

#[test]
fn the_page_lists_exactly_the_events_of_the_code_with_their_levels() {
    let rows = rows("Events");
    assert_same(&rows, super::EVENTS);
    for event in events::ALL {
        let row = rows.iter().find(|row| row[1] == event.name).unwrap();
        assert_eq!(row[2], event.level.as_str(), "{}", event.name);
    }
}

#[test]
fn the_page_lists_exactly_the_metrics_of_the_code_with_their_kinds() {
    let rows = rows("Metrics");
    assert_same(&rows, super::METRICS);
    for (name, kind, unit) in metrics::ALL {
        let row = rows.iter().find(|row| row[1] == *name).unwrap();
        assert_eq!(row[2], kind.to_lowercase(), "{name}");
        assert_eq!(name.ends_with("_total"), *kind == "Counter", "{name}");
        assert_eq!(name.ends_with("_seconds"), *unit == "Seconds", "{name}");
    }
}

#[test]
fn the_queries_of_the_page_ask_for_metrics_and_labels_that_there_are() {
    let rows = rows("Metrics");
    let queries: Vec<&str> = PAGE.split("```").skip(1).step_by(2).collect();
    assert!(queries.len() > 8, "{queries:?}");
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    for query in queries {
        let asked: Vec<&str> = query.split(word).filter(|word| word.starts_with("sigra_")).collect();
        assert!(!asked.is_empty(), "{query}");
        for metric in asked {
            let histogram = metric.strip_suffix("_bucket");
            let row = rows.iter().find(|row| row[1] == histogram.unwrap_or(metric)).expect(query);
            assert_eq!(row[2] == "histogram", histogram.is_some(), "{query}");
            let labels = query.match_indices('{').flat_map(|(at, _)| {
                let matchers = query[at + 1..].split('}').next().unwrap().split(',');
                matchers.map(|matcher| matcher.trim().split(word).next().unwrap())
            });
            let grouped = query.match_indices("by (").flat_map(|(at, _)| {
                query[at + 4..].split(')').next().unwrap().split(", ").filter(|label| *label != "le")
            });
            for label in labels.chain(grouped) {
                assert!(row[3].split(", ").any(|known| known == label), "{label} in {query}");
            }
        }
    }
}

#[test]
fn every_operation_of_sigra_stands_on_the_page_beside_its_span() {
    let mut methods = BTreeMap::new();
    for (path, text) in sources() {
        for method in text.split("    pub fn ").skip(1) {
            let signature = method.split('{').next().unwrap();
            if signature.contains("-> Operation<") {
                let name = signature.split(['<', '(']).next().unwrap();
                let named = method.split("watched::<U>(Named::").nth(1);
                let named = named.unwrap_or_else(|| panic!("{name} in {}", path.display()));
                let named = named.split(')').next().unwrap();
                let named = Named::ALL.iter().find(|known| format!("{known:?}") == named).unwrap();
                methods.insert(format!("Sigra::{name}"), named.name());
            }
        }
    }
    assert!(methods.len() >= 24, "{methods:?}");
    let rows = rows("Spans");
    let listed: BTreeSet<(&str, &str)> = rows
        .iter()
        // What runs inside of others stands beside them.
        .filter(|row| row[1] != Named::SendMail.name())
        .flat_map(|row| row[3].split([',', ' ']).map(|word| (word, row[1].as_str())))
        .filter(|(word, _)| word.starts_with("Sigra::"))
        .collect();
    let made: BTreeSet<(&str, &str)> =
        methods.iter().map(|(method, span)| (method.as_str(), *span)).collect();
    assert_eq!(listed, made);
}

#[test]
fn nothing_but_this_module_speaks_to_tracing_or_to_metrics() {
    for (path, text) in sources() {
        if path.components().any(|part| part.as_os_str() == "telemetry") {
            continue;
        }
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let speaks = line.contains("tracing::")
                || line.contains("::metrics::")
                || line.contains("metrics::counter!");
            assert!(!speaks, "{}: {line}", path.display());
        }
    }
}
