#![doc = include_str!("rules.md")]

/// What there is to say about a rule, `S0119`: the section of [this page](self) about it. `None`: there is no such rule.
///
/// ```
/// let text = sigra::explain("S0119").unwrap_or_default();
/// assert!(text.contains("idle-above-absolute"));
/// ```
#[must_use]
pub fn explain(code: &str) -> Option<&'static str> {
    let is_code =
        code.len() == 5 && code.starts_with('S') && code[1..].bytes().all(|byte| byte.is_ascii_digit());
    if !is_code {
        return None;
    }
    let (_, from) = PAGE.split_once(&format!("\n# {code}: "))?;
    let length = from.find("\n# ").unwrap_or(from.len());
    let start = PAGE.len() - from.len() - code.len() - "# : ".len();
    Some(PAGE[start..start + code.len() + "# : ".len() + length].trim_end())
}

const PAGE: &str = include_str!("rules.md");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_page_is_explained_by_its_own_section() {
        let codes: Vec<&str> = PAGE.lines().filter_map(|line| line.strip_prefix("# S")?.get(..4)).collect();
        assert!(codes.len() > 100, "{}", codes.len());
        for code in codes {
            let text = explain(&format!("S{code}")).unwrap();
            assert!(text.starts_with(&format!("# S{code}: ")), "{text}");
            assert_eq!(text.lines().filter(|line| line.starts_with("# S")).count(), 1, "{text}");
        }
        for none in ["", "S9999", "S01", "s0119", "S0119: ", "Söö9", "Which"] {
            assert_eq!(explain(none), None, "{none}");
        }
    }
}
