//! What programs ask. Answers are JSON, whatever the request accepts.

use axum::Json;
use serde_json::{Value, json};
use sigra::axum::{MaybeUser, Problem};

use crate::user::User;

/// `GET /api/me`
pub async fn me(MaybeUser(session): MaybeUser<User>) -> Result<Json<Value>, Problem> {
    let session = session.ok_or_else(Problem::not_signed_in)?;
    let user = session.user();
    Ok(Json(json!({ "id": user.id.to_string(), "email": user.email })))
}
