//! The ends of every number and duration, each a rule. The table of keys has them.

use super::{Rule, Sees, Wrong, between};
use crate::error::{Errors, Message};
use crate::example::{CODES, Change, TOTP};
use crate::keys::{self, Key, Limit, Range, Unit};
use crate::model::Draft;
use crate::value::{Amount, Quantity};

/// Each value out of its range. The help is the limit, or where that would break another rule a
/// value that breaks none. Where every one does, it is the example: the other rule then says which key gives way.
pub(super) fn check(draft: &Draft, errors: &Errors) {
    for quantity in draft.settings.clone().quantities_mut() {
        let quantity = &*quantity;
        let Amount::Outside(value) = quantity.amount else { continue };
        let Quantity { key, range, .. } = quantity;
        let (message, limit) = if value < range.least.value {
            (below(quantity), range.least.value)
        } else {
            (above(quantity), range.most.value)
        };
        let example = key.example.split_once(" = ").and_then(|(_, code)| range.unit.read(code));
        // The ends at AAL2, twice what is the least of all, and the memory of a single pass.
        let others = match range.unit {
            Unit::Duration => [super::profile::DAY, super::profile::HOUR, 2 * limit],
            Unit::Count => [47_104, 2 * limit, limit / 2],
        };
        let candidates = [Some(limit), example, range.default].into_iter().flatten().chain(others);
        let good = candidates.filter(|value| range.contains(*value)).find(|value| {
            let mut mended = draft.clone();
            for one in mended.settings.quantities_mut() {
                if one.constant == quantity.constant {
                    one.amount = Amount::Known(*value);
                }
            }
            broken(&mended) <= broken(draft)
        });
        let help = format!("{} = {}", key.name, range.unit.code(good.or(example).unwrap_or(limit)));
        errors.at(&quantity.written, message.help(format_args!("write `{help}`")));
    }
}

/// How many rules between keys are broken.
fn broken(draft: &Draft) -> usize {
    let found = Errors::default();
    for rule in between() {
        if let Some(check) = rule.check {
            check(rule.code, draft, &found);
        }
    }
    found.finish().0.map_or(0, |error| error.into_iter().count())
}

pub(crate) fn below(Quantity { key, range: Range { unit, least, .. }, .. }: &Quantity) -> Message {
    least.code.says(format_args!("`{}` is below {}: {}", key.name, unit.show(least.value), least.why))
}

pub(crate) fn above(Quantity { key, range: Range { unit, most, .. }, .. }: &Quantity) -> Message {
    most.code.says(format_args!("`{}` is above {}: {}", key.name, unit.show(most.value), most.why))
}

/// Two rules for each key that has a range.
pub(super) fn rules() -> impl Iterator<Item = Rule> {
    keys::STRUCT.into_iter().flat_map(|list| list.inner.iter().flat_map(move |key| ends(list, key)))
}

fn ends(list: &'static Key, key: &'static Key) -> Vec<Rule> {
    let Some(range) = key.range else { return Vec::new() };
    let (least, most) = (range.least.value, range.most.value);
    vec![
        end(list, key, range.least, least.saturating_sub(1), "too-small"),
        end(list, key, range.most, most + 1, "too-large"),
    ]
}

/// The texts are made once and live as long as the tool that prints them.
fn end(list: &'static Key, key: &'static Key, limit: Limit, value: u64, what: &str) -> Rule {
    let name = format!("{}-{}-{what}", list.name, key.name).replace('_', "-").leak();
    let clause = clause(limit.why).unwrap_or("Sigra");
    let wrong = Wrong::Host(beside(list, key, value).leak());
    Rule::new(limit.code, name, (limit.why, clause), Sees::These(vec![key].leak()), wrong)
}

/// A host in which nothing but this value is wrong.
fn beside(list: &'static Key, key: &Key, value: u64) -> Vec<Change> {
    let value = key.range.map(|range| range.unit.code(value)).unwrap_or_default();
    let written = |one: &&&'static Key| one.required.is_some() || one.name == key.name;
    let settings = list.inner.iter().filter(written).map(|one| {
        if one.name == key.name { format!("{} = {value}", key.name) } else { one.example.to_owned() }
    });
    let settings: Vec<_> = settings.collect();
    let code = format!("{}({})", list.name, settings.join(", "));
    let mut changes = vec![Change::Key(list.name, code.leak())];
    changes.extend_from_slice(partners(list));
    changes
}

/// The keys that a key cannot stand without.
fn partners(list: &Key) -> &'static [Change] {
    match list.name {
        "backup_codes" | "assisted_recovery" => &[TOTP],
        "confirm_email" => &[Change::Key("reset_password", "reset_password")],
        "trusted_browser" => &[TOTP, CODES],
        _ => &[],
    }
}

/// The standard that a reason names: `NIST SP 800-63B-4 3.2.2` or `ASVS 7.5.1`.
fn clause(why: &'static str) -> Option<&'static str> {
    ["NIST SP 800-63B-4 ", "ASVS "].into_iter().find_map(|standard| {
        let from = why.find(standard)?;
        let number = &why[from + standard.len()..];
        let length = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
        Some(why[from..from + standard.len() + length].trim_end_matches('.'))
    })
}
