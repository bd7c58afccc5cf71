//! The way back in for a user whose account strangers have locked.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sigra::axum::{Problem, SecretPage, Visitor, Web};

use crate::pages::{Format, Input, Page};
use crate::user::User;

#[derive(Deserialize)]
pub struct Address {
    email: String,
}

#[derive(Default, Template)]
#[template(path = "unlock.html")]
struct UnlockPage {
    email: String,
    sent: bool,
    problem: Option<Problem>,
}

impl Page for UnlockPage {
    fn json(&self) -> Value {
        if self.sent { json!({ "status": "check_mail" }) } else { json!({ "fields": ["email"] }) }
    }

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// `GET /unlock`
pub async fn form(format: Format) -> Response {
    format.show(&UnlockPage::default())
}

/// `POST /unlock`
pub async fn submit(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    format: Format,
    Input(Address { email }): Input<Address>,
) -> Response {
    match web.auth().request_unlock(&email, &visitor).await {
        Ok(()) => format.show(&UnlockPage { email, sent: true, problem: None }),
        Err(error) => format.show(&UnlockPage { email, sent: false, problem: Some(error.into()) }),
    }
}

#[derive(Template)]
#[template(path = "unlock_link.html")]
struct LinkPage {
    token: String,
    problem: Option<Problem>,
}

impl Page for LinkPage {
    fn json(&self) -> Value {
        json!({ "message": "send a POST to this address to unlock" })
    }

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// `GET /unlock/{token}` changes nothing: mail scanners follow links.
pub async fn link(Path(token): Path<String>, format: Format) -> SecretPage<Response> {
    SecretPage(format.show(&LinkPage { token, problem: None }))
}

/// `POST /unlock/{token}` signs nobody in: it lets the user try, in this browser.
pub async fn submit_link(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    format: Format,
    Path(token): Path<String>,
) -> SecretPage<Response> {
    SecretPage(match web.auth().unlock_by_link(&token, &visitor).await {
        Ok(recovered) => {
            let answer = format.done("/login?done=unlocked", json!({ "status": "unlocked" }));
            (web.recovered(&recovered), answer).into_response()
        }
        Err(error) => format.show(&LinkPage { token, problem: Some(error.into()) }),
    })
}
