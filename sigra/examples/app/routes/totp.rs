//! Authenticator apps: adding one by a code of it, and removing one.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sigra::axum::{Problem, SecretPage, Visitor, Web};
use sigra::{Enrolment, Error, FactorId, Sudo};

use crate::pages::{Format, Input, Moment, Page};
use crate::user::User;

#[derive(Template)]
#[template(path = "totp.html")]
struct NamePage {
    problem: Option<Problem>,
}

impl Page for NamePage {
    fn json(&self) -> Value {
        json!({ "fields": ["name"] })
    }

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// Shows the secret, once, and asks for a code of it.
#[derive(Template)]
#[template(path = "totp_code.html")]
struct CodePage {
    id: String,
    /// Gone after the first showing: nobody has it but the app.
    enrolment: Option<Enrolment>,
    problem: Option<Problem>,
}

impl Page for CodePage {
    fn json(&self) -> Value {
        match &self.enrolment {
            Some(enrolment) => json!({
                "id": self.id,
                "secret": enrolment.secret(),
                "uri": enrolment.uri(),
                "qr_svg": enrolment.qr_svg(),
                "expires_at": Moment(&enrolment.expires_at()).machine(),
            }),
            None => json!({ "fields": ["code"] }),
        }
    }

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// `GET /settings/totp`
pub async fn form(_: Sudo<User>, format: Format) -> Response {
    format.show(&NamePage { problem: None })
}

#[derive(Deserialize)]
pub struct Name {
    name: Option<String>,
}

/// `POST /settings/totp` makes a secret, which counts only once a code of it came.
pub async fn begin(
    State(web): State<Web<User>>,
    sudo: Sudo<User>,
    visitor: Visitor<User>,
    format: Format,
    Input(Name { name }): Input<Name>,
) -> SecretPage<Response> {
    SecretPage(match web.auth().begin_totp(&sudo, &name.unwrap_or_default(), &visitor).await {
        Ok(enrolment) => {
            let id = enrolment.id().to_string();
            format.show(&CodePage { id, enrolment: Some(enrolment), problem: None })
        }
        Err(error) => format.show(&NamePage { problem: Some(error.into()) }),
    })
}

#[derive(Deserialize)]
pub struct Proof {
    code: String,
}

/// `POST /settings/totp/{id}/confirm`
pub async fn confirm(
    State(web): State<Web<User>>,
    sudo: Sudo<User>,
    visitor: Visitor<User>,
    Path(id): Path<String>,
    format: Format,
    Input(Proof { code }): Input<Proof>,
) -> Response {
    let Ok(factor) = id.parse::<FactorId>() else { return not_found().into_response() };
    match web.auth().confirm_totp(&sudo, factor, code, &visitor).await {
        Ok(session) => {
            let answer = format.done("/settings?done=factor-added", json!({ "status": "factor_added" }));
            (web.signed_in(&session), answer).into_response()
        }
        Err(error) => format.show(&CodePage { id, enrolment: None, problem: Some(error.into()) }),
    }
}

/// `POST /settings/totp/{id}/remove`
pub async fn remove(
    State(web): State<Web<User>>,
    sudo: Sudo<User>,
    visitor: Visitor<User>,
    Path(id): Path<String>,
    format: Format,
) -> Result<Response, Error> {
    // A factor of somebody else's is not found, like one that never was.
    let Ok(factor) = id.parse::<FactorId>() else { return Ok(not_found().into_response()) };
    Ok(match web.auth().remove_factor(&sudo, factor, &visitor).await? {
        Some(session) => {
            let answer = format.done("/settings?done=factor-removed", json!({ "status": "factor_removed" }));
            (web.signed_in(&session), answer).into_response()
        }
        None => not_found().into_response(),
    })
}

fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such authenticator")
}
