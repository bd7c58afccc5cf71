//! One mapping from typed errors to responses, and the headers of pages that nobody may keep.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use ::axum::extract::Request;
use ::axum::middleware::Next;
use ::axum::response::{IntoResponse, Response};
use ::http::{HeaderValue, StatusCode, header};

use crate::error::{Error, Failure, Refusal};

/// What a visitor is told instead of what was asked for: a status, a stable code for programs, and a sentence for people.
///
/// As a response it is JSON, `{"error":"invalid_credentials","message":".."}`, with `Retry-After` where waiting helps. The
/// response carries the `Problem` among its extensions, so that a middleware of the host's can make a page of it.
///
/// | from | status | code |
/// |---|---|---|
/// | [`Refusal::InvalidCredentials`] | 401 | `invalid_credentials` |
/// | [`Refusal::InvalidCode`] | 401 | `invalid_code` |
/// | [`Refusal::SudoRequired`] | 403 | `sudo_required` |
/// | [`Refusal::TooManyFactors`] | 409 | `too_many_factors` |
/// | [`Refusal::NoFactor`] | 409 | `no_factor` |
/// | [`Refusal::TooEarly`] | 409 | `too_early` |
/// | [`Refusal::SessionEnded`] | 401 | `session_ended` |
/// | [`Refusal::InvalidToken`] | 400 | `invalid_token` |
/// | [`Refusal::InvalidEmail`] | 422 | `invalid_email` |
/// | [`Refusal::PasswordRejected`] | 422 | `password_rejected` |
/// | [`Refusal::Conflict`] | 409 | `conflict` |
/// | [`Refusal::InvalidValue`] | 422 | `invalid_value` |
/// | [`Refusal::TooManyAttempts`] | 429 | `too_many_attempts` |
/// | [`Refusal::Busy`] | 503 | `busy` |
/// | [`Failure::Database`], [`Failure::Audit`], [`Failure::BreachedPasswords`] | 503 | `unavailable` |
/// | every other [`Failure`] | 500 | `internal` |
/// | nobody is signed in | 401 | `not_signed_in` |
/// | a second factor is wanted in the session | 403 | `aal2_required` |
/// | a factor is wanted that cannot be phished | 403 | `phishing_resistant_required` |
/// | another site asked | 403 | `cross_origin` |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    retry_after: Option<u64>,
    location: Option<String>,
}

impl Problem {
    /// A problem of the host's own, for the same treatment.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, location: None }
    }

    /// Nobody is signed in. For a handler that takes [`MaybeUser`](super::MaybeUser) and wants somebody after all.
    #[must_use]
    pub fn not_signed_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_signed_in", "sign in first")
    }

    pub(super) fn cross_origin() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "cross_origin",
            "this request came from another site and was refused",
        )
    }

    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something went wrong on our side")
    }

    fn unavailable() -> Self {
        let message = "the service is not available at the moment; try again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    /// Says where to go, a path of this site: programs find it as `location`.
    #[must_use]
    pub fn at(mut self, location: impl Into<String>) -> Self {
        self.location = Some(location.into());
        self
    }

    /// Where to go, if that is known.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    pub(super) fn aal2_required() -> Self {
        let message = "this takes a second factor that was proved in this session";
        Self::new(StatusCode::FORBIDDEN, "aal2_required", message)
    }

    pub(super) fn phishing_resistant_required() -> Self {
        let message = "this takes a factor that cannot be phished, such as a passkey, proved in this session";
        Self::new(StatusCode::FORBIDDEN, "phishing_resistant_required", message)
    }

    /// Says when to try again, in whole seconds, rounded up.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The code. It is stable: programs may compare it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The sentence. It is safe to show.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// A refusal keeps its text; a failure gives the visitor a generic one. The operation that failed has told the operator of it.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Failed(failure) => failure.into(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let said = |status| Self::new(status, refusal.code(), refusal.to_string());
        match &refusal {
            Refusal::InvalidCredentials | Refusal::InvalidCode | Refusal::SessionEnded => {
                said(StatusCode::UNAUTHORIZED)
            }
            Refusal::InvalidToken => said(StatusCode::BAD_REQUEST),
            Refusal::SudoRequired { .. } => said(StatusCode::FORBIDDEN),
            Refusal::Conflict | Refusal::TooManyFactors { .. } | Refusal::NoFactor => {
                said(StatusCode::CONFLICT)
            }
            Refusal::TooEarly { retry_after } => said(StatusCode::CONFLICT).retry_after(*retry_after),
            Refusal::InvalidEmail | Refusal::PasswordRejected(_) | Refusal::InvalidValue => {
                said(StatusCode::UNPROCESSABLE_ENTITY)
            }
            Refusal::TooManyAttempts { retry_after } => {
                said(StatusCode::TOO_MANY_REQUESTS).retry_after(*retry_after)
            }
            Refusal::Busy { retry_after } => said(StatusCode::SERVICE_UNAVAILABLE).retry_after(*retry_after),
        }
    }
}

/// The visitor's answer says nothing of it.
impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Database(_) | Failure::Audit { .. } | Failure::BreachedPasswords(_) => {
                Self::unavailable()
            }
            _ => Self::internal(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = serde_json::json!({ "error": self.code, "message": self.message });
        if let Some(location) = &self.location {
            body["location"] = location.as_str().into();
        }
        let body = body.to_string();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // A 401 must name a scheme (RFC 9110 15.5.2). No registered one is a form and a cookie, and a browser that
            // does not know a scheme shows the page and asks nothing.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Cookie"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// As [`Problem`] says. It lets a handler return `Result<_, sigra::Error>`.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

/// A page whose address or content is a secret: no cache keeps it, no link from it tells its address (ASVS 14.2.1, 14.3.2).
///
/// It sends `Cache-Control: no-store` and `Referrer-Policy: no-referrer`. A form on such a page sends `Origin: null`; the
/// cross-origin protection knows it as the site's own by `Sec-Fetch-Site`.
#[derive(Clone, Copy, Debug)]
pub struct SecretPage<T>(pub T);

impl<T: IntoResponse> IntoResponse for SecretPage<T> {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }
}

/// A middleware that sends `Cache-Control: no-store` with every response that does not say something else.
///
/// For routers whose pages show what only one user may see.
pub async fn no_store(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::KeyringError;
    use crate::password::PasswordProblem;

    #[test]
    fn a_refusal_keeps_its_text() {
        let response = Error::from(Refusal::InvalidCredentials).into_response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        let problem = response.extensions().get::<Problem>().unwrap();
        assert_eq!(problem.code(), "invalid_credentials");
        assert_eq!(problem.message(), Refusal::InvalidCredentials.to_string());
    }

    #[test]
    fn waiting_is_said_in_whole_seconds_and_never_too_short() {
        let seconds = |wait| {
            let response = Problem::from(Refusal::TooManyAttempts { retry_after: wait }).into_response();
            assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
            response.headers()[header::RETRY_AFTER].to_str().unwrap().to_owned()
        };
        assert_eq!(seconds(Duration::from_mins(15)), "900");
        assert_eq!(seconds(Duration::from_millis(1)), "1");
        let busy = Problem::from(Refusal::Busy { retry_after: Duration::from_millis(1500) }).into_response();
        assert_eq!(
            (busy.status(), &busy.headers()[header::RETRY_AFTER]),
            (StatusCode::SERVICE_UNAVAILABLE, &"2".parse().unwrap())
        );
    }

    #[test]
    fn what_a_visitor_can_mend_is_a_client_error() {
        let status = |refusal: Refusal| Problem::from(refusal).status().as_u16();
        assert_eq!(status(PasswordProblem::TooShort { min: 15 }.into()), 422);
        assert_eq!(status(Refusal::InvalidEmail), 422);
        assert_eq!(status(Refusal::InvalidToken), 400);
        assert_eq!(status(Refusal::Conflict), 409);
        assert_eq!(status(Refusal::SessionEnded), 401);
    }

    #[test]
    fn a_failure_tells_the_visitor_nothing() {
        let secret = "column users.secret is missing";
        let problem = Problem::from(Failure::Config(secret.into()));
        assert_eq!(problem.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!problem.message().contains("users"));
        assert_eq!(Problem::from(Failure::from(KeyringError::Malformed { position: 1 })).code(), "internal");
    }

    #[test]
    fn a_secret_page_is_neither_kept_nor_named() {
        let response = SecretPage("page").into_response();
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer");
    }
}
