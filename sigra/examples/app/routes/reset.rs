//! A forgotten password.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sigra::axum::{Problem, SecretPage, Visitor, Web};

use super::mailed::{Address, Request};
use crate::pages::{Format, Input, Page};
use crate::user::User;

#[derive(Deserialize)]
pub struct NewPassword {
    password: String,
}

const REQUEST: Request = Request {
    path: "/reset",
    title: "Reset your password",
    hint: "We send you a link with which you choose a new password.",
};

/// `GET /reset`
pub async fn form(format: Format) -> Response {
    REQUEST.form(format)
}

/// `POST /reset`
pub async fn submit(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    format: Format,
    Input(Address { email }): Input<Address>,
) -> Response {
    let asked = web.auth().request_password_reset(&email, &visitor).await;
    REQUEST.asked(format, email, asked)
}

#[derive(Template)]
#[template(path = "reset_link.html")]
struct LinkPage {
    token: String,
    min_length: u32,
    problem: Option<Problem>,
}

impl Page for LinkPage {
    fn json(&self) -> Value {
        json!({ "fields": ["password"] })
    }

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// `GET /reset/{token}`
pub async fn link(
    State(web): State<Web<User>>,
    Path(token): Path<String>,
    format: Format,
) -> SecretPage<Response> {
    let min_length = web.auth().policy().password.min_length;
    SecretPage(format.show(&LinkPage { token, min_length, problem: None }))
}

/// `POST /reset/{token}` signs nobody in: the new password is what the visitor has to know.
pub async fn submit_link(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    format: Format,
    Path(token): Path<String>,
    Input(NewPassword { password }): Input<NewPassword>,
) -> SecretPage<Response> {
    SecretPage(match web.auth().reset_password(&token, password, &visitor).await {
        Ok(recovered) => {
            let answer = format.done("/login?done=password-set", json!({ "status": "password_set" }));
            (web.recovered(&recovered), answer).into_response()
        }
        Err(error) => {
            let min_length = web.auth().policy().password.min_length;
            format.show(&LinkPage { token, min_length, problem: Some(error.into()) })
        }
    })
}
