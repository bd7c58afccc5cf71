//! Events of the host's own: one row each in the one trail, by whom the types say, or a typed failure and no row.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};

use sigra::audit::{Details, EventError, EventName, Value, event_name};
use sigra::{AuditDetail, AuditEvent, Client, Error, Failure};
use sigra_tests::database::Kind;
use sigra_tests::evidence::host_with_sink;
use sigra_tests::host::client;
use sigra_tests::{Database, Host, each_database};

const ADA: &str = "ada@example.com";

/// An event with most kinds of values in it.
#[derive(Clone, Debug, AuditEvent)]
#[sigra(event = "billing.invoice.export")]
struct InvoiceExported<'a> {
    invoice: uuid::Uuid,
    pages: u32,
    format: &'a str,
    coupon: Option<String>,
    lines: Vec<Line>,
    #[sigra(skip)]
    file: Vec<u8>,
}

#[derive(Clone, Debug, AuditDetail)]
struct Line {
    article: String,
    #[sigra(key = "net-cents")]
    cents: i64,
}

#[derive(Clone, Copy, Debug, AuditEvent)]
#[sigra(event = "shop.door.open")]
struct DoorOpened;

/// By hand, with whatever details a test wants.
struct Imported(Details);

impl AuditEvent for Imported {
    const NAME: EventName = event_name!("billing.invoices.import");

    fn details(&self) -> Details {
        self.0.clone()
    }
}

fn exported() -> InvoiceExported<'static> {
    InvoiceExported {
        invoice: uuid::Uuid::from_u128(7),
        pages: 3,
        format: "pdf\r\n\u{202e}\"a4\"",
        coupon: None,
        lines: vec![Line { article: "A-17".into(), cents: -1999 }],
        file: vec![0x42; 100_000],
    }
}

const EXPORTED: &str = concat!(
    r#"{"coupon":null,"format":"pdf\"a4\"","invoice":"00000000-0000-0000-0000-000000000007","#,
    r#""lines":[{"article":"A-17","net-cents":-1999}],"pages":3}"#
);

/// What the rows of the host's own events hold, oldest first; an absent value is `-`.
async fn rows(database: &Database) -> Vec<String> {
    let columns = ["event", "outcome", "reason", "actor", "on_behalf_of", "user_id", "session_id", "details"];
    let text = |column: &str| match (column, database.kind()) {
        ("session_id", Kind::Postgres) => "COALESCE(REPLACE(session_id::text, '-', ''), '-')".to_owned(),
        // SQLite writes nothing at all as an empty text.
        ("session_id", _) => "COALESCE(NULLIF(LOWER(HEX(session_id)), ''), '-')".to_owned(),
        _ => format!("COALESCE({column}, '-')"),
    };
    let texts: Vec<_> = columns.into_iter().map(text).collect();
    let row = match database.kind() {
        Kind::Sqlite => texts.join(" || ' ' || "),
        Kind::Postgres | Kind::MySql => format!("CONCAT_WS(' ', {})", texts.join(", ")),
    };
    let own = "event LIKE 'billing.%' OR event LIKE 'shop.%'";
    database.texts(&format!("SELECT {row} FROM sigra_audit WHERE {own} ORDER BY at, id")).await
}

#[tokio::test]
async fn each_way_to_record_writes_one_row_that_says_who_it_was() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let new = host.sign_in(ADA).await;
        let session = new.session();
        let (user, id) = (session.user().id, session.id().to_string().replace('-', ""));
        let before = host.trail().await.len();
        let auth = &host.auth;
        let event = exported();
        auth.record(session, &event, &client()).await.unwrap();
        assert_eq!(event.file.len(), 100_000, "it stands in no row, whatever it holds");
        auth.record(session, event.refused("over_quota"), &client()).await.unwrap();
        auth.record(session, DoorOpened.failed("jammed"), &client()).await.unwrap();
        auth.record_by_operator("root\u{202e}\n", Some(&user), DoorOpened, &client()).await.unwrap();
        auth.record_by_operator("root", None, DoorOpened, &client()).await.unwrap();
        let job = Client::unknown().with_request_id("job-7");
        auth.record_by_system(Some(&user), DoorOpened, &job).await.unwrap();
        auth.record_by_system(None, DoorOpened, &job).await.unwrap();
        let expected = [
            format!("billing.invoice.export success - account - {user} {id} {EXPORTED}"),
            format!("billing.invoice.export refused over_quota account - {user} {id} {EXPORTED}"),
            format!("shop.door.open failed jammed account - {user} {id} -"),
            format!("shop.door.open success - operator:root {user} {user} - -"),
            "shop.door.open success - operator:root - - - -".to_owned(),
            format!("shop.door.open success - system {user} {user} - -"),
            "shop.door.open success - system - - - -".to_owned(),
        ];
        assert_eq!(rows(&database).await, expected);
        assert_eq!(host.trail().await.len(), before + expected.len(), "and no other row");
        assert_eq!(database.count("sigra_audit", "request_id = 'job-7' AND network IS NULL").await, 2);
        let facts = "event = 'billing.invoice.export' AND network = '192.0.2.7' AND user_agent IS NOT NULL";
        assert_eq!(database.count("sigra_audit", facts).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_user_reads_them_in_the_recent_activity() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        host.account("eve@example.com").await;
        let (ada, eve) = (host.sign_in(ADA).await, host.sign_in("eve@example.com").await);
        host.auth.record(ada.session(), exported(), &client()).await.unwrap();
        host.auth.record_by_operator("root", Some(&ada.user().id), DoorOpened, &client()).await.unwrap();
        host.auth.record(eve.session(), DoorOpened, &client()).await.unwrap();
        let activity = host.auth.activity(ada.session(), 3).await.unwrap();
        let shown: Vec<_> = activity
            .iter()
            .map(|row| (&*row.event, &*row.outcome, &*row.actor, row.details.as_deref()))
            .collect();
        let expected = [
            ("shop.door.open", "success", "operator:root", None),
            ("billing.invoice.export", "success", "account", Some(EXPORTED)),
            ("session.password.sign_in", "success", "account", None),
        ];
        assert_eq!(shown, expected);
    })
    .await;
}

#[tokio::test]
async fn what_is_out_of_its_bounds_is_refused_by_name_and_leaves_no_row() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let new = host.sign_in(ADA).await;
        let before = host.trail().await;
        let deep = (0..10).fold(Value::Null, |inner, _| Value::List(vec![inner]));
        let cases = [
            (
                Details::new().with("deep", deep),
                EventError::TooDeep { at: format!("deep{}", "[0]".repeat(7)) },
            ),
            (Details::new().with("many", vec![0; 101]), EventError::TooManyEntries { at: "many".into() }),
            (Details::new().with("a b", 1), EventError::Key { at: String::new() }),
            (
                Details::new().with("headers", BTreeMap::from([("Set-Cookie", "sid=1")])),
                EventError::Secret { at: "headers".into(), word: "cookie" },
            ),
            (Details::new().with("note", "x".repeat(1001)), EventError::TextTooLong { at: "note".into() }),
            (Details::new().with("a", vec!["x".repeat(1000); 9]), EventError::TooLarge),
        ];
        for (details, expected) in cases {
            let by_account = host.auth.record(new.session(), Imported(details.clone()), &client()).await;
            let by_operator =
                host.auth.record_by_operator("root", None, Imported(details.clone()), &client()).await;
            let by_system = host.auth.record_by_system(None, Imported(details), &client()).await;
            for result in [by_account, by_operator, by_system] {
                match result {
                    Err(Error::Failed(Failure::Event(error))) => assert_eq!(error, expected),
                    other => panic!("{expected:?}: {other:?}"),
                }
            }
        }
        let result = host.auth.record(new.session(), DoorOpened.refused("Over quota!"), &client()).await;
        assert!(matches!(result, Err(Error::Failed(Failure::Event(EventError::Reason)))), "{result:?}");
        assert_eq!(host.trail().await, before);
        // The largest that there may be fits each database's column.
        let most = vec!["\u{1f600}".repeat(250); 8];
        host.auth
            .record(new.session(), Imported(Details::new().with("a", most.clone())), &client())
            .await
            .unwrap();
        let written = &host.auth.activity(new.session(), 1).await.unwrap()[0];
        assert_eq!(written.details, Some(format!("{{\"a\":[\"{}\"]}}", most.join("\",\""))));
    })
    .await;
}

#[tokio::test]
async fn without_its_row_an_event_is_a_typed_failure() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let new = host.sign_in(ADA).await;
        let user = new.user().id;
        database.run("ALTER TABLE sigra_audit RENAME TO sigra_elsewhere").await;
        let dumper = database.dumper().await;
        let before = dumper.dump().await;
        let results = [
            host.auth.record(new.session(), exported(), &client()).await,
            host.auth.record(new.session(), exported().refused("over_quota"), &client()).await,
            host.auth.record_by_operator("root", Some(&user), DoorOpened, &client()).await,
            host.auth.record_by_system(None, DoorOpened, &client()).await,
        ];
        for result in results {
            let Err(Error::Failed(failure @ Failure::Audit { .. })) = result else { panic!("{result:?}") };
            assert!(failure.to_string().contains("sigra_audit"), "{failure}");
        }
        assert_eq!(dumper.dump().await, before);
        database.run("ALTER TABLE sigra_elsewhere RENAME TO sigra_audit").await;
        host.auth.record(new.session(), exported(), &client()).await.unwrap();
        assert_eq!(rows(&database).await.len(), 1);
    })
    .await;
}

/// What a user did in a session was done, whether or not it has ended by the time it is recorded.
#[tokio::test]
async fn an_event_of_a_session_that_has_ended_is_not_lost() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let new = host.sign_in(ADA).await;
        host.auth.sign_out(new.session(), &client()).await.unwrap();
        host.auth.record(new.session(), DoorOpened, &client()).await.unwrap();
        assert_eq!(rows(&database).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_each_have_their_row_and_all_are_sealed_and_verified() {
    const TASKS: u32 = 8;
    const EACH: u32 = 12;
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        host.account(ADA).await;
        let new = std::sync::Arc::new(host.sign_in(ADA).await);
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let (auth, new) = (host.auth.clone(), new.clone());
                tokio::spawn(async move {
                    for number in 0..EACH {
                        let details = Details::new().with("number", task * EACH + number);
                        let client = Client::unknown();
                        match task % 3 {
                            0 => auth.record(new.session(), Imported(details), &client).await.unwrap(),
                            1 => auth
                                .record_by_operator("root", None, Imported(details), &client)
                                .await
                                .unwrap(),
                            _ => auth.record_by_system(None, Imported(details), &client).await.unwrap(),
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let details = "SELECT details FROM sigra_audit WHERE event = 'billing.invoices.import'";
        let rows = database.texts(details).await;
        let expected: BTreeSet<_> =
            (0..TASKS * EACH).map(|number| format!("{{\"number\":{number}}}")).collect();
        assert_eq!(rows.len(), expected.len());
        assert_eq!(rows.into_iter().collect::<BTreeSet<_>>(), expected);

        host.auth.seal_audit().await.unwrap();
        let report = host.auth.verify_audit(&sink.text()).await.unwrap();
        assert!(report.is_clean() && report.size >= u64::from(TASKS * EACH), "{report:?}");
    })
    .await;
}
