//! The user: a row of the host's own table, and what Sigra does for it.

use sigra::{PasswordHash, Sigra};
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(Clone, Debug, Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d", remember = "30d"),
    confirm_email(within = "48h"),
    reset_password(within = "1h"),
    must_change_password,
    lockout(after = 10, wait = "15m"),
    throttle(per_network = 100, overall = 10_000, within = "15m"),
    totp(issuer = "Sigra"),
    backup_codes,
    assisted_recovery(delay = "24h"),
    trusted_browser(within = "30d"),
    sudo(within = "15m"),
    audit(retain = "400d")
)]
pub struct User {
    #[sigra(id)]
    pub id: Uuid,
    #[sigra(email)]
    pub email: String,
    #[sigra(password, column = "password_hash")]
    password: Option<PasswordHash>,
    pub display_name: String,
    #[sigra(disabled_at)]
    disabled_at: Option<OffsetDateTime>,
}
