//! The settings that the attributes choose, as plain data that a reviewer can print.

use std::time::Duration;

/// Everything that the keys of one user type decide.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// `password`.
    pub password: PasswordPolicy,
    /// `session(..)`.
    pub session: SessionPolicy,
    /// `confirm_email(..)`.
    pub confirm_email: Option<ConfirmEmailPolicy>,
    /// `reset_password(..)`.
    pub reset_password: Option<ResetPasswordPolicy>,
    /// `lockout(..)`.
    pub lockout: Option<LockoutPolicy>,
    /// `throttle(..)`.
    pub throttle: Option<ThrottlePolicy>,
    /// `must_change_password`.
    pub must_change_password: bool,
    /// `totp(..)`.
    pub totp: Option<TotpPolicy>,
    /// `backup_codes(..)`: how many there are in a set.
    pub backup_codes: Option<u32>,
    /// `assisted_recovery(..)`: how long its owner has to stop it.
    pub assisted_recovery: Option<Duration>,
    /// `trusted_browser(..)`: how long the second factor is skipped there.
    pub trusted_browser: Option<Duration>,
    /// `sudo(..)`, which `totp` brings: how recent the proof of who is there has to be.
    pub sudo: Option<Duration>,
    /// `audit(..)`.
    pub audit: AuditPolicy,
    /// `privacy = ".."`.
    pub privacy: Privacy,
    /// Every `unsafe_..` key with the reason the host gave.
    pub unsafe_reasons: &'static [(&'static str, &'static str)],
}

/// Length limits and cost of passwords (NIST SP 800-63B-4 3.1.1.2, OWASP Password Storage).
#[derive(Clone, Copy, Debug)]
pub struct PasswordPolicy {
    /// Code points after NFC; 15 where the password stands alone.
    pub min_length: u32,
    /// Argon2id memory in KiB.
    pub memory_kib: u32,
    /// Argon2id passes.
    pub iterations: u32,
}

/// Lifetimes of a session (NIST SP 800-63B-4 2.1.3 and 5.2, ASVS 7.3).
#[derive(Clone, Copy, Debug)]
pub struct SessionPolicy {
    /// Ends a session that was not used for so long.
    pub idle: Duration,
    /// Ends a session so long after the sign-in, used or not.
    pub absolute: Duration,
    /// Both limits of a session with "remember me"; `None`: there is no such session.
    pub remember: Option<Duration>,
    /// How stale the recorded last use may be. A session is written at most once in this time.
    pub touch: Duration,
}

/// How an address is proved.
#[derive(Clone, Copy, Debug)]
pub struct ConfirmEmailPolicy {
    /// Lifetime of the link and of the code.
    pub within: Duration,
}

/// How a forgotten password is set anew.
#[derive(Clone, Copy, Debug)]
pub struct ResetPasswordPolicy {
    /// Lifetime of the link.
    pub within: Duration,
}

/// Second factors by authenticator apps (RFC 6238).
#[derive(Clone, Copy, Debug)]
pub struct TotpPolicy {
    /// What the apps show beside the code.
    pub issuer: &'static str,
}

/// `sudo(within)` where `totp` brings it.
#[doc(hidden)]
pub const DEFAULT_SUDO: Duration = Duration::from_mins(15);

/// Limit of wrong passwords for one account (NIST SP 800-63B-4 3.2.2).
#[derive(Clone, Copy, Debug)]
pub struct LockoutPolicy {
    /// Attempts that may fail in a row.
    pub after: u32,
    /// How long the account then refuses every attempt, but in browsers in which it is known. The limit arms itself again
    /// after it, each time for twice as long up to a day, and at most 100 failures in a row shut the password until its
    /// owner is back.
    pub wait: Duration,
}

/// Limit of failed attempts from one network, over all accounts.
#[derive(Clone, Copy, Debug)]
pub struct ThrottlePolicy {
    /// Attempts that may fail within the time: for one IPv4 address, or one IPv6 /64.
    pub per_network: u32,
    /// Attempts of everybody together that may fail within the time; `None`: they are not counted together.
    pub overall: Option<u32>,
    /// The time.
    pub within: Duration,
}

/// Whether and how long the trail is kept.
#[derive(Clone, Copy, Debug)]
pub struct AuditPolicy {
    /// `false` only with `unsafe_no_audit = "reason"`.
    pub enabled: bool,
    /// Whole segments of rows older than this are removed by the sweep; `None` keeps them all.
    pub retain: Option<Duration>,
}

/// How much of a visitor's network address and browser name is stored with sessions and audit rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// The address and the `User-Agent` as they are.
    Full,
    /// IPv4 to /24, IPv6 to /48; of the `User-Agent` only the families of browser and system.
    Truncated,
    /// Neither.
    None,
}
