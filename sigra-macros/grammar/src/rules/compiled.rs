//! What only rustc sees: types, methods of keys that are off, arms. The derive sees to it that its errors name the key.

use super::{Rule, Sees, Wrong};
use crate::error::Code;
use crate::keys::{self, field};

const OFF: &str = "A protection that is called and was never turned on would be believed in.";
const TYPES: &str = "A column of the wrong type is found when the host is built, and not by a visitor.";

pub(super) static RULES: &[Rule] = &[
    Rule::new(
        Code("S0501"),
        "confirm-email-off",
        (OFF, "Sigra"),
        Sees::These(&[&keys::CONFIRM_EMAIL]),
        Wrong::Case("confirm_email_is_off"),
    ),
    Rule::new(
        Code("S0502"),
        "reset-password-off",
        (OFF, "Sigra"),
        Sees::These(&[&keys::RESET_PASSWORD]),
        Wrong::Case("reset_password_is_off"),
    ),
    Rule::new(
        Code("S0503"),
        "must-change-password-off",
        (OFF, "Sigra"),
        Sees::These(&[&keys::MUST_CHANGE_PASSWORD]),
        Wrong::Case("must_change_password_is_off"),
    ),
    Rule::new(
        Code("S0504"),
        "lockout-off",
        (OFF, "Sigra"),
        Sees::These(&[&keys::LOCKOUT]),
        Wrong::Case("lockout_is_off"),
    ),
    Rule::new(
        Code("S0505"),
        "totp-off",
        (OFF, "Sigra"),
        Sees::These(&[&keys::TOTP]),
        Wrong::Case("totp_is_off"),
    ),
    Rule::new(
        Code("S0506"),
        "backup-codes-off",
        (OFF, "Sigra"),
        Sees::These(&[&keys::BACKUP_CODES]),
        Wrong::Case("backup_codes_are_off"),
    ),
    Rule::new(
        Code("S0507"),
        "assisted-recovery-off",
        (OFF, "Sigra"),
        Sees::These(&[&keys::ASSISTED_RECOVERY]),
        Wrong::Case("assisted_recovery_is_off"),
    ),
    Rule::new(
        Code("S0508"),
        "trusted-browser-off",
        (OFF, "Sigra"),
        Sees::These(&[&keys::TRUSTED_BROWSER]),
        Wrong::Case("trusted_browser_is_off"),
    ),
    Rule::new(
        Code("S0509"),
        "sudo-off",
        (OFF, "Sigra"),
        Sees::These(&[&keys::SUDO]),
        Wrong::Case("sudo_is_off"),
    ),
    Rule::new(
        Code("S0510"),
        "disabling-off",
        (OFF, "Sigra"),
        Sees::These(&[&field::DISABLED_AT]),
        Wrong::Case("disable_account_is_off"),
    ),
    Rule::new(
        Code("S0511"),
        "audit-off",
        (OFF, "Sigra"),
        Sees::These(&[&keys::UNSAFE_NO_AUDIT]),
        Wrong::Case("audit_is_off"),
    ),
    Rule::new(Code("S0512"), "id-type", (TYPES, "Sigra"), Sees::These(&[&field::ID]), Wrong::Case("id_type")),
    Rule::new(
        Code("S0513"),
        "email-type",
        (TYPES, "Sigra"),
        Sees::These(&[&field::EMAIL]),
        Wrong::Case("email_type"),
    ),
    Rule::new(
        Code("S0514"),
        "password-type",
        ("A hash in a `String` is printed, compared and serialized by accident.", "ASVS 16.2.5"),
        Sees::These(&[&field::PASSWORD]),
        Wrong::Case("password_type"),
    ),
    Rule::new(
        Code("S0515"),
        "moment-types",
        (TYPES, "Sigra"),
        Sees::These(&[&field::CONFIRMED_AT, &field::DISABLED_AT]),
        Wrong::Case("moment_types"),
    ),
    Rule::new(
        Code("S0516"),
        "derive-forgotten",
        ("A struct that Sigra knows nothing of has no policy.", "Sigra"),
        Sees::These(&[&keys::TABLE]),
        Wrong::Case("the_derive_is_forgotten"),
    ),
    Rule::new(
        Code("S0517"),
        "arm-missing",
        (
            "A sign-in that is not complete has to be met by the host, wherever it signs somebody in.",
            "ASVS 6.3.4",
        ),
        Sees::These(&[&keys::TOTP, &keys::MUST_CHANGE_PASSWORD, &field::DISABLED_AT]),
        Wrong::Case("an_arm_is_missing"),
    ),
    Rule::new(
        Code("S0518"),
        "pending-sign-in-as-session",
        ("A password alone must not open what asks for two factors.", "NIST SP 800-63B-4 2.2.1, ASVS 6.3.4"),
        Sees::These(&[&keys::TOTP]),
        Wrong::Case("a_pending_sign_in_is_no_session"),
    ),
    Rule::new(
        Code("S0519"),
        "session-as-sudo",
        ("Whoever finds a browser open must not change how its owner signs in.", "ASVS 7.5.1"),
        Sees::These(&[&keys::SUDO]),
        Wrong::Case("a_session_is_no_sudo"),
    ),
    Rule::new(
        Code("S0520"),
        "new-user-fields",
        ("Registration fills every column, and none that a visitor may not set.", "ASVS 15.3.3"),
        Sees::These(&[&field::SKIP]),
        Wrong::Case("new_user_is_incomplete"),
    ),
    Rule::new(
        Code("S0521"),
        "two-users-one-prefix",
        ("A session, a link or a locked account of one type would be one of the other.", "Sigra"),
        Sees::These(&[&keys::PREFIX, &keys::UNSAFE_SHARED_TABLES]),
        Wrong::Case("two_users_have_one_prefix"),
    ),
];
