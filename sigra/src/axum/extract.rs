//! The extractors, by assurance level: a handler that names one never runs with less.

use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::ops::Deref;

use ::axum::extract::{ConnectInfo, FromRef, FromRequestParts, OriginalUri};
use ::axum::response::{IntoResponse, Redirect, Response};
use ::http::request::Parts;
use ::http::{HeaderMap, Method, header};

use super::cross_origin;
use super::redirect::RedirectTarget;
use super::respond::Problem;
use super::site::{Site, Web};
use crate::account::Account;
use crate::client::Client;
use crate::feature;
use crate::session::Session;

/// Somebody is signed in: the session and its user, as the database has them now.
///
/// Costs one indexed read; now and then the session's last use is written, at most once in `session(touch)`.
///
/// # Rejections
/// - 401 where nobody is: as JSON, or for a browser that asks for a page a redirect to [`Web::login_path`] that names the
///   page to come back to in `next`,
/// - 403 for an unsafe request from another site, see [`refuse_cross_origin`](super::refuse_cross_origin),
/// - 503 or 500 where the database could not tell.
#[derive(Debug)]
pub struct CurrentUser<U>(pub Session<U>);

impl<U> Deref for CurrentUser<U> {
    type Target = Session<U>;

    fn deref(&self) -> &Session<U> {
        &self.0
    }
}

impl<S, U> FromRequestParts<S> for CurrentUser<U>
where
    S: Send + Sync,
    U: feature::Sessions,
    Web<U>: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let web = Web::<U>::from_ref(state);
        match session(&web, parts).await? {
            Some(session) => Ok(Self(session)),
            None => Err(Rejection::NotSignedIn { login: login_page(web.site(), parts) }),
        }
    }
}

/// Somebody or nobody is signed in.
///
/// Costs nothing where the request has no session cookie, and otherwise the same as [`CurrentUser`].
///
/// # Rejections
/// - 403 for an unsafe request from another site, see [`refuse_cross_origin`](super::refuse_cross_origin),
/// - 503 or 500 where the database could not tell: nobody is taken for signed out because it is down.
#[derive(Debug)]
pub struct MaybeUser<U>(pub Option<Session<U>>);

impl<S, U> FromRequestParts<S> for MaybeUser<U>
where
    S: Send + Sync,
    U: feature::Sessions,
    Web<U>: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        Ok(Self(session(&Web::<U>::from_ref(state), parts).await?))
    }
}

/// Whoever asks: a [`Client`] with the network address, as far as [`Proxies`](super::Proxies) trusts it, the `User-Agent`, and
/// what the browser keeps of an earlier sign-in. Nothing is proved of them.
///
/// It stands wherever an operation wants a `&Client`: `auth.register(new_user, &visitor)`. A host that knows more of a
/// visitor clones the client and adds it: `visitor.client().clone().with_note("Berlin")`.
///
/// # Rejections
/// - 403 for an unsafe request from another site, see [`refuse_cross_origin`](super::refuse_cross_origin),
/// - 500, with the remedy in the log, where the address is not known: limits that count by it would not work.
pub struct Visitor<U> {
    client: Client,
    session_token: Option<String>,
    user: PhantomData<fn() -> U>,
}

impl<U> Visitor<U> {
    /// The facts.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What the request's session cookie holds, whether it is worth anything or not, for
    /// [`Credentials::replacing`](crate::Credentials::replacing).
    #[must_use]
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }
}

impl<U> fmt::Debug for Visitor<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token would open a session to whoever reads the log.
        f.debug_struct("Visitor").field("client", &self.client).finish_non_exhaustive()
    }
}

impl<U> Deref for Visitor<U> {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl<S, U> FromRequestParts<S> for Visitor<U>
where
    S: Send + Sync,
    U: Account,
    Web<U>: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let web = Web::<U>::from_ref(state);
        let site = web.site();
        guard(site, parts)?;
        let peer = ConnectInfo::<SocketAddr>::from_request_parts(parts, state)
            .await
            .ok()
            .map(|ConnectInfo(peer)| peer);
        let address = site.proxies.client_address(&parts.headers, peer).ok_or(Rejection::UnknownAddress)?;
        let mut client = Client::from_address(address);
        if let Some(user_agent) = parts.headers.get(header::USER_AGENT) {
            client = client.with_user_agent(&String::from_utf8_lossy(user_agent.as_bytes()));
        }
        if let Some(device) = site.device_cookie.find(&parts.headers) {
            client = client.with_device_token(&device);
        }
        Ok(Self { client, session_token: site.cookie.find(&parts.headers), user: PhantomData })
    }
}

/// Why an extractor stopped the request before the handler ran. Nothing was written.
#[derive(Debug)]
#[non_exhaustive]
pub enum Rejection {
    /// The request would change something and comes from another site.
    CrossOrigin,
    /// Nobody is signed in.
    NotSignedIn {
        /// Where a visitor who asked for a page can sign in; `None` for a program.
        login: Option<String>,
    },
    /// What was proved in the session is not enough.
    NotEnough {
        /// What a program is told.
        problem: Problem,
        /// Where a visitor who asked for a page can prove more; `None` for a program.
        step_up: Option<String>,
    },
    /// The network address of the request is not known.
    UnknownAddress,
    /// The session could not be looked up.
    Failed(Problem),
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        match self {
            Self::CrossOrigin => Problem::cross_origin().into_response(),
            Self::NotSignedIn { login: None } => Problem::not_signed_in().into_response(),
            Self::NotSignedIn { login: Some(login) } => {
                ([(header::CACHE_CONTROL, "no-store")], Redirect::to(&login)).into_response()
            }
            Self::NotEnough { step_up: Some(step_up), .. } => {
                ([(header::CACHE_CONTROL, "no-store")], Redirect::to(&step_up)).into_response()
            }
            Self::UnknownAddress => {
                crate::telemetry::no_address_of_connection();
                Problem::internal().into_response()
            }
            Self::NotEnough { problem, step_up: None } | Self::Failed(problem) => problem.into_response(),
        }
    }
}

/// Refuses an unsafe request from another site.
pub(super) fn guard(site: &Site, parts: &Parts) -> Result<(), Rejection> {
    if cross_origin::allows(&site.origin, &parts.method, &parts.headers) {
        Ok(())
    } else {
        Err(Rejection::CrossOrigin)
    }
}

/// The live session that the request's cookie names.
pub(super) async fn session<U: feature::Sessions>(
    web: &Web<U>,
    parts: &Parts,
) -> Result<Option<Session<U>>, Rejection> {
    guard(web.site(), parts)?;
    match web.site().cookie.find(&parts.headers) {
        Some(token) => web.auth().session(&token).await.map_err(|error| Rejection::Failed(error.into())),
        None => Ok(None),
    }
}

/// Where a visitor who asked for a page signs in: with the way back, if the page can be asked for again.
pub(super) fn login_page(site: &Site, parts: &Parts) -> Option<String> {
    page(&site.login_path, parts)
}

/// Where such a visitor proves more.
pub(super) fn step_up_page(site: &Site, parts: &Parts) -> Option<String> {
    page(&site.step_up_path, parts)
}

fn page(path: &RedirectTarget, parts: &Parts) -> Option<String> {
    if !accepts_html(&parts.headers) {
        return None;
    }
    // Inside a nested router the request's own path is cut short.
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
    let next = uri
        .path_and_query()
        .filter(|_| parts.method == Method::GET)
        .and_then(|next| RedirectTarget::parse(next.as_str()));
    Some(next.map_or_else(|| path.to_string(), |next| path.with_next(&next)))
}

/// Whether `text/html` stands in `Accept`, as it does in whatever a browser sends for a page.
fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).into_iter().filter_map(|line| line.to_str().ok()).any(|line| {
        line.split(',').any(|range| {
            let mut parameters = range.split(';').map(str::trim);
            let is_html = parameters.next().is_some_and(|name| name.eq_ignore_ascii_case("text/html"));
            is_html
                && !parameters.any(|parameter| matches!(parameter, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axum::Proxies;
    use crate::axum::cookie::SiteCookie;
    use crate::axum::site::Origin;
    use ::http::Request;

    fn site() -> Site {
        Site {
            origin: Origin::parse("https://app.example").unwrap(),
            cookie: SiteCookie::session(true),
            device_cookie: SiteCookie::device(true),
            pending_cookie: SiteCookie::pending(true),
            proxies: Proxies::None,
            login_path: RedirectTarget::from_static("/login"),
            step_up_path: RedirectTarget::from_static("/step-up"),
        }
    }

    fn parts(method: &str, path: &str, accept: &str) -> Parts {
        Request::builder().method(method).uri(path).header("accept", accept).body(()).unwrap().into_parts().0
    }

    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    #[test]
    fn a_browser_is_sent_to_sign_in_and_back() {
        let login = |method, path, accept| login_page(&site(), &parts(method, path, accept));
        assert_eq!(
            login("GET", "/settings?tab=2", BROWSER).as_deref(),
            Some("/login?next=/settings%3Ftab%3D2")
        );
        assert_eq!(login("POST", "/settings/password", BROWSER).as_deref(), Some("/login"));
        assert_eq!(login("GET", "//evil.example", BROWSER).as_deref(), Some("/login"));
    }

    #[test]
    fn a_program_gets_no_redirect() {
        for accept in [
            "application/json",
            "*/*",
            "",
            "text/html;q=0",
            "text/htmlx",
            "application/json, text/html; q=0.0",
        ] {
            assert_eq!(login_page(&site(), &parts("GET", "/api/me", accept)), None, "{accept}");
        }
        for accept in ["text/html", "TEXT/HTML", "application/json;q=0.5, text/html ;q=0.9", BROWSER] {
            assert!(login_page(&site(), &parts("GET", "/settings", accept)).is_some(), "{accept}");
        }
    }

    #[test]
    fn the_guard_stands_in_the_extractors_too() {
        let mut parts = parts("POST", "/settings/password", BROWSER);
        assert!(guard(&site(), &parts).is_ok());
        parts.headers.insert("sec-fetch-site", "cross-site".parse().unwrap());
        assert!(matches!(guard(&site(), &parts), Err(Rejection::CrossOrigin)));
        assert_eq!(Rejection::CrossOrigin.into_response().status(), 403);
    }
}
