//! Every key, with values in every form.

use std::time::Duration;

use sigra::{Client, Credentials, Error, PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

/// Settings that live elsewhere.
pub mod limits {
    use super::Duration;

    /// How long a visitor stays signed in without doing anything.
    pub const IDLE: Duration = Duration::from_mins(30);
    /// How long a browser skips the second factor.
    pub const TRUST: Duration = Duration::from_hours(7 * 24);
    /// Wrong passwords in a row.
    pub const ATTEMPTS: u32 = 5;
}

/// Somebody with an account.
#[derive(Clone, Debug, Sigra)]
#[sigra(
    table = "users",
    prefix = "auth_",
    profile = "aal1",
    password(min_length = 16, memory_kib = 47104, iterations = 1),
    session(idle = limits::IDLE, absolute = Duration::from_hours(24), remember = "30d", touch = "2m"),
    confirm_email(within = "24h"),
    reset_password(within = "30m"),
    must_change_password,
    lockout(after = limits::ATTEMPTS, wait = "15m"),
)]
#[sigra(
    totp(issuer = "Acme"),
    backup_codes(count = 12),
    assisted_recovery(delay = "48h"),
    trusted_browser(within = limits::TRUST),
    sudo(within = "10m"),
)]
#[sigra(throttle(per_network = 200, overall = 20_000, within = "1h"), audit(retain = "400d"), privacy = "truncated", crate = ::sigra)]
pub struct User {
    /// The primary key.
    #[sigra(id)]
    pub id: Uuid,
    /// The address.
    #[sigra(email)]
    pub email: String,
    #[sigra(password, column = "password_hash")]
    password: Option<PasswordHash>,
    #[sigra(confirmed_at)]
    confirmed_at: Option<OffsetDateTime>,
    #[sigra(disabled_at)]
    disabled_at: Option<OffsetDateTime>,
    /// When the row was made.
    #[sigra(skip)]
    pub created_at: OffsetDateTime,
    /// How others see them.
    #[sigra(column = "name")]
    pub display_name: String,
    /// Absent in this build.
    #[cfg(any())]
    pub absent: NoSuchType,
}

/// Every feature and every variant.
///
/// # Errors
/// As each operation says.
pub async fn everything(
    auth: &Sigra<User>,
    credentials: Credentials,
    client: &Client,
) -> Result<Option<Uuid>, Error> {
    auth.resend_confirmation("ada@example.com", client).await?;
    auth.request_password_reset("ada@example.com", client).await?;
    Ok(match auth.sign_in(credentials, client).await? {
        UserSignIn::Complete(session) => Some(session.user().id),
        UserSignIn::SecondFactor(challenge) => {
            let session = auth.prove_second_factor(challenge.token().expose(), "123456", client).await?;
            Some(session.user().id)
        }
        UserSignIn::Disabled(_) | UserSignIn::MustChangePassword(_) => None,
    })
}

/// What a registration form fills in.
#[must_use]
pub fn new(email: &str, password: &str, display_name: &str) -> NewUser {
    NewUser { email: email.into(), password: password.into(), display_name: display_name.into() }
}
