//! The two pages of everything that a mailed link does: the form that asks for the mail, and the button behind the link.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use sigra::axum::{Problem, SecretPage};

use crate::pages::{Format, Page};

/// Who asks.
#[derive(Deserialize)]
pub struct Address {
    pub email: String,
}

/// What the page says that asks for a mail.
pub struct Request {
    pub path: &'static str,
    pub title: &'static str,
    pub hint: &'static str,
}

#[derive(Template)]
#[template(path = "request.html")]
struct RequestPage<'a> {
    about: &'a Request,
    email: String,
    sent: bool,
    problem: Option<Problem>,
}

impl Page for RequestPage<'_> {
    fn json(&self) -> Value {
        if self.sent { json!({ "status": "check_mail" }) } else { json!({ "fields": ["email"] }) }
    }

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

impl Request {
    /// The empty form.
    pub fn form(&self, format: Format) -> Response {
        format.show(&RequestPage { about: self, email: String::new(), sent: false, problem: None })
    }

    /// The same words for every address, or the form again with what went wrong.
    pub fn asked(&self, format: Format, email: String, asked: Result<(), sigra::Error>) -> Response {
        let problem = asked.err().map(Problem::from);
        format.show(&RequestPage { about: self, email, sent: problem.is_none(), problem })
    }
}

/// What the page says that a mailed link opens. It changes nothing before its button is pressed: mail scanners follow links.
pub struct Link {
    pub path: &'static str,
    pub title: &'static str,
    pub heading: &'static str,
    /// What one click does.
    pub click: &'static str,
    pub button: &'static str,
    /// How the button looks.
    pub class: &'static str,
    /// Where to go with a link that is no good, and what that is called.
    pub instead: (&'static str, &'static str),
    /// The same for a program.
    pub message: &'static str,
}

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage<'a> {
    about: &'a Link,
    token: String,
    problem: Option<Problem>,
}

impl Page for LinkPage<'_> {
    fn json(&self) -> Value {
        json!({ "message": self.about.message })
    }

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

impl Link {
    /// The page with its button.
    pub fn show(&self, format: Format, token: String) -> SecretPage<Response> {
        SecretPage(format.show(&LinkPage { about: self, token, problem: None }))
    }

    /// The page again, with what went wrong.
    pub fn stopped(&self, format: Format, token: String, error: sigra::Error) -> Response {
        format.show(&LinkPage { about: self, token, problem: Some(error.into()) })
    }
}
