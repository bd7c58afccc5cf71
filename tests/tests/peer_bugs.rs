//! The bugs of other libraries that concern counters, identifiers and enumeration, as tests named after the record. Some stand here,
//! the others where their subject does: [`RECORDS`] has them all, and a search for one finds its test.
//!
//! Left out is what needs a feature that there is not: OAuth, single sign-on and provisioning, linking, passkeys, magic links,
//! invitations, and another or a second address, as in the notice of django-allauth 0.55.0; of those of 2023 that of 0.54.0 remains.
//! Kratos #4458 and #4521 stand for forms that take an address alone and for mailed codes. How long things take is measured by
//! `tests/examples/timing.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::collections::BTreeSet;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use sigra::mail::{Mail, MailError, Mailer};
use sigra::{Credentials, Error, Refusal};
use sigra_tests::crowd::at_once;
use sigra_tests::database::Kind;
use sigra_tests::host::{client, client_number, links, somebody};
use sigra_tests::http::{Format, Line, Request, loopback};
use sigra_tests::pool::HostPool;
use sigra_tests::site::Site;
use sigra_tests::{Database, Host, OTHER_PASSWORD, PASSWORD, UserSignIn, each_database, until};

const ADA: &str = "ada@example.com";
const WRONG: &str = "a wrong password here";

fn is_limited<T>(answer: &Result<T, Error>) -> bool {
    let refusal = answer.as_ref().err().and_then(Error::refusal);
    matches!(refusal, Some(Refusal::TooManyAttempts { .. }))
}

fn is_wrong<T>(answer: &Result<T, Error>) -> bool {
    answer.as_ref().err().and_then(Error::refusal) == Some(&Refusal::InvalidCredentials)
}

// Counters.

/// Two that read a count at the same moment and write it back have counted one.
#[tokio::test(flavor = "multi_thread")]
async fn cve_2019_5421_attempts_two_at_a_time_are_each_counted() {
    each_database(|database| async move {
        let nodes = [Host::start(database.clone()).await, Host::join(database.clone()).await];
        nodes[0].account(ADA).await;
        for _ in 0..5 {
            let pair = nodes.clone().map(|host| async move {
                host.auth.sign_in(Credentials::new(ADA, WRONG), &somebody()).await
            });
            let answers = at_once(pair).await;
            assert!(answers.iter().all(is_wrong), "{answers:?}");
        }
        for host in &nodes {
            assert!(is_limited(&host.try_sign_in(ADA, PASSWORD).await));
        }
        // So are the failures in a row, which no wait forgets.
        assert_eq!(database.count("sigra_limits", "failures = 10").await, 1);
    })
    .await;
}

/// Requests for mail, of which one network has 50.
#[tokio::test(flavor = "multi_thread")]
async fn ghsa_44jh_23m7_hpcf_requests_at_once_are_all_counted() {
    each_database(|database| async move {
        let nodes = [Host::start(database.clone()).await, Host::join(database.clone()).await];
        let asks = (0..200).map(|number: usize| {
            let auth = nodes[number % 2].auth.clone();
            async move { auth.request_password_reset(&format!("u{number}@example.com"), &client()).await }
        });
        let answers = at_once(asks).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 50);
        assert_eq!(answers.iter().filter(|answer| is_limited(answer)).count(), 150);
        assert_eq!(database.count("sigra_outbox", "1 = 1").await, 50);
    })
    .await;
}

/// Makes the databases' strictest isolation the default of every later connection, which a host's own pool then has.
async fn isolate_strictly(database: &Database) -> HostPool {
    if database.kind() == Kind::Postgres {
        let name = database.url().rsplit('/').next().unwrap().to_owned();
        let set = "SET default_transaction_isolation = 'serializable'";
        database.run(&format!("ALTER DATABASE {name} {set}")).await;
    }
    // MariaDB's own default, REPEATABLE READ, is stricter than what Sigra's pools have. SQLite knows one level.
    HostPool::open(database, 8).await
}

#[tokio::test(flavor = "multi_thread")]
async fn ghsa_44jh_23m7_hpcf_a_limit_holds_at_the_strictest_isolation_of_a_pool() {
    each_database(|database| async move {
        let plain = Host::start(database.clone()).await;
        plain.account(ADA).await;
        let pool = isolate_strictly(&database).await;
        let host = Host::with(database.clone(), pool.builder()).await;
        let attempts = (0..48).map(|_| {
            let (auth, client) = (host.auth.clone(), somebody());
            async move { auth.sign_in(Credentials::new(ADA, WRONG), &client).await }
        });
        let answers = at_once(attempts).await;
        assert!(host.auth.hashes_computed() <= 10, "{} hashes", host.auth.hashes_computed());
        // A transaction that lost too often fails, and that is no way in.
        let failed = answers.iter().filter(|answer| matches!(answer, Err(Error::Failed(_)))).count();
        let (wrong, limited) = (
            answers.iter().filter(|answer| is_wrong(answer)).count(),
            answers.iter().filter(|answer| is_limited(answer)).count(),
        );
        assert_eq!(wrong + limited + failed, 48, "{answers:?}");
        assert!(wrong <= 10, "{wrong} wrong, {limited} limited, {failed} failed");
        // In such a crowd all may have lost. Who comes alone, and for another address, does not.
        let alone = host.auth.sign_in(Credentials::new("nobody@example.com", WRONG), &somebody()).await;
        assert!(is_wrong(&alone), "{alone:?}");
        pool.close().await;
    })
    .await;
}

#[tokio::test]
async fn allauth_65_8_1_success_clears_the_count_of_its_own_account_alone() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        host.account("bob@example.com").await;
        let here = client_number(1);
        let sign_in = async |email: &str, password: &str| {
            host.auth.sign_in(Credentials::new(email, password), &here).await
        };
        for _ in 0..9 {
            assert!(is_wrong(&sign_in("bob@example.com", WRONG).await));
        }
        for number in 0..40 {
            assert!(is_wrong(&sign_in(&format!("u{number}@example.com"), WRONG).await));
        }
        // 49 failures of this network's 50, and Ada signs in from it over and over.
        for _ in 0..5 {
            assert!(matches!(sign_in(ADA, PASSWORD).await, Ok(UserSignIn::Complete(_))));
        }
        assert!(is_wrong(&sign_in("last@example.com", WRONG).await));
        assert!(is_limited(&sign_in("more@example.com", WRONG).await));
        assert!(is_limited(&sign_in(ADA, PASSWORD).await), "the network is at its limit for all");
        // Bob's count stands, too.
        let elsewhere =
            async || host.auth.sign_in(Credentials::new("bob@example.com", WRONG), &somebody()).await;
        assert!(is_wrong(&elsewhere().await));
        assert!(is_limited(&elsewhere().await));
    })
    .await;
}

#[tokio::test]
async fn allauth_65_2_0_every_front_end_counts_on_the_same_limit() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        let site = Site::start(&database).await;
        let cookie = format!("sigra={}", session.token().expose());
        let form = [("email", ADA), ("password", WRONG)];
        let change = [("current_password", WRONG), ("password", OTHER_PASSWORD)];
        let proof = [("password", WRONG)];
        let requests = [
            Request::post("/login", Format::Html, &form),
            Request::post("/login", Format::Json, &form),
            Request::post("/settings/password", Format::Html, &change).header("Cookie", &cookie),
            Request::post("/settings/password", Format::Json, &change).header("Cookie", &cookie),
            Request::post("/step-up", Format::Html, &proof).header("Cookie", &cookie),
            Request::post("/step-up", Format::Json, &proof).header("Cookie", &cookie),
        ];
        let mut network = 0;
        let mut ask = async |request: &Request| {
            network += 1;
            Line::open(&site.base, loopback(network)).await.ask(request).await.status()
        };
        // Nine over HTTP in turns, and the tenth through the library itself.
        for number in 0..9 {
            let status = ask(&requests[number % requests.len()]).await;
            assert!(matches!(status, 401 | 422), "attempt {number}: {status}");
        }
        assert!(is_wrong(&host.try_sign_in(ADA, WRONG).await));
        for request in &requests {
            assert_eq!(ask(request).await, 429);
        }
        assert!(is_limited(&host.try_sign_in(ADA, PASSWORD).await));
        let changed =
            host.auth.change_password(session.session(), PASSWORD, OTHER_PASSWORD, &somebody()).await;
        assert!(is_limited(&changed));
        let stepped = host.auth.step_up_with_password(session.session(), PASSWORD, &somebody()).await;
        assert!(is_limited(&stepped));
    })
    .await;
}

// Identifiers.

/// One address, with letters in either case and composed or not, and the domain as people write it or as it is sent.
const SPELLINGS: [&str; 5] = [
    "caf\u{e9}@b\u{fc}cher.example",
    "CAF\u{c9}@B\u{dc}CHER.EXAMPLE",
    "cafe\u{301}@bu\u{308}cher.example",
    " caf\u{e9}@xn--bcher-kva.example ",
    "Caf\u{c9}@XN--BCHER-KVA.example",
];

#[tokio::test]
async fn cve_2022_35924_a_list_of_addresses_gets_no_mail_from_any_operation() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        host.deliver().await;
        let before = host.mailbox.all().len();
        for list in [
            "ada@example.com,eve@example.net",
            "eve@example.net,ada@example.com",
            "ada@example.com;eve@example.net",
            "ada@example.com eve@example.net",
            "Ada <ada@example.com>",
            "ada@example.com\r\nBcc: eve@example.net",
            "ada@example.com\0eve@example.net",
        ] {
            let reset = host.auth.request_password_reset(list, &somebody()).await.unwrap_err();
            let resend = host.auth.resend_confirmation(list, &somebody()).await.unwrap_err();
            let unlock = host.auth.request_unlock(list, &somebody()).await.unwrap_err();
            let register = host.register(list).await.unwrap_err();
            for refused in [reset, resend, unlock, register] {
                assert_eq!(refused.refusal(), Some(&Refusal::InvalidEmail), "{list:?}");
            }
            assert!(is_wrong(&host.try_sign_in(list, PASSWORD).await), "{list:?}");
        }
        host.deliver().await;
        assert_eq!(host.mailbox.all().len(), before);
        assert_eq!(database.count("users", "1 = 1").await, 1);
    })
    .await;
}

#[tokio::test]
async fn cve_2019_19844_mail_goes_to_the_stored_address_and_never_to_its_look_alike() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account("Kim@example.com").await;
        host.account("mike@example.com").await;
        host.deliver().await;
        let before = host.mailbox.all().len();
        // The Kelvin sign is the same letter in lower case: the same account, and so the mailbox of its owner.
        host.auth.request_password_reset("\u{212a}im@example.com", &somebody()).await.unwrap();
        host.deliver().await;
        assert_eq!(host.mailbox.last().unwrap().to, "Kim@example.com");
        assert_eq!(host.mailbox.all().len(), before + 1);
        // A dotless or dotted i, a full-width letter and a Cyrillic one are other addresses, which nobody has here.
        for look_alike in ["m\u{131}ke", "M\u{130}KE", "\u{ff4d}ike", "mik\u{435}"] {
            host.auth
                .request_password_reset(&format!("{look_alike}@example.com"), &somebody())
                .await
                .unwrap();
            host.deliver().await;
        }
        assert_eq!(host.mailbox.all().len(), before + 1);
    })
    .await;
}

#[tokio::test]
async fn cve_2025_24806_and_allauth_2020_every_spelling_of_an_address_counts_on_the_same_attempts() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(SPELLINGS[0]).await;
        let _ = host.register("new@example.com").await.unwrap();
        let code = host.code().await;
        // Ten wrong passwords.
        for attempt in 0..10 {
            let spelling = SPELLINGS[attempt % SPELLINGS.len()];
            assert!(is_wrong(&host.try_sign_in(spelling, WRONG).await), "attempt {attempt}");
        }
        for spelling in SPELLINGS {
            assert!(is_limited(&host.try_sign_in(spelling, PASSWORD).await), "{spelling}");
        }
        // Ten wrong codes.
        for attempt in 0..10 {
            let spelling = ["new@example.com", "NEW@Example.com"][attempt % 2];
            let wrong = if code == "000000" { "000001" } else { "000000" };
            assert!(host.auth.confirm_email_code(spelling, wrong, &somebody()).await.is_err());
        }
        for spelling in ["new@example.com", "NEW@EXAMPLE.COM"] {
            assert!(host.auth.confirm_email_code(spelling, &code, &somebody()).await.is_err(), "{spelling}");
        }
    })
    .await;
}

/// Five mails of each kind an hour, whichever way the address is written.
#[tokio::test]
async fn allauth_2022_every_spelling_of_an_address_counts_on_the_same_mails() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(SPELLINGS[0]).await;
        for round in 0..3 {
            for spelling in SPELLINGS {
                host.auth.request_password_reset(spelling, &somebody()).await.unwrap();
                host.auth.resend_confirmation(spelling, &somebody()).await.unwrap();
                host.auth.request_unlock(spelling, &somebody()).await.unwrap();
            }
            for kind in ["reset_password", "confirm_email", "unlock_account"] {
                let mails = database.count("sigra_outbox", &format!("kind = '{kind}'")).await;
                assert_eq!(mails, 5, "{kind}, round {round}");
            }
        }
    })
    .await;
}

/// The form took every spelling for the account; another way in took the name as it was typed, and a rule the domain.
#[tokio::test]
async fn cve_2026_47203_and_cve_2026_48794_every_front_end_takes_every_spelling_for_one_account() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(SPELLINGS[0]).await;
        let site = Site::start(&database).await;
        let mut network = 0;
        let mut ask = async |format: Format, email: &str, password: &str| {
            network += 1;
            let request = Request::post("/login", format, &[("email", email), ("password", password)]);
            Line::open(&site.base, loopback(network)).await.ask(&request).await.status()
        };
        for spelling in SPELLINGS {
            assert_eq!(ask(Format::Html, spelling, PASSWORD).await, 303, "{spelling}");
            assert_eq!(ask(Format::Json, spelling, PASSWORD).await, 200, "{spelling}");
            assert_eq!(host.sign_in(spelling).await.user().email, SPELLINGS[0]);
        }
        // Ten wrong ones, and it is shut to every spelling wherever that is typed.
        for spelling in SPELLINGS {
            for format in [Format::Html, Format::Json] {
                assert_eq!(ask(format, spelling, WRONG).await, 401, "{spelling}");
            }
        }
        for spelling in SPELLINGS {
            for format in [Format::Html, Format::Json] {
                assert_eq!(ask(format, spelling, PASSWORD).await, 429, "{spelling}");
            }
            assert!(is_limited(&host.try_sign_in(spelling, PASSWORD).await), "{spelling}");
        }
    })
    .await;
}

/// The name of an account was shown as it is stored, and any other as it was typed.
#[tokio::test]
async fn cve_2025_31124_an_answer_repeats_an_address_as_it_was_typed_with_and_without_an_account() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account("ada@b\u{fc}cher.example").await;
        let site = Site::start(&database).await;
        let (mut network, mut repeated) = (0, 0);
        // The last gives the other address an account, too.
        for path in ["/login", "/confirm", "/confirm/resend", "/reset", "/unlock", "/register"] {
            for format in [Format::Html, Format::Json] {
                let mut replies = Vec::new();
                for email in ["ADA@B\u{dc}CHER.EXAMPLE", "EVE@B\u{dc}CHER.EXAMPLE"] {
                    network += 1;
                    let fields = [
                        ("email", email),
                        ("password", OTHER_PASSWORD),
                        ("code", "000000"),
                        ("display_name", "Eve"),
                    ];
                    let request = Request::post(path, format, &fields);
                    let reply = Line::open(&site.base, loopback(network)).await.ask(&request).await;
                    repeated += usize::from(reply.body.contains(email));
                    replies.push((reply.status(), reply.body.replace(email, "ADDRESS")));
                }
                assert_eq!(replies[0], replies[1], "{path}");
            }
        }
        // Every page shows the form again or says where the mail went.
        assert_eq!(repeated, 6 * 2);
    })
    .await;
}

/// A server in Turkey lower-cased `I` to `ı`, and a rule no longer matched.
#[tokio::test]
async fn cve_2024_38827_letter_case_is_nobodys_locale() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account("INFO@EXAMPLE.COM").await;
        let _ = host.sign_in("info@example.com").await;
        // Were it a matter of locale, one of these would be the same account.
        for other in ["\u{131}nfo@example.com", "\u{130}NFO@example.com"] {
            assert!(is_wrong(&host.try_sign_in(other, PASSWORD).await), "{other}");
            assert!(host.register(other).await.unwrap().user().is_some(), "{other}");
        }
        assert_eq!(database.count("sigra_accounts", "1 = 1").await, 3);
    })
    .await;
}

/// Registration took every column that a form named.
#[tokio::test]
async fn cve_2018_20301_a_visitor_sets_no_field_but_those_of_the_form() {
    each_database(|database| async move {
        // The host's table has a column that no form has, and so has Sigra's.
        let host = Host::start(database.clone()).await;
        let site = Site::start(&database).await;
        let chosen = "01890000-0000-7000-8000-000000000000";
        for (number, format) in [(1, Format::Html), (2, Format::Json)] {
            let email = format!("eve{number}@example.com");
            let fields = [
                ("email", email.as_str()),
                ("password", PASSWORD),
                ("display_name", "Eve"),
                ("id", chosen),
                ("user_id", chosen),
                ("plan", "gold"),
                ("confirmed_at", "2026-01-01T00:00:00Z"),
                ("password_hash", "!"),
                ("epoch", "7"),
            ];
            let request = Request::post("/register", format, &fields);
            let reply = Line::open(&site.base, loopback(number)).await.ask(&request).await;
            assert_eq!(reply.status(), 200, "{reply:?}");
            assert!(is_wrong(&host.try_sign_in(&email, PASSWORD).await));
        }
        assert_eq!(database.count("sigra_audit", "reason = 'unconfirmed'").await, 2);
        assert_eq!(database.count("users", "plan = 'free'").await, 2);
        assert_eq!(database.count("sigra_accounts", "epoch = 0 AND confirmed_at IS NULL").await, 2);
        for row in &database.dumper().await.dump().await["users"] {
            let id = row.to_lowercase().replace('-', "");
            assert!(!id.contains("01890000000070008000000000000000"), "{row}");
        }
    })
    .await;
}

// Enumeration.

/// Whose password is wrong, and how long it is: the record is of an exception for the length that came before the dummy hash.
#[tokio::test]
async fn cve_2025_22234_a_password_of_any_length_costs_one_hash_and_gets_one_answer() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        for length in [0, 1, 71, 72, 73, 256, 257, 1_024, 1_025, 5_000] {
            for email in [format!("u{length}@example.com"), ADA.to_owned()] {
                let before = host.auth.hashes_computed();
                let answer =
                    host.auth.sign_in(Credentials::new(&email, "x".repeat(length)), &somebody()).await;
                assert!(is_wrong(&answer), "{length} bytes for {email}: {answer:?}");
                assert_eq!(host.auth.hashes_computed(), before + 1, "{length} bytes for {email}");
            }
            // So that it is never the count that answers.
            let _ = host.sign_in(ADA).await;
        }
    })
    .await;
}

#[tokio::test]
async fn cve_2026_22746_verify_first_then_status() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account("disabled@example.com").await;
        let id = host.sign_in("disabled@example.com").await.user().id;
        assert!(host.auth.disable_account("root", &id, &client()).await.unwrap());
        let _ = host.register("unconfirmed@example.com").await.unwrap();
        // Only where the address is confirmed does the right password prove anything, and begins a new row of failures.
        for (email, reason, proves) in
            [("disabled@example.com", "disabled", true), ("unconfirmed@example.com", "unconfirmed", false)]
        {
            for (password, right) in [(WRONG, false), (PASSWORD, true)] {
                let before = host.auth.hashes_computed();
                let answer = host.try_sign_in(email, password).await;
                assert_eq!(host.auth.hashes_computed(), before + 1, "{email}");
                assert_eq!(is_wrong(&answer), !(right && proves), "{email}: {answer:?}");
                // The owner's way to the reason is the right password; so is the trail's.
                let row = host.trail().await.pop().unwrap();
                let expected = if right { reason } else { "wrong_password" };
                assert_eq!(row, format!("session.password.sign_in refused {expected}"));
            }
            // The right password of a disabled account is no failure, and not a free guess either: ten more wrong ones, and even
            // it is not looked at.
            for _ in 0..if proves { 10 } else { 8 } {
                assert!(is_wrong(&host.try_sign_in(email, WRONG).await));
            }
            let before = host.auth.hashes_computed();
            assert!(is_limited(&host.try_sign_in(email, PASSWORD).await));
            assert_eq!(host.auth.hashes_computed(), before);
        }
    })
    .await;
}

#[tokio::test]
async fn cve_2024_39329_an_account_without_a_usable_password_costs_one_hash() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        for stored in
            ["NULL", "''", "'!'", "'!unusable'", "'not a hash'", "'$argon2id$v=19$m=19456,t=2,p=1$'"]
        {
            host.database.run(&format!("UPDATE users SET password_hash = {stored}")).await;
            for password in ["", "!", PASSWORD] {
                let before = host.auth.hashes_computed();
                let answer = host.auth.sign_in(Credentials::new(ADA, password), &somebody()).await;
                assert!(is_wrong(&answer) || is_limited(&answer), "{stored}: {answer:?}");
                let expected = u64::from(is_wrong(&answer));
                assert_eq!(host.auth.hashes_computed(), before + expected, "{stored} with {password:?}");
            }
            // A new count for the next.
            host.clock.advance(std::time::Duration::from_hours(25));
        }
    })
    .await;
}

/// Takes no mail.
struct Broken;

impl Mailer for Broken {
    fn send(&self, _: Mail) -> Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + '_>> {
        Box::pin(async { Err(MailError::new("the mail server is gone")) })
    }
}

/// A mail that could not be sent made an error of the answer, and so told who has an account.
#[tokio::test]
async fn cve_2024_45231_a_mail_that_cannot_be_sent_shows_in_no_answer() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let worker = host.auth.start_worker(Broken, links());
        for email in [ADA, "nobody@example.com"] {
            for _ in 0..2 {
                host.auth.request_password_reset(email, &somebody()).await.unwrap();
                host.auth.resend_confirmation(email, &somebody()).await.unwrap();
            }
            let _ = host.register(email).await.unwrap();
        }
        // The worker has tried and will again: the answers above did not wait for it.
        until("a delivery", async || database.count("sigra_outbox", "attempts > 0").await > 0).await;
        host.auth.request_password_reset(ADA, &somebody()).await.unwrap();
        drop(worker);
        // What it was at still has a connection, and a database is not dropped under one.
        host.auth.close().await;
    })
    .await;
}

// Names.

/// The records, of which the name of a test begins with one or with several that `_and_` joins.
const RECORDS: [&str; 31] = [
    // Counters.
    "cve_2023_33170",
    "cve_2024_4629",
    "cve_2019_5421",
    "cve_2020_11052",
    "ghsa_44jh_23m7_hpcf",
    "allauth_65_8_1",
    "allauth_65_2_0",
    // Identifiers.
    "cve_2022_35924",
    "cve_2019_19844",
    "cve_2025_24806",
    "cve_2026_47203",
    "cve_2026_48794",
    "cve_2025_31124",
    "allauth_2020",
    "allauth_2022",
    "cve_2024_38827",
    "cve_2018_20301",
    "cve_2021_21310",
    "cve_2022_39263",
    // Enumeration.
    "cve_2025_22228",
    "cve_2025_22234",
    "cve_2026_22746",
    "cve_2024_39329",
    "cve_2024_45231",
    "allauth_0_54_0",
    "allauth_65_3_0",
    "allauth_2023",
    "kratos_133",
    "kratos_4458",
    "kratos_4521",
    "cve_2022_46145",
];

/// Those that a test is named after.
fn records(name: &str) -> Vec<&'static str> {
    let (mut found, mut rest) = (Vec::new(), Some(name));
    while let Some((record, after)) = rest.and_then(|rest| {
        RECORDS.into_iter().find_map(|record| Some((record, rest.strip_prefix(record)?.strip_prefix('_')?)))
    }) {
        found.push(record);
        rest = after.strip_prefix("and_");
    }
    found
}

#[test]
fn every_record_has_its_test_and_every_test_with_the_name_of_one_is_in_the_list() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for (attribute, head) in source.lines().zip(source.lines().skip(1)) {
            let head = head.strip_prefix("async ").unwrap_or(head);
            let is_test = attribute == "#[test]" || attribute.starts_with("#[tokio::test");
            let Some(name) = head.strip_prefix("fn ").filter(|_| is_test) else { continue };
            let records = records(name);
            let is_named = ["cve_", "ghsa_", "allauth_", "kratos_"].iter().any(|kind| name.starts_with(kind));
            assert_eq!(is_named, !records.is_empty(), "{name}");
            found.extend(records);
        }
    }
    assert_eq!(found, BTreeSet::from(RECORDS));
}
