//! The evidence: rows are numbered, sealed and signed whatever happens, and whoever changes one behind Sigra's back is found.
//!
//! `SIGRA_TEST_TAMPERINGS` is the number of random changes on each database.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::time::Duration;

use sigra::audit::{
    AuditFilter, AuditReport, Auditor, Checkpoint, CheckpointError, Finding, InclusionProof, PublicKey, Row,
};
use sigra::clock::Clock as _;
use sigra::{Error, Failure, Sigra};
use sigra_tests::database::Kind;
use sigra_tests::evidence::{Intruder, MemorySink, host_with_sink, idle_rows, join_with_sink, mixed_rows};
use sigra_tests::host::{KEYS, Mailbox, User, client, client_number, links};
use sigra_tests::pool::{HostPool, give_up};
use sigra_tests::wait::PATIENCE;
use sigra_tests::{Database, Host, each_database, until};

/// The user type keeps its trail for 400 days.
const RETENTION: Duration = Duration::from_hours(401 * 24);

async fn verify(host: &Host, sink: &MemorySink) -> AuditReport {
    host.auth.verify_audit(&sink.text()).await.unwrap()
}

/// The ids of the sealed rows, in their order.
async fn ids(database: &Database) -> Vec<uuid::Uuid> {
    let id = match database.kind() {
        Kind::Postgres => "id::text",
        _ => "lower(hex(id))",
    };
    let sql = format!("SELECT {id} FROM sigra_audit WHERE leaf IS NOT NULL ORDER BY leaf");
    database.texts(&sql).await.iter().map(|id| id.parse().unwrap()).collect()
}

/// Every number from the first to the last, once.
async fn assert_gapless(database: &Database) {
    let rows = database.count("sigra_audit", "1 = 1").await;
    let condition = "leaf IS NOT NULL AND seal IS NOT NULL AND leaf >= 0";
    assert_eq!(database.count("sigra_audit", condition).await, rows);
    assert_eq!(
        database.count("sigra_audit", &format!("leaf >= {rows}")).await,
        0,
        "the index keeps them apart"
    );
}

#[tokio::test]
async fn what_happened_is_sealed_signed_and_verified_with_and_without_keys() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        assert!(verify(&host, &sink).await.is_clean(), "an empty trail");
        mixed_rows(&host, 300).await;
        let unsealed = verify(&host, &sink).await;
        assert!(unsealed.is_clean() && unsealed.size == 0 && unsealed.unsealed >= 300, "{unsealed:?}");
        let sealed = host.auth.seal_audit().await.unwrap();
        assert_eq!(sealed.rows, unsealed.unsealed);
        assert_eq!(sink.all(), [sealed.checkpoint.clone().unwrap()]);
        // Nothing new, nothing signed.
        let again = host.auth.seal_audit().await.unwrap();
        assert_eq!((again.rows, again.size, again.checkpoint), (0, sealed.size, None));
        idle_rows(&host, 30).await;
        host.auth.seal_audit().await.unwrap();
        assert_gapless(&database).await;
        let report = verify(&host, &sink).await;
        assert!(report.is_clean(), "{:?}", report.findings);
        assert_eq!((report.rows, report.size, report.unsealed), (sealed.size + 30, sealed.size + 30, 0));
        assert_eq!((report.checkpoints, report.unchecked), (2, 0));

        // Somebody with the rows, the checkpoints and the public key alone.
        let keys: Vec<PublicKey> =
            host.auth.audit_public_keys().iter().map(|key| key.to_string().parse().unwrap()).collect();
        let mut rows = Vec::new();
        for id in ids(&database).await {
            let proof = host.auth.prove_audit_row(id).await.unwrap().unwrap();
            assert_eq!(proof.verify(&keys), Ok(()));
            rows.push(proof.row().clone());
        }
        let offline = |rows: &[Row]| {
            let mut auditor = Auditor::new("sigra_audit", &keys, &sink.text());
            for row in rows {
                auditor.row(row);
            }
            auditor.finish()
        };
        let report = offline(&rows);
        assert!(report.is_clean() && report.checkpoints == 2, "{report:?}");
        let mut changed = rows.clone();
        changed[usize::try_from(sealed.size).unwrap()].outcome = "success".into();
        let (above, checkpoint) = (sealed.size, sealed.size + 30);
        assert_eq!(offline(&changed).findings, [Finding::OtherRows { above, checkpoint }]);
        assert!(!offline(&rows[..300]).is_clean(), "cut off");
        assert!(!offline(&rows[1..]).is_clean(), "without the first");

        // A proof is of this row, in this place, under this key.
        let [one, other] = [10, 11].map(|number: usize| rows[number].clone());
        let proof = host.auth.prove_audit_row(one.id).await.unwrap().unwrap();
        let with = |row: Row| {
            InclusionProof::from_parts("sigra_audit", row, proof.path().to_vec(), proof.checkpoint().clone())
                .unwrap()
        };
        assert!(with(one.clone()).verify(&keys).is_ok());
        assert!(with(other).verify(&keys).is_err());
        let mut moved = one.clone();
        moved.leaf = Some(12);
        assert!(with(moved).verify(&keys).is_err());
        assert!(with(one).verify(&[]).is_err());
        assert!(host.auth.prove_audit_row(uuid::Uuid::nil()).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_nodes_that_write_and_seal_at_once_make_one_log() {
    each_database(|database| async move {
        let (first, sink) = host_with_sink(database.clone()).await;
        let mut nodes = vec![(first.clone(), sink)];
        for _ in 0..2 {
            nodes.push(join_with_sink(database.clone()).await);
        }
        // The workers seal too, by lease.
        let workers: Vec<_> =
            nodes.iter().map(|(node, _)| node.auth.start_worker(Mailbox::default(), links())).collect();
        let tasks: Vec<_> = (0..9)
            .map(|number| {
                let (node, _) = nodes[number % 3].clone();
                tokio::spawn(async move {
                    if number < 3 {
                        for _ in 0..15 {
                            node.auth.seal_audit().await.unwrap();
                        }
                    } else {
                        idle_rows(&node, 100).await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        drop(workers);
        first.auth.seal_audit().await.unwrap();
        assert_eq!(database.count("sigra_audit", "1 = 1").await, 600);
        assert_gapless(&database).await;
        let text: String = nodes.iter().map(|(_, sink)| sink.text()).collect();
        let report = first.auth.verify_audit(&text).await.unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
        let sizes: BTreeSet<u64> =
            Checkpoint::find_all(&text).into_iter().map(|found| found.unwrap().size()).collect();
        assert_eq!(report.checkpoints, u64::try_from(sizes.len()).unwrap());
        assert_eq!(sizes.last(), Some(&600));
    })
    .await;
}

#[tokio::test]
async fn a_worker_alone_seals_and_the_lease_leaves_the_log_to_one() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        let (other, other_sink) = join_with_sink(database.clone()).await;
        idle_rows(&host, 20).await;
        let worker = host.auth.start_worker(Mailbox::default(), links());
        until("a checkpoint", async || !sink.all().is_empty()).await;
        // Who has the lease, and until which second.
        let lease = async || {
            let [holder, seconds] = match database.kind() {
                Kind::Sqlite => ["lower(hex(holder))", "CAST(lease_until / 1000000 AS TEXT)"],
                Kind::Postgres => ["holder::text", "floor(extract(epoch FROM lease_until))::text"],
                Kind::MySql => {
                    let seconds = "CAST(TIMESTAMPDIFF(SECOND, '1970-01-01 00:00:00', lease_until) AS CHAR)";
                    ["lower(hex(holder))", seconds]
                }
            };
            let tree = |value: &str| format!("SELECT {value} FROM sigra_audit_tree");
            let seconds: i64 = database.texts(&tree(seconds)).await.remove(0).parse().unwrap();
            (database.texts(&tree(holder)).await.remove(0), seconds)
        };
        let (first, leased_until) = lease().await;
        let second_worker = other.auth.start_worker(Mailbox::default(), links());
        idle_rows(&other, 20).await;
        let sealed = async || database.count("sigra_audit", "leaf IS NULL").await == 0;
        until("every row has its number", sealed).await;
        let (holder, _) = lease().await;
        let has_signed = !other_sink.all().is_empty();
        // On a machine that stood still for longer it may be anybody's.
        if other.clock.now().unix_timestamp() < leased_until {
            assert_eq!(holder, first, "the lease is with the first");
            assert!(!has_signed);
        }
        // A node that is gone holds the log up for no longer than its lease.
        drop(worker);
        other.clock.advance(Duration::from_mins(5));
        idle_rows(&other, 20).await;
        until("a checkpoint of the other node", async || !other_sink.all().is_empty()).await;
        until("the other node has the log", async || lease().await.0 != first).await;
        drop(second_worker);
        let report = other.auth.verify_audit(&format!("{}{}", sink.text(), other_sink.text())).await.unwrap();
        assert!(report.is_clean() && report.checkpoints >= 2, "{report:?}");
    })
    .await;
}

/// A moment that no clock of this century shows, as a column has it.
fn far(database: &Database) -> &'static str {
    if database.kind() == Kind::Sqlite { "253370764800000000" } else { "'9999-01-01 00:00:00'" }
}

/// Times and leases are under no keyed hash, so none of them may keep the log from being sealed and signed.
#[tokio::test]
async fn no_time_and_no_lease_that_somebody_writes_stops_the_checkpoints() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        idle_rows(&host, 5).await;
        host.auth.seal_audit().await.unwrap();
        let id = match database.kind() {
            Kind::Postgres => "gen_random_uuid()",
            Kind::Sqlite => "randomblob(16)",
            Kind::MySql => "RANDOM_BYTES(16)",
        };
        let far = far(&database);
        let mut texts = sink.text();
        // Also a process that has signed nothing yet goes on, and one whose clock was ahead and is put right.
        for (minutes, change) in [
            (5, format!("UPDATE sigra_audit_checkpoints SET signed_at = {far}")),
            (10, format!("UPDATE sigra_audit_tree SET holder = {id}, lease_until = {far}")),
        ] {
            let (other, other_sink) = join_with_sink(database.clone()).await;
            database.run(&change).await;
            idle_rows(&other, 5).await;
            let worker = other.auth.start_worker(Mailbox::default(), links());
            other.clock.advance(Duration::from_mins(minutes));
            until("a checkpoint", async || !other_sink.all().is_empty()).await;
            drop(worker);
            other.auth.close().await;
            texts.push_str(&other_sink.text());
        }
        let report = host.auth.verify_audit(&texts).await.unwrap();
        assert!(report.is_clean() && report.checkpoints >= 3 && report.size == 15, "{report:?}");
    })
    .await;
}

/// Whoever has the database alone can put the log back and have the rest sealed anew, where nobody remembers it.
#[tokio::test]
async fn a_row_that_was_cut_out_behind_the_last_checkpoint_is_missed_by_who_saw_it() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        idle_rows(&host, 10).await;
        host.auth.seal_audit().await.unwrap();
        Intruder::keep_tree(&database, 10).await;
        idle_rows(&host, 10).await;
        host.auth.seal_audit().await.unwrap();
        assert!(verify(&host, &sink).await.is_clean());
        // One that never sealed, and has seen by verifying how far the log was, whatever else there was to find.
        let (reader, _) = join_with_sink(database.clone()).await;
        let intruder = Intruder::break_in(database.clone(), 1).await;
        database.run("UPDATE sigra_audit SET outcome = 'failed' WHERE leaf = 3").await;
        assert!(!reader.auth.verify_audit("").await.unwrap().is_clean());
        database.run("UPDATE sigra_audit SET outcome = 'success' WHERE leaf = 3").await;
        intruder.cut_out(12, 10).await;
        for process in [&host, &reader] {
            let report = process.auth.verify_audit("").await.unwrap();
            assert!(report.findings.contains(&Finding::Tree), "{report:?}");
            let error = process.auth.seal_audit().await.unwrap_err();
            let Error::Failed(Failure::AuditChanged(what)) = &error else { panic!("{error}") };
            assert!(what.contains("put back to an earlier state"), "{what}");
        }
        assert_eq!(database.count("sigra_audit", "leaf IS NULL").await, 9, "the traces stay");
        // A process that starts now knows nothing of it; the checkpoint that is outside does.
        let (other, _) = join_with_sink(database.clone()).await;
        other.auth.seal_audit().await.unwrap();
        let report = other.auth.verify_audit(&sink.text()).await.unwrap();
        assert!(report.findings.contains(&Finding::Truncated { checkpoint: 20, size: 19 }), "{report:?}");
        // Past what the others remember, they know all the same.
        idle_rows(&other, 5).await;
        other.auth.seal_audit().await.unwrap();
        for process in [&host, &reader] {
            let report = process.auth.verify_audit("").await.unwrap();
            assert!(report.findings.contains(&Finding::Tree), "{report:?}");
            assert!(process.auth.seal_audit().await.is_err());
        }
    })
    .await;
}

#[tokio::test]
async fn a_trail_that_is_wholly_gone_is_missed_by_who_verified_it() {
    each_database(|database| async move {
        let (host, _) = host_with_sink(database.clone()).await;
        idle_rows(&host, 3).await;
        host.auth.seal_audit().await.unwrap();
        let (reader, _) = join_with_sink(database.clone()).await;
        assert!(reader.auth.verify_audit("").await.unwrap().is_clean());
        let _intruder = Intruder::break_in(database.clone(), 1).await;
        for table in ["audit", "audit_tree", "audit_checkpoints", "audit_segments"] {
            database.run(&format!("DELETE FROM sigra_{table}")).await;
        }
        assert_eq!(find_put_back(&reader).await.findings, [Finding::Tree]);
        // Also when there is a longer one again.
        let (other, _) = join_with_sink(database.clone()).await;
        idle_rows(&other, 5).await;
        other.auth.seal_audit().await.unwrap();
        assert_eq!(reader.auth.verify_audit("").await.unwrap().findings, [Finding::Tree]);
        assert!(reader.auth.seal_audit().await.is_err());
    })
    .await;
}

/// Six rows are sealed, and `reader` verifies them. Then the fifth is cut out, and the log is as it was after the third.
async fn put_back_before(reader: &Host) {
    let database = &reader.database;
    let (host, _) = join_with_sink(database.clone()).await;
    idle_rows(&host, 3).await;
    host.auth.seal_audit().await.unwrap();
    Intruder::keep_tree(database, 3).await;
    idle_rows(&host, 3).await;
    host.auth.seal_audit().await.unwrap();
    assert!(reader.auth.verify_audit("").await.unwrap().is_clean());
    Intruder::break_in(database.clone(), 1).await.cut_out(4, 3).await;
}

/// Finds that the log was put back. A report waits for the turn at the log that it is kept in mind by for some seconds, and a
/// machine may stand still for longer: so it is asked for more than once.
async fn find_put_back(reader: &Host) -> AuditReport {
    for _ in 0..4 {
        let report = reader.auth.verify_audit("").await.unwrap();
        assert!(report.findings.contains(&Finding::Tree), "{report:?}");
    }
    reader.auth.verify_audit("").await.unwrap()
}

/// Does something while somebody else has the row of the log locked; on SQLite, the file.
async fn while_the_log_is_held<F: Future>(database: &Database, held: F) -> F::Output {
    use sqlx::Connection as _;
    if database.kind() != Kind::Sqlite {
        return database.while_held("UPDATE sigra_audit_tree SET size = size", held).await;
    }
    let mut connection = sqlx::SqliteConnection::connect(database.url()).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
    let output = held.await;
    sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.unwrap();
    output
}

/// Whoever put the log back can keep the row locked that a turn at it needs.
#[tokio::test]
async fn a_report_waits_for_nobody_who_holds_the_log() {
    each_database(|database| async move {
        let _ = host_with_sink(database.clone()).await;
        let (reader, _) = join_with_sink(database.clone()).await;
        put_back_before(&reader).await;
        let held = while_the_log_is_held(&database, async {
            tokio::time::timeout(PATIENCE, reader.auth.verify_audit("")).await
        });
        let report = held.await.expect("it waits for the row").unwrap();
        assert!(report.findings.contains(&Finding::Tree), "{report:?}");
        // What was given up left nothing behind that keeps others out.
        let (other, _) = join_with_sink(database.clone()).await;
        idle_rows(&other, 1).await;
        idle_rows(&reader, 1).await;
        // As soon as there is a turn to be had, it is known for good.
        find_put_back(&reader).await;
        idle_rows(&other, 5).await;
        other.auth.seal_audit().await.unwrap();
        assert!(reader.auth.verify_audit("").await.unwrap().findings.contains(&Finding::Tree));
        assert!(reader.auth.seal_audit().await.is_err());
    })
    .await;
}

#[tokio::test]
async fn one_connection_is_enough_to_know_for_good_that_the_log_was_put_back() {
    each_database(|database| async move {
        let _ = host_with_sink(database.clone()).await;
        let pool = HostPool::open(&database, 1).await;
        let builder = pool.builder().audit_origin("test.example");
        let reader = Host::with(database.clone(), builder).await;
        put_back_before(&reader).await;
        find_put_back(&reader).await;
        let (other, _) = join_with_sink(database.clone()).await;
        idle_rows(&other, 5).await;
        other.auth.seal_audit().await.unwrap();
        assert_eq!(reader.auth.verify_audit("").await.unwrap().findings, [Finding::Tree]);
    })
    .await;
}

#[tokio::test]
async fn who_may_only_read_reports_a_log_that_was_put_back() {
    each_database(|database| async move {
        // SQLite knows no rights but those of the file.
        if database.kind() == Kind::Sqlite {
            return;
        }
        let _ = host_with_sink(database.clone()).await;
        let guest = database.guest("sigra_audit").await;
        let on = if database.kind() == Kind::MySql { "@'%'" } else { "" };
        let revoke = format!("REVOKE UPDATE ON sigra_audit_tree FROM {}{on}", database.name());
        database.run(&revoke).await;
        let builder = Sigra::<User>::builder().url(&guest).audit_origin("test.example");
        let reader = Host::with(database.clone(), builder).await;
        put_back_before(&reader).await;
        let report = reader.auth.verify_audit("").await.unwrap();
        assert!(report.findings.contains(&Finding::Tree), "{report:?}");
    })
    .await;
}

#[tokio::test]
async fn rows_that_cannot_be_read_keep_no_other_from_its_seal() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        idle_rows(&host, 3).await;
        Intruder::break_in(database.clone(), 1).await;
        let (id, at, lax) = match database.kind() {
            Kind::Sqlite => ("randomblob(16)", "9223372036854775807", ""),
            Kind::Postgres => ("gen_random_uuid()", "'infinity'", ""),
            Kind::MySql => ("RANDOM_BYTES(16)", "'0000-00-00'", "SET SESSION sql_mode = ''; "),
        };
        let columns = "event, outcome, actor, count, key_id, mac";
        // More of them than are numbered at once.
        for round in 0..9 {
            let time = if round == 0 { at } else { "at" };
            let which = if round == 0 { "1 = 1".to_owned() } else { format!("at = {at}") };
            let insert = format!(
                "{lax}INSERT INTO sigra_audit (id, at, {columns}) SELECT {id}, {time}, {columns} FROM sigra_audit WHERE {which}"
            );
            database.run(&insert).await;
        }
        idle_rows(&host, 3).await;
        let unreadable = database.count("sigra_audit", "1 = 1").await - 6;
        let error = host.auth.seal_audit().await.unwrap_err();
        let Error::Failed(Failure::AuditChanged(what)) = &error else { panic!("{error}") };
        assert!(what.contains(&format!("{unreadable} rows in `sigra_audit`")), "{what}");
        assert_eq!(database.count("sigra_audit", "leaf IS NOT NULL").await, 6);
        assert_eq!(database.count("sigra_audit", "leaf IS NULL").await, unreadable);
        assert_eq!(sink.all().iter().map(Checkpoint::size).collect::<Vec<_>>(), [6]);
    })
    .await;
}

#[tokio::test]
async fn a_row_that_commits_late_gets_its_number_in_a_later_round() {
    use sqlx::Connection as _;

    for kind in sigra_tests::database::covered() {
        // SQLite has one writer: nothing commits behind it.
        if kind == Kind::Sqlite {
            continue;
        }
        let database = Database::create(kind).await;
        let (host, sink) = host_with_sink(database.clone()).await;
        idle_rows(&host, 10).await;
        // The oldest row, taken out and put in again by a transaction that is in no hurry.
        for trigger in ["insert", "update", "delete"] {
            let on = if kind == Kind::Postgres { " ON sigra_audit" } else { "" };
            database.run(&format!("DROP TRIGGER sigra_audit_on_{trigger}{on}")).await;
        }
        database.run("CREATE TABLE late AS SELECT * FROM sigra_audit ORDER BY id LIMIT 1").await;
        database.run("DELETE FROM sigra_audit WHERE id IN (SELECT id FROM late)").await;
        let insert = "INSERT INTO sigra_audit SELECT * FROM late";
        if kind == Kind::Postgres {
            let mut late = sqlx::PgConnection::connect(database.url()).await.unwrap();
            let mut transaction = late.begin().await.unwrap();
            sqlx::raw_sql(insert).execute(&mut *transaction).await.unwrap();
            assert_eq!(host.auth.seal_audit().await.unwrap().rows, 9);
            transaction.commit().await.unwrap();
        } else {
            let mut late = sqlx::MySqlConnection::connect(database.url()).await.unwrap();
            let mut transaction = late.begin().await.unwrap();
            sqlx::raw_sql(insert).execute(&mut *transaction).await.unwrap();
            assert_eq!(host.auth.seal_audit().await.unwrap().rows, 9);
            transaction.commit().await.unwrap();
        }
        assert_eq!(host.auth.seal_audit().await.unwrap().rows, 1);
        assert_gapless(&database).await;
        let report = verify(&host, &sink).await;
        assert!(report.is_clean() && report.checkpoints == 2, "{report:?}");
    }
}

#[tokio::test]
async fn who_goes_away_while_the_log_is_sealed_leaves_it_whole() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        for polls in 0..40 {
            idle_rows(&host, 3).await;
            let _ = give_up(host.auth.seal_audit(), polls % 8).await;
        }
        host.auth.seal_audit().await.unwrap();
        assert_gapless(&database).await;
        let report = verify(&host, &sink).await;
        assert!(report.is_clean() && report.size == 120, "{report:?}");
        assert_eq!(database.count("sigra_audit_checkpoints", "exported_at IS NULL").await, 0);
    })
    .await;
}

/// A clock that is wrong, of a process that is not a test's.
#[derive(Debug)]
struct Ahead;

impl sigra::clock::Clock for Ahead {
    fn now(&self) -> time::OffsetDateTime {
        time::OffsetDateTime::now_utc() + RETENTION
    }
}

#[tokio::test]
async fn a_clock_that_is_ahead_removes_no_row_early_and_keeps_none_for_ever() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        // Once a process thought that it was the year 3000.
        let ages = Duration::from_hours(1000 * 365 * 24);
        host.clock.advance(ages);
        idle_rows(&host, 1).await;
        host.clock.step_back(ages);
        idle_rows(&host, 300).await;
        host.auth.seal_audit().await.unwrap();
        let builder = Sigra::<User>::builder().url(database.url()).audit_origin("test.example");
        let ahead = sigra_tests::host::prepare(builder, host.clock.clone()).clock(std::sync::Arc::new(Ahead));
        assert_eq!(ahead.build().await.unwrap().sweep().await.unwrap().audit, 0);
        assert_eq!(database.count("sigra_audit", "1 = 1").await, 301);
        host.clock.advance(RETENTION);
        assert_eq!(host.auth.sweep().await.unwrap().audit, 256);
        host.auth.seal_audit().await.unwrap();
        let report = verify(&host, &sink).await;
        assert!(report.is_clean(), "{:?}", report.findings);
    })
    .await;
}

#[tokio::test]
async fn retention_removes_whole_segments_and_the_rest_is_still_proved() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        idle_rows(&host, 300).await;
        host.clock.advance(RETENTION);
        idle_rows(&host, 300).await;
        // What no checkpoint covers stays, however old it is.
        assert_eq!(host.auth.sweep().await.unwrap().audit, 0);
        host.auth.seal_audit().await.unwrap();
        let young = *ids(&database).await.last().unwrap();
        assert_eq!(host.auth.sweep().await.unwrap().audit, 256, "the second segment has a young row");
        assert_eq!(database.count("sigra_audit", "leaf < 256").await, 0);
        assert_eq!(host.trail().await.last().unwrap(), "audit.rows.remove success -");
        assert_eq!(host.auth.sweep().await.unwrap().audit, 0);
        host.auth.seal_audit().await.unwrap();
        let report = verify(&host, &sink).await;
        assert!(report.is_clean(), "{:?}", report.findings);
        assert_eq!((report.removed, report.size, report.checkpoints), (256, 601, 2));
        let proof = host.auth.prove_audit_row(young).await.unwrap().unwrap();
        assert_eq!(proof.verify(&host.auth.audit_public_keys()), Ok(()));
        // Those in between have no rows any more to be held against.
        host.clock.advance(RETENTION);
        assert_eq!(host.auth.sweep().await.unwrap().audit, 256);
        host.auth.seal_audit().await.unwrap();
        assert!(verify(&host, &sink).await.is_clean());
    })
    .await;
}

#[tokio::test]
async fn a_row_that_retention_removed_does_not_come_back_unseen() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        idle_rows(&host, 256).await;
        host.clock.advance(RETENTION / 2);
        idle_rows(&host, 260).await;
        host.auth.seal_audit().await.unwrap();
        database.run("CREATE TABLE kept AS SELECT * FROM sigra_audit WHERE leaf = 7").await;
        host.clock.advance(RETENTION);
        assert_eq!(host.auth.sweep().await.unwrap().audit, 512);
        // Genuine, and without the number that it had: as good as new, but for its age.
        database.run("UPDATE kept SET leaf = NULL, seal = NULL").await;
        database.run("INSERT INTO sigra_audit SELECT * FROM kept").await;
        let report = verify(&host, &sink).await;
        assert!(
            matches!(report.findings[..], [Finding::Replayed { leaf: None, .. }]),
            "{:?}",
            report.findings
        );
        let sealed = host.auth.seal_audit().await.unwrap();
        let report = verify(&host, &sink).await;
        assert!(
            matches!(report.findings[..], [Finding::Replayed { leaf: Some(leaf), .. }] if leaf < sealed.size)
        );
    })
    .await;
}

#[tokio::test]
async fn old_rows_that_were_changed_are_kept() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        idle_rows(&host, 260).await;
        host.auth.seal_audit().await.unwrap();
        Intruder::break_in(database.clone(), 1).await;
        database.run("UPDATE sigra_audit SET actor = 'system' WHERE leaf = 9").await;
        host.clock.advance(RETENTION);
        let error = host.auth.sweep().await.unwrap_err();
        let Error::Failed(Failure::AuditChanged(what)) = &error else { panic!("{error}") };
        assert!(what.contains("rows 0 to 255 of `sigra_audit`"), "{what}");
        assert_eq!(verify(&host, &sink).await.findings[0].leaf(), Some(9));
    })
    .await;
}

#[tokio::test]
async fn personal_facts_are_erased_and_every_proof_holds() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        mixed_rows(&host, 270).await;
        let ada = host.sign_in("ada@example.com").await.user().id;
        // What an operator did to the account says from where the operator came.
        assert!(!host.auth.enable_account("root", &ada, &client_number(3)).await.unwrap());
        host.auth.seal_audit().await.unwrap();
        let by_operator = format!("user_id = '{ada}' AND actor = 'operator:root' AND network IS NOT NULL");
        assert_eq!(database.count("sigra_audit", &by_operator).await, 1);
        let of_ada = format!(
            "user_id = '{ada}' AND actor <> 'operator:root' AND (network IS NOT NULL OR user_agent IS NOT NULL)"
        );
        let rows = database.count("sigra_audit", &of_ada).await;
        assert!(rows >= 8, "{rows}");
        let others = database.count("sigra_audit", "network IS NOT NULL").await - rows;
        let proof = host.auth.prove_audit_row(ids(&database).await[20]).await.unwrap().unwrap();
        // One that is not sealed yet goes too.
        let _ = host.sign_in("ada@example.com").await;
        let erased = host.auth.erase_personal_facts("root", &ada, &client()).await.unwrap();
        assert_eq!(erased, u64::try_from(rows).unwrap() + 1);
        assert_eq!(
            database.count("sigra_audit", &format!("user_id = '{ada}' AND personal_salt IS NOT NULL")).await,
            2
        );
        assert_eq!(database.count("sigra_audit", &of_ada).await, 0);
        assert_eq!(database.count("sigra_audit", &by_operator).await, 2, "the row of the erasure has its own");
        assert_eq!(database.count("sigra_audit", "network IS NOT NULL").await, others + 1);
        assert_eq!(host.trail().await.last().unwrap(), "audit.facts.erase success -");
        assert_eq!(
            host.auth.erase_personal_facts("root", &uuid::Uuid::max(), &client_number(1)).await.unwrap(),
            0
        );
        assert_eq!(host.trail().await.last().unwrap(), "audit.facts.erase refused nothing_to_do");
        host.auth.seal_audit().await.unwrap();
        let report = verify(&host, &sink).await;
        assert!(report.is_clean() && report.checkpoints == 4, "{report:?}");
        assert_eq!(proof.verify(&host.auth.audit_public_keys()), Ok(()));
        for id in ids(&database).await {
            let proof = host.auth.prove_audit_row(id).await.unwrap().unwrap();
            assert_eq!(proof.verify(&host.auth.audit_public_keys()), Ok(()));
        }
        // An erasure of the account's is no excuse for an operator's facts that are gone, nor for a salt that was touched.
        Intruder::break_in(database.clone(), 2).await;
        let facts = "network = NULL, user_agent = NULL, personal_salt = NULL";
        database.run(&format!("UPDATE sigra_audit SET {facts} WHERE {by_operator}")).await;
        let longer = match database.kind() {
            Kind::Sqlite => "CAST(personal_salt || X'00' AS BLOB)",
            Kind::Postgres => "personal_salt || '\\x00'::bytea",
            Kind::MySql => "CONCAT(personal_salt, X'00')",
        };
        let touched = "leaf = (SELECT leaf FROM (SELECT MAX(leaf) AS leaf FROM sigra_audit WHERE personal_salt IS NOT NULL) l)";
        database.run(&format!("UPDATE sigra_audit SET personal_salt = {longer} WHERE {touched}")).await;
        let report = verify(&host, &sink).await;
        let erased = |finding: &&Finding| matches!(finding, Finding::FactsErased { .. });
        let changed = |finding: &&Finding| matches!(finding, Finding::FactsChanged { .. });
        assert_eq!(report.findings.iter().filter(erased).count(), 2, "{report:?}");
        assert_eq!(report.findings.iter().filter(changed).count(), 1, "{report:?}");
    })
    .await;
}

#[tokio::test]
async fn the_database_refuses_what_is_done_by_hand() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        idle_rows(&host, 260).await;
        host.auth.seal_audit().await.unwrap();
        idle_rows(&host, 2).await;
        let mut attempts = vec![
            "UPDATE sigra_audit SET outcome = 'success' WHERE leaf = 3".to_owned(),
            "UPDATE sigra_audit SET outcome = 'success' WHERE leaf IS NULL".into(),
            "UPDATE sigra_audit SET leaf = 900 WHERE leaf = 3".into(),
            "UPDATE sigra_audit SET leaf = NULL, seal = NULL WHERE leaf = 3".into(),
            "UPDATE sigra_audit SET network = '192.0.2.1' WHERE leaf = 3".into(),
            "UPDATE sigra_audit SET network = NULL WHERE leaf = 3".into(),
            "UPDATE sigra_audit SET network = NULL, user_agent = NULL, personal_salt = NULL WHERE leaf IS NULL".into(),
            "UPDATE sigra_audit SET leaf = 901 WHERE leaf IS NULL".into(),
            "UPDATE sigra_audit SET count = 2 WHERE leaf = 3".into(),
            "DELETE FROM sigra_audit WHERE leaf = 3".into(),
            "DELETE FROM sigra_audit WHERE leaf IS NULL".into(),
            "DELETE FROM sigra_audit".into(),
            "UPDATE sigra_audit_segments SET segment = 9".into(),
            "DELETE FROM sigra_audit_segments".into(),
            // The word that rows may go, as the trigger on deletion reads it.
            "UPDATE sigra_audit_tree SET removed = 9223372036854775807".into(),
            "UPDATE sigra_audit_tree SET size = 9223372036854775807, removed = 1025".into(),
            "UPDATE sigra_audit_tree SET removed = 261".into(),
            "UPDATE sigra_audit_tree SET removed = -1".into(),
            "INSERT INTO sigra_audit_tree (id, size, nodes, removed, mac, lease_until) \
             SELECT 2, size, nodes, 256, mac, lease_until FROM sigra_audit_tree"
                .into(),
        ];
        let new = "event, outcome, actor, count, key_id, mac";
        match database.kind() {
            Kind::Sqlite => attempts.push(format!(
                "INSERT INTO sigra_audit (id, at, {new}) SELECT randomblob(16), 9223372036854775807, {new} FROM sigra_audit"
            )),
            Kind::Postgres => attempts.push(format!(
                "INSERT INTO sigra_audit (id, at, {new}) SELECT gen_random_uuid(), 'infinity', {new} FROM sigra_audit"
            )),
            Kind::MySql => attempts.push(format!(
                "SET SESSION sql_mode = ''; INSERT INTO sigra_audit (id, at, {new}) \
                 SELECT RANDOM_BYTES(16), '0000-00-00', {new} FROM sigra_audit"
            )),
        }
        let columns: Vec<String> = database
            .columns()
            .await
            .into_iter()
            .filter(|(table, ..)| table == "sigra_audit")
            .map(|(_, column, _)| column)
            .collect();
        let columns = columns.join(", ");
        let copy = format!("INTO sigra_audit ({columns}) SELECT {columns} FROM sigra_audit WHERE leaf = 3");
        attempts.push(format!("INSERT {copy}"));
        match database.kind() {
            Kind::Sqlite => {
                attempts.push(format!("INSERT OR REPLACE {copy}"));
                attempts.push(format!(
                    "INSERT OR REPLACE INTO sigra_audit ({columns}) SELECT {} FROM sigra_audit WHERE leaf = 3",
                    columns.replace("leaf", "NULL").replace("seal", "NULL")
                ));
                attempts.push("UPDATE OR REPLACE sigra_audit SET leaf = 3, seal = X'00' WHERE leaf IS NULL".into());
            }
            Kind::Postgres => {
                attempts.push("TRUNCATE sigra_audit".into());
                attempts.push("TRUNCATE sigra_audit_segments".into());
            }
            Kind::MySql => attempts.push(format!("REPLACE {copy}")),
        }
        let dumper = database.dumper().await;
        let before = dumper.dump().await;
        let mut went_through = Vec::new();
        for attempt in &attempts {
            match database.try_run(attempt).await {
                Ok(()) => went_through.push(attempt),
                Err(error) => assert!(error.to_string().contains("never changed or removed"), "{attempt}: {error}"),
            }
        }
        assert!(went_through.is_empty(), "{went_through:?}");
        if database.kind() == Kind::Sqlite {
            // A row that had a number of its own in the file could be replaced by that, past the triggers.
            let error = database.try_run("SELECT rowid FROM sigra_audit").await.unwrap_err();
            assert!(error.to_string().contains("no such column: rowid"), "{error}");
        }
        assert_eq!(dumper.dump().await, before);
        host.auth.seal_audit().await.unwrap();
        assert!(verify(&host, &sink).await.is_clean());
    })
    .await;
}

#[tokio::test]
async fn every_random_tampering_is_found_and_named() {
    let trials = std::env::var("SIGRA_TEST_TAMPERINGS").map_or(60, |text| text.parse().expect("a number"));
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        mixed_rows(&host, 250).await;
        let ada = host.sign_in("ada@example.com").await.user().id;
        assert!(host.auth.erase_personal_facts("root", &ada, &client()).await.unwrap() > 0);
        let mut kept = Vec::new();
        for rows in [3, 20, 30] {
            idle_rows(&host, rows).await;
            kept.push(host.auth.seal_audit().await.unwrap().size);
            if kept.len() < 3 {
                Intruder::keep_tree(&database, *kept.last().unwrap()).await;
            }
        }
        assert!(kept[0] > 250 && kept[2] > 300, "{kept:?}");
        assert!(verify(&host, &sink).await.is_clean());
        let mut intruder = Intruder::break_in(database.clone(), 7).await;
        kept[..2].iter().for_each(|size| intruder.knows_tree(*size));
        intruder.remember().await;
        let text = sink.text();
        let (mut auditor, _) = join_with_sink(database.clone()).await;
        for trial in 0..trials {
            let tampering = intruder.tamper().await;
            let report = auditor.auth.verify_audit(&text).await.unwrap();
            let named: BTreeSet<u64> = report.findings.iter().filter_map(Finding::leaf).collect();
            let rows: BTreeSet<uuid::Uuid> = report.findings.iter().filter_map(Finding::row).collect();
            let context = || format!("trial {trial}: {tampering:?}: {:?}", report.findings);
            assert!(!report.is_clean(), "{}", context());
            assert!(tampering.leaves.iter().all(|leaf| named.contains(leaf)), "{}", context());
            assert!(tampering.row.is_none_or(|row| rows.contains(&row)), "{}", context());
            if tampering.by_checkpoint {
                let cut = |finding: &Finding| matches!(finding, Finding::Truncated { .. });
                assert!(report.findings.iter().any(cut), "{}", context());
            }
            intruder.undo().await;
            // It would tell from now on that the log was put back.
            if report.findings.contains(&Finding::Tree) {
                auditor.auth.close().await;
                (auditor, _) = join_with_sink(database.clone()).await;
            }
        }
        let report = auditor.auth.verify_audit(&text).await.unwrap();
        assert!(report.is_clean(), "undone, it is what it was: {:?}", report.findings);
    })
    .await;
}

#[tokio::test]
async fn what_keeps_the_log_is_checked_too() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        idle_rows(&host, 270).await;
        host.auth.seal_audit().await.unwrap();
        let intruder = Intruder::break_in(database.clone(), 3).await;
        intruder.remember().await;
        // One that cannot be read, where the database has such.
        let time = match database.kind() {
            Kind::Sqlite => "9223372036854775807",
            Kind::Postgres => "'infinity'",
            Kind::MySql => "'9999-12-31 23:59:59'",
        };
        let no_time = format!("UPDATE sigra_audit_tree SET removed_until = {time}");
        for (change, expected) in [
            ("UPDATE sigra_audit_tree SET size = 269", "the row of the tree's state"),
            ("UPDATE sigra_audit_tree SET removed = 256", "the row of the tree's state"),
            ("DELETE FROM sigra_audit_tree", "the row of the tree's state"),
            ("DELETE FROM sigra_audit_segments", "the stored hash of segment 0"),
            (
                "UPDATE sigra_audit_segments SET hash = (SELECT mac FROM sigra_audit WHERE leaf = 0)",
                "the stored hash of segment 0",
            ),
            (
                "UPDATE sigra_audit_checkpoints SET note = 'x'",
                "the checkpoint at 270: it is not a signed checkpoint",
            ),
            (
                "UPDATE sigra_audit_checkpoints SET size = 1000000",
                "the checkpoint at 1000000: it stands in the place",
            ),
            (no_time.as_str(), "the row of the tree's state"),
        ] {
            database.run(change).await;
            let report = verify(&host, &sink).await;
            assert!(
                report.findings.iter().any(|found| found.to_string().contains(expected)),
                "{change}: {report:?}"
            );
            intruder.undo().await;
        }
        // That process has seen that the log was gone.
        let (host, _) = join_with_sink(database.clone()).await;
        // Nothing is written on from a state that Sigra did not leave.
        for change in ["UPDATE sigra_audit_tree SET size = 256", &no_time] {
            database.run(change).await;
            idle_rows(&host, 1).await;
            let error = host.auth.seal_audit().await.unwrap_err();
            assert!(matches!(error, Error::Failed(Failure::AuditChanged(_))), "{change}: {error}");
            intruder.undo().await;
        }
        // Checkpoints of another log, and such as were touched.
        let (stranger, strange) = host_with_sink(Database::create(database.kind()).await).await;
        idle_rows(&stranger, 3).await;
        stranger.auth.seal_audit().await.unwrap();
        let other_rows = host.auth.verify_audit(&strange.text()).await.unwrap();
        assert!(
            other_rows.findings.iter().any(|found| matches!(found, Finding::OtherRows { .. })),
            "{other_rows:?}"
        );
        let touched = sink.text().replacen("270", "271", 1);
        let report = host.auth.verify_audit(&touched).await.unwrap();
        assert!(
            matches!(report.findings[..], [Finding::BadCheckpoint { size: Some(271), .. }]),
            "{report:?}"
        );
        assert!(!host.auth.verify_audit("no checkpoint at all").await.unwrap().is_clean());
        // Without its keys the rows are not judged, but nor do they pass. Whoever starts so has given the old ones up.
        database.run("DELETE FROM sigra_keys").await;
        let keys = "k9:b3RoZXIta2V5LW90aGVyLWtleS1vdGhlci1rZXktb3Q";
        let builder = Sigra::<User>::builder().url(database.url()).audit_origin("test.example");
        let builder = sigra_tests::host::prepare(builder, host.clock.clone());
        let other = builder.keyring(sigra::Keyring::parse(keys).unwrap()).build().await.unwrap();
        let report = other.verify_audit(&sink.text()).await.unwrap();
        assert!(
            report.findings.iter().any(|found| matches!(found, Finding::UnknownKey { .. })),
            "{report:?}"
        );
    })
    .await;
}

/// Without its stored hash there is no way past a segment that has a hole, and nothing is said of what cannot be known.
#[tokio::test]
async fn a_hole_whose_segment_has_no_hash_is_all_that_is_found() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        idle_rows(&host, 530).await;
        host.auth.seal_audit().await.unwrap();
        let intruder = Intruder::break_in(database.clone(), 4).await;
        intruder.remember().await;
        database.run("DELETE FROM sigra_audit WHERE leaf = 5").await;
        let report = verify(&host, &sink).await;
        assert_eq!((&report.findings[..], report.checkpoints), (&[Finding::Missing { leaf: 5 }][..], 1));
        database.run("DELETE FROM sigra_audit_segments WHERE segment = 0").await;
        let report = verify(&host, &sink).await;
        assert_eq!(report.findings, [Finding::Missing { leaf: 5 }]);
        assert_eq!((report.checkpoints, report.unchecked, report.rows), (0, 1, 529));
        intruder.undo().await;
        // Of a segment that retention removed the hash is all that there was.
        host.clock.advance(RETENTION);
        assert_eq!(host.auth.sweep().await.unwrap().audit, 512);
        host.auth.seal_audit().await.unwrap();
        database.run("DELETE FROM sigra_audit_segments WHERE segment = 0").await;
        let report = verify(&host, &sink).await;
        assert_eq!(report.findings, [Finding::Segment { segment: 0 }]);
        assert_eq!((report.checkpoints, report.removed), (0, 512));
    })
    .await;
}

/// Somebody with the keys has no need to hide a deletion: retention deletes.
#[tokio::test]
async fn rows_that_are_removed_before_their_time_are_found_by_the_times_of_the_checkpoints() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        for rows in [100, 200] {
            idle_rows(&host, rows).await;
            host.auth.seal_audit().await.unwrap();
            host.clock.advance(Duration::from_hours(24));
        }
        let [first, last] = &sink.all()[..] else { panic!("two checkpoints") };
        // A process of theirs, whose clock says what they want it to say.
        let (theirs, _) = join_with_sink(database.clone()).await;
        theirs.clock.advance(RETENTION + Duration::from_hours(48));
        idle_rows(&theirs, 1).await;
        theirs.auth.seal_audit().await.unwrap();
        assert_eq!(theirs.auth.sweep().await.unwrap().audit, 256);
        host.auth.seal_audit().await.unwrap();
        let report = verify(&host, &sink).await;
        let signed_at = first.signed_at().unwrap();
        assert_eq!(report.findings, [Finding::RemovedEarly { removed: 256, checkpoint: 100, signed_at }]);
        assert!(report.findings[0].to_string().contains("those from number 100 on were written after"));
        assert!(last.signed_at().unwrap() - signed_at >= time::Duration::DAY);
        // As SECURITY.md says: by the newest alone nobody can tell.
        assert!(host.auth.verify_audit(&last.to_string()).await.unwrap().is_clean());
        // Once they would have gone anyway there is nothing to tell.
        host.clock.advance(RETENTION);
        assert!(verify(&host, &sink).await.is_clean());
    })
    .await;
}

/// The values of a row of another's making.
fn forged(id: uuid::Uuid, key_id: &str, database: &Database) -> String {
    let id = match database.kind() {
        Kind::Postgres => format!("'{id}'::uuid"),
        _ => format!("X'{}'", id.simple()),
    };
    format!(
        "INSERT INTO sigra_audit (id, at, event, outcome, actor, count, key_id, mac) \
         SELECT {id}, at, 'account.password.change', 'success', 'account', 1, {key_id}, mac FROM sigra_audit WHERE leaf = 0"
    )
}

#[tokio::test]
async fn a_row_that_somebody_else_wrote_is_marked_for_good_and_never_proved() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        idle_rows(&host, 3).await;
        host.auth.seal_audit().await.unwrap();
        // Under a key of the ring, and under one that might have been in it.
        let [one, other] = [1, 2].map(uuid::Uuid::from_u128);
        database.run(&forged(one, "key_id", &database)).await;
        database.run(&forged(other, "'k0'", &database)).await;
        for id in [one, other] {
            assert!(host.auth.prove_audit_row(id).await.unwrap().is_none(), "sealed or not");
            assert!(host.auth.prove_audit_row(id).await.unwrap().is_none());
        }
        idle_rows(&host, 3).await;
        host.auth.seal_audit().await.unwrap();
        let page = host.auth.audit_page(&AuditFilter::new(), None).await.unwrap();
        let mut rows = page.rows;
        rows.sort_by_key(|row| row.leaf);
        let leaf = |id| rows.iter().find(|row| row.id == id).unwrap().leaf.map(|leaf| u64::try_from(leaf).unwrap());
        let inserted: BTreeSet<u64> = [one, other].map(|id| leaf(id).unwrap()).into();
        let foreign: BTreeSet<_> = rows.iter().filter(|row| row.is_foreign()).map(|row| row.id).collect();
        assert_eq!(foreign, BTreeSet::from([one, other]));
        let is_inserted = |finding: &Finding| {
            matches!(finding, Finding::Inserted { leaf: Some(leaf), .. } if inserted.contains(leaf))
        };
        let report = verify(&host, &sink).await;
        assert!(report.findings.len() == 2 && report.findings.iter().all(is_inserted), "{report:?}");
        assert_eq!(report.checkpoints, u64::try_from(sink.all().len()).unwrap());
        // Without the keys too.
        let keys = host.auth.audit_public_keys();
        let offline = |rows: &[Row]| {
            let mut auditor = Auditor::new("sigra_audit", &keys, &sink.text());
            for row in rows {
                auditor.row(row);
            }
            auditor.finish()
        };
        let report = offline(&rows);
        assert!(report.findings.len() == 2 && report.findings.iter().all(is_inserted), "{report:?}");
        let unmarked: Vec<Row> = rows
            .iter()
            .cloned()
            .map(|mut row| {
                row.seal = row.seal.filter(|_| !foreign.contains(&row.id));
                row
            })
            .collect();
        assert!(!offline(&unmarked).is_clean(), "the hash says that there was a mark");
        for row in &rows {
            let proof = host.auth.prove_audit_row(row.id).await.unwrap();
            assert_eq!(proof.is_none(), row.is_foreign(), "{row:?}");
        }

        // Another seal takes the mark off, or puts it on a row of Sigra's.
        let intruder = Intruder::break_in(database.clone(), 6).await;
        intruder.remember().await;
        let own = rows.iter().find(|row| !row.is_foreign()).unwrap().leaf.unwrap();
        let seal_of = |leaf: u64| format!("(SELECT p.seal FROM pristine_sigra_audit p WHERE p.leaf = {leaf})");
        for leaf in &inserted {
            let own_seal = seal_of(u64::try_from(own).unwrap());
            database.run(&format!("UPDATE sigra_audit SET seal = {own_seal} WHERE leaf = {leaf}")).await;
            let report = verify(&host, &sink).await;
            assert!(report.findings.iter().filter_map(Finding::leaf).any(|named| named == *leaf), "{report:?}");
            assert!(report.findings.iter().any(|finding| !is_inserted(finding)), "{report:?}");
            intruder.undo().await;
            let mark = seal_of(*leaf);
            database.run(&format!("UPDATE sigra_audit SET seal = {mark} WHERE leaf = {own}")).await;
            let report = verify(&host, &sink).await;
            let moved = |finding: &Finding| matches!(finding, Finding::Moved { leaf: Some(0), .. });
            assert!(report.findings.iter().any(moved), "{report:?}");
            intruder.undo().await;
        }
    })
    .await;
}

/// What a key that is gone has signed is held by the tree, which the present keys vouch for.
#[tokio::test]
async fn rows_of_a_key_that_was_replaced_are_vouched_for_by_the_tree() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        mixed_rows(&host, 290).await;
        let ada = host.sign_in("ada@example.com").await.user().id;
        assert!(host.auth.erase_personal_facts("root", &ada, &client()).await.unwrap() > 0);
        host.auth.seal_audit().await.unwrap();
        let old_rows = u64::try_from(database.count("sigra_audit", "1 = 1").await).unwrap();
        let old_keys = host.auth.audit_public_keys();
        let next = "k2:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY";
        let ring = |text: &str| sigra::Keyring::parse(text).unwrap();
        host.auth.rotate_keys(ring(&format!("{next} {KEYS}"))).await.unwrap();
        idle_rows(&host, 3).await;
        host.auth.seal_audit().await.unwrap();
        database.run("DELETE FROM sigra_keys WHERE kind = 'key' AND id = 'k1'").await;
        host.auth.rotate_keys(ring(next)).await.unwrap();
        idle_rows(&host, 3).await;
        host.auth.seal_audit().await.unwrap();

        let text = sink.text();
        let report = host.auth.verify_audit_with(&text, &old_keys).await.unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
        assert!(report.under_old_keys >= old_rows, "{report:?}");
        assert_eq!(report.checkpoints, u64::try_from(sink.all().len()).unwrap());
        assert!(host.auth.verify_audit("").await.unwrap().is_clean());
        // Without the old public key only what it alone has signed is nothing to go by.
        let report = verify(&host, &sink).await;
        let old = |finding: &Finding| {
            matches!(finding, Finding::BadCheckpoint { why: CheckpointError::UnknownKey, .. })
        };
        assert!(!report.is_clean() && report.findings.iter().all(old), "{:?}", report.findings);
        let all = ids(&database).await;
        assert!(host.auth.prove_audit_row(all[7]).await.unwrap().is_some());

        // In a whole segment, and in the one that is not full yet.
        let intruder = Intruder::break_in(database.clone(), 8).await;
        intruder.remember().await;
        for (leaf, change) in [
            (7, "outcome = 'failed'"),
            (280, "outcome = 'failed'"),
            (7, "key_id = 'k0'"),
            (old_rows + 4, "key_id = 'k1'"),
        ] {
            database.run(&format!("UPDATE sigra_audit SET {change} WHERE leaf = {leaf}")).await;
            for text in [text.as_str(), ""] {
                let report = host.auth.verify_audit_with(text, &old_keys).await.unwrap();
                let named = |finding: &Finding| {
                    matches!(finding, Finding::UnknownKey { leaf: Some(named), .. } if *named == leaf)
                };
                assert!(report.findings.iter().any(named), "{leaf} {change}: {:?}", report.findings);
                let in_segment = report.findings.contains(&Finding::Segment { segment: 0 });
                assert_eq!(in_segment, leaf < 256, "{leaf} {change}: {:?}", report.findings);
            }
            assert!(host.auth.prove_audit_row(all[usize::try_from(leaf).unwrap()]).await.unwrap().is_none());
            intruder.undo().await;
        }
    })
    .await;
}

/// Whoever may write to the database must not be able to keep the one who verifies it waiting.
#[tokio::test]
async fn verifying_comes_to_an_end_whatever_rows_are_forged() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        idle_rows(&host, 3).await;
        host.auth.seal_audit().await.unwrap();
        let intruder = Intruder::break_in(database.clone(), 5).await;
        intruder.remember().await;
        let columns = "at, event, outcome, actor, count, key_id, mac";
        let row = |id: &str, at: &str, leaf: &str| {
            format!(
                "INSERT INTO sigra_audit (id, leaf, {columns}) SELECT {id}, {leaf}, {at}, event, outcome, actor, count, \
                 key_id, mac FROM sigra_audit WHERE leaf = 0"
            )
        };
        // Numbered so high that nobody could count up to it, and no word of how far the log goes.
        let id = match database.kind() {
            Kind::Postgres => "gen_random_uuid()",
            Kind::Sqlite => "randomblob(16)",
            Kind::MySql => "RANDOM_BYTES(16)",
        };
        for number in [i64::MAX, 1 << 62] {
            database.run(&row(id, "at", &number.to_string())).await;
            database.run("DELETE FROM sigra_audit_tree").await;
            let report = verify(&host, &sink).await;
            assert!(report.findings.contains(&Finding::Tree), "{report:?}");
            intruder.undo().await;
        }
        // All of them so high, so that it looks as if retention had removed what was below.
        database.run(&format!("UPDATE sigra_audit SET leaf = leaf + {}", 1_i64 << 62)).await;
        database.run("DELETE FROM sigra_audit_tree").await;
        let report = verify(&host, &sink).await;
        assert!(report.findings.contains(&Finding::Tree) && report.removed == 0, "{}", report.removed);
        intruder.undo().await;
        // More rows that cannot be read than are read at once: a time that is none.
        let at = match database.kind() {
            Kind::Sqlite => "9223372036854775807",
            Kind::Postgres => "'infinity'",
            // It keeps no time that cannot be read.
            Kind::MySql => "at",
        };
        for _ in 0..600 {
            database.run(&row(id, at, "NULL")).await;
        }
        let report = verify(&host, &sink).await;
        assert!(report.findings.len() >= 600, "{}", report.findings.len());
        intruder.undo().await;
        // This process has seen that the log was gone.
        let (late, _) = join_with_sink(database.clone()).await;
        assert!(verify(&late, &sink).await.is_clean());
    })
    .await;
}

/// Refusals that cost no hash, of a network that has used up its requests.
async fn knock(host: &Host, times: u32) {
    for _ in 0..times {
        let error = host.auth.confirm_email("nonsense", &client()).await.unwrap_err();
        assert!(matches!(error.refusal(), Some(sigra::Refusal::TooManyAttempts { .. })), "{error}");
    }
}

/// Uses up the requests of the network, which are refused as something else.
async fn use_up(host: &Host) {
    for _ in 0..50 {
        let error = host.auth.disown("nonsense", &client()).await.unwrap_err();
        assert_eq!(error.refusal(), Some(&sigra::Refusal::InvalidToken));
    }
}

async fn sum_of_counts(database: &Database) -> i64 {
    let cast = if database.kind() == Kind::MySql { "CHAR" } else { "TEXT" };
    let sql = format!("SELECT CAST(COALESCE(SUM(count), 0) AS {cast}) FROM sigra_audit_counts");
    database.texts(&sql).await[0].parse().unwrap()
}

/// Whoever has an account has a session, and could ask for what changes nothing again and again.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_signed_in_cannot_fill_the_trail_with_what_changes_nothing() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        host.account("ada@example.com").await;
        let session = host.sign_in("ada@example.com").await;
        let (auth, by) = (&host.auth, &client());
        let nothing = uuid::Uuid::nil().to_string();
        for _ in 0..110 {
            assert_eq!(auth.revoke_other_sessions(session.session(), by).await.unwrap(), 0);
            assert!(!auth.revoke_session(session.session(), nothing.parse().unwrap(), by).await.unwrap());
            let browser = nothing.parse().unwrap();
            assert!(!auth.revoke_trusted_browser(session.session(), browser, by).await.unwrap());
            assert_eq!(auth.revoke_trusted_browsers(session.session(), by).await.unwrap(), 0);
        }
        // Nor by going on with a proof whose session has ended.
        let again = auth.session(session.token().expose()).await.unwrap().unwrap();
        let sudo = auth.sudo(again).await.unwrap();
        auth.sign_out(session.session(), by).await.unwrap();
        for _ in 0..110 {
            let ended = auth.begin_totp(&sudo, "phone", by).await.unwrap_err();
            assert_eq!(ended.refusal(), Some(&sigra::Refusal::SessionEnded));
        }
        let events = [
            ("session.others.revoke", "nothing_to_do", 10),
            ("session.other.revoke", "nothing_to_do", 10),
            ("account.trust.revoke", "nothing_to_do", 120),
            ("account.factor.begin", "session_ended", 10),
        ];
        for (event, reason, _) in events {
            let rows = format!("event = '{event}' AND outcome = 'refused' AND reason = '{reason}'");
            assert_eq!(database.count("sigra_audit", &rows).await, 100, "{event}");
            assert_eq!(database.count("sigra_audit", &format!("event = '{event}'")).await, 100, "{event}");
            assert_eq!(database.count("sigra_audit", &format!("{rows} AND user_id IS NOT NULL")).await, 100);
        }
        host.clock.advance(Duration::from_hours(2));
        host.auth.seal_audit().await.unwrap();
        for (event, reason, more) in events {
            let row = format!("event = '{event}' AND reason = '{reason}' AND count = {more}");
            assert_eq!(database.count("sigra_audit", &row).await, 1, "{event}");
        }
        let report = verify(&host, &sink).await;
        assert!(report.is_clean(), "{:?}", report.findings);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_like_refusals_is_counted_and_none_is_lost() {
    each_database(|database| async move {
        let (host, sink) = host_with_sink(database.clone()).await;
        let other = Host::join(database.clone()).await;
        let flood = async || {
            use_up(&host).await;
            let tasks: Vec<_> = (0..8)
                .map(|number| {
                    let host = if number % 2 == 0 { host.clone() } else { other.clone() };
                    tokio::spawn(async move { knock(&host, 40).await })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        };
        flood().await;
        let refused = "event = 'account.email.confirm' AND outcome = 'refused'";
        assert_eq!(database.count("sigra_audit", refused).await, 100);
        assert_eq!(sum_of_counts(&database).await, 220);
        // What is unlike has its row.
        assert!(host.auth.reset_password("nonsense", sigra_tests::OTHER_PASSWORD, &client()).await.is_err());
        assert_eq!(host.trail().await.last().unwrap(), "account.password.reset refused network_limit");
        host.auth.seal_audit().await.unwrap();
        assert_eq!(sum_of_counts(&database).await, 220, "the hour is not over");

        // Written by two nodes at once, the count makes one row.
        for host in [&host, &other] {
            host.clock.advance(Duration::from_hours(2));
        }
        let (one, two) = tokio::join!(host.auth.seal_audit(), other.auth.sweep());
        one.unwrap();
        two.unwrap();
        assert_eq!(sum_of_counts(&database).await, 0);
        assert_eq!(database.count("sigra_audit", &format!("{refused} AND count = 220")).await, 1);
        let network =
            "network = '192.0.2.7' AND details LIKE '{\"first\":\"%\",\"known\":0,\"last\":\"%\"}' AND user_id IS NULL";
        assert_eq!(database.count("sigra_audit", &format!("count = 220 AND {network}")).await, 1);

        // A count that nobody wrote meanwhile is written by the next flood.
        flood().await;
        for host in [&host, &other] {
            host.clock.advance(Duration::from_hours(2));
        }
        flood().await;
        assert_eq!(database.count("sigra_audit", &format!("{refused} AND count = 220")).await, 2);
        assert_eq!(sum_of_counts(&database).await, 220);
        assert_eq!(database.count("sigra_audit", refused).await, 300 + 2);
        host.auth.seal_audit().await.unwrap();
        let report = verify(&host, &sink).await;
        assert!(report.is_clean(), "{:?}", report.findings);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_that_cannot_be_counted_fails_like_one_without_its_row() {
    each_database(|database| async move {
        let (host, _) = host_with_sink(database.clone()).await;
        use_up(&host).await;
        knock(&host, 101).await;
        database.run("ALTER TABLE sigra_audit_counts RENAME TO elsewhere").await;
        let error = host.auth.confirm_email("nonsense", &client()).await.unwrap_err();
        let Error::Failed(Failure::Audit { table, .. }) = &error else { panic!("{error}") };
        assert_eq!(table, "sigra_audit_counts");
        database.run("ALTER TABLE elsewhere RENAME TO sigra_audit_counts").await;
        knock(&host, 1).await;
        assert_eq!(sum_of_counts(&database).await, 2);
    })
    .await;
}
