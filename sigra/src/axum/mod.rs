//! Sigra on axum: extractors by assurance level, the session cookie, cross-origin protection, and one mapping from errors to
//! answers.
//!
//! The core knows no framework; this module is the whole of the way between a request and the core:
//!
//! - [`CurrentUser`] is a handler's proof that somebody is signed in. A handler that takes it never runs otherwise.
//! - [`Sudo`](crate::Sudo), [`Aal2`] and [`PhishingResistant`] are the same with more: that the user proved to be there just now, with
//!   two factors, or with one that cannot be phished. [`PendingUser`] is somebody whose second factor is due: no user yet.
//! - [`MaybeUser`] is for pages that greet a user and serve a stranger.
//! - [`Visitor`] is what is known of whoever asks. Every operation of [`Sigra`](struct@crate::Sigra) that changes something wants a
//!   [`Client`](crate::Client), and a `Visitor` is one.
//!
//! All of them refuse an unsafe request that another site made ([`refuse_cross_origin`] does the same for a whole router), so
//! a layer that was forgotten is no hole. Neither `Host` nor `X-Forwarded-Proto` is ever read: what the site is called is
//! said once, in [`Web::new`].
//!
//! ```no_run
//! use axum::extract::State;
//! use axum::response::{IntoResponse, Redirect, Response};
//! use axum::routing::{get, post};
//! use axum::{Form, Router, middleware};
//! use sigra::axum::{CurrentUser, MaybeUser, Proxies, Visitor, Web, refuse_cross_origin};
//! use sigra::{Credentials, PasswordHash, Sigra};
//! use std::net::SocketAddr;
//!
//! #[derive(Sigra)]
//! #[sigra(
//!     table = "users",
//!     password,
//!     session(idle = "1h", absolute = "14d"),
//!     lockout(after = 10, wait = "15m"),
//! )]
//! struct User {
//!     #[sigra(id)]
//!     id: i64,
//!     #[sigra(email)]
//!     email: String,
//!     #[sigra(password)]
//!     password: Option<PasswordHash>,
//! }
//!
//! #[derive(serde::Deserialize)]
//! struct SignIn {
//!     email: String,
//!     password: String,
//! }
//!
//! async fn sign_in(
//!     State(web): State<Web<User>>,
//!     visitor: Visitor<User>,
//!     Form(form): Form<SignIn>,
//! ) -> Result<Response, sigra::Error> {
//!     let credentials = Credentials::new(form.email, form.password).replacing(visitor.session_token());
//!     match web.auth().sign_in(credentials, &visitor).await? {
//!         UserSignIn::Complete(session) => Ok((web.signed_in(&session), Redirect::to("/")).into_response()),
//!     }
//! }
//!
//! async fn sign_out(
//!     State(web): State<Web<User>>,
//!     MaybeUser(session): MaybeUser<User>,
//!     visitor: Visitor<User>,
//! ) -> Result<Response, sigra::Error> {
//!     if let Some(session) = session {
//!         web.auth().sign_out(&session, &visitor).await?;
//!     }
//!     Ok((web.signed_out(), Redirect::to("/")).into_response())
//! }
//!
//! async fn home(CurrentUser(session): CurrentUser<User>) -> String {
//!     format!("Hello, {}!", session.user().email)
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let auth = Sigra::<User>::connect("sqlite://app.db").await?;
//! let web = Web::new(auth, "https://app.example", Proxies::Trusted(1))?;
//! let app = Router::new()
//!     .route("/", get(home))
//!     .route("/login", post(sign_in))
//!     .route("/logout", post(sign_out))
//!     .layer(middleware::from_fn_with_state(web.clone(), refuse_cross_origin::<User>))
//!     .with_state(web);
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
//! # Ok(())
//! # }
//! ```

mod assurance;
mod cookie;
mod cross_origin;
mod extract;
mod network;
mod redirect;
mod respond;
mod site;

#[cfg(feature = "totp")]
pub use self::assurance::PendingUser;
pub use self::assurance::{Aal2, PhishingResistant};
#[cfg(feature = "totp")]
pub use self::cookie::SecondFactorDue;
pub use self::cookie::{KnownDevice, SignedIn, SignedOut};
pub use self::cross_origin::refuse_cross_origin;
pub use self::extract::{CurrentUser, MaybeUser, Rejection, Visitor};
pub use self::network::Proxies;
pub use self::redirect::RedirectTarget;
pub use self::respond::{Problem, SecretPage, no_store};
pub use self::site::{Web, WebError};
