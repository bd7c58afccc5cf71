//! Many at once, on two handles with pools of their own, as two processes have them: whatever may happen once happens once,
//! and no count is passed.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sigra::{Client, Credentials, Error, Refusal, Sigra};
use sigra_tests::crowd::at_once;
use sigra_tests::database::Kind;
use sigra_tests::host::{client, links, token_in};
use sigra_tests::users::{Customer, Member, connect};
use sigra_tests::{Database, Host, Mailbox, OTHER_PASSWORD, PASSWORD, UserSignIn, each_database, until};

const ADA: &str = "ada@example.com";
const WRONG: &str = "a wrong password here";

/// Two nodes on one database.
async fn two(database: Database) -> [Host; 2] {
    let first = Host::start(database.clone()).await;
    [first, Host::join(database).await]
}

/// Every visitor from a network of its own.
fn visitor(number: usize) -> Client {
    let [high, low] = u16::try_from(number).unwrap().to_be_bytes();
    Client::from_address([10, 9, high, low].into())
}

/// Exactly one succeeded, and all others were told the same.
fn only_one<T>(results: Vec<Result<T, Error>>) -> usize {
    let mut winner = None;
    for (number, result) in results.into_iter().enumerate() {
        match result {
            Ok(_) => assert!(winner.replace(number).is_none(), "a second success"),
            Err(error) => assert_eq!(error.refusal(), Some(&Refusal::InvalidToken), "{error}"),
        }
    }
    winner.expect("one success")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_reset_token_of_64_uses_at_once_works_once() {
    each_database(|database| async move {
        let nodes = two(database).await;
        nodes[0].account(ADA).await;
        nodes[0].auth.request_password_reset(ADA, &client()).await.unwrap();
        let token = nodes[0].token_of("/reset/").await;
        let password = |number: usize| format!("the new passphrase no. {number}");
        let uses = (0..64).map(|number| {
            let (auth, token) = (nodes[number % 2].auth.clone(), token.clone());
            async move { auth.reset_password(&token, password(number), &visitor(number)).await }
        });
        let winner = only_one(at_once(uses).await);
        let _ = nodes[0].sign_in_with(ADA, &password(winner)).await;
        assert!(nodes[0].try_sign_in(ADA, &password((winner + 1) % 64)).await.is_err());
        assert!(nodes[0].try_sign_in(ADA, PASSWORD).await.is_err());
        assert_eq!(trail(&nodes[0], "account.password.reset success").await, 1);
        assert_eq!(trail(&nodes[0], "account.password.reset refused").await, 63);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_confirmation_link_of_64_uses_at_once_works_once() {
    each_database(|database| async move {
        let nodes = two(database).await;
        let _ = nodes[0].register(ADA).await.unwrap();
        let token = nodes[0].token_of("/confirm/").await;
        let uses = (0..64).map(|number| {
            let (auth, token) = (nodes[number % 2].auth.clone(), token.clone());
            async move { auth.confirm_email(&token, &visitor(number)).await }
        });
        only_one(at_once(uses).await);
        assert_eq!(trail(&nodes[0], "account.email.confirm success").await, 1);
        assert_eq!(trail(&nodes[0], "account.email.confirm refused").await, 63);
        let _ = nodes[1].sign_in(ADA).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_confirmation_code_of_64_uses_at_once_works_once() {
    each_database(|database| async move {
        let nodes = two(database).await;
        let _ = nodes[0].register(ADA).await.unwrap();
        let code = nodes[0].code().await;
        let uses = (0..64).map(|number| {
            let (auth, code) = (nodes[number % 2].auth.clone(), code.clone());
            async move { auth.confirm_email_code(ADA, &code, &visitor(number)).await }
        });
        only_one(at_once(uses).await);
        let _ = nodes[1].sign_in(ADA).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_wrong_codes_at_once_ten_are_compared_for_an_address() {
    each_database(|database| async move {
        let nodes = two(database).await;
        for (email, wrong) in [(ADA, 9), ("bob@example.com", 64)] {
            let _ = nodes[0].register(email).await.unwrap();
            let code = nodes[0].code().await;
            let right: u32 = code.parse().unwrap();
            let uses = (0..wrong).map(|number: usize| {
                let auth = nodes[number % 2].auth.clone();
                let guess = format!("{:06}", (right + 1 + u32::try_from(number).unwrap()) % 1_000_000);
                async move { auth.confirm_email_code(email, &guess, &visitor(number)).await }
            });
            for result in at_once(uses).await {
                assert_eq!(result.unwrap_err().refusal(), Some(&Refusal::InvalidToken));
            }
            // A try is counted before the code is compared, and the count stops at ten.
            let tries = format!("used = {}", wrong.min(10));
            assert_eq!(nodes[0].database.count("sigra_limits", &tries).await, 1);
            let confirm =
                async |code: String| nodes[0].auth.confirm_email_code(email, &code, &client()).await;
            if wrong >= 10 {
                let late = confirm(code).await.expect_err("the right code after the tries");
                assert_eq!(late.refusal(), Some(&Refusal::InvalidToken));
            }
            // A fresh mail brings no fresh tries.
            nodes[0].auth.resend_confirmation(email, &client()).await.unwrap();
            let fresh = nodes[0].code().await;
            let token = token_in(&nodes[0].mailbox.last().unwrap(), "/confirm/");
            assert_eq!(confirm(fresh).await.is_ok(), wrong < 10, "after {wrong} wrong codes");
            // The link is no guess.
            assert_eq!(nodes[0].auth.confirm_email(&token, &client()).await.is_ok(), wrong >= 10);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cve_2023_33170_of_200_wrong_passwords_at_once_on_one_account_no_more_than_the_limit_are_hashed() {
    each_database(|database| async move {
        let nodes = two(database).await;
        nodes[0].account(ADA).await;
        let before: Vec<u64> = nodes.iter().map(|node| node.auth.hashes_computed()).collect();
        let tries = (0..200).map(|number| {
            let auth = nodes[number % 2].auth.clone();
            async move { auth.sign_in(Credentials::new(ADA, WRONG), &visitor(number)).await.unwrap_err() }
        });
        let mut answers = BTreeMap::<&str, u32>::new();
        for error in at_once(tries).await {
            let answer = match error.refusal() {
                Some(Refusal::InvalidCredentials) => "wrong",
                Some(Refusal::TooManyAttempts { .. }) => "too many",
                _ => panic!("{error}"),
            };
            *answers.entry(answer).or_default() += 1;
        }
        assert_eq!(answers, BTreeMap::from([("wrong", 10), ("too many", 190)]));
        let hashed: u64 =
            nodes.iter().zip(before).map(|(node, before)| node.auth.hashes_computed() - before).sum();
        assert_eq!(hashed, 10);

        // The right password is no way around it, on either node, until the wait is over.
        for minutes in [0, 5, 5] {
            for node in &nodes {
                node.clock.advance(Duration::from_mins(minutes));
                let error = node.try_sign_in(ADA, PASSWORD).await.unwrap_err();
                assert!(matches!(error.refusal(), Some(Refusal::TooManyAttempts { .. })), "{error}");
            }
        }
        for node in &nodes {
            node.clock.advance(Duration::from_mins(6));
        }
        let _ = nodes[1].sign_in(ADA).await;
        assert_eq!(trail(&nodes[0], "session.password.sign_in refused").await, 200 + 6);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_wrong_passwords_at_once_in_a_known_browser_no_more_than_the_limit_are_hashed() {
    each_database(|database| async move {
        let nodes = two(database).await;
        nodes[0].account(ADA).await;
        let session = nodes[0].sign_in(ADA).await;
        let home = client().with_device_token(session.device_token().unwrap().expose());
        let before: u64 = nodes.iter().map(|node| node.auth.hashes_computed()).sum();
        let tries = (0..64).map(|number| {
            let (auth, home) = (nodes[number % 2].auth.clone(), home.clone());
            async move { auth.sign_in(Credentials::new(ADA, WRONG), &home).await.unwrap_err() }
        });
        at_once(tries).await;
        let hashed: u64 = nodes.iter().map(|node| node.auth.hashes_computed()).sum::<u64>() - before;
        // Ten as the browser's own, and then, when it is not known any more, ten as a stranger's.
        assert!((10..=20).contains(&hashed), "{hashed}");
        assert!(trail(&nodes[0], "session.password.sign_in refused device_limit").await > 0);
        assert_eq!(nodes[0].database.count("sigra_devices", "1 = 1").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_200_wrong_passwords_at_once_from_one_network_no_more_than_the_limit_are_hashed() {
    each_database(|database| async move {
        let nodes = two(database).await;
        let tries = (0..200).map(|number| {
            let auth = nodes[number % 2].auth.clone();
            let email = format!("u{number}@example.com");
            // One IPv6 customer, who has a /64.
            let client = Client::from_address(format!("2001:db8:1:2::{number:x}").parse().unwrap());
            async move { auth.sign_in(Credentials::new(email, WRONG), &client).await.unwrap_err() }
        });
        let errors = at_once(tries).await;
        let wrong =
            errors.iter().filter(|error| error.refusal() == Some(&Refusal::InvalidCredentials)).count();
        let many = errors
            .iter()
            .filter(|error| matches!(error.refusal(), Some(Refusal::TooManyAttempts { .. })))
            .count();
        assert_eq!((wrong, many), (50, 150), "{errors:?}");
        assert_eq!(nodes.iter().map(|node| node.auth.hashes_computed()).sum::<u64>(), 50);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_registrations_of_one_address_at_once_make_one_account_and_give_one_answer() {
    each_database(|database| async move {
        let nodes = two(database.clone()).await;
        let registrations = (0..16).map(|number| {
            let host = nodes[number % 2].clone();
            let email = if number % 3 == 0 { "ADA@example.com" } else { ADA };
            async move { host.register(email).await }
        });
        let results = at_once(registrations).await;
        let answers: Vec<_> =
            results.into_iter().map(|result| result.unwrap_or_else(|error| panic!("{error}"))).collect();
        assert_eq!(answers.iter().filter(|answer| answer.user().is_some()).count(), 1);
        for table in ["users", "sigra_accounts"] {
            assert_eq!(database.count(table, "1 = 1").await, 1, "{table}");
        }
        assert_eq!(trail(&nodes[0], "account.user.register success").await, 1);
        assert_eq!(trail(&nodes[0], "account.user.register refused address_contested").await, 15);
        // One confirmation, and no more notes than one address may get, as which the registration itself counts.
        assert_eq!(database.count("sigra_outbox", "kind = 'confirm_email'").await, 1);
        assert_eq!(database.count("sigra_outbox", "kind = 'address_taken'").await, 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_column_of_the_hosts_changes_no_answer_to_registrations_at_once() {
    each_database(|database| async move {
        // `customers.email` is unique: the host's own index may decide the race before Sigra's does.
        database.run(&Customer::table(database.kind())).await;
        let nodes = [connect::<Customer>(&database).await, connect::<Customer>(&database).await];
        nodes[0].migrate().await.unwrap();
        for round in 0..3 {
            let registrations = (0..8).map(|number| {
                let auth: Sigra<Customer> = nodes[number % 2].clone();
                let new = Customer::named(&format!("ada{round}@example.com"));
                async move { auth.register(new, &client()).await.map(|answer| answer.user().is_some()) }
            });
            let results = at_once(registrations).await;
            let mut made: Vec<bool> =
                results.into_iter().map(|result| result.unwrap_or_else(|error| panic!("{error}"))).collect();
            made.sort_unstable();
            assert_eq!(made.iter().filter(|made| **made).count(), 1, "{made:?}");
            assert_eq!(database.count("customers", "1 = 1").await, round + 1);
        }
    })
    .await;
}

/// What ends the epoch of an account while sign-ins are under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Reset,
    Change,
    Disable,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_outlives_a_reset_a_change_or_a_disabling_that_ran_beside_its_sign_in() {
    each_database(|database| async move {
        let nodes = two(database).await;
        for (round, ends) in
            [Ends::Reset, Ends::Change, Ends::Disable].into_iter().cycle().take(6).enumerate()
        {
            let email = format!("ada{round}@example.com");
            nodes[0].account(&email).await;
            let browser = nodes[0].sign_in(&email).await;
            let id = browser.user().id;
            nodes[0].auth.request_password_reset(&email, &visitor(0)).await.unwrap();
            let token = nodes[0].token_of("/reset/").await;

            let ending = {
                let (auth, session, token) = (nodes[1].auth.clone(), browser, token);
                async move {
                    match ends {
                        Ends::Reset => {
                            auth.reset_password(&token, OTHER_PASSWORD, &visitor(1)).await.map(|_| None)
                        }
                        Ends::Change => auth
                            .change_password(session.session(), PASSWORD, OTHER_PASSWORD, &visitor(1))
                            .await
                            .map(|next| Some(next.token().expose().to_owned())),
                        Ends::Disable => auth.disable_account("root", &id, &visitor(1)).await.map(|done| {
                            assert!(done);
                            None
                        }),
                    }
                }
            };
            let ending = tokio::spawn(ending);
            let sign_ins = (0..8).map(|number| {
                let (auth, email) = (nodes[number % 2].auth.clone(), email.clone());
                async move { auth.sign_in(Credentials::new(email, PASSWORD), &visitor(number + 2)).await }
            });
            let results = at_once(sign_ins).await;
            let next = ending.await.unwrap().unwrap();
            if ends == Ends::Disable {
                // Whatever hid behind the disabling would show now.
                assert!(nodes[0].auth.enable_account("root", &id, &client()).await.unwrap());
            }
            for result in results {
                match result {
                    Ok(UserSignIn::Complete(session)) => {
                        let token = session.token().expose();
                        assert!(
                            !nodes[0].is_live(token).await && !nodes[1].is_live(token).await,
                            "{ends:?}, round {round}"
                        );
                    }
                    Ok(UserSignIn::Disabled(_)) => assert_eq!(ends, Ends::Disable),
                    Ok(other) => panic!("{other:?}"),
                    Err(error) => assert_eq!(error.refusal(), Some(&Refusal::InvalidCredentials), "{error}"),
                }
            }
            if let Some(next) = next {
                assert!(nodes[0].is_live(&next).await, "the browser that changed the password goes on");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_revoked_is_refused_by_the_next_request_on_every_node() {
    each_database(|database| async move {
        let nodes = two(database).await;
        nodes[0].account(ADA).await;
        let here = nodes[0].sign_in(ADA).await;
        for round in 0..10 {
            let there = nodes[1].sign_in(ADA).await;
            let token = there.token().expose();
            assert!(nodes[0].is_live(token).await && nodes[1].is_live(token).await);
            let (revoker, checker) = (&nodes[round % 2], &nodes[(round + 1) % 2]);
            assert!(
                revoker.auth.revoke_session(here.session(), there.session().id(), &client()).await.unwrap()
            );
            assert!(!checker.is_live(token).await && !revoker.is_live(token).await, "round {round}");
        }
        assert!(nodes[1].is_live(here.token().expose()).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_requests_at_once_one_moves_the_time_of_last_use() {
    each_database(|database| async move {
        let nodes = two(database.clone()).await;
        nodes[0].account(ADA).await;
        let session = nodes[0].sign_in(ADA).await;
        count_updates_of_sessions(&database).await;
        for node in &nodes {
            node.clock.advance(Duration::from_secs(61));
        }
        let checks = (0..64).map(|number| {
            let (auth, token) = (nodes[number % 2].auth.clone(), session.token().expose().to_owned());
            async move { auth.session(&token).await.unwrap().is_some() }
        });
        assert!(at_once(checks).await.into_iter().all(|live| live));
        assert_eq!(database.count("touches", "1 = 1").await, 1);
    })
    .await;
}

async fn count_updates_of_sessions(database: &Database) {
    let id = match database.kind() {
        Kind::Sqlite => "INTEGER PRIMARY KEY",
        Kind::Postgres => "BIGINT GENERATED ALWAYS AS IDENTITY",
        Kind::MySql => "BIGINT AUTO_INCREMENT PRIMARY KEY",
    };
    database.run(&format!("CREATE TABLE touches (id {id}, moved BIGINT)")).await;
    let insert = "INSERT INTO touches (moved) VALUES (1)";
    database
        .run(&match database.kind() {
            Kind::Sqlite => format!("CREATE TRIGGER touched AFTER UPDATE ON sigra_sessions BEGIN {insert}; END"),
            Kind::Postgres => format!(
                "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {insert}; RETURN NEW; END'; \
                 CREATE TRIGGER touched AFTER UPDATE ON sigra_sessions FOR EACH ROW EXECUTE FUNCTION note()"
            ),
            Kind::MySql => format!("CREATE TRIGGER touched AFTER UPDATE ON sigra_sessions FOR EACH ROW {insert}"),
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_on_two_nodes_send_each_mail_once() {
    each_database(|database| async move {
        let nodes = two(database.clone()).await;
        let expected: BTreeSet<String> = (0..12).map(|number| format!("u{number}@example.com")).collect();
        for email in &expected {
            let _ = nodes[0].register(email).await.unwrap();
        }
        let mailbox = Mailbox::default();
        let workers = (0..4_usize).map(|number| {
            let (auth, mailbox) = (nodes[number % 2].auth.clone(), mailbox.clone());
            async move { auth.deliver_mail(&mailbox, &links()).await.unwrap() }
        });
        let sent: usize = at_once(workers).await.into_iter().sum();
        assert_eq!(sent, 12);
        let mails = mailbox.all();
        assert_eq!(mails.len(), 12);
        assert_eq!(mails.iter().map(|mail| mail.to.clone()).collect::<BTreeSet<_>>(), expected);
        assert_eq!(database.count("sigra_outbox", "1 = 1").await, 0);
        // One token each, and it works.
        assert_eq!(database.count("sigra_tokens", "1 = 1").await, 12);
        for mail in &mails {
            nodes[1].auth.confirm_email(&token_in(mail, "/confirm/"), &client()).await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_outs_and_revocations_at_once_each_leave_one_true_row() {
    each_database(|database| async move {
        let nodes = two(database.clone()).await;
        nodes[0].account(ADA).await;
        let session = std::sync::Arc::new(nodes[0].sign_in(ADA).await);
        let ends = (0..16).map(|number| {
            let (auth, session) = (nodes[number % 2].auth.clone(), session.clone());
            async move { auth.sign_out(session.session(), &client()).await }
        });
        let mut done = 0;
        for result in at_once(ends).await {
            match result {
                Ok(()) => done += 1,
                Err(Error::Refused(refusal)) => assert_eq!(refusal, Refusal::SessionEnded),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(trail(&nodes[0], "session.own.sign_out success").await, 1);
        assert_eq!(done, 1);
        assert_eq!(database.count("sigra_sessions", "1 = 1").await, 0);
    })
    .await;
}

/// Rows of the trail that begin so.
async fn trail(host: &Host, start: &str) -> usize {
    host.trail().await.iter().filter(|row| row.starts_with(start)).count()
}

/// Not a race, but what the races rest on: two handles are two pools.
#[tokio::test]
async fn two_nodes_share_nothing_but_the_database() {
    each_database(|database| async move {
        let nodes = two(database).await;
        nodes[0].account(ADA).await;
        let before = nodes[1].auth.hashes_computed();
        let _ = nodes[0].sign_in(ADA).await;
        assert_eq!(nodes[1].auth.hashes_computed(), before);
        nodes[0].auth.close().await;
        assert!(matches!(nodes[0].try_sign_in(ADA, PASSWORD).await, Err(Error::Failed(_))));
        let _ = nodes[1].sign_in(ADA).await;
    })
    .await;
}

/// A circle lasts until the server looks for it, and whoever is in it holds the row in which everybody's attempts are counted.
#[tokio::test(flavor = "multi_thread")]
async fn right_and_wrong_passwords_and_unlocking_at_once_never_wait_for_each_other_in_a_circle() {
    each_database(|database| async move {
        let nodes = two(database.clone()).await;
        let host = &nodes[0];
        host.account(ADA).await;
        for _ in 0..6 {
            for table in ["sigra_limits", "sigra_devices", "sigra_sessions"] {
                database.run(&format!("DELETE FROM {table}")).await;
            }
            let session = host.sign_in(ADA).await;
            let (id, home) = (session.user().id, session.device_token().unwrap().expose().to_owned());
            let tasks = (0..20).map(|number| {
                let auth = nodes[number % 2].auth.clone();
                let at_home = client().with_device_token(&home);
                async move {
                    let attempt = |password: &str| Credentials::new(ADA, password);
                    for _ in 0..2 {
                        let result = match number % 5 {
                            0 | 1 => auth.sign_in(attempt(WRONG), &client()).await.map(|_| ()),
                            2 => auth.sign_in(attempt(PASSWORD), &client()).await.map(|_| ()),
                            // Ends the row of failures that the others have begun.
                            3 => auth.sign_in(attempt(PASSWORD), &at_home).await.map(|_| ()),
                            _ => auth.unlock_account("root", &id, &client()).await.map(|_| ()),
                        };
                        if let Err(error) = result {
                            assert!(error.refusal().is_some(), "{error}");
                        }
                    }
                }
            });
            at_once(tasks).await;
        }
        if database.kind() == Kind::Postgres {
            for node in &nodes {
                node.auth.close().await;
            }
            let others = "SELECT COUNT(*)::TEXT FROM pg_stat_activity WHERE datname = current_database() \
                          AND pid <> pg_backend_pid()";
            until("the counts of every connection", async || database.texts(others).await == ["0"]).await;
            let circles = "SELECT deadlocks::TEXT FROM pg_stat_database WHERE datname = current_database()";
            assert_eq!(database.texts(circles).await, ["0"]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_can_happen_to_a_locked_account_may_happen_at_once() {
    each_database(|database| async move {
        let nodes = two(database).await;
        let host = &nodes[0];
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        let (id, home) = (session.user().id, session.device_token().unwrap().expose().to_owned());
        let at_home = move |number: usize| visitor(number).with_device_token(&home);
        for number in 0..30 {
            let _ = host.auth.sign_in(Credentials::new(ADA, PASSWORD), &visitor(number)).await.unwrap();
        }
        for round in 0..4 {
            host.auth.request_unlock(ADA, &visitor(100 + round)).await.unwrap();
            let token = host.token_of("/unlock/").await;
            // Nobody gets an error that an operator would have to look at, whichever comes first.
            let refused = |error: Error| assert!(error.refusal().is_some(), "{error}");
            let tasks = (0..64).map(|number| {
                let auth = nodes[number % 2].auth.clone();
                let (token, stranger, home) = (token.clone(), visitor(1000 + number), at_home(number));
                async move {
                    let attempt = |password: &str| Credentials::new(ADA, password);
                    let result = match number % 8 {
                        0 => auth.sign_in(attempt(WRONG), &stranger).await.map(|_| ()),
                        1 => auth.sign_in(attempt(WRONG), &home).await.map(|_| ()),
                        2 => auth.sign_in(attempt(PASSWORD), &stranger).await.map(|_| ()),
                        3 => auth.sign_in(attempt(PASSWORD), &home).await.map(|_| ()),
                        4 => auth.unlock_by_link(&token, &stranger).await.map(|_| ()),
                        5 => auth.unlock_account("root", &id, &stranger).await.map(|_| ()),
                        6 => auth.request_unlock(ADA, &stranger).await,
                        _ => auth.sweep().await.map(drop),
                    };
                    result.err()
                }
            });
            at_once(tasks).await.into_iter().flatten().for_each(refused);
        }
        assert!(host.database.count("sigra_devices", "1 = 1").await <= 20 + 16);
        assert!(host.auth.require_password_change("root", &id, &client()).await.unwrap());
        assert_eq!(host.database.count("sigra_devices", "1 = 1").await, 0);
    })
    .await;
}
