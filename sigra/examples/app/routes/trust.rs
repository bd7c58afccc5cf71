//! Browsers in which the second factor is skipped.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sigra::axum::{CurrentUser, Problem, Visitor, Web};
use sigra::{BrowserId, Error};

use crate::pages::Format;
use crate::user::User;

/// `POST /settings/browsers/{id}/revoke`
pub async fn revoke(
    State(web): State<Web<User>>,
    CurrentUser(session): CurrentUser<User>,
    visitor: Visitor<User>,
    Path(id): Path<String>,
    format: Format,
) -> Result<Response, Error> {
    // A browser of somebody else's is not found, like one that never was.
    let revoked = match id.parse::<BrowserId>() {
        Ok(id) => web.auth().revoke_trusted_browser(&session, id, &visitor).await?,
        Err(_) => false,
    };
    if revoked {
        Ok(format.done("/settings?done=trust-revoked", json!({ "status": "revoked" })))
    } else {
        let message = "this browser asks for the second factor already";
        Ok(Problem::new(StatusCode::NOT_FOUND, "not_found", message).into_response())
    }
}

/// `POST /settings/browsers/revoke-all`
pub async fn revoke_all(
    State(web): State<Web<User>>,
    CurrentUser(session): CurrentUser<User>,
    visitor: Visitor<User>,
    format: Format,
) -> Result<Response, Error> {
    let revoked = web.auth().revoke_trusted_browsers(&session, &visitor).await?;
    Ok(format.done("/settings?done=trust-revoked", json!({ "status": "revoked", "browsers": revoked })))
}
