//! Sign-in with a second factor as an API, in one file: the README has the calls.
//!
//! It keeps its users in `quickstart.db` in the current directory, listens on <http://127.0.0.1:3000> and prints the mails
//! that it would send. `SIGRA_KEYS` has its secret keys, `PORT` names another port (0 takes a free one) and
//! `SIGRA_DATABASE_URL` another SQLite file.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "whoever tries it reads its output")]

use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::ExitCode;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router, middleware};
use serde::Deserialize;
use serde_json::{Value, json};
use sigra::axum::{CurrentUser, PendingUser, Problem, Proxies, Visitor, Web, no_store, refuse_cross_origin};
use sigra::mail::{Links, Mail, MailError, Mailer};
use sigra::{Code, Credentials, FactorId, PasswordHash, Sigra, Sudo};
use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};

#[derive(Clone, Debug, Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    confirm_email(within = "48h"),
    reset_password(within = "1h"),
    lockout(after = 10, wait = "15m"),
    throttle(per_network = 100, overall = 10_000, within = "15m"),
    totp(issuer = "Quickstart"),
    backup_codes,
    audit(retain = "400d")
)]
struct User {
    #[sigra(id)]
    id: i64,
    #[sigra(email)]
    email: String,
    #[sigra(password, column = "password_hash")]
    password: Option<PasswordHash>,
}

/// The application's own table. Sigra makes its tables beside it.
const USERS: &str = "CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    password_hash TEXT NULL
)";

/// Prints mails. In production this hands them to a mail server.
struct Printer;

impl Mailer for Printer {
    fn send(&self, mail: Mail) -> Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + '_>> {
        println!("--- mail to {}: {}\n{}\n---", mail.to, mail.subject, mail.text);
        Box::pin(async { Ok(()) })
    }
}

#[derive(Deserialize)]
struct EmailAndPassword {
    email: String,
    password: String,
}

async fn register(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    Form(form): Form<EmailAndPassword>,
) -> Result<Json<Value>, sigra::Error> {
    let new = NewUser { email: form.email, password: form.password.into() };
    // The same answer for a new and for a taken address. Only its owner learns more, by mail.
    let _ = web.auth().register(new, &visitor).await?;
    Ok(Json(json!({ "status": "look into your mail" })))
}

#[derive(Deserialize)]
struct EmailAndCode {
    email: String,
    code: String,
}

async fn confirm(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    Form(form): Form<EmailAndCode>,
) -> Result<Json<Value>, sigra::Error> {
    let _ = web.auth().confirm_email_code(&form.email, &form.code, &visitor).await?;
    Ok(Json(json!({ "status": "confirmed" })))
}

/// The link in the mail leads here, as each of them leads to a route below: a site has a page for it, with a form that posts. Mail
/// scanners follow links, so that to GET one must change nothing.
async fn confirm_by_link(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    Path(token): Path<String>,
) -> Result<Json<Value>, sigra::Error> {
    let _ = web.auth().confirm_email(&token, &visitor).await?;
    Ok(Json(json!({ "status": "confirmed" })))
}

#[derive(Deserialize)]
struct OnlyEmail {
    email: String,
}

async fn ask_reset(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    Form(form): Form<OnlyEmail>,
) -> Result<Json<Value>, sigra::Error> {
    // The same answer whether or not there is such an account.
    web.auth().request_password_reset(&form.email, &visitor).await?;
    Ok(Json(json!({ "status": "look into your mail" })))
}

#[derive(Deserialize)]
struct OnlyPassword {
    password: String,
}

async fn reset(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    Path(token): Path<String>,
    Form(form): Form<OnlyPassword>,
) -> Result<Response, sigra::Error> {
    let recovered = web.auth().reset_password(&token, form.password, &visitor).await?;
    Ok((web.recovered(&recovered), Json(json!({ "status": "sign in with it" }))).into_response())
}

async fn ask_unlock(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    Form(form): Form<OnlyEmail>,
) -> Result<Json<Value>, sigra::Error> {
    web.auth().request_unlock(&form.email, &visitor).await?;
    Ok(Json(json!({ "status": "look into your mail" })))
}

/// Strangers have used up the attempts at an account: its owner is let in again, in a browser that is known from now on.
async fn unlock(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    Path(token): Path<String>,
) -> Result<Response, sigra::Error> {
    let recovered = web.auth().unlock_by_link(&token, &visitor).await?;
    Ok((web.recovered(&recovered), Json(json!({ "status": "sign in" }))).into_response())
}

/// "This was not me": takes a change of second factors back.
async fn disown(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    Path(token): Path<String>,
) -> Result<Json<Value>, sigra::Error> {
    let _ = web.auth().disown(&token, &visitor).await?;
    Ok(Json(json!({ "status": "undone, and everybody is signed out" })))
}

async fn sign_in(
    State(web): State<Web<User>>,
    visitor: Visitor<User>,
    Form(form): Form<EmailAndPassword>,
) -> Result<Response, sigra::Error> {
    let credentials = Credentials::new(form.email, form.password).replacing(visitor.session_token());
    Ok(match web.auth().sign_in(credentials, &visitor).await? {
        UserSignIn::Complete(session) => {
            (web.signed_in(&session), Json(json!({ "status": "signed in" }))).into_response()
        }
        // The challenge is no session: nothing but `/sign-in/code` takes its cookie.
        UserSignIn::SecondFactor(challenge) => {
            (web.second_factor_due(&challenge), Json(json!({ "status": "code, please" }))).into_response()
        }
    })
}

#[derive(Deserialize)]
struct OnlyCode {
    code: String,
}

async fn second_factor(
    State(web): State<Web<User>>,
    pending: PendingUser<User>,
    visitor: Visitor<User>,
    Form(form): Form<OnlyCode>,
) -> Result<Response, sigra::Error> {
    let code = Code::new(form.code).replacing(visitor.session_token());
    let session = web.auth().prove_second_factor(pending.token(), code, &visitor).await?;
    Ok((web.signed_in(&session), Json(json!({ "status": "signed in" }))).into_response())
}

/// `Sudo` asks who is there once more where the last proof is older than 15 minutes.
async fn add_app(
    State(web): State<Web<User>>,
    sudo: Sudo<User>,
    visitor: Visitor<User>,
) -> Result<Json<Value>, sigra::Error> {
    let enrolment = web.auth().begin_totp(&sudo, "Phone", &visitor).await?;
    Ok(Json(
        json!({ "id": enrolment.id().to_string(), "secret": enrolment.secret(), "uri": enrolment.uri() }),
    ))
}

async fn prove_app(
    State(web): State<Web<User>>,
    sudo: Sudo<User>,
    visitor: Visitor<User>,
    Path(id): Path<String>,
    Form(form): Form<OnlyCode>,
) -> Result<Response, sigra::Error> {
    let Ok(id) = id.parse::<FactorId>() else {
        return Ok(
            Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such factor").into_response()
        );
    };
    let session = web.auth().confirm_totp(&sudo, id, form.code, &visitor).await?;
    Ok((web.signed_in(&session), Json(json!({ "status": "the app counts from now on" }))).into_response())
}

/// For whoever loses the phone. They are shown once.
async fn backup_codes(
    State(web): State<Web<User>>,
    sudo: Sudo<User>,
    visitor: Visitor<User>,
) -> Result<Json<Value>, sigra::Error> {
    let codes = web.auth().create_backup_codes(&sudo, &visitor).await?;
    Ok(Json(json!({ "codes": codes.iter().collect::<Vec<_>>() })))
}

async fn me(CurrentUser(session): CurrentUser<User>) -> Json<Value> {
    Json(
        json!({ "email": session.user().email, "second_factor": session.assurance().second_factor().is_some() }),
    )
}

async fn sign_out(
    State(web): State<Web<User>>,
    CurrentUser(session): CurrentUser<User>,
    visitor: Visitor<User>,
) -> Result<Response, sigra::Error> {
    web.auth().sign_out(&session, &visitor).await?;
    Ok((web.signed_out(), Json(json!({ "status": "signed out" }))).into_response())
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        // Written for people, unlike what `main` would print of it by itself.
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("SIGRA_DATABASE_URL").unwrap_or_else(|_| "sqlite://quickstart.db".into());
    let mut connection = url.parse::<SqliteConnectOptions>()?.create_if_missing(true).connect().await?;
    sqlx::raw_sql(USERS).execute(&mut connection).await?;
    connection.close().await?;

    let auth = Sigra::<User>::connect(&url).await?;
    auth.migrate().await?;

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let number = port.parse().map_err(|_| format!("PORT={port} is not a port"))?;
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], number)))
        .await
        .map_err(|error| format!("cannot listen on 127.0.0.1:{port}: {error}; set PORT to another one"))?;
    let base_url = format!("http://{}", listener.local_addr()?);
    let web = Web::new(auth.clone(), &base_url, Proxies::None)?;
    let _worker = auth.start_worker(Printer, Links::new(&base_url)?.sign_in_at("/sign-in")?);

    let app = Router::new()
        .route("/register", post(register))
        .route("/confirm", post(confirm))
        .route("/confirm/{token}", post(confirm_by_link))
        .route("/reset", post(ask_reset))
        .route("/reset/{token}", post(reset))
        .route("/unlock", post(ask_unlock))
        .route("/unlock/{token}", post(unlock))
        .route("/disown/{token}", post(disown))
        .route("/sign-in", post(sign_in))
        .route("/sign-in/code", post(second_factor))
        .route("/sign-out", post(sign_out))
        .route("/apps", post(add_app))
        .route("/apps/{id}", post(prove_app))
        .route("/backup-codes", post(backup_codes))
        .route("/me", get(me))
        .layer(middleware::from_fn_with_state(web.clone(), refuse_cross_origin::<User>))
        .layer(middleware::from_fn(no_store))
        .with_state(web);
    println!("Listening on {base_url}");
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
