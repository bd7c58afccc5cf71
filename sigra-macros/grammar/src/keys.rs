//! The one table of keys. The reader, the errors, the reference documentation and the editor hints are made from it.

pub mod event;

use crate::duration;
use crate::error::Code;

/// One key of `#[sigra(..)]`.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Complete code, as the help lines show it.
    pub example: &'static str,
    /// What it does: the text of the reference and of the editor's hover.
    pub docs: &'static str,
    /// A mistake worth showing in the reference, which prints the error beside it.
    pub misuse: &'static str,
    /// Why there is no default. A key inside parentheses that has such a reason must be written.
    pub required: Option<&'static str>,
    /// Limits and default of a number or a duration.
    pub range: Option<Range>,
    /// The keys inside its parentheses.
    pub inner: &'static [&'static Key],
    /// Words that people try for it, separated by blanks, with a help line of their own where there is more to say.
    pub tried: &'static [(&'static str, &'static str)],
}

/// What a number or a duration (in seconds) may be.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// How it is written.
    pub unit: Unit,
    /// What stands if the key is left out.
    pub default: Option<u64>,
    /// The least value.
    pub least: Limit,
    /// The largest value.
    pub most: Limit,
}

impl Range {
    /// Whether a value is between the ends.
    #[must_use]
    pub fn contains(&self, value: u64) -> bool {
        (self.least.value..=self.most.value).contains(&value)
    }
}

/// One end of a range. It is a rule of its own.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// The number of the rule.
    pub code: Code,
    /// The last value that is good.
    pub value: u64,
    /// Who says so.
    pub why: &'static str,
}

/// A [`Limit`] as the table has it.
type End = (&'static str, u64, &'static str);

impl Limit {
    const fn new((code, value, why): End) -> Self {
        Self { code: Code(code), value, why }
    }
}

/// How a quantity is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A plain number that fits `u32`.
    Count,
    /// A number with a unit, in quotes.
    Duration,
}

impl Unit {
    /// The value as it is written in an attribute, without its quotes.
    #[must_use]
    pub fn show(self, value: u64) -> String {
        match self {
            Self::Count => value.to_string(),
            Self::Duration => duration::show(value),
        }
    }

    /// The value of what is written in an attribute.
    pub(crate) fn read(self, code: &str) -> Option<u64> {
        match self {
            Self::Count => code.parse().ok(),
            Self::Duration => duration::parse(code.trim_matches('"')),
        }
    }

    /// The value as it is written in an attribute.
    #[must_use]
    pub fn code(self, value: u64) -> String {
        match self {
            Self::Count => value.to_string(),
            Self::Duration => format!("\"{}\"", duration::show(value)),
        }
    }
}

impl Key {
    const fn new(name: &'static str, example: &'static str, docs: &'static str) -> Self {
        Self { name, example, docs, misuse: "", required: None, range: None, inner: &[], tried: &[] }
    }

    const fn misuse(self, misuse: &'static str) -> Self {
        Self { misuse, ..self }
    }

    const fn required(self, why: &'static str) -> Self {
        Self { required: Some(why), ..self }
    }

    const fn count(self, default: Option<u64>, least: End, most: End) -> Self {
        self.ranged(Unit::Count, default, least, most)
    }

    const fn duration(self, default: Option<u64>, least: End, most: End) -> Self {
        self.ranged(Unit::Duration, default, least, most)
    }

    const fn ranged(self, unit: Unit, default: Option<u64>, least: End, most: End) -> Self {
        let range = Range { unit, default, least: Limit::new(least), most: Limit::new(most) };
        Self { range: Some(range), ..self }
    }

    const fn inner(self, inner: &'static [&'static Key]) -> Self {
        Self { inner, ..self }
    }

    const fn tried(self, tried: &'static [(&'static str, &'static str)]) -> Self {
        Self { tried, ..self }
    }

    /// Whether the key may stand as a bare word: it has parentheses, and nothing in them must be written.
    #[must_use]
    pub fn may_stand_bare(&self) -> bool {
        self.inner.iter().all(|key| key.required.is_none())
    }

    /// The key with a good value as it stands inside `#[sigra(..)]`: of a field, without the field.
    #[must_use]
    pub fn item(&self) -> &'static str {
        let inside = self.example.strip_prefix("#[sigra(").and_then(|rest| rest.split_once(")]"));
        inside.map_or(self.example, |(item, _)| item)
    }

    /// The help line for a word that people try for this key.
    pub(crate) fn answer(&self, word: &str) -> Option<&'static str> {
        self.tried.iter().find(|(words, _)| crate::words::contains(words, word)).map(|(_, help)| *help)
    }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The keys of the struct.
pub static STRUCT: [&Key; 22] = [
    &TABLE,
    &PREFIX,
    &UNSAFE_SHARED_TABLES,
    &PROFILE,
    &PASSWORD,
    &SESSION,
    &CONFIRM_EMAIL,
    &RESET_PASSWORD,
    &MUST_CHANGE_PASSWORD,
    &LOCKOUT,
    &THROTTLE,
    &UNSAFE_NO_LOCKOUT,
    &TOTP,
    &BACKUP_CODES,
    &ASSISTED_RECOVERY,
    &UNSAFE_NO_RECOVERY,
    &TRUSTED_BROWSER,
    &SUDO,
    &AUDIT,
    &UNSAFE_NO_AUDIT,
    &PRIVACY,
    &CRATE,
];

/// The keys of a field.
pub static FIELD: [&Key; 7] = [
    &field::ID,
    &field::EMAIL,
    &field::PASSWORD,
    &field::CONFIRMED_AT,
    &field::DISABLED_AT,
    &field::SKIP,
    &field::COLUMN,
];

/// `table`
pub static TABLE: Key = Key::new(
    "table",
    r#"table = "users""#,
    "The host's table, which the struct is a row of: a plain identifier of at most 63 bytes. Sigra's own tables refer \
     to it by foreign keys; the host's migrations own it.",
)
.misuse(r#"table = "app users""#)
.required("Sigra reads and writes the host's own table")
.tried(&[("table_name tablename tbl schema source collection entity relation", "")]);

/// `prefix`
pub static PREFIX: Key = Key::new(
    "prefix",
    r#"prefix = "sigra_""#,
    "What stands before the names of Sigra's own tables: lower case, at most 32 bytes. Two user types in one database, \
     and in one crate, need two prefixes: the second would read the first one's sessions. Default `\"sigra_\"`.",
)
.misuse(r#"prefix = "Sigra_""#)
.tried(&[("table_prefix tables_prefix namespace", "")]);

/// `unsafe_shared_tables`
pub static UNSAFE_SHARED_TABLES: Key = Key::new(
    "unsafe_shared_tables",
    r#"unsafe_shared_tables = "another view of the same users""#,
    "Another user type of this crate may have the same `prefix`: its policy alone decides what it lets in, and a session of one is \
     a session of the other. The reason, at least ten characters, is kept in the policy.",
)
.misuse(r#"unsafe_shared_tables = "yes""#)
.tried(&[("shared_tables share_tables same_tables unsafe_same_prefix", "")]);

/// `profile`
pub static PROFILE: Key = Key::new(
    "profile",
    r#"profile = "aal2""#,
    "An assurance level of NIST SP 800-63B-4, `\"aal1\"` or `\"aal2\"`, that the settings must not fall short of. With it `session` may \
     be left out: `\"aal1\"` ends one after 30 days, `\"aal2\"` after 24 hours, or an hour without use. `\"aal2\"` needs `totp`, and \
     refuses `trusted_browser` and a longer `remember`. Which handlers demand two factors is said by their extractors. `\"aal3\"` needs \
     passkeys, which are planned; so does the phishing-resistant choice that NIST wants offered at AAL2.",
)
.misuse(r#"profile = "aal4""#)
.tried(&[("aal assurance assurance_level level nist security_level", "")]);

/// `password`
pub static PASSWORD: Key = Key::new(
    "password",
    "password",
    "Sign-in by password, hashed with Argon2id. The field of the hash is marked `#[sigra(password)]`. Asks for an answer \
     to guessing: `lockout(..)`, `throttle(..)` or both.",
)
.misuse("password(min_length = 8)")
.inner(&[&password::MIN_LENGTH, &password::MEMORY_KIB, &password::ITERATIONS])
.tried(&[
    ("pwd passwd pass passphrase passwords credentials database_authenticatable has_secure_password", ""),
    ("hash hasher hashing argon argon2 argon2id kdf", "write `password`: it hashes with Argon2id"),
    ("bcrypt scrypt pbkdf2 sha256", "write `password`: new hashes are always Argon2id"),
]);

/// The keys inside `password(..)`.
pub mod password {
    use super::Key;

    /// `min_length`
    pub static MIN_LENGTH: Key = Key::new(
        "min_length",
        "min_length = 15",
        "The fewest code points a password may have. At least 64 code points are always accepted.",
    )
    .count(
        Some(15),
        ("S0201", 15, "NIST SP 800-63B-4 3.1.1.2 asks for 15 characters where a password stands alone"),
        ("S0202", 64, "NIST SP 800-63B-4 3.1.1.2 wants passwords of 64 characters to be accepted"),
    )
    .tried(&[("min minimum min_len length minimum_length", "")]);

    /// `memory_kib`
    pub static MEMORY_KIB: Key = Key::new(
        "memory_kib",
        "memory_kib = 19456",
        "Argon2id memory in KiB. With `iterations` at least one of OWASP's pairs: 47104 and 1, 19456 and 2, 12288 and \
         3, 9216 and 4, 7168 and 5 (ASVS 11.4.2).",
    )
    .count(
        Some(19_456),
        ("S0203", 7_168, "no pair of OWASP's Argon2id settings has less memory (ASVS 11.4.2)"),
        ("S0204", 1_048_576, "one sign-in would take more than 1 GiB"),
    )
    .tried(&[("memory mem m memory_cost m_cost", "")]);

    /// `iterations`
    pub static ITERATIONS: Key = Key::new(
        "iterations",
        "iterations = 2",
        "Argon2id passes over the memory. See `memory_kib` for the least pairs.",
    )
    .count(
        Some(2),
        ("S0205", 1, "a hash takes at least one pass"),
        ("S0206", 64, "a sign-in would take seconds"),
    )
    .tried(&[("time t passes rounds cost time_cost t_cost log_rounds", "")]);
}

/// `session`
pub static SESSION: Key = Key::new(
    "session",
    r#"session(idle = "1h", absolute = "14d")"#,
    "Sessions kept in the database, which can be listed and ended one by one. How long they last is written down.",
)
.misuse(r#"session(idle = "1h")"#)
.required("how long a sign-in lasts is a decision that the host writes down (ASVS 7.1.1)")
.inner(&[&session::IDLE, &session::ABSOLUTE, &session::REMEMBER, &session::TOUCH])
.tried(&[
    ("sessions session_store login_session", ""),
    ("cookie cookies", "a session brings its cookie: `session(idle = \"1h\", absolute = \"14d\")`"),
    ("ttl timeout expires expiry lifetime max_age timeoutable max_session session_timeout session_lifetime", "a session has two ends: `session(idle = \"1h\", absolute = \"14d\")`"),
    ("remember_me rememberable remember_for", "it is part of the session: `session(idle = \"1h\", absolute = \"14d\", remember = \"30d\")`"),
]);

/// The keys inside `session(..)`.
pub mod session {
    use super::{DAY, Key, MINUTE};

    const REAUTHENTICATION: &str =
        "NIST SP 800-63B-4 2.1.3 asks for a new sign-in after 30 days at the latest";
    const DECISION: &str = "how long a sign-in lasts is a decision that the host writes down (ASVS 7.1.1)";

    /// `idle`
    pub static IDLE: Key =
        Key::new("idle", r#"idle = "1h""#, "Ends a session that was not used for so long.")
            .misuse(r#"session(idle = "15 minutes", absolute = "14d")"#)
            .required(DECISION)
            .duration(
                None,
                ("S0207", MINUTE, "a visitor who reads a page would be signed out"),
                ("S0208", 30 * DAY, REAUTHENTICATION),
            )
            .tried(&[("ttl timeout idle_timeout inactivity inactive sliding", "")]);

    /// `absolute`
    pub static ABSOLUTE: Key =
        Key::new("absolute", r#"absolute = "14d""#, "Ends a session so long after the sign-in, used or not.")
            .misuse(r#"session(idle = "1h", absolute = "90d")"#)
            .required(DECISION)
            .duration(
                None,
                ("S0209", MINUTE, "a visitor who reads a page would be signed out"),
                ("S0210", 30 * DAY, REAUTHENTICATION),
            )
            .tried(&[("max max_age lifetime expires expiry max_lifetime total", "")]);

    /// `remember`
    pub static REMEMBER: Key = Key::new(
        "remember",
        r#"remember = "30d""#,
        "Both limits of a session whose visitor asked to be remembered. Left out, nobody can ask.",
    )
    .duration(
        None,
        ("S0211", MINUTE, "a visitor who reads a page would be signed out"),
        ("S0212", 30 * DAY, REAUTHENTICATION),
    )
    .tried(&[("remember_me rememberable long", "")]);

    /// `touch`
    pub static TOUCH: Key = Key::new(
        "touch",
        r#"touch = "1m""#,
        "How stale the recorded last use may be: a session is written at most once in this time. At most half of `idle`.",
    )
    .duration(
        Some(MINUTE),
        ("S0213", 1, "every request would write to the database"),
        ("S0214", DAY, "the list of sessions would not show who is there"),
    )
    .tried(&[("refresh update_every last_seen touch_every", "")]);
}

/// `confirm_email`
pub static CONFIRM_EMAIL: Key = Key::new(
    "confirm_email",
    r#"confirm_email(within = "48h")"#,
    "A mailed link or code proves the address. Until then its password proves nothing: a sign-in with the right one is answered \
     like one with a wrong one, so that nobody learns by registering who has an account. Say on the page for signing in, in the \
     same words for all, that an address has to be confirmed first. Accounts from before the key was on have to be confirmed, too: \
     on a live site mark those as confirmed first whose address was proved in some other way, or whoever registers with one of the \
     others ends its sessions and its password, once, until its owner sets another by a mailed link.",
)
.misuse(r#"confirm_email(within = "30d")"#)
.inner(&[&confirm_email::WITHIN])
.tried(&[(
    "verify_email email_verification email_confirmation verify verification confirmable confirmation confirm \
     verified_email activation activate email_confirm",
    "",
)]);

/// The keys inside `confirm_email(..)`.
pub mod confirm_email {
    use super::{DAY, HOUR, Key, MINUTE};

    /// `within`
    pub static WITHIN: Key = Key::new("within", r#"within = "48h""#, "How long the link and the code work.")
        .duration(
            Some(48 * HOUR),
            ("S0215", 5 * MINUTE, "mail can take longer to arrive"),
            ("S0216", 7 * DAY, "a link in an old mail should not open an account"),
        )
        .tried(&[("ttl for expires expires_in valid_for timeout lifetime max_age", "")]);
}

/// `reset_password`
pub static RESET_PASSWORD: Key = Key::new(
    "reset_password",
    r#"reset_password(within = "1h")"#,
    "A forgotten password is set anew by a mailed link, which ends every session and never signs in by itself.",
)
.misuse(r#"reset_password(within = "2d")"#)
.inner(&[&reset_password::WITHIN])
.tried(&[(
    "recoverable recovery recover password_reset forgot_password forgot reset lost_password password_recovery",
    "",
)]);

/// The keys inside `reset_password(..)`.
pub mod reset_password {
    use super::{DAY, HOUR, Key, MINUTE};

    /// `within`
    pub static WITHIN: Key = Key::new("within", r#"within = "1h""#, "How long the link works.")
        .duration(
            Some(HOUR),
            ("S0217", 5 * MINUTE, "mail can take longer to arrive"),
            (
                "S0218",
                DAY,
                "NIST SP 800-63B-4 4.2.1.2 lets a mailed recovery secret live for 24 hours at most",
            ),
        )
        .tried(&[("ttl for expires expires_in valid_for timeout lifetime max_age", "")]);
}

/// `must_change_password`
pub static MUST_CHANGE_PASSWORD: Key = Key::new(
    "must_change_password",
    "must_change_password",
    "A password that others may know is replaced: `require_password_change`, and a sign-in with one that became known from a \
     breach, let the right password come to `MustChangePassword` until a mailed link has set another (NIST SP 800-63B-4 \
     3.1.1.2). Needs `reset_password`.",
)
.misuse("must_change_password")
.tried(&[(
    "must_change force_change force_password_change force_reset require_change require_password_change change_required \
     must_reset compromised",
    "",
)]);

/// `lockout`
pub static LOCKOUT: Key = Key::new(
    "lockout",
    r#"lockout(after = 10, wait = "15m")"#,
    "After so many wrong passwords in a row an account refuses every attempt for a while, also the right one, but in browsers \
     in which its owner has signed in before. The owner gets a mail. Then it counts again, each time for twice as long a wait up to \
     a day; at most 100 failures in a row shut the password until the owner is back (NIST SP 800-63B-4 3.2.2).",
)
.misuse(r#"lockout(after = 1000, wait = "15m")"#)
.inner(&[&lockout::AFTER, &lockout::WAIT])
.tried(&[("lockable lock account_lockout brute_force max_attempts failed_attempts bruteforce lock_after", "")]);

/// The keys inside `lockout(..)`.
pub mod lockout {
    use super::{DAY, Key};

    const DECISION: &str =
        "a low limit locks out careless owners, a high one helps who guesses: the host decides";

    /// `after`
    pub static AFTER: Key = Key::new("after", "after = 10", "Wrong passwords in a row.")
        .required(DECISION)
        .count(
            None,
            ("S0219", 1, "an account needs at least one attempt"),
            ("S0220", 100, "NIST SP 800-63B-4 3.2.2 allows 100 failures in a row at most"),
        )
        .tried(&[("attempts max max_attempts limit tries failures threshold", "")]);

    /// `wait`
    pub static WAIT: Key =
        Key::new("wait", r#"wait = "15m""#, "How long the account then refuses every attempt, at first.")
            .required(DECISION)
            .duration(
                None,
                ("S0221", 30, "a shorter wait hardly slows a program down"),
                ("S0222", DAY, "whoever knows an address could keep its owner out for days"),
            )
            .tried(&[("for duration unlock_in unlock_after minutes cooldown period within", "")]);
}

/// `throttle`
pub static THROTTLE: Key = Key::new(
    "throttle",
    r#"throttle(per_network = 100, within = "15m")"#,
    "A network (one IPv4 address or one IPv6 /64) that failed so often, over all accounts, has to wait.",
)
.misuse("throttle(per_network = 100)")
.inner(&[&throttle::PER_NETWORK, &throttle::OVERALL, &throttle::WITHIN])
.tried(&[("rate_limit ratelimit rate_limiting limiter throttling limit per_ip ip_limit", "")]);

/// The keys inside `throttle(..)`.
pub mod throttle {
    use super::{DAY, Key, MINUTE};

    const DECISION: &str = "how many visitors share one network differs from site to site: the host decides";

    /// `per_network`
    pub static PER_NETWORK: Key =
        Key::new("per_network", "per_network = 100", "Failed attempts within the time.")
            .required(DECISION)
            .count(
                None,
                ("S0223", 1, "a network needs at least one attempt"),
                ("S0224", 100_000, "a limit that nobody reaches is no limit"),
            )
            .tried(&[("per_ip ip requests max limit attempts after", "")]);

    /// `overall`
    pub static OVERALL: Key = Key::new(
        "overall",
        "overall = 10000",
        "Failed attempts of everybody together within the time, and apart from them registrations and requests for mail. It bounds what many networks can try at many accounts; whoever \
         uses it up keeps everybody out who is in no browser known to Sigra. Left out, nothing is counted together.",
    )
    .count(
        None,
        ("S0225", 100, "a few visitors who mistype would keep everybody out"),
        ("S0226", 10_000_000, "a limit that nobody reaches is no limit"),
    )
    .tried(&[("global total all sitewide site_wide everybody", "")]);

    /// `within`
    pub static WITHIN: Key = Key::new("within", r#"within = "15m""#, "The time in which they are counted.")
        .required(DECISION)
        .duration(
            None,
            ("S0227", MINUTE, "a shorter window hardly slows a program down"),
            ("S0228", DAY, "a shared network would stay shut for days"),
        )
        .tried(&[("per window period interval every wait", "")]);
}

/// `unsafe_no_lockout`
pub static UNSAFE_NO_LOCKOUT: Key = Key::new(
    "unsafe_no_lockout",
    r#"unsafe_no_lockout = "the gateway counts failed sign-ins""#,
    "Wrong passwords are not counted. The reason, at least ten characters, is kept in the policy.",
)
.misuse(r#"unsafe_no_lockout = "dev""#)
.tried(&[("no_lockout no_throttle disable_lockout unsafe_no_throttle", "")]);

/// `totp`
pub static TOTP: Key = Key::new(
    "totp",
    r#"totp(issuer = "Acme")"#,
    "Second factors: one-time codes by authenticator apps (RFC 6238). Where an account has one, the right password comes to \
     `SecondFactor`, which is no session. Asks how an owner gets in who has lost it: `backup_codes`, `assisted_recovery(..)` or \
     both. Brings `sudo(within = \"15m\")`. Needs Sigra's cargo feature `totp`.",
)
.misuse(r#"totp(issuer = "Acme: production")"#)
.required("an authenticator app shows the issuer beside each code")
.inner(&[&totp::ISSUER])
.tried(&[(
    "2fa mfa otp two_factor two_factor_authenticatable tfa authenticator google_authenticator second_factor second_factors \
     multi_factor one_time_password",
    "",
)]);

/// The keys inside `totp(..)`.
pub mod totp {
    use super::Key;

    /// `issuer`
    pub static ISSUER: Key = Key::new(
        "issuer",
        r#"issuer = "Acme""#,
        "What authenticator apps show beside the code: the application's name, 1 to 64 characters, no colon.",
    )
    .required("an authenticator app shows it beside each code")
    .tried(&[("name app app_name application label title", "")]);
}

/// `backup_codes`
pub static BACKUP_CODES: Key = Key::new(
    "backup_codes",
    "backup_codes",
    "Codes that stand in for a lost authenticator, each once: 120 random bits, shown once, kept as keyed hashes. Needs `totp`.",
)
.misuse("backup_codes(count = 100)")
.inner(&[&backup_codes::COUNT])
.tried(&[("recovery_codes scratch_codes backup_code recovery_code two_factor_backupable otp_backup_codes", "")]);

/// The keys inside `backup_codes(..)`.
pub mod backup_codes {
    use super::Key;

    /// `count`
    pub static COUNT: Key = Key::new("count", "count = 10", "How many there are in a set.")
        .count(
            Some(10),
            ("S0229", 5, "an owner would soon have none left"),
            ("S0230", 20, "nobody keeps track of so many, and each is a way in"),
        )
        .tried(&[("number codes amount size n", "")]);
}

/// `assisted_recovery`
pub static ASSISTED_RECOVERY: Key = Key::new(
    "assisted_recovery",
    r#"assisted_recovery(delay = "24h")"#,
    "An operator takes the second factors off the account of an owner who has lost them: it begins with a mail that can stop \
     it, and is done after the delay. Needs `totp`.",
)
.misuse(r#"assisted_recovery(delay = "10m")"#)
.inner(&[&assisted_recovery::DELAY])
.tried(&[("admin_recovery operator_recovery support_recovery factor_reset reset_totp reset_2fa", "")]);

/// The keys inside `assisted_recovery(..)`.
pub mod assisted_recovery {
    use super::{DAY, HOUR, Key};

    /// `delay`
    pub static DELAY: Key =
        Key::new("delay", r#"delay = "24h""#, "How long the owner has to stop what somebody else began.")
            .duration(
                Some(24 * HOUR),
                ("S0231", HOUR, "an owner who is asleep could not stop it"),
                ("S0232", 30 * DAY, "an owner would wait for a month"),
            )
            .tried(&[("wait after within cooldown period", "")]);
}

/// `unsafe_no_recovery`
pub static UNSAFE_NO_RECOVERY: Key = Key::new(
    "unsafe_no_recovery",
    r#"unsafe_no_recovery = "accounts are made anew at the desk""#,
    "Whoever loses the second factor loses the account. The reason, at least ten characters, is kept in the policy.",
)
.misuse(r#"unsafe_no_recovery = "none""#)
.tried(&[("no_recovery no_backup_codes unsafe_no_backup_codes", "")]);

/// `trusted_browser`
pub static TRUSTED_BROWSER: Key = Key::new(
    "trusted_browser",
    r#"trusted_browser(within = "30d")"#,
    "A browser in which the second factor was proved may skip it for so long, if its owner says so. It never stands in for the \
     factor where one is demanded. Needs `totp`.",
)
.misuse(r#"trusted_browser(within = "90d")"#)
.inner(&[&trusted_browser::WITHIN])
.tried(&[("trusted_device remember_device trusted_browsers trusted_devices remember_browser trust_device", "")]);

/// The keys inside `trusted_browser(..)`.
pub mod trusted_browser {
    use super::{DAY, Key, MINUTE};

    const DECISION: &str = "how long a stolen browser may skip the second factor is for the host to decide";

    /// `within`
    pub static WITHIN: Key =
        Key::new("within", r#"within = "30d""#, "How long the second factor is skipped there.")
            .required(DECISION)
            .duration(
                None,
                ("S0233", MINUTE, "the next sign-in would ask for the factor again"),
                (
                    "S0234",
                    30 * DAY,
                    "NIST SP 800-63B-4 2.1.3 asks for a new proof after 30 days at the latest",
                ),
            )
            .tried(&[("for ttl days expires expires_in lifetime max_age", "")]);
}

/// `sudo`
pub static SUDO: Key = Key::new(
    "sudo",
    r#"sudo(within = "15m")"#,
    "What changes a credential asks who is there once more: `Sudo` is a session whose owner proved to be there so recently, by \
     the second factor too where the account has one (ASVS 7.5.1).",
)
.misuse(r#"sudo(within = "8h")"#)
.inner(&[&sudo::WITHIN])
.tried(&[("step_up reauthenticate confirm_password reauthentication stepup fresh_session", "")]);

/// The keys inside `sudo(..)`.
pub mod sudo {
    use super::{HOUR, Key, MINUTE};

    /// `within`
    pub static WITHIN: Key = Key::new("within", r#"within = "15m""#, "How recent the proof has to be.")
        .duration(
            Some(15 * MINUTE),
            ("S0235", MINUTE, "a visitor could not finish a form"),
            ("S0236", HOUR, "whoever finds a browser open after so long should not change a credential in it (ASVS 7.5.1)"),
        )
        .tried(&[("for ttl timeout window max_age lifetime", "")]);
}

/// `audit`
pub static AUDIT: Key = Key::new(
    "audit",
    r#"audit(retain = "400d")"#,
    "The audit trail: one row for each change, in the same transaction. On by default; `retain` lets old rows go.",
)
.misuse(r#"audit = "yes""#)
.inner(&[&audit::RETAIN])
.tried(&[("trackable track logging audit_log auditing log history trail events", "")]);

/// The keys inside `audit(..)`.
pub mod audit {
    use super::{DAY, Key};

    /// `retain`
    pub static RETAIN: Key =
        Key::new(
            "retain",
            r#"retain = "400d""#,
            "How long a row is kept at least: rows go by whole segments of 256, once a checkpoint covers them. Left out, every \
             row is kept.",
        )
        .duration(
            None,
            ("S0237", DAY, "a trail that is gone before anybody looks is none"),
            ("S0238", 36_500 * DAY, "leave `retain` out to keep every row"),
        )
        .tried(&[("retention keep ttl days keep_for max_age", "")]);
}

/// `unsafe_no_audit`
pub static UNSAFE_NO_AUDIT: Key = Key::new(
    "unsafe_no_audit",
    r#"unsafe_no_audit = "the database writes its own trail""#,
    "Switches the audit trail off. The reason, at least ten characters, is kept in the policy.",
)
.misuse(r#"unsafe_no_audit = "          ""#)
.tried(&[("no_audit disable_audit", "")]);

/// `privacy`
pub static PRIVACY: Key = Key::new(
    "privacy",
    r#"privacy = "full""#,
    "How much of a visitor's address and browser is stored with sessions and audit rows: `\"full\"`, `\"truncated\"` (IPv4 \
     to /24, IPv6 to /48, browser family only) or `\"none\"`. Default `\"full\"`.",
)
.misuse(r#"privacy = "hashed""#)
.tried(&[("gdpr anonymize anonymise ip_privacy store_ip track_ip", "")]);

/// `crate`
pub static CRATE: Key = Key::new(
    "crate",
    "crate = sigra_renamed",
    "Where the generated code finds Sigra, if `Cargo.toml` gives it another name. Default `::sigra`.",
)
.misuse(r#"crate = "sigra_renamed""#)
.tried(&[("krate crate_path sigra_crate", "")]);

/// The keys of a field.
pub mod field {
    use super::Key;

    /// `id`
    pub static ID: Key = Key::new(
        "id",
        "#[sigra(id)] id: uuid::Uuid",
        "The primary key: `i64`, `uuid::Uuid` or `String`. Sessions, tokens and audit rows name a user by it.",
    )
    .misuse("#[sigra(id, email)] id: String")
    .required("sessions, tokens and the audit trail name a user by it")
    .tried(&[("primary_key pk key uuid user_id primary", "")]);

    /// `email`
    pub static EMAIL: Key = Key::new(
        "email",
        "#[sigra(email)] email: String",
        "The address, a `String`: visitors sign in with it and mail goes there.",
    )
    .misuse("#[sigra(emial)] email: String")
    .required("visitors sign in with it, and mail goes there")
    .tried(&[(
        "username user_name login identifier address mail e_mail email_address natural_id",
        "visitors sign in with their address: `#[sigra(email)] email: String`",
    )]);

    /// `password`
    pub static PASSWORD: Key = Key::new(
        "password",
        "#[sigra(password)] password: Option<sigra::PasswordHash>",
        "The hash of the password: `Option<sigra::PasswordHash>`, or `sigra::PasswordHash` where every account has one.",
    )
    .misuse("#[sigra(password = \"hash\")] password: Option<PasswordHash>")
    .required("it holds the hash that a sign-in is checked against")
    .tried(&[("password_hash hash hashed_password encrypted_password password_digest pwd digest secret", "")]);

    /// `confirmed_at`
    pub static CONFIRMED_AT: Key = Key::new(
        "confirmed_at",
        "#[sigra(confirmed_at)] confirmed_at: Option<time::OffsetDateTime>",
        "A column of the host's for the time at which the address was proved. Left out, only Sigra's own table holds it.",
    )
    .misuse("#[sigra(confirmed_at, skip)] confirmed_at: Option<time::OffsetDateTime>")
    .tried(&[
        ("verified_at email_verified_at email_confirmed_at activated_at", ""),
        (
            "confirmed verified email_verified is_verified",
            "a time says more than a flag: `#[sigra(confirmed_at)] confirmed_at: Option<time::OffsetDateTime>`",
        ),
    ]);

    /// `disabled_at`
    pub static DISABLED_AT: Key = Key::new(
        "disabled_at",
        "#[sigra(disabled_at)] disabled_at: Option<time::OffsetDateTime>",
        "The time at which the account was disabled. The right password then comes to `Disabled`.",
    )
    .misuse("#[sigra(disabled_at = true)] disabled_at: Option<time::OffsetDateTime>")
    .tried(&[(
        "disabled banned banned_at blocked blocked_at locked_at suspended suspended_at deleted_at deactivated_at active \
         enabled is_active",
        "a time says more than a flag: `#[sigra(disabled_at)] disabled_at: Option<time::OffsetDateTime>`",
    )]);

    /// `skip`
    pub static SKIP: Key = Key::new(
        "skip",
        "#[sigra(skip)] created_at: time::OffsetDateTime",
        "Registration leaves the column to the database's default. The field is still read.",
    )
    .misuse("#[sigra(skip, email)] email: String")
    .tried(&[("ignore ignored readonly read_only default generated computed skip_insert skip_deserializing internal", "")]);

    /// `column`
    pub static COLUMN: Key = Key::new(
        "column",
        "#[sigra(column = \"display_name\")] name: String",
        "The column's name, where it is not the field's: a plain identifier of at most 63 bytes.",
    )
    .misuse("#[sigra(column = \"display name\")] name: String")
    .tried(&[("rename column_name col field db_column db_name", "")]);
}
