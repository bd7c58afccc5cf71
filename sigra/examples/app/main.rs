//! A complete site with Sigra: `cargo run --example app`, then open the address it prints.
//!
//! It runs on an SQLite file in the current directory and needs nothing else. `SIGRA_DATABASE_URL` names another database
//! (`sqlite://`, `postgres://`, `mysql://`), `PORT` another port (0 takes a free one), `SIGRA_KEYS` the secret keys, and
//! `SIGRA_OPERATORS` who may read the audit trail and help users back in who have lost their second factors.

#![allow(unreachable_pub, unnameable_types, reason = "in a program, `pub` says that another module uses it")]

mod database;
mod keys;
mod mailbox;
mod operators;
mod pages;
mod routes;
mod user;

use std::error::Error;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use axum::extract::FromRef;
use sigra::Sigra;
use sigra::axum::{Proxies, Web};
use sigra::mail::Links;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::database::Users;
use crate::mailbox::Mailbox;
use crate::operators::Operators;
use crate::user::User;

/// What every handler can reach.
#[derive(Clone)]
struct App {
    web: Web<User>,
    mailbox: Mailbox,
    operators: Operators,
    users: Users,
}

impl FromRef<App> for Web<User> {
    fn from_ref(app: &App) -> Self {
        app.web.clone()
    }
}

impl FromRef<App> for Mailbox {
    fn from_ref(app: &App) -> Self {
        app.mailbox.clone()
    }
}

impl FromRef<App> for Operators {
    fn from_ref(app: &App) -> Self {
        app.operators.clone()
    }
}

impl FromRef<App> for Users {
    fn from_ref(app: &App) -> Self {
        app.users.clone()
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let listener = listen().await?;
    let base_url = format!("http://{}", listener.local_addr()?);

    let database_url = database::url();
    database::create_users_table(&database_url).await?;
    let auth = Sigra::<User>::builder()
        .url(&database_url)
        .keyring(keys::load(&database_url)?)
        .application_name("Sigra")
        .build()
        .await?;
    auth.migrate().await?;
    let web = Web::new(auth.clone(), &base_url, Proxies::None)?;

    let mailbox = Mailbox::default();
    let worker = auth.start_worker(mailbox.clone(), Links::new(&base_url)?);

    let (operators, users) = (Operators::from_env(), Users::at(&database_url));
    let app = routes::router(App { web, mailbox, operators, users })
        .into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, app).with_graceful_shutdown(stop_signal()?);
    welcome(&base_url);
    server.await?;

    drop(worker);
    auth.close().await;
    Ok(())
}

/// Listens on this machine alone: the development mailbox is open to whoever reaches the site.
async fn listen() -> Result<TcpListener, String> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let number = port
        .parse::<u16>()
        .map_err(|_| format!("PORT={port} is not a port: write a number from 0 to 65535"))?;
    TcpListener::bind((Ipv4Addr::LOCALHOST, number))
        .await
        .map_err(|error| format!("cannot listen on 127.0.0.1:{port}: {error}; set PORT to another one"))
}

/// For whoever started it; the first line is for programs. That nobody reads it is no reason to stop.
fn welcome(base_url: &str) {
    let text = format!(
        "Listening on {base_url}

  1. Register at {base_url}/register
  2. Open the link in the mail, at {base_url}/dev/mailbox
  3. Sign in at {base_url}/login, here and in a second browser
  4. See both in {base_url}/settings, and sign the other one out
  5. Forget your password at {base_url}/reset
  6. Add an authenticator app at {base_url}/settings/totp, and sign in with its code
  7. Start it with SIGRA_OPERATORS=<your address>, and read the audit trail at {base_url}/audit
  8. With a second factor of your own, take a lost one off another account at {base_url}/recovery

Stop with Ctrl-C.
"
    );
    let _ = io::stdout().write_all(text.as_bytes());
}

/// From now on Ctrl-C, and the signal with which service managers stop a process, end the returned future and not the
/// process.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
