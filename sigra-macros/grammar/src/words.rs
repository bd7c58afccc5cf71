//! Words that are no key: what comes later, and what Sigra does not do and why.

use crate::error::Message;

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
    /// Words for it, separated by blanks.
    pub words: &'static str,
    /// The reason, as the first line says it.
    pub why: &'static str,
    /// What to do instead.
    pub instead: &'static str,
}

/// What a host says when it starts Sigra, since it needs more than a literal.
#[derive(Debug)]
pub struct AtStart {
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
        words: "require_uppercase require_lowercase require_digit require_number require_symbol require_special complexity \
                password_complexity uppercase symbols digits composition",
        why: "Sigra has no composition rules: NIST SP 800-63B-4 3.1.1.2 forbids them, since they make passwords easier to guess",
        instead: "ask for length: `password(min_length = 15)`",
    },
    Refused {
        words: "max_age rotate rotation expire_passwords password_expiry password_max_age expire_password password_expirable \
                password_history",
        why: "Sigra never makes a password expire: NIST SP 800-63B-4 3.1.1.2 forbids periodic changes",
        instead: "leave it out; a password that leaked is replaced with `reset_password(within = \"1h\")`",
    },
    Refused {
        words: "hint hints password_hint",
        why: "Sigra stores no password hint: NIST SP 800-63B-4 3.1.1.2 forbids hints that a visitor can read",
        instead: "write `reset_password(within = \"1h\")`",
    },
    Refused {
        words: "security_question security_questions secret_question kba",
        why: "Sigra asks no security questions: NIST SP 800-63B-4 3.1.1.2 forbids them, since others know the answers",
        instead: "write `reset_password(within = \"1h\")`",
    },
    Refused {
        words: "max_length max_password_length truncate",
        why: "Sigra has no such limit: NIST SP 800-63B-4 3.1.1.2 wants at least 64 characters accepted and none cut off",
        instead: "leave it out",
    },
];

/// Settings of the builder that people look for among the keys.
pub static AT_START: &[AtStart] = &[
    AtStart {
        words: "blocklist block_list blacklist denylist deny_list common_passwords banned_passwords forbidden_passwords \
                password_blocklist dictionary context_words app_name application_name",
        instead: "Sigra always refuses common passwords and those made of the account's address; more words are given at start",
        call: "leave it out, and write `Sigra::<User>::builder().application_name(\"Acme\")`",
    },
    AtStart {
        words: "pwned hibp haveibeenpwned pwned_passwords breached breached_passwords breach_check leaked leaked_passwords \
                compromised",
        instead: "where breached passwords are looked up is said at start",
        call: "write `Sigra::<User>::builder().breached_passwords(source, WhenUnavailable::Refuse)`",
    },
    AtStart {
        words: "zxcvbn strength password_strength min_strength minimum_strength min_score score entropy min_entropy",
        instead: "how strong a password must be by estimate is said at start",
        call: "write `Sigra::<User>::builder().strength(Strength::Safe)`, with the cargo feature `zxcvbn`",
    },
];

/// What a host says where it records an event, and people look for among the keys of the event.
pub static WHERE_RECORDED: &[AtStart] = &[
    AtStart {
        words: "outcome result status success ok refused denied failed failure error reason",
        instead: "how an event ended is said where it is recorded",
        call: "leave it out, and write `event.refused(\"over_quota\")` or `event.failed(\"disk_full\")` there",
    },
    AtStart {
        words: "actor user user_id who by operator on_behalf_of session session_id subject account",
        instead: "who did it is said where an event is recorded, by a type and never by the request",
        call: "leave it out, and write `auth.record(&session, event, &client)`",
    },
    AtStart {
        words: "severity level priority table retain retention",
        instead: "every event is one row in the one trail",
        call: "leave it out; `audit(retain = \"400d\")` of the user says how long rows are kept",
    },
];

/// What there is to say about a word that is no key of an event.
pub(crate) fn answer_event(word: &str) -> Option<Message> {
    let at = WHERE_RECORDED.iter().find(|at| contains(at.words, word))?;
    Some(Message::new(at.instead).help(at.call))
}

/// What there is to say about a word that is no key of this version, wherever it stands.
pub(crate) fn answer(word: &str, no_such_key: impl Fn() -> Message) -> Option<Message> {
    if let Some(refused) = REFUSED.iter().find(|refused| contains(refused.words, word)) {
        return Some(Message::new(refused.why).help(refused.instead));
    }
    if let Some(at_start) = AT_START.iter().find(|at_start| contains(at_start.words, word)) {
        return Some(Message::new(at_start.instead).help(at_start.call));
    }
    let Later { words, until_then } = LATER.iter().find(|later| contains(later.words, word))?;
    let key = words.split_ascii_whitespace().next()?;
    Some(if key == word {
        let message =
            Message::new(format_args!("there is no `#[sigra(..)]` key `{word}` in this version of Sigra"));
        message.help(format_args!("it is planned; {until_then}"))
    } else {
        no_such_key().help(format_args!("`{key}` is planned for this; {until_then}"))
    })
}

/// Whether one of the blank-separated `words` is `word`.
pub(crate) fn contains(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|one| one == word)
}
