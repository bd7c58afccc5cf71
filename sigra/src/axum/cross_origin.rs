//! Cross-origin protection: a request that changes something must come from the site itself, or from no browser at all.
//!
//! There is no token in the forms and no state: the browser says where a request comes from, and a page cannot make it say
//! otherwise. `Sec-Fetch-Site` is in all browsers since 2023; `Origin`, for older ones, in all since 2020. What sends
//! neither is no browser, and so has no cookies that were not its own to send.

use ::axum::extract::{Request, State};
use ::axum::middleware::Next;
use ::axum::response::{IntoResponse as _, Response};
use ::http::{HeaderMap, HeaderValue, Method, header};

use super::extract::Rejection;
use super::site::{Origin, Web};

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// A middleware that answers 403 to an unsafe request from another site: `same-site` is another site, too.
///
/// Unsafe is every method but `GET`, `HEAD`, `OPTIONS` and `TRACE` (RFC 9110 9.2.1), and every request for another
/// protocol, such as a WebSocket. [`CurrentUser`](super::CurrentUser), [`MaybeUser`](super::MaybeUser) and
/// [`Visitor`](super::Visitor) make the same check; the layer brings it to handlers that take none of them. Nothing is
/// written to the database.
///
/// ```no_run
/// # use axum::{Router, middleware};
/// # use sigra::axum::{Web, refuse_cross_origin};
/// # fn layered<User: Send + Sync + 'static>(router: Router<Web<User>>, web: Web<User>) -> Router {
/// router.layer(middleware::from_fn_with_state(web.clone(), refuse_cross_origin::<User>)).with_state(web)
/// # }
/// ```
pub async fn refuse_cross_origin<U>(State(web): State<Web<U>>, request: Request, next: Next) -> Response {
    if allows(&web.site().origin, request.method(), request.headers()) {
        next.run(request).await
    } else {
        Rejection::CrossOrigin.into_response()
    }
}

/// Whether a request may do what it asks for, as far as where it comes from goes.
pub(super) fn allows(own: &Origin, method: &Method, headers: &HeaderMap) -> bool {
    let safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    // A WebSocket opens with a GET, and what follows is bound by no policy of the browser's.
    if safe && !headers.contains_key(header::UPGRADE) {
        return true;
    }
    match only(headers, SEC_FETCH_SITE) {
        // `none`: the visitor's own doing, such as a reload.
        Header::Once(site) => return site == "same-origin" || site == "none",
        Header::Several => return false,
        Header::Absent => {}
    }
    match only(headers, header::ORIGIN.as_str()) {
        Header::Once(origin) => origin == own.as_str(),
        Header::Several => false,
        Header::Absent => true,
    }
}

enum Header<'h> {
    Absent,
    Once(&'h HeaderValue),
    Several,
}

/// A header that stands once if at all; a second one is no mistake of a browser's.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Header<'h> {
    let mut values = headers.get_all(name).into_iter();
    match (values.next(), values.next()) {
        (None, _) => Header::Absent,
        (Some(value), None) => Header::Once(value),
        (Some(_), Some(_)) => Header::Several,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(method: &Method, lines: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        allows(&Origin::parse("https://app.example").unwrap(), method, &headers)
    }

    #[test]
    fn the_browser_word_on_the_site_decides() {
        for (site, expected) in [
            ("same-origin", true),
            ("none", true),
            ("same-site", false),
            ("cross-site", false),
            ("", false),
            ("Same-Origin", false),
            ("same-origin, same-origin", false),
            ("future-value", false),
        ] {
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::CONNECT] {
                assert_eq!(allowed(&method, &[("sec-fetch-site", site)]), expected, "{method} {site}");
            }
            assert_eq!(
                allowed(&Method::from_bytes(b"PURGE").unwrap(), &[("sec-fetch-site", site)]),
                expected
            );
        }
    }

    #[test]
    fn an_older_browser_is_judged_by_its_origin() {
        for (origin, expected) in [
            ("https://app.example", true),
            ("https://app.example:443", false),
            ("https://app.example:8443", false),
            ("http://app.example", false),
            ("https://evil.example", false),
            ("https://app.example.evil.example", false),
            ("https://www.app.example", false),
            ("https://app.example/", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(allowed(&Method::POST, &[("origin", origin)]), expected, "{origin}");
        }
    }

    #[test]
    fn the_newer_header_comes_first() {
        // A form on a page with `Referrer-Policy: no-referrer` sends `Origin: null`.
        assert!(allowed(&Method::POST, &[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(!allowed(
            &Method::POST,
            &[("sec-fetch-site", "cross-site"), ("origin", "https://app.example")]
        ));
    }

    #[test]
    fn no_header_is_no_browser() {
        assert!(allowed(&Method::POST, &[]));
    }

    #[test]
    fn what_stands_twice_is_refused() {
        assert!(!allowed(
            &Method::POST,
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")]
        ));
        assert!(!allowed(
            &Method::POST,
            &[("origin", "https://app.example"), ("origin", "https://app.example")]
        ));
    }

    #[test]
    fn reading_is_open_to_links_from_anywhere() {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert!(allowed(
                &method,
                &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")]
            ));
        }
    }

    #[test]
    fn a_websocket_is_no_reading() {
        let upgrade = ("upgrade", "websocket");
        assert!(!allowed(&Method::GET, &[upgrade, ("origin", "https://evil.example")]));
        assert!(!allowed(&Method::GET, &[upgrade, ("sec-fetch-site", "same-site")]));
        assert!(allowed(&Method::GET, &[upgrade, ("origin", "https://app.example")]));
    }
}
