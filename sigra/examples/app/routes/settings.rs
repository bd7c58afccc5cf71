//! What a user sees and does about the own account.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sigra::audit::Activity;
use sigra::axum::{CurrentUser, Problem, Visitor, Web};
use sigra::{Error, FactorInfo, Refusal, SessionId, SessionInfo, TrustedBrowser};

use crate::operators::Operators;
use crate::pages::{Format, Input, Moment, Page};
use crate::user::User;

/// Audit rows on the page.
const RECENT: u32 = 20;

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage<'s> {
    user: &'s User,
    sessions: Vec<SessionInfo>,
    factors: Vec<FactorInfo>,
    backup_codes_left: u64,
    browsers: Vec<TrustedBrowser>,
    activity: Vec<Activity>,
    /// The way to the whole trail.
    is_operator: bool,
    done: Option<&'static str>,
}

impl SettingsPage<'_> {
    fn has_others(&self) -> bool {
        self.sessions.iter().any(|session| !session.current)
    }
}

impl Page for SettingsPage<'_> {
    fn json(&self) -> Value {
        let sessions = self.sessions.iter().map(|session| {
            json!({
                "id": session.id.to_string(),
                "current": session.current,
                "created_at": Moment(&session.created_at).machine(),
                "last_seen_at": Moment(&session.last_seen_at).machine(),
                "expires_at": Moment(&session.expires_at).machine(),
                "remembered": session.remembered,
                "network": session.network,
                "user_agent": session.user_agent,
            })
        });
        let factors = self.factors.iter().map(|factor| {
            json!({
                "id": factor.id.to_string(),
                "kind": factor.factor.name(),
                "name": factor.name,
                "added_at": Moment(&factor.added_at).machine(),
                "last_used_at": factor.last_used_at.map(|at| Moment(&at).machine()),
            })
        });
        let browsers = self.browsers.iter().map(|browser| {
            json!({
                "id": browser.id.to_string(),
                "current": browser.current,
                "last_seen_at": Moment(&browser.last_seen_at).machine(),
                "trusted_until": Moment(&browser.trusted_until).machine(),
                "network": browser.network,
                "user_agent": browser.user_agent,
            })
        });
        let activity = self.activity.iter().map(|row| {
            json!({
                "at": Moment(&row.at).machine(),
                "event": row.event,
                "outcome": row.outcome,
                "reason": row.reason,
                "actor": row.actor,
                "network": row.network,
                "user_agent": row.user_agent,
            })
        });
        json!({
            "id": self.user.id.to_string(),
            "email": self.user.email,
            "display_name": self.user.display_name,
            "sessions": sessions.collect::<Vec<_>>(),
            "factors": factors.collect::<Vec<_>>(),
            "backup_codes_left": self.backup_codes_left,
            "trusted_browsers": browsers.collect::<Vec<_>>(),
            "activity": activity.collect::<Vec<_>>(),
        })
    }
}

#[derive(Deserialize)]
pub struct Arrival {
    /// What the user has just done.
    done: Option<String>,
}

/// `GET /settings`
pub async fn show(
    State(web): State<Web<User>>,
    State(operators): State<Operators>,
    CurrentUser(session): CurrentUser<User>,
    visitor: Visitor<User>,
    Query(arrival): Query<Arrival>,
    format: Format,
) -> Result<Response, Error> {
    let done = match arrival.done.as_deref() {
        Some("revoked") => Some("That device is signed out."),
        Some("revoked-others") => Some("All other devices are signed out."),
        Some("factor-added") => {
            Some("Your authenticator is added. Make backup codes next, for the day you lose it.")
        }
        Some("factor-removed") => Some("The authenticator is removed."),
        Some("trust-revoked") => Some("The second factor is asked for again there."),
        Some("password-changed") => Some("Your password is changed, and all other devices are signed out."),
        _ => None,
    };
    let sessions = web.auth().sessions(&session).await?;
    let factors = web.auth().factors(&session).await?;
    let backup_codes_left = web.auth().backup_codes_left(&session).await?;
    let browsers = web.auth().trusted_browsers(&session, &visitor).await?;
    let activity = web.auth().activity(&session, RECENT).await?;
    let (user, is_operator) = (session.user(), operators.include(session.user()));
    Ok(format.show(&SettingsPage {
        user,
        sessions,
        factors,
        backup_codes_left,
        browsers,
        activity,
        is_operator,
        done,
    }))
}

/// `POST /settings/sessions/{id}/revoke`
pub async fn revoke(
    State(web): State<Web<User>>,
    CurrentUser(session): CurrentUser<User>,
    visitor: Visitor<User>,
    Path(id): Path<String>,
    format: Format,
) -> Result<Response, Error> {
    // A session of somebody else's is not found, like one that never was.
    let revoked = match id.parse::<SessionId>() {
        Ok(id) => web.auth().revoke_session(&session, id, &visitor).await?,
        Err(_) => false,
    };
    if revoked {
        Ok(format.done("/settings?done=revoked", json!({ "status": "revoked" })))
    } else {
        Ok(Problem::new(StatusCode::NOT_FOUND, "not_found", "this device is signed out already")
            .into_response())
    }
}

/// `POST /settings/sessions/revoke-others`
pub async fn revoke_others(
    State(web): State<Web<User>>,
    CurrentUser(session): CurrentUser<User>,
    visitor: Visitor<User>,
    format: Format,
) -> Result<Response, Error> {
    let revoked = web.auth().revoke_other_sessions(&session, &visitor).await?;
    Ok(format.done("/settings?done=revoked-others", json!({ "status": "revoked", "sessions": revoked })))
}

#[derive(Deserialize)]
pub struct PasswordChange {
    current_password: String,
    password: String,
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage<'s> {
    user: &'s User,
    min_length: u32,
    problem: Option<Problem>,
}

impl Page for PasswordPage<'_> {
    fn json(&self) -> Value {
        json!({ "fields": ["current_password", "password"] })
    }

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// `GET /settings/password`
pub async fn password_form(
    State(web): State<Web<User>>,
    CurrentUser(session): CurrentUser<User>,
    format: Format,
) -> Response {
    let min_length = web.auth().policy().password.min_length;
    format.show(&PasswordPage { user: session.user(), min_length, problem: None })
}

/// `POST /settings/password` ends every session of the user and begins a new one here.
pub async fn change_password(
    State(web): State<Web<User>>,
    CurrentUser(session): CurrentUser<User>,
    visitor: Visitor<User>,
    format: Format,
    Input(PasswordChange { current_password, password }): Input<PasswordChange>,
) -> Response {
    let changed = web.auth().change_password(&session, current_password, password, &visitor).await;
    let problem = match changed {
        Ok(new_session) => {
            let answer =
                format.done("/settings?done=password-changed", json!({ "status": "password_changed" }));
            return (web.signed_in(&new_session), answer).into_response();
        }
        Err(Error::Refused(Refusal::InvalidCredentials)) => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_credentials",
            "the current password is wrong",
        ),
        Err(error) => error.into(),
    };
    let min_length = web.auth().policy().password.min_length;
    format.show(&PasswordPage { user: session.user(), min_length, problem: Some(problem) })
}

/// "Firefox on Linux", as far as the browser says so.
fn device(user_agent: Option<&str>) -> String {
    user_agent.map_or_else(|| "Unknown device".to_owned(), sigra::device_name)
}

/// An audit row in words.
fn describe(row: &Activity) -> String {
    let words = match row.event.as_str() {
        "account.user.register" => "Account registered",
        "account.user.adopt" => "Account taken over",
        "account.user.disable" => "Account disabled",
        "account.user.enable" => "Account enabled",
        "account.user.unlock" => "Account unlocked",
        "account.user.request_unlock" => "Unlocking mail asked for",
        "account.password.require_change" => "Password has to be replaced",
        "account.email.request_confirmation" => "Confirmation mail asked for",
        "account.email.confirm" => "Address confirmed",
        "account.password.request_reset" => "Password reset asked for",
        "account.password.reset" => "Password reset",
        "account.password.change" => "Password changed",
        "account.factor.begin" => "Authenticator begun",
        "account.factor.add" => "Authenticator added",
        "account.factor.remove" => "Authenticator removed",
        "account.backup_codes.create" => "Backup codes made",
        "account.trust.revoke" => "Trust in browsers revoked",
        "account.recovery.begin" => "Removal of the second factors begun",
        "account.recovery.finish" => "Second factors removed by an operator",
        "account.recovery.cancel" => "Removal of the second factors stopped",
        "account.change.disown" => "Change undone by mail",
        "session.second_factor.prove" => "Second factor",
        "session.own.step_up" => "Proved once more",
        "session.password.sign_in" => "Sign-in",
        "session.own.sign_out" => "Sign-out",
        "session.other.revoke" => "Another device signed out",
        "session.others.revoke" => "All other devices signed out",
        "session.all.revoke" => "All devices signed out",
        "mail.message.send" => "Mail sent",
        other => other,
    };
    match (row.outcome.as_str(), &row.reason) {
        // Nothing failed: the sign-in goes on in the next row.
        ("refused", Some(reason)) if reason == "second_factor_due" => {
            "Password right, second factor due".to_owned()
        }
        ("success", _) => words.to_owned(),
        (outcome, None) => format!("{words}: {outcome}"),
        (outcome, Some(reason)) => format!("{words}: {outcome} ({})", reason.replace('_', " ")),
    }
}
