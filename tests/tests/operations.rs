//! Every operation, on every database: what it does, what it refuses, and the row it writes.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::time::Duration;

use sigra::audit::{AuditFilter, ExportFormat};
use sigra::{AdoptAs, Refusal, SessionId};
use sigra_tests::gate::{GATED, Gate};
use sigra_tests::host::{client, client_number, somebody};
use sigra_tests::{Database, Host, NewUser, OTHER_PASSWORD, PASSWORD, User, UserSignIn, each_database};
use tokio::task::JoinHandle;

const ADA: &str = "ada@example.com";

#[tokio::test]
async fn an_account_is_registered_confirmed_and_signed_in() {
    each_database(|database| async {
        let host = Host::start(database).await;
        let registered = host.register("Ada@Example.com").await.unwrap();
        let user = registered.user().unwrap();
        assert_eq!(
            (user.email.as_str(), user.display_name.as_str(), user.plan.as_str()),
            ("Ada@Example.com", "Ada", "free")
        );

        // Nobody knows yet whose address it is: the password proves nothing.
        let refused = host.try_sign_in(ADA, PASSWORD).await.unwrap_err();
        assert_eq!(refused.refusal(), Some(&Refusal::InvalidCredentials));
        assert_eq!(host.database.count("sigra_sessions", "1 = 1").await, 0);

        let token = host.token_of("/confirm/").await;
        host.auth.confirm_email(&token, &client()).await.unwrap();
        let again = host.auth.confirm_email(&token, &client()).await.unwrap_err();
        assert_eq!(again.refusal(), Some(&Refusal::InvalidToken));

        let session = host.sign_in("ADA@example.com").await;
        assert!(session.token().expose().starts_with("sgs.k1."));
        let found = host.auth.session(session.token().expose()).await.unwrap().unwrap();
        assert_eq!(found.id(), session.session().id());
        assert_eq!(found.user().id, user.id);
        assert_eq!(
            host.trail().await,
            [
                "account.user.register success -",
                "session.password.sign_in refused unconfirmed",
                "mail.message.send success -",
                "account.email.confirm success -",
                "account.email.confirm refused invalid_token",
                "session.password.sign_in success -",
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn a_taken_address_gets_the_same_answer_and_its_owner_a_mail() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let again = host.register("ADA@example.com").await.unwrap();
        assert!(again.user().is_none());
        assert_eq!(format!("{again:?}"), "Registered");
        host.deliver().await;
        let mail = host.mailbox.last().unwrap();
        assert_eq!((mail.to.as_str(), mail.subject), (ADA, "You have an account already"));
        assert_eq!(host.database.count("users", "1 = 1").await, 1);
    })
    .await;
}

#[tokio::test]
async fn bad_input_is_refused_with_a_reason_and_stores_nothing() {
    each_database(|database| async {
        let host = Host::start(database).await;
        let register = |email: &str, password: &str| {
            let new = NewUser { email: email.into(), password: password.into(), display_name: String::new() };
            let auth = host.auth.clone();
            async move { auth.register(new, &client()).await.unwrap_err().to_string() }
        };
        assert_eq!(register("a@x.com,b@y.com", PASSWORD).await, "this is not an e-mail address");
        let short = register(ADA, "fourteen chars").await;
        assert!(short.contains("at least 15 characters"), "{short}");
        assert!(register(ADA, &"x".repeat(257)).await.contains("at most 256"));
        assert_eq!(host.database.count("users", "1 = 1").await, 0);
    })
    .await;
}

#[tokio::test]
async fn allauth_0_54_0_and_allauth_2023_a_wrong_password_is_one_answer_for_every_state_after_one_hash() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account("plain@example.com").await;
        let _ = host.register("unconfirmed@example.com").await.unwrap();
        host.account("disabled@example.com").await;
        let id = host.sign_in("disabled@example.com").await.user().id;
        assert!(host.auth.disable_account("root", &id, &client()).await.unwrap());
        let mut answers = Vec::new();
        for who in ["plain", "unconfirmed", "disabled", "unknown"] {
            let before = host.auth.hashes_computed();
            let error =
                host.try_sign_in(&format!("{who}@example.com"), "a wrong password here").await.unwrap_err();
            assert_eq!(host.auth.hashes_computed(), before + 1, "{who}");
            answers.push(error.to_string());
        }
        let error = host.try_sign_in("not an address", "a wrong password here").await.unwrap_err();
        answers.push(error.to_string());
        assert!(
            answers.iter().all(|answer| answer == "the e-mail address or the password is wrong"),
            "{answers:?}"
        );
        assert!(matches!(
            host.try_sign_in("disabled@example.com", PASSWORD).await,
            Ok(UserSignIn::Disabled(_))
        ));
    })
    .await;
}

#[tokio::test]
async fn sessions_are_listed_and_revoked_by_their_own_user_alone() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        host.account("eve@example.com").await;
        let (laptop, phone) = (host.sign_in(ADA).await, host.sign_in(ADA).await);
        let eve = host.sign_in("eve@example.com").await;

        let list = host.auth.sessions(laptop.session()).await.unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!(
            list.iter().filter(|one| one.current).map(|one| one.id).collect::<Vec<_>>(),
            [laptop.session().id()]
        );
        assert_eq!(list[0].network.as_deref(), Some("192.0.2.7"));
        assert!(list[0].user_agent.as_deref().unwrap().contains("Firefox"));

        // Another user's session is not there for Eve, and stays.
        assert!(!host.auth.revoke_session(eve.session(), phone.session().id(), &client()).await.unwrap());
        assert!(host.is_live(phone.token().expose()).await);
        assert!(host.auth.revoke_session(laptop.session(), phone.session().id(), &client()).await.unwrap());
        assert!(!host.is_live(phone.token().expose()).await);
        let unknown: SessionId = "01890000-0000-7000-8000-000000000000".parse().unwrap();
        assert!(!host.auth.revoke_session(laptop.session(), unknown, &client()).await.unwrap());

        let third = host.sign_in(ADA).await;
        assert_eq!(host.auth.revoke_other_sessions(laptop.session(), &client()).await.unwrap(), 1);
        assert!(!host.is_live(third.token().expose()).await && host.is_live(laptop.token().expose()).await);
        // A session that has ended may change nothing any more.
        let refused = host.auth.revoke_other_sessions(third.session(), &client()).await.unwrap_err();
        assert_eq!(refused.refusal(), Some(&Refusal::SessionEnded));

        host.auth.sign_out(laptop.session(), &client()).await.unwrap();
        assert!(!host.is_live(laptop.token().expose()).await);
        assert!(host.is_live(eve.token().expose()).await);
        assert_eq!(host.auth.revoke_all_sessions(eve.session(), &client()).await.unwrap(), 1);
        assert!(!host.is_live(eve.token().expose()).await);
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_when_idle_and_at_its_absolute_limit() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let idle = host.sign_in(ADA).await;
        // The true time goes on too.
        host.clock.advance(Duration::from_mins(59));
        assert!(host.is_live(idle.token().expose()).await);
        // That use moved the limit.
        host.clock.advance(Duration::from_mins(59));
        assert!(host.is_live(idle.token().expose()).await);
        host.clock.advance(Duration::from_secs(3601));
        assert!(!host.is_live(idle.token().expose()).await);

        let busy = host.sign_in(ADA).await;
        let mut hours = 0;
        while host.is_live(busy.token().expose()).await {
            host.clock.advance(Duration::from_mins(30));
            hours += 1;
            assert!(hours < 800, "it never ends");
        }
        assert_eq!(hours, 14 * 48);
        let swept = host.auth.sweep().await.unwrap();
        assert_eq!(swept.sessions, 2);
    })
    .await;
}

#[tokio::test]
async fn a_remembered_session_has_its_own_limit_and_a_replaced_one_ends() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let before = host.sign_in(ADA).await;
        let credentials =
            sigra::Credentials::new(ADA, PASSWORD).remember(true).replacing(Some(before.token().expose()));
        let UserSignIn::Complete(session) = host.auth.sign_in(credentials, &client()).await.unwrap() else {
            panic!("not signed in")
        };
        assert!(session.session().is_remembered());
        assert!(!host.is_live(before.token().expose()).await);
        host.clock.advance(Duration::from_hours(29 * 24));
        assert!(host.is_live(session.token().expose()).await);
        host.clock.advance(Duration::from_secs(86_400 + 1));
        assert!(!host.is_live(session.token().expose()).await);
    })
    .await;
}

#[tokio::test]
async fn the_last_use_is_written_at_most_once_in_its_interval() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        let seen = || async { host.auth.sessions(session.session()).await.unwrap()[0].last_seen_at };
        let first = seen().await;
        host.clock.advance(Duration::from_secs(5));
        assert!(host.is_live(session.token().expose()).await);
        assert_eq!(seen().await, first);
        host.clock.advance(Duration::from_secs(56));
        assert!(host.is_live(session.token().expose()).await);
        assert!(seen().await > first);
    })
    .await;
}

#[tokio::test]
async fn cve_2021_21310_and_cve_2022_39263_a_code_confirms_its_own_account_alone_within_ten_tries() {
    each_database(|database| async {
        let host = Host::start(database).await;
        let _ = host.register(ADA).await.unwrap();
        let code = host.code().await;
        let _ = host.register("eve@example.com").await.unwrap();
        let eves = host.code().await;
        assert_eq!(code.len(), 6);
        let confirm = |email: &'static str, code: String| {
            let auth = host.auth.clone();
            async move { auth.confirm_email_code(email, &code, &client()).await.is_ok() }
        };
        if code != eves {
            assert!(!confirm("eve@example.com", code.clone()).await, "another account's code");
        }
        assert!(!confirm("nobody@example.com", code.clone()).await);
        // The right code of the row that it is compared with there: of the next address below, and of the last one there is.
        for email in ["nobody@example.com", "aaa@example.com"] {
            assert!(!confirm(email, eves.clone()).await, "{email}");
        }
        let spaced = format!("{} {}", &code[..3], &code[3..]);
        assert!(confirm(ADA, spaced).await);
        assert!(!confirm(ADA, code).await, "used");

        let _ = host.register("bob@example.com").await.unwrap();
        let code = host.code().await;
        let wrong = if code == "000000" { "000001" } else { "000000" };
        for _ in 0..9 {
            assert!(!confirm("bob@example.com", wrong.into()).await);
        }
        host.auth.resend_confirmation("bob@example.com", &client()).await.unwrap();
        let fresh = host.code().await;
        assert!(confirm("bob@example.com", fresh).await);
    })
    .await;
}

#[tokio::test]
async fn a_reset_ends_every_session_voids_every_token_and_never_signs_in() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let (one, two) = (host.sign_in(ADA).await, host.sign_in(ADA).await);
        host.auth.request_password_reset("ADA@example.com", &client()).await.unwrap();
        let older = host.token_of("/reset/").await;
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let token = host.token_of("/reset/").await;

        // A password that is refused costs the visitor nothing.
        let short = host.auth.reset_password(&token, "too short", &client()).await.unwrap_err();
        assert!(matches!(short.refusal(), Some(Refusal::PasswordRejected(_))));
        let _ = host.auth.reset_password(&token, OTHER_PASSWORD, &client()).await.unwrap();
        for token in [&token, &older] {
            let used =
                host.auth.reset_password(token, "yet another passphrase", &client()).await.unwrap_err();
            assert_eq!(used.refusal(), Some(&Refusal::InvalidToken));
        }
        assert!(!host.is_live(one.token().expose()).await && !host.is_live(two.token().expose()).await);
        assert_eq!(host.database.count("sigra_sessions", "1 = 1").await, 0);
        assert_eq!(
            host.try_sign_in(ADA, PASSWORD).await.unwrap_err().refusal(),
            Some(&Refusal::InvalidCredentials)
        );
        let _ = host.sign_in_with(ADA, OTHER_PASSWORD).await;
        host.deliver().await;
        assert_eq!(host.mailbox.last().unwrap().subject, "Your password was changed");
    })
    .await;
}

#[tokio::test]
async fn asking_for_mail_tells_nothing_and_is_limited() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        host.deliver().await;
        let mails = host.mailbox.all().len();
        for _ in 0..8 {
            host.auth.request_password_reset(ADA, &client()).await.unwrap();
            host.auth.request_password_reset("nobody@example.com", &client()).await.unwrap();
            host.auth.resend_confirmation(ADA, &client()).await.unwrap();
        }
        while host.database.count("sigra_outbox", "1 = 1").await > 0 {
            host.deliver().await;
        }
        // Five resets; nothing to an unknown address, and nothing to confirm.
        assert_eq!(host.mailbox.all().len() - mails, 5);
        assert!(host.mailbox.all().iter().all(|mail| mail.to == ADA));
        assert!(host.auth.request_password_reset("nonsense", &client()).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_changed_password_moves_the_browser_to_a_new_session_and_ends_all_others() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let (here, there) = (host.sign_in(ADA).await, host.sign_in(ADA).await);
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let reset = host.token_of("/reset/").await;
        let wrong = host
            .auth
            .change_password(here.session(), "not my password at all", OTHER_PASSWORD, &client())
            .await;
        assert_eq!(wrong.unwrap_err().refusal(), Some(&Refusal::InvalidCredentials));
        assert!(host.is_live(here.token().expose()).await);

        let next =
            host.auth.change_password(here.session(), PASSWORD, OTHER_PASSWORD, &client()).await.unwrap();
        assert!(host.is_live(next.token().expose()).await);
        assert!(!host.is_live(here.token().expose()).await && !host.is_live(there.token().expose()).await);
        let voided = host.auth.reset_password(&reset, "yet another passphrase", &client()).await.unwrap_err();
        assert_eq!(voided.refusal(), Some(&Refusal::InvalidToken));
        let _ = host.sign_in_with(ADA, OTHER_PASSWORD).await;
    })
    .await;
}

#[tokio::test]
async fn a_disabled_account_has_no_sessions_and_gets_none() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        let id = session.user().id;
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let reset = host.token_of("/reset/").await;
        assert!(host.auth.disable_account("root", &id, &client()).await.unwrap());
        assert!(!host.auth.disable_account("root", &id, &client()).await.unwrap());
        assert!(!host.is_live(session.token().expose()).await);
        assert!(host.auth.reset_password(&reset, OTHER_PASSWORD, &client()).await.is_err());
        assert!(matches!(host.try_sign_in(ADA, PASSWORD).await, Ok(UserSignIn::Disabled(_))));
        assert!(host.auth.enable_account("root", &id, &client()).await.unwrap());
        assert!(!host.is_live(session.token().expose()).await, "an old session does not come back");
        let _ = host.sign_in(ADA).await;
        assert!(host.trail().await.contains(&"account.user.disable success -".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn cve_2020_11052_the_lockout_counts_every_spelling_arms_again_and_never_confirms_a_guess() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        for round in 0..3 {
            let wait = Duration::from_mins(15 << round);
            let before = host.auth.hashes_computed();
            for attempt in 0..10_u8 {
                let spelling = if attempt % 2 == 0 { "ADA@example.com" } else { " ada@EXAMPLE.com" };
                let client = client_number(round * 10 + attempt);
                let credentials = sigra::Credentials::new(spelling, "a wrong password here");
                let error = host.auth.sign_in(credentials, &client).await.unwrap_err();
                assert_eq!(error.refusal(), Some(&Refusal::InvalidCredentials), "round {round}, attempt {attempt}");
            }
            // The right password gets the same answer as a wrong one, and no hash is computed for either.
            for password in [PASSWORD, "a wrong password here"] {
                let error = host.try_sign_in(ADA, password).await.unwrap_err();
                assert!(matches!(error.refusal(), Some(Refusal::TooManyAttempts { retry_after }) if retry_after.as_secs() <= wait.as_secs() + 1));
            }
            assert_eq!(host.auth.hashes_computed(), before + 10);
            host.clock.advance(wait + Duration::from_secs(1));
        }
        let _ = host.sign_in(ADA).await;
        // Success cleared the count.
        for _ in 0..9 {
            assert!(host.try_sign_in(ADA, "a wrong password here").await.is_err());
        }
        let _ = host.sign_in(ADA).await;
    })
    .await;
}

#[tokio::test]
async fn an_unknown_address_is_locked_like_a_known_one() {
    each_database(|database| async {
        let host = Host::start(database).await;
        let mut answers = Vec::new();
        for _ in 0..11 {
            answers.push(host.try_sign_in("nobody@example.com", "a wrong password here").await.unwrap_err());
        }
        assert!(matches!(answers[10].refusal(), Some(Refusal::TooManyAttempts { .. })));
        assert_eq!(answers[9].refusal(), Some(&Refusal::InvalidCredentials));
    })
    .await;
}

#[tokio::test]
async fn one_network_is_throttled_over_all_accounts_and_success_gives_its_attempt_back() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        for _ in 0..60 {
            let _ = host.sign_in(ADA).await;
        }
        for number in 0..50 {
            let error = host
                .try_sign_in(&format!("u{number}@example.com"), "a wrong password here")
                .await
                .unwrap_err();
            assert_eq!(error.refusal(), Some(&Refusal::InvalidCredentials));
        }
        let error = host.try_sign_in("u50@example.com", "a wrong password here").await.unwrap_err();
        assert!(matches!(error.refusal(), Some(Refusal::TooManyAttempts { .. })));
        // Somebody else's network is not concerned.
        let elsewhere = host.auth.sign_in(sigra::Credentials::new(ADA, PASSWORD), &client_number(9)).await;
        assert!(matches!(elsewhere, Ok(UserSignIn::Complete(_))));
    })
    .await;
}

#[tokio::test]
async fn what_the_hosts_table_refuses_tells_nothing_about_an_address() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        host.database.run("CREATE UNIQUE INDEX one_name ON users (display_name)").await;
        let before = host.database.count("users", "1 = 1").await;
        // A value that breaks a check, and one that somebody has.
        for (name, expected) in [("refused", Refusal::InvalidValue), ("Ada", Refusal::Conflict)] {
            for email in [ADA, "free@example.com"] {
                let new =
                    NewUser { email: email.into(), password: PASSWORD.into(), display_name: name.into() };
                let refused = host.auth.register(new, &somebody()).await.unwrap_err();
                assert_eq!(refused.refusal(), Some(&expected), "{name} {email}");
            }
        }
        assert_eq!(host.database.count("users", "1 = 1").await, before);
        let trail = host.trail().await;
        assert_eq!(
            trail.iter().filter(|row| *row == "account.user.register refused invalid_value").count(),
            4
        );
    })
    .await;
}

#[tokio::test]
async fn whoever_registers_with_a_strangers_address_does_not_get_the_strangers_account() {
    each_database(|database| async {
        let host = Host::start(database).await;
        // The attacker is first, and knows the password.
        let _ = host.register(ADA).await.unwrap();
        let attackers = host.token_of("/confirm/").await;
        // The owner registers too, and is told to look into the mail.
        let new = NewUser { email: ADA.into(), password: OTHER_PASSWORD.into(), display_name: "Ada".into() };
        let _ = host.auth.register(new, &somebody()).await.unwrap();
        assert!(host.auth.confirm_email(&attackers, &client()).await.is_err(), "the first link is void");
        host.auth.resend_confirmation(ADA, &somebody()).await.unwrap();
        let token = host.token_of("/confirm/").await;
        host.auth.confirm_email(&token, &client()).await.unwrap();
        for password in [PASSWORD, OTHER_PASSWORD] {
            let refused = host.try_sign_in(ADA, password).await.unwrap_err();
            assert_eq!(refused.refusal(), Some(&Refusal::InvalidCredentials));
        }
        host.auth.request_password_reset(ADA, &somebody()).await.unwrap();
        let token = host.token_of("/reset/").await;
        let _ = host.auth.reset_password(&token, OTHER_PASSWORD, &client()).await.unwrap();
        let _ = host.sign_in_with(ADA, OTHER_PASSWORD).await;
        // A confirmed account is not touched by whoever registers after it.
        let _ = host.register(ADA).await.unwrap();
        let _ = host.sign_in_with(ADA, OTHER_PASSWORD).await;
    })
    .await;
}

#[tokio::test]
async fn whoever_keeps_registering_an_address_voids_no_link_that_its_owner_was_mailed() {
    each_database(|database| async {
        let host = Host::start(database).await;
        let again = async || {
            for _ in 0..3 {
                assert!(host.register(ADA).await.unwrap().user().is_none());
                let contested = "account.user.register refused address_contested";
                assert_eq!(host.trail().await.last().unwrap(), contested);
            }
        };
        let wrong = async |password: &str| {
            let refused = host.try_sign_in(ADA, password).await.unwrap_err();
            assert_eq!(refused.refusal(), Some(&Refusal::InvalidCredentials), "{password}");
        };
        let _ = host.register(ADA).await.unwrap();
        again().await;
        while host.deliver().await > 0 {}
        host.auth.resend_confirmation(ADA, &somebody()).await.unwrap();
        let confirm = host.token_of("/confirm/").await;
        host.auth.request_password_reset(ADA, &somebody()).await.unwrap();
        let reset = host.token_of("/reset/").await;
        again().await;
        host.auth.confirm_email(&confirm, &client()).await.unwrap();
        // No password of a stranger's was confirmed with it.
        wrong(PASSWORD).await;
        let _ = host.auth.reset_password(&reset, OTHER_PASSWORD, &client()).await.unwrap();
        let _ = host.sign_in_with(ADA, OTHER_PASSWORD).await;

        // A password that was set since is somebody's again: should the host ask for another proof of the address, it goes too.
        host.database.run("UPDATE sigra_accounts SET confirmed_at = NULL").await;
        again().await;
        wrong(OTHER_PASSWORD).await;
        host.auth.request_password_reset(ADA, &somebody()).await.unwrap();
        let reset = host.token_of("/reset/").await;
        again().await;
        let _ = host.auth.reset_password(&reset, OTHER_PASSWORD, &client()).await.unwrap();
        let _ = host.sign_in_with(ADA, OTHER_PASSWORD).await;
    })
    .await;
}

#[tokio::test]
async fn ten_wrong_codes_for_an_address_leave_it_the_link() {
    each_database(|database| async {
        let host = Host::start(database).await;
        let _ = host.register(ADA).await.unwrap();
        let mut code = host.code().await;
        for number in 0..10_u32 {
            if number == 5 {
                host.auth.resend_confirmation(ADA, &somebody()).await.unwrap();
                code = host.code().await;
            }
            let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
            assert!(host.auth.confirm_email_code(ADA, &wrong, &somebody()).await.is_err());
        }
        host.auth.resend_confirmation(ADA, &somebody()).await.unwrap();
        let code = host.code().await;
        let refused = host.auth.confirm_email_code(ADA, &code, &somebody()).await.unwrap_err();
        assert_eq!(refused.refusal(), Some(&Refusal::InvalidToken), "no code counts any more");
        let token = host.token_of("/confirm/").await;
        host.auth.confirm_email(&token, &client()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn one_network_asks_for_no_more_than_its_share_of_mail_and_accounts() {
    each_database(|database| async {
        let host = Host::start(database).await;
        for number in 0..50 {
            host.auth.request_password_reset(&format!("u{number}@example.com"), &client()).await.unwrap();
        }
        let many = |error: Option<sigra::Error>| {
            matches!(error.as_ref().and_then(sigra::Error::refusal), Some(Refusal::TooManyAttempts { .. }))
        };
        let new = || NewUser { email: ADA.into(), password: PASSWORD.into(), display_name: "Ada".into() };
        assert!(many(host.auth.request_password_reset(ADA, &client()).await.err()));
        assert!(many(host.auth.resend_confirmation(ADA, &client()).await.err()));
        assert!(many(host.auth.confirm_email_code(ADA, "123456", &client()).await.err()));
        assert!(many(host.auth.register(new(), &client()).await.err()));
        assert!(host.auth.register(new(), &client_number(3)).await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_at_its_limit_keeps_nobody_else_from_signing_in() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        // A queue as small as a default one under this flood.
        let builder = sigra::Sigra::<User>::builder().url(host.database.url());
        let hashing = sigra::Hashing { permits: 1, queue: 4, deadline: Duration::from_mins(10) };
        let keys = sigra::Keyring::parse(sigra_tests::host::KEYS).unwrap();
        let auth = builder.keyring(keys).hashing(hashing).build().await.unwrap();
        for _ in 0..50 {
            let _ = host.try_sign_in("nobody@example.com", "a wrong password here").await;
        }
        let before = auth.hashes_computed();
        let flood: Vec<_> = (0..100)
            .map(|number| {
                let auth = auth.clone();
                tokio::spawn(async move {
                    let credentials =
                        sigra::Credentials::new(format!("u{number}@example.com"), "a wrong password here");
                    auth.sign_in(credentials, &client()).await.unwrap_err()
                })
            })
            .collect();
        let signed_in = auth.sign_in(sigra::Credentials::new(ADA, PASSWORD), &client_number(9)).await;
        assert!(matches!(signed_in, Ok(UserSignIn::Complete(_))), "{signed_in:?}");
        for refused in flood {
            let refused = refused.await.unwrap();
            assert!(matches!(refused.refusal(), Some(Refusal::TooManyAttempts { .. })), "{refused}");
        }
        assert_eq!(auth.hashes_computed(), before + 1);
    })
    .await;
}

/// A node whose hasher is at work on one wrong sign-in until the gate opens, beside a plain one.
async fn hashing_without_end(
    database: Database,
    hashing: sigra::Hashing,
) -> (Host, sigra::Sigra<User>, Gate, JoinHandle<Result<UserSignIn, sigra::Error>>) {
    let plain = Host::start(database).await;
    plain.account(ADA).await;
    plain.database.run(&format!("UPDATE users SET password_hash = '{GATED}'")).await;
    let (gate, gated) = Gate::shut();
    let builder = sigra::Sigra::<User>::builder().url(plain.database.url());
    let keys = sigra::Keyring::parse(sigra_tests::host::KEYS).unwrap();
    let auth = builder.keyring(keys).hashing(hashing).verifier(gated).build().await.unwrap();
    let held = auth.clone();
    let first = tokio::spawn(async move {
        held.sign_in(sigra::Credentials::new(ADA, "a wrong password here"), &somebody()).await
    });
    gate.begun().await;
    (plain, auth, gate, first)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_turns_whoever_needs_a_hash_away_before_anything_is_counted_or_hashed() {
    each_database(|database| async {
        let hashing = sigra::Hashing { permits: 1, queue: 0, deadline: Duration::from_mins(1) };
        let (plain, auth, gate, first) = hashing_without_end(database, hashing).await;
        plain.account("grace@example.com").await;
        let grace = plain.sign_in("grace@example.com").await;
        plain.auth.request_password_reset("grace@example.com", &client()).await.unwrap();
        plain.deliver().await;
        let link = plain.token_of("/reset/").await;
        let before = plain.database.dumper().await.dump().await;
        let (hashes, visitor) = (auth.hashes_computed(), somebody());
        let is_busy = |result: Result<(), sigra::Error>| {
            let refused = result.unwrap_err();
            assert!(matches!(refused.refusal(), Some(Refusal::Busy { .. })), "{refused}");
        };
        for _ in 0..20 {
            let credentials = sigra::Credentials::new("nobody@example.com", "a wrong password here");
            is_busy(auth.sign_in(credentials, &visitor).await.map(drop));
            let new = NewUser {
                email: "eve@example.com".into(),
                password: PASSWORD.into(),
                display_name: "Eve".into(),
            };
            is_busy(auth.register(new, &visitor).await.map(drop));
            is_busy(auth.reset_password(&link, OTHER_PASSWORD, &visitor).await.map(drop));
            let session = grace.session();
            is_busy(auth.change_password(session, PASSWORD, OTHER_PASSWORD, &visitor).await.map(drop));
            is_busy(auth.step_up_with_password(session, PASSWORD, &visitor).await.map(drop));
        }
        assert_eq!(auth.hashes_computed(), hashes);
        assert_eq!(plain.database.dumper().await.dump().await, before);
        gate.open();
        let refused = first.await.unwrap().unwrap_err();
        assert_eq!(refused.refusal(), Some(&Refusal::InvalidCredentials));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_waits_in_vain_for_its_hash_is_given_back() {
    each_database(|database| async {
        // Room to wait, and no patience.
        let hashing = sigra::Hashing { permits: 1, queue: 1, deadline: Duration::from_millis(20) };
        let (plain, auth, gate, first) = hashing_without_end(database, hashing).await;

        let counted = plain.database.count("sigra_limits", "used > 0").await;
        // One more than the network has.
        for _ in 0..51 {
            let new = NewUser {
                email: "eve@example.com".into(),
                password: PASSWORD.into(),
                display_name: "Eve".into(),
            };
            let refused = auth.register(new, &client_number(5)).await.unwrap_err();
            assert!(matches!(refused.refusal(), Some(Refusal::Busy { .. })), "{refused}");
        }
        assert_eq!(plain.database.count("sigra_limits", "used > 0").await, counted);
        gate.open();
        assert!(first.await.unwrap().is_err());
    })
    .await;
}

#[tokio::test]
async fn a_hash_that_cannot_be_read_is_like_none_to_the_visitor() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        host.database.run("UPDATE users SET password_hash = 'not a hash'").await;
        let before = host.auth.hashes_computed();
        let refused = host.try_sign_in(ADA, PASSWORD).await.unwrap_err();
        assert_eq!(refused.refusal(), Some(&Refusal::InvalidCredentials));
        assert_eq!(host.auth.hashes_computed(), before + 1);
        assert_eq!(host.trail().await.last().unwrap(), "session.password.sign_in refused unreadable_hash");
    })
    .await;
}

#[tokio::test]
async fn a_new_account_does_not_read_the_trail_of_an_old_one_with_its_id() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        assert!(!host.auth.activity(session.session(), 50).await.unwrap().is_empty());
        // As if an older account had the same id: its rows are from before this one.
        let later = if host.database.kind() == sigra_tests::database::Kind::Sqlite {
            "UPDATE sigra_accounts SET created_at = created_at + 3600000000"
        } else {
            "UPDATE sigra_accounts SET created_at = created_at + INTERVAL '1' HOUR"
        };
        host.database.run(later).await;
        assert!(host.auth.activity(session.session(), 50).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn nothing_that_holds_a_secret_shows_it() {
    let credentials =
        sigra::Credentials::new("canary@example.com", "canary password").replacing(Some("sgs.k1.canary"));
    let password = sigra::Password::new("canary password");
    let keys = sigra::Keyring::parse(sigra_tests::host::KEYS).unwrap();
    let shown = format!("{credentials:?} {password:?} {keys:?}");
    assert!(!shown.contains("canary") && !shown.contains("dGVzd"), "{shown}");
}

/// A name comes from the host's own records, and from there into the trail and its exports.
#[tokio::test]
async fn no_name_of_an_operator_ends_a_line_of_the_trail_or_turns_its_direction() {
    each_database(|database| async {
        let host = Host::start(database).await;
        let (auth, by, name) = (&host.auth, &client(), "ro\u{202e}ot\r\n");
        host.account(ADA).await;
        let id = host.sign_in(ADA).await.user().id;
        assert!(auth.disable_account(name, &id, by).await.unwrap());
        assert!(auth.enable_account(name, &id, by).await.unwrap());
        assert!(auth.unlock_account(name, &id, by).await.unwrap());
        assert!(auth.require_password_change(name, &id, by).await.unwrap());
        assert!(auth.begin_recovery(name, &id, by).await.unwrap().is_none());
        assert!(!auth.finish_recovery(name, &id, by).await.unwrap());
        assert!(!auth.cancel_recovery(name, &id, by).await.unwrap());
        assert!(auth.erase_personal_facts(name, &id, by).await.unwrap() > 0);
        host.import("eve@example.com", "!").await;
        let adoption = auth.adopt_accounts(name, |_| AdoptAs::Confirmed, by).await.unwrap();
        assert_eq!(adoption.adopted, 1);
        let _ = auth.export_audit(name, AuditFilter::new(), ExportFormat::JsonLines, by).await.unwrap();
        let actors = host.database.texts("SELECT actor FROM sigra_audit WHERE actor LIKE 'operator:%'").await;
        assert_eq!(actors, vec!["operator:root"; 10]);
    })
    .await;
}
