//! What the keys ask of each other: one function a rule, with the wrong code above it.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{Rule, Sees, Wrong};
use crate::error::{Code, Errors};
use crate::example::Change::Key;
use crate::example::{CODES, TOTP};
use crate::keys;
use crate::model::{Draft, Session, Throttle};
use crate::value::{Amount, Profile, Quantity};

pub(super) static RULES: &[Rule] = &[
    Rule::new(
        Code("S0104"),
        "guessing-unanswered",
        ("Without a count of failures a program tries a million passwords a day.", "NIST SP 800-63B-4 3.2.2, ASVS 6.3.1"),
        Sees::These(&[&keys::PASSWORD, &keys::LOCKOUT, &keys::THROTTLE, &keys::UNSAFE_NO_LOCKOUT]),
        Wrong::Host(&[Key("lockout", "")]),
    )
    .checked(guessing_unanswered),
    Rule::new(
        Code("S0105"),
        "lockout-and-none",
        ("Of two contradicting lines a reviewer believes the wrong one.", "ASVS 6.1.1"),
        Sees::These(&[&keys::LOCKOUT, &keys::THROTTLE, &keys::UNSAFE_NO_LOCKOUT]),
        Wrong::Host(&[Key("unsafe_no_lockout", r#"unsafe_no_lockout = "the gateway counts failures""#)]),
    )
    .checked(lockout_and_none),
    Rule::new(
        Code("S0106"),
        "audit-and-none",
        ("Of two contradicting lines a reviewer believes the wrong one.", "ASVS 16.1.1"),
        Sees::These(&[&keys::AUDIT, &keys::UNSAFE_NO_AUDIT]),
        Wrong::Host(&[
            Key("audit", "audit"),
            Key("unsafe_no_audit", r#"unsafe_no_audit = "the database has a trail""#),
        ]),
    )
    .checked(audit_and_none),
    Rule::new(
        Code("S0118"),
        "cheap-hash",
        ("Whoever copies the table of users tries passwords as fast as a hash is cheap.", "ASVS 11.4.2"),
        Sees::These(&[&keys::PASSWORD, &keys::password::MEMORY_KIB, &keys::password::ITERATIONS]),
        Wrong::Host(&[Key("password", "password(memory_kib = 12288, iterations = 2)")]),
    )
    .checked(cheap_hash),
    Rule::new(
        Code("S0119"),
        "idle-above-absolute",
        ("A limit that the other one always comes before protects nobody.", "NIST SP 800-63B-4 2.1.3"),
        Sees::These(&[&keys::SESSION, &keys::session::IDLE, &keys::session::ABSOLUTE]),
        Wrong::Host(&[Key("session", r#"session(idle = "2d", absolute = "1d")"#)]),
    )
    .checked(idle_above_absolute),
    Rule::new(
        Code("S0120"),
        "remember-below-absolute",
        ("Whoever asked to be remembered would be asked to sign in sooner than others.", "Sigra"),
        Sees::These(&[&keys::SESSION, &keys::session::ABSOLUTE, &keys::session::REMEMBER]),
        Wrong::Host(&[Key("session", r#"session(idle = "1h", absolute = "14d", remember = "7d")"#)]),
    )
    .checked(remember_below_absolute),
    Rule::new(
        Code("S0121"),
        "touch-above-half-idle",
        ("A session in use whose last use is not written in time ends under its user's hands.", "ASVS 7.3.1"),
        Sees::These(&[&keys::SESSION, &keys::session::IDLE, &keys::session::TOUCH]),
        Wrong::Host(&[Key("session", r#"session(idle = "10m", absolute = "14d", touch = "9m")"#)]),
    )
    .checked(touch_above_half_idle),
    Rule::new(
        Code("S0122"),
        "must-change-without-reset",
        ("Without the mailed link nobody gets in again whose password has to be replaced.", "NIST SP 800-63B-4 3.1.1.2"),
        Sees::These(&[&keys::MUST_CHANGE_PASSWORD, &keys::RESET_PASSWORD, &keys::CONFIRM_EMAIL]),
        Wrong::Host(&[Key("must_change_password", "must_change_password")]),
    )
    .checked(must_change_without_reset),
    Rule::new(
        Code("S0123"),
        "overall-below-network",
        ("One network could use up what everybody has, and keep all others out.", "ASVS 6.3.1"),
        Sees::These(&[&keys::THROTTLE, &keys::throttle::PER_NETWORK, &keys::throttle::OVERALL]),
        Wrong::Host(&[Key("throttle", r#"throttle(per_network = 1000, overall = 500, within = "15m")"#)]),
    )
    .checked(overall_below_network),
    Rule::new(
        Code("S0124"),
        "recovery-unanswered",
        ("Phones are lost: what then happens is decided before, not by whoever is on the phone then.", "NIST SP 800-63B-4 4.2, ASVS 6.4.4"),
        Sees::These(&[&keys::TOTP, &keys::BACKUP_CODES, &keys::ASSISTED_RECOVERY, &keys::UNSAFE_NO_RECOVERY]),
        Wrong::Host(&[TOTP]),
    )
    .checked(recovery_unanswered),
    Rule::new(
        Code("S0125"),
        "recovery-and-none",
        ("Of two contradicting lines a reviewer believes the wrong one.", "ASVS 6.4.4"),
        Sees::These(&[&keys::BACKUP_CODES, &keys::ASSISTED_RECOVERY, &keys::UNSAFE_NO_RECOVERY]),
        Wrong::Host(&[
            TOTP,
            CODES,
            Key("unsafe_no_recovery", r#"unsafe_no_recovery = "accounts are made anew""#),
        ]),
    )
    .checked(recovery_and_none),
    Rule::new(
        Code("S0126"),
        "without-totp",
        ("What stands in for a second factor, where there is none, is believed to be one.", "ASVS 6.3.3"),
        Sees::These(&[
            &keys::TOTP,
            &keys::BACKUP_CODES,
            &keys::ASSISTED_RECOVERY,
            &keys::TRUSTED_BROWSER,
            &keys::UNSAFE_NO_RECOVERY,
            &keys::PROFILE,
        ]),
        Wrong::Host(&[CODES]),
    )
    .checked(without_totp),
    Rule::new(
        Code("S0127"),
        "sudo-above-absolute",
        ("A proof that no session outlives is asked of nobody twice.", "ASVS 7.5.1"),
        Sees::These(&[&keys::SUDO, &keys::sudo::WITHIN, &keys::TOTP, &keys::session::ABSOLUTE]),
        Wrong::Host(&[Key("session", r#"session(idle = "5m", absolute = "10m")"#), Key("sudo", "sudo")]),
    )
    .checked(sudo_above_absolute),
    Rule::new(
        Code("S0128"),
        "retain-below-session",
        ("The row that says how a session began would be gone while it still lasts.", "ASVS 16.2.1"),
        Sees::These(&[&keys::AUDIT, &keys::audit::RETAIN, &keys::session::ABSOLUTE, &keys::session::REMEMBER, &keys::PROFILE]),
        Wrong::Host(&[Key("audit", r#"audit(retain = "7d")"#)]),
    )
    .checked(retain_below_session),
    Rule::new(
        Code("S0129"),
        "confirm-without-reset",
        (
            "Who registers with somebody's address chooses its password first: only a reset lets the owner of the mailbox replace it.",
            "NIST SP 800-63B-4 4.2, ASVS 6.4.3",
        ),
        Sees::These(&[&keys::CONFIRM_EMAIL, &keys::RESET_PASSWORD]),
        Wrong::Host(&[Key("confirm_email", "confirm_email")]),
    )
    .checked(confirm_without_reset),
];

/// `#[sigra(table = "users", password, session(..))]`
fn guessing_unanswered(code: Code, draft: &Draft, errors: &Errors) {
    let answered = [&keys::LOCKOUT, &keys::THROTTLE, &keys::UNSAFE_NO_LOCKOUT]
        .into_iter()
        .any(|key| draft.mentions(key));
    let Some(password) = &draft.settings.password else { return };
    if !answered {
        errors.at(
            &password.written,
            code.says(format_args!("`{}` must say how guessing is met", draft.ident))
                .help("add `lockout(after = 10, wait = \"15m\")`: ten wrong passwords shut an account for 15 minutes, but for browsers that are known")
                .help("or `throttle(per_network = 100, within = \"15m\")`: one network runs out of attempts, many networks together do not")
                .help("or `unsafe_no_lockout = \"the gateway counts failures\"`: Sigra counts nothing, whoever wrote the reason answers for it")
                .note("`lockout` and `throttle` can stand together"),
        );
    }
}

/// `#[sigra(.., lockout(..), unsafe_no_lockout = "..")]`
fn lockout_and_none(code: Code, draft: &Draft, errors: &Errors) {
    let settings = &draft.settings;
    let lockout = settings.lockout.as_ref().map(|_| "lockout");
    let throttle = settings.throttle.as_ref().map(|_| "throttle");
    if let (Some(none), Some(on)) = (&settings.unsafe_no_lockout, lockout.or(throttle)) {
        errors.at(
            &none.key,
            code.says(format_args!("`unsafe_no_lockout` says that nothing counts failures, and `{on}` does"))
                .help("remove one of the two"),
        );
    }
}

/// `#[sigra(.., audit, unsafe_no_audit = "..")]`
fn audit_and_none(code: Code, draft: &Draft, errors: &Errors) {
    if let (Some(none), Some(_)) = (&draft.settings.unsafe_no_audit, &draft.settings.audit) {
        errors.at(
            &none.key,
            code.says("`unsafe_no_audit` switches the trail off, and `audit` asks for it")
                .help("remove one of the two"),
        );
    }
}

/// `password(memory_kib = 12288, iterations = 2)`
fn cheap_hash(code: Code, draft: &Draft, errors: &Errors) {
    const PAIRS: [(u64, u64); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];
    let Some(password) = &draft.settings.password else { return };
    let (memory, passes) = (&password.value.memory_kib, &password.value.iterations);
    let at = if memory.written.is_empty() { &passes.written } else { &memory.written };
    let message = code.says("this hash is cheaper to guess than OWASP allows (ASVS 11.4.2)");
    match (memory.amount, passes.amount) {
        (Amount::Rejected | Amount::Outside(_), _) | (_, Amount::Rejected | Amount::Outside(_)) => {}
        (Amount::Known(memory), Amount::Known(passes)) => {
            let memory_needed =
                PAIRS.into_iter().rev().find(|(_, least)| *least <= passes).map(|(memory, _)| memory);
            let passes_needed =
                PAIRS.into_iter().find(|(least, _)| *least <= memory).map(|(_, passes)| passes);
            if let (Some(more), Some(longer)) = (memory_needed, passes_needed)
                && memory < more
            {
                let first = format!("memory_kib = {more}, iterations = {passes}");
                let second = format!("memory_kib = {memory}, iterations = {longer}");
                errors
                    .at(at, message.help(format_args!("write `password({first})` or `password({second})`")));
            }
        }
        _ => {
            let limits = [memory, passes]
                .into_iter()
                .filter(|one| one.amount == Amount::Compiled)
                .flat_map(Quantity::limits);
            let (memory, passes) = (memory.compared(), passes.compared());
            let pairs = PAIRS.map(|(kib, least)| {
                let (kib, least) = (Literal::u64_unsuffixed(kib), Literal::u64_unsuffixed(least));
                quote!(#kib <= #memory && #least <= #passes)
            });
            errors.assert(at, quote!(!(#(#limits)&&*) #(|| #pairs)*), &message);
        }
    }
}

/// `session(idle = "2d", absolute = "1d")`
fn idle_above_absolute(code: Code, draft: &Draft, errors: &Errors) {
    let Some(Session { idle, absolute, .. }) = session(draft) else { return };
    let message = "`idle` is above `absolute`: the session would never end by disuse";
    at_most(code, errors, idle, (absolute, 1), &idle.written, message, |_, absolute| {
        format!("write `idle = {absolute}` at most")
    });
}

/// `session(idle = "1h", absolute = "14d", remember = "7d")`
fn remember_below_absolute(code: Code, draft: &Draft, errors: &Errors) {
    let Some(Session { absolute, remember: Some(remember), .. }) = session(draft) else { return };
    let message =
        "`remember` is below `absolute`: whoever asked to be remembered would be signed out earlier";
    at_most(code, errors, absolute, (remember, 1), &remember.written, message, |absolute, _| {
        format!("write `remember = {absolute}` at least")
    });
}

/// `session(idle = "10m", absolute = "14d", touch = "9m")`
fn touch_above_half_idle(code: Code, draft: &Draft, errors: &Errors) {
    let Some(Session { idle, touch, .. }) = session(draft) else { return };
    let at = if touch.written.is_empty() { &idle.written } else { &touch.written };
    let message = "`touch` is above half of `idle`: a session in use could end as unused";
    at_most(code, errors, touch, (idle, 2), at, message, |_, half| format!("write `touch = {half}` at most"));
}

/// `#[sigra(.., must_change_password)]` without `reset_password`
fn must_change_without_reset(code: Code, draft: &Draft, errors: &Errors) {
    // Where `confirm_email` needs it too, that has said so.
    if let Some(key) = &draft.settings.must_change_password
        && draft.settings.confirm_email.is_none()
        && !draft.mentions(&keys::RESET_PASSWORD)
    {
        errors.at(
            key,
            code.says(
                "`must_change_password` needs `reset_password`: its mailed link is the way to a new password",
            )
            .help(format_args!("add `{}`", keys::RESET_PASSWORD.example)),
        );
    }
}

/// `#[sigra(.., confirm_email)]` without `reset_password`
fn confirm_without_reset(code: Code, draft: &Draft, errors: &Errors) {
    if let Some(confirm) = &draft.settings.confirm_email
        && !draft.mentions(&keys::RESET_PASSWORD)
    {
        let what = "`confirm_email` needs `reset_password`: whoever registered with an address first would keep its password";
        let message = code.says(what).help(format_args!("add `{}`", keys::RESET_PASSWORD.example));
        errors.at(&confirm.key, message);
    }
}

/// `throttle(per_network = 1000, overall = 1500, within = "15m")`
fn overall_below_network(code: Code, draft: &Draft, errors: &Errors) {
    let Some(throttle) = &draft.settings.throttle else { return };
    let Throttle { per_network, overall: Some(overall), .. } = &throttle.value else { return };
    let message = "`overall` is below twice `per_network`: one network could keep everybody out";
    at_most(code, errors, per_network, (overall, 2), &overall.written, message, |overall, _| {
        format!("write `overall = {overall}` at least")
    });
}

/// `#[sigra(.., totp(issuer = "Acme"))]`
fn recovery_unanswered(code: Code, draft: &Draft, errors: &Errors) {
    let answered = [&keys::BACKUP_CODES, &keys::ASSISTED_RECOVERY, &keys::UNSAFE_NO_RECOVERY]
        .into_iter()
        .any(|key| draft.mentions(key));
    let Some(totp) = &draft.settings.totp else { return };
    if !answered {
        errors.at(
            &totp.written,
            code.says(format_args!(
                "`{}` must say how an owner gets in who has lost the second factor",
                draft.ident
            ))
            .help("add `backup_codes`: ten codes to keep on paper, each good once; whoever finds one needs the password too")
            .help("or `assisted_recovery(delay = \"24h\")`: an operator takes the factors off, after a mail that can stop it")
            .help("or `unsafe_no_recovery = \"accounts are made anew\"`: whoever loses the factor loses the account")
            .note("`backup_codes` and `assisted_recovery` can stand together"),
        );
    }
}

/// `#[sigra(.., backup_codes, unsafe_no_recovery = "..")]`
fn recovery_and_none(code: Code, draft: &Draft, errors: &Errors) {
    let settings = &draft.settings;
    let codes = settings.backup_codes.as_ref().map(|_| "backup_codes");
    let assisted = settings.assisted_recovery.as_ref().map(|_| "assisted_recovery");
    if let (Some(none), Some(on)) = (&settings.unsafe_no_recovery, codes.or(assisted)) {
        errors.at(
            &none.key,
            code.says(format_args!(
                "`unsafe_no_recovery` says that nobody gets in again, and `{on}` lets them"
            ))
            .help("remove one of the two"),
        );
    }
}

/// `#[sigra(.., backup_codes)]` without `totp`
fn without_totp(code: Code, draft: &Draft, errors: &Errors) {
    let settings = &draft.settings;
    // A profile that asks for it has said so already.
    let asked = settings.profile.as_ref().is_some_and(|profile| profile.value == Profile::Aal2);
    if draft.mentions(&keys::TOTP) || asked {
        return;
    }
    let written = [
        settings.backup_codes.as_ref().map(|on| &on.key),
        settings.assisted_recovery.as_ref().map(|on| &on.key),
        settings.trusted_browser.as_ref().map(|on| &on.key),
        settings.unsafe_no_recovery.as_ref().map(|on| &on.key),
    ];
    let written: Vec<_> = written.into_iter().flatten().collect();
    let Some(first) = written.iter().min_by_key(|key| key.span().start()) else { return };
    let names: Vec<_> = written.iter().map(|key| format!("`{key}`")).collect();
    let (names, needs) = (names.join(" and "), if written.len() == 1 { "needs" } else { "need" });
    let message = code.says(format_args!("{names} {needs} `totp`: without it there is no second factor"));
    errors.at(first, message.help(format_args!("add `{}`", keys::TOTP.example)));
}

/// `#[sigra(.., session(idle = "5m", absolute = "10m"), sudo)]`, or `totp`, which brings it
fn sudo_above_absolute(code: Code, draft: &Draft, errors: &Errors) {
    let Some(Session { absolute, .. }) = session(draft) else { return };
    let message = "`sudo(within)` is above `session(absolute)`: no proof would ever be too old";
    let (within, at, help): (_, _, fn(String) -> String) = match (&draft.settings.sudo, &draft.settings.totp)
    {
        // A default is not written, so the key that brings it is underlined.
        (Some(sudo), _) if sudo.value.written.is_empty() => {
            (sudo.value.clone(), &sudo.written, |most| format!("write `sudo(within = {most})` at most"))
        }
        (Some(sudo), _) => {
            (sudo.value.clone(), &sudo.value.written, |most| format!("write `within = {most}` at most"))
        }
        (None, Some(totp)) if !draft.mentions(&keys::SUDO) => {
            let Some(brought) = Quantity::default_of(&keys::SUDO, &keys::sudo::WITHIN) else { return };
            (brought, &totp.written, |most| {
                format!("add `sudo(within = {most})`: `totp` brings it with 15 minutes")
            })
        }
        _ => return,
    };
    at_most(code, errors, &within, (absolute, 1), at, message, |_, most| help(most));
}

/// `session(idle = "1h", absolute = "14d"), audit(retain = "7d")`
fn retain_below_session(code: Code, draft: &Draft, errors: &Errors) {
    let Some(Session { absolute, remember, .. }) = session(draft) else { return };
    let Some(retain) = draft.settings.audit.as_ref().and_then(|audit| audit.value.as_ref()) else { return };
    let (longest, what) = match remember {
        Some(remember) => (remember, "the longest session, `remember`"),
        None => (absolute, "the longest session, `absolute`"),
    };
    let message = format!("`retain` is below {what}: the row that says how it began goes before it");
    at_most(code, errors, longest, (retain, 1), &retain.written, &message, |retain, _| {
        format!("write `retain = {retain}` at least")
    });
}

fn session(draft: &Draft) -> Option<&Session> {
    draft.settings.session.as_ref().map(|session| &session.value)
}

/// Asks that `small * factor <= large`, of the macro where both are known and else of the compiler. The help is made of
/// the two limits that would do: the least `large`, and the most `small`.
fn at_most(
    code: Code,
    errors: &Errors,
    small: &Quantity,
    (large, factor): (&Quantity, u64),
    at: &TokenStream,
    message: &str,
    help: impl Fn(String, String) -> String,
) {
    match (small.amount, large.amount) {
        (Amount::Rejected | Amount::Outside(_), _) | (_, Amount::Rejected | Amount::Outside(_)) => {}
        (Amount::Known(known), Amount::Known(limit)) => {
            if known * factor > limit {
                let (least, most) =
                    (large.range.unit.code(known * factor), small.range.unit.code(limit / factor));
                errors.at(at, code.says(message).help(help(least, most)));
            }
        }
        _ => {
            // A value out of its own range has an error of its own, and is not compared with others.
            let limits = [small, large]
                .into_iter()
                .filter(|one| one.amount == Amount::Compiled)
                .flat_map(Quantity::limits);
            let (small, large) = (small.compared(), large.compared());
            let factor = Literal::u64_unsuffixed(factor);
            errors.assert(at, quote!(!(#(#limits)&&*) || #factor * #small <= #large), &code.says(message));
        }
    }
}
