//! Markers of what is on: the derive implements one for each key, and each operation asks for its own.
//!
//! A host's generic code may use them as bounds: `fn f<U: sigra::feature::ResetPassword>(auth: &Sigra<U>)`.

use crate::account::Account;

/// Sign-in by password. Turned on by `#[sigra(password)]`.
#[diagnostic::on_unimplemented(
    message = "passwords are off for `{Self}`",
    label = "turned on by `#[sigra(password)]` on `{Self}`",
    note = "add `password` to the `#[sigra(..)]` of `{Self}` and mark the field of the hash with `#[sigra(password)]`"
)]
pub trait Passwords: Account {}

/// Server-side sessions. Turned on by `#[sigra(session(idle = "1h", absolute = "14d"))]`.
#[diagnostic::on_unimplemented(
    message = "sessions are off for `{Self}`",
    label = "turned on by `#[sigra(session(idle = \"1h\", absolute = \"14d\"))]` on `{Self}`",
    note = "add `session(idle = \"1h\", absolute = \"14d\")` to the `#[sigra(..)]` of `{Self}`"
)]
pub trait Sessions: Account {}

/// Proof of the address by a mailed link or code. Turned on by `#[sigra(confirm_email)]`.
#[diagnostic::on_unimplemented(
    message = "confirmation of addresses is off for `{Self}`",
    label = "turned on by `#[sigra(confirm_email)]` on `{Self}`",
    note = "add `confirm_email(within = \"48h\")` and `reset_password(within = \"1h\")` to the `#[sigra(..)]` of `{Self}`",
    note = "rule S0501 of `sigra::rules`"
)]
pub trait ConfirmEmail: Account {}

/// A forgotten password set anew by a mailed link. Turned on by `#[sigra(reset_password)]`.
#[diagnostic::on_unimplemented(
    message = "password reset is off for `{Self}`",
    label = "turned on by `#[sigra(reset_password)]` on `{Self}`",
    note = "add `reset_password(within = \"1h\")` to the `#[sigra(..)]` of `{Self}`",
    note = "rule S0502 of `sigra::rules`"
)]
pub trait ResetPassword: Account {}

/// A limit of wrong passwords for one account. Turned on by `#[sigra(lockout(after = 10, wait = "15m"))]`.
#[diagnostic::on_unimplemented(
    message = "lockout is off for `{Self}`",
    label = "turned on by `#[sigra(lockout(after = 10, wait = \"15m\"))]` on `{Self}`",
    note = "add `lockout(after = 10, wait = \"15m\")` to the `#[sigra(..)]` of `{Self}`",
    note = "rule S0504 of `sigra::rules`"
)]
pub trait Lockout: Account {}

/// Passwords that have to be replaced because others may know them. Turned on by `#[sigra(must_change_password)]`.
#[diagnostic::on_unimplemented(
    message = "forced changes of passwords are off for `{Self}`",
    label = "turned on by `#[sigra(must_change_password)]` on `{Self}`",
    note = "add `must_change_password` and `reset_password(within = \"1h\")` to the `#[sigra(..)]` of `{Self}`",
    note = "rule S0503 of `sigra::rules`"
)]
pub trait MustChangePassword: ResetPassword {}

/// Second factors by authenticator apps. Turned on by `#[sigra(totp(issuer = "Acme"))]`.
#[diagnostic::on_unimplemented(
    message = "second factors are off for `{Self}`",
    label = "turned on by `#[sigra(totp(issuer = \"Acme\"))]` on `{Self}`",
    note = "add `totp(issuer = \"Acme\")` and `backup_codes` to the `#[sigra(..)]` of `{Self}`",
    note = "rule S0505 of `sigra::rules`"
)]
pub trait Totp: Sudo {}

/// Codes that stand in for a lost authenticator. Turned on by `#[sigra(backup_codes)]`.
#[diagnostic::on_unimplemented(
    message = "backup codes are off for `{Self}`",
    label = "turned on by `#[sigra(backup_codes)]` on `{Self}`",
    note = "add `backup_codes` to the `#[sigra(..)]` of `{Self}`, beside `totp(issuer = \"Acme\")`",
    note = "rule S0506 of `sigra::rules`"
)]
pub trait BackupCodes: Totp {}

/// An operator takes lost second factors off an account. Turned on by `#[sigra(assisted_recovery)]`.
#[diagnostic::on_unimplemented(
    message = "assisted recovery is off for `{Self}`",
    label = "turned on by `#[sigra(assisted_recovery(delay = \"24h\"))]` on `{Self}`",
    note = "add `assisted_recovery(delay = \"24h\")` to the `#[sigra(..)]` of `{Self}`, beside `totp(issuer = \"Acme\")`",
    note = "rule S0507 of `sigra::rules`"
)]
pub trait AssistedRecovery: Totp {}

/// Browsers in which the second factor may be skipped for a while. Turned on by `#[sigra(trusted_browser(within = "30d"))]`.
#[diagnostic::on_unimplemented(
    message = "trusted browsers are off for `{Self}`",
    label = "turned on by `#[sigra(trusted_browser(within = \"30d\"))]` on `{Self}`",
    note = "add `trusted_browser(within = \"30d\")` to the `#[sigra(..)]` of `{Self}`, beside `totp(issuer = \"Acme\")`",
    note = "rule S0508 of `sigra::rules`"
)]
pub trait TrustedBrowser: Totp {}

/// A proof of who is there that is recent enough to change a credential. Turned on by `#[sigra(sudo)]`, and by `totp`.
#[diagnostic::on_unimplemented(
    message = "step-up is off for `{Self}`",
    label = "turned on by `#[sigra(sudo(within = \"15m\"))]` on `{Self}`",
    note = "add `sudo(within = \"15m\")` to the `#[sigra(..)]` of `{Self}`",
    note = "rule S0509 of `sigra::rules`"
)]
pub trait Sudo: Passwords + Sessions {}

/// Accounts that an operator can disable. Turned on by a field marked `#[sigra(disabled_at)]`.
#[diagnostic::on_unimplemented(
    message = "accounts of `{Self}` cannot be disabled",
    label = "turned on by a field of `{Self}` marked `#[sigra(disabled_at)]`",
    note = "add `#[sigra(disabled_at)] disabled_at: Option<time::OffsetDateTime>` to `{Self}` and the column to its table",
    note = "rule S0510 of `sigra::rules`"
)]
pub trait DisableAccount: Account {}

/// The audit trail. On unless `unsafe_no_audit` says why not.
#[diagnostic::on_unimplemented(
    message = "the audit trail is off for `{Self}`",
    label = "turned off by `unsafe_no_audit` on `{Self}`",
    note = "replace `unsafe_no_audit` in the `#[sigra(..)]` of `{Self}` by `audit(retain = \"400d\")`",
    note = "rule S0511 of `sigra::rules`"
)]
pub trait Audit: Account {}
