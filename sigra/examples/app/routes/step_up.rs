//! Who is signed in proves once more to be there, before a credential is changed.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sigra::Error;
use sigra::axum::{CurrentUser, Problem, RedirectTarget, Visitor, Web};

use super::second_factor::Arrival;
use crate::pages::{Format, Input, Page};
use crate::user::User;

#[derive(Template)]
#[template(path = "step_up.html")]
struct StepUpPage<'s> {
    user: &'s User,
    /// The account has a second factor, which is always enough; the password is not.
    with_code: bool,
    next: Option<RedirectTarget>,
    problem: Option<Problem>,
}

impl Page for StepUpPage<'_> {
    fn json(&self) -> Value {
        json!({ "fields": [if self.with_code { "code" } else { "password" }, "next"] })
    }

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// `GET /step-up`
pub async fn form(
    State(web): State<Web<User>>,
    CurrentUser(session): CurrentUser<User>,
    Query(Arrival { next }): Query<Arrival>,
    format: Format,
) -> Result<Response, Error> {
    let with_code = !web.auth().factors(&session).await?.is_empty();
    let next = next.as_deref().and_then(RedirectTarget::parse);
    Ok(format.show(&StepUpPage { user: session.user(), with_code, next, problem: None }))
}

#[derive(Deserialize)]
pub struct Proof {
    code: Option<String>,
    password: Option<String>,
    next: Option<String>,
}

/// `POST /step-up` takes a code if there is one, and the password otherwise.
pub async fn submit(
    State(web): State<Web<User>>,
    CurrentUser(session): CurrentUser<User>,
    visitor: Visitor<User>,
    format: Format,
    Input(Proof { code, password, next }): Input<Proof>,
) -> Result<Response, Error> {
    let next = next.as_deref().and_then(RedirectTarget::parse);
    let proved = if let Some(code) = code {
        web.auth().step_up_with_code(&session, code, &visitor).await
    } else {
        web.auth().step_up_with_password(&session, password.unwrap_or_default(), &visitor).await
    };
    match proved {
        Ok(session) => {
            let next = next.unwrap_or(RedirectTarget::from_static("/settings"));
            let answer = format.done(next.as_str(), json!({ "status": "proved" }));
            Ok((web.signed_in(&session), answer).into_response())
        }
        Err(error) => {
            let with_code = !web.auth().factors(&session).await?.is_empty();
            let problem = Some(error.into());
            Ok(format.show(&StepUpPage { user: session.user(), with_code, next, problem }))
        }
    }
}
