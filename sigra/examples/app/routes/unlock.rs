//! The way back in for a user whose account strangers have locked.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sigra::axum::{SecretPage, Visitor, Web};

use super::mailed::{Address, Link, Request};
use crate::pages::{Format, Input};
use crate::user::User;

const REQUEST: Request = Request {
    path: "/unlock",
    title: "Unlock your account",
    hint: "We send you a link that lets you sign in, whoever else tries your password.",
};
const LINK: Link = Link {
    path: "/unlock",
    title: "Unlock your account",
    heading: "Unlock your account",
    click: "One click, and you can sign in with this browser.",
    button: "Unlock my account",
    class: "",
    instead: ("/unlock", "Ask for a new link"),
    message: "send a POST to this address to unlock",
};

/// `GET /unlock`
pub async fn form(format: Format) -> Response {
    REQUEST.form(format)
}

/// `POST /unlock`
pub async fn submit(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    format: Format,
    Input(Address { email }): Input<Address>,
) -> Response {
    let asked = web.auth().request_unlock(&email, &visitor).await;
    REQUEST.asked(format, email, asked)
}

/// `GET /unlock/{token}`
pub async fn link(Path(token): Path<String>, format: Format) -> SecretPage<Response> {
    LINK.show(format, token)
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
        Err(error) => LINK.stopped(format, token, error),
    })
}
