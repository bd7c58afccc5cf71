//! "This was not me": undoes a change of second factors by the link in the mail about it.

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::json;
use sigra::axum::{SecretPage, Visitor, Web};

use super::mailed::Link;
use crate::pages::Format;
use crate::user::User;

const LINK: Link = Link {
    path: "/disown",
    title: "Undo a change",
    heading: "Was it not you?",
    click: "One click undoes the change that our mail was about, voids your backup codes and signs every device out. \
            Then choose a new password.",
    button: "It was not me",
    class: "danger",
    instead: ("/reset", "Choose a new password"),
    message: "send a POST to this address to undo the change",
};

/// `GET /disown/{token}`
pub async fn link(Path(token): Path<String>, format: Format) -> SecretPage<Response> {
    LINK.show(format, token)
}

/// `POST /disown/{token}` signs nobody in, and everybody out.
pub async fn submit_link(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    format: Format,
    Path(token): Path<String>,
) -> SecretPage<Response> {
    SecretPage(match web.auth().disown(&token, &visitor).await {
        Ok(_) => format.done("/login?done=disowned", json!({ "status": "undone" })),
        Err(error) => LINK.stopped(format, token, error),
    })
}
