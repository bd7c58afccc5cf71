//! Second factors: what they open, what they refuse, and that each counts once.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::future::Future;
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use sigra::keyring::KeyringError;
use sigra::mail::Message;
use sigra::{
    Aal, Client, Code, Credentials, Error, Factor, Failure, NewSession, Refusal, SecondFactor, Session, Sigra,
};
use sigra_tests::authenticator::Authenticator;
use sigra_tests::database::Kind;
use sigra_tests::host::{client, client_number, client_of_network, prepare, token_in};
use sigra_tests::{Database, Host, OTHER_PASSWORD, PASSWORD, User, UserSignIn, each_database};

const ADA: &str = "ada@example.com";

/// Two nodes on one database, and an account with an authenticator.
async fn two(database: Database) -> ([Host; 2], Authenticator, NewSession<User>) {
    let first = Host::start(database.clone()).await;
    first.account(ADA).await;
    let (app, session) = first.enrol(ADA).await;
    let second = beside(&first, &database).await;
    ([first, second], app, session)
}

/// Another process on the same database, at the same time.
async fn beside(host: &Host, database: &Database) -> Host {
    let builder = prepare(Sigra::<User>::builder().url(database.url()), host.clock.clone());
    host.beside(builder.build().await.unwrap())
}

async fn one(database: Database) -> (Host, Authenticator, NewSession<User>) {
    let ([host, _], app, session) = two(database).await;
    (host, app, session)
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Refusal {
    result.expect_err("it was not refused").refusal().expect("a refusal").clone()
}

fn is_limited(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::TooManyAttempts { .. })
}

async fn sudo(host: &Host, session: NewSession<User>) -> sigra::Sudo<User> {
    host.auth.sudo(session.into_parts().0).await.unwrap()
}

async fn codes(host: &Host, sudo: &sigra::Sudo<User>) -> Vec<String> {
    host.auth.create_backup_codes(sudo, &client()).await.unwrap().iter().map(str::to_owned).collect()
}

/// Runs tasks that all wait at one gate, and gives what came of each.
async fn at_once<T, F>(tasks: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<F> = tasks.into_iter().collect();
    let gate = std::sync::Arc::new(tokio::sync::Barrier::new(tasks.len()));
    let running: Vec<_> = tasks
        .into_iter()
        .map(|task| {
            let gate = gate.clone();
            tokio::spawn(async move {
                gate.wait().await;
                task.await
            })
        })
        .collect();
    let mut results = Vec::new();
    for task in running {
        results.push(task.await.unwrap());
    }
    results
}

#[tokio::test]
async fn the_password_alone_opens_nothing_and_both_factors_open_a_session_that_says_so() {
    each_database(|database| async move {
        let (host, app, own) = one(database).await;
        assert_eq!(own.session().assurance().level(), Aal::Two);
        let challenge = host.challenge(ADA).await;
        assert!(challenge.token().expose().starts_with("sgp."));
        assert!(!host.is_live(challenge.token().expose()).await);
        assert_eq!(refusal(host.prove(&challenge, &app.wrong()).await), Refusal::InvalidCode);
        // By the number of its step: the next one may begin at any moment.
        let step = app.time(0) / 30;
        let session = host.prove(&challenge, &app.code_of(step)).await.unwrap();
        let assurance = session.session().assurance();
        assert_eq!((assurance.level(), assurance.is_phishing_resistant()), (Aal::Two, false));
        assert_eq!(assurance.first_factor().0, Factor::Password);
        assert_eq!(assurance.second_factor().unwrap().0, Factor::Totp);
        let read = host.auth.session(session.token().expose()).await.unwrap().unwrap();
        assert_eq!(read.assurance(), assurance);
        // The challenge is used up, and so is the code.
        assert_eq!(refusal(host.prove(&challenge, &app.code(1)).await), Refusal::InvalidToken);
        let next = host.challenge(ADA).await;
        assert_eq!(refusal(host.prove(&next, &app.code_of(step)).await), Refusal::InvalidCode);
        assert_eq!(
            refusal(host.prove(&next, &app.code_of(step - 1)).await),
            Refusal::InvalidCode,
            "older than the last"
        );
        // Later than that in any case.
        assert!(host.prove(&next, &app.code(1)).await.is_ok());
        let trail = host.trail().await;
        for row in [
            "session.password.sign_in refused second_factor_due",
            "session.second_factor.prove success -",
            "session.second_factor.prove refused wrong_code",
            "session.second_factor.prove refused invalid_token",
        ] {
            assert!(trail.iter().any(|one| one == row), "{row}: {trail:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_challenge_ends_after_ten_minutes_and_belongs_to_its_secret() {
    each_database(|database| async move {
        let (host, app, own) = one(database).await;
        let challenge = host.challenge(ADA).await;
        assert!(host.auth.pending_sign_in(challenge.token().expose()).await.unwrap().is_some());
        host.clock.advance(Duration::from_secs(10 * 60 + 1));
        assert!(host.auth.pending_sign_in(challenge.token().expose()).await.unwrap().is_none());
        assert_eq!(refusal(host.prove(&challenge, &app.code(0)).await), Refusal::InvalidToken);
        // A session's secret and another account's challenge open nothing.
        let session = own.token().expose();
        let result = host.auth.prove_second_factor(session, app.code(0).as_str(), &client()).await;
        assert_eq!(refusal(result), Refusal::InvalidToken);
        host.account("eve@example.com").await;
        let (_eves, _) = host.enrol("eve@example.com").await;
        let eves = host.challenge("eve@example.com").await;
        assert_eq!(refusal(host.prove(&eves, &app.code(0)).await), Refusal::InvalidCode, "another's code");
    })
    .await;
}

#[tokio::test]
async fn an_enrolment_counts_only_after_its_code_and_uses_the_code_up() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let session = sudo(&host, host.sign_in(ADA).await).await;
        let enrolment = host.auth.begin_totp(&session, " \u{202e}my\u{0} phone ", &client()).await.unwrap();
        let app = Authenticator::new(enrolment.uri(), host.clock.clone());
        assert_eq!(enrolment.secret().replace(' ', ""), app.secret);
        assert_eq!(app.secret.len(), 32, "160 bits");
        assert!(enrolment.qr_svg().starts_with("<svg "));
        assert!(!format!("{enrolment:?}").contains(&app.secret));
        // Nothing is asked for yet.
        let _ = host.sign_in(ADA).await;
        let confirm =
            async |code: String| host.auth.confirm_totp(&session, enrolment.id(), code, &client()).await;
        assert_eq!(refusal(confirm(app.wrong()).await), Refusal::InvalidCode);
        let _ = host.sign_in(ADA).await;
        let code = app.code(0);
        assert!(confirm(code.clone()).await.is_ok());
        assert_eq!(refusal(confirm(app.code(1)).await), Refusal::InvalidToken, "once");
        let challenge = host.challenge(ADA).await;
        assert_eq!(refusal(host.prove(&challenge, &code).await), Refusal::InvalidCode, "the step is used up");
        assert!(host.prove(&challenge, &app.code(1)).await.is_ok());
        let factors = host.auth.factors(&session).await.unwrap();
        assert_eq!((factors.len(), factors[0].name.as_str()), (1, "my phone"));
        assert!(factors[0].last_used_at.is_some());
        // What was not confirmed in time is void, and swept.
        host.clock.advance(Duration::from_mins(1));
        let challenge = host.challenge(ADA).await;
        let session = sudo(&host, host.prove(&challenge, &app.code(0)).await.unwrap()).await;
        let late = host.auth.begin_totp(&session, "", &client()).await.unwrap();
        let other = Authenticator::new(late.uri(), host.clock.clone());
        host.clock.advance(Duration::from_mins(10));
        let again = host.auth.begin_totp(&session, "", &client()).await.unwrap();
        let result = host.auth.confirm_totp(&session, late.id(), other.code(0), &client()).await;
        assert_eq!(refusal(result), Refusal::InvalidToken, "the newer one voided it");
        let other = Authenticator::new(again.uri(), host.clock.clone());
        host.clock.advance(Duration::from_secs(15 * 60 + 1));
        let challenge = host.challenge(ADA).await;
        let session = sudo(&host, host.prove(&challenge, &app.code(0)).await.unwrap()).await;
        let result = host.auth.confirm_totp(&session, again.id(), other.code(0), &client()).await;
        assert_eq!(refusal(result), Refusal::InvalidToken);
        assert_eq!(host.auth.sweep().await.unwrap().factors, 1);
        assert_eq!(database.count("sigra_factors", "1 = 1").await, 1);
    })
    .await;
}

#[tokio::test]
async fn whoever_has_half_of_an_account_adds_no_factor_to_it() {
    each_database(|database| async move {
        let (host, app, own) = one(database).await;
        // A browser that skips the factor is no proof of it.
        let challenge = host.challenge(ADA).await;
        let code = Code::new(app.code(0)).trust(true);
        let proved =
            host.auth.prove_second_factor(challenge.token().expose(), code, &client()).await.unwrap();
        let browser = client().with_device_token(proved.device_token().unwrap().expose());
        let trusted = match host.auth.sign_in(Credentials::new(ADA, PASSWORD), &browser).await.unwrap() {
            UserSignIn::Complete(session) => session,
            other => panic!("the browser is trusted: {other:?}"),
        };
        let assurance = trusted.session().assurance();
        assert!(assurance.is_from_trusted_browser() && assurance.level() == Aal::One);
        let live = |session: &NewSession<User>| session.token().expose().to_owned();
        let read = async |token: &str| host.auth.session(token).await.unwrap().unwrap();
        let result = host.auth.sudo(read(&live(&trusted)).await).await;
        assert_eq!(refusal(result), Refusal::SudoRequired { with_code: true });
        let session = read(&live(&trusted)).await;
        let result = host.auth.step_up_with_password(&session, PASSWORD, &browser).await;
        assert_eq!(refusal(result), Refusal::SudoRequired { with_code: true });
        let result = host.auth.change_password(&session, PASSWORD, OTHER_PASSWORD, &browser).await;
        assert_eq!(refusal(result), Refusal::SudoRequired { with_code: true });
        host.clock.advance(Duration::from_secs(30));
        let stepped = host.auth.step_up_with_code(&session, app.code(0).as_str(), &browser).await.unwrap();
        assert_eq!(stepped.session().id(), trusted.session().id());
        assert!(!host.is_live(&live(&trusted)).await, "it has another secret");
        assert_eq!(stepped.session().assurance().level(), Aal::Two);
        let _ = sudo(&host, stepped).await;

        // Sudo is looked at again in the transaction of the change.
        let held = sudo(&host, own).await;
        host.clock.advance(Duration::from_secs(15 * 60 + 1));
        let result = host.auth.begin_totp(&held, "", &client()).await;
        assert_eq!(refusal(result), Refusal::SudoRequired { with_code: false });
        let result = host.auth.create_backup_codes(&held, &client()).await;
        assert_eq!(refusal(result), Refusal::SudoRequired { with_code: false });
        let id = host.auth.factors(&held).await.unwrap()[0].id;
        let result = host.auth.remove_factor(&held, id, &client()).await;
        assert_eq!(refusal(result), Refusal::SudoRequired { with_code: false });
        let result = host.auth.step_up_with_password(&held, "a wrong password here", &client()).await;
        assert_eq!(refusal(result), Refusal::InvalidCredentials);
        let stepped = host.auth.step_up_with_password(&held, PASSWORD, &client()).await.unwrap();
        let held = sudo(&host, stepped).await;
        assert!(host.auth.begin_totp(&held, "", &client()).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn adding_and_removing_a_factor_ends_what_was_opened_with_less() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let (old, here) = (host.sign_in(ADA).await, host.sign_in(ADA).await);
        let before = here.token().expose().to_owned();
        let (app, here) = host.add_authenticator(here).await;
        assert!(!host.is_live(old.token().expose()).await, "a session from before the factor");
        assert!(!host.is_live(&before).await, "the secret from before");
        assert!(host.is_live(here.token().expose()).await);
        let there = host.sign_in_twice(ADA, &app).await;
        let (second, here) = host.add_authenticator(here).await;
        assert!(host.is_live(there.token().expose()).await, "it proved both factors");
        for app in [&app, &second] {
            let _ = host.sign_in_twice(ADA, app).await;
        }
        let held = sudo(&host, here).await;
        for _ in 0..3 {
            let enrolment = host.auth.begin_totp(&held, "", &client()).await.unwrap();
            let app = Authenticator::new(enrolment.uri(), host.clock.clone());
            let _ = host.auth.confirm_totp(&held, enrolment.id(), app.code(0), &client()).await.unwrap();
        }
        let result = host.auth.begin_totp(&held, "", &client()).await;
        assert_eq!(refusal(result), Refusal::TooManyFactors { most: 5 });
        let pending = host.challenge(ADA).await;
        let factors = host.auth.factors(&held).await.unwrap();
        let removed = host.auth.remove_factor(&held, factors[0].id, &client()).await.unwrap().unwrap();
        assert!(host.is_live(removed.token().expose()).await && host.is_live(there.token().expose()).await);
        assert_eq!(refusal(host.prove(&pending, &second.code(0)).await), Refusal::InvalidToken);
        assert!(host.auth.remove_factor(&held, factors[0].id, &client()).await.unwrap().is_none());
        let challenge = host.challenge(ADA).await;
        assert_eq!(refusal(host.prove(&challenge, &app.code(0)).await), Refusal::InvalidCode, "removed");
        assert!(host.prove(&challenge, &second.code(0)).await.is_ok());
        for factor in &factors[1..] {
            assert!(host.auth.remove_factor(&held, factor.id, &client()).await.unwrap().is_some());
        }
        let _ = host.sign_in(ADA).await;
    })
    .await;
}

#[tokio::test]
async fn backup_codes_are_good_once_and_typed_as_people_type() {
    each_database(|database| async move {
        let (host, app, own) = one(database.clone()).await;
        let held = sudo(&host, own).await;
        assert_eq!(host.auth.backup_codes_left(&held).await.unwrap(), 0);
        let first = codes(&host, &held).await;
        assert_eq!((first.len(), host.auth.backup_codes_left(&held).await.unwrap()), (10, 10));
        let challenge = host.challenge(ADA).await;
        let sloppy =
            format!(" {} ", first[0].to_lowercase().replace('0', "o").replace('1', "l").replace('-', " "));
        let session = host.prove(&challenge, &sloppy).await.unwrap();
        let assurance = session.session().assurance();
        assert_eq!((assurance.second_factor().unwrap().0, assurance.level()), (Factor::BackupCode, Aal::Two));
        let challenge = host.challenge(ADA).await;
        assert_eq!(refusal(host.prove(&challenge, &first[0]).await), Refusal::InvalidCode);
        for (number, code) in first[1..].iter().enumerate() {
            let challenge = host.challenge(ADA).await;
            assert!(host.prove(&challenge, code).await.is_ok());
            host.deliver().await;
            let Message::BackupCodeUsed { left, few, .. } = host.mailbox.last().unwrap().message else {
                panic!("no notice")
            };
            let expected = u64::try_from(8 - number).unwrap();
            assert_eq!((left, few), (expected, expected <= 3));
        }
        assert_eq!(host.auth.backup_codes_left(&held).await.unwrap(), 0);
        // A new set voids the old one, and ends no session.
        let old = codes(&host, &held).await;
        let new = codes(&host, &held).await;
        assert!(host.is_live(session.token().expose()).await);
        let challenge = host.challenge(ADA).await;
        assert_eq!(refusal(host.prove(&challenge, &old[0]).await), Refusal::InvalidCode);
        assert!(host.prove(&challenge, &new[0]).await.is_ok());
        // Another's code is nothing here.
        host.account("eve@example.com").await;
        let (_, eve) = host.enrol("eve@example.com").await;
        let eves = codes(&host, &sudo(&host, eve).await).await;
        let challenge = host.challenge(ADA).await;
        assert_eq!(refusal(host.prove(&challenge, &eves[0]).await), Refusal::InvalidCode);
        assert!(host.prove(&challenge, &app.code(0)).await.is_ok());
        // Without a factor there is nothing for a code to stand in for.
        host.account("none@example.com").await;
        let held = sudo(&host, host.sign_in("none@example.com").await).await;
        assert_eq!(refusal(host.auth.create_backup_codes(&held, &client()).await), Refusal::NoFactor);
    })
    .await;
}

/// Exactly one of many succeeded.
fn assert_one<T>(results: &[Result<T, Error>], what: &str) {
    let good = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(good, 1, "{what}");
    for result in results {
        if let Err(error) = result {
            assert!(error.refusal().is_some(), "{what}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_uses_at_once_on_two_nodes_one_succeeds() {
    each_database(|database| async move {
        let (hosts, app, own) = two(database).await;
        let uses = async |challenges: Vec<String>, code: String| {
            at_once(challenges.into_iter().enumerate().map(|(number, challenge)| {
                let auth: Sigra<User> = hosts[number % 2].auth.clone();
                let code = code.clone();
                // From a network each: one that comes with what is used already is soon refused for that.
                let who = client_of_network(u32::try_from(number).unwrap());
                async move { auth.prove_second_factor(&challenge, code, &who).await }
            }))
            .await
        };
        let text = |challenge: SecondFactor| challenge.token().expose().to_owned();
        let many = async || {
            let mut challenges = Vec::new();
            for _ in 0..64 {
                challenges.push(text(hosts[0].challenge(ADA).await));
            }
            challenges
        };
        let backup = codes(&hosts[0], &sudo(&hosts[0], own).await).await;

        // One challenge: one answer is taken, and no other is held against its owner.
        let challenge = text(hosts[0].challenge(ADA).await);
        let results = uses(vec![challenge; 64], app.code(0)).await;
        assert_one(&results, "one challenge");
        let refused: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        assert!(refused.iter().all(|error| error.refusal() == Some(&Refusal::InvalidToken)), "{refused:?}");

        // One code, each in a sign-in of its own.
        hosts[0].clock.advance(Duration::from_mins(1));
        assert_one(&uses(many().await, app.code(0)).await, "one code of an app");
        // A hundred right passwords are taken within an hour.
        hosts[0].clock.advance(Duration::from_mins(61));
        assert_one(&uses(many().await, backup[0].clone()).await, "one backup code");
    })
    .await;
}

#[tokio::test]
async fn six_wrong_codes_on_two_nodes_over_both_kinds_are_one_too_many() {
    each_database(|database| async move {
        let (hosts, app, own) = two(database.clone()).await;
        let known = client().with_device_token(own.device_token().unwrap().expose());
        let backup = codes(&hosts[0], &sudo(&hosts[0], own).await).await;
        let wrong = [app.wrong(), "0000-0000-0000-0000-0000-0000".into(), "not even a code".into()];
        for number in 0..6 {
            // A challenge of its own each time: what is counted is the account.
            let host = &hosts[number % 2];
            let refusal = refusal(host.prove(&host.challenge(ADA).await, &wrong[number % 3]).await);
            if number < 5 {
                assert_eq!(refusal, Refusal::InvalidCode, "{number}");
            } else {
                assert!(is_limited(&refusal), "{refusal:?}");
            }
        }
        // Neither kind, nor a process that starts anew, nor a fresh challenge helps.
        let restarted = beside(&hosts[0], &database).await;
        for code in [app.code(0), backup[0].clone()] {
            let challenge = restarted.challenge(ADA).await;
            assert!(is_limited(&refusal(restarted.prove(&challenge, &code).await)));
        }
        hosts[0].deliver().await;
        let told = hosts[0].mailbox.all();
        let told = told.iter().filter(|mail| matches!(mail.message, Message::SecondFactorGuessed { .. }));
        assert_eq!(told.count(), 1, "its owner learns that somebody knows the password");
        // Where its owner has proved a factor before, the account is not shut.
        let challenge = hosts[1].challenge(ADA).await;
        let result =
            hosts[1].auth.prove_second_factor(challenge.token().expose(), app.code(0).as_str(), &known).await;
        assert!(result.is_ok(), "{result:?}");

        // The wait doubles, and ends.
        hosts[0].clock.advance(Duration::from_secs(15 * 60 + 1));
        for _ in 0..5 {
            let challenge = hosts[0].challenge(ADA).await;
            assert_eq!(refusal(hosts[0].prove(&challenge, &app.wrong()).await), Refusal::InvalidCode);
        }
        hosts[0].clock.advance(Duration::from_secs(15 * 60 + 1));
        let challenge = hosts[0].challenge(ADA).await;
        assert!(is_limited(&refusal(hosts[0].prove(&challenge, &app.code(0)).await)));
        hosts[0].clock.advance(Duration::from_secs(15 * 60 + 1));
        let challenge = hosts[0].challenge(ADA).await;
        assert!(hosts[0].prove(&challenge, &backup[1]).await.is_ok(), "recovery works as the policy says");
    })
    .await;
}

#[tokio::test]
async fn after_a_hundred_wrong_codes_none_is_looked_at_until_the_password_is_another() {
    each_database(|database| async move {
        let (host, app, _) = one(database.clone()).await;
        database.run("UPDATE sigra_accounts SET factor_failures = 95").await;
        let challenge = host.challenge(ADA).await;
        assert_eq!(refusal(host.prove(&challenge, &app.code(0)).await), Refusal::InvalidCode);
        assert!(host.trail().await.contains(&"session.second_factor.prove refused factor_shut".to_owned()));
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        host.deliver().await;
        let token = token_in(&host.mailbox.all().pop().unwrap(), "/reset/");
        let _ = host.auth.reset_password(&token, OTHER_PASSWORD, &client()).await.unwrap();
        // The mailbox is no second factor.
        let Ok(UserSignIn::SecondFactor(challenge)) = host.try_sign_in(ADA, OTHER_PASSWORD).await else {
            panic!("the second factor is still due")
        };
        assert!(host.prove(&challenge, &app.code(0)).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn the_factors_and_codes_of_an_account_change_twenty_times_an_hour_and_floods_are_counted() {
    each_database(|database| async move {
        // Its owner has begun and confirmed one already.
        let (host, app, own) = one(database.clone()).await;
        let held = sudo(&host, own).await;
        let id = host.auth.factors(&held).await.unwrap()[0].id;
        let mut enrolment = None;
        for number in 0..18 {
            match number % 4 {
                0 => drop(host.auth.create_backup_codes(&held, &client()).await.unwrap()),
                1 => enrolment = Some(host.auth.begin_totp(&held, "", &client()).await.unwrap().id()),
                2 => {
                    let result =
                        host.auth.confirm_totp(&held, enrolment.unwrap(), "no code", &client()).await;
                    assert_eq!(refusal(result), Refusal::InvalidCode);
                }
                _ => {
                    let nobodys = uuid::Uuid::nil().to_string().parse().unwrap();
                    assert!(host.auth.remove_factor(&held, nobodys, &client()).await.unwrap().is_none());
                }
            }
        }
        let (mails, codes) =
            (database.count("sigra_outbox", "1 = 1").await, host.auth.backup_codes_left(&held).await);
        let limited = [
            host.auth.create_backup_codes(&held, &client()).await.map(drop),
            host.auth.begin_totp(&held, "", &client()).await.map(drop),
            host.auth.confirm_totp(&held, enrolment.unwrap(), "no code", &client()).await.map(drop),
            host.auth.remove_factor(&held, id, &client()).await.map(drop),
        ];
        for result in limited {
            assert!(is_limited(&refusal(result)));
        }
        for _ in 0..119 {
            assert!(is_limited(&refusal(host.auth.begin_totp(&held, "", &client()).await)));
        }
        assert_eq!(database.count("sigra_outbox", "1 = 1").await, mails);
        assert_eq!(host.auth.backup_codes_left(&held).await.unwrap(), codes.unwrap());
        assert_eq!(host.auth.factors(&held).await.unwrap().len(), 1);
        let rows = async |row: &str| host.trail().await.iter().filter(|one| *one == row).count();
        assert_eq!(rows("account.factor.begin refused change_limit").await, 100);
        assert_eq!(database.count("sigra_audit_counts", "1 = 1").await, 1);

        // So is what the limit of codes refuses to whoever is signed in.
        for _ in 0..5 {
            assert!(host.auth.step_up_with_code(&held, "no code", &client()).await.is_err());
        }
        for _ in 0..120 {
            let result = host.auth.step_up_with_code(&held, "no code", &client()).await;
            assert!(is_limited(&refusal(result)));
        }
        assert_eq!(rows("session.own.step_up refused factor_limit").await, 100);
        assert_eq!(database.count("sigra_audit_counts", "1 = 1").await, 2);
        host.clock.advance(Duration::from_mins(61));
        let held = sudo(&host, host.sign_in_twice(ADA, &app).await).await;
        assert!(host.auth.create_backup_codes(&held, &client()).await.is_ok(), "an hour later");
    })
    .await;
}

#[tokio::test]
async fn whoever_has_the_mailbox_alone_does_not_guess_on_and_on_at_the_second_factor() {
    each_database(|database| async move {
        let (host, app, _) = one(database.clone()).await;
        let passwords = std::cell::Cell::new(0);
        let password = || format!("{PASSWORD} {}", passwords.get());
        let reset = async || {
            passwords.set(passwords.get() + 1);
            host.auth.request_password_reset(ADA, &client()).await.unwrap();
            let token = host.token_of("/reset/").await;
            let _ = host.auth.reset_password(&token, password(), &client()).await.unwrap();
        };
        let prove = async |code: &str| {
            let Ok(UserSignIn::SecondFactor(challenge)) = host.try_sign_in(ADA, &password()).await else {
                panic!("the second factor is due")
            };
            host.prove(&challenge, code).await
        };
        let guess_to_the_limit = async || {
            for _ in 0..5 {
                assert_eq!(refusal(prove(&app.wrong()).await), Refusal::InvalidCode);
            }
            assert!(is_limited(&refusal(prove(&app.wrong()).await)));
        };
        reset().await;
        guess_to_the_limit().await;
        // Once it ends the wait, as for an owner whose password somebody knew.
        reset().await;
        guess_to_the_limit().await;
        for _ in 0..2 {
            reset().await;
            assert!(is_limited(&refusal(prove(&app.code(0)).await)), "within a day it ends no other");
        }
        assert_eq!(database.count("sigra_accounts", "factor_failures = 10").await, 1);
        // A day later it does so again, and forgets none of what was counted in a row.
        host.clock.advance(Duration::from_hours(24));
        database.run("UPDATE sigra_accounts SET factor_failures = 95").await;
        assert_eq!(refusal(prove(&app.code(0)).await), Refusal::InvalidCode, "it is not looked at");
        reset().await;
        assert_eq!(database.count("sigra_accounts", "factor_failures = 90").await, 1);
        guess_to_the_limit().await;
        reset().await;
        host.clock.advance(Duration::from_mins(16));
        assert_eq!(refusal(prove(&app.code(0)).await), Refusal::InvalidCode, "the hundred is used up");
        host.clock.advance(Duration::from_hours(24));
        reset().await;
        assert!(prove(&app.code(0)).await.is_ok());
        assert_eq!(database.count("sigra_accounts", "factor_failures = 0").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_reset_lets_the_owner_try_a_code_also_after_one_was_right_in_a_known_browser() {
    each_database(|database| async move {
        // A row of wrong codes that armed the wait, and one that is one short of it.
        for wrong in [5, 4] {
            let (host, app, own) = one(Database::create(database.kind()).await).await;
            for _ in 0..wrong {
                let challenge = host.challenge(ADA).await;
                assert_eq!(refusal(host.prove(&challenge, &app.wrong()).await), Refusal::InvalidCode);
            }
            let known = client().with_device_token(own.device_token().unwrap().expose());
            let challenge = host.challenge(ADA).await;
            let token = challenge.token().expose();
            let _ = host.auth.prove_second_factor(token, app.code(0), &known).await.unwrap();
            host.clock.advance(Duration::from_secs(30));
            assert_eq!(host.database.count("sigra_accounts", "factor_failures = 0").await, 1);

            host.auth.request_password_reset(ADA, &client()).await.unwrap();
            let token = host.token_of("/reset/").await;
            let _ = host.auth.reset_password(&token, OTHER_PASSWORD, &client()).await.unwrap();
            // No browser is known any more. Five codes are tried, and the fifth may be right.
            let prove = async |code: &str| {
                let Ok(UserSignIn::SecondFactor(challenge)) = host.try_sign_in(ADA, OTHER_PASSWORD).await
                else {
                    panic!("the second factor is due")
                };
                host.prove(&challenge, code).await
            };
            for _ in 0..4 {
                assert_eq!(refusal(prove(&app.wrong()).await), Refusal::InvalidCode, "after {wrong}");
            }
            assert!(prove(&app.code(0)).await.is_ok());
        }
    })
    .await;
}

#[tokio::test]
async fn an_owners_browser_whose_attempts_are_used_up_is_a_strangers() {
    each_database(|database| async move {
        let (host, app, own) = one(database).await;
        let known = client().with_device_token(own.device_token().unwrap().expose());
        for _ in 0..5 {
            let challenge = host.challenge(ADA).await;
            let result = host.auth.prove_second_factor(challenge.token().expose(), app.wrong(), &known).await;
            assert_eq!(refusal(result), Refusal::InvalidCode);
        }
        // From now on it is counted with all others.
        for _ in 0..5 {
            let challenge = host.challenge(ADA).await;
            let result = host.auth.prove_second_factor(challenge.token().expose(), app.wrong(), &known).await;
            assert_eq!(refusal(result), Refusal::InvalidCode);
        }
        let challenge = host.challenge(ADA).await;
        let result = host.auth.prove_second_factor(challenge.token().expose(), app.code(0), &known).await;
        assert!(is_limited(&refusal(result)));
    })
    .await;
}

#[tokio::test]
async fn wrong_passwords_and_wrong_codes_of_an_owners_browser_are_counted_apart() {
    each_database(|database| async move {
        let (host, app, own) = one(database).await;
        let home = client().with_device_token(own.device_token().unwrap().expose());
        let password = async |typed: &str| host.auth.sign_in(Credentials::new(ADA, typed), &home).await;
        let code = async |typed: &str| {
            let Ok(UserSignIn::SecondFactor(challenge)) = password(PASSWORD).await else {
                panic!("the browser is not known")
            };
            host.auth.prove_second_factor(challenge.token().expose(), typed, &home).await
        };
        let is_known = async || host.database.count("sigra_devices", "second_at IS NOT NULL").await == 1;
        for _ in 0..9 {
            assert_eq!(refusal(password("a wrong password here").await), Refusal::InvalidCredentials);
        }
        for _ in 0..4 {
            assert_eq!(refusal(code(&app.wrong()).await), Refusal::InvalidCode);
        }
        assert!(is_known().await, "nine passwords and four codes");
        // A right code ends the row of wrong ones, and both together that of wrong passwords.
        let _ = code(&app.code(0)).await.unwrap();
        host.clock.advance(Duration::from_secs(30));
        for _ in 0..4 {
            assert_eq!(refusal(code(&app.wrong()).await), Refusal::InvalidCode);
        }
        assert!(is_known().await, "four codes in a row");
        // The right password alone does not: whoever knows that has five codes.
        assert_eq!(refusal(code(&app.wrong()).await), Refusal::InvalidCode);
        assert!(!is_known().await, "five codes in a row");
    })
    .await;
}

#[tokio::test]
async fn a_browser_that_only_the_mailbox_made_known_has_no_attempts_of_its_own() {
    each_database(|database| async move {
        let (host, app, _) = one(database).await;
        host.auth.request_unlock(ADA, &client()).await.unwrap();
        host.deliver().await;
        let token = token_in(&host.mailbox.last().unwrap(), "/unlock/");
        let recovered = host.auth.unlock_by_link(&token, &client()).await.unwrap();
        let known = client().with_device_token(recovered.device_token().unwrap().expose());
        for _ in 0..5 {
            let challenge = host.challenge(ADA).await;
            assert_eq!(refusal(host.prove(&challenge, &app.wrong()).await), Refusal::InvalidCode);
        }
        let challenge = host.challenge(ADA).await;
        let result = host.auth.prove_second_factor(challenge.token().expose(), app.code(0), &known).await;
        assert!(is_limited(&refusal(result)));
    })
    .await;
}

#[tokio::test]
async fn a_trusted_browser_is_one_users_for_a_while_and_listed() {
    each_database(|database| async move {
        let (host, app, own) = one(database).await;
        let trust = async |client: &Client| {
            let challenge = host.challenge(ADA).await;
            let code = Code::new(app.code(0)).trust(true);
            let session =
                host.auth.prove_second_factor(challenge.token().expose(), code, client).await.unwrap();
            host.clock.advance(Duration::from_secs(30));
            client.clone().with_device_token(session.device_token().unwrap().expose())
        };
        let skips = async |client: &Client| {
            let credentials = Credentials::new(ADA, PASSWORD);
            match host.auth.sign_in(credentials, client).await.unwrap() {
                UserSignIn::Complete(_) => true,
                UserSignIn::SecondFactor(_) => false,
                other => panic!("{other:?}"),
            }
        };
        let (one, two) = (trust(&client()).await, trust(&client_number(2)).await);
        assert!(skips(&one).await && skips(&two).await && !skips(&client()).await);
        let listed = host.auth.trusted_browsers(own.session(), &one).await.unwrap();
        assert_eq!(listed.len(), 2);
        assert_eq!(listed.iter().filter(|browser| browser.current).count(), 1);
        // A stranger's id names nothing here, and another account's browser skips nothing.
        host.account("eve@example.com").await;
        let (_, eve) = host.enrol("eve@example.com").await;
        let hers = host.auth.revoke_trusted_browser(eve.session(), listed[0].id, &client()).await.unwrap();
        assert!(!hers);
        let credentials = Credentials::new("eve@example.com", PASSWORD);
        assert!(matches!(host.auth.sign_in(credentials, &one).await, Ok(UserSignIn::SecondFactor(_))));
        let current = listed.iter().find(|browser| browser.current).unwrap().id;
        assert!(host.auth.revoke_trusted_browser(own.session(), current, &client()).await.unwrap());
        assert!(!skips(&one).await && skips(&two).await);
        assert_eq!(host.auth.revoke_trusted_browsers(own.session(), &client()).await.unwrap(), 1);
        assert!(!skips(&two).await);
        // It ends by itself.
        let three = trust(&client_number(3)).await;
        host.clock.advance(Duration::from_hours(30 * 24 - 1));
        assert!(skips(&three).await);
        host.clock.advance(Duration::from_hours(1));
        assert!(!skips(&three).await);
        // And with the password.
        let four = trust(&client_number(4)).await;
        let session = host.sign_in_twice(ADA, &app).await;
        let changed =
            host.auth.change_password(session.session(), PASSWORD, OTHER_PASSWORD, &client()).await.unwrap();
        assert_eq!(changed.session().assurance().level(), Aal::Two, "it carries on what was proved");
        let result = host.auth.sign_in(Credentials::new(ADA, OTHER_PASSWORD), &four).await;
        assert!(matches!(result, Ok(UserSignIn::SecondFactor(_))));
    })
    .await;
}

#[tokio::test]
async fn this_was_not_me_undoes_each_change_once_and_ends_everything() {
    each_database(|database| async move {
        let (host, app, own) = one(database).await;
        let newest = async |path: &str| {
            host.deliver().await;
            let mails = host.mailbox.all();
            let mail = mails.iter().rfind(|mail| mail.text.contains(path)).expect("a mail");
            token_in(mail, path)
        };
        let renew = async || {
            // Others may know the password, so it is replaced.
            let result = host.try_sign_in(ADA, PASSWORD).await.unwrap();
            assert!(matches!(result, UserSignIn::MustChangePassword(_)), "{result:?}");
            let reset = newest("/reset/").await;
            let _ = host.auth.reset_password(&reset, OTHER_PASSWORD, &client()).await.unwrap();
            // And once more, by choice: the rest of the test knows one password.
            host.auth.request_password_reset(ADA, &client()).await.unwrap();
            let reset = newest("/reset/").await;
            let _ = host.auth.reset_password(&reset, PASSWORD, &client()).await.unwrap();
        };
        let disown = async |token: &str| host.auth.disown(token, &client()).await;

        // What was added is removed.
        let first = newest("/disown/").await;
        let (attackers, there) = host.add_authenticator(own).await;
        let link = newest("/disown/").await;
        assert_ne!(first, link);
        let _ = disown(&link).await.unwrap();
        assert!(!host.is_live(there.token().expose()).await);
        assert_eq!(refusal(disown(&link).await), Refusal::InvalidToken, "once");
        renew().await;
        let challenge = host.challenge(ADA).await;
        assert_eq!(refusal(host.prove(&challenge, &attackers.code(0)).await), Refusal::InvalidCode);
        let session = host.prove(&challenge, &app.code(0)).await.unwrap();
        host.clock.advance(Duration::from_mins(1));

        // What was removed is restored.
        let held = sudo(&host, session).await;
        let id = host.auth.factors(&held).await.unwrap()[0].id;
        let _ = host.auth.remove_factor(&held, id, &client()).await.unwrap().unwrap();
        let link = newest("/disown/").await;
        let _ = disown(&link).await.unwrap();
        renew().await;
        let session = host.sign_in_twice(ADA, &app).await;

        // Codes that were made are void.
        let held = sudo(&host, session).await;
        let codes = codes(&host, &held).await;
        let _ = disown(&newest("/disown/").await).await.unwrap();
        renew().await;
        let challenge = host.challenge(ADA).await;
        assert_eq!(refusal(host.prove(&challenge, &codes[0]).await), Refusal::InvalidCode);

        // A recovery is stopped.
        let id = held.user().id;
        assert!(host.auth.begin_recovery("root", &id, &client()).await.unwrap().is_some());
        let _ = disown(&newest("/disown/").await).await.unwrap();
        host.clock.advance(Duration::from_hours(25));
        assert!(!host.auth.finish_recovery("root", &id, &client()).await.unwrap());
        renew().await;
        let _ = host.challenge(ADA).await;
        // The very first one is still about its own change, a day later and after all of this; a week later it is not.
        host.clock.advance(Duration::from_hours(7 * 24));
        assert_eq!(refusal(disown(&first).await), Refusal::InvalidToken);
    })
    .await;
}

#[tokio::test]
async fn an_assisted_recovery_takes_its_time_and_then_everything() {
    each_database(|database| async move {
        let (host, app, own) = one(database.clone()).await;
        let id = own.user().id;
        let held = sudo(&host, own).await;
        let codes = codes(&host, &held).await;
        assert!(!host.auth.finish_recovery("root", &id, &client()).await.unwrap());
        let until = host.auth.begin_recovery("root", &id, &client()).await.unwrap();
        assert!(until.is_some());
        assert!(host.auth.begin_recovery("root", &id, &client()).await.unwrap().is_none(), "it runs already");
        let result = host.auth.finish_recovery("root", &id, &client()).await;
        assert!(matches!(refusal(result), Refusal::TooEarly { .. }));
        let session = host.sign_in_twice(ADA, &app).await;
        host.clock.advance(Duration::from_hours(24));
        assert!(host.auth.finish_recovery("root", &id, &client()).await.unwrap());
        assert!(!host.is_live(session.token().expose()).await);
        host.deliver().await;
        assert!(matches!(host.mailbox.last().unwrap().message, Message::RecoveryFinished { .. }));
        assert_eq!(database.count("sigra_backup_codes", "1 = 1").await, 0);
        assert_eq!(database.count("sigra_factors", "1 = 1").await, 0);
        let _ = host.sign_in(ADA).await;
        drop(codes);
        let nobody = uuid::Uuid::now_v7();
        assert!(host.auth.begin_recovery("root", &nobody, &client()).await.unwrap().is_none());
        assert!(!host.auth.cancel_recovery("root", &id, &client()).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_recovery_that_nobody_finishes_is_over_and_begins_anew_with_another_notice() {
    each_database(|database| async move {
        let (host, app, own) = one(database).await;
        let id = own.user().id;
        let begin = async || host.auth.begin_recovery("root", &id, &client()).await.unwrap();
        let finish = async || host.auth.finish_recovery("root", &id, &client()).await.unwrap();
        let notices = async || {
            host.deliver().await;
            let mails = host.mailbox.all().into_iter();
            mails.filter(|mail| matches!(mail.message, Message::RecoveryBegun { .. })).collect::<Vec<_>>()
        };
        assert!(begin().await.is_some());
        let Message::RecoveryBegun { within, .. } = notices().await[0].message else { panic!("no notice") };
        assert_eq!(within, Duration::from_hours(8 * 24), "as long as it may be finished");
        host.clock.advance(Duration::from_hours(8 * 24 - 1));
        assert!(begin().await.is_none(), "it runs");
        // Months later nobody expects it any more.
        host.clock.advance(Duration::from_hours(1));
        assert!(!finish().await);
        let _ = host.sign_in_twice(ADA, &app).await;
        assert!(begin().await.is_some());
        assert_eq!(notices().await.len(), 2);
        let result = host.auth.finish_recovery("root", &id, &client()).await;
        assert!(matches!(refusal(result), Refusal::TooEarly { .. }), "and takes its time again");
        // Its link stops it on the very last day.
        host.clock.advance(Duration::from_hours(8 * 24 - 1));
        let link = token_in(notices().await.last().unwrap(), "/disown/");
        let _ = host.auth.disown(&link, &client()).await.unwrap();
        assert!(!finish().await);
    })
    .await;
}

#[tokio::test]
async fn the_mailbox_alone_takes_no_second_factor_off_an_account_that_had_another() {
    each_database(|database| async move {
        for removed_first in [false, true] {
            let database =
                if removed_first { Database::create(database.kind()).await } else { database.clone() };
            let (host, old, own) = one(database).await;
            let first = host.auth.factors(own.session()).await.unwrap()[0].id;
            let remove = async |session: NewSession<User>| {
                let held = sudo(&host, session).await;
                host.auth.remove_factor(&held, first, &client()).await.unwrap().unwrap()
            };
            // A new phone: the other authenticator comes, and the old one goes, in either order.
            let new = if removed_first {
                host.add_authenticator(remove(own).await).await.0
            } else {
                let (new, session) = host.add_authenticator(own).await;
                let _ = remove(session).await;
                new
            };
            host.deliver().await;
            let mails = host.mailbox.all();
            let added =
                mails.iter().rfind(|mail| matches!(mail.message, Message::FactorAdded { .. })).unwrap();
            let _ = host.auth.disown(&token_in(added, "/disown/"), &client()).await.unwrap();
            host.deliver().await;
            let reset = token_in(&host.mailbox.last().unwrap(), "/reset/");
            let _ = host.auth.reset_password(&reset, OTHER_PASSWORD, &client()).await.unwrap();
            let Ok(UserSignIn::SecondFactor(challenge)) = host.try_sign_in(ADA, OTHER_PASSWORD).await else {
                panic!("the second factor is due")
            };
            assert_eq!(refusal(host.prove(&challenge, &new.code(0)).await), Refusal::InvalidCode, "undone");
            assert!(host.prove(&challenge, &old.code(0)).await.is_ok(), "restored");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_that_change_factors_at_once_are_both_heard() {
    each_database(|database| async move {
        let (hosts, app, own) = two(database).await;
        for _ in 0..6 {
            // So many changes are too many for an hour.
            hosts[0].clock.advance(Duration::from_mins(50));
            let (other, _) = hosts[0].add_authenticator(hosts[0].sign_in_twice(ADA, &app).await).await;
            let (third, _) = hosts[0].add_authenticator(hosts[0].sign_in_twice(ADA, &app).await).await;
            let factors = hosts[0].auth.factors(own.session()).await.unwrap();
            let mut tabs = Vec::new();
            for (number, app) in [&other, &third].into_iter().enumerate() {
                let held = sudo(&hosts[0], hosts[0].sign_in_twice(ADA, app).await).await;
                let (auth, id) = (hosts[number].auth.clone(), factors[number + 1].id);
                tabs.push(async move { auth.remove_factor(&held, id, &client()).await });
            }
            for result in at_once(tabs).await {
                assert!(result.unwrap().is_some(), "its session goes on in the new epoch");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn both_steps_of_a_sign_in_name_their_challenge_in_the_trail() {
    each_database(|database| async move {
        let (host, app, _) = one(database.clone()).await;
        let (first, second) = (host.challenge(ADA).await, host.challenge(ADA).await);
        assert_eq!(refusal(host.prove(&second, &app.wrong()).await), Refusal::InvalidCode);
        assert!(host.prove(&second, &app.code(0)).await.is_ok());
        drop(first);
        let steps = "(event = 'session.password.sign_in' AND reason = 'second_factor_due') \
                     OR event = 'session.second_factor.prove'";
        let sql = format!("SELECT details FROM sigra_audit WHERE {steps} ORDER BY at, id");
        let details = database.texts(&sql).await;
        assert_eq!(details.len(), 4);
        assert!(
            details.iter().all(|one| one.starts_with("{\"challenge\":\"") && one.len() == 52),
            "{details:?}"
        );
        assert_ne!(details[0], details[1]);
        assert!(details[1] == details[2] && details[1] == details[3]);
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_that_ends_sessions_names_its_challenge_all_the_same() {
    each_database(|database| async move {
        let (host, app, _) = one(database.clone()).await;
        let columns: Vec<String> = database
            .columns()
            .await
            .into_iter()
            .filter(|(table, ..)| table == "sigra_sessions")
            .map(|(_, column, _)| column)
            .collect();
        let [id, hash] = match database.kind() {
            Kind::Sqlite => ["randomblob(16)", "randomblob(32)"],
            Kind::Postgres => ["gen_random_uuid()", "decode(md5(random()::text), 'hex')"],
            Kind::MySql => ["RANDOM_BYTES(16)", "RANDOM_BYTES(32)"],
        };
        let value = |column: &String| match column.as_str() {
            "id" => id.to_owned(),
            "token_hash" => hash.to_owned(),
            other => other.to_owned(),
        };
        let values: Vec<String> = columns.iter().map(value).collect();
        let double = format!(
            "INSERT INTO sigra_sessions ({}) SELECT {} FROM sigra_sessions",
            columns.join(", "),
            values.join(", ")
        );
        while database.count("sigra_sessions", "1 = 1").await < 100 {
            database.run(&double).await;
        }
        let _ = host.sign_in_twice(ADA, &app).await;
        let proved = "event = 'session.second_factor.prove' AND outcome = 'success'";
        let details = database.texts(&format!("SELECT details FROM sigra_audit WHERE {proved}")).await;
        let [details] = &details[..] else { panic!("{details:?}") };
        let details: serde_json::Value = serde_json::from_str(details).unwrap();
        assert!(
            details["challenge"].is_string() && details["sessions_ended"].as_u64() > Some(0),
            "{details}"
        );
        assert_eq!(database.count("sigra_sessions", "1 = 1").await, 100);
    })
    .await;
}

/// Keys of the tests, newest first.
const NEW_KEYS: &str =
    "k2:bmV3LWtleS1uZXcta2V5LW5ldy1rZXktbmV3LWtleS0, k1:dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktdGVzdC0";
const ONLY_NEW: &str = "k2:bmV3LWtleS1uZXcta2V5LW5ldy1rZXktbmV3LWtleS0";

#[tokio::test]
async fn authenticators_outlive_a_rotation_of_the_keys() {
    each_database(|database| async move {
        let (host, app, own) = one(database.clone()).await;
        let backup = codes(&host, &sudo(&host, own).await).await;
        let start = async |keys: &str| {
            let keyring = sigra::Keyring::parse(keys).unwrap();
            Sigra::<User>::builder()
                .url(database.url())
                .clock(host.clock.clone())
                .keyring(keyring)
                .build()
                .await
        };
        let with = async |keys: &str| host.beside(start(keys).await.unwrap());
        let rotated = with(NEW_KEYS).await;
        let challenge = rotated.challenge(ADA).await;
        assert!(rotated.prove(&challenge, &backup[0]).await.is_ok(), "a backup code under the old key");
        let _ = rotated.sign_in_twice(ADA, &app).await;
        // Its use sealed the seed under the new key. The codes that are left can only be made anew.
        let error = start(ONLY_NEW).await.expect_err("backup codes need the old key");
        let Error::Failed(Failure::Keys(error)) = error else { panic!("{error}") };
        assert!(
            matches!(&error, KeyringError::StillNeeded { id, factors: 0, backup_codes: 9, .. } if id == "k1"),
            "{error}"
        );
        let session = rotated.sign_in_twice(ADA, &app).await;
        let again = codes(&rotated, &sudo(&rotated, session).await).await;
        let error = start(ONLY_NEW).await.expect_err("sessions and devices still need it");
        assert!(error.to_string().contains("0 second factors and 0 backup codes"), "{error}");
        // What else is under it ends on purpose.
        database.run("DELETE FROM sigra_keys WHERE kind = 'key' AND id = 'k1'").await;
        let alone = with(ONLY_NEW).await;
        let _ = alone.sign_in_twice(ADA, &app).await;
        let challenge = alone.challenge(ADA).await;
        assert!(alone.prove(&challenge, &again[0]).await.is_ok());
        // A ring that lacks the key takes no code, and counts each.
        let error = start(sigra_tests::host::KEYS).await.expect_err("everything is under the other key");
        assert!(error.to_string().contains("`k2`"), "{error}");
        database.run("DELETE FROM sigra_keys WHERE kind = 'key'").await;
        let lost = with(sigra_tests::host::KEYS).await;
        for _ in 0..5 {
            let challenge = lost.challenge(ADA).await;
            assert_eq!(refusal(lost.prove(&challenge, &app.code(0)).await), Refusal::InvalidCode);
        }
        let challenge = lost.challenge(ADA).await;
        assert!(is_limited(&refusal(lost.prove(&challenge, &app.code(0)).await)));
    })
    .await;
}

/// What another program says the code is at a time; `None` where it is not installed.
fn other_program(name: &str, secret: &str, time: i64) -> Option<String> {
    let output = match name {
        "oathtool" => Command::new("oathtool")
            .args(["--totp", "--base32", "--now", &format!("@{time}"), secret])
            .output()
            .ok()?,
        _ => Command::new("python3")
            .args(["-c", "import pyotp, sys; print(pyotp.TOTP(sys.argv[1]).at(int(sys.argv[2])))"])
            .args([secret, &time.to_string()])
            .output()
            .ok()?,
    };
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[tokio::test]
async fn codes_of_other_programs_are_good_for_one_step_before_and_after() {
    each_database(|database| async move {
        let (host, app, _) = one(database).await;
        for name in ["oathtool", "pyotp"] {
            let Some(code) = other_program(name, &app.secret, app.time(0)) else {
                // Past the test runner's capture: whoever runs the tests should see it.
                let line = format!("not covered by this run: codes of {name}, which is not installed\n");
                let _ = std::io::stderr().write_all(line.as_bytes());
                continue;
            };
            assert_eq!(code.len(), 6);
            for (steps, good) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
                // Every step from here on is new, and the true time goes on by less than a step: nothing is hashed within it.
                host.clock.advance(Duration::from_secs(5 * 30));
                let challenge = host.challenge(ADA).await;
                app.at_the_start_of_a_step().await;
                let code = other_program(name, &app.secret, app.time(steps)).unwrap();
                let result = host.prove(&challenge, &code).await;
                assert_eq!(result.is_ok(), good, "{name} {steps}: {result:?}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn no_operation_of_a_signed_in_user_takes_a_challenge() {
    each_database(|database| async move {
        let (host, _, _) = one(database).await;
        let challenge = host.challenge(ADA).await;
        // Each of them takes a `Session` or a `Sudo`, which is one; and one place makes a session of a text. That nothing else
        // compiles is shown in `ui-tests`.
        let found: Option<Session<User>> = host.auth.session(challenge.token().expose()).await.unwrap();
        assert!(found.is_none());
        let secret = challenge.token().expose().rsplit('.').next().unwrap();
        for tag in ["sgs", "sgd", "sgc", "sgr", "sgu", "sgn"] {
            let text = format!("{tag}.k1.{secret}");
            assert!(host.auth.session(&text).await.unwrap().is_none());
            assert!(host.auth.pending_sign_in(&text).await.unwrap().is_none());
            for result in [
                host.auth.reset_password(&text, OTHER_PASSWORD, &client()).await.map(|_| ()),
                host.auth.confirm_email(&text, &client()).await.map(|_| ()),
                host.auth.unlock_by_link(&text, &client()).await.map(|_| ()),
                host.auth.disown(&text, &client()).await.map(|_| ()),
            ] {
                assert_eq!(refusal(result), Refusal::InvalidToken);
            }
            let trusted = client().with_device_token(&text);
            let result = host.auth.sign_in(Credentials::new(ADA, PASSWORD), &trusted).await;
            assert!(matches!(result, Ok(UserSignIn::SecondFactor(_))));
        }
    })
    .await;
}
