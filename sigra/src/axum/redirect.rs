//! Redirect targets that cannot leave the site.

use std::borrow::Cow;
use std::fmt;

use ::axum::response::{IntoResponse, Redirect, Response};

/// Bytes that a target may have.
const MAX_LENGTH: usize = 2000;

/// Where to send a visitor next, as a request named it: a path of this site, with query and fragment, and nothing else.
///
/// As a response it is a `303 See Other`.
///
/// ```
/// use sigra::axum::RedirectTarget;
///
/// assert_eq!(RedirectTarget::parse("/settings?tab=devices").unwrap().as_str(), "/settings?tab=devices");
/// assert!(RedirectTarget::parse("https://evil.example").is_none());
/// assert!(RedirectTarget::parse("//evil.example").is_none());
///
/// // Whatever cannot be used, the visitor goes on to a page of the host's choice.
/// let next = RedirectTarget::parse("/\\evil.example").unwrap_or(RedirectTarget::from_static("/"));
/// assert_eq!(next.as_str(), "/");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectTarget(Cow<'static, str>);

impl RedirectTarget {
    /// Takes a target from a request; `None` for anything that could lead elsewhere.
    ///
    /// Browsers read backslashes as slashes and drop tabs and newlines; servers and proxies between may decode, and merge or
    /// resolve segments. So the path must mean the same to all of them: characters of RFC 3986 alone, no empty and no dot
    /// segments, and no encoded slash, backslash, dot, percent sign or control character.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_local(text).then(|| Self(Cow::Owned(text.to_owned())))
    }

    /// Takes a target that the host wrote.
    ///
    /// # Panics
    /// Where [`parse`](Self::parse) would refuse it; in a constant, that is a compile error.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        assert!(is_local(text), "a redirect target must be a path of this site, such as `/login`");
        Self(Cow::Borrowed(text))
    }

    /// The target, for a link or a hidden field.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same page, with the target to come back to as its query parameter `next`, percent-encoded: for a sign-in that goes over
    /// a second page.
    #[must_use]
    pub fn with_next(&self, next: &Self) -> String {
        let separator = if self.0.contains('?') { '&' } else { '?' };
        let encode = |byte: u8| match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        format!("{}{separator}next={}", self.0, next.0.bytes().map(encode).collect::<String>())
    }
}

impl fmt::Display for RedirectTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl IntoResponse for RedirectTarget {
    fn into_response(self) -> Response {
        Redirect::to(&self.0).into_response()
    }
}

/// Whether a text is a path of this site to everybody who may read it. (A `const fn`: hence loops and indices.)
const fn is_local(text: &str) -> bool {
    let text = text.as_bytes();
    if text.is_empty() || text.len() > MAX_LENGTH || text[0] != b'/' {
        return false;
    }
    // Where the segment that is being read begins, as long as it is the path that is being read.
    let mut segment = Some(1);
    let mut position = 1;
    while position < text.len() {
        let byte = text[position];
        match (byte, segment) {
            (b'/', Some(start)) => {
                if position == start || is_dots(text, start, position) {
                    return false;
                }
                segment = Some(position + 1);
            }
            (b'?' | b'#', Some(start)) => {
                if is_dots(text, start, position) {
                    return false;
                }
                segment = None;
            }
            (b'%', _) => {
                if position + 2 >= text.len() {
                    return false;
                }
                let (Some(high), Some(low)) = (hex(text[position + 1]), hex(text[position + 2])) else {
                    return false;
                };
                let decoded = high << 4 | low;
                let ambiguous =
                    matches!(decoded, b'/' | b'\\' | b'.' | b'%') || decoded < b' ' || decoded == 0x7f;
                if ambiguous && segment.is_some() {
                    return false;
                }
                position += 2;
            }
            (b'/' | b'?' | b'#', None) => {}
            _ if is_plain(byte) => {}
            _ => return false,
        }
        position += 1;
    }
    match segment {
        Some(start) => !is_dots(text, start, text.len()),
        None => true,
    }
}

/// Whether a segment is `.` or `..`.
const fn is_dots(text: &[u8], start: usize, end: usize) -> bool {
    match end - start {
        1 => text[start] == b'.',
        2 => text[start] == b'.' && text[start + 1] == b'.',
        _ => false,
    }
}

/// The characters of a path segment, without the percent sign (RFC 3986 3.3).
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
        )
}

const fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_site_are_kept_as_they_are() {
        for path in [
            "/",
            "/settings",
            "/settings/",
            "/settings/sessions?sort=last&page=2",
            "/settings#devices",
            "/search?q=a%2Fb%5Cc%25&url=https://app.example/x",
            "/?next=//evil.example",
            "/files/report.pdf",
            "/.well-known/change-password",
            "/a...b/...",
            "/@someone/posts",
            "/b%C3%BCcher",
            "/a:b;c=d,e",
        ] {
            assert_eq!(RedirectTarget::parse(path).map(|target| target.to_string()).as_deref(), Some(path));
        }
    }

    #[test]
    fn nothing_leads_to_another_site() {
        for attack in [
            "",
            " ",
            "settings",
            "./settings",
            "../settings",
            "?next",
            "#part",
            "https://evil.example",
            "HTTPS://evil.example",
            "https:evil.example",
            "https:/evil.example",
            "http:\\\\evil.example",
            "javascript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "//evil.example",
            "///evil.example",
            "////evil.example",
            "//evil.example/%2f..",
            "//user@evil.example",
            "//[::1]",
            "/\\evil.example",
            "\\/evil.example",
            "\\\\evil.example",
            "/\\/evil.example",
            "/a\\b",
            "/%5cevil.example",
            "/%5Cevil.example",
            "/%2fevil.example",
            "/%2Fevil.example",
            "/%2f%2fevil.example",
            "/%252fevil.example",
            "/%255cevil.example",
            "/%09/evil.example",
            "/%0a/evil.example",
            "/%0d%0aLocation:%20https://evil.example",
            "/%00",
            "/%7f",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\r/evil.example",
            "\t//evil.example",
            "\n//evil.example",
            " //evil.example",
            "/ /evil.example",
            "/\u{0}/evil.example",
            "/a\r\nSet-Cookie: sigra=planted",
            "/.",
            "/..",
            "/./evil.example",
            "/../evil.example",
            "/..//evil.example",
            "/.//evil.example",
            "/a/..//evil.example",
            "/a//evil.example",
            "/settings//",
            "/..?a",
            "/.#a",
            "/%2e%2e//evil.example",
            "/%2e/evil.example",
            "/.%2e/evil.example",
            "/%",
            "/%2",
            "/%zz",
            "/a?%",
            "/a?%g0",
            "/a?b c",
            "/a?b\nc",
            "/a?b\\c",
            "/\u{ff0f}evil.example",
            "/\u{2215}evil.example",
            "/\u{202e}evil.example",
            "/\u{feff}/evil.example",
            "/\u{3002}evil",
            "\u{feff}/settings",
            "/<script>",
            "/\"onclick=",
            "/[evil]",
            "/a|b",
            "/a^b",
            "/a`b",
            "/{a}",
        ] {
            assert_eq!(RedirectTarget::parse(attack), None, "{attack:?}");
        }
        assert_eq!(RedirectTarget::parse(&format!("/{}", "a".repeat(MAX_LENGTH))), None);
    }

    #[test]
    fn the_way_back_is_one_query_parameter() {
        let login = RedirectTarget::from_static("/login");
        let next = RedirectTarget::from_static("/search?q=a%2Fb&page=2#top");
        assert_eq!(login.with_next(&next), "/login?next=/search%3Fq%3Da%252Fb%26page%3D2%23top");
        let themed = RedirectTarget::from_static("/login?theme=dark");
        assert_eq!(themed.with_next(&login), "/login?theme=dark&next=/login");
    }
}
