//! What the host says about its site: its origin, its proxies and its sign-in page.

use std::fmt;
use std::net::Ipv6Addr;
use std::sync::Arc;

use ::axum::extract::FromRef;
use ::http::Uri;

use super::cookie::{KnownDevice, SignedIn, SignedOut, SiteCookie};
use super::network::Proxies;
use super::redirect::RedirectTarget;
use crate::core::Sigra;
use crate::operations::{KNOWN_FOR, Recovered};
use crate::session::NewSession;
use crate::token::DeviceToken;

/// [`Sigra`] and what its web half must know of the site. Cheap to clone; keep it in the router's state.
///
/// A router whose state is a struct of the host's implements [`FromRef`] for it, or derives that; the extractors ask for
/// no more. A handler may take `State<Web<U>>` or `State<Sigra<U>>`.
pub struct Web<U> {
    auth: Sigra<U>,
    site: Arc<Site>,
}

/// The settings, which do not depend on the user type.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) origin: Origin,
    pub(super) cookie: SiteCookie,
    pub(super) device_cookie: SiteCookie,
    pub(super) pending_cookie: SiteCookie,
    pub(super) proxies: Proxies,
    pub(super) login_path: RedirectTarget,
    pub(super) step_up_path: RedirectTarget,
}

impl<U> Web<U> {
    /// Says where visitors find the site and how many proxies stand before it.
    ///
    /// `base_url` is an origin such as `https://app.example`: what a browser shows before the first single slash. It decides
    /// about the cookie and about which requests come from the site itself; no request header does. Plain `http` is for
    /// `localhost`, `127.0.0.1` and `[::1]`.
    ///
    /// There is no default for `proxies`, because each answer is wrong for somebody: see [`Proxies`].
    ///
    /// # Errors
    /// [`WebError`], with what to write.
    pub fn new(auth: Sigra<U>, base_url: &str, proxies: Proxies) -> Result<Self, WebError> {
        let origin = Origin::parse(base_url)?;
        auth.core.screening.served_at(base_url);
        let site = Site {
            cookie: SiteCookie::session(origin.secure),
            device_cookie: SiteCookie::device(origin.secure),
            pending_cookie: SiteCookie::pending(origin.secure),
            origin,
            proxies,
            login_path: RedirectTarget::from_static("/login"),
            step_up_path: RedirectTarget::from_static("/step-up"),
        };
        Ok(Self { auth, site: Arc::new(site) })
    }

    /// Where [`CurrentUser`](super::CurrentUser) sends a browser that is not signed in; `/login` if not said otherwise.
    ///
    /// # Errors
    /// [`WebError::LoginPath`] for anything but a path of this site.
    pub fn login_path(self, path: &str) -> Result<Self, WebError> {
        let login_path = RedirectTarget::parse(path).ok_or_else(|| WebError::LoginPath(path.to_owned()))?;
        let site = Site { login_path, ..(*self.site).clone() };
        Ok(Self { auth: self.auth, site: Arc::new(site) })
    }

    /// Where [`Sudo`](crate::Sudo), [`Aal2`](super::Aal2) and [`PhishingResistant`](super::PhishingResistant) send a browser
    /// whose user has to prove more; `/step-up` if not said otherwise.
    ///
    /// # Errors
    /// [`WebError::LoginPath`] for anything but a path of this site.
    pub fn step_up_path(self, path: &str) -> Result<Self, WebError> {
        let step_up_path = RedirectTarget::parse(path).ok_or_else(|| WebError::LoginPath(path.to_owned()))?;
        let site = Site { step_up_path, ..(*self.site).clone() };
        Ok(Self { auth: self.auth, site: Arc::new(site) })
    }

    /// The operations.
    #[must_use]
    pub fn auth(&self) -> &Sigra<U> {
        &self.auth
    }

    /// The site's origin, as browsers write it: in lower case, without a default port and without a slash at the end.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.site.origin.text
    }

    /// The part of a response that hands a new session to the browser: `(web.signed_in(&session), Redirect::to("/"))`.
    ///
    /// A remembered session's cookie lasts until the session's end, any other until the browser is closed. What ends a
    /// session is the database and never the cookie (NIST SP 800-63B-4 5.1.1).
    ///
    /// With `lockout` or `totp` a second cookie makes the browser known for half a year, so that strangers cannot lock its user out there. It
    /// opens nothing.
    #[must_use = "it is a part of the response, or the user is not signed in"]
    pub fn signed_in(&self, session: &NewSession<U>) -> SignedIn {
        let session_end = session.session().is_remembered().then(|| session.session().expires_at());
        let lifetime = session_end.map(|end| end - self.auth.core.now());
        let cookie = self.site.cookie.set(session.token().expose(), lifetime);
        let second = session.session().assurance().second_factor();
        let pending = second.map(|_| self.site.pending_cookie.remove());
        SignedIn::new(cookie, pending, self.known_device(session.device_token()))
    }

    /// The part of a response that waits for the second factor: `(web.second_factor_due(&challenge),
    /// Redirect::to("/login/second-factor"))`. Its cookie is another than the session's and opens nothing; the browser drops it with
    /// the challenge.
    #[cfg(feature = "totp")]
    #[must_use = "it is a part of the response, or the browser cannot go on"]
    pub fn second_factor_due(&self, challenge: &crate::outcome::SecondFactor) -> super::SecondFactorDue {
        let lifetime = challenge.expires_at() - self.auth.core.now();
        let cookie = self.site.pending_cookie.set(challenge.token().expose(), Some(lifetime));
        super::SecondFactorDue::new(cookie)
    }

    /// The part of a response that makes the browser known in which a mailed link was used: `(web.recovered(&recovered),
    /// Redirect::to("/login"))`. Nobody is signed in by it.
    #[must_use = "it is a part of the response, or the browser stays a stranger"]
    pub fn recovered(&self, recovered: &Recovered) -> KnownDevice {
        self.known_device(recovered.device_token())
    }

    fn known_device(&self, token: Option<&DeviceToken>) -> KnownDevice {
        let lifetime = time::Duration::try_from(KNOWN_FOR).ok();
        KnownDevice::new(token.map(|token| self.site.device_cookie.set(token.expose(), lifetime)))
    }

    /// The part of a response that takes the session from the browser: `(web.signed_out(), Redirect::to("/"))`.
    ///
    /// It removes the cookie and, with `Clear-Site-Data`, what the browser kept of the site's pages and storage (ASVS
    /// 14.3.1). Ending the session itself is [`Sigra::sign_out`].
    #[must_use = "it is a part of the response"]
    pub fn signed_out(&self) -> SignedOut {
        SignedOut::new(self.site.cookie.remove())
    }

    pub(super) fn site(&self) -> &Site {
        &self.site
    }
}

impl<U> Clone for Web<U> {
    fn clone(&self) -> Self {
        Self { auth: self.auth.clone(), site: self.site.clone() }
    }
}

impl<U> fmt::Debug for Web<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").field("auth", &self.auth).field("site", &self.site).finish()
    }
}

impl<U> FromRef<Web<U>> for Sigra<U> {
    fn from_ref(web: &Web<U>) -> Self {
        web.auth.clone()
    }
}

/// Settings of the site that cannot work or would not be safe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// Not the origin of a site.
    #[error(
        "`{0}` is not the origin of a site: write scheme, host and port alone, such as `https://app.example`"
    )]
    NotAnOrigin(String),
    /// `http` on a host that is not this machine: anybody on the way could read the session cookie.
    #[error(
        "`{0}` would send session cookies in clear text: write `https://`; plain `http` is for localhost, 127.0.0.1 and [::1]"
    )]
    Insecure(String),
    /// Not a path of this site.
    #[error("`{0}` is not a path of this site: write it like `/login`")]
    LoginPath(String),
}

/// A site's origin (RFC 6454 4), in the form in which browsers send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    text: String,
    secure: bool,
}

impl Origin {
    pub(super) fn parse(base_url: &str) -> Result<Self, WebError> {
        let not_an_origin = || WebError::NotAnOrigin(base_url.to_owned());
        let uri: Uri = base_url.parse().map_err(|_| not_an_origin())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(not_an_origin());
        };
        let has_more = !matches!(uri.path(), "" | "/") || uri.query().is_some() || base_url.contains('#');
        if has_more || authority.as_str().contains('@') {
            return Err(not_an_origin());
        }
        let (secure, default_port) = match scheme {
            "https" => (true, 443),
            "http" => (false, 80),
            _ => return Err(not_an_origin()),
        };
        let host = canonical_host(authority.host()).ok_or_else(not_an_origin)?;
        // A port that is no number from 1 to 65535 is dropped by `Uri::port_u16` without a word.
        let port = match authority.as_str().get(authority.host().len()..) {
            None | Some("") => None,
            Some(rest) => {
                let port = rest.strip_prefix(':').and_then(|port| port.parse::<u16>().ok());
                Some(port.filter(|port| *port != 0).ok_or_else(not_an_origin)?)
            }
        };
        if !secure && !matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]") {
            return Err(WebError::Insecure(base_url.to_owned()));
        }
        let text = match port.filter(|port| *port != default_port) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        Ok(Self { text, secure })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

/// The host as browsers write it: lower case, IPv6 in its shortest form.
fn canonical_host(host: &str) -> Option<String> {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return Some(format!("[{}]", address.parse::<Ipv6Addr>().ok()?));
    }
    let plain = !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    plain.then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        let origin = |text: &str| Origin::parse(text).unwrap().text;
        assert_eq!(origin("https://App.Example"), "https://app.example");
        assert_eq!(origin("https://app.example/"), "https://app.example");
        assert_eq!(origin("https://app.example:443"), "https://app.example");
        assert_eq!(origin("https://app.example:8443"), "https://app.example:8443");
        assert_eq!(origin("https://xn--bcher-kva.example"), "https://xn--bcher-kva.example");
        assert_eq!(origin("http://localhost:80"), "http://localhost");
        assert_eq!(origin("http://127.0.0.1:3000"), "http://127.0.0.1:3000");
        assert_eq!(origin("http://[0:0:0:0:0:0:0:1]:3000"), "http://[::1]:3000");
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        for url in
            ["http://app.example", "http://192.168.0.7:3000", "http://localhost.evil.example", "http://[::2]"]
        {
            assert_eq!(Origin::parse(url), Err(WebError::Insecure(url.to_owned())), "{url}");
        }
        assert!(Origin::parse("https://app.example").unwrap().secure);
        assert!(!Origin::parse("http://localhost:3000").unwrap().secure);
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for url in [
            "",
            "/",
            "app.example",
            "//app.example",
            "ftp://app.example",
            "https://",
            "https://user@app.example",
            "https://app.example/path",
            "https://app.example?query",
            "https://app.example/#part",
            "https://app.example:0",
            "https://app.example:65536",
            "https://app.example:port",
            "https://app.example:",
            "https://b\u{fc}cher.example",
            "https://[::1",
            "https://app.example%2fevil",
            "https://app.example https://evil.example",
        ] {
            assert_eq!(Origin::parse(url), Err(WebError::NotAnOrigin(url.to_owned())), "{url}");
        }
    }
}
