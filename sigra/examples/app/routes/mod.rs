//! The routes, one file a theme.

mod api;
mod audit;
mod backup_codes;
mod confirm;
mod disown;
mod landing;
mod mailed;
mod recovery;
mod register;
mod reset;
mod second_factor;
mod session;
mod settings;
mod step_up;
mod totp;
mod trust;
mod unlock;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use sigra::axum::{no_store, refuse_cross_origin};

use crate::user::User;
use crate::{App, mailbox, pages};

/// Bytes of the largest form.
const LARGEST_FORM: usize = 16 * 1024;

pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(landing::show))
        .route("/register", get(register::form).post(register::submit))
        .route("/confirm", get(confirm::form).post(confirm::submit))
        .route("/confirm/resend", post(confirm::resend))
        .route("/confirm/{token}", get(confirm::link).post(confirm::submit_link))
        .route("/login", get(session::form).post(session::submit))
        .route("/login/second-factor", get(second_factor::form).post(second_factor::submit))
        .route("/step-up", get(step_up::form).post(step_up::submit))
        .route("/logout", post(session::sign_out))
        .route("/reset", get(reset::form).post(reset::submit))
        .route("/reset/{token}", get(reset::link).post(reset::submit_link))
        .route("/unlock", get(unlock::form).post(unlock::submit))
        .route("/unlock/{token}", get(unlock::link).post(unlock::submit_link))
        .route("/disown/{token}", get(disown::link).post(disown::submit_link))
        .route("/settings", get(settings::show))
        .route("/settings/sessions/{id}/revoke", post(settings::revoke))
        .route("/settings/sessions/revoke-others", post(settings::revoke_others))
        .route("/settings/password", get(settings::password_form).post(settings::change_password))
        .route("/audit", get(audit::show))
        .route("/audit/export", post(audit::export))
        .route("/recovery", get(recovery::form))
        .route("/recovery/begin", post(recovery::begin))
        .route("/recovery/finish", post(recovery::finish))
        .route("/recovery/cancel", post(recovery::cancel))
        .route("/settings/totp", get(totp::form).post(totp::begin))
        .route("/settings/totp/{id}/confirm", post(totp::confirm))
        .route("/settings/totp/{id}/remove", post(totp::remove))
        .route("/settings/backup-codes", get(backup_codes::form).post(backup_codes::create))
        .route("/settings/browsers/{id}/revoke", post(trust::revoke))
        .route("/settings/browsers/revoke-all", post(trust::revoke_all))
        .route("/api/me", get(api::me))
        .route("/dev/mailbox", get(mailbox::show))
        .route("/style.css", get(pages::style))
        .route("/icon.svg", get(pages::icon))
        .fallback(pages::not_found)
        .method_not_allowed_fallback(pages::method_not_allowed)
        // From here on, each layer is around those above it.
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(from_fn_with_state(app.web.clone(), refuse_cross_origin::<User>))
        .layer(from_fn(pages::problems_as_pages))
        .layer(from_fn(no_store))
        .layer(from_fn(pages::security_headers))
        .with_state(app)
}
