//! What a new password has to pass, wherever one is set: with what reason it is refused, and what is left as it was.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use http::{HeaderMap, Uri};
use sigra::axum::{Proxies, Web};
use sigra::mail::Links;
use sigra::password::breached::{
    BreachedOnline, BreachedPasswords, Fingerprint, Lookup, RangeClient, RangeRequest, RangeResponse,
    Unavailable, WhenUnavailable,
};
use sigra::password::{PasswordProblem, Strength};
use sigra::{Builder, Client, Error, Failure, Keyring, Refusal, Sigra};
use sigra_tests::database::Kind;
use sigra_tests::host::{client, shut_password, users_table};
use sigra_tests::{Database, Host, NewUser, OTHER_PASSWORD, PASSWORD, User, UserSignIn, each_database};

const ADA: &str = "ada.lovelace@example.com";

/// A host that was started with these settings.
async fn host(database: Database, settings: impl FnOnce(Builder<User>) -> Builder<User>) -> Host {
    database.run(&users_table(database.kind())).await;
    let builder = settings(Sigra::<User>::builder().url(database.url()));
    let host = Host::with(database, builder).await;
    host.auth.migrate().await.unwrap();
    host
}

async fn register(host: &Host, email: &str, password: &str) -> Result<(), Error> {
    let new = NewUser { email: email.into(), password: password.into(), display_name: "Ada".into() };
    host.auth.register(new, &client()).await.map(|_| ())
}

fn problem(result: Result<(), Error>) -> PasswordProblem {
    match result {
        Err(Error::Refused(Refusal::PasswordRejected(problem))) => problem,
        other => panic!("not refused for its password: {other:?}"),
    }
}

/// One password for each rule that needs no source of the host's.
fn bad() -> [(&'static str, PasswordProblem); 6] {
    [
        ("fourteen chars", PasswordProblem::TooShort { min: 15 }),
        ("Correct Horse Battery Staple", PasswordProblem::Common),
        ("PasswordPassword", PasswordProblem::Common),
        ("abcabcabcabcabcabc", PasswordProblem::Pattern),
        ("Ada.Lovelace-1815", PasswordProblem::Context),
        ("Acme Rockets 2026!", PasswordProblem::Context),
    ]
}

#[tokio::test]
async fn a_bad_password_is_refused_with_its_reason_and_everything_stays_as_it_was() {
    each_database(|database| async {
        let host = host(database, |builder| builder.application_name("Acme Rockets")).await;
        for (password, reason) in bad() {
            assert_eq!(problem(register(&host, ADA, password).await), reason, "{password}");
        }
        assert_eq!(host.database.count("users", "1 = 1").await, 0);
        assert_eq!(host.auth.hashes_computed(), 0);

        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let token = host.token_of("/reset/").await;
        // The first that is looked up, and the first that is refused, make their counters.
        let common = "passwordpassword";
        let change = host.auth.change_password(session.session(), PASSWORD, common, &client()).await;
        assert_eq!(problem(change.map(|_| ())), PasswordProblem::Common);
        let reset = host.auth.reset_password(&token, common, &client()).await;
        assert_eq!(problem(reset.map(|_| ())), PasswordProblem::Common);
        let (hashes, trail) = (host.auth.hashes_computed(), host.trail().await);
        let limits = used(&host).await;
        for (password, reason) in bad() {
            // The address is taken now, and the answer the same.
            assert_eq!(problem(register(&host, ADA, password).await), reason, "{password}");
            let reset = host.auth.reset_password(&token, password, &client()).await;
            assert_eq!(problem(reset.map(|_| ())), reason, "{password}");
            // With the right password and with a wrong one: it is not looked at.
            for current in [PASSWORD, "a wrong password here"] {
                let change = host.auth.change_password(session.session(), current, password, &client()).await;
                assert_eq!(problem(change.map(|_| ())), reason, "{password}");
            }
        }
        assert_eq!(host.auth.hashes_computed(), hashes, "nothing was hashed");
        let rows = host.trail().await.split_off(trail.len());
        assert_eq!(rows.len(), 4 * bad().len());
        assert!(
            rows.iter().all(|row| row.ends_with("refused password_rejected")),
            "nothing else happened: {rows:?}"
        );
        // No attempt was counted. Those were that were not refused for their length, since to judge them is work: registrations for
        // the network and for everybody, what a signed-in user tried for the account. The rest are the rows that a flood may have.
        let after = used(&host).await;
        assert_eq!(after.len(), limits.len());
        let grown = after.iter().zip(&limits).map(|(after, before)| after - before);
        let mut grown: Vec<i64> = grown.filter(|by| *by != 0).collect();
        grown.sort_unstable();
        assert_eq!(grown, [5, 5, 6, 6, 10, 12]);
        assert!(host.is_live(session.token().expose()).await);

        let _ = host.auth.reset_password(&token, OTHER_PASSWORD, &client()).await.unwrap();
        let _ = host.sign_in_with(ADA, OTHER_PASSWORD).await;
    })
    .await;
}

/// What every limit has counted.
async fn used(host: &Host) -> Vec<i64> {
    let texts = host.database.texts("SELECT CAST(used AS CHAR(20)) FROM sigra_limits ORDER BY bucket").await;
    texts.iter().map(|used| used.trim().parse().unwrap()).collect()
}

#[tokio::test]
async fn a_password_made_of_the_host_name_is_refused_without_its_being_named() {
    each_database(|database| async move {
        let (password, base_url) = ("lunar.bakery-2026", "https://lunar.bakery.example");
        let plain = host(database.clone(), |builder| builder).await;
        register(&plain, "before@example.com", password).await.unwrap();
        for on_the_web in [true, false] {
            let host = Host::with(database.clone(), Sigra::builder().url(database.url())).await;
            let worker = if on_the_web {
                drop(Web::new(host.auth.clone(), base_url, Proxies::None).unwrap());
                None
            } else {
                Some(host.auth.start_worker(host.mailbox.clone(), Links::new(base_url).unwrap()))
            };
            let refused = register(&host, "eve@example.com", password).await;
            assert_eq!(problem(refused), PasswordProblem::Context);
            drop(worker);
        }
    })
    .await;
}

#[tokio::test]
async fn the_words_of_one_account_are_good_for_another() {
    each_database(|database| async {
        let host = host(database, |builder| builder).await;
        assert_eq!(problem(register(&host, ADA, "Ada.Lovelace-1815").await), PasswordProblem::Context);
        register(&host, "grace@other.example", "Ada.Lovelace-1815").await.unwrap();
        // The present address counts, as the session has it.
        host.account("ada@example.com").await;
        let session = host.sign_in("ada@example.com").await;
        let own =
            host.auth.change_password(session.session(), PASSWORD, "ada@example.com 1", &client()).await;
        assert_eq!(problem(own.map(|_| ())), PasswordProblem::Context);
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_is_not_screened_by_what_new_passwords_have_to_pass() {
    each_database(|database| async {
        // Registered before the host gave itself this name and asked for more.
        let before = host(database.clone(), |builder| builder).await;
        let password = "glaciers glaciers";
        let new = NewUser { email: ADA.into(), password: password.into(), display_name: "Ada".into() };
        let _ = before.auth.register(new, &client()).await.unwrap();
        before.auth.confirm_email(&before.token_of("/confirm/").await, &client()).await.unwrap();
        let source = Source::default();
        let asked = source.asked.clone();
        let builder = Sigra::<User>::builder().url(database.url()).application_name("Glaciers");
        let builder = builder.breached_passwords(source, WhenUnavailable::Refuse).strength(Strength::Strong);
        let after = Host::with(database, builder).await;
        assert_eq!(problem(register(&after, "eve@example.com", password).await), PasswordProblem::Context);
        let _ = after.sign_in_with(ADA, password).await;
        // Once, for `must_change_password`: of a right password it is only asked whether it is known from a breach.
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    })
    .await;
}

/// Knows one password, or nothing while it is down.
#[derive(Debug, Default)]
struct Source {
    known: Option<&'static str>,
    down: bool,
    asked: Arc<AtomicUsize>,
}

impl BreachedPasswords for Source {
    fn contains<'a>(&'a self, password: &'a Fingerprint) -> Lookup<'a> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if self.down {
                return Err(Unavailable::new("it is down"));
            }
            Ok(self.known.is_some_and(|known| Fingerprint::of(&known.into()).hex() == password.hex()))
        })
    }
}

#[tokio::test]
async fn a_breached_password_is_refused_wherever_one_is_set() {
    each_database(|database| async {
        let source = Source { known: Some(OTHER_PASSWORD), ..Source::default() };
        let asked = source.asked.clone();
        let host =
            host(database, |builder| builder.breached_passwords(source, WhenUnavailable::Refuse)).await;
        assert_eq!(problem(register(&host, ADA, OTHER_PASSWORD).await), PasswordProblem::Breached);
        // A word for the visitor that accuses nobody.
        let text = PasswordProblem::Breached.to_string();
        assert!(text.contains("another site"), "{text}");
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        let change = host.auth.change_password(session.session(), PASSWORD, OTHER_PASSWORD, &client()).await;
        assert_eq!(problem(change.map(|_| ())), PasswordProblem::Breached);
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let token = host.token_of("/reset/").await;
        let reset = host.auth.reset_password(&token, OTHER_PASSWORD, &client()).await;
        assert_eq!(problem(reset.map(|_| ())), PasswordProblem::Breached);

        // What is refused anyway, and a link that is no good, ask nobody. The sign-in above asked too.
        let before = asked.load(Ordering::SeqCst);
        assert_eq!(before, 5);
        for (password, _) in &bad()[..5] {
            problem(register(&host, ADA, password).await);
        }
        let error = host.auth.reset_password("no link", OTHER_PASSWORD, &client()).await.unwrap_err();
        assert_eq!(error.refusal(), Some(&Refusal::InvalidToken));
        assert_eq!(asked.load(Ordering::SeqCst), before);
        let trail = host.trail().await;
        let refused = |row: &&String| row.ends_with("refused password_rejected");
        assert_eq!(trail.iter().filter(refused).count(), 3 + 5, "{trail:?}");
    })
    .await;
}

#[tokio::test]
async fn a_registration_at_the_limit_of_its_network_is_neither_looked_up_nor_hashed() {
    each_database(|database| async {
        let source = Source::default();
        let asked = source.asked.clone();
        let host =
            host(database, |builder| builder.breached_passwords(source, WhenUnavailable::Refuse)).await;
        // Refused for their form, which leaves the network all that it has.
        for _ in 0..50 {
            assert!(register(&host, "no address", PASSWORD).await.is_err());
            assert!(register(&host, ADA, "too short").await.is_err());
        }
        // Judged, which counts, though nothing comes of it.
        for _ in 0..50 {
            assert_eq!(problem(register(&host, ADA, "PasswordPassword").await), PasswordProblem::Common);
        }
        for password in [PASSWORD, "PasswordPassword"] {
            let refused = register(&host, ADA, password).await.unwrap_err();
            assert!(matches!(refused.refusal(), Some(Refusal::TooManyAttempts { .. })), "{refused}");
            assert_eq!(host.trail().await.last().unwrap(), "account.user.register refused network_limit");
        }
        assert_eq!((host.auth.hashes_computed(), asked.load(Ordering::SeqCst)), (0, 0));
        // It was that network and no other.
        let _ = host.register(ADA).await.unwrap();
        assert_eq!((host.auth.hashes_computed(), asked.load(Ordering::SeqCst)), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn without_its_source_a_password_is_refused_or_taken_as_the_host_said() {
    each_database(|database| async {
        let down = || Source { down: true, ..Source::default() };
        let open =
            host(database.clone(), |builder| builder.breached_passwords(down(), WhenUnavailable::Accept))
                .await;
        open.account(ADA).await;
        let session = open.sign_in(ADA).await;

        let builder = Sigra::<User>::builder().url(database.url());
        let closed = Host::with(database, builder.breached_passwords(down(), WhenUnavailable::Refuse)).await;
        let unavailable = |result: Result<(), Error>| match result {
            Err(Error::Failed(Failure::BreachedPasswords(error))) => {
                assert_eq!(error.to_string(), "it is down");
            }
            other => panic!("{other:?}"),
        };
        unavailable(register(&closed, "eve@example.com", PASSWORD).await);
        assert_eq!(closed.database.count("users", "1 = 1").await, 1);
        open.auth.request_password_reset(ADA, &client()).await.unwrap();
        let token = open.token_of("/reset/").await;
        let reset = closed.auth.reset_password(&token, OTHER_PASSWORD, &client()).await;
        unavailable(reset.map(|_| ()));
        let change =
            closed.auth.change_password(session.session(), PASSWORD, OTHER_PASSWORD, &client()).await;
        unavailable(change.map(|_| ()));
        let trail = closed.trail().await;
        for event in ["account.user.register", "account.password.reset", "account.password.change"] {
            let row = format!("{event} failed breached_passwords");
            assert_eq!(trail.iter().filter(|written| **written == row).count(), 1, "{row}: {trail:?}");
        }
        assert!(closed.is_live(session.token().expose()).await);
        let _ = closed.sign_in(ADA).await;
        // The link is as good as before, and the visitor is told to come back, not that something broke.
        let answer = sigra::axum::Problem::from(Error::from(Unavailable::new("it is down")));
        assert_eq!(answer.status(), 503);
        let _ = open.auth.reset_password(&token, OTHER_PASSWORD, &client()).await.unwrap();

        // While it is down, strangers do not fill the trail: a hundred rows, and one for the rest.
        for number in 0..120 {
            let email = format!("stranger{number}@example.com");
            let new = NewUser { email, password: PASSWORD.into(), display_name: "Eve".into() };
            unavailable(closed.auth.register(new, &Client::unknown()).await.map(|_| ()));
        }
        closed.clock.advance(Duration::from_hours(2));
        closed.auth.sweep().await.unwrap();
        let failed =
            "event = 'account.user.register' AND outcome = 'failed' AND reason = 'breached_passwords'";
        assert_eq!(closed.database.count("sigra_audit", failed).await, 1 + 100 + 1);
        assert_eq!(closed.database.count("sigra_audit", &format!("{failed} AND count = 20")).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_least_strength_refuses_what_is_easy_to_guess() {
    each_database(|database| async {
        let host = host(database, |builder| builder.strength(Strength::Strong)).await;
        let weak = problem(register(&host, ADA, "january1january2").await);
        assert!(matches!(weak, PasswordProblem::Weak { .. }), "{weak:?}");
        register(&host, ADA, PASSWORD).await.unwrap();
    })
    .await;
}

/// A server of ranges that keeps what it was asked.
#[derive(Clone, Default)]
struct Stub {
    answer: Arc<Mutex<(u16, String)>>,
    requests: Arc<Mutex<Vec<(Uri, HeaderMap)>>>,
}

impl Stub {
    async fn start() -> (Self, String) {
        let stub = Self::default();
        let (answer, requests) = (stub.answer.clone(), stub.requests.clone());
        let router = Router::new().fallback(async move |uri: Uri, headers: HeaderMap| {
            requests.lock().unwrap().push((uri, headers));
            let (status, body) = answer.lock().unwrap().clone();
            if status == 0 {
                std::future::pending::<()>().await;
            }
            (http::StatusCode::from_u16(status).unwrap(), body)
        });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}/range/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (stub, address)
    }

    fn answers(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }
}

/// A host's own HTTP client.
#[derive(Debug, Default)]
struct Http(reqwest::Client);

impl RangeClient for Http {
    fn get<'a>(&'a self, request: &'a RangeRequest) -> RangeResponse<'a> {
        Box::pin(async move {
            let send = async {
                let mut get = self.0.get(request.url());
                for (name, value) in request.headers() {
                    get = get.header(name, value);
                }
                get.send().await?.error_for_status()?.text().await
            };
            send.await.map_err(|error| Unavailable::new(error.without_url()))
        })
    }
}

#[tokio::test]
async fn the_server_sees_five_digits_and_the_padding_header_alone() {
    let (stub, address) = Stub::start().await;
    let source = BreachedOnline::new(Http::default()).server(address).deadline(Duration::from_mins(1));
    // Of RFC 3174's kind: SHA-1("password") = 5BAA6 1E4C9B93F3F0682250B6CF8331B7EE68FD8.
    let (password, suffix) = (Fingerprint::of(&"password".into()), "1E4C9B93F3F0682250B6CF8331B7EE68FD8");
    let other = "0018A45C4D1DEF81644B54AB7F969B88D65:4";
    stub.answers(200, &format!("{other}\r\n{suffix}:9545824\r\n"));
    assert_eq!(source.contains(&password).await, Ok(true));
    stub.answers(200, &format!("{other}\r\n{suffix}:0"));
    assert_eq!(source.contains(&password).await, Ok(false), "a line of padding");
    stub.answers(200, other);
    assert_eq!(source.contains(&password).await, Ok(false));

    let requests = stub.requests.lock().unwrap().clone();
    assert_eq!(requests.len(), 3);
    for (uri, headers) in requests {
        assert_eq!(uri.to_string(), "/range/5BAA6");
        assert_eq!(headers["add-padding"], "true");
        assert!(headers.contains_key("user-agent"), "the server wants one");
        let all = format!("{headers:?}").to_uppercase();
        assert!(!all.contains(suffix) && !all.contains(&suffix[..5]), "{all}");
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_never_taken_for_a_no() {
    let (stub, address) = Stub::start().await;
    let source =
        BreachedOnline::new(Http::default()).server(address.as_str()).deadline(Duration::from_millis(300));
    let password = Fingerprint::of(&"password".into());
    let broken = [
        (200, ""),
        (200, "<html>welcome to the hotel</html>"),
        (503, "0018A45C4D1DEF81644B54AB7F969B88D65:4"),
        (0, ""),
    ];
    for (status, body) in broken {
        stub.answers(status, body);
        let error = source.contains(&password).await.unwrap_err().to_string();
        assert!(!error.contains("5BAA6"), "{error}");
    }
    let nobody = BreachedOnline::new(Http::default()).server("http://127.0.0.1:1/range/");
    let error = nobody.contains(&password).await.unwrap_err().to_string();
    assert!(!error.contains("5BAA6"), "{error}");
}

#[tokio::test]
async fn a_right_password_that_became_known_from_a_breach_has_to_be_replaced() {
    each_database(|database| async {
        let before = host(database.clone(), |builder| builder).await;
        before.account(ADA).await;
        let session = before.sign_in(ADA).await;
        let builder = Sigra::<User>::builder().url(database.url());
        let leaked = Source { known: Some(PASSWORD), ..Source::default() };
        let host = Host::with(database, builder.breached_passwords(leaked, WhenUnavailable::Refuse)).await;
        // A wrong one is not looked up for anybody.
        assert!(host.try_sign_in(ADA, "a wrong password here").await.is_err());
        assert!(host.is_live(session.token().expose()).await);
        let outcome = host.try_sign_in(ADA, PASSWORD).await.unwrap();
        assert!(matches!(outcome, UserSignIn::MustChangePassword(_)), "{outcome:?}");
        assert!(!host.is_live(session.token().expose()).await);
        // It stays so where nothing is looked up.
        let outcome = before.try_sign_in(ADA, PASSWORD).await.unwrap();
        assert!(matches!(outcome, UserSignIn::MustChangePassword(_)), "{outcome:?}");
        let token = host.token_of("/reset/").await;
        let _ = host.auth.reset_password(&token, OTHER_PASSWORD, &client()).await.unwrap();
        let _ = host.sign_in_with(ADA, OTHER_PASSWORD).await;
    })
    .await;
}

#[tokio::test]
async fn a_right_password_that_opens_nothing_is_neither_looked_up_nor_hashed_anew() {
    const UNCONFIRMED: &str = "bob@example.com";
    each_database(|database| async {
        let before = host(database.clone(), |builder| builder).await;
        before.account(ADA).await;
        let _ = before.register(UNCONFIRMED).await.unwrap();
        let source = Source { known: Some(PASSWORD), ..Source::default() };
        let asked = source.asked.clone();
        // A pepper that the stored hash lacks: a sign-in would bring it in.
        let pepper = Keyring::parse("p1:cGVwcGVyLXBlcHBlci1wZXBwZXItcGVwcGVyLXBlcHA").unwrap();
        let builder = Sigra::<User>::builder().url(database.url()).pepper(pepper);
        let host = Host::with(database, builder.breached_passwords(source, WhenUnavailable::Refuse)).await;
        assert!(host.try_sign_in(ADA, "a wrong password here").await.is_err());
        shut_password(&host.database, ADA).await;
        for (email, reason) in [(ADA, "password_shut"), (UNCONFIRMED, "unconfirmed")] {
            for password in ["a wrong password here", PASSWORD] {
                let hashed = host.auth.hashes_computed();
                let refused = host.try_sign_in(email, password).await.unwrap_err();
                assert_eq!(refused.refusal(), Some(&Refusal::InvalidCredentials));
                // Whoever guesses right must not see it by the time that the answer takes.
                assert_eq!(host.auth.hashes_computed(), hashed + 1, "{email} {password}");
                assert_eq!(asked.load(Ordering::SeqCst), 0, "{email} {password}");
            }
            let last = host.trail().await.pop().unwrap();
            assert_eq!(last, format!("session.password.sign_in refused {reason}"));
        }
        // Once the address is confirmed it is looked up, and known from a breach.
        host.auth.confirm_email(&host.token_of("/confirm/").await, &client()).await.unwrap();
        let outcome = host.try_sign_in(UNCONFIRMED, PASSWORD).await.unwrap();
        assert!(matches!(outcome, UserSignIn::MustChangePassword(_)), "{outcome:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    })
    .await;
}

#[tokio::test]
async fn one_account_and_one_link_have_only_so_many_new_passwords_looked_up() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        let common = "passwordpassword";
        for _ in 0..100 {
            let changed = host.auth.change_password(session.session(), PASSWORD, common, &client()).await;
            assert!(matches!(changed.unwrap_err().refusal(), Some(Refusal::PasswordRejected(_))));
        }
        let (hashes, change) = (
            host.auth.hashes_computed(),
            host.auth.change_password(session.session(), PASSWORD, common, &client()).await,
        );
        assert!(matches!(change.unwrap_err().refusal(), Some(Refusal::TooManyAttempts { .. })));
        assert_eq!(host.auth.hashes_computed(), hashes);
        assert_eq!(host.trail().await.last().unwrap(), "account.password.change refused account_limit");

        // No attempt at the present password was counted, and the mailbox is another way.
        let _ = host.sign_in(ADA).await;
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let token = host.token_of("/reset/").await;
        for _ in 0..100 {
            let reset = host.auth.reset_password(&token, common, &client()).await;
            assert!(matches!(reset.unwrap_err().refusal(), Some(Refusal::PasswordRejected(_))));
        }
        let reset = host.auth.reset_password(&token, OTHER_PASSWORD, &client()).await;
        assert_eq!(reset.unwrap_err().refusal(), Some(&Refusal::InvalidToken), "the link is used up");
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let token = host.token_of("/reset/").await;
        let _ = host.auth.reset_password(&token, OTHER_PASSWORD, &client()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_rule_of_the_hosts_for_addresses_judges_free_and_taken_ones_alike() {
    each_database(|database| async move {
        if database.kind() == Kind::Sqlite {
            // It adds no rule to a table that is there.
            return;
        }
        let host = Host::start(database.clone()).await;
        database.run("ALTER TABLE users ADD CONSTRAINT staff CHECK (email LIKE '%@example.com')").await;
        for _ in 0..2 {
            let _ = host.register(ADA).await.unwrap();
        }
        let outside = host.register("ada@elsewhere.example").await.unwrap_err();
        assert_eq!(outside.refusal(), Some(&Refusal::InvalidValue));
    })
    .await;
}
