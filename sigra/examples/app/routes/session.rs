//! Sign-in and sign-out.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sigra::axum::{MaybeUser, Problem, RedirectTarget, Visitor, Web};
use sigra::{Credentials, Error, Refusal};

use crate::pages::{Format, Input, Page};
use crate::user::{User, UserSignIn};

#[derive(Deserialize)]
pub struct SignIn {
    email: String,
    password: String,
    remember: Option<Checkbox>,
    next: Option<String>,
}

/// `true` or `false` in JSON; in a form, a text if it is ticked and nothing if not.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Checkbox {
    Json(bool),
    Form(String),
}

impl Checkbox {
    pub fn is_ticked(&self) -> bool {
        match self {
            Self::Json(ticked) => *ticked,
            Self::Form(text) => !matches!(text.as_str(), "" | "0" | "false" | "off"),
        }
    }
}

#[derive(Default, Template)]
#[template(path = "login.html")]
struct SignInPage {
    email: String,
    remember: bool,
    next: Option<RedirectTarget>,
    done: Option<&'static str>,
    problem: Option<Problem>,
}

impl Page for SignInPage {
    fn json(&self) -> Value {
        json!({ "fields": ["email", "password", "remember", "next"] })
    }

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

#[derive(Deserialize)]
pub struct Arrival {
    /// The page that sent the visitor here.
    next: Option<String>,
    /// What the visitor has just done.
    done: Option<String>,
}

/// `GET /login`
pub async fn form(Query(arrival): Query<Arrival>, format: Format) -> Response {
    let done = match arrival.done.as_deref() {
        Some("confirmed") => Some("Your address is confirmed. You can sign in now."),
        Some("password-set") => Some("Your new password is set. Sign in with it."),
        Some("disowned") => Some(
            "It is undone, and every device is signed out. Open the link in our next mail to choose a new password.",
        ),
        Some("unlocked") => Some("Your account is unlocked. Sign in with this browser."),
        Some("signed-out") => Some("You are signed out."),
        _ => None,
    };
    let next = arrival.next.as_deref().and_then(RedirectTarget::parse);
    format.show(&SignInPage { next, done, ..SignInPage::default() })
}

/// `POST /login`
pub async fn submit(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    format: Format,
    Input(SignIn { email, password, remember, next }): Input<SignIn>,
) -> Response {
    let remember = remember.is_some_and(|checkbox| checkbox.is_ticked());
    let next = next.as_deref().and_then(RedirectTarget::parse);
    let credentials =
        Credentials::new(&email, password).remember(remember).replacing(visitor.session_token());

    let outcome = match web.auth().sign_in(credentials, &visitor).await {
        Ok(outcome) => outcome,
        Err(error) => {
            let problem = Some(why_not(error));
            return format.show(&SignInPage { email, remember, next, done: None, problem });
        }
    };
    // Apart from the errors, so that the compiler shows which key of the user asks for an arm.
    match outcome {
        UserSignIn::Complete(session) => {
            let user = session.user();
            let content = json!({ "status": "signed_in", "id": user.id.to_string(), "email": user.email });
            let next = next.unwrap_or(RedirectTarget::from_static("/settings"));
            (web.signed_in(&session), format.done(next.as_str(), content)).into_response()
        }
        UserSignIn::SecondFactor(challenge) => {
            let page = RedirectTarget::from_static("/login/second-factor");
            let page = next.map_or_else(|| page.to_string(), |next| page.with_next(&next));
            let content = json!({ "status": "second_factor_due", "location": "/login/second-factor" });
            (web.second_factor_due(&challenge), format.done(&page, content)).into_response()
        }
        UserSignIn::MustChangePassword(_) => {
            let message =
                "others may know this password, so it has to be replaced: open the link in our mail";
            let problem = Problem::new(StatusCode::FORBIDDEN, "must_change_password", message);
            format.show(&SignInPage { email, remember, next, done: None, problem: Some(problem) })
        }
        UserSignIn::Disabled(_) => {
            let problem =
                Problem::new(StatusCode::FORBIDDEN, "disabled", "this account is disabled; write to us");
            format.show(&SignInPage { email, remember, next, done: None, problem: Some(problem) })
        }
    }
}

/// What the visitor is told. An address that nobody has confirmed gets the answer of a wrong password, so that nobody learns by
/// registering who has an account: then this one sentence has to help everybody.
fn why_not(error: Error) -> Problem {
    match error {
        Error::Refused(refusal @ Refusal::InvalidCredentials) => {
            let message = format!("{refusal}; if you have just registered, confirm your address first");
            Problem::new(StatusCode::UNAUTHORIZED, refusal.code(), message)
        }
        error => error.into(),
    }
}

/// `POST /logout`
pub async fn sign_out(
    State(web): State<Web<User>>,
    MaybeUser(session): MaybeUser<User>,
    visitor: Visitor<User>,
    format: Format,
) -> Result<Response, Error> {
    if let Some(session) = session {
        match web.auth().sign_out(&session, &visitor).await {
            // Ended from another device a moment ago: all the same to the visitor.
            Ok(()) | Err(Error::Refused(Refusal::SessionEnded)) => {}
            Err(error) => return Err(error),
        }
    }
    let answer = format.done("/login?done=signed-out", json!({ "status": "signed_out" }));
    Ok((web.signed_out(), answer).into_response())
}
