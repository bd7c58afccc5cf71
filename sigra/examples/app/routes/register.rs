//! Registration.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use sigra::axum::{Problem, Visitor, Web};

use super::confirm::CodePage;
use crate::pages::{Format, Input, Page};
use crate::user::{NewUser, User};

/// Characters of the longest name.
const LONGEST_NAME: usize = 100;

#[derive(Deserialize)]
pub struct Registration {
    email: String,
    password: String,
    display_name: String,
}

#[derive(Template)]
#[template(path = "register.html")]
struct RegisterPage {
    email: String,
    display_name: String,
    min_length: u32,
    problem: Option<Problem>,
}

impl Page for RegisterPage {
    fn json(&self) -> Value {
        json!({ "fields": ["email", "password", "display_name"] })
    }

    fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }
}

/// `GET /register`
pub async fn form(State(web): State<Web<User>>, format: Format) -> Response {
    let min_length = web.auth().policy().password.min_length;
    format.show(&RegisterPage {
        email: String::new(),
        display_name: String::new(),
        min_length,
        problem: None,
    })
}

/// `POST /register`
///
/// The answer is the same for an address that has an account already: only its owner learns of it, by mail.
pub async fn submit(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    format: Format,
    Input(Registration { email, password, display_name }): Input<Registration>,
) -> Response {
    let registered = match check_name(&display_name) {
        Ok(name) => {
            let new =
                NewUser { email: email.clone(), password: password.into(), display_name: name.to_owned() };
            web.auth().register(new, &visitor).await.map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    match registered {
        Ok(_) => format.show(&CodePage::registered(email)),
        Err(problem) => {
            let min_length = web.auth().policy().password.min_length;
            format.show(&RegisterPage { email, display_name, min_length, problem: Some(problem) })
        }
    }
}

/// The name is the host's own field, and so are its rules.
fn check_name(name: &str) -> Result<&str, Problem> {
    let name = name.trim();
    let refused = |message| Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_name", message));
    match name.chars().count() {
        0 => refused("tell us your name"),
        1..=LONGEST_NAME => Ok(name),
        _ => refused("the name is too long: use at most 100 characters"),
    }
}
