//! Reading the trail: pages by filter and cursor, exports, and rows that are forwarded to sinks.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sigra::audit::{
    AuditCursor, AuditFilter, AuditOutcome, AuditSink, Event, ExportFormat, Finding, Row, SinkError,
};
use sigra::clock::Clock as _;
use sigra::{AuditExport, Error, Failure, Sigra};
use sigra_tests::canary::hex;
use sigra_tests::database::Kind;
use sigra_tests::evidence::{idle_rows, mixed_rows};
use sigra_tests::host::{User, client, links};
use sigra_tests::{Database, Host, each_database, until};

/// All rows of a filter, page by page.
async fn all(host: &Host, filter: &AuditFilter) -> Vec<Row> {
    let (mut rows, mut next) = (Vec::new(), None);
    loop {
        let page = host.auth.audit_page(filter, next).await.unwrap();
        rows.extend(page.rows);
        next = match page.next {
            // As a link carries it.
            Some(cursor) => Some(cursor.to_string().parse::<AuditCursor>().unwrap()),
            None => return rows,
        };
    }
}

/// Whether a row is among those of a filter.
type Holds<'a> = &'a dyn Fn(&Row) -> bool;

fn count(rows: &[Row], holds: impl Fn(&Row) -> bool) -> usize {
    rows.iter().filter(|row| holds(row)).count()
}

#[tokio::test]
async fn pages_give_every_row_once_newest_first_whatever_is_written_meanwhile() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        idle_rows(&host, 20).await;
        host.clock.advance(Duration::from_secs(1));
        idle_rows(&host, 12).await;
        let before = all(&host, &AuditFilter::new().page_size(500)).await;
        assert_eq!(before.len(), 32);
        assert!(before.is_sorted_by(|one, other| (one.at, one.id) > (other.at, other.id)));
        for size in [1, 7, 16, 32] {
            let filter = AuditFilter::new().page_size(size).until(before[11].at);
            let older = all(&host, &filter).await;
            assert_eq!(older, before[12..], "before the second time");
        }
        // Written between two pages: nothing moves.
        let filter = AuditFilter::new().page_size(9);
        let first = host.auth.audit_page(&filter, None).await.unwrap();
        host.clock.advance(Duration::from_secs(1));
        idle_rows(&host, 5).await;
        let (mut seen, mut next) = (first.rows, first.next);
        while let Some(cursor) = next {
            let page = host.auth.audit_page(&filter, Some(cursor)).await.unwrap();
            seen.extend(page.rows);
            next = page.next;
        }
        assert_eq!(seen, before);
        // Bounded, whatever is asked for.
        assert_eq!(host.auth.audit_page(&filter.clone().page_size(0), None).await.unwrap().rows.len(), 1);
        idle_rows(&host, 480).await;
        let most = host.auth.audit_page(&filter.page_size(u32::MAX), None).await.unwrap();
        assert_eq!((most.rows.len(), most.next.is_some()), (500, true));
    })
    .await;
}

#[tokio::test]
async fn every_filter_gives_its_rows_and_no_others() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        mixed_rows(&host, 60).await;
        host.clock.advance(Duration::from_secs(1));
        let late = host.clock.now();
        let session = host.sign_in("ada@example.com").await;
        host.auth.sign_out(session.session(), &client()).await.unwrap();
        host.auth.seal_audit().await.unwrap();
        let rows = all(&host, &AuditFilter::new()).await;
        assert!(rows.len() >= 60 && rows.iter().all(|row| row.leaf.is_some() && row.count == 1));
        let ada = session.user().id.to_string();
        let id = rows.iter().find_map(|row| row.session_id).unwrap();
        let none = AuditFilter::new;
        let cases: [(AuditFilter, Holds<'_>); 13] = [
            (none().account(session.user().id), &|row| row.user_id.as_ref() == Some(&ada)),
            (none().event(Event::SignIn.name()), &|row| row.event == "session.password.sign_in"),
            (none().area("session"), &|row| row.event.starts_with("session.")),
            (none().area("account.email"), &|row| row.event.starts_with("account.email.")),
            (none().outcome(AuditOutcome::Refused), &|row| row.outcome == "refused"),
            (none().outcome(AuditOutcome::Success), &|row| row.outcome == "success"),
            (none().reason("wrong_password"), &|row| row.reason.as_deref() == Some("wrong_password")),
            (none().session(id), &|row| row.session_id == Some(id)),
            (none().from(late), &|row| row.at >= late),
            (none().until(late), &|row| row.at < late),
            (none().account(&ada).area("session").outcome(AuditOutcome::Refused), &|row| {
                row.user_id.as_ref() == Some(&ada)
                    && row.event.starts_with("session.")
                    && row.outcome == "refused"
            }),
            (none().account(&ada).until(late), &|row| row.user_id.as_ref() == Some(&ada) && row.at < late),
            (none().from(late).event("session.password.sign_in").session(id), &|row| {
                row.at >= late && row.session_id == Some(id) && row.event == "session.password.sign_in"
            }),
        ];
        for (filter, holds) in cases {
            let found = all(&host, &filter.clone().page_size(3)).await;
            assert!(found.iter().all(holds), "{filter:?}");
            assert_eq!(found.len(), count(&rows, holds), "{filter:?}");
        }
        assert!(count(&rows, |row| row.reason.as_deref() == Some("wrong_password")) > 0);
        // Names are no patterns, and nothing that is asked for upsets a database.
        for nothing in [
            none().event("session.password.%"),
            none().event("session.password.sign-in"),
            none().area("s_ssion"),
            none().area("Session"),
            none().area(""),
            none().reason("x\0"),
            none().account("' OR ''='"),
            none().request("no such request"),
            none().until(time::OffsetDateTime::UNIX_EPOCH),
            none().from(time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(365 * 8000)),
        ] {
            assert_eq!(all(&host, &nothing).await, [], "{nothing:?}");
        }
        // A cursor from elsewhere shows nothing that the filter leaves out.
        let cursor = host.auth.audit_page(&none().page_size(1), None).await.unwrap().next;
        let page = host.auth.audit_page(&none().until(late), cursor).await.unwrap();
        assert!(!page.rows.is_empty() && page.rows.iter().all(|row| row.at < late));
    })
    .await;
}

async fn export(host: &Host, filter: AuditFilter, format: ExportFormat) -> AuditExport<User> {
    host.auth.export_audit("root", filter, format, &client()).await.unwrap()
}

#[tokio::test]
async fn an_export_has_every_row_of_the_filter_in_order() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        mixed_rows(&host, 520).await;
        let mut export_of_all = export(&host, AuditFilter::new(), ExportFormat::JsonLines).await;
        // The row of the export itself is the newest.
        let rows = all(&host, &AuditFilter::new()).await;
        assert_eq!((rows[0].event.as_str(), rows[0].actor.as_str()), ("audit.trail.export", "operator:root"));
        let details = "{\"format\":\"json_lines\",\"from\":null,\"narrowed\":false,\"until\":null}";
        assert_eq!(rows[0].details.as_deref(), Some(details));
        let mut chunks = Vec::new();
        while let Some(chunk) = export_of_all.next_chunk().await.unwrap() {
            assert!(chunk.ends_with('\n') && chunk.lines().count() <= 500);
            chunks.push(chunk);
        }
        assert!(export_of_all.next_chunk().await.unwrap().is_none() && chunks.len() > 1);
        let lines: Vec<serde_json::Value> =
            chunks.concat().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), rows.len());
        for (line, row) in lines.iter().zip(&rows) {
            assert_eq!(line["id"], row.id.to_string());
            assert_eq!(line["user_agent"].as_str(), row.user_agent.as_deref());
            assert_eq!(line["mac"], hex(&row.mac));
        }
        let filter = AuditFilter::new().event(Event::SignIn.name());
        let mut exported = export(&host, filter.clone(), ExportFormat::Ocsf).await;
        let ocsf = exported.next_chunk().await.unwrap().unwrap();
        assert_eq!(ocsf.lines().count(), all(&host, &filter).await.len());
        assert!(ocsf.lines().all(|line| line.starts_with("{\"class_uid\":3002,")));
        // A CSV file has its head also where there is no row.
        let mut exported = export(&host, AuditFilter::new().area("none"), ExportFormat::Csv).await;
        assert_eq!(exported.next_chunk().await.unwrap().unwrap().lines().count(), 1);
        assert!(exported.next_chunk().await.unwrap().is_none());
    })
    .await;
}

/// Keeps the numbers of the rows it took.
#[derive(Clone)]
struct Collector {
    name: &'static str,
    taken: Arc<Mutex<Vec<i64>>>,
    broken: Arc<Mutex<bool>>,
    /// It takes rows and never answers.
    hangs: bool,
}

impl Collector {
    fn new(name: &'static str) -> Self {
        Self { name, taken: Arc::default(), broken: Arc::default(), hangs: false }
    }

    fn taken(&self) -> Vec<i64> {
        self.taken.lock().unwrap().clone()
    }

    fn break_down(&self, broken: bool) {
        *self.broken.lock().unwrap() = broken;
    }
}

impl AuditSink for Collector {
    fn name(&self) -> String {
        self.name.into()
    }

    fn forward(&self, rows: Vec<Row>) -> Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send + '_>> {
        Box::pin(async move {
            // Before anybody can see that rows were taken, and mend it.
            let broken = *self.broken.lock().unwrap();
            // Taken, and the answer lost: what at least once is about.
            self.taken.lock().unwrap().extend(rows.iter().filter_map(|row| row.leaf));
            if self.hangs {
                std::future::pending::<()>().await;
            }
            // Others may try in between.
            tokio::task::yield_now().await;
            if broken { Err(SinkError::new("no answer")) } else { Ok(()) }
        })
    }
}

async fn node(database: &Database, sinks: &[&Collector]) -> Host {
    let builder = Sigra::<User>::builder().url(database.url());
    let builder = sinks.iter().fold(builder, |builder, sink| builder.forward_audit_to((*sink).clone()));
    Host::with(database.clone(), builder).await
}

#[tokio::test]
async fn a_sink_gets_every_row_in_order_and_after_a_failure_and_a_restart_again() {
    each_database(|database| async move {
        Host::start(database.clone()).await;
        let (good, bad) = (Collector::new("good"), Collector::new("bad"));
        let host = node(&database, &[&bad, &good]).await;
        assert_eq!(host.auth.forward_audit().await.unwrap(), 0, "an empty trail");
        idle_rows(&host, 600).await;
        assert_eq!(host.auth.forward_audit().await.unwrap(), 0, "nothing is sealed");
        host.auth.seal_audit().await.unwrap();
        bad.break_down(true);
        let error = host.auth.forward_audit().await.unwrap_err();
        assert!(matches!(&error, Error::Failed(Failure::AuditSink { sink, .. }) if sink == "bad"), "{error}");
        let every: Vec<i64> = (0..600).collect();
        assert_eq!(good.taken(), every, "the other one holds nothing up");
        assert_eq!(bad.taken(), every[..256]);

        // Another process, in which it works again.
        let again = Collector::new("bad");
        let other = node(&database, &[&good, &again]).await;
        assert_eq!(other.auth.forward_audit().await.unwrap(), 600);
        assert_eq!((again.taken(), good.taken()), (every.clone(), every));
        idle_rows(&other, 3).await;
        other.auth.seal_audit().await.unwrap();
        assert_eq!(other.auth.forward_audit().await.unwrap(), 6);
        assert_eq!(again.taken()[600..], [600, 601, 602]);

        // A process died with its turn: when that is over, the rows come to whoever is there.
        let turn = async |seconds: i64| {
            let ends = other.clock.now().unix_timestamp() + seconds;
            let ends = match database.kind() {
                Kind::Sqlite => format!("{ends}000000"),
                Kind::Postgres => format!("to_timestamp({ends})"),
                Kind::MySql => format!("'1970-01-01 00:00:00' + INTERVAL {ends} SECOND"),
            };
            let set = format!("UPDATE sigra_audit_sinks SET next_leaf = 600, lease_until = {ends}");
            database.run(&format!("{set} WHERE name = 'bad'")).await;
        };
        turn(110).await;
        assert_eq!(other.auth.forward_audit().await.unwrap(), 0, "somebody else's turn");
        other.clock.advance(Duration::from_mins(2));
        assert_eq!(other.auth.forward_audit().await.unwrap(), 3);
        assert_eq!(again.taken()[603..], [600, 601, 602]);

        // No turn lasts for an hour: its clock was ahead, or somebody wrote it.
        turn(60 * 60).await;
        assert_eq!(other.auth.forward_audit().await.unwrap(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_sink_that_somebody_put_behind_the_end_and_a_row_that_is_gone_are_told() {
    each_database(|database| async move {
        Host::start(database.clone()).await;
        let (sink, log) = (Collector::new("log"), sigra_tests::log::capture());
        let host = node(&database, &[&sink]).await;
        idle_rows(&host, 10).await;
        host.auth.seal_audit().await.unwrap();
        assert_eq!(host.auth.forward_audit().await.unwrap(), 10);
        database.run("UPDATE sigra_audit_sinks SET next_leaf = 1000000000000").await;
        let error = host.auth.forward_audit().await.unwrap_err();
        let Error::Failed(Failure::AuditChanged(what)) = &error else { panic!("{error}") };
        assert!(what.contains("`log` in `sigra_audit_sinks`") && what.contains("`next_leaf`"), "{what}");
        let report = host.auth.verify_audit("").await.unwrap();
        assert_eq!(report.findings, [Finding::SinkPlace { sink: "log".into() }]);

        database.run("UPDATE sigra_audit_sinks SET next_leaf = 2").await;
        assert!(host.auth.verify_audit("").await.unwrap().is_clean());
        sigra_tests::evidence::Intruder::break_in(database.clone(), 1).await;
        database.run("DELETE FROM sigra_audit WHERE leaf IN (5, 6)").await;
        let before = log.told().len();
        assert_eq!(host.auth.forward_audit().await.unwrap(), 6);
        let told = log.told().split_off(before);
        let missed: Vec<_> = told.iter().filter(|told| told.name == "audit.rows_missed").collect();
        assert!(
            missed.iter().any(|told| told.field("next") == "5" && told.field("first") == "7"),
            "{missed:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn what_a_process_was_forwarding_when_it_went_away_comes_again_in_order() {
    each_database(|database| async move {
        Host::start(database.clone()).await;
        let hanging = Collector { hangs: true, ..Collector::new("log") };
        let host = node(&database, &[&hanging]).await;
        idle_rows(&host, 600).await;
        host.auth.seal_audit().await.unwrap();
        let auth = host.auth.clone();
        let forwarding = tokio::spawn(async move { auth.forward_audit().await });
        until("rows in the sink", async || hanging.taken().len() == 256).await;
        forwarding.abort();
        assert!(forwarding.await.unwrap_err().is_cancelled());

        // Nobody knows that it is gone before its turn is over.
        let sink = Collector::new("log");
        let other = node(&database, &[&sink]).await;
        // For which the turn has some more of its minute left.
        other.clock.step_back(Duration::from_secs(50));
        assert_eq!(other.auth.forward_audit().await.unwrap(), 0);
        other.clock.advance(Duration::from_mins(3));
        assert_eq!(other.auth.forward_audit().await.unwrap(), 600);
        assert_eq!((sink.taken(), hanging.taken()), ((0..600).collect(), (0..256).collect()));
    })
    .await;
}

#[tokio::test]
async fn the_worker_seals_and_forwards_by_itself() {
    each_database(|database| async move {
        Host::start(database.clone()).await;
        let sink = Collector::new("log");
        let host = node(&database, &[&sink]).await;
        let worker = host.auth.start_worker(host.mailbox.clone(), links());
        idle_rows(&host, 3).await;
        until("rows in the sink", async || sink.taken().len() == 3).await;
        // A sink that fails gets its rows again, and the worker goes on.
        sink.break_down(true);
        idle_rows(&host, 1).await;
        until("rows in the sink", async || sink.taken().len() == 4).await;
        sink.break_down(false);
        until("rows in the sink", async || sink.taken().len() == 5).await;
        assert_eq!(sink.taken(), [0, 1, 2, 3, 3]);
        drop(worker);
    })
    .await;
}

/// The databases have moments in types of their own; that of MariaDB's `TIMESTAMP` ends in 2038, and that of its columns does not.
#[tokio::test]
async fn moments_are_compared_as_moments_and_after_2038_too() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        idle_rows(&host, 4).await;
        host.clock.advance(Duration::from_hours(24 * 365 * 20));
        let late = host.clock.now();
        assert!(late.year() > 2038);
        idle_rows(&host, 5).await;
        let rows = all(&host, &AuditFilter::new().page_size(2)).await;
        assert_eq!((rows.len(), count(&rows, |row| row.at >= late)), (9, 5));
        // To the microsecond.
        for at in rows.iter().flat_map(|row| [row.at, row.at + time::Duration::microseconds(1)]) {
            let since = all(&host, &AuditFilter::new().page_size(2).from(at)).await;
            assert_eq!(since.len(), count(&rows, |row| row.at >= at), "from {at}");
            let before = all(&host, &AuditFilter::new().page_size(2).until(at)).await;
            assert_eq!(before.len(), count(&rows, |row| row.at < at), "until {at}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_at_once_give_a_sink_every_row_once_and_in_order() {
    each_database(|database| async move {
        Host::start(database.clone()).await;
        let sink = Collector::new("both");
        let nodes = [node(&database, &[&sink]).await, node(&database, &[&sink]).await];
        idle_rows(&nodes[0], 700).await;
        nodes[0].auth.seal_audit().await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for node in nodes.iter().chain(&nodes).cloned() {
            tasks.spawn(async move { node.auth.forward_audit().await.unwrap() });
        }
        let mut total = 0;
        while let Some(rows) = tasks.join_next().await {
            total += rows.unwrap();
        }
        // Whoever found it in another's hands left it alone; what that one had not seen yet is fetched now.
        total += nodes[1].auth.forward_audit().await.unwrap();
        assert_eq!((total, sink.taken()), (700, (0..700).collect()));
    })
    .await;
}

#[tokio::test]
async fn two_sinks_of_one_name_are_refused() {
    let database = Database::create(Kind::Sqlite).await;
    let builder = Sigra::<User>::builder().url(database.url());
    let builder = builder.forward_audit_to(Collector::new("one")).forward_audit_to(Collector::new("one"));
    let clock = Arc::new(sigra::clock::TestClock::default());
    let error = sigra_tests::host::prepare(builder, clock).build().await.unwrap_err();
    assert!(matches!(error, Error::Failed(Failure::Config(_))), "{error}");
}
