//! Who runs this site. Sigra says who somebody is; what that person may do is the host's to say, and here it is a list.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use sigra::axum::{CurrentUser, Problem, Web};
use sigra::{Aal, Session, Sudo};

use crate::user::User;

/// The e-mail addresses in `SIGRA_OPERATORS`, with commas between them and written as they were registered. Without it, nobody.
///
/// An address is as good as a name here because nobody signs in before it is confirmed, and because nobody can change it.
#[derive(Clone, Default)]
pub struct Operators(Arc<[String]>);

impl Operators {
    pub fn from_env() -> Self {
        let text = std::env::var("SIGRA_OPERATORS").unwrap_or_default();
        Self(
            text.split(',').map(str::trim).filter(|address| !address.is_empty()).map(str::to_owned).collect(),
        )
    }

    pub fn include(&self, user: &User) -> bool {
        self.0.contains(&user.email)
    }
}

/// An operator is signed in. For everybody else there is no such page.
pub struct Operator(pub Session<User>);

impl<S> FromRequestParts<S> for Operator
where
    S: Send + Sync,
    Web<User>: FromRef<S>,
    Operators: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let CurrentUser(session) =
            CurrentUser::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        if Operators::from_ref(state).include(session.user()) {
            Ok(Self(session))
        } else {
            Err(Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such page").into_response())
        }
    }
}

/// An operator who has just proved to be there, with a second factor: for what weakens somebody else's account. Without that, the
/// password of one operator would be the second factor of everybody.
pub struct TrustedOperator(Sudo<User>);

impl TrustedOperator {
    /// What the trail calls the operator.
    pub fn name(&self) -> String {
        self.0.user().id.to_string()
    }
}

impl<S> FromRequestParts<S> for TrustedOperator
where
    S: Send + Sync,
    Web<User>: FromRef<S>,
    Operators: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        // First, so that nobody else is asked for anything.
        Operator::from_request_parts(parts, state).await?;
        let sudo = Sudo::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        if sudo.assurance().level() >= Aal::Two {
            return Ok(Self(sudo));
        }
        let why = "an operator needs a second factor for this: add an authenticator in your settings first";
        Err(Problem::new(StatusCode::FORBIDDEN, "second_factor_required", why)
            .at("/settings/totp")
            .into_response())
    }
}
