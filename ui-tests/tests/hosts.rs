//! What the hosts of this crate come to.

use std::time::Duration;

use sigra::Account;
use sigra::policy::Privacy;
use ui_tests::{every_key, least, lints};

#[test]
fn every_key_arrives_in_the_policy() {
    let policy = <every_key::User as Account>::POLICY;
    assert_eq!(policy.password.min_length, 16);
    assert_eq!((policy.password.memory_kib, policy.password.iterations), (47_104, 1));
    assert_eq!(policy.session.idle, every_key::limits::IDLE);
    assert_eq!(policy.session.absolute, Duration::from_hours(24));
    assert_eq!(policy.session.remember, Some(Duration::from_hours(30 * 24)));
    assert_eq!(policy.session.touch, Duration::from_mins(2));
    assert_eq!(policy.confirm_email.map(|confirm| confirm.within), Some(Duration::from_hours(24)));
    assert_eq!(policy.reset_password.map(|reset| reset.within), Some(Duration::from_mins(30)));
    assert_eq!(
        policy.lockout.map(|lockout| (lockout.after, lockout.wait)),
        Some((5, Duration::from_mins(15)))
    );
    assert_eq!(
        policy.throttle.map(|throttle| (throttle.per_network, throttle.within)),
        Some((200, Duration::from_hours(1)))
    );
    assert_eq!(policy.totp.map(|totp| totp.issuer), Some("Acme"));
    assert_eq!(policy.backup_codes, Some(12));
    assert_eq!(policy.assisted_recovery, Some(Duration::from_hours(48)));
    assert_eq!(policy.trusted_browser, Some(every_key::limits::TRUST));
    assert_eq!(policy.sudo, Some(Duration::from_mins(10)));
    assert!(policy.audit.enabled);
    assert_eq!(policy.audit.retain, Some(Duration::from_hours(400 * 24)));
    assert_eq!(policy.privacy, Privacy::Truncated);
    assert!(policy.unsafe_reasons.is_empty());
}

#[test]
fn every_column_arrives_in_the_schema() {
    let schema = <every_key::User as Account>::SCHEMA;
    assert_eq!((schema.user_type, schema.table, schema.prefix), ("User", "users", "auth_"));
    assert_eq!((schema.id, schema.email, schema.password), ("id", "email", "password_hash"));
    assert_eq!((schema.confirmed_at, schema.disabled_at), (Some("confirmed_at"), Some("disabled_at")));
    assert_eq!(
        schema.columns,
        ["id", "email", "password_hash", "confirmed_at", "disabled_at", "created_at", "name"]
    );
    assert_eq!(schema.new_columns, ["name"]);
}

#[test]
fn the_defaults_are_the_safe_ones() {
    let policy = <least::User as Account>::POLICY;
    assert_eq!(policy.password.min_length, 15);
    assert_eq!((policy.password.memory_kib, policy.password.iterations), (19_456, 2));
    assert_eq!((policy.session.remember, policy.session.touch), (None, Duration::from_mins(1)));
    assert!(policy.confirm_email.is_none() && policy.reset_password.is_none() && policy.throttle.is_none());
    assert!(policy.totp.is_none() && policy.backup_codes.is_none() && policy.assisted_recovery.is_none());
    assert!(policy.trusted_browser.is_none() && policy.sudo.is_none());
    assert!(policy.audit.enabled && policy.audit.retain.is_none());
    assert_eq!(policy.privacy, Privacy::Full);
    assert_eq!(<least::User as Account>::SCHEMA.prefix, "sigra_");

    let policy = <lints::User as Account>::POLICY;
    assert_eq!(policy.confirm_email.map(|confirm| confirm.within), Some(Duration::from_hours(48)));
    assert_eq!(policy.reset_password.map(|reset| reset.within), Some(Duration::from_hours(1)));
}

#[test]
fn a_new_user_prints_nothing_of_what_was_typed() {
    let new = every_key::new("ada@example.com", "glacier teapot 47", "Ada");
    assert_eq!(format!("{new:?}"), "NewUser { .. }");
    let (email, _) = <every_key::User as Account>::credentials(&new);
    assert_eq!(email, "ada@example.com");
}

#[test]
fn events_have_their_names_and_details() {
    use sigra::AuditEvent;
    use ui_tests::hygiene::{events_renamed, events_through_a_macro, events_without_a_prelude};

    let export = lints::export(uuid::Uuid::nil(), "Ada");
    assert_eq!(lints::InvoiceExported::NAME.as_str(), "billing.invoice.export");
    let expected = r#"{"by":"Ada","invoice":"00000000-0000-0000-0000-000000000000","lines":[]}"#;
    assert_eq!(export.details().to_json().as_deref(), Ok(expected));

    let steps = vec![events_without_a_prelude::Step { details: 1 }];
    let opened = events_without_a_prelude::Opened { door: "back", r#type: None, steps };
    let expected = r#"{"door":"back","steps":[{"details":1}],"type":null}"#;
    assert_eq!(opened.details().to_json().as_deref(), Ok(expected));

    let opened = events_renamed::Opened { angle: events_renamed::Angle { degrees: 90 } };
    assert_eq!(opened.details().to_json().as_deref(), Ok(r#"{"angle":{"degrees":90}}"#));
    assert_eq!(events_renamed::CLOSED.as_str(), "shop.door.close");
    let shown = events_through_a_macro()
        .map(|(name, details)| format!("{name} {}", details.to_json().unwrap_or_default()));
    assert_eq!(shown, [r#"shop.door.open {"value":1}"#, r#"shop.door.close {"value":null}"#]);
}
