//! The embedded list of passwords that everybody uses.

/// One entry a line: lower case, NFC, sorted by bytes. `tests/examples/blocklist.rs` made it and says from what.
///
/// Of a plain list of common passwords hardly one is as long as a minimum of fifteen asks for, so most of the long entries are
/// derived: repetitions, pairs, counting on, walks over the keyboard, well-known phrases. Up to a minimum of 20 there are the 3,000
/// that ASVS 6.2.4 asks for; nobody has seen so many longer ones in use, and most of what is long and common is a pattern.
const ENTRIES: &str = include_str!("blocklist/entries.txt");

/// Whether the whole password, in lower case and NFC, is on the list (NIST SP 800-63B-4 3.1.1.2: never a part of it).
pub(super) fn contains(folded: &str) -> bool {
    let (mut from, mut to) = (0, ENTRIES.len());
    while from < to {
        let middle = from + (to - from) / 2;
        // The line that holds this byte. Bytes, since the middle may be inside a letter.
        let start =
            ENTRIES.as_bytes()[..middle].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let end =
            ENTRIES.as_bytes()[start..].iter().position(|byte| *byte == b'\n').map_or(to, |at| start + at);
        match ENTRIES.as_bytes()[start..end].cmp(folded.as_bytes()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => from = end + 1,
            std::cmp::Ordering::Greater => to = start,
        }
    }
    false
}

#[cfg(test)]
pub(super) fn entries() -> impl Iterator<Item = &'static str> {
    ENTRIES.lines()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_and_nothing_beside_it() {
        for entry in entries() {
            assert!(contains(entry), "{entry}");
            assert!(!contains(&format!("{entry}\u{1}")) && !contains(&format!("\u{1}{entry}")), "{entry}");
        }
        assert!(!contains("") && !contains("\n") && !contains("\u{10ffff}"));
        let (first, second) = (entries().next().unwrap(), entries().nth(1).unwrap());
        assert!(!contains(&format!("{first}\n{second}")), "two lines are no entry");
    }

    #[test]
    fn the_list_is_sorted_small_and_long_enough_for_each_minimum() {
        let all: Vec<&str> = entries().collect();
        assert!(all.is_sorted_by(|one, next| one < next), "sorted, each once");
        assert!(ENTRIES.len() < 300_000, "{} bytes", ENTRIES.len());
        for minimum in 8..=20 {
            let enough = all.iter().filter(|entry| entry.chars().count() >= minimum).count();
            assert!(
                enough >= 3_000,
                "ASVS 6.2.4 wants 3,000 entries of {minimum} characters; there are {enough}"
            );
        }
    }
}
