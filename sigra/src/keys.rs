//! One documented item for each key of `#[sigra(..)]`: editors complete and explain the keys from it.
//!
//! Made from the table of keys of `sigra-macros`, whose tests keep the two the same.

#![allow(non_upper_case_globals, reason = "the items are named like the keys")]

/// The host's table, which the struct is a row of: a plain identifier of at most 63 bytes. Sigra's own tables refer to it by foreign keys; the host's migrations own it.
///
/// `table = "users"`
pub const table: () = ();

/// What stands before the names of Sigra's own tables: lower case, at most 32 bytes. Two user types in one database, and in one crate, need two prefixes: the second would read the first one's sessions. Default `"sigra_"`.
///
/// `prefix = "sigra_"`
pub const prefix: () = ();

/// Another user type of this crate may have the same `prefix`: its policy alone decides what it lets in, and a session of one is a session of the other. The reason, at least ten characters, is kept in the policy.
///
/// `unsafe_shared_tables = "another view of the same users"`
pub const unsafe_shared_tables: () = ();

/// An assurance level of NIST SP 800-63B-4, `"aal1"` or `"aal2"`, that the settings must not fall short of. With it `session` may be left out: `"aal1"` ends one after 30 days, `"aal2"` after 24 hours, or an hour without use. `"aal2"` needs `totp`, and refuses `trusted_browser` and a longer `remember`. Which handlers demand two factors is said by their extractors. `"aal3"` needs passkeys, which are planned; so does the phishing-resistant choice that NIST wants offered at AAL2.
///
/// `profile = "aal2"`
pub const profile: () = ();

/// Sign-in by password, hashed with Argon2id. The field of the hash is marked `#[sigra(password)]`. Asks for an answer to guessing: `lockout(..)`, `throttle(..)` or both.
///
/// `password`
pub const password: () = ();

/// The keys inside `password(..)`.
pub mod password {
    /// The fewest code points a password may have. At least 64 code points are always accepted.
    ///
    /// `min_length = 15`
    pub const min_length: () = ();

    /// Argon2id memory in KiB. With `iterations` at least one of OWASP's pairs: 47104 and 1, 19456 and 2, 12288 and 3, 9216 and 4, 7168 and 5 (ASVS 11.4.2).
    ///
    /// `memory_kib = 19456`
    pub const memory_kib: () = ();

    /// Argon2id passes over the memory. See `memory_kib` for the least pairs.
    ///
    /// `iterations = 2`
    pub const iterations: () = ();
}

/// Sessions kept in the database, which can be listed and ended one by one. How long they last is written down.
///
/// `session(idle = "1h", absolute = "14d")`
pub const session: () = ();

/// The keys inside `session(..)`.
pub mod session {
    /// Ends a session that was not used for so long.
    ///
    /// `idle = "1h"`
    pub const idle: () = ();

    /// Ends a session so long after the sign-in, used or not.
    ///
    /// `absolute = "14d"`
    pub const absolute: () = ();

    /// Both limits of a session whose visitor asked to be remembered. Left out, nobody can ask.
    ///
    /// `remember = "30d"`
    pub const remember: () = ();

    /// How stale the recorded last use may be: a session is written at most once in this time. At most half of `idle`.
    ///
    /// `touch = "1m"`
    pub const touch: () = ();
}

/// A mailed link or code proves the address. Until then its password proves nothing: a sign-in with the right one is answered like one with a wrong one, so that nobody learns by registering who has an account. Say on the page for signing in, in the same words for all, that an address has to be confirmed first. Accounts from before the key was on have to be confirmed, too: on a live site mark those as confirmed first whose address was proved in some other way, or whoever registers with one of the others ends its sessions and its password, once, until its owner sets another by a mailed link.
///
/// `confirm_email(within = "48h")`
pub const confirm_email: () = ();

/// The keys inside `confirm_email(..)`.
pub mod confirm_email {
    /// How long the link and the code work.
    ///
    /// `within = "48h"`
    pub const within: () = ();
}

/// A forgotten password is set anew by a mailed link, which ends every session and never signs in by itself.
///
/// `reset_password(within = "1h")`
pub const reset_password: () = ();

/// The keys inside `reset_password(..)`.
pub mod reset_password {
    /// How long the link works.
    ///
    /// `within = "1h"`
    pub const within: () = ();
}

/// A password that others may know is replaced: `require_password_change`, and a sign-in with one that became known from a breach, let the right password come to `MustChangePassword` until a mailed link has set another (NIST SP 800-63B-4 3.1.1.2). Needs `reset_password`.
///
/// `must_change_password`
pub const must_change_password: () = ();

/// After so many wrong passwords in a row an account refuses every attempt for a while, also the right one, but in browsers in which its owner has signed in before. The owner gets a mail. Then it counts again, each time for twice as long a wait up to a day; at most 100 failures in a row shut the password until the owner is back (NIST SP 800-63B-4 3.2.2).
///
/// `lockout(after = 10, wait = "15m")`
pub const lockout: () = ();

/// The keys inside `lockout(..)`.
pub mod lockout {
    /// Wrong passwords in a row.
    ///
    /// `after = 10`
    pub const after: () = ();

    /// How long the account then refuses every attempt, at first.
    ///
    /// `wait = "15m"`
    pub const wait: () = ();
}

/// A network (one IPv4 address or one IPv6 /64) that failed so often, over all accounts, has to wait.
///
/// `throttle(per_network = 100, within = "15m")`
pub const throttle: () = ();

/// The keys inside `throttle(..)`.
pub mod throttle {
    /// Failed attempts within the time.
    ///
    /// `per_network = 100`
    pub const per_network: () = ();

    /// Failed attempts of everybody together within the time, and apart from them registrations and requests for mail. It bounds what many networks can try at many accounts; whoever uses it up keeps everybody out who is in no browser known to Sigra. Left out, nothing is counted together.
    ///
    /// `overall = 10000`
    pub const overall: () = ();

    /// The time in which they are counted.
    ///
    /// `within = "15m"`
    pub const within: () = ();
}

/// Wrong passwords are not counted. The reason, at least ten characters, is kept in the policy.
///
/// `unsafe_no_lockout = "the gateway counts failed sign-ins"`
pub const unsafe_no_lockout: () = ();

/// Second factors: one-time codes by authenticator apps (RFC 6238). Where an account has one, the right password comes to `SecondFactor`, which is no session. Asks how an owner gets in who has lost it: `backup_codes`, `assisted_recovery(..)` or both. Brings `sudo(within = "15m")`. Needs Sigra's cargo feature `totp`.
///
/// `totp(issuer = "Acme")`
pub const totp: () = ();

/// The keys inside `totp(..)`.
pub mod totp {
    /// What authenticator apps show beside the code: the application's name, 1 to 64 characters, no colon.
    ///
    /// `issuer = "Acme"`
    pub const issuer: () = ();
}

/// Codes that stand in for a lost authenticator, each once: 120 random bits, shown once, kept as keyed hashes. Needs `totp`.
///
/// `backup_codes`
pub const backup_codes: () = ();

/// The keys inside `backup_codes(..)`.
pub mod backup_codes {
    /// How many there are in a set.
    ///
    /// `count = 10`
    pub const count: () = ();
}

/// An operator takes the second factors off the account of an owner who has lost them: it begins with a mail that can stop it, and is done after the delay. Needs `totp`.
///
/// `assisted_recovery(delay = "24h")`
pub const assisted_recovery: () = ();

/// The keys inside `assisted_recovery(..)`.
pub mod assisted_recovery {
    /// How long the owner has to stop what somebody else began.
    ///
    /// `delay = "24h"`
    pub const delay: () = ();
}

/// Whoever loses the second factor loses the account. The reason, at least ten characters, is kept in the policy.
///
/// `unsafe_no_recovery = "accounts are made anew at the desk"`
pub const unsafe_no_recovery: () = ();

/// A browser in which the second factor was proved may skip it for so long, if its owner says so. It never stands in for the factor where one is demanded. Needs `totp`.
///
/// `trusted_browser(within = "30d")`
pub const trusted_browser: () = ();

/// The keys inside `trusted_browser(..)`.
pub mod trusted_browser {
    /// How long the second factor is skipped there.
    ///
    /// `within = "30d"`
    pub const within: () = ();
}

/// What changes a credential asks who is there once more: `Sudo` is a session whose owner proved to be there so recently, by the second factor too where the account has one (ASVS 7.5.1).
///
/// `sudo(within = "15m")`
pub const sudo: () = ();

/// The keys inside `sudo(..)`.
pub mod sudo {
    /// How recent the proof has to be.
    ///
    /// `within = "15m"`
    pub const within: () = ();
}

/// The audit trail: one row for each change, in the same transaction. On by default; `retain` lets old rows go.
///
/// `audit(retain = "400d")`
pub const audit: () = ();

/// The keys inside `audit(..)`.
pub mod audit {
    /// How long a row is kept at least: rows go by whole segments of 256, once a checkpoint covers them. Left out, every row is kept.
    ///
    /// `retain = "400d"`
    pub const retain: () = ();
}

/// Switches the audit trail off. The reason, at least ten characters, is kept in the policy.
///
/// `unsafe_no_audit = "the database writes its own trail"`
pub const unsafe_no_audit: () = ();

/// How much of a visitor's address and browser is stored with sessions and audit rows: `"full"`, `"truncated"` (IPv4 to /24, IPv6 to /48, browser family only) or `"none"`. Default `"full"`.
///
/// `privacy = "full"`
pub const privacy: () = ();

/// The keys of a field.
pub mod field_keys {
    /// The primary key: `i64`, `uuid::Uuid` or `String`. Sessions, tokens and audit rows name a user by it.
    ///
    /// `#[sigra(id)] id: uuid::Uuid`
    pub const id: () = ();

    /// The address, a `String`: visitors sign in with it and mail goes there.
    ///
    /// `#[sigra(email)] email: String`
    pub const email: () = ();

    /// The hash of the password: `Option<sigra::PasswordHash>`, or `sigra::PasswordHash` where every account has one.
    ///
    /// `#[sigra(password)] password: Option<sigra::PasswordHash>`
    pub const password: () = ();

    /// A column of the host's for the time at which the address was proved. Left out, only Sigra's own table holds it.
    ///
    /// `#[sigra(confirmed_at)] confirmed_at: Option<time::OffsetDateTime>`
    pub const confirmed_at: () = ();

    /// The time at which the account was disabled. The right password then comes to `Disabled`.
    ///
    /// `#[sigra(disabled_at)] disabled_at: Option<time::OffsetDateTime>`
    pub const disabled_at: () = ();

    /// Registration leaves the column to the database's default. The field is still read.
    ///
    /// `#[sigra(skip)] created_at: time::OffsetDateTime`
    pub const skip: () = ();

    /// The column's name, where it is not the field's: a plain identifier of at most 63 bytes.
    ///
    /// `#[sigra(column = "display_name")] name: String`
    pub const column: () = ();
}

/// The keys of an event.
pub mod event_keys {
    /// The event's name in the trail, `area.object.verb`: lower-case ASCII letters, digits and `_`, at most 48 bytes a part. Names are stable: who reads the trail searches for them. The areas that Sigra uses are reserved.
    ///
    /// `event = "billing.invoice.export"`
    pub const event: () = ();
}

/// The keys of a struct inside the details of an event. `crate` is a keyword, and stands in no list.
pub mod detail_keys {}

/// The keys of a field of either.
pub mod event_field_keys {
    /// The key in the row's details, where it is not the field's name: ASCII letters, digits, `_`, `-` and `.`, at most 64 bytes. A key that promises a secret is refused.
    ///
    /// `#[sigra(key = "size")] größe: i64`
    pub const key: () = ();

    /// The field stands in no row. Its type may be anything.
    ///
    /// `#[sigra(skip)] draft: Draft`
    pub const skip: () = ();
}
