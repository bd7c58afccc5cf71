//! The cookies: their names, their attributes, and how they are found in a request (RFC 6265bis).

use std::convert::Infallible;

use ::axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use ::cookie::{Cookie, SameSite};
use ::http::{HeaderMap, HeaderValue, header};

/// One of the site's three cookies.
///
/// `__Host-` makes browsers refuse it from another host, from a plain connection and with another path, so that neither a
/// sibling domain nor somebody on the network can plant one (ASVS 3.3.1 to 3.3.5, NIST SP 800-63B-4 5.1.1). Browsers keep
/// such a cookie on `https` alone; on `http://localhost` it goes without `Secure` and has a plain name.
#[derive(Clone, Copy, Debug)]
pub(super) struct SiteCookie {
    secure: bool,
    content: Content,
}

/// What a cookie carries.
#[derive(Clone, Copy, Debug)]
enum Content {
    /// The secret of a session.
    Session,
    /// The secret of a sign-in whose second factor is due. It opens nothing.
    Pending,
    /// The secret by which a browser is known. It opens nothing and stays when the session ends.
    Device,
}

impl SiteCookie {
    pub(super) fn session(secure: bool) -> Self {
        Self { secure, content: Content::Session }
    }

    pub(super) fn device(secure: bool) -> Self {
        Self { secure, content: Content::Device }
    }

    pub(super) fn pending(secure: bool) -> Self {
        Self { secure, content: Content::Pending }
    }

    fn name(self) -> &'static str {
        match (self.content, self.secure) {
            (Content::Session, true) => "__Host-sigra",
            (Content::Session, false) => "sigra",
            (Content::Pending, true) => "__Host-sigra-pending",
            (Content::Pending, false) => "sigra-pending",
            (Content::Device, true) => "__Host-sigra-device",
            (Content::Device, false) => "sigra-device",
        }
    }

    /// The secret that came with a request.
    ///
    /// Two cookies of this name are none: the order in which they stand is for whoever planted one to choose.
    pub(super) fn find(self, headers: &HeaderMap) -> Option<String> {
        let mut found = None;
        for line in headers.get_all(header::COOKIE) {
            // A neighbour's cookie may hold any byte; it must not sign anybody out.
            let line = String::from_utf8_lossy(line.as_bytes());
            for cookie in Cookie::split_parse(&*line).flatten() {
                if cookie.name() == self.name() && found.replace(cookie.value().to_owned()).is_some() {
                    return None;
                }
            }
        }
        found
    }

    /// The `Set-Cookie` of a new session. Without a lifetime it ends with the browser.
    pub(super) fn set(self, token: &str, lifetime: Option<time::Duration>) -> HeaderValue {
        self.header(token, lifetime)
    }

    /// The `Set-Cookie` that removes it. The attributes are the same: a browser ignores it otherwise.
    pub(super) fn remove(self) -> HeaderValue {
        self.header("", Some(time::Duration::ZERO))
    }

    fn header(self, value: &str, lifetime: Option<time::Duration>) -> HeaderValue {
        let mut cookie = Cookie::build((self.name(), value))
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.secure)
            .path("/")
            .build();
        // Whole seconds, rounded up: the database decides when the session ends.
        cookie.set_max_age(lifetime.map(|lifetime| {
            let seconds = lifetime.whole_seconds() + i64::from(lifetime.subsec_nanoseconds() > 0);
            time::Duration::seconds(seconds.max(0))
        }));
        let mut header = HeaderValue::try_from(cookie.to_string())
            // A token is letters, digits, `-`, `_` and `.`; anything else is no session.
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        header.set_sensitive(true);
        header
    }
}

/// The part of a response that signs in: [`Web::signed_in`](super::Web::signed_in) makes it.
#[derive(Clone, Debug)]
#[must_use = "it is a part of the response, or the user is not signed in"]
pub struct SignedIn {
    session: HeaderValue,
    /// What removes the cookie of the pending sign-in, if there was one.
    pending: Option<HeaderValue>,
    device: KnownDevice,
}

impl SignedIn {
    pub(super) fn new(session: HeaderValue, pending: Option<HeaderValue>, device: KnownDevice) -> Self {
        Self { session, pending, device }
    }
}

impl IntoResponseParts for SignedIn {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        let headers = parts.headers_mut();
        headers.append(header::SET_COOKIE, self.session);
        if let Some(pending) = self.pending {
            headers.append(header::SET_COOKIE, pending);
        }
        // A shared cache that kept this response would hand the session to everybody.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.device.into_response_parts(parts)
    }
}

/// Alone, an empty response.
impl IntoResponse for SignedIn {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

/// The part of a response that waits for the second factor: [`Web::second_factor_due`](super::Web::second_factor_due) makes it.
/// Nobody is signed in by it.
#[cfg(feature = "totp")]
#[derive(Clone, Debug)]
#[must_use = "it is a part of the response, or the browser cannot go on"]
pub struct SecondFactorDue {
    set_cookie: HeaderValue,
}

#[cfg(feature = "totp")]
impl SecondFactorDue {
    pub(super) fn new(set_cookie: HeaderValue) -> Self {
        Self { set_cookie }
    }
}

#[cfg(feature = "totp")]
impl IntoResponseParts for SecondFactorDue {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        let headers = parts.headers_mut();
        headers.append(header::SET_COOKIE, self.set_cookie);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(parts)
    }
}

/// Alone, an empty response.
#[cfg(feature = "totp")]
impl IntoResponse for SecondFactorDue {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

/// The part of a response by which the browser is known again: [`Web::recovered`](super::Web::recovered) makes it, and every
/// [`SignedIn`] has one.
#[derive(Clone, Debug)]
#[must_use = "it is a part of the response, or the browser stays a stranger"]
pub struct KnownDevice {
    set_cookie: Option<HeaderValue>,
}

impl KnownDevice {
    pub(super) fn new(set_cookie: Option<HeaderValue>) -> Self {
        Self { set_cookie }
    }
}

impl IntoResponseParts for KnownDevice {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        let headers = parts.headers_mut();
        if let Some(set_cookie) = self.set_cookie {
            headers.append(header::SET_COOKIE, set_cookie);
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        Ok(parts)
    }
}

/// Alone, an empty response.
impl IntoResponse for KnownDevice {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

/// The part of a response that signs out: [`Web::signed_out`](super::Web::signed_out) makes it.
#[derive(Clone, Debug)]
#[must_use = "it is a part of the response"]
pub struct SignedOut {
    set_cookie: HeaderValue,
}

impl SignedOut {
    pub(super) fn new(set_cookie: HeaderValue) -> Self {
        Self { set_cookie }
    }
}

impl IntoResponseParts for SignedOut {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        let headers = parts.headers_mut();
        headers.append(header::SET_COOKIE, self.set_cookie);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // "cache" reaches pages that the back button would show again. Not "cookies": it takes those of every sibling
        // domain, and with them other applications' sign-ins.
        headers.insert("clear-site-data", HeaderValue::from_static(r#""cache", "storage""#));
        Ok(parts)
    }
}

/// Alone, an empty response.
impl IntoResponse for SignedOut {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: SiteCookie = SiteCookie { secure: true, content: Content::Session };
    const LOCAL: SiteCookie = SiteCookie { secure: false, content: Content::Session };

    fn found(cookie: SiteCookie, lines: &[&[u8]]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        cookie.find(&headers)
    }

    /// The attributes of a `Set-Cookie`, in lower case.
    fn attributes(header: &HeaderValue) -> Vec<String> {
        header.to_str().unwrap().split("; ").skip(1).map(str::to_lowercase).collect()
    }

    #[test]
    fn a_public_site_has_a_host_cookie() {
        let header = PUBLIC.set("sgs.k1.abc", None);
        assert!(header.to_str().unwrap().starts_with("__Host-sigra=sgs.k1.abc; "));
        let attributes = attributes(&header);
        for attribute in ["httponly", "samesite=lax", "secure", "path=/"] {
            assert!(attributes.iter().any(|a| a == attribute), "{attribute} is not in {attributes:?}");
        }
        // `Domain` would void the prefix, and a cookie without a lifetime ends with the browser.
        assert!(
            !attributes
                .iter()
                .any(|a| a.starts_with("domain") || a.starts_with("max-age") || a.starts_with("expires"))
        );
        assert!(header.is_sensitive());
    }

    #[test]
    fn the_local_site_has_a_plain_name_and_is_otherwise_the_same() {
        let header = LOCAL.set("sgs.k1.abc", None);
        assert!(header.to_str().unwrap().starts_with("sigra=sgs.k1.abc; "));
        let attributes = attributes(&header);
        assert!(!attributes.iter().any(|a| a == "secure"));
        assert!(attributes.iter().any(|a| a == "httponly") && attributes.iter().any(|a| a == "samesite=lax"));
    }

    #[test]
    fn a_remembered_session_lasts_and_a_removed_one_goes() {
        let set = PUBLIC.set("sgs.k1.abc", Some(time::Duration::days(30)));
        assert!(attributes(&set).iter().any(|a| a == "max-age=2592000"));
        let begun =
            PUBLIC.set("sgs.k1.abc", Some(time::Duration::days(30) - time::Duration::microseconds(1)));
        assert!(attributes(&begun).iter().any(|a| a == "max-age=2592000"));
        let removed = PUBLIC.remove();
        assert!(removed.to_str().unwrap().starts_with("__Host-sigra=; "));
        let removed = attributes(&removed);
        for attribute in ["max-age=0", "secure", "path=/", "httponly"] {
            assert!(removed.iter().any(|a| a == attribute), "{attribute} is not in {removed:?}");
        }
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        assert_eq!(found(PUBLIC, &[b"a=1; __Host-sigra=secret; b=2"]).as_deref(), Some("secret"));
        assert_eq!(found(PUBLIC, &[b"a=1", b"__Host-sigra=secret"]).as_deref(), Some("secret"));
        assert_eq!(found(PUBLIC, &[b"a=\xff\xfe; __Host-sigra=secret"]).as_deref(), Some("secret"));
        assert_eq!(found(PUBLIC, &[b"nonsense; =; ; __Host-sigra=secret"]).as_deref(), Some("secret"));
        assert_eq!(found(PUBLIC, &[b"a=1"]), None);
        assert_eq!(found(PUBLIC, &[]), None);
    }

    #[test]
    fn other_names_are_other_cookies() {
        for line in
            [&b"sigra=secret"[..], b"__host-sigra=secret", b"__Host-sigra2=secret", b"X__Host-sigra=secret"]
        {
            assert_eq!(found(PUBLIC, &[line]), None);
        }
        assert_eq!(found(LOCAL, &[b"__Host-sigra=secret"]), None);
    }

    #[test]
    fn the_cookie_of_a_device_is_another() {
        let device = SiteCookie::device(true);
        let both = &[&b"__Host-sigra-device=known; __Host-sigra=secret"[..]];
        assert_eq!(found(device, both).as_deref(), Some("known"));
        assert_eq!(found(PUBLIC, both).as_deref(), Some("secret"));
        let header = device.set("sgd.k1.abc", Some(time::Duration::days(180)));
        assert!(header.to_str().unwrap().starts_with("__Host-sigra-device=sgd.k1.abc; "));
        assert!(attributes(&header).iter().any(|a| a == "httponly"));
    }

    #[test]
    fn two_session_cookies_are_none() {
        assert_eq!(found(PUBLIC, &[b"__Host-sigra=mine; __Host-sigra=planted"]), None);
        assert_eq!(found(PUBLIC, &[b"__Host-sigra=mine", b"__Host-sigra=planted"]), None);
        assert_eq!(found(PUBLIC, &[b"__Host-sigra=mine; __Host-sigra=mine"]), None);
        assert_eq!(found(PUBLIC, &[b"__Host-sigra=a; b=1; __Host-sigra=b; __Host-sigra=c"]), None);
    }
}
