//! Checkpoints: each goes to every sink whatever becomes of the others, and what somebody writes into their table keeps nobody
//! from the next.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sigra::audit::{
    AuditSink, Checkpoint, CheckpointError, CheckpointSink, FileSink, Finding, Row, SinkError,
};
use sigra::{Error, Failure, Sigra};
use sigra_tests::database::Kind;
use sigra_tests::evidence::{Intruder, MemorySink, host_with_sink, idle_rows, join_with_sink};
use sigra_tests::host::{Mailbox, User, links};
use sigra_tests::{Database, Host, each_database, log, until};

/// The id of the first row of the log.
async fn first_row(database: &Database) -> uuid::Uuid {
    let id = if database.kind() == Kind::Postgres { "id::text" } else { "lower(hex(id))" };
    let first = format!("SELECT {id} FROM sigra_audit WHERE leaf = 0");
    database.texts(&first).await.remove(0).parse().unwrap()
}

fn sizes(sink: &MemorySink) -> Vec<u64> {
    sink.all().iter().map(Checkpoint::size).collect()
}

/// Seals, and gives what the log is said to be changed in.
#[track_caller]
fn what_changed<T: std::fmt::Debug>(sealed: Result<T, Error>) -> String {
    let error = sealed.unwrap_err();
    let Error::Failed(Failure::AuditChanged(what)) = error else { panic!("{error}") };
    what
}

/// A host with settings of a test's own.
async fn host_with(
    database: &Database,
    settings: impl FnOnce(sigra::Builder<User>) -> sigra::Builder<User>,
) -> Host {
    database.run(&sigra_tests::host::users_table(database.kind())).await;
    let host = Host::with(database.clone(), settings(Sigra::<User>::builder().url(database.url()))).await;
    host.auth.migrate().await.unwrap();
    host
}

/// A host with two sinks, of which the first refuses everything.
async fn host_with_a_broken_sink(database: &Database) -> (Host, MemorySink, MemorySink) {
    let [broken, good] = [MemorySink::default(), MemorySink::default()];
    let sinks = (broken.clone(), good.clone());
    let host = host_with(database, |builder| builder.checkpoint_to(sinks.0).checkpoint_to(sinks.1)).await;
    broken.break_down(true);
    (host, broken, good)
}

#[tokio::test]
async fn a_checkpoint_waits_until_every_sink_has_taken_it() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        idle_rows(&host, 5).await;
        sink.break_down(true);
        let error = host.auth.seal_audit().await.unwrap_err();
        let Error::Failed(Failure::CheckpointSink { sink: name, .. }) = &error else { panic!("{error}") };
        assert_eq!(name, "the test");
        assert!(error.to_string().contains("no room left"), "{error}");
        idle_rows(&host, 5).await;
        assert!(
            host.auth.seal_audit().await.is_err(),
            "rows are sealed, and the older checkpoint comes first"
        );
        assert_eq!(database.count("sigra_audit", "leaf IS NULL").await, 0);
        sink.break_down(false);
        host.auth.seal_audit().await.unwrap();
        assert_eq!(sizes(&sink), [5, 10]);
        assert!(host.auth.verify_audit(&sink.text()).await.unwrap().is_clean());
    })
    .await;
}

#[tokio::test]
async fn a_sink_that_fails_keeps_no_other_from_its_checkpoints() {
    each_database(|database| async move {
        let (host, broken, good) = host_with_a_broken_sink(&database).await;
        for _ in 0..2 {
            idle_rows(&host, 5).await;
            let error = host.auth.seal_audit().await.unwrap_err();
            assert!(matches!(error, Error::Failed(Failure::CheckpointSink { .. })), "{error}");
        }
        assert_eq!((sizes(&broken), sizes(&good)), (vec![], vec![5, 10]), "each once");
        assert_eq!(database.count("sigra_audit_checkpoints", "exported_at IS NULL").await, 2);
        broken.break_down(false);
        host.auth.seal_audit().await.unwrap();
        assert_eq!((sizes(&broken), sizes(&good)), (vec![5, 10], vec![5, 10]));
        assert_eq!(database.count("sigra_audit_checkpoints", "exported_at IS NULL").await, 0);
    })
    .await;
}

/// A row that somebody put there: before the due ones, behind them, and in the place of the newest.
#[tokio::test]
async fn a_row_that_is_no_checkpoint_keeps_none_from_being_signed_and_handed_over() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        sink.break_down(true);
        for _ in 0..2 {
            idle_rows(&host, 5).await;
            assert!(host.auth.seal_audit().await.is_err());
        }
        for size in ["0", "1000000"] {
            let columns = "SELECT signed_at FROM sigra_audit_checkpoints WHERE size = 5";
            let junk = "INSERT INTO sigra_audit_checkpoints (size, note, signed_at)";
            database.run(&format!("{junk} SELECT {size}, 'x', c.signed_at FROM ({columns}) c")).await;
        }
        sink.break_down(false);
        let what = what_changed(host.auth.seal_audit().await);
        assert!(what.contains("with the size 1000000 is no checkpoint of Sigra's"), "{what}");
        assert_eq!(sizes(&sink), [5, 10]);
        assert_eq!(database.count("sigra_audit_checkpoints", "exported_at IS NULL").await, 2, "the junk");

        // A process that remembers goes on, and so does one that starts now.
        idle_rows(&host, 5).await;
        let _ = what_changed(host.auth.seal_audit().await);
        assert_eq!(sizes(&sink), [5, 10, 15]);
        let _ = what_changed(host.auth.seal_audit().await);
        assert_eq!(sizes(&sink), [5, 10, 15], "nothing is signed twice");
        let (other, others) = join_with_sink(database.clone()).await;
        idle_rows(&other, 5).await;
        let _ = what_changed(other.auth.seal_audit().await);
        assert_eq!(sizes(&others), [20]);
        let _ = what_changed(other.auth.seal_audit().await);
        assert_eq!(sizes(&others), [20], "nothing is signed twice");
        assert_eq!(database.count("sigra_audit", "leaf IS NULL").await, 0);
        let row = first_row(&database).await;
        assert!(host.auth.prove_audit_row(row).await.unwrap().is_some());

        let text = format!("{}{}", sink.text(), others.text());
        let report = other.auth.verify_audit(&text).await.unwrap();
        let bad = |size| Finding::BadCheckpoint { size: Some(size), why: CheckpointError::Malformed };
        assert_eq!(report.findings, [bad(1_000_000), bad(0)]);

        // As the errors say.
        database.run("DELETE FROM sigra_audit_checkpoints WHERE size IN (0, 1000000)").await;
        idle_rows(&other, 5).await;
        other.auth.seal_audit().await.unwrap();
        assert_eq!(sizes(&others), [20, 25]);
        assert!(other.auth.verify_audit(&text).await.unwrap().is_clean());
    })
    .await;
}

#[tokio::test]
async fn the_newest_checkpoint_cannot_be_put_in_the_place_of_those_to_come() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        for (rows, change, why) in [
            (5, "UPDATE sigra_audit_checkpoints SET size = 1000000", CheckpointError::Misplaced),
            (15, "UPDATE sigra_audit_checkpoints SET note = 'x'", CheckpointError::Malformed),
        ] {
            idle_rows(&host, 5).await;
            host.auth.seal_audit().await.unwrap();
            database.run(change).await;
            let report = host.auth.verify_audit(&sink.text()).await.unwrap();
            let said =
                |finding: &Finding| matches!(finding, Finding::BadCheckpoint { why: it, .. } if *it == why);
            assert!(matches!(&report.findings[..], [finding] if said(finding)), "{report:?}");
            idle_rows(&host, 5).await;
            let what = what_changed(host.auth.seal_audit().await);
            assert!(what.contains(&why.to_string()), "{what}");
            assert_eq!(sizes(&sink).last(), Some(&(rows + 5)));
            database.run("DELETE FROM sigra_audit_checkpoints").await;
        }
    })
    .await;
}

/// Whatever the table says of it: who signed a checkpoint hands it over.
#[tokio::test]
async fn a_checkpoint_that_the_table_has_lost_goes_to_the_sinks_all_the_same() {
    each_database(|database| async move {
        let sink = MemorySink::default();
        let taken = sink.clone();
        // Signed anew it would come too: tomorrow.
        let host = host_with(&database, |builder| {
            builder.checkpoint_to(taken).checkpoint_every(Duration::from_hours(24))
        })
        .await;
        let set = if database.kind() == Kind::Sqlite { "1" } else { "'2026-01-01 00:00:00'" };
        let marked = format!("UPDATE sigra_audit_checkpoints SET exported_at = {set}");
        let changes = ["DELETE FROM sigra_audit_checkpoints", &marked];
        for (rows, change) in [5, 10].into_iter().zip(changes) {
            idle_rows(&host, 5).await;
            sink.break_down(true);
            assert!(host.auth.seal_audit().await.is_err());
            database.run(change).await;
            sink.break_down(false);
            let worker = host.auth.start_worker(Mailbox::default(), links());
            until("the sink has it", async || sizes(&sink).last() == Some(&rows)).await;
            drop(worker);
        }
    })
    .await;
}

/// More rows that are none than are looked at once.
#[tokio::test]
async fn many_rows_that_are_no_checkpoints_keep_none_from_being_signed_either() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        idle_rows(&host, 5).await;
        host.auth.seal_audit().await.unwrap();
        let insert = "INSERT INTO sigra_audit_checkpoints (size, note, signed_at, exported_at)";
        for size in 1_000_000..1_000_025 {
            let select = format!("SELECT {size}, 'x', signed_at, exported_at FROM sigra_audit_checkpoints");
            database.run(&format!("{insert} {select} WHERE size = 5")).await;
        }
        let (other, others) = join_with_sink(database.clone()).await;
        for process in [&host, &other] {
            idle_rows(process, 5).await;
            for _ in 0..2 {
                let _ = what_changed(process.auth.seal_audit().await);
            }
            // Which of them would vouch for it is not looked for any further.
            let _ = what_changed(process.auth.prove_audit_row(first_row(&database).await).await);
        }
        assert_eq!((sizes(&sink), sizes(&others)), (vec![5, 10], vec![15]));
    })
    .await;
}

/// A row of the right size that is none does not pass for the checkpoint that is due, and what takes its place is good.
#[tokio::test]
async fn a_row_in_the_place_of_the_checkpoint_that_is_due_keeps_it_from_nobody() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        idle_rows(&host, 5).await;
        let worker = host.auth.start_worker(Mailbox::default(), links());
        until("a checkpoint", async || sizes(&sink) == [5]).await;
        idle_rows(&host, 5).await;
        until("numbers", async || database.count("sigra_audit", "leaf IS NULL").await == 0).await;
        let junk = "INSERT INTO sigra_audit_checkpoints (size, note, signed_at, exported_at)";
        let put = async |size: u64| {
            let select = format!("SELECT {size}, 'x', signed_at, signed_at FROM sigra_audit_checkpoints");
            database.run(&format!("{junk} {select} WHERE size = 5")).await;
        };
        put(10).await;
        host.clock.advance(Duration::from_mins(2));
        until("a checkpoint", async || sizes(&sink) == [5, 10]).await;
        drop(worker);
        // Nor for a process that starts now, and has seen nothing.
        idle_rows(&host, 5).await;
        let worker = host.auth.start_worker(Mailbox::default(), links());
        until("numbers", async || database.count("sigra_audit", "leaf IS NULL").await == 0).await;
        drop(worker);
        put(15).await;
        let (other, others) = join_with_sink(database.clone()).await;
        other.clock.advance(Duration::from_mins(10));
        let worker = other.auth.start_worker(Mailbox::default(), links());
        until("a checkpoint", async || sizes(&others) == [15]).await;
        drop(worker);
        assert!(other.auth.verify_audit(&sink.text()).await.unwrap().is_clean());
        put(20).await;
        idle_rows(&other, 5).await;
        let what = what_changed(other.auth.seal_audit().await);
        assert!(what.contains("with the size 20") && what.contains("has taken its place"), "{what}");
        other.auth.seal_audit().await.unwrap();
    })
    .await;
}

/// In a quiet time nothing but the worker looks.
#[tokio::test]
async fn a_worker_tells_of_a_log_that_was_put_back_while_nothing_is_written() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        idle_rows(&host, 5).await;
        let worker = host.auth.start_worker(Mailbox::default(), links());
        until("a checkpoint", async || sizes(&sink) == [5]).await;
        Intruder::keep_tree(&database, 5).await;
        idle_rows(&host, 5).await;
        until("numbers", async || database.count("sigra_audit", "leaf IS NULL").await == 0).await;
        Intruder::break_in(database.clone(), 1).await;
        let back = "DELETE FROM sigra_audit WHERE leaf >= 5; DELETE FROM sigra_audit_tree; \
                    INSERT INTO sigra_audit_tree SELECT * FROM kept_tree_5";
        database.run(back).await;
        let told = || {
            let is_it = |line: &&String| line.contains("put back to an earlier state");
            log::capture().lines().iter().filter(is_it).count()
        };
        let before = told();
        host.clock.advance(Duration::from_mins(2));
        until("it is told", async || told() > before).await;
        drop(worker);
        assert_eq!(sizes(&sink), [5]);
    })
    .await;
}

/// Rows that are not the tree's are nothing to anybody.
#[tokio::test]
async fn a_second_row_of_the_tree_stops_nothing() {
    each_database(|database| async move {
        let sink = MemorySink::default();
        let taken = sink.clone();
        let host =
            host_with(&database, |builder| builder.checkpoint_to(taken).forward_audit_to(Drain)).await;
        idle_rows(&host, 5).await;
        host.auth.seal_audit().await.unwrap();
        let columns = "nodes, removed, removed_until, mac, holder, lease_until";
        let second = format!(
            "INSERT INTO sigra_audit_tree (id, size, {columns}) SELECT 2, 900, {columns} FROM sigra_audit_tree"
        );
        database.run(&second).await;
        // Before the worker, which would sign some of them alone.
        idle_rows(&host, 5).await;
        host.clock.advance(Duration::from_mins(2));
        let worker = host.auth.start_worker(Mailbox::default(), links());
        until("a checkpoint", async || sizes(&sink) == [5, 10]).await;
        until("forwarded", async || database.count("sigra_audit_sinks", "next_leaf = 10").await == 1).await;
        drop(worker);
        assert!(host.auth.verify_audit(&sink.text()).await.unwrap().is_clean());
    })
    .await;
}

/// When a checkpoint was signed is said by what was signed: a time in the table keeps the next one away for no moment.
#[tokio::test]
async fn no_time_that_somebody_writes_keeps_a_checkpoint_back() {
    each_database(|database| async move {
        let (host, _) = host_with_sink(database.clone()).await;
        idle_rows(&host, 5).await;
        host.auth.seal_audit().await.unwrap();
        let (other, others) = join_with_sink(database.clone()).await;
        other.clock.advance(Duration::from_hours(1));
        idle_rows(&other, 5).await;
        // The time of a row that was written a moment ago, as the other process sees it.
        let moment = "(SELECT at FROM (SELECT MAX(at) AS at FROM sigra_audit) l)";
        database.run(&format!("UPDATE sigra_audit_checkpoints SET signed_at = {moment}")).await;
        let worker = other.auth.start_worker(Mailbox::default(), links());
        until("numbers", async || database.count("sigra_audit", "leaf IS NULL").await == 0).await;
        until("a checkpoint", async || sizes(&others) == [10]).await;
        drop(worker);
        let report = host.auth.verify_audit(&others.text()).await.unwrap();
        assert!(report.is_clean(), "{report:?}");
    })
    .await;
}

/// A number that somebody gives to a row stands in the way of those before it, until it is taken back. It passes the triggers.
#[tokio::test]
async fn a_number_given_by_hand_keeps_no_checkpoint_back_and_can_be_taken_back() {
    each_database(|database| async move {
        let sink = MemorySink::default();
        let taken = sink.clone();
        let host = host_with(&database, |builder| {
            let builder = builder.checkpoint_to(taken).forward_audit_to(Drain);
            builder.checkpoint_every(Duration::from_hours(24))
        })
        .await;
        idle_rows(&host, 3).await;
        let worker = host.auth.start_worker(Mailbox::default(), links());
        until("a checkpoint", async || !sink.all().is_empty()).await;
        idle_rows(&host, 4).await;
        // A worker that ends while it forwards leaves the rest of its lease behind.
        until("forwarded", async || database.count("sigra_audit_sinks", "next_leaf = 7").await == 1).await;
        drop(worker);
        assert_eq!(sizes(&sink), [3], "the next one is due tomorrow");

        idle_rows(&host, 2).await;
        let last = "SELECT id FROM (SELECT id FROM sigra_audit ORDER BY id DESC LIMIT 1) l";
        let number = format!("UPDATE sigra_audit SET leaf = 7, seal = mac WHERE id = ({last})");
        database.run(&number).await;
        let what = what_changed(host.auth.seal_audit().await);
        assert!(what.contains("numbered 7 or higher"), "{what}");
        assert_eq!(sizes(&sink), [3, 7], "what has its number is vouched for");
        let report = host.auth.verify_audit(&sink.text()).await.unwrap();
        let named = |finding: &Finding| matches!(finding, Finding::Moved { leaf: Some(7), from: None, .. });
        assert!(matches!(&report.findings[..], [finding] if named(finding)), "{report:?}");
        // Nor does a sink of rows get it before its turn.
        assert_eq!(host.auth.forward_audit().await.unwrap(), 0);

        // As SECURITY.md says.
        let on = if database.kind() == Kind::Postgres { " ON sigra_audit" } else { "" };
        let repair = "UPDATE sigra_audit SET leaf = NULL, seal = NULL WHERE leaf >= (SELECT size FROM sigra_audit_tree)";
        database.run(&format!("DROP TRIGGER sigra_audit_on_update{on}")).await;
        database.run(repair).await;
        let written = include_str!("../../SECURITY.md").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(written.contains(repair) && written.contains("DROP TRIGGER sigra_audit_on_update"));
        host.auth.seal_audit().await.unwrap();
        assert_eq!(sizes(&sink), [3, 7, 9]);
        assert_eq!(host.auth.forward_audit().await.unwrap(), 2);
        assert!(host.auth.verify_audit(&sink.text()).await.unwrap().is_clean());
    })
    .await;
}

/// Takes rows and forgets them.
struct Drain;

impl AuditSink for Drain {
    fn name(&self) -> String {
        "drain".into()
    }

    fn forward(&self, _: Vec<Row>) -> Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send + '_>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Never answers, and counts how often it was asked and given up.
#[derive(Clone, Default)]
struct Silent {
    asked: Arc<AtomicUsize>,
    given_up: Arc<AtomicUsize>,
}

struct GivenUp(Arc<AtomicUsize>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl CheckpointSink for Silent {
    fn name(&self) -> String {
        "silent".into()
    }

    fn publish(&self, _: Checkpoint) -> Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send + '_>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let given_up = GivenUp(self.given_up.clone());
        Box::pin(async move {
            let _given_up = given_up;
            std::future::pending().await
        })
    }
}

#[tokio::test]
async fn rows_get_their_numbers_while_a_sink_does_not_answer() {
    each_database(|database| async move {
        let (silent, good) = (Silent::default(), MemorySink::default());
        let sinks = (silent.clone(), good.clone());
        let host =
            host_with(&database, |builder| builder.checkpoint_to(sinks.1).checkpoint_to(sinks.0)).await;
        idle_rows(&host, 5).await;
        let worker = host.auth.start_worker(Mailbox::default(), links());
        until("the sink is asked", async || silent.asked.load(Ordering::SeqCst) > 0).await;
        let given_up = silent.given_up.load(Ordering::SeqCst);
        assert_eq!(sizes(&good), [5]);
        idle_rows(&host, 5).await;
        until("numbers", async || database.count("sigra_audit", "leaf IS NULL").await == 0).await;
        assert_eq!(silent.given_up.load(Ordering::SeqCst), given_up, "it is still at it");
        drop(worker);
        // It is given up with the worker, and nothing of it goes on.
        until("the end", async || {
            silent.given_up.load(Ordering::SeqCst) == silent.asked.load(Ordering::SeqCst)
        })
        .await;
    })
    .await;
}

/// Whatever the other one has meanwhile.
#[tokio::test]
async fn a_sink_that_comes_back_gets_every_checkpoint_in_order() {
    each_database(|database| async move {
        let (host, broken, good) = host_with_a_broken_sink(&database).await;
        // More than are read at once, while a worker hands over beside.
        let worker = host.auth.start_worker(Mailbox::default(), links());
        for _ in 0..25 {
            idle_rows(&host, 1).await;
            let _ = host.auth.seal_audit().await.unwrap_err();
        }
        drop(worker);
        broken.break_down(false);
        host.auth.seal_audit().await.unwrap();
        let all: Vec<u64> = (1..=25).collect();
        assert_eq!(sizes(&broken), all);
        let mut others = sizes(&good);
        others.sort_unstable();
        others.dedup();
        assert_eq!(others, all);
        assert_eq!(database.count("sigra_audit_checkpoints", "exported_at IS NULL").await, 0);
    })
    .await;
}

#[tokio::test]
async fn checkpoints_in_a_file_verify_the_trail() {
    each_database(|database| async move {
        let path = std::env::temp_dir().join(format!("sigra-{}-{}", std::process::id(), database.kind()));
        database.run(&sigra_tests::host::users_table(database.kind())).await;
        let builder = Sigra::<User>::builder().url(database.url()).checkpoint_to(FileSink::new(&path));
        let host = Host::with(database, builder).await;
        host.auth.migrate().await.unwrap();
        for _ in 0..3 {
            idle_rows(&host, 4).await;
            host.auth.seal_audit().await.unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(text.starts_with("sigra/sigra_audit\n4\n"), "{text}");
        let report = host.auth.verify_audit(&text).await.unwrap();
        assert!(report.is_clean() && report.checkpoints == 3, "{report:?}");
    })
    .await;
}
