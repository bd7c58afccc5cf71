//! "This was not me": undoes a change of second factors by the link in the mail about it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};
use sigra::axum::{Problem, SecretPage, Visitor, Web};

use crate::pages::{Format, Page};
use crate::user::User;

#[derive(Template)]
#[template(path = "disown_link.html")]
struct LinkPage {
    token: String,
    problem: Option<Problem>,
}

impl Page for LinkPage {
    fn json(&self) -> Value {
        json!({ "message": "send a POST to this address to undo the change" })
    }

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// `GET /disown/{token}` changes nothing: mail scanners follow links.
pub async fn link(Path(token): Path<String>, format: Format) -> SecretPage<Response> {
    SecretPage(format.show(&LinkPage { token, problem: None }))
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
        Err(error) => format.show(&LinkPage { token, problem: Some(error.into()) }),
    })
}
