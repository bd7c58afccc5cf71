//! Durations as they are written: a whole number and a unit.

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads `90s`, `15m`, `12h` or `30d` as seconds.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let unit = text.chars().next_back()?;
    let number = text.strip_suffix(unit)?;
    let (_, size) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(size)
}

/// Seconds in the largest unit that divides them. Up to two days that is hours, as the standards write them.
#[must_use]
pub fn show(seconds: u64) -> String {
    let units = if seconds <= 48 * 3_600 { &UNITS[1..] } else { &UNITS };
    let (unit, size) = units.iter().find(|(_, size)| seconds.is_multiple_of(*size)).unwrap_or(&('s', 1));
    format!("{}{unit}", seconds / size)
}

/// What `15 minutes`, `15 M` or `2w` are likely to mean.
pub(crate) fn guess(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, rest) = text.split_at(end);
    let size = match rest.trim() {
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        "w" | "wk" | "week" | "weeks" => 604_800,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_a_unit() {
        for (text, seconds) in
            [("90s", 90), ("15m", 900), ("12h", 43_200), ("30d", 2_592_000), ("0s", 0), ("007m", 420)]
        {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
        let too_large = format!("{}d", u64::MAX);
        for text in [
            "", "m", "15", "15 m", " 15m", "1.5h", "-1h", "+1h", "1h30m", "15M", "15min", "1d ", "½h", "1٣s",
            "2w", &too_large,
        ] {
            assert!(parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_near_miss_is_answered_with_the_right_spelling() {
        for (text, right) in [("15 minutes", "15m"), ("2w", "14d"), ("1 Hour", "1h"), ("120 sec", "2m")] {
            assert_eq!(guess(text).map(show).as_deref(), Some(right));
        }
    }

    #[test]
    fn seconds_are_shown_in_the_largest_unit() {
        for seconds in [1, 59, 60, 61, 3_600, 5_400, 86_400, 34_560_000] {
            assert_eq!(parse(&show(seconds)), Some(seconds));
        }
        assert_eq!(show(5_400), "90m");
        assert_eq!(show(172_800), "48h");
        assert_eq!(show(259_200), "3d");
    }
}
