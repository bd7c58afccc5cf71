//! Each key alone beside what a host must have, and each form that a key can take.

/// One host in a module of its own.
macro_rules! host {
    ($name:ident, [$($key:tt)*], $outcome:pat, $($field:tt)*) => {
        mod $name {
            use sigra::{PasswordHash, Sigra};

            #[derive(Sigra)]
            #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), unsafe_shared_tables = "hosts that are built and never run", $($key)*)]
            struct User {
                #[sigra(id)]
                id: i64,
                #[sigra(email)]
                email: String,
                #[sigra(password)]
                password: Option<PasswordHash>,
                $($field)*
            }

            /// The variants are these and no more.
            fn _is_covered(outcome: UserSignIn) -> bool {
                match outcome {
                    UserSignIn::Complete(session) => session.user().id > 0,
                    $outcome => false,
                }
            }
        }
    };
    ($name:ident, [$($key:tt)*] $(; $($field:tt)*)?) => {
        mod $name {
            use sigra::{PasswordHash, Sigra};

            #[derive(Sigra)]
            #[sigra(table = "users", password, session(idle = "1h", absolute = "14d"), unsafe_shared_tables = "hosts that are built and never run", $($key)*)]
            struct User {
                #[sigra(id)]
                id: String,
                #[sigra(email)]
                email: String,
                #[sigra(password)]
                password: PasswordHash,
                $($($field)*)?
            }

            /// The variants are these and no more.
            fn _is_covered(outcome: &UserSignIn) -> bool {
                match outcome {
                    UserSignIn::Complete(session) => session.user().id.is_empty(),
                }
            }
        }
    };
}

host!(lockout, [lockout(after = 10, wait = "15m")]);
host!(throttle, [throttle(per_network = 100, within = "15m")]);
host!(both, [throttle(per_network = 100, within = "15m"), lockout(after = 100, wait = "24h")]);
host!(no_lockout, [unsafe_no_lockout = "the gateway counts failures"]);
host!(audit, [lockout(after = 10, wait = "15m"), audit]);
host!(audit_retain, [lockout(after = 10, wait = "15m"), audit(retain = "400d")]);
host!(no_audit, [lockout(after = 10, wait = "15m"), unsafe_no_audit = "the database keeps its own"]);
host!(reset_password, [lockout(after = 10, wait = "15m"), reset_password]);
host!(prefix, [lockout(after = 10, wait = "15m"), prefix = "s"]);
host!(privacy, [lockout(after = 10, wait = "15m"), privacy = "none"]);
host!(overall, [throttle(per_network = 100, overall = 10_000, within = "15m")]);
host!(
    must_change_password,
    [lockout(after = 10, wait = "15m"), reset_password, must_change_password],
    UserSignIn::MustChangePassword(_),
);
host!(sudo, [lockout(after = 10, wait = "15m"), sudo]);
host!(sudo_within, [lockout(after = 10, wait = "15m"), sudo(within = "5m")]);
host!(
    totp,
    [lockout(after = 10, wait = "15m"), totp(issuer = "Acme"), unsafe_no_recovery = "accounts are made anew"],
    UserSignIn::SecondFactor(_),
);
host!(
    backup_codes,
    [lockout(after = 10, wait = "15m"), totp(issuer = "Acme"), backup_codes],
    UserSignIn::SecondFactor(_),
);
host!(
    assisted_recovery,
    [lockout(after = 10, wait = "15m"), totp(issuer = "Acme"), assisted_recovery],
    UserSignIn::SecondFactor(_),
);
host!(
    trusted_browser,
    [
        lockout(after = 10, wait = "15m"),
        totp(issuer = "Acme"),
        backup_codes(),
        trusted_browser(within = "30d")
    ],
    UserSignIn::SecondFactor(_),
);
host!(empty_parentheses, [lockout(after = 10, wait = "15m"), reset_password(), audit(),]);
host!(confirm_email, [lockout(after = 10, wait = "15m"), confirm_email, reset_password]);
host!(
    confirmed_at,
    [lockout(after = 10, wait = "15m"), confirm_email(within = "7d"), reset_password];
    #[sigra(confirmed_at)] confirmed_at: Option<time::OffsetDateTime>
);
host!(
    disabled_at,
    [lockout(after = 10, wait = "15m")],
    UserSignIn::Disabled(_),
    #[sigra(disabled_at, column = "closed_at")] disabled_at: Option<time::OffsetDateTime>
);
