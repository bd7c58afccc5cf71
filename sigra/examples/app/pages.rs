//! How answers look: as a page or as JSON, with the headers that every one of them has.

use std::convert::Infallible;
use std::fmt;

use askama::Template;
use axum::body::Body;
use axum::extract::{Form, FromRequest, FromRequestParts, Json, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sigra::axum::Problem;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// A page, and what a program gets instead.
pub trait Page: Template {
    /// The content, for a program.
    fn json(&self) -> Value;

    /// What went wrong with the form that the page shows again.
    fn problem(&self) -> Option<&Problem> {
        None
    }

    /// Whether it is this that went wrong.
    fn is_wrong(&self, code: &str) -> bool {
        self.problem().is_some_and(|problem| problem.code() == code)
    }
}

/// What the visitor reads. Programs ask with `Accept: application/json`, or for something below `/api`.
#[derive(Clone, Copy)]
pub enum Format {
    Html,
    Json,
}

impl<S: Sync> FromRequestParts<S> for Format {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let accept =
            parts.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        let asks_for_json = accept.contains("application/json") && !accept.contains("text/html");
        Ok(if asks_for_json || parts.uri.path().starts_with("/api/") { Self::Json } else { Self::Html })
    }
}

impl Format {
    /// The page; with the status of the problem, if it shows one.
    pub fn show(self, page: &impl Page) -> Response {
        match (self, page.problem().cloned()) {
            (Self::Json, Some(problem)) => problem.into_response(),
            (Self::Json, None) => Json(page.json()).into_response(),
            (Self::Html, Some(problem)) => with_page(problem.into_response(), page),
            (Self::Html, None) => with_page(Response::default(), page),
        }
    }

    /// What was asked for is done: a visitor goes on to another page, a program gets a content.
    pub fn done(self, next: &str, content: Value) -> Response {
        match self {
            Self::Html => Redirect::to(next).into_response(),
            Self::Json => Json(content).into_response(),
        }
    }
}

/// Puts the page into a response whose status and headers stand already.
fn with_page(mut response: Response, page: &impl Page) -> Response {
    // It is a page already: `problems_as_pages` has nothing left to do.
    response.extensions_mut().remove::<Problem>();
    match page.render() {
        Ok(html) => {
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            *response.body_mut() = Body::from(html);
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
    }
    response
}

/// A form, as browsers send it or as JSON.
pub struct Input<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let content_type =
            request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let malformed =
            |status| Problem::new(status, "malformed", "the form is not complete or not readable");
        if content_type.starts_with(b"application/json") {
            let json = Json::from_request(request, state).await;
            json.map(|Json(input)| Self(input)).map_err(|rejection| malformed(rejection.status()))
        } else {
            let form = Form::from_request(request, state).await;
            form.map(|Form(input)| Self(input)).map_err(|rejection| malformed(rejection.status()))
        }
    }
}

/// A moment, for people and for the attribute `datetime`.
pub struct Moment<'a>(pub &'a OffsetDateTime);

impl Moment<'_> {
    pub fn machine(&self) -> String {
        self.0.format(&Rfc3339).unwrap_or_default()
    }
}

impl fmt::Display for Moment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let human = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
        f.write_str(&self.0.format(&human).unwrap_or_default())
    }
}

#[derive(Template)]
#[template(path = "problem_page.html")]
struct ProblemPage {
    problem: Problem,
}

impl Page for ProblemPage {
    fn json(&self) -> Value {
        Value::Null
    }

    fn problem(&self) -> Option<&Problem> {
        Some(&self.problem)
    }
}

/// A middleware that shows a [`Problem`] which no handler dealt with as a page, unless the visitor is a program.
pub async fn problems_as_pages(format: Format, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    match (format, response.extensions().get::<Problem>().cloned()) {
        (Format::Html, Some(problem)) => with_page(response, &ProblemPage { problem }),
        _ => response,
    }
}

/// A middleware that adds what every response should say, where it says nothing else.
pub async fn security_headers(request: Request, next: Next) -> Response {
    const HEADERS: [(HeaderName, &str); 5] = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

pub async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such page")
}

pub async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this page does not understand that request",
    )
}

/// `GET /style.css`
pub async fn style() -> impl IntoResponse {
    asset("text/css; charset=utf-8", include_str!("style.css"))
}

/// `GET /icon.svg`
pub async fn icon() -> impl IntoResponse {
    asset("image/svg+xml", include_str!("icon.svg"))
}

fn asset(content_type: &'static str, content: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "public, max-age=300")], content)
}
