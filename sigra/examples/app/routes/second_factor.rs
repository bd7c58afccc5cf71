//! The second step of a sign-in.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sigra::Code;
use sigra::axum::{PendingUser, Problem, RedirectTarget, Visitor, Web};

use super::session::Checkbox;
use crate::pages::{Format, Input, Page};
use crate::user::User;

#[derive(Template)]
#[template(path = "second_factor.html")]
struct SecondFactorPage {
    next: Option<RedirectTarget>,
    problem: Option<Problem>,
}

impl Page for SecondFactorPage {
    fn json(&self) -> Value {
        json!({ "fields": ["code", "trust", "next"] })
    }

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

#[derive(Deserialize)]
pub struct Arrival {
    /// Where the visitor wanted to go.
    pub next: Option<String>,
}

/// `GET /login/second-factor`
pub async fn form(_: PendingUser<User>, Query(Arrival { next }): Query<Arrival>, format: Format) -> Response {
    let next = next.as_deref().and_then(RedirectTarget::parse);
    format.show(&SecondFactorPage { next, problem: None })
}

#[derive(Deserialize)]
pub struct Proof {
    code: String,
    trust: Option<Checkbox>,
    next: Option<String>,
}

/// `POST /login/second-factor` takes a code of an app or a backup code.
pub async fn submit(
    State(web): State<Web<User>>,
    pending: PendingUser<User>,
    visitor: Visitor<User>,
    format: Format,
    Input(Proof { code, trust, next }): Input<Proof>,
) -> Response {
    let next = next.as_deref().and_then(RedirectTarget::parse);
    let trust = trust.is_some_and(|checkbox| checkbox.is_ticked());
    let code = Code::new(code).trust(trust).replacing(visitor.session_token());
    match web.auth().prove_second_factor(pending.token(), code, &visitor).await {
        Ok(session) => {
            let user = session.user();
            let content = json!({ "status": "signed_in", "id": user.id.to_string(), "email": user.email });
            let next = next.unwrap_or(RedirectTarget::from_static("/settings"));
            (web.signed_in(&session), format.done(next.as_str(), content)).into_response()
        }
        Err(error) => format.show(&SecondFactorPage { next, problem: Some(error.into()) }),
    }
}
