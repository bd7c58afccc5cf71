//! What an assurance level of NIST SP 800-63B-4 asks of the settings.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{Rule, Sees, Wrong};
use crate::attr::Keyed;
use crate::error::{Code, Errors};
use crate::example::Change::{self, Key};
use crate::example::{CODES, SHORT, TOTP};
use crate::keys::{self, Unit};
use crate::model::{Draft, Session};
use crate::value::{Amount, Profile, Quantity};

pub(super) const HOUR: u64 = 3_600;
pub(super) const DAY: u64 = 24 * HOUR;

const AAL2: Change = Key("profile", r#"profile = "aal2""#);

pub(super) static RULES: &[Rule] = &[
    Rule::new(
        Code("S0301"),
        "profile-out-of-reach",
        (
            "AAL3 takes an authenticator that is bound to the site, with a key that cannot be copied.",
            "NIST SP 800-63B-4 2.3.1",
        ),
        Sees::These(&[&keys::PROFILE]),
        Wrong::Host(&[Key("profile", r#"profile = "aal3""#), TOTP, CODES, SHORT]),
    )
    .checked(out_of_reach),
    Rule::new(
        Code("S0302"),
        "profile-without-second-factor",
        (
            "AAL2 takes two factors, and a host without the second has nobody who reaches it.",
            "NIST SP 800-63B-4 2.2.1",
        ),
        Sees::These(&[
            &keys::PROFILE,
            &keys::TOTP,
            &keys::BACKUP_CODES,
            &keys::ASSISTED_RECOVERY,
            &keys::UNSAFE_NO_RECOVERY,
        ]),
        Wrong::Host(&[AAL2, SHORT]),
    )
    .checked(without_second_factor),
    Rule::new(
        Code("S0303"),
        "profile-idle",
        ("A browser left open is found by the next one at the desk.", "NIST SP 800-63B-4 2.2.3"),
        Sees::These(&[&keys::PROFILE, &keys::session::IDLE]),
        Wrong::Host(&[AAL2, TOTP, CODES, Key("session", r#"session(idle = "2h", absolute = "24h")"#)]),
    )
    .checked(idle),
    Rule::new(
        Code("S0304"),
        "profile-absolute",
        ("A stolen cookie is of use until its session ends.", "NIST SP 800-63B-4 2.2.3"),
        Sees::These(&[&keys::PROFILE, &keys::session::ABSOLUTE]),
        Wrong::Host(&[AAL2, TOTP, CODES, Key("session", r#"session(idle = "1h", absolute = "14d")"#)]),
    )
    .checked(absolute),
    Rule::new(
        Code("S0305"),
        "profile-remember",
        ("Being remembered for a month is what AAL2 is there to prevent.", "NIST SP 800-63B-4 2.2.3"),
        Sees::These(&[&keys::PROFILE, &keys::session::REMEMBER]),
        Wrong::Host(&[
            AAL2,
            TOTP,
            CODES,
            Key("session", r#"session(idle = "1h", absolute = "24h", remember = "30d")"#),
        ]),
    )
    .checked(remember),
    Rule::new(
        Code("S0306"),
        "profile-trusted-browser",
        ("A cookie that stands in for the second factor is no authenticator.", "NIST SP 800-63B-4 2.2.1"),
        Sees::These(&[&keys::PROFILE, &keys::TRUSTED_BROWSER]),
        Wrong::Host(&[AAL2, TOTP, CODES, SHORT, Key("trusted_browser", r#"trusted_browser(within = "7d")"#)]),
    )
    .checked(trusted_browser),
    Rule::new(
        Code("S0307"),
        "profile-without-count",
        ("Every level limits failed attempts.", "NIST SP 800-63B-4 3.2.2"),
        Sees::These(&[&keys::PROFILE, &keys::UNSAFE_NO_LOCKOUT, &keys::LOCKOUT, &keys::THROTTLE]),
        Wrong::Host(&[
            Key("profile", r#"profile = "aal1""#),
            Key("lockout", r#"unsafe_no_lockout = "the gateway counts failures""#),
        ]),
    )
    .checked(without_count),
];

/// What a profile makes of a session that is not written.
pub(crate) fn session(profile: &Keyed<Profile>) -> Option<Keyed<Session>> {
    let (idle, absolute) = match profile.value {
        Profile::Aal1 => (30 * DAY, 30 * DAY),
        Profile::Aal2 => (HOUR, DAY),
        Profile::Aal3 => return None,
    };
    let quantity = |key: &'static keys::Key, seconds| {
        Some(Quantity::new("session", key, key.range?, TokenStream::new(), Amount::Known(seconds)))
    };
    let touch = keys::session::TOUCH.range?.default?;
    Some(Keyed {
        key: profile.key.clone(),
        written: profile.written.clone(),
        value: Session {
            idle: quantity(&keys::session::IDLE, idle)?,
            absolute: quantity(&keys::session::ABSOLUTE, absolute)?,
            remember: None,
            touch: quantity(&keys::session::TOUCH, touch)?,
        },
    })
}

fn is(draft: &Draft, profile: Profile) -> bool {
    draft.settings.profile.as_ref().is_some_and(|written| written.value == profile)
}

/// `profile = "aal3"`
fn out_of_reach(code: Code, draft: &Draft, errors: &Errors) {
    if let Some(profile) = draft.settings.profile.as_ref().filter(|profile| profile.value == Profile::Aal3) {
        let what = "AAL3 needs passkeys with keys that cannot be copied, which are planned (NIST SP 800-63B-4 2.3.1)";
        errors.at(&profile.written, code.says(what).help("write `profile = \"aal2\"`"));
    }
}

/// `profile = "aal2"` without `totp`
fn without_second_factor(code: Code, draft: &Draft, errors: &Errors) {
    if let Some(profile) = draft.settings.profile.as_ref().filter(|profile| profile.value == Profile::Aal2)
        && !draft.mentions(&keys::TOTP)
    {
        let what = "AAL2 needs a second factor (NIST SP 800-63B-4 2.2.1)";
        let answered = [&keys::BACKUP_CODES, &keys::ASSISTED_RECOVERY, &keys::UNSAFE_NO_RECOVERY]
            .into_iter()
            .any(|key| draft.mentions(key));
        let help = if answered {
            format!("add `{}`", keys::TOTP.example)
        } else {
            format!("add `{}` and `{}`", keys::TOTP.example, keys::BACKUP_CODES.example)
        };
        errors.at(&profile.written, code.says(what).help(help));
    }
}

/// `profile = "aal2", session(idle = "2h", ..)`
fn idle(code: Code, draft: &Draft, errors: &Errors) {
    let Some(session) = draft.settings.session.as_ref().filter(|_| is(draft, Profile::Aal2)) else { return };
    at_most(code, errors, &session.value.idle, HOUR, "write `idle = \"1h\"` at most");
}

/// `profile = "aal2", session(absolute = "14d", ..)`
fn absolute(code: Code, draft: &Draft, errors: &Errors) {
    let Some(session) = draft.settings.session.as_ref().filter(|_| is(draft, Profile::Aal2)) else { return };
    at_most(code, errors, &session.value.absolute, DAY, "write `absolute = \"24h\"` at most");
}

/// `profile = "aal2", session(remember = "30d", ..)`
fn remember(code: Code, draft: &Draft, errors: &Errors) {
    let session = draft.settings.session.as_ref().filter(|_| is(draft, Profile::Aal2));
    let Some(remember) = session.and_then(|session| session.value.remember.as_ref()) else { return };
    // It is the limit without use, too.
    at_most(code, errors, remember, HOUR, "leave it out: the session lasts as long as the profile allows");
}

/// `profile = "aal2", trusted_browser(within = "7d")`
fn trusted_browser(code: Code, draft: &Draft, errors: &Errors) {
    if let Some(trusted) = draft.settings.trusted_browser.as_ref().filter(|_| is(draft, Profile::Aal2)) {
        let what = "a trusted browser skips the second factor, and AAL2 asks for it at each sign-in (NIST SP 800-63B-4 2.2.1)";
        errors.at(&trusted.key, code.says(what).help("leave it out"));
    }
}

/// `profile = "aal1"` without `lockout`
fn without_count(code: Code, draft: &Draft, errors: &Errors) {
    let Some(profile) = draft.settings.profile.as_ref().filter(|profile| profile.value != Profile::Aal3)
    else {
        return;
    };
    // Where nothing at all is said, that is the mistake.
    let said = draft.settings.throttle.is_some() || draft.settings.unsafe_no_lockout.is_some();
    if draft.mentions(&keys::LOCKOUT) || !said {
        return;
    }
    let what = "every assurance level limits the failures of an account (NIST SP 800-63B-4 3.2.2), and only `lockout` does";
    match &draft.settings.unsafe_no_lockout {
        Some(none) => {
            errors.at(&none.key, code.says(what).help(format_args!("write `{}`", keys::LOCKOUT.example)));
        }
        None => {
            errors
                .at(&profile.written, code.says(what).help(format_args!("add `{}`", keys::LOCKOUT.example)));
        }
    }
}

fn at_most(code: Code, errors: &Errors, quantity: &Quantity, limit: u64, help: &str) {
    let (name, shown) = (quantity.key.name, Unit::Duration.show(limit));
    let message =
        code.says(format_args!("`{name}` is above {shown}, the most at AAL2 (NIST SP 800-63B-4 2.2.3)"));
    match quantity.amount {
        Amount::Known(known) if known > limit => errors.at(&quantity.written, message.help(help)),
        Amount::Compiled => {
            let value = quantity.compared();
            let limit = Literal::u128_unsuffixed(u128::from(limit) * 1_000_000_000);
            let [at_least, within] = quantity.limits();
            // Out of its own range it has an error of its own.
            errors.assert(&quantity.written, quote!(!(#at_least && #within) || #value <= #limit), &message);
        }
        Amount::Known(_) | Amount::Outside(_) | Amount::Rejected => {}
    }
}
