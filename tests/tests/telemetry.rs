//! What an operator sees: every operation by its name, its outcome once, its metrics, and no secret in any of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::float_cmp, missing_docs, reason = "tests")]

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use sigra::audit::{AuditFilter, AuditSink, ExportFormat, Row, SinkError};
use sigra::clock::TestClock;
use sigra::mail::{Mail, MailError, Mailer};
use sigra::telemetry::{EVENTS, METRICS, SPANS};
use sigra::{
    AdoptAs, AuditEvent, Client, Code, Credentials, Hashing, Keyring, NewSession, Operation, Refusal, Sigra,
};
use sigra_tests::authenticator::Authenticator;
use sigra_tests::database::Kind;
use sigra_tests::host::{KEYS, client, links, somebody, token_in};
use sigra_tests::log::{Log, Told};
use sigra_tests::recorder::Recorder;
use sigra_tests::{
    Database, Host, NewUser, OTHER_PASSWORD, PASSWORD, User, UserSignIn, each_database, log, recorder, until,
};
use tokio::runtime::Builder;

const ADA: &str = "ada@example.com";
/// The keys of the tests behind a new one.
const ROTATED: &str =
    "k2:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY k1:dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktdGVzdC0";
const PEPPER: &str = "p1:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI";
const WRONG: &str = "a wrong password here";

/// Log and recorder are the whole process's, so the tests of this file take turns.
static TURN: Mutex<()> = Mutex::new(());

/// Runs a test in its turn, which lasts until whatever it left under way has gone with its runtime.
fn take_turn(mut runtime: Builder, test: impl Future<Output = ()>) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    runtime.enable_all().build().unwrap().block_on(test);
}

fn in_turn(test: impl Future<Output = ()>) {
    take_turn(Builder::new_current_thread(), test);
}

fn in_turn_on_threads(test: impl Future<Output = ()>) {
    take_turn(Builder::new_multi_thread(), test);
}

/// What Sigra tells from here on.
struct Hearing {
    log: &'static Log,
    from: usize,
}

impl Hearing {
    fn begin() -> Self {
        let log = log::capture();
        Self { log, from: log.told().len() }
    }

    fn told(&self) -> Vec<Told> {
        let told = self.log.told();
        told[self.from..].iter().filter(|told| told.target == "sigra").cloned().collect()
    }

    fn spans(&self, name: &str) -> Vec<Told> {
        self.told().into_iter().filter(|told| told.is_span && told.name == name).collect()
    }

    fn events(&self, name: &str) -> Vec<Told> {
        self.told().into_iter().filter(|told| !told.is_span && told.name == name).collect()
    }

    /// The span of an operation that ends without its caller.
    async fn span(&self, name: &str) -> Told {
        self.log.closed("sigra").await;
        self.spans(name).pop().expect(name)
    }
}

/// Where each operation comes from.
const REQUEST: &str = "request-17";

fn traced() -> Client {
    client().with_request_id(REQUEST)
}

async fn register(host: &Host, email: &str) {
    let new = NewUser { email: email.into(), password: PASSWORD.into(), display_name: "Ada".into() };
    let _ = host.auth.register(new, &traced()).await.unwrap();
    host.deliver().await;
}

async fn sign_in(host: &Host, email: &str, password: &str) -> NewSession<User> {
    match host.auth.sign_in(Credentials::new(email, password), &traced()).await {
        Ok(UserSignIn::Complete(session)) => session,
        other => panic!("not signed in: {other:?}"),
    }
}

/// An event of the host's own.
#[derive(Clone, Copy, Debug, AuditEvent)]
#[sigra(event = "shop.door.open")]
struct DoorOpened;

/// Every operation there is, each at least once with success.
async fn everything(host: &Host) {
    let (auth, by) = (&host.auth, &traced());
    register(host, ADA).await;
    auth.confirm_email(&token_in(&host.mailbox.last().unwrap(), "/confirm/"), by).await.unwrap();
    register(host, "bob@example.com").await;
    auth.resend_confirmation("bob@example.com", by).await.unwrap();
    let code = host.code().await;
    auth.confirm_email_code("bob@example.com", &code, by).await.unwrap();

    let here = sign_in(host, ADA, PASSWORD).await;
    let there = sign_in(host, ADA, PASSWORD).await;
    let session = auth.session(here.token().expose()).await.unwrap().unwrap();
    auth.sessions(&session).await.unwrap();
    auth.activity(&session, 10).await.unwrap();
    assert!(auth.revoke_session(&session, there.session().id(), by).await.unwrap());
    let _ = sign_in(host, ADA, PASSWORD).await;
    assert_eq!(auth.revoke_other_sessions(&session, by).await.unwrap(), 1);
    auth.sign_out(&session, by).await.unwrap();
    let here = sign_in(host, ADA, PASSWORD).await;
    let here = auth.change_password(here.session(), PASSWORD, OTHER_PASSWORD, by).await.unwrap();
    assert_eq!(auth.revoke_all_sessions(here.session(), by).await.unwrap(), 1);

    auth.request_password_reset(ADA, by).await.unwrap();
    let token = host.token_of("/reset/").await;
    let _ = auth.reset_password(&token, PASSWORD, by).await.unwrap();
    host.deliver().await;
    auth.request_unlock(ADA, by).await.unwrap();
    let token = host.token_of("/unlock/").await;
    let _ = auth.unlock_by_link(&token, by).await.unwrap();

    let id = here.user().id;
    assert!(auth.unlock_account("root", &id, by).await.unwrap());
    assert!(auth.require_password_change("root", &id, by).await.unwrap());
    assert!(auth.disable_account("root", &id, by).await.unwrap());
    assert!(auth.enable_account("root", &id, by).await.unwrap());

    host.import("eve@example.com", "!").await;
    assert_eq!(auth.adopt_accounts("root", |_| AdoptAs::Confirmed, by).await.unwrap().adopted, 1);
    auth.record(here.session(), DoorOpened, by).await.unwrap();
    // What the host refused is recorded all the same.
    auth.record(here.session(), DoorOpened.refused("too_late"), by).await.unwrap();
    auth.record_by_operator("root", Some(&id), DoorOpened.failed("no_key"), by).await.unwrap();
    auth.record_by_system(None, DoorOpened, by).await.unwrap();
    assert!(auth.seal_audit().await.unwrap().rows > 0);
    assert!(auth.verify_audit("").await.unwrap().is_clean());
    let rows = if host.database.kind() == Kind::Postgres { "CAST(id AS TEXT)" } else { "LOWER(HEX(id))" };
    let rows = host.database.texts(&format!("SELECT {rows} FROM sigra_audit WHERE leaf = 0")).await;
    assert!(auth.prove_audit_row(rows[0].parse().unwrap()).await.unwrap().is_some());
    assert_eq!(auth.forward_audit().await.unwrap(), 0);
    auth.audit_page(&AuditFilter::new(), None).await.unwrap();
    let mut export =
        auth.export_audit("root", AuditFilter::new(), ExportFormat::JsonLines, by).await.unwrap();
    assert!(export.next_chunk().await.unwrap().is_some());
    assert!(auth.erase_personal_facts("root", &id, by).await.unwrap() > 0);
    second_factors(host, "bob@example.com").await;
    auth.rotate_keys(Keyring::parse(ROTATED).unwrap()).await.unwrap();
    auth.rotate_peppers(Keyring::parse(PEPPER).unwrap()).await.unwrap();
    auth.sweep().await.unwrap();
}

/// Signs in up to the second factor.
async fn challenge(host: &Host, email: &str) -> String {
    match host.auth.sign_in(Credentials::new(email, PASSWORD), &traced()).await {
        Ok(UserSignIn::SecondFactor(challenge)) => challenge.token().expose().to_owned(),
        other => panic!("no second factor is due: {other:?}"),
    }
}

/// Those of second factors.
async fn second_factors(host: &Host, email: &str) {
    let (auth, by) = (&host.auth, &traced());
    let a_step_later = || host.clock.advance(Duration::from_secs(30));
    let sudo = async |session: NewSession<User>| auth.sudo(session.into_parts().0).await.unwrap();
    let held = sudo(sign_in(host, email, PASSWORD).await).await;
    let enrolment = auth.begin_totp(&held, "phone", by).await.unwrap();
    let app = Authenticator::new(enrolment.uri(), host.clock.clone());
    let held = sudo(auth.confirm_totp(&held, enrolment.id(), app.code(0), by).await.unwrap()).await;
    let _ = auth.create_backup_codes(&held, by).await.unwrap();
    assert_eq!(auth.backup_codes_left(&held).await.unwrap(), 10);
    let trusting = async || {
        a_step_later();
        let pending = challenge(host, email).await;
        assert!(auth.pending_sign_in(&pending).await.unwrap().is_some());
        auth.prove_second_factor(&pending, Code::new(app.code(0)).trust(true), by).await.unwrap()
    };
    let here = trusting().await;
    let browser = auth.trusted_browsers(here.session(), by).await.unwrap()[0].id;
    assert!(auth.revoke_trusted_browser(here.session(), browser, by).await.unwrap());
    let here = trusting().await;
    assert_eq!(auth.revoke_trusted_browsers(here.session(), by).await.unwrap(), 1);
    let here = auth.step_up_with_password(here.session(), PASSWORD, by).await.unwrap();
    a_step_later();
    let held = sudo(auth.step_up_with_code(here.session(), app.code(0), by).await.unwrap()).await;
    host.deliver().await;
    let phone = auth.factors(&held).await.unwrap()[0].id;
    let held = auth.remove_factor(&held, phone, by).await.unwrap().unwrap();
    let token = host.token_of("/disown/").await;
    let _ = auth.disown(&token, by).await.unwrap();
    let id = held.user().id;
    assert!(auth.begin_recovery("root", &id, by).await.unwrap().is_some());
    assert!(auth.cancel_recovery("root", &id, by).await.unwrap());
    assert!(auth.begin_recovery("root", &id, by).await.unwrap().is_some());
    host.clock.advance(Duration::from_hours(24));
    assert!(auth.finish_recovery("root", &id, by).await.unwrap());
    host.deliver().await;
}

#[test]
fn every_operation_runs_in_the_span_of_its_name_and_ends_with_one_event() {
    in_turn(each_database(|database| async {
        let hearing = Hearing::begin();
        let host = Host::start(database).await;
        everything(&host).await;

        hearing.log.closed("sigra").await;
        let told = hearing.told();
        let spans: Vec<&Told> = told.iter().filter(|told| told.is_span).collect();
        let names: BTreeSet<&str> = spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, SPANS.iter().copied().collect());
        // Where the second factor is due nobody was refused, and nobody is in.
        let is_challenge = |told: &&Told| told.field("outcome") == "challenged";
        let (challenges, spans): (Vec<&Told>, Vec<&Told>) = spans.into_iter().partition(is_challenge);
        assert_eq!((challenges.len(), hearing.events("operation.challenged").len()), (2, 2));
        for span in challenges {
            assert_eq!(span.name, "session.password.sign_in");
            assert_eq!(span.field("reason"), "second_factor_due");
        }
        for span in &spans {
            assert_eq!((span.field("outcome"), span.field("user_type")), ("success", "User"), "{span:?}");
            assert_eq!(span.field("reason"), "", "{span:?}");
            // What nobody asked for has no request.
            let own = [
                "store.",
                "mail.",
                "audit.",
                "keyring.",
                "session.own.check",
                "session.all.list",
                "session.second_factor.check",
                "account.factor.list",
                "account.backup_codes.count",
            ];
            let asked = ["audit.event.", "audit.facts.", "audit.trail.export"]
                .iter()
                .any(|asked| span.name.starts_with(asked))
                || !own.iter().any(|own| span.name.starts_with(own));
            assert_eq!(span.field("request_id"), if asked { REQUEST } else { "" }, "{span:?}");
            let ends = told.iter().filter(|told| !is_challenge(told)).filter(|told| {
                !told.is_span && told.name.starts_with("operation.") && told.field("operation") == span.name
            });
            let ends: Vec<&Told> = ends.collect();
            if span.level == tracing::Level::INFO {
                let like_it = spans.iter().filter(|other| other.name == span.name).count();
                assert_eq!(ends.len(), like_it, "{}", span.name);
                for end in ends {
                    assert_eq!(
                        (end.name.as_str(), end.within[0].as_str()),
                        ("operation.succeeded", &*span.name)
                    );
                    assert_eq!(
                        (end.field("event"), end.field("outcome")),
                        ("operation.succeeded", "success")
                    );
                }
            } else {
                assert!(ends.is_empty(), "{ends:?}");
            }
        }
        // The session is named where there is one, and a mail's span stands in that of its delivery.
        for name in [
            "session.password.sign_in",
            "session.own.sign_out",
            "session.all.list",
            "session.second_factor.prove",
            "session.own.step_up",
            "session.own.step_up_by_code",
            "account.factor.add",
            "account.password.change",
        ] {
            let spans = hearing.spans(name);
            let mut spans = spans.iter().filter(|span| !is_challenge(span));
            assert!(spans.all(|span| span.field("session_id").len() == 36), "{name}");
        }
        assert!(hearing.spans("mail.message.send").iter().all(|mail| mail.within == ["mail.outbox.deliver"]));
        for told in &told {
            assert!(told.is_span || EVENTS.contains(&told.name.as_str()), "{told:?}");
        }
        let new: Vec<Told> = hearing.events("keyring.new_writer");
        let new: Vec<&str> = new.iter().map(|told| told.field("id")).collect();
        assert_eq!(new, ["k2"], "once for the one key that writes from now on beside one that was known");
        // One word for one thing, in the trail and in spans.
        let events = host.database.texts("SELECT DISTINCT event FROM sigra_audit").await;
        for event in events.iter().filter(|event| *event != "shop.door.open") {
            assert!(SPANS.contains(&event.as_str()), "{event} has no span");
        }
    }));
}

/// An operation's outcome and reason, and the event it ended with.
async fn last(hearing: &Hearing, operation: &str) -> String {
    hearing.log.closed("sigra").await;
    let told = hearing.told();
    let span = told.iter().rfind(|told| told.is_span && told.name == operation).expect(operation);
    let end =
        told.iter().rfind(|told| !told.is_span && told.field("operation") == operation).expect(operation);
    assert_eq!(span.field("outcome"), end.field("outcome"), "{operation}");
    assert_eq!(span.field("reason"), end.field("reason"), "{operation}");
    format!("{} {} {}", span.field("outcome"), span.field("reason"), end.name)
}

#[test]
fn a_refusal_says_why_a_limit_warns_and_a_failure_says_what_to_do() {
    in_turn(each_database(|database| async move {
        let hearing = Hearing::begin();
        let host = Host::start(database.clone()).await;
        let sign_in = "session.password.sign_in";
        let told = |operation: &'static str| last(&hearing, operation);
        let _ = host.register(ADA).await.unwrap();
        assert!(host.try_sign_in("nobody@example.com", PASSWORD).await.is_err());
        assert_eq!(told(sign_in).await, "refused unknown_account operation.refused");
        assert!(host.try_sign_in(ADA, WRONG).await.is_err());
        assert_eq!(told(sign_in).await, "refused wrong_password operation.refused");
        // The caller gets the answer of a wrong password; the operator learns what happened.
        assert!(host.try_sign_in(ADA, PASSWORD).await.is_err());
        assert_eq!(told(sign_in).await, "refused unconfirmed operation.refused");
        // Here the caller gets an answer that is none of refusals; what happened is one.
        host.account("eve@example.com").await;
        let eve = host.sign_in("eve@example.com").await.user().id;
        assert!(host.auth.disable_account("root", &eve, &client()).await.unwrap());
        assert!(host.try_sign_in("eve@example.com", PASSWORD).await.is_ok());
        assert_eq!(told(sign_in).await, "refused disabled operation.refused");
        assert!(host.register(ADA).await.is_ok());
        assert_eq!(told("account.user.register").await, "refused address_contested operation.refused");
        assert!(host.register("no address").await.is_err());
        assert_eq!(told("account.user.register").await, "refused invalid_email operation.refused");
        assert!(host.auth.confirm_email("nonsense", &client()).await.is_err());
        assert_eq!(told("account.email.confirm").await, "refused invalid_token operation.refused");

        // The right password and then wrong codes, of whichever cause.
        host.account("bob@example.com").await;
        let (app, _) = host.enrol("bob@example.com").await;
        let pending = challenge(&host, "bob@example.com").await;
        assert_eq!(told(sign_in).await, "challenged second_factor_due operation.challenged");
        let prove = async |code: String| host.auth.prove_second_factor(&pending, code, &client()).await;
        let proof = "session.second_factor.prove";
        assert!(prove(app.wrong()).await.is_err());
        assert_eq!(told(proof).await, "refused wrong_code operation.refused");
        assert_eq!(hearing.events("factor.seed_unreadable").len(), 0);
        let bytes = if database.kind() == Kind::Postgres { "'\\x00'" } else { "X'00'" };
        database.run(&format!("UPDATE sigra_factors SET secret = {bytes}")).await;
        assert!(prove(app.code(0)).await.is_err());
        let unreadable = hearing.events("factor.seed_unreadable");
        assert_eq!(unreadable.len(), 1, "{unreadable:?}");
        assert_eq!((unreadable[0].level, unreadable[0].field("factor").len()), (tracing::Level::ERROR, 36));
        for _ in 0..4 {
            assert!(prove(app.code(0)).await.is_err());
        }
        assert_eq!(told(proof).await, "refused factor_limit operation.limited");

        // A hash that no verifier reads: a wrong password to the visitor, an error to the operator.
        database.run("UPDATE users SET password_hash = 'of no form' WHERE email = 'bob@example.com'").await;
        assert_eq!(hearing.events("password.hash_unreadable").len(), 0);
        assert!(host.try_sign_in("bob@example.com", PASSWORD).await.is_err());
        assert_eq!(told(sign_in).await, "refused unreadable_hash operation.refused");
        let unreadable = hearing.events("password.hash_unreadable");
        assert_eq!(unreadable.len(), 1, "{unreadable:?}");
        assert_eq!(unreadable[0].level, tracing::Level::ERROR);
        assert!(!unreadable[0].field("error").is_empty() && !unreadable[0].field("help").is_empty());

        assert_eq!(hearing.events("account.locked").len(), 0);
        for _ in 0..11 {
            assert!(host.try_sign_in("locked@example.com", WRONG).await.is_err());
        }
        assert_eq!(told(sign_in).await, "refused account_limit operation.limited");
        let locked = hearing.events("account.locked");
        assert_eq!(locked.len(), 1, "{locked:?}");
        assert_eq!(locked[0].level, tracing::Level::WARN);
        for _ in 0..6 {
            host.auth.request_password_reset("eager@example.com", &client()).await.unwrap();
        }
        assert_eq!(told("account.password.request_reset").await, "refused mail_limit operation.limited");

        database.run("ALTER TABLE sigra_audit RENAME TO sigra_elsewhere").await;
        assert!(host.try_sign_in("nobody@example.com", WRONG).await.is_err());
        assert_eq!(told(sign_in).await, "failed audit operation.failed");
        database.run("ALTER TABLE sigra_elsewhere RENAME TO sigra_audit").await;
        host.auth.close().await;
        assert!(host.auth.session(&format!("sgs.k1.{}", "A".repeat(43))).await.is_err());
        assert_eq!(told("session.own.check").await, "failed database operation.failed");
        for failed in hearing.events("operation.failed") {
            assert_eq!(failed.level, tracing::Level::ERROR);
            assert!(!failed.field("error").is_empty() && !failed.field("help").is_empty(), "{failed:?}");
        }
        assert!(hearing.told().iter().filter(|told| told.is_span).all(|span| {
            (span.field("outcome") == "failed") == (span.field("otel.status_code") == "ERROR")
        }));
    }));
}

#[test]
fn users_without_an_account_are_told_of_at_start_until_they_are_adopted() {
    in_turn(each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let warned = async |worker: bool| {
            let (hearing, next) = (Hearing::begin(), Host::join(database.clone()).await);
            let found = || hearing.events("account.not_adopted");
            if worker {
                // A host that keeps Sigra's migrations among its own.
                let worker = next.auth.start_worker(next.mailbox.clone(), links());
                until("the worker tells of it", async || !found().is_empty()).await;
                drop(worker);
            }
            for _ in 0..2 {
                next.auth.migrate().await.unwrap();
            }
            let rows = |told: &Told| format!("{} {}", told.field("table"), told.field("rows"));
            found().iter().map(rows).collect::<Vec<_>>()
        };
        assert!(warned(false).await.is_empty());
        host.import("eve@example.com", "!").await;
        host.import("bob@example.com", "!").await;
        assert_eq!(warned(false).await, ["users 2"]);
        assert_eq!(warned(true).await, ["users 2"]);
        assert_eq!(
            host.auth.adopt_accounts("root", |_| AdoptAs::Confirmed, &client()).await.unwrap().adopted,
            2
        );
        assert!(warned(false).await.is_empty());
    }));
}

#[test]
fn a_worker_whose_mails_cannot_be_recorded_rests_before_it_tries_again() {
    in_turn_on_threads(each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        for number in 0..25 {
            register(&host, &format!("u{number}@example.com")).await;
        }
        for number in 0..25 {
            host.auth.resend_confirmation(&format!("u{number}@example.com"), &somebody()).await.unwrap();
        }
        let mails = host.mailbox.all().len();
        database.run("ALTER TABLE sigra_audit RENAME TO sigra_elsewhere").await;
        let hearing = Hearing::begin();
        let failed = || {
            let failed = hearing.events("operation.failed");
            failed.iter().filter(|told| told.field("operation") == "mail.message.send").count()
        };
        let begun = Instant::now();
        let worker = host.auth.start_worker(host.mailbox.clone(), links());
        until("the first look", async || failed() >= 20).await;
        // Time for many more. A look is at twenty, the second one may begin before the last of the first has failed, and another
        // comes every ten seconds.
        tokio::time::sleep(Duration::from_secs(4)).await;
        let failures = failed();
        let looks = 3 + usize::try_from(begun.elapsed().as_secs() / 10).unwrap();
        assert!(failures <= 20 * looks, "{failures} failures in {looks} looks");
        // It goes on once it can.
        database.run("ALTER TABLE sigra_elsewhere RENAME TO sigra_audit").await;
        until("the mails", async || host.mailbox.all().len() == mails + 25).await;
        drop(worker);
    }));
}

#[test]
fn a_request_without_the_network_that_limits_count_by_is_told_once() {
    in_turn(each_database(|database| async move {
        let host = Host::start(database).await;
        let hearing = Hearing::begin();
        let missing = || hearing.events("request.network_missing");
        let nowhere = Client::unknown();
        // Neither with an address, nor of what no network is counted for.
        assert!(host.try_sign_in(ADA, WRONG).await.is_err());
        assert!(!host.auth.enable_account("root", &uuid::Uuid::nil(), &nowhere).await.unwrap());
        assert_eq!(missing().len(), 0);
        host.auth.request_password_reset(ADA, &nowhere).await.unwrap();
        assert!(host.auth.sign_in(Credentials::new(ADA, WRONG), &nowhere).await.is_err());
        assert!(host.auth.sign_in(Credentials::new(ADA, WRONG), &nowhere).await.is_err());
        let missing = missing();
        assert_eq!(missing.len(), 1, "{missing:?}");
        assert_eq!((missing[0].level, missing[0].field("user_type")), (tracing::Level::ERROR, "User"));
        assert!(missing[0].field("help").contains("from_address"), "{missing:?}");
    }));
}

#[test]
fn a_committed_step_is_told_once_whichever_way_it_commits() {
    in_turn(each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        host.auth.seal_audit().await.unwrap();

        // The rows of refusals are written with the commit, the first hundred of a kind, and the rest are counted.
        let hearing = Hearing::begin();
        let by = client();
        for number in 1..=120 {
            assert!(host.auth.confirm_email("nonsense", &by).await.is_err());
            if number % 50 == 0 {
                // As many as a network has in a quarter of an hour.
                host.clock.advance(Duration::from_mins(15));
            }
        }
        hearing.log.closed("sigra").await;
        let refused = hearing.events("operation.refused");
        assert_eq!(refused.len(), 120);
        assert!(refused.iter().all(|told| told.field("reason") == "invalid_token"));
        assert_eq!(hearing.events("audit.refusals_counted").len(), 0);
        host.clock.advance(Duration::from_hours(2));
        host.auth.seal_audit().await.unwrap();
        host.auth.seal_audit().await.unwrap();
        let counted = hearing.events("audit.refusals_counted");
        assert_eq!(counted.len(), 1, "{counted:?}");
        assert_eq!(
            ["operation", "reason", "count"].map(|name| counted[0].field(name)),
            ["account.email.confirm", "invalid_token", "20"]
        );

        // The database refuses the audit row that joins the statement before it: nothing is committed, and the failure is told
        // once, though the step was run again.
        let here = host.sign_in(ADA).await;
        let hearing = Hearing::begin();
        database.run("ALTER TABLE sigra_audit RENAME TO sigra_elsewhere").await;
        assert!(host.auth.sign_out(here.session(), &by).await.is_err());
        database.run("ALTER TABLE sigra_elsewhere RENAME TO sigra_audit").await;
        assert_eq!(last(&hearing, "session.own.sign_out").await, "failed audit operation.failed");
        assert_eq!(hearing.events("operation.failed").len(), 1);
        host.auth.sign_out(here.session(), &by).await.unwrap();
        assert_eq!(last(&hearing, "session.own.sign_out").await, "success  operation.succeeded");
        assert_eq!(hearing.events("operation.succeeded").len(), 1);

        // A row that Sigra did not write is found when it is sealed, once.
        host.auth.seal_audit().await.unwrap();
        let hearing = Hearing::begin();
        assert!(host.auth.confirm_email("nonsense", &by).await.is_err());
        let on = if database.kind() == Kind::Postgres { " ON sigra_audit" } else { "" };
        database.run(&format!("DROP TRIGGER sigra_audit_on_update{on}")).await;
        database.run("UPDATE sigra_audit SET actor = 'operator:eve' WHERE leaf IS NULL").await;
        host.auth.seal_audit().await.unwrap();
        host.auth.seal_audit().await.unwrap();
        let foreign = hearing.events("audit.row_foreign");
        assert_eq!(foreign.len(), 1, "{foreign:?}");
        assert_eq!(foreign[0].field("row").len(), 36);
        let findings = host.auth.verify_audit("").await.unwrap().findings.len();
        assert!(findings > 0);
        let changed = hearing.events("audit.trail_changed");
        assert_eq!(changed.len(), 1, "{changed:?}");
        assert_eq!(changed[0].field("findings"), findings.to_string());
    }));
}

/// Polls an operation once and drops it. `false`: it was done at once.
async fn hangs_up<T>(operation: Operation<'_, T>) -> bool {
    let mut operation = pin!(operation);
    poll_fn(|context| Poll::Ready(operation.as_mut().poll(context).is_pending())).await
}

#[test]
fn a_caller_who_hangs_up_takes_no_outcome_along() {
    in_turn(each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let hearing = Hearing::begin();
        assert!(hangs_up(host.auth.sign_in(Credentials::new(ADA, PASSWORD), &client())).await);
        let span = hearing.span("session.password.sign_in").await;
        assert_eq!((span.field("outcome"), span.field("session_id").len()), ("success", 36), "{span:?}");
        assert_eq!(hearing.events("operation.succeeded").len(), 1);

        let hearing = Hearing::begin();
        assert!(hangs_up(host.auth.sign_in(Credentials::new(ADA, WRONG), &client())).await);
        let span = hearing.span("session.password.sign_in").await;
        assert_eq!((span.field("outcome"), span.field("reason")), ("refused", "wrong_password"), "{span:?}");

        // What only reads is given up with its caller.
        let session = host.sign_in(ADA).await;
        let hearing = loop {
            let hearing = Hearing::begin();
            // A server at hand may have answered before the read was polled.
            if hangs_up(host.auth.sessions(session.session())).await {
                break hearing;
            }
        };
        let span = hearing.span("session.all.list").await;
        assert_eq!(span.field("outcome"), "abandoned");
        assert_eq!(hearing.events("operation.abandoned").len(), 1);
    }));
}

/// A server that takes no mail, and repeats every word of it.
struct Parrot;

impl Mailer for Parrot {
    fn send(&self, mail: Mail) -> Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + '_>> {
        let local_part = mail.to.split('@').next().unwrap().to_owned();
        let said = format!("550 <{}> no user {local_part}; rejected: {}", mail.to.to_uppercase(), mail.text);
        Box::pin(async { Err(MailError::new(said)) })
    }
}

type Labels = Vec<(&'static str, &'static str)>;

/// What was added to a counter or a histogram since.
struct Since {
    recorder: &'static Recorder,
    before: Vec<(&'static str, Labels, f64)>,
}

impl Since {
    fn begin(recorder: &'static Recorder) -> Self {
        Self { recorder, before: Vec::new() }
    }

    /// Notes a series before something happens to it.
    fn note(&mut self, name: &'static str, labels: &[(&'static str, &'static str)]) {
        self.before.push((name, labels.to_vec(), self.recorder.sum(name, labels)));
    }

    fn grew(&self) -> Vec<u64> {
        let grown = |(name, labels, before): &(&str, Labels, f64)| {
            let by = self.recorder.sum(name, labels) - before;
            assert!(by >= 0.0 && by.fract() == 0.0, "{name} {labels:?}: {by}");
            format!("{by}").parse().unwrap()
        };
        self.before.iter().map(grown).collect()
    }
}

/// Signs in as nobody many times at once, and says how many were told that the server is busy.
async fn crowd(auth: &Sigra<User>, round: usize) -> u64 {
    let mut under_way = tokio::task::JoinSet::new();
    for number in 0..8 {
        let auth = auth.clone();
        under_way.spawn(async move {
            let credentials = Credentials::new(format!("crowd{round}-{number}@example.com"), WRONG);
            auth.sign_in(credentials, &somebody()).await.unwrap_err()
        });
    }
    let errors = under_way.join_all().await;
    errors.iter().filter(|error| matches!(error.refusal(), Some(Refusal::Busy { .. }))).count() as u64
}

#[test]
fn the_recorder_of_the_application_sees_what_happened() {
    in_turn(what_happened_is_recorded());
}

async fn what_happened_is_recorded() {
    let recorder = recorder::install();
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let sign_ins = "sigra_sign_ins_total";
        let mut since = Since::begin(recorder);
        since.note(sign_ins, &[("outcome", "success"), ("method", "password"), ("reason", "none")]);
        since.note(sign_ins, &[("reason", "wrong_password"), ("user_type", "User")]);
        since.note(sign_ins, &[("reason", "unknown_account")]);
        since.note(sign_ins, &[("reason", "account_limit")]);
        since.note("sigra_operations_total", &[("operation", "session.password.sign_in")]);
        since.note("sigra_operation_duration_seconds", &[("operation", "session.password.sign_in")]);
        since.note("sigra_lockouts_total", &[]);
        since.note("sigra_limits_reached_total", &[("limit", "account")]);
        since.note("sigra_session_checks_total", &[("result", "live")]);
        since.note("sigra_session_checks_total", &[("result", "none")]);
        since.note("sigra_hashes_total", &[]);
        since.note("sigra_hash_duration_seconds", &[]);
        since.note("sigra_hash_queue_wait_seconds", &[]);
        let hashes = host.auth.hashes_computed();
        let session = host.sign_in(ADA).await;
        for _ in 0..2 {
            assert!(host.try_sign_in(ADA, WRONG).await.is_err());
        }
        for _ in 0..12 {
            assert!(host.try_sign_in("nobody@example.com", WRONG).await.is_err());
        }
        for token in [session.token().expose(), "nonsense", "sgs.k1."] {
            let _ = host.auth.session(token).await.unwrap();
        }
        assert_eq!(host.auth.hashes_computed() - hashes, 13);
        assert_eq!(since.grew(), [1, 2, 10, 2, 15, 15, 1, 2, 1, 2, 13, 13, 13]);

        both_steps_of_a_sign_in_are_counted(&host, recorder).await;
        the_outbox_is_measured(&host, recorder).await;
        the_sealing_is_measured(&host, recorder).await;
        a_sink_that_falls_behind_is_seen(&host, recorder).await;
        who_finds_no_room_is_counted(&host, &database, recorder).await;
        assert_eq!(recorder.sum("sigra_operations_in_flight", &[]), 0.0);
        assert_eq!(recorder.sum("sigra_hash_queue_depth", &[]), 0.0);
        assert!(recorder.peak("sigra_operations_in_flight") >= 512.0);
        assert!(recorder.peak("sigra_hash_queue_depth") >= 1.0);
        who_holds_old_backup_codes_is_counted(&host, recorder).await;
        the_page_says_what_is_recorded(recorder);
    })
    .await;
}

/// A dashboard must show no attack where people sign in with two factors, and show one where codes are guessed at.
async fn both_steps_of_a_sign_in_are_counted(host: &Host, recorder: &'static Recorder) {
    host.account("twice@example.com").await;
    let (app, _) = host.enrol("twice@example.com").await;
    let sign_ins = "sigra_sign_ins_total";
    let mut since = Since::begin(recorder);
    since.note(
        sign_ins,
        &[("method", "password"), ("outcome", "challenged"), ("reason", "second_factor_due")],
    );
    since.note(sign_ins, &[("method", "password"), ("outcome", "refused")]);
    since.note(sign_ins, &[("method", "password"), ("outcome", "success")]);
    since.note(sign_ins, &[("method", "second_factor"), ("outcome", "success"), ("reason", "none")]);
    since.note(sign_ins, &[("method", "second_factor"), ("outcome", "refused"), ("reason", "wrong_code")]);
    since.note(sign_ins, &[("method", "second_factor"), ("outcome", "refused"), ("reason", "factor_limit")]);
    since.note("sigra_limits_reached_total", &[("limit", "factor")]);
    let pending = challenge(host, "twice@example.com").await;
    let _ = host.auth.prove_second_factor(&pending, app.code(0), &client()).await.unwrap();
    let pending = challenge(host, "twice@example.com").await;
    for _ in 0..7 {
        assert!(host.auth.prove_second_factor(&pending, app.wrong(), &client()).await.is_err());
    }
    assert_eq!(since.grew(), [2, 0, 0, 1, 5, 2, 2]);
}

async fn the_outbox_is_measured(host: &Host, recorder: &'static Recorder) {
    host.deliver().await;
    let mut since = Since::begin(recorder);
    let mails = "sigra_mails_total";
    since.note(mails, &[("kind", "confirm_email"), ("outcome", "failed")]);
    since.note(mails, &[("kind", "confirm_email"), ("outcome", "sent")]);
    since.note(mails, &[("kind", "reset_password"), ("outcome", "dropped")]);
    since.note("sigra_mail_delivery_age_seconds", &[("kind", "confirm_email")]);
    let _ = host.register("late@example.com").await.unwrap();
    assert_eq!(host.auth.deliver_mail(&Parrot, &links()).await.unwrap(), 0);
    let level = |name| recorder.sum(name, &[("user_type", "User")]);
    assert_eq!((level("sigra_outbox_mails"), level("sigra_outbox_due_mails")), (1.0, 0.0));
    host.clock.advance(Duration::from_mins(10));
    host.auth.request_password_reset("nobody@example.com", &client()).await.unwrap();
    assert_eq!(host.deliver().await, 1);
    assert_eq!(since.grew(), [1, 1, 1, 1]);
    let age = recorder.last("sigra_mail_delivery_age_seconds", &[("kind", "confirm_email")]).unwrap();
    assert!(age >= 600.0, "{age}");
    assert_eq!((level("sigra_outbox_mails"), level("sigra_outbox_oldest_seconds")), (0.0, 0.0));

    let _ = host.register("later@example.com").await.unwrap();
    assert_eq!(host.auth.deliver_mail(&Parrot, &links()).await.unwrap(), 0);
    host.clock.advance(Duration::from_hours(1));
    assert_eq!(host.auth.deliver_mail(&Parrot, &links()).await.unwrap(), 0);
    assert!(level("sigra_outbox_oldest_seconds") >= 3_600.0);
    host.database.run("UPDATE sigra_outbox SET kind = 'of a newer version'").await;
    host.clock.advance(Duration::from_hours(1));
    assert_eq!(host.deliver().await, 0);
    assert_eq!((level("sigra_outbox_mails"), level("sigra_outbox_due_mails")), (1.0, 1.0));
}

async fn the_sealing_is_measured(host: &Host, recorder: &'static Recorder) {
    let level = |name| recorder.sum(name, &[("user_type", "User")]);
    // The clock of a test runs on between its jumps.
    let minutes = |name| (level(name) / 60.0).floor();
    let stands = || (level("sigra_audit_unsequenced_rows"), minutes("sigra_audit_checkpoint_age_seconds"));
    assert!(host.auth.seal_audit().await.unwrap().checkpoint.is_some());
    assert_eq!(stands(), (0.0, 0.0));
    // Nobody can seal for an hour, and three rows come.
    host.database.run("ALTER TABLE sigra_audit_tree RENAME TO sigra_elsewhere").await;
    for _ in 0..3 {
        assert!(host.auth.confirm_email("nonsense", &somebody()).await.is_err());
    }
    host.clock.advance(Duration::from_hours(1));
    assert!(host.auth.seal_audit().await.is_err());
    assert_eq!(stands(), (3.0, 60.0));
    host.database.run("ALTER TABLE sigra_elsewhere RENAME TO sigra_audit_tree").await;
    let sealing = host.auth.start_worker(Parrot, links());
    until("the worker seals, and measures it", async || stands() == (0.0, 0.0)).await;
    drop(sealing);
    // Nobody writes for a day: the newest checkpoint is none the worse for it.
    host.clock.advance(Duration::from_hours(24));
    host.auth.seal_audit().await.unwrap();
    assert_eq!(stands(), (0.0, 0.0));
}

/// Takes rows or refuses them.
struct Valve(Arc<AtomicBool>);

impl AuditSink for Valve {
    fn name(&self) -> String {
        "valve".into()
    }

    fn forward(&self, _: Vec<Row>) -> Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send + '_>> {
        let open = self.0.load(Ordering::SeqCst);
        Box::pin(async move { if open { Ok(()) } else { Err(SinkError::new("shut")) } })
    }
}

async fn a_sink_that_falls_behind_is_seen(host: &Host, recorder: &'static Recorder) {
    let open = Arc::new(AtomicBool::new(true));
    let builder = Sigra::<User>::builder().url(host.database.url()).forward_audit_to(Valve(open.clone()));
    let sinking = Host::with(host.database.clone(), builder).await;
    let behind = || recorder.sum("sigra_audit_sink_behind_rows", &[("user_type", "User"), ("sink", "valve")]);
    let rows = host.database.count("sigra_audit", "1 = 1").await;
    sinking.auth.seal_audit().await.unwrap();
    assert_eq!(behind(), f64::from(i32::try_from(rows).unwrap()), "it has not got any yet");
    sinking.auth.forward_audit().await.unwrap();
    sinking.auth.seal_audit().await.unwrap();
    assert_eq!(behind(), 0.0);
    open.store(false, Ordering::SeqCst);
    for _ in 0..3 {
        assert!(host.auth.confirm_email("nonsense", &somebody()).await.is_err());
    }
    sinking.auth.seal_audit().await.unwrap();
    assert!(sinking.auth.forward_audit().await.is_err());
    sinking.auth.seal_audit().await.unwrap();
    assert_eq!(behind(), 3.0);
    sinking.auth.close().await;
}

async fn who_holds_old_backup_codes_is_counted(host: &Host, recorder: &'static Recorder) {
    let level = async || {
        host.auth.sweep().await.unwrap();
        recorder.sum("sigra_backup_codes_under_old_keys", &[("user_type", "User")])
    };
    host.account("codes@example.com").await;
    let (app, session) = host.enrol("codes@example.com").await;
    let sudo = host.auth.sudo(session.into_parts().0).await.unwrap();
    let _ = host.auth.create_backup_codes(&sudo, &client()).await.unwrap();
    assert_eq!(level().await, 0.0);
    host.auth.rotate_keys(Keyring::parse(ROTATED).unwrap()).await.unwrap();
    assert_eq!(level().await, 1.0);
    let session = host.sign_in_twice("codes@example.com", &app).await;
    let sudo = host.auth.sudo(session.into_parts().0).await.unwrap();
    let _ = host.auth.create_backup_codes(&sudo, &client()).await.unwrap();
    assert_eq!(level().await, 0.0);
}

async fn who_finds_no_room_is_counted(host: &Host, database: &Database, recorder: &'static Recorder) {
    let busy = "sigra_busy_total";
    // More operations than may be under way, all begun before any can end: this runtime has one thread.
    let mut since = Since::begin(recorder);
    since.note(busy, &[("limit", "operations")]);
    since.note("sigra_operations_total", &[("outcome", "refused"), ("reason", "busy")]);
    let session = host.sign_in(ADA).await;
    let visitor = client();
    let mut begun: Vec<_> =
        (0..600).map(|_| host.auth.revoke_other_sessions(session.session(), &visitor)).collect();
    let mut refused = 0;
    let mut waiting = Vec::new();
    for mut operation in begun.drain(..) {
        match poll_fn(|context| Poll::Ready(Pin::new(&mut operation).poll(context))).await {
            Poll::Ready(Err(error)) if matches!(error.refusal(), Some(Refusal::Busy { .. })) => refused += 1,
            Poll::Ready(result) => panic!("{result:?}"),
            Poll::Pending => waiting.push(operation),
        }
    }
    for operation in waiting {
        operation.await.unwrap();
    }
    assert_eq!((refused, since.grew()), (88, vec![88, 88]));

    for (limit, hashing) in [
        ("hash_queue", Hashing { permits: 1, queue: 2, deadline: Duration::from_mins(10) }),
        ("hash_deadline", Hashing { permits: 1, queue: 64, deadline: Duration::from_millis(1) }),
    ] {
        let builder = Sigra::<User>::builder().url(database.url()).keyring(Keyring::parse(KEYS).unwrap());
        let auth = builder.clock(Arc::new(TestClock::default())).hashing(hashing).build().await.unwrap();
        let mut since = Since::begin(recorder);
        since.note(busy, &[("limit", limit)]);
        let mut told = 0;
        for round in 0.. {
            assert!(round < 50, "the queue was never full");
            told += crowd(&auth, round).await;
            if told > 0 {
                break;
            }
        }
        assert_eq!(since.grew(), [told], "{limit}");
        auth.close().await;
    }
}

/// The labels that the page gives each metric.
fn documented() -> Vec<(String, String, BTreeSet<String>)> {
    let page = include_str!("../../sigra/src/telemetry/page.md");
    let cells =
        |row: &str| -> Vec<String> { row.split('|').map(|cell| cell.trim().replace('`', "")).collect() };
    let rows = page.lines().filter(|line| line.starts_with("| `sigra_")).map(cells);
    rows.map(|row| {
        let labels = row[3].split(", ").filter(|label| !label.is_empty()).map(str::to_owned).collect();
        (row[1].clone(), row[2].clone(), labels)
    })
    .collect()
}

fn the_page_says_what_is_recorded(recorder: &Recorder) {
    let documented = documented();
    let mut seen = BTreeSet::new();
    for series in recorder.series().iter().filter(|series| series.name.starts_with("sigra_")) {
        let (_, kind, labels) =
            documented.iter().find(|(name, ..)| *name == series.name).expect(&series.name);
        assert_eq!(
            (series.kind, series.labels.keys().cloned().collect()),
            (kind.as_str(), labels.clone()),
            "{series:?}"
        );
        // Words of the library and names of types, and nothing that a visitor sent.
        for value in series.labels.values() {
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
            assert!(value.chars().all(word) && !value.contains("nobody"), "{series:?}");
        }
        seen.insert(series.name.clone());
    }
    let all: BTreeSet<String> = METRICS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(seen, all);
    let described = recorder.described();
    assert!(
        METRICS
            .iter()
            .all(|name| described.get(*name).is_some_and(|(unit, text)| unit.is_some() && !text.is_empty()))
    );
}
