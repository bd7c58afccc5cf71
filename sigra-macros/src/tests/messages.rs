//! Every message, with the token that it underlines. `ui-tests` shows a choice of them as rustc prints them.

use std::fmt::Write as _;

use super::errors;

const HOST: &str =
    r#"table = "users", password, session(idle = "1h", absolute = "14d"), lockout(after = 10, wait = "15m")"#;
const FIELDS: &str =
    "#[sigra(id)] id: i64, #[sigra(email)] email: String, #[sigra(password)] password: Option<PasswordHash>";

/// The errors of one source, underlined text first.
fn show(source: &str) -> String {
    errors(source).into_iter().fold(String::new(), |mut shown, (underlined, message)| {
        writeln!(shown, "{underlined}\n    {}", message.replace('\n', "\n    ")).unwrap();
        shown
    })
}

/// The errors of each attribute beside a host that is otherwise right.
fn beside(attributes: &[&str]) -> String {
    attributes.iter().fold(String::new(), |mut shown, attribute| {
        let source = format!("#[sigra({HOST})] #[sigra({attribute})] struct User {{ {FIELDS} }}");
        writeln!(shown, "#[sigra({attribute})]\n{}", show(&source)).unwrap();
        shown
    })
}

/// The errors of each struct attribute that stands alone.
fn alone(attributes: &[&str]) -> String {
    attributes.iter().fold(String::new(), |mut shown, attribute| {
        writeln!(
            shown,
            "{attribute}\n{}",
            show(&format!("#[sigra({attribute})] struct User {{ {FIELDS} }}"))
        )
        .unwrap();
        shown
    })
}

/// The errors of each field beside a host that is otherwise right.
fn with_field(fields: &[&str]) -> String {
    fields.iter().fold(String::new(), |mut shown, field| {
        writeln!(
            shown,
            "{field}\n{}",
            show(&format!("#[sigra({HOST})] struct User {{ {FIELDS}, {field} }}"))
        )
        .unwrap();
        shown
    })
}

/// A host with one key replaced.
fn instead(key: &str, values: &[&str]) -> String {
    values.iter().fold(String::new(), |mut shown, value| {
        let keys = [
            ("table", r#"table = "users""#),
            ("password", "password"),
            ("session", r#"session(idle = "1h", absolute = "14d")"#),
            ("lockout", r#"lockout(after = 10, wait = "15m")"#),
        ];
        let keys: Vec<_> =
            keys.into_iter().map(|(name, code)| if name == key { value } else { code }).collect();
        writeln!(
            shown,
            "{value}\n{}",
            show(&format!("#[sigra({})] struct User {{ {FIELDS} }}", keys.join(", ")))
        )
        .unwrap();
        shown
    })
}

#[test]
fn nine_mistakes_are_nine_errors_in_the_order_of_the_source() {
    let source = r#"
        #[sigra(tabel = "users", password(min_length = 8), session(idle = "1 hour", absolut = "14d"))]
        #[sigra(audit = "yes", skip, webauthn, lockout)]
        pub struct User {
            #[sigra(id)]
            id: uuid::Uuid,
            #[sigra(emial)]
            email: String,
            #[sigra(password)]
            password: Option<PasswordHash>,
        }
    "#;
    let underlined: Vec<_> = errors(source).into_iter().map(|(underlined, _)| underlined).collect();
    assert_eq!(
        underlined,
        ["tabel", "8", "\"1 hour\"", "absolut", "audit = \"yes\"", "skip", "webauthn", "lockout", "emial"]
    );
    insta::assert_snapshot!(show(source));
}

#[test]
fn a_struct_without_attributes() {
    insta::assert_snapshot!(show("struct UserAccount { id: i64, email: String }"));
}

#[test]
fn unknown_keys() {
    insta::assert_snapshot!(beside(&[
        "sesion",
        "foo",
        "a::b",
        "tabel = \"x\"",
        "Password",
        "r#password",
        "crate_",
        "",
        "sessions(idle = \"1h\")"
    ]));
}

#[test]
fn misplaced_keys() {
    insta::assert_snapshot!(beside(&[
        "id",
        "skip",
        "column = \"x\"",
        "idle = \"1h\"",
        "within = \"1h\"",
        "after = 3"
    ]));
    insta::assert_snapshot!(
        "misplaced_inside",
        instead(
            "session",
            &[
                "session(idle = \"1h\", absolute = \"1d\", table = \"x\")",
                "session(idle = \"1h\", absolute = \"1d\", email, after = 3)"
            ]
        )
    );
    insta::assert_snapshot!(
        "misplaced_on_a_field",
        with_field(&[
            "#[sigra(session)] a: i64",
            "#[sigra(idle = \"1h\")] a: i64",
            "#[sigra(table = \"a\")] a: i64"
        ])
    );
}

/// Each of these once gave no error, two, or one with the wrong advice.
#[test]
fn one_mistake_one_error_and_its_own_advice() {
    let totp = "totp(issuer = \"Acme\"), backup_codes";
    let keys = [
        "audit = false".to_owned(),
        "must_change_password = false".to_owned(),
        "confirm_email = false".to_owned(),
        "reset_password(within \"1h\")".to_owned(),
        "throttle(per_network = 100, wait = \"15m\")".to_owned(),
        "totp(issuer = \"Acme\", digits = 6), backup_codes".to_owned(),
        "backup_codes, trusted_browser(within = \"7d\")".to_owned(),
        "confirm_email, must_change_password".to_owned(),
        "max_age = \"14d\"".to_owned(),
        "privacy = none".to_owned(),
        "throttle(per_network = 20, within = \"15m\")".to_owned(),
        format!("{totp}, trusted_browser(within = \"30m\")"),
    ];
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    insta::assert_snapshot!("advice_beside", beside(&keys));
    let sessions = [
        "session(idle = \"1h\", absolute = \"90d\"), profile = \"aal2\"",
        "session(idle = \"1h\", absolute = \"1h\", remember = \"24h\"), profile = \"aal2\"",
        "session(idle = \"30s\", absolute = \"30m\")",
        "session(idle = \"30m\")",
    ];
    let sessions: Vec<String> = sessions.iter().map(|session| format!("{session}, {totp}")).collect();
    let sessions: Vec<&str> = sessions.iter().map(String::as_str).collect();
    insta::assert_snapshot!("advice_of_sessions", instead("session", &sessions));
    insta::assert_snapshot!(
        "advice_of_lockouts",
        instead("lockout", &["lockout(after = 10, within = \"15m\")"])
    );
    insta::assert_snapshot!(
        "advice_of_passwords",
        instead("password", &["password(memory_kib = 1024, iterations = 1)"])
    );
    let tables =
        ["table = \"sigra_members\", prefix = \"Auth_\"", "table = \"auth_users\", prefix = \"auth_\""];
    insta::assert_snapshot!("advice_of_tables", instead("table", &tables));
    let fields = [
        "#[sigra(id, email)] mail: String",
        "#[sigra(skip, column = \"email\")] since: i64",
        "#[sigra(skip)] größe: i64",
    ];
    insta::assert_snapshot!("advice_of_fields", with_field(&fields));
}

#[test]
fn words_that_people_try() {
    insta::assert_snapshot!(beside(&[
        "2fa",
        "2fa(issuer = \"Acme\")",
        "mfa",
        "otp",
        "totp(issuer = \"Acme\")",
        "webauthn",
        "passkey",
        "passkeys",
        "cookie",
        "cookies",
        "ttl = \"1h\"",
        "timeout = 30",
        "expires",
        "jwt",
        "tokens",
        "verify_email",
        "confirmable",
        "recoverable",
        "lockable",
        "trackable",
        "rate_limit = 10",
        "hash = \"bcrypt\"",
        "bcrypt",
        "argon2",
        "username",
        "login",
        "remember_me",
        "table_name = \"users\"",
        "primary_key = \"id\"",
        "rename = \"x\"",
        "oauth",
        "magic_link",
        "sudo",
        "roles",
        "mail",
        "jobs",
        "invitable",
        "change_email",
        "require_uppercase",
        "complexity",
        "max_age = \"90d\"",
        "rotate",
        "rotation = \"90d\"",
        "expire_passwords",
        "hint",
        "security_question",
        "max_length = 20",
        "gdpr",
        "no_audit",
        "soft_delete",
        "deleted_at",
    ]));
    insta::assert_snapshot!(
        "words_on_a_field",
        with_field(&[
            "#[sigra(username)] a: String",
            "#[sigra(primary_key)] a: String",
            "#[sigra(rename = \"b\")] a: String",
            "#[sigra(ignore)] a: String",
            "#[sigra(banned_at)] a: String",
            "#[sigra(2fa)] a: String",
            "#[sigra(require_uppercase)] a: String",
        ])
    );
    insta::assert_snapshot!(
        "words_inside",
        instead(
            "session",
            &[
                "session(ttl = \"1h\")",
                "session(timeout = \"1h\", max_age = \"1d\")",
                "session(idle = \"1h\", absolute = \"1d\", cookie)"
            ]
        )
    );
    insta::assert_snapshot!(
        "words_inside_password",
        instead(
            "password",
            &[
                "password(max_age = \"90d\")",
                "password(expires = \"90d\")",
                "password(rotate)",
                "password(history = 5)",
                "password(lifetime = \"90d\")",
                "password(min_age = \"1d\")",
                "password(digits)",
            ]
        )
    );
}

#[test]
fn values() {
    insta::assert_snapshot!(instead(
        "session",
        &[
            "session(idle = 30, absolute = \"1d\")",
            "session(idle = 15m, absolute = \"1d\")",
            "session(idle = \"15 minutes\", absolute = \"1d\")",
            "session(idle = \"2w\", absolute = \"30d\")",
            "session(idle = \"soon\", absolute = \"1d\")",
            "session(idle = -\"1h\", absolute = \"1d\")",
            "session(idle = true, absolute = \"1d\")",
            "session(idle = '1', absolute = \"1d\")",
            "session(idle = \"30s\", absolute = \"1d\")",
            "session(idle = \"1h\", absolute = \"31d\")",
            "session(idle = \"99999999999999999999d\", absolute = \"1d\")",
            "session(idle, absolute = \"1d\")",
            "session(idle(\"1h\"), absolute = \"1d\")",
            "session(idle = \"1h\", idle = \"2h\", absolute = \"1d\")",
            "session(idle = \"1h\")",
            "session(absolute = \"1d\", idel = \"1h\")",
            "session()",
            "session",
            "session = \"1h\"",
            "session(idle = \"2d\", absolute = \"1d\")",
            "session(idle = \"1h\", absolute = \"14d\", remember = \"7d\")",
            "session(idle = \"1m\", absolute = \"14d\")",
            "session(idle = \"10m\", absolute = \"14d\", touch = \"6m\")",
            "session(idle = \"10m\", absolute = \"14d\", touch = \"0s\")",
        ]
    ));
    insta::assert_snapshot!(
        "values_of_names",
        instead(
            "table",
            &[
                "table",
                "table(\"users\")",
                "table = users",
                "table = \"\"",
                "table = \"1st\"",
                "table = \"public.users\"",
                "table = \"a b\"",
                "table = b\"users\"",
                "table = 5",
                "table = concat!(\"a\", \"b\")",
                "table = \"sigra_users\"",
                "table = \"a123456789012345678901234567890123456789012345678901234567890123\""
            ]
        )
    );
    insta::assert_snapshot!(
        "values_of_password",
        instead(
            "password",
            &[
                "password = true",
                "password(min_length = 8)",
                "password(min_length = 65)",
                "password(min_length = \"15\")",
                "password(min_length = 15.0)",
                "password(min_length = -15)",
                "password(min_length = 99999999999)",
                "password(min_length = 15u64)",
                "password(memory_kib = 19456, iterations = 1)",
                "password(memory_kib = 7168)",
                "password(iterations = 1)",
                "password(memory_kib = 1024)",
                "password(min_length = 8, memory_kib = 12288)"
            ]
        )
    );
    insta::assert_snapshot!(
        "values_beside",
        beside(&[
            "prefix = \"\"",
            "prefix = \"Sigra_\"",
            "prefix = \"a1234567890123456789012345678901_\"",
            "privacy",
            "privacy = \"hashed\"",
            "crate = \"other\"",
            "crate = other::<u8>",
            "crate = 5",
            "confirm_email = \"48h\"",
            "confirm_email(within = \"1m\")",
            "reset_password(within = \"25h\")",
            "throttle",
            "throttle(per_network = 0, within = \"15m\")",
            "audit(retain = \"1h\")",
            "unsafe_no_audit",
            "unsafe_no_audit = \"\"",
            "unsafe_no_audit = \"because I\", audit",
            "password"
        ])
    );
}

#[test]
fn broken_syntax() {
    insta::assert_snapshot!(beside(&[
        "confirm_email reset_password",
        "confirm_email; reset_password",
        "confirm_email(within = \"1h\"; foo)",
        "confirm_email, reset_password;",
        "confirm_email, , reset_password",
        "= 5",
        "\"users\"",
        "privacy =",
        "privacy = , confirm_email",
        "privacy \"full\"",
        "privacy: \"full\"",
        "privacy == \"full\"",
        "privacy = \"full\" \"none\"",
        "confirm_email(within = \"1h\") { }",
        "confirm_email(within \"1h\")",
        "confirm_email(within = \"1h\" foo)",
        "confirm_email::",
        "!confirm_email",
        "#confirm_email",
        "confirm_email => 1",
        "'a'",
        "5",
        "true",
        "_",
    ]));
    insta::assert_snapshot!(
        "broken_attributes",
        ["#[sigra]", "#[sigra = \"users\"]"]
            .map(|attribute| {
                show(&format!(
                    "#[sigra({HOST})] {attribute} struct User {{ {FIELDS}, {attribute} other: i64 }}"
                ))
            })
            .join("\n")
    );
}

#[test]
fn what_is_missing() {
    insta::assert_snapshot!(alone(&[
        "password, session(idle = \"1h\", absolute = \"1d\"), lockout(after = 1, wait = \"1m\")",
        "table = \"users\", password, lockout(after = 1, wait = \"1m\")",
        "table = \"users\", session(idle = \"1h\", absolute = \"1d\")",
        "table = \"users\", password, session(idle = \"1h\", absolute = \"1d\")",
        "table = \"users\", password, session(idle = \"1h\", absolute = \"1d\"), lockot(after = 1, wait = \"1m\")",
        "tabel = \"users\", pasword, sesion(idle = \"1h\", absolute = \"1d\"), throtle(per_network = 5, within = \"1h\")",
        "2fa",
    ]));
}

#[test]
fn shapes() {
    insta::assert_snapshot!(
        [
            "#[sigra(nonsense)] enum Role { A, B }",
            "struct Pair(u64, String);",
            "struct Nothing;",
            "union Bits { a: u32, b: f32 }",
            "struct Generic<T> { id: T }",
            "struct Borrowed<'a> { email: &'a str }",
            "struct Sized<const N: usize> { id: [u8; N] }",
        ]
        .map(show)
        .join("\n")
    );
}

#[test]
fn fields_among_each_other() {
    insta::assert_snapshot!(with_field(&[
        "#[sigra(id)] other: i64",
        "#[sigra(email)] other: String, #[sigra(email)] third: String",
        "#[sigra(id, skip)] other: i64",
        "#[sigra(id)] #[sigra(id)] other: i64",
        "#[sigra(skip, column = \"EMAIL\")] other: i64",
        "#[sigra(confirmed_at)] at: Option<OffsetDateTime>",
        "#[sigra(disabled_at(true))] at: Option<OffsetDateTime>",
        "#[sigra(column)] other: i64",
        "größe: i64",
    ]));
}
