//! The extractors that ask for more than a session, and the one of somebody who has none yet.

use std::ops::Deref;

use ::axum::extract::{FromRef, FromRequestParts};
use ::http::request::Parts;

use super::extract::{CurrentUser, Rejection, step_up_page};
use super::respond::Problem;
use super::site::{Site, Web};
use crate::assurance::{Aal, Assurance};
use crate::error::{Error, Refusal};
use crate::feature;
use crate::operations::Sudo;
use crate::session::Session;

/// The session, if what was proved in it is enough.
async fn session_with<S, U>(
    parts: &mut Parts,
    state: &S,
    is_enough: impl FnOnce(Assurance) -> bool + Send,
    lack: fn() -> Problem,
) -> Result<Session<U>, Rejection>
where
    S: Send + Sync,
    U: feature::Totp,
    Web<U>: FromRef<S>,
{
    let CurrentUser(session) = CurrentUser::<U>::from_request_parts(parts, state).await?;
    if is_enough(session.assurance()) {
        return Ok(session);
    }
    Err(not_enough(Web::<U>::from_ref(state).site(), parts, lack()))
}

/// What a session lacks, with the way to it.
fn not_enough(site: &Site, parts: &Parts, problem: Problem) -> Rejection {
    let problem = problem.at(site.step_up_path.to_string());
    Rejection::NotEnough { problem, step_up: step_up_page(site, parts) }
}

/// Somebody is signed in who proved to be there within `sudo(within = "..")`, and by the second factor too where the account has
/// one. A trusted browser's session never is enough.
///
/// Costs two indexed reads.
///
/// # Rejections
/// Those of [`CurrentUser`], and 403 `sudo_required`: as JSON with `location`, or for a browser that asks for a page a redirect to
/// [`Web::step_up_path`] that names the page to come back to in `next`.
impl<S, U> FromRequestParts<S> for Sudo<U>
where
    S: Send + Sync,
    U: feature::Sudo,
    Web<U>: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let CurrentUser(session) = CurrentUser::<U>::from_request_parts(parts, state).await?;
        let web = Web::<U>::from_ref(state);
        match web.auth().sudo(session).await {
            Ok(sudo) => Ok(sudo),
            Err(Error::Refused(refusal @ Refusal::SudoRequired { .. })) => {
                Err(not_enough(web.site(), parts, refusal.into()))
            }
            Err(error) => Err(Rejection::Failed(error.into())),
        }
    }
}

/// Somebody is signed in who proved two factors of different kinds in this session ([`Aal::Two`]). A trusted browser's session is
/// not enough.
///
/// # Rejections
/// Those of [`CurrentUser`], and 403 `aal2_required`, told as [`Sudo`] does.
#[derive(Debug)]
pub struct Aal2<U>(pub Session<U>);

impl<U> Deref for Aal2<U> {
    type Target = Session<U>;

    fn deref(&self) -> &Session<U> {
        &self.0
    }
}

impl<S, U> FromRequestParts<S> for Aal2<U>
where
    S: Send + Sync,
    U: feature::Totp,
    Web<U>: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let is_enough = |assurance: Assurance| assurance.level() >= Aal::Two;
        session_with(parts, state, is_enough, Problem::aal2_required).await.map(Self)
    }
}

/// Somebody is signed in who proved a factor in this session that a site which looks like this one could not have used
/// (NIST SP 800-63B-4 3.2.5). **No factor of this version is such a one**, so that it always refuses; it is here so that a host
/// can write it down today where passkeys will open it.
///
/// # Rejections
/// Those of [`CurrentUser`], and 403 `phishing_resistant_required`, told as [`Sudo`] does.
#[derive(Debug)]
pub struct PhishingResistant<U>(pub Session<U>);

impl<U> Deref for PhishingResistant<U> {
    type Target = Session<U>;

    fn deref(&self) -> &Session<U> {
        &self.0
    }
}

impl<S, U> FromRequestParts<S> for PhishingResistant<U>
where
    S: Send + Sync,
    U: feature::Totp,
    Web<U>: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let is_enough = |assurance: Assurance| assurance.is_phishing_resistant();
        session_with(parts, state, is_enough, Problem::phishing_resistant_required).await.map(Self)
    }
}

/// Somebody whose first factor was right and whose second is due: the challenge, and nothing of the user. It is no session, and
/// only [`Sigra::prove_second_factor`](crate::Sigra::prove_second_factor) takes it:
///
/// `web.auth().prove_second_factor(pending.token(), code, &visitor)`.
///
/// # Rejections
/// - 401 where no sign-in is pending in this browser: as JSON, or for a browser that asks for a page a redirect to
///   [`Web::login_path`],
/// - 403 for an unsafe request from another site, see [`refuse_cross_origin`](super::refuse_cross_origin),
/// - 503 or 500 where the database could not tell.
#[cfg(feature = "totp")]
#[derive(Debug)]
pub struct PendingUser<U> {
    challenge: crate::outcome::SecondFactor,
    user: std::marker::PhantomData<fn() -> U>,
}

#[cfg(feature = "totp")]
impl<U> PendingUser<U> {
    /// The challenge.
    pub fn challenge(&self) -> &crate::outcome::SecondFactor {
        &self.challenge
    }

    /// Its secret, for [`Sigra::prove_second_factor`](crate::Sigra::prove_second_factor).
    #[must_use]
    pub fn token(&self) -> &str {
        self.challenge.token().expose()
    }
}

#[cfg(feature = "totp")]
impl<S, U> FromRequestParts<S> for PendingUser<U>
where
    S: Send + Sync,
    U: feature::Totp,
    Web<U>: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        use super::extract::{guard, login_page};

        let web = Web::<U>::from_ref(state);
        guard(web.site(), parts)?;
        let challenge = match web.site().pending_cookie.find(&parts.headers) {
            Some(token) => {
                let pending = web.auth().pending_sign_in(&token).await;
                pending.map_err(|error| Rejection::Failed(error.into()))?
            }
            None => None,
        };
        match challenge {
            Some(challenge) => Ok(Self { challenge, user: std::marker::PhantomData }),
            None => Err(Rejection::NotSignedIn { login: login_page(web.site(), parts) }),
        }
    }
}
