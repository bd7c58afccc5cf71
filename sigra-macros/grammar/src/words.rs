//! Words that are no key: what comes later, and what Sigra does not do and why.

use crate::error::{Code, Message};
use crate::example::Change;
use crate::rules::{Rule, Sees, Wrong, reading};

/// A key of a later version.
#[derive(Debug)]
pub struct Later {
    /// Its name, then the words people will try for it, separated by blanks.
    pub words: &'static str,
    /// What there is until then.
    pub until_then: &'static str,
}

/// A request that a standard argues against.
#[derive(Debug)]
pub struct Refused {
    /// The number of the rule.
    pub code: Code,
    /// The name of the rule.
    pub name: &'static str,
    /// What refusing it protects.
    pub protects: &'static str,
    /// The clause that argues against it.
    pub clause: &'static str,
    /// Words for it, separated by blanks.
    pub words: &'static str,
    /// Words that mean it inside `password(..)`; on the struct too, where they mean nothing else there.
    pub inside_password: &'static str,
    /// The reason, as the first line says it.
    pub why: &'static str,
    /// What to do instead.
    pub instead: &'static str,
}

/// What a host says when it starts Sigra, since it needs more than a literal.
#[derive(Debug)]
pub struct AtStart {
    /// The number of the rule.
    pub code: Code,
    /// The name of the rule.
    pub name: &'static str,
    /// Words for it, separated by blanks.
    pub words: &'static str,
    /// Where it is said instead, as the first line says it.
    pub instead: &'static str,
    /// The call.
    pub call: &'static str,
}

/// The planned keys.
pub static LATER: &[Later] = &[
    Later {
        words: "passkeys passkey webauthn fido fido2 u2f security_key passwordless",
        until_then: "until then `password` signs in",
    },
    Later {
        words: "magic_link magic_links login_link email_link",
        until_then: "until then `password` signs in and `reset_password` mails a link",
    },
    Later {
        words: "oauth oauth2 oidc openid omniauthable social google github sso",
        until_then: "until then `password` signs in",
    },
    Later {
        words: "jwt jwts access_token refresh_token bearer",
        until_then: "until then `session(idle = \"1h\", absolute = \"14d\")` keeps a visitor signed in",
    },
    Later {
        words: "api_tokens api_token api_keys api_key tokens token personal_access_tokens",
        until_then: "until then a session's cookie also carries requests to an API",
    },
    Later {
        words: "change_email email_change",
        until_then: "there is nothing like it until then: an account is found by the address that it was registered with",
    },
    Later {
        words: "invitations invitation invitable invites invite",
        until_then: "until then `register` followed by `request_password_reset` does the same",
    },
    Later {
        words: "mail mailer smtp emails",
        until_then: "until then `start_worker(mailer, links)` hands each mail to the host's own mailer",
    },
    Later {
        words: "jobs queue workers outbox",
        until_then: "until then `start_worker(mailer, links)` does all of it, or call `deliver_mail`, `seal_audit` and `sweep` from a timer",
    },
    Later {
        words: "delete_account account_deletion",
        until_then: "until then delete the row: Sigra's rows go with it",
    },
    Later {
        words: "impersonation impersonate masquerade",
        until_then: "there is nothing like it until then",
    },
    Later {
        words: "policy roles role permissions authorization authorize",
        until_then: "until then the host decides in its handlers",
    },
];

/// What Sigra refuses on principle.
pub static REFUSED: &[Refused] = &[
    Refused {
        code: Code("S0401"),
        name: "composition-rules",
        protects: "Rules such as one digit and one capital make people choose passwords that programs guess first.",
        clause: "NIST SP 800-63B-4 3.1.1.2, ASVS 6.2.5",
        words: "require_uppercase require_lowercase require_digit require_number require_symbol require_special complexity \
                password_complexity uppercase symbols composition",
        inside_password: "digit digits number numbers upper lower lowercase special specials punctuation character_classes",
        why: "Sigra has no composition rules: NIST SP 800-63B-4 3.1.1.2 forbids them, since they make passwords easier to guess",
        instead: "ask for length: `password(min_length = 15)`",
    },
    Refused {
        code: Code("S0402"),
        name: "periodic-change",
        protects: "Whoever must change a password often counts up the old one.",
        clause: "NIST SP 800-63B-4 3.1.1.2, ASVS 6.2.10",
        words: "expire_passwords rotate_passwords password_rotation password_expiry password_max_age expire_password password_expirable \
                password_history password_lifetime",
        inside_password: "max_age maximum_age expires expires_in expire expiry expiration rotate rotation rotate_every rotation_period lifetime \
                          ttl valid_for change_every history reuse prevent_reuse min_age",
        why: "Sigra never makes a password expire, and so keeps no old ones: NIST SP 800-63B-4 3.1.1.2 forbids periodic changes",
        instead: "leave it out; a password that leaked is replaced with `reset_password(within = \"1h\")`",
    },
    Refused {
        code: Code("S0403"),
        name: "password-hint",
        protects: "A hint tells others as much as the owner.",
        clause: "NIST SP 800-63B-4 3.1.1.2",
        words: "hint hints password_hint",
        inside_password: "",
        why: "Sigra stores no password hint: NIST SP 800-63B-4 3.1.1.2 forbids hints that a visitor can read",
        instead: "write `reset_password(within = \"1h\")`",
    },
    Refused {
        code: Code("S0404"),
        name: "security-questions",
        protects: "Friends, families and public records know the answers.",
        clause: "NIST SP 800-63B-4 3.1.1.2, ASVS 6.4.2",
        words: "security_question security_questions secret_question kba",
        inside_password: "",
        why: "Sigra asks no security questions: NIST SP 800-63B-4 3.1.1.2 forbids them, since others know the answers",
        instead: "write `reset_password(within = \"1h\")`",
    },
    Refused {
        code: Code("S0405"),
        name: "password-cut-off",
        protects: "A long password is a good one, and a part of it is another password.",
        clause: "NIST SP 800-63B-4 3.1.1.2, ASVS 6.2.9",
        words: "max_length max_password_length truncate",
        inside_password: "",
        why: "Sigra has no such limit: NIST SP 800-63B-4 3.1.1.2 wants at least 64 characters accepted and none cut off",
        instead: "leave it out",
    },
    Refused {
        code: Code("S0406"),
        name: "secret-in-source",
        protects: "Whoever reads the source, a build or a backup of either would have the keys to every session and link.",
        clause: "ASVS 13.3.1",
        words: "secret secrets secret_key secret_key_base signing_key signing_secret signing_salt encryption_key hmac_key \
                cookie_secret cookie_key session_secret jwt_secret private_key pepper keyring salt",
        inside_password: "",
        why: "keys and peppers never stand in the source: whoever reads it could make sessions",
        instead: "leave it out: `SIGRA_KEYS` in the environment holds the keys, `Builder::pepper` takes peppers",
    },
    Refused {
        code: Code("S0407"),
        name: "session-out-of-the-database",
        protects: "A session that is kept nowhere cannot be ended before it expires.",
        clause: "ASVS 7.4.1",
        words: "stateless stateless_session cookie_store cookie_session client_side_session signed_cookie in_memory memory_store redis",
        inside_password: "",
        why: "sessions are kept in the database, so that ending one ends it at once on every node",
        instead: "write `session(idle = \"1h\", absolute = \"14d\")`",
    },
    Refused {
        code: Code("S0408"),
        name: "cookie-flags",
        protects: "A cookie that scripts, other sites or plain connections get at is a session that others get at.",
        clause: "ASVS 3.3.1, 3.3.2, 3.3.4",
        words: "secure http_only httponly same_site samesite cookie_secure cookie_domain domain insecure allow_http",
        inside_password: "",
        why: "the cookie's flags are no setting: `__Host-`, `Secure`, `HttpOnly` and `SameSite=Lax`, for every session",
        instead: "leave it out",
    },
    Refused {
        code: Code("S0409"),
        name: "session-without-end",
        protects: "A session that never ends belongs to whoever finds its cookie last.",
        clause: "NIST SP 800-63B-4 2.1.3, ASVS 7.3.2",
        words: "forever never_expire never_expires no_expiry infinite permanent persistent keep_forever",
        inside_password: "",
        why: "every session ends: after 30 days at the latest its owner signs in again (NIST SP 800-63B-4 2.1.3)",
        instead: "write `session(idle = \"1h\", absolute = \"14d\", remember = \"30d\")`",
    },
    Refused {
        code: Code("S0410"),
        name: "code-by-text-message",
        protects: "Text messages and calls go to whoever has taken over the number.",
        clause: "NIST SP 800-63B-4 3.1.3.3, ASVS 6.6.1",
        words: "sms phone phone_number text_message voice_call call_me whatsapp",
        inside_password: "",
        why: "Sigra sends no codes by text message or call: whoever takes over the number gets them",
        instead: "write `totp(issuer = \"Acme\")` and `backup_codes`",
    },
    Refused {
        code: Code("S0411"),
        name: "sign-in-by-a-link",
        protects: "Registration or a reset that signs in hands the account to whoever opens the mail, or a scanner of mails.",
        clause: "NIST SP 800-63B-4 4.2.1.2, ASVS 6.4.3",
        words: "auto_login auto_sign_in autologin sign_in_after_reset sign_in_after_registration login_after_reset \
                sign_in_after_confirmation",
        inside_password: "",
        why: "a link to confirm or to reset signs nobody in: the password, and a second factor if there is one, come after it",
        instead: "leave it out",
    },
];

/// Settings of the builder that people look for among the keys.
pub static AT_START: &[AtStart] = &[
    AtStart {
        code: Code("S0420"),
        name: "words-of-the-blocklist",
        words: "blocklist block_list blacklist denylist deny_list common_passwords banned_passwords forbidden_passwords \
                password_blocklist dictionary context_words app_name application_name",
        instead: "Sigra always refuses common passwords and those made of the account's address; more words are given at start",
        call: "leave it out, and write `Sigra::<User>::builder().application_name(\"Acme\")`",
    },
    AtStart {
        code: Code("S0421"),
        name: "breached-passwords-at-start",
        words: "hibp haveibeenpwned pwned pwned_passwords breached breached_passwords breach_check leaked leaked_passwords",
        instead: "where breached passwords are looked up is said at start",
        call: "leave it out, and write `Sigra::<User>::builder().breached_passwords(source, WhenUnavailable::Refuse)`",
    },
    AtStart {
        code: Code("S0422"),
        name: "strength-at-start",
        words: "zxcvbn strength password_strength min_strength minimum_strength min_score score entropy min_entropy",
        instead: "how strong a password must be by estimate is said at start",
        call: "leave it out, and write `Sigra::<User>::builder().strength(Strength::Safe)`, with the cargo feature `zxcvbn`",
    },
];

/// What a host says where it records an event, and people look for among the keys of the event.
pub static WHERE_RECORDED: &[AtStart] = &[
    AtStart {
        code: Code("S0620"),
        name: "outcome-where-recorded",
        words: "outcome result status success ok refused denied failed failure error reason",
        instead: "how an event ended is said where it is recorded",
        call: "leave it out, and write `event.refused(\"over_quota\")` or `event.failed(\"disk_full\")` there",
    },
    AtStart {
        code: Code("S0621"),
        name: "actor-where-recorded",
        words: "actor user user_id who by operator on_behalf_of session session_id subject account",
        instead: "who did it is said where an event is recorded, by a type and never by the request",
        call: "leave it out, and write `auth.record(&session, event, &client)`",
    },
    AtStart {
        code: Code("S0622"),
        name: "one-trail",
        words: "severity level priority table retain retention",
        instead: "every event is one row in the one trail",
        call: "leave it out; `audit(retain = \"400d\")` of the user says how long rows are kept",
    },
];

/// What there is to say about a word that is no key of an event.
pub(crate) fn answer_event(word: &str) -> Option<Message> {
    let at = WHERE_RECORDED.iter().find(|at| contains(at.words, word))?;
    Some(at.code.says(at.instead).help(at.call))
}

impl Refused {
    fn message(&self) -> Message {
        self.code.says(self.why).help(self.instead)
    }
}

/// What there is to say about a word that means something refused inside `password(..)`.
pub(crate) fn answer_inside_password(word: &str) -> Option<Message> {
    REFUSED.iter().find(|refused| contains(refused.inside_password, word)).map(Refused::message)
}

/// What there is to say about a word that is no key of this version, wherever it stands.
pub(crate) fn answer(word: &str, no_such_key: impl Fn(Code) -> Message) -> Option<Message> {
    if let Some(refused) = REFUSED.iter().find(|refused| contains(refused.words, word)) {
        return Some(refused.message());
    }
    if let Some(at_start) = AT_START.iter().find(|at_start| contains(at_start.words, word)) {
        return Some(at_start.code.says(at_start.instead).help(at_start.call));
    }
    let Later { words, until_then } = LATER.iter().find(|later| contains(later.words, word))?;
    let key = words.split_ascii_whitespace().next()?;
    Some(if key == word {
        let what = format!("there is no `#[sigra(..)]` key `{word}` in this version of Sigra");
        reading::PLANNED.says(what).help(format_args!("leave it out: it is planned, and {until_then}"))
    } else {
        no_such_key(reading::PLANNED)
            .help(format_args!("leave it out: `{key}` is planned for this, and {until_then}"))
    })
}

/// Whether one of the blank-separated `words` is `word`.
pub(crate) fn contains(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|one| one == word)
}

/// The rules that these words break.
pub(crate) fn rules() -> impl Iterator<Item = Rule> {
    let refused = REFUSED.iter().map(|Refused { code, name, protects, clause, words, .. }| {
        Rule::new(*code, name, (protects, clause), Sees::Every, tried(words))
    });
    let at_start = AT_START.iter().map(|AtStart { code, name, words, .. }| {
        let protects = "What needs more than a literal is said where the host starts Sigra.";
        Rule::new(*code, name, (protects, "Sigra"), Sees::Every, tried(words))
    });
    let recorded = WHERE_RECORDED.iter().map(|AtStart { code, name, words, .. }| {
        let protects = "What is true of one row stands in that row, not in the type of all.";
        let word = first(words);
        let event = format!(
            "#[sigra(event = \"billing.invoice.export\", {word} = \"ada\")]\nstruct InvoiceExported;"
        );
        Rule::new(
            *code,
            name,
            (protects, "ASVS 16.2.1"),
            Sees::Every,
            Wrong::Derive("AuditEvent", event.leak()),
        )
    });
    refused.chain(at_start).chain(recorded)
}

/// A host that tries the first of the words. The text is made once and lives as long as the tool that prints it.
fn tried(words: &'static str) -> Wrong {
    let word = first(words);
    Wrong::Host(vec![Change::Key(word, format!("{word} = true").leak())].leak())
}

fn first(words: &'static str) -> &'static str {
    words.split_ascii_whitespace().next().unwrap_or_default()
}
