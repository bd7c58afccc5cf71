//! Proof of the address, by link or by code.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use sigra::axum::{Problem, SecretPage, Visitor, Web};

use super::mailed::{Address, Link};
use crate::pages::{Format, Input, Page};
use crate::user::User;

/// Where the visitor goes with a proved address.
const SIGN_IN: &str = "/login?done=confirmed";

#[derive(Deserialize)]
pub struct Code {
    email: String,
    code: String,
}

/// Asks for the code, and offers another mail.
#[derive(Default, Template)]
#[template(path = "code.html")]
pub struct CodePage {
    email: String,
    sent: Option<&'static str>,
    problem: Option<Problem>,
}

impl CodePage {
    /// After registration.
    pub fn registered(email: String) -> Self {
        Self {
            email,
            sent: Some("We sent you a mail. Open the link in it, or type its code here."),
            problem: None,
        }
    }

    /// With what went wrong.
    pub fn stopped(email: String, problem: Problem) -> Self {
        Self { email, sent: None, problem: Some(problem) }
    }
}

impl Page for CodePage {
    fn json(&self) -> Value {
        match self.sent {
            Some(message) => json!({ "status": "check_mail", "message": message }),
            None => json!({ "fields": ["email", "code"] }),
        }
    }

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// `GET /confirm`
pub async fn form(format: Format) -> Response {
    format.show(&CodePage::default())
}

/// `POST /confirm`
pub async fn submit(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    format: Format,
    Input(Code { email, code }): Input<Code>,
) -> Response {
    match web.auth().confirm_email_code(&email, &code, &visitor).await {
        Ok(_) => format.done(SIGN_IN, json!({ "status": "confirmed" })),
        Err(error) => format.show(&CodePage::stopped(email, error.into())),
    }
}

/// `POST /confirm/resend`
pub async fn resend(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    format: Format,
    Input(Address { email }): Input<Address>,
) -> Response {
    let sent = Some("If this address waits to be confirmed, a new mail is on its way.");
    match web.auth().resend_confirmation(&email, &visitor).await {
        Ok(()) => format.show(&CodePage { email, sent, problem: None }),
        Err(error) => format.show(&CodePage::stopped(email, error.into())),
    }
}

const LINK: Link = Link {
    path: "/confirm",
    title: "Confirm your address",
    heading: "Confirm your address",
    click: "One click, and you can sign in.",
    button: "Confirm my address",
    class: "",
    instead: ("/confirm", "Ask for a new mail"),
    message: "send a POST to this address to confirm",
};

/// `GET /confirm/{token}`
pub async fn link(Path(token): Path<String>, format: Format) -> SecretPage<Response> {
    LINK.show(format, token)
}

/// `POST /confirm/{token}`
pub async fn submit_link(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    format: Format,
    Path(token): Path<String>,
) -> SecretPage<Response> {
    SecretPage(match web.auth().confirm_email(&token, &visitor).await {
        Ok(_) => format.done(SIGN_IN, json!({ "status": "confirmed" })),
        Err(error) => LINK.stopped(format, token, error),
    })
}
