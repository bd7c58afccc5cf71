//! Passwords that are one short pattern from end to end.

/// The longest unit whose repetition is a pattern whatever it is. A longer one may be a password by itself.
const SHORT_UNIT: usize = 4;

/// Whether the whole password is one character or a short unit over and over, or counts up or down.
///
/// Certain, and free: no word is looked for inside. Passwords shorter than any policy allows are not judged.
pub(super) fn is_pattern(folded: &[char]) -> bool {
    let length = folded.len();
    (1..=SHORT_UNIT).any(|unit| repeats(folded, unit))
        || counts(folded)
        || (SHORT_UNIT + 1..=length / 2).any(|unit| repeats(folded, unit) && counts(&folded[..unit]))
}

/// The unit over and over; the last time it may be cut off.
fn repeats(text: &[char], unit: usize) -> bool {
    text.len() >= 2 * unit && text[unit..] == text[..text.len() - unit]
}

/// `abcdefgh..`, `987654..`: each character the one after, or before, the last. After 9 comes 0, after z comes a.
fn counts(text: &[char]) -> bool {
    let up = |pair: &[char]| next(pair[0]) == Some(pair[1]);
    let down = |pair: &[char]| next(pair[1]) == Some(pair[0]);
    text.windows(2).all(up) || text.windows(2).all(down)
}

fn next(c: char) -> Option<char> {
    match c {
        '9' => Some('0'),
        'z' => Some('a'),
        other => char::from_u32(u32::from(other) + 1),
    }
}

#[cfg(test)]
mod tests {
    fn is_pattern(text: &str) -> bool {
        super::is_pattern(&text.chars().collect::<Vec<_>>())
    }

    #[test]
    fn repetitions_and_sequences_are_patterns() {
        for text in [
            "aaaaaaaaaaaaaaa",
            "\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}",
            "abababababababab",
            "abababababababa",
            "ab!ab!ab!ab!ab!",
            "k7#qk7#qk7#qk7#q",
            "abcdefghijklmnop",
            "zyxwvutsrqponmlk",
            "123456789012345",
            "098765432109876",
            "uvwxyzabcdefghij",
            "абвгдежзийклмно",
            "123451234512345",
            "abcdefabcdefabcdef",
        ] {
            assert!(is_pattern(text), "{text}");
        }
    }

    #[test]
    fn a_pattern_inside_a_password_is_none() {
        for text in [
            "aaaaaaaaaaaaaab",
            "abcdefghijklmnq",
            "glacier teapot 47 violins",
            "k7#qwk7#qwk7#qw",
            "1234567890 tulips",
        ] {
            assert!(!is_pattern(text), "{text}");
        }
    }
}
