//! The first page.

use askama::Template;
use axum::response::Response;
use serde_json::{Value, json};
use sigra::axum::MaybeUser;

use crate::pages::{Format, Page};
use crate::user::User;

#[derive(Template)]
#[template(path = "landing.html")]
struct LandingPage {
    user: Option<User>,
}

impl Page for LandingPage {
    fn json(&self) -> Value {
        json!({ "signed_in": self.user.is_some() })
    }
}

/// `GET /`
pub async fn show(MaybeUser(session): MaybeUser<User>, format: Format) -> Response {
    format.show(&LandingPage { user: session.map(sigra::Session::into_user) })
}
