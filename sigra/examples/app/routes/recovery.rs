//! What an operator does for a user who has lost every second factor: after a notice that the user can stop, and a delay.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sigra::axum::{Problem, Visitor, Web};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::database::Users;
use crate::operators::TrustedOperator;
use crate::pages::{Format, Input, Moment, Page};
use crate::user::User;

#[derive(Default, Template)]
#[template(path = "recovery.html")]
struct RecoveryPage {
    email: String,
    /// When a recovery that has just begun may be finished.
    from: Option<OffsetDateTime>,
    done: Option<&'static str>,
    problem: Option<Problem>,
}

impl Page for RecoveryPage {
    fn json(&self) -> Value {
        match &self.from {
            Some(from) => json!({ "status": "begun", "finish_from": Moment(from).machine() }),
            None => json!({ "fields": ["email"] }),
        }
    }

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

#[derive(Deserialize)]
pub struct Arrival {
    /// What the operator has just done.
    done: Option<String>,
}

/// `GET /recovery`
pub async fn form(_: TrustedOperator, Query(arrival): Query<Arrival>, format: Format) -> Response {
    let done = match arrival.done.as_deref() {
        Some("finished") => Some("The second factors are removed, and the user has a mail that says so."),
        Some("cancelled") => Some("The recovery is stopped."),
        _ => None,
    };
    format.show(&RecoveryPage { done, ..RecoveryPage::default() })
}

#[derive(Deserialize)]
pub struct Account {
    email: String,
}

/// `POST /recovery/begin` changes nothing yet: the user gets a mail with a link that stops it.
pub async fn begin(
    State(web): State<Web<User>>,
    State(users): State<Users>,
    operator: TrustedOperator,
    visitor: Visitor<User>,
    format: Format,
    Input(Account { email }): Input<Account>,
) -> Response {
    let begun =
        with(&users, &email, async |user| web.auth().begin_recovery(&operator.name(), &user, &visitor).await);
    let page = match begun.await {
        Ok(Some(from)) => RecoveryPage { email, from: Some(from), ..RecoveryPage::default() },
        Ok(None) => refused(
            email,
            "there is no such account, or it has no second factor, or its recovery has begun already",
        ),
        Err(problem) => RecoveryPage { email, problem: Some(problem), ..RecoveryPage::default() },
    };
    format.show(&page)
}

/// `POST /recovery/finish`, once the delay is over.
pub async fn finish(
    State(web): State<Web<User>>,
    State(users): State<Users>,
    operator: TrustedOperator,
    visitor: Visitor<User>,
    format: Format,
    Input(Account { email }): Input<Account>,
) -> Response {
    let finished = with(&users, &email, async |user| {
        web.auth().finish_recovery(&operator.name(), &user, &visitor).await.map(|done| done.then_some(()))
    });
    answer(finished.await, email, format, "finished")
}

/// `POST /recovery/cancel`
pub async fn cancel(
    State(web): State<Web<User>>,
    State(users): State<Users>,
    operator: TrustedOperator,
    visitor: Visitor<User>,
    format: Format,
    Input(Account { email }): Input<Account>,
) -> Response {
    let cancelled = with(&users, &email, async |user| {
        web.auth().cancel_recovery(&operator.name(), &user, &visitor).await.map(|done| done.then_some(()))
    });
    answer(cancelled.await, email, format, "cancelled")
}

fn answer(done: Result<Option<()>, Problem>, email: String, format: Format, status: &str) -> Response {
    match done {
        Ok(Some(())) => format.done(&format!("/recovery?done={status}"), json!({ "status": status })),
        Ok(None) => {
            format.show(&refused(email, "no recovery of this account has begun, or its user has stopped it"))
        }
        Err(problem) => {
            format.show(&RecoveryPage { email, problem: Some(problem), ..RecoveryPage::default() })
        }
    }
    .into_response()
}

fn refused(email: String, why: &'static str) -> RecoveryPage {
    let problem = Problem::new(StatusCode::CONFLICT, "nothing_to_recover", why);
    RecoveryPage { email, problem: Some(problem), ..RecoveryPage::default() }
}

/// Does it for the account of this address; `None`: there is no such account, or nothing to do for it.
async fn with<T>(
    users: &Users,
    email: &str,
    act: impl AsyncFnOnce(Uuid) -> Result<Option<T>, sigra::Error>,
) -> Result<Option<T>, Problem> {
    match find(users, email).await? {
        Some(user) => act(user).await.map_err(Problem::from),
        None => Ok(None),
    }
}

async fn find(users: &Users, email: &str) -> Result<Option<Uuid>, Problem> {
    users.find(email).await.map_err(|error| {
        tracing::error!(%error, "the table of users could not be read");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "database", "try again in a moment")
    })
}
