//! Keys and peppers: rotated while the process works, on one node after the other, and compared with those that the database
//! was used with. Every mistake of an operator has its text.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sigra::clock::TestClock;
use sigra::keyring::KeyringError;
use sigra::mail::Message;
use sigra::{Credentials, Dialect, Error, Failure, Hashing, Keyring, Sigra};
use sigra_tests::database::{Dump, Kind, cells};
use sigra_tests::evidence::{MemorySink, idle_rows};
use sigra_tests::host::{KEYS, client, somebody, users_table};
use sigra_tests::{Database, Host, OTHER_PASSWORD, PASSWORD, User, UserSignIn, each_database, until};

const ADA: &str = "ada@example.com";
const K1: &str = KEYS;
const K2: &str = "k2:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY";
const K3: &str = "k3:b3RoZXItYnl0ZXMtb3RoZXItYnl0ZXMtb3RoZXItYnk";
const K4: &str = "k4:Zm91cnRoLWJ5dGVzLWZvdXJ0aC1ieXRlcy1mb3VydGg";
const P1: &str = "p1:cGVwcGVyLXBlcHBlci1wZXBwZXItcGVwcGVyLXBlcHA";
const P2: &str = "p2:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI";

fn ring(text: &str) -> Keyring {
    Keyring::parse(text).unwrap()
}

/// The same bytes under another id.
fn renamed(key: &str, id: &str) -> String {
    format!("{id}:{}", bytes(key))
}

fn bytes(key: &str) -> &str {
    key.split_once(':').unwrap().1
}

/// A process that starts with these keys and peppers.
async fn start(database: &Database, keys: &str, peppers: Option<&str>) -> Result<Sigra<User>, Error> {
    let hashing = Hashing { permits: 2, queue: 400, deadline: Duration::from_mins(10) };
    let mut builder = Sigra::<User>::builder().url(database.url()).keyring(ring(keys)).hashing(hashing);
    if let Some(peppers) = peppers {
        builder = builder.pepper(ring(peppers));
    }
    builder.clock(Arc::new(TestClock::default())).build().await
}

/// The mistake that an operation failed with. Its text has every one of these parts, and no key.
#[track_caller]
fn mistake<T>(result: Result<T, Error>, parts: &[&str]) -> KeyringError {
    let Err(error) = result else { panic!("accepted: {parts:?}") };
    let text = format!("{error} {error:?}");
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    for key in [K1, K2, K3, P1, P2] {
        assert!(!text.contains(&bytes(key)[..16]), "{text}");
    }
    match error {
        Error::Failed(Failure::Keys(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// How many hashes name this pepper, by its id in base64.
async fn under(host: &Host, pepper: &str) -> i64 {
    host.database.count("users", &format!("password_hash LIKE '$argon2id$%,keyid={pepper}$%'")).await
}

async fn sign_in(auth: &Sigra<User>, email: &str) -> String {
    match auth.sign_in(Credentials::new(email, PASSWORD), &somebody()).await {
        Ok(UserSignIn::Complete(session)) => session.token().expose().to_owned(),
        other => panic!("{email} is not signed in: {other:?}"),
    }
}

async fn is_live(auth: &Sigra<User>, token: &str) -> bool {
    auth.session(token).await.unwrap().is_some()
}

/// Two nodes under load: counts what was done, and ends with the first failure.
#[derive(Default)]
struct Load {
    stop: AtomicBool,
    sign_ins: AtomicUsize,
    checks: AtomicUsize,
}

/// Accounts that sign in over and over, each at both nodes.
const ACCOUNTS: usize = 16;
/// Tasks that do nothing but check sessions.
const CHECKERS: usize = 4;

impl Load {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }

    /// One account: signs in at one node, and is known at once at both.
    async fn sign_in_for_ever(
        self: Arc<Self>,
        nodes: [Sigra<User>; 2],
        number: usize,
        before: Arc<Vec<String>>,
    ) {
        let mut turn = number;
        while self.goes_on() {
            turn += 1;
            let token = sign_in(&nodes[turn % 2], &format!("u{number}@example.com")).await;
            for node in &nodes {
                assert!(is_live(node, &token).await, "a session of the load is not known");
                assert!(is_live(node, &before[number]).await, "a session from before is not known");
            }
            self.sign_ins.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn check_for_ever(self: Arc<Self>, node: Sigra<User>, before: Arc<Vec<String>>) {
        while self.goes_on() {
            for token in before.iter() {
                assert!(is_live(&node, token).await, "a session from before is not known");
                self.checks.fetch_add(1, Ordering::SeqCst);
            }
        }
    }

    /// Lets every account come by at least once, whatever it is doing.
    async fn go_on_for_a_while(&self) {
        let (sign_ins, checks) = (self.sign_ins.load(Ordering::SeqCst), self.checks.load(Ordering::SeqCst));
        while self.goes_on()
            && (self.sign_ins.load(Ordering::SeqCst) < sign_ins + ACCOUNTS / 2
                || self.checks.load(Ordering::SeqCst) < checks + ACCOUNTS)
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_peppers_rotate_under_a_load_of_sign_ins_and_session_checks() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let nodes = [host.auth.clone(), Host::join(database.clone()).await.auth];
        let mut before = Vec::new();
        for number in 0..ACCOUNTS {
            let email = format!("u{number}@example.com");
            host.account(&email).await;
            before.push(sign_in(&nodes[number % 2], &email).await);
        }
        host.account(ADA).await;
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let link = host.token_of("/reset/").await;

        let (load, before) = (Arc::new(Load::default()), Arc::new(before));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..ACCOUNTS {
            tasks.spawn(load.clone().sign_in_for_ever(nodes.clone(), number, before.clone()));
        }
        for number in 0..CHECKERS {
            tasks.spawn(load.clone().check_for_ever(nodes[number % 2].clone(), before.clone()));
        }
        let rotate = async {
            for (keys, peppers) in [
                (K1.to_owned(), format!("none {P1}")),
                (format!("{K1} {K2}"), P1.to_owned()),
                (format!("{K2} {K1}"), format!("{P1} {P2}")),
                (format!("{K2} {K1}"), format!("{P2} {P1}")),
            ] {
                for node in &nodes {
                    load.go_on_for_a_while().await;
                    node.rotate_keys(ring(&keys)).await.unwrap();
                    load.go_on_for_a_while().await;
                    node.rotate_peppers(ring(&peppers)).await.unwrap();
                }
            }
            load.go_on_for_a_while().await;
            load.stop.store(true, Ordering::SeqCst);
        };
        let watch = async {
            while let Some(task) = tasks.join_next().await {
                if let Err(error) = task {
                    load.stop.store(true, Ordering::SeqCst);
                    panic!("{error}");
                }
            }
        };
        tokio::join!(rotate, watch);

        // Whoever signs in now has the new pepper, and the old one goes.
        for (number, token) in before.iter().enumerate() {
            let new = sign_in(&nodes[number % 2], &format!("u{number}@example.com")).await;
            assert!(new.starts_with("sgs.k2."), "the new key writes");
            for node in &nodes {
                assert!(is_live(node, &new).await && is_live(node, token).await);
            }
        }
        let all = i64::try_from(ACCOUNTS).unwrap();
        assert_eq!((under(&host, "cDI").await, under(&host, "cDE").await), (all, 0));
        let _ = nodes[1].reset_password(&link, OTHER_PASSWORD, &client()).await.unwrap();
        for node in &nodes {
            node.rotate_peppers(ring(P2)).await.unwrap();
            let _ = sign_in(node, "u0@example.com").await;
        }

        // The old key does not go while it is needed; given up, it takes its sessions along and no others.
        let error = mistake(nodes[0].rotate_keys(ring(K2)).await, &["`k1` is missing", "live sessions"]);
        assert!(matches!(error, KeyringError::StillNeeded { sessions, .. } if sessions >= ACCOUNTS as u64));
        database.run("DELETE FROM sigra_keys WHERE kind = 'key' AND id = 'k1'").await;
        nodes[0].rotate_keys(ring(K2)).await.unwrap();
        let new = sign_in(&nodes[1], "u1@example.com").await;
        for token in before.iter() {
            assert!(!is_live(&nodes[0], token).await && is_live(&nodes[1], token).await);
        }
        assert!(is_live(&nodes[0], &new).await);
    })
    .await;
}

/// Registers at one node, which also mails, and confirms by code at the other.
async fn account_over_two(one: &Host, two: &Host, email: &str) {
    let _ = one.register(email).await.unwrap();
    one.deliver().await;
    let mail = one.mailbox.last().unwrap();
    let Message::ConfirmEmail { code, .. } = &mail.message else { panic!("no code") };
    two.auth.confirm_email_code(email, code, &somebody()).await.unwrap();
}

#[tokio::test]
async fn nodes_at_different_steps_of_a_rotation_fail_nothing() {
    each_database(|database| async move {
        let one = Host::start(database.clone()).await;
        let two = Host::join(database.clone()).await;
        let keys = [K1.to_owned(), format!("{K1} {K2}"), format!("{K2} {K1}")];
        let peppers = [format!("none {P1}"), P1.to_owned(), format!("{P1} {P2}"), format!("{P2} {P1}")];
        let steps: Vec<(bool, &String)> =
            keys.iter().map(|keys| (true, keys)).chain(peppers.iter().map(|ring| (false, ring))).collect();
        let mut accounts = Vec::new();
        for (number, (of_keys, text)) in steps.into_iter().enumerate() {
            let step = async |node: &Host| {
                if of_keys {
                    node.auth.rotate_keys(ring(text)).await.unwrap();
                } else {
                    node.auth.rotate_peppers(ring(text)).await.unwrap();
                }
            };
            step(&one).await;
            // Now one node is a step ahead of the other.
            for (at, [writer, reader]) in [[&one, &two], [&two, &one]].into_iter().enumerate() {
                let email = format!("u{number}-{at}@example.com");
                account_over_two(writer, reader, &email).await;
                writer.auth.request_password_reset(&email, &somebody()).await.unwrap();
                let link = writer.token_of("/reset/").await;
                let _ = reader.auth.reset_password(&link, PASSWORD, &somebody()).await.unwrap();
                let token = sign_in(&writer.auth, &email).await;
                accounts.push((email, token));
            }
            for (email, token) in &accounts {
                assert!(is_live(&one.auth, token).await && is_live(&two.auth, token).await, "{email}");
            }
            step(&two).await;
        }
        // The very first of them still sign in, at either node.
        for (email, _) in &accounts[..4] {
            let (at_one, at_two) = (sign_in(&one.auth, email).await, sign_in(&two.auth, email).await);
            assert!(is_live(&two.auth, &at_one).await && is_live(&one.auth, &at_two).await);
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_that_writes_before_every_node_reads_with_it_is_not_known_there() {
    // What the order of the steps is for.
    each_database(|database| async move {
        let one = Host::start(database.clone()).await;
        let two = Host::join(database.clone()).await;
        one.account(ADA).await;
        one.auth.rotate_keys(ring(&format!("{K2} {K1}"))).await.unwrap();
        let early = sign_in(&one.auth, ADA).await;
        assert!(is_live(&one.auth, &early).await && !is_live(&two.auth, &early).await);
        two.auth.rotate_keys(ring(&format!("{K1} {K2}"))).await.unwrap();
        assert!(is_live(&two.auth, &early).await);
    })
    .await;
}

#[tokio::test]
async fn readers_of_a_pepper_that_nobody_writes_keep_what_they_find() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        host.auth.rotate_peppers(ring(&format!("none {P1}"))).await.unwrap();
        let _ = sign_in(&host.auth, ADA).await;
        assert_eq!(under(&host, "cDE").await, 0, "it is read and not written");
        let ahead = start(&database, K1, Some(P1)).await.unwrap();
        let _ = sign_in(&ahead, ADA).await;
        assert_eq!(under(&host, "cDE").await, 1);
        let _ = sign_in(&host.auth, ADA).await;
        assert_eq!(under(&host, "cDE").await, 1, "a hash never loses its pepper");
    })
    .await;
}

#[tokio::test]
async fn every_mistake_of_a_rotation_has_its_text_and_changes_nothing() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let first = sign_in(&host.auth, ADA).await;
        let auth = &host.auth;
        auth.rotate_keys(ring(&format!("{K2} {K1}"))).await.unwrap();
        auth.rotate_peppers(ring(P1)).await.unwrap();
        auth.rotate_peppers(ring(&format!("{P2} {P1}"))).await.unwrap();
        let second = sign_in(auth, ADA).await;
        let (rows, trail) = (database.dumper().await, host.trail().await);
        let before = rows.dump().await;
        assert_eq!(trail.iter().filter(|row| row.starts_with("keyring.")).count(), 3, "{trail:?}");

        let keys = |text: String| async move { auth.rotate_keys(ring(&text)).await };
        // The old key left out too early, which would sign its owners out.
        let error = mistake(
            keys(K2.into()).await,
            &["`k1` is missing", "1 live sessions, 0 mailed links, 1 known devices, 0 second factors", "SIGRA_KEYS", "DELETE FROM sigra_keys "],
        );
        assert!(matches!(error, KeyringError::StillNeeded { id, sessions: 1, links: 0, devices: 1, .. } if id == "k1"));
        // The one that writes left out, whatever else there is.
        mistake(keys(format!("{K3} {K1}")).await, &["lacks `k2`", "put the new one in front of `k2`"]);
        mistake(keys(K3.into()).await, &["lacks `k2`"]);
        // Other bytes under an old id; an old key under another id; one key twice; a pepper; no key that writes.
        mistake(keys(format!("{K2} {}", renamed(K3, "k1"))).await, &["`SIGRA_KEYS` gives `k1` other bytes"]);
        mistake(keys(format!("{} {K1}", renamed(K3, "k2"))).await, &["`SIGRA_KEYS` gives `k2` other bytes"]);
        mistake(keys(format!("{K2} {}", renamed(K1, "k9"))).await, &["`k9`", "give it back the id `k1`"]);
        mistake(
            keys(format!("{K2} {K1} {}", renamed(P1, "k9"))).await,
            &["`k9` and `p1` are the same bytes"],
        );
        mistake(keys(format!("none {K2} {K1}")).await, &["`none` stands in front of the keys"]);

        let peppers = |text: String| async move { auth.rotate_peppers(ring(&text)).await };
        mistake(peppers(P1.into()).await, &["lacks `p2`"]);
        mistake(
            peppers(format!("{P2} {}", renamed(K3, "p1"))).await,
            &["`SIGRA_PEPPER` gives `p1` other bytes"],
        );
        mistake(peppers(format!("{P2} {P1} {}", renamed(K1, "p9"))).await, &["are the same bytes"]);
        // Nobody is under the old one any more, so it may go, for a third one too. Somebody whom a restored backup brings back keeps it.
        let hash = database.texts("SELECT password_hash FROM users").await.remove(0);
        let older = hash.replace(",keyid=cDI$", ",keyid=cDE$");
        database.run(&format!("UPDATE users SET password_hash = '{older}'")).await;
        for left in [P2.to_owned(), format!("{} {P2}", renamed(K3, "p3"))] {
            mistake(
                peppers(left).await,
                &["the pepper `p1` is missing", "in `users`", "SIGRA_PEPPER", "`sigra_keys`"],
            );
        }
        database.run(&format!("UPDATE users SET password_hash = '{hash}'")).await;

        let told = host.trail().await.split_off(trail.len());
        assert_eq!(told.iter().filter(|row| *row == "keyring.keys.rotate failed keys").count(), 8, "{told:?}");
        assert_eq!(told.iter().filter(|row| *row == "keyring.peppers.rotate failed keys").count(), 5, "{told:?}");
        assert_eq!(told.len(), 13);
        let but_for_the_trail = |mut dump: Dump| {
            dump.remove("sigra_audit");
            dump
        };
        assert_eq!(but_for_the_trail(rows.dump().await), but_for_the_trail(before), "it changed nothing else");
        assert!(is_live(auth, &first).await && is_live(auth, &second).await);
        let _ = sign_in(auth, ADA).await;
        peppers(P2.into()).await.unwrap();
        let _ = sign_in(auth, ADA).await;
    })
    .await;
}

#[tokio::test]
async fn a_key_goes_when_nothing_live_needs_it() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let link = host.token_of("/reset/").await;
        let both = format!("{K2} {K1}");
        host.auth.rotate_keys(ring(&both)).await.unwrap();
        mistake(
            host.auth.rotate_keys(ring(K2)).await,
            &["0 live sessions, 1 mailed links, 0 known devices, 0 second factors"],
        );
        // Used up, and expired in the other case.
        let _ = host.auth.reset_password(&link, OTHER_PASSWORD, &client()).await.unwrap();
        host.auth.rotate_keys(ring(K2)).await.unwrap();
        host.auth.rotate_keys(ring(&both)).await.unwrap();

        host.auth.rotate_keys(ring(&format!("{K1} {K2}"))).await.unwrap();
        let _ = host.sign_in_with(ADA, OTHER_PASSWORD).await;
        host.auth.rotate_keys(ring(&both)).await.unwrap();
        mistake(host.auth.rotate_keys(ring(K2)).await, &["1 live sessions"]);
        mistake(start(&database, K2, None).await, &["1 live sessions"]);
        host.clock.advance(Duration::from_hours(2));
        mistake(
            host.auth.rotate_keys(ring(K2)).await,
            &["0 live sessions, 0 mailed links, 1 known devices, 0 second factors"],
        );
        host.clock.advance(Duration::from_hours(180 * 24));
        host.auth.rotate_keys(ring(K2)).await.unwrap();
        // Its id is not free for other bytes all the same: there may be backups.
        mistake(
            host.auth.rotate_keys(ring(&format!("{K2} {}", renamed(K3, "k1")))).await,
            &["gives `k1` other bytes"],
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_device_comes_under_the_key_that_writes() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let enter = async |auth: &Sigra<User>, device: &str| {
            let client = somebody().with_device_token(device);
            match auth.sign_in(Credentials::new(ADA, PASSWORD), &client).await {
                Ok(UserSignIn::Complete(session)) => session.device_token().unwrap().expose().to_owned(),
                other => panic!("not signed in: {other:?}"),
            }
        };
        let first = enter(&host.auth, "").await;
        host.auth.rotate_keys(ring(&format!("{K2} {K1}"))).await.unwrap();
        let second = enter(&host.auth, &first).await;
        assert!(first.starts_with("sgd.k1.") && second.starts_with("sgd.k2."), "its owner came back");
        assert_eq!(enter(&host.auth, &second).await, second);
        assert_eq!(database.count("sigra_devices", "key_id = 'k2'").await, 1, "it is the same device");
        assert_eq!(database.count("sigra_devices", "1 = 1").await, 1);
        // Two tabs at once: each of them ends up with a secret that is known, whichever the browser keeps.
        host.auth.rotate_keys(ring(&format!("{K3} {K2} {K1}"))).await.unwrap();
        let tabs = [(); 2].map(|()| {
            let (auth, second) = (host.auth.clone(), second.clone());
            let client = somebody().with_device_token(&second);
            tokio::spawn(async move { auth.sign_in(Credentials::new(ADA, PASSWORD), &client).await })
        });
        for tab in tabs {
            let Ok(UserSignIn::Complete(session)) = tab.await.unwrap() else { panic!("not signed in") };
            let device = session.device_token().unwrap().expose().to_owned();
            assert_eq!(enter(&host.auth, &device).await, device);
        }
        assert_eq!(database.count("sigra_devices", "key_id = 'k3'").await, 2);
        assert_eq!(database.count("sigra_devices", "1 = 1").await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_rotations_at_once_neither_drops_the_key_that_the_other_writes_with() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        for round in 0..8 {
            let auth = start(&database, K1, None).await.unwrap();
            let rivals = [K2, K3].map(|key| {
                let auth = auth.clone();
                tokio::spawn(async move { auth.rotate_keys(ring(&format!("{key} {K1}"))).await })
            });
            let mut done = 0;
            for rival in rivals {
                match rival.await.unwrap() {
                    Ok(()) => done += 1,
                    refused => drop(mistake(refused, &["lacks `k", "which writes"])),
                }
            }
            assert_eq!(done, 1, "round {round}");
            let token = sign_in(&auth, ADA).await;
            assert!(is_live(&auth, &token).await, "what is written is read");
            database.run("DELETE FROM sigra_keys WHERE kind = 'key' AND id <> 'k1'").await;
            database.run("DELETE FROM sigra_sessions").await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_that_leaked_goes_at_once_with_everything_under_it() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let leaked = sign_in(&host.auth, ADA).await;
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let link = host.token_of("/reset/").await;
        // As the module of the keys says.
        host.auth.rotate_keys(ring(&format!("{K2} {K1}"))).await.unwrap();
        let kept = sign_in(&host.auth, ADA).await;
        let refused = host.auth.rotate_keys(ring(K2)).await.unwrap_err().to_string();
        let sql = "DELETE FROM sigra_keys WHERE kind = 'key' AND id = 'k1'";
        assert!(
            refused.contains("1 live sessions, 1 mailed links, 1 known devices, 0 second factors"),
            "{refused}"
        );
        assert!(refused.contains(sql), "the error says how: {refused}");
        database.run(sql).await;
        host.auth.rotate_keys(ring(K2)).await.unwrap();
        assert!(!is_live(&host.auth, &leaked).await && is_live(&host.auth, &kept).await);
        assert!(host.auth.reset_password(&link, OTHER_PASSWORD, &client()).await.is_err());
        let _ = start(&database, K2, None).await.unwrap();
        // Lost, with no process that has it: all keys are given up.
        mistake(start(&database, K3, None).await, &["used with `k2`", "delete their rows"]);
        database.run("DELETE FROM sigra_keys WHERE kind = 'key'").await;
        let again = start(&database, K3, None).await.unwrap();
        assert!(!is_live(&again, &kept).await);
        let _ = sign_in(&again, ADA).await;
    })
    .await;
}

/// A process that signs checkpoints for this sink.
async fn start_with_sink(database: &Database, keys: &str, sink: &MemorySink) -> Result<Sigra<User>, Error> {
    let builder = Sigra::<User>::builder().url(database.url()).keyring(ring(keys));
    builder.checkpoint_to(sink.clone()).clock(Arc::new(TestClock::default())).build().await
}

/// Nothing is written between the steps: what the log has under the old key moves to the new one all the same.
#[tokio::test]
async fn a_key_goes_in_a_quiet_time_and_the_log_is_sealed_on() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let sink = MemorySink::default();
        sink.break_down(true);
        idle_rows(&host, 5).await;
        let first = start_with_sink(&database, K1, &sink).await.unwrap();
        assert!(first.seal_audit().await.is_err(), "a checkpoint waits");
        let _ = start_with_sink(&database, &format!("{K2} {K1}"), &sink).await.unwrap();
        let alone = start_with_sink(&database, K2, &sink).await.unwrap();
        assert!(alone.verify_audit("").await.unwrap().is_clean());
        sink.break_down(false);
        idle_rows(&host.beside(alone.clone()), 5).await;
        assert_eq!(alone.seal_audit().await.unwrap().rows, 5);
        let taken = sink.all();
        assert_eq!(taken.iter().map(sigra::audit::Checkpoint::size).collect::<Vec<_>>(), [5, 10]);
        for checkpoint in taken {
            assert_eq!(checkpoint.verify(&alone.audit_public_keys()), Ok(()));
        }

        // Rows without a number wait for a process that knows their key, in a start and in a rotation.
        idle_rows(&host.beside(alone), 2).await;
        let both = start_with_sink(&database, &format!("{K3} {K2}"), &sink).await.unwrap();
        let error = mistake(
            start_with_sink(&database, K3, &sink).await,
            &["`k2` is missing", "2 rows of the audit trail", "Sigra::seal_audit"],
        );
        assert!(matches!(error, KeyringError::TrailNeeds { id, rows: 2, .. } if id == "k2"));
        both.rotate_keys(ring(K3)).await.unwrap();
        assert_eq!(database.count("sigra_audit", "leaf IS NULL AND key_id = 'k2'").await, 0);
        let last = start_with_sink(&database, K3, &sink).await.unwrap();
        idle_rows(&host.beside(last.clone()), 2).await;
        last.seal_audit().await.unwrap();

        // One that is out already stays good as well, for whoever verifies or proves before the next.
        let note = database
            .texts("SELECT note FROM sigra_audit_checkpoints ORDER BY size DESC LIMIT 1")
            .await
            .remove(0);
        let id = if database.kind() == Kind::Postgres { "id::text" } else { "lower(hex(id))" };
        let row = database.texts(&format!("SELECT {id} FROM sigra_audit WHERE leaf = 0")).await.remove(0);
        let _ = start_with_sink(&database, &format!("{K4} {K3}"), &sink).await.unwrap();
        let quiet = start_with_sink(&database, K4, &sink).await.unwrap();
        assert!(quiet.verify_audit("").await.unwrap().is_clean());
        assert!(quiet.prove_audit_row(row.parse().unwrap()).await.unwrap().is_some());
        // One that nobody renewed takes another in its place.
        let newest = "size = (SELECT n FROM (SELECT MAX(size) AS n FROM sigra_audit_checkpoints) m)";
        database.run(&format!("UPDATE sigra_audit_checkpoints SET note = '{note}' WHERE {newest}")).await;
        assert!(!quiet.verify_audit("").await.unwrap().is_clean());
        assert!(quiet.prove_audit_row(row.parse().unwrap()).await.unwrap().is_some());
        quiet.seal_audit().await.unwrap();
        assert!(quiet.verify_audit("").await.unwrap().is_clean());
    })
    .await;
}

#[tokio::test]
async fn without_a_key_that_was_lost_the_log_is_begun_anew() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        idle_rows(&host, 5).await;
        host.auth.seal_audit().await.unwrap();
        database.run("DELETE FROM sigra_keys WHERE kind = 'key'").await;
        let sink = MemorySink::default();
        let lost = start_with_sink(&database, K3, &sink).await.unwrap();
        let host = host.beside(lost.clone());
        idle_rows(&host, 2).await;
        let error = lost.seal_audit().await.unwrap_err();
        let Error::Failed(Failure::AuditChanged(what)) = &error else { panic!("{error}") };
        assert!(what.contains("under a key that the ring lacks"), "{what}");
        // Found again, it need stay no longer than for a start.
        let _ = start_with_sink(&database, &format!("{K3} {K1}"), &sink).await.unwrap();
        assert_eq!(lost.seal_audit().await.unwrap().rows, 2);

        // Lost for good: as the module of the keys says.
        let _ = start_with_sink(&database, &format!("{K1} {K3}"), &sink).await.unwrap();
        assert!(lost.seal_audit().await.is_err());
        for table in ["", "_tree", "_segments", "_checkpoints", "_sinks"] {
            database.run(&format!("DROP TABLE sigra_audit{table}")).await;
        }
        database.run("DELETE FROM sigra_migrations").await;
        let again = start_with_sink(&database, K3, &sink).await.unwrap();
        again.migrate().await.unwrap();
        idle_rows(&host.beside(again.clone()), 2).await;
        assert_eq!(again.seal_audit().await.unwrap().rows, 2);
        assert!(again.verify_audit("").await.unwrap().is_clean());
    })
    .await;
}

#[tokio::test]
async fn a_start_with_keys_that_are_not_the_databases_fails_with_what_to_set() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let token = sign_in(&host.auth, ADA).await;
        let with = |keys: String| {
            let database = database.clone();
            async move { start(&database, &keys, None).await }
        };
        let error = mistake(
            with(renamed(K3, "k1")).await,
            &["`SIGRA_KEYS` gives `k1` other bytes", "an id that was never used", "`sigra_keys`"],
        );
        assert!(matches!(error, KeyringError::Changed { id, .. } if id == "k1"));
        let error =
            mistake(with(K2.into()).await, &["used with `k1`", "is it the right database?", "SIGRA_KEYS"]);
        assert!(matches!(error, KeyringError::Unknown { known, .. } if known == ["k1"]));
        mistake(with(renamed(K1, "k9")).await, &["calls `k9` what this database knows as `k1`"]);
        mistake(with(format!("none {K1}")).await, &["`none` stands in front of the keys"]);
        assert_eq!(database.count("sigra_keys", "kind = 'key'").await, 1, "what was refused is not noted");

        // The right ones start, with and without a new one in front.
        assert!(is_live(&with(K1.into()).await.unwrap(), &token).await);
        assert!(is_live(&with(format!("{K2},{K1}")).await.unwrap(), &token).await);
        assert_eq!(database.count("sigra_keys", "kind = 'key'").await, 2);
        // A process that was forgotten at its old setting does not start once the new key is needed.
        let ahead = with(format!("{K2},{K1}")).await.unwrap();
        let newer = sign_in(&ahead, ADA).await;
        mistake(with(K1.into()).await, &["`k2` is missing"]);
        assert!(is_live(&ahead, &newer).await);

        // Lost for good, and said so: the database takes others, and whoever was signed in is not any more.
        database.run("DELETE FROM sigra_keys WHERE kind = 'key'").await;
        let again = with(K3.into()).await.unwrap();
        assert!(!is_live(&again, &token).await);
        let _ = sign_in(&again, ADA).await;
    })
    .await;
}

#[tokio::test]
async fn a_start_without_a_pepper_that_hashes_name_fails_with_what_to_set() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let peppered = start(&database, K1, Some(P1)).await.unwrap();
        // It was never used for a hash, so nothing keeps anybody from starting without it.
        let _ = start(&database, K1, None).await.unwrap();
        let _ = sign_in(&peppered, ADA).await;
        for peppers in [None, Some(P2)] {
            let error = mistake(
                start(&database, K1, peppers).await,
                &["the pepper `p1` is missing", "SIGRA_PEPPER", "behind the newest"],
            );
            assert!(
                matches!(error, KeyringError::PepperStillNeeded { id, users: "users", .. } if id == "p1")
            );
        }
        mistake(
            start(&database, K1, Some(&renamed(P2, "p1"))).await,
            &["`SIGRA_PEPPER` gives `p1` other bytes"],
        );
        mistake(start(&database, K1, Some(&renamed(P1, "p9"))).await, &["give it back the id `p1`"]);
        mistake(
            start(&database, K1, Some(&format!("{P1} {}", renamed(K1, "p9")))).await,
            &["the same bytes"],
        );
        let both = start(&database, K1, Some(&format!("{P2} {P1}"))).await.unwrap();
        let _ = sign_in(&both, ADA).await;
        let _ = start(&database, K1, Some(P2)).await.unwrap();

        // An id whose base64 differs by case alone is another pepper: `p1` is `cDE`.
        let hash =
            database.texts("SELECT password_hash FROM users").await.remove(0).replace("=cDI$", "=CDE$");
        database.run(&format!("UPDATE users SET password_hash = '{hash}'")).await;
        let _ = start(&database, K1, Some(P2)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_host_that_never_calls_migrate_is_checked_at_start() {
    each_database(|database| async move {
        // No tables yet: there is nothing to compare with.
        let early = start(&database, K3, None).await.unwrap();
        let dialect = match database.kind() {
            Kind::Sqlite => Dialect::Sqlite,
            Kind::Postgres => Dialect::Postgres,
            Kind::MySql => Dialect::MySql,
        };
        database.run(&users_table(database.kind())).await;
        for migration in Sigra::<User>::migrations(dialect) {
            database.run(&migration.statements.join("; ")).await;
        }
        let _ = start(&database, K1, None).await.unwrap();
        mistake(start(&database, K2, None).await, &["used with `k1`"]);
        // Who came too early is told by its own migration.
        mistake(early.migrate().await, &["used with `k1`"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_processes_that_start_at_once_on_a_new_database_with_other_keys_one_wins() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        drop(host);
        for round in 0..6 {
            // New, or as after every key was given up.
            let given_up = if round < 3 { "kind <> 'turn'" } else { "1 = 1" };
            database.run(&format!("DELETE FROM sigra_keys WHERE {given_up}")).await;
            let keys = match round % 2 {
                0 => [K1.to_owned(), K2.to_owned(), K3.to_owned()],
                _ => [K1.to_owned(), renamed(K2, "k1"), renamed(K3, "k1")],
            };
            let starts = keys.map(|keys| {
                let database = database.clone();
                tokio::spawn(async move { start(&database, &keys, None).await.map(drop) })
            });
            let mut started = 0;
            for start in starts {
                match start.await.unwrap() {
                    Ok(()) => started += 1,
                    result => drop(mistake(result, &["this database"])),
                }
            }
            assert_eq!(started, 1, "round {round}");
        }
        // With one ring they all start, and note it once.
        database.run("DELETE FROM sigra_keys").await;
        let starts = [(); 4].map(|()| {
            let database = database.clone();
            tokio::spawn(async move { start(&database, &format!("{K2} {K1}"), Some(P1)).await.map(drop) })
        });
        for start in starts {
            start.await.unwrap().unwrap();
        }
        assert_eq!(database.count("sigra_keys", "kind <> 'turn'").await, 3);
    })
    .await;
}

/// The marks by which keys are known again, in hexadecimal.
async fn marks(database: &Database) -> Vec<String> {
    cells(&database.dumper().await.dump().await)
        .into_iter()
        .filter(|(table, column, value)| table == "sigra_keys" && column == "check_value" && value.len() > 60)
        .map(|(_, _, value)| value.trim_start_matches("\\x").to_lowercase())
        .collect()
}

#[tokio::test]
async fn what_the_table_of_keys_holds_is_of_no_use() {
    each_database(|database| async move {
        let _ = Host::start(database.clone()).await;
        let _ = start(&database, K1, Some(P1)).await.unwrap();
        let found = marks(&database).await;
        assert_eq!(found.len(), 2, "{found:?}");
        let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        for key in [K1, P1] {
            let text = bytes(key);
            let secret = <base64ct::Base64UrlUnpadded as base64ct::Encoding>::decode_vec(text).unwrap();
            for useful in [secret.clone(), Sha256::digest(&secret).to_vec(), Sha256::digest(text).to_vec()] {
                assert!(!found.contains(&hex(&useful)));
            }
        }
        // The same bytes are marked otherwise as a key and as a pepper.
        let (key, pepper) =
            (Database::create(database.kind()).await, Database::create(database.kind()).await);
        let mut seen = Vec::new();
        for (database, keys, peppers) in [(&key, K1, P1), (&pepper, P1, K1)] {
            let _ = Host::start(database.clone()).await;
            database.run("DELETE FROM sigra_keys").await;
            let _ = start(database, &renamed(keys, "a"), Some(&renamed(peppers, "b"))).await.unwrap();
            seen.extend(marks(database).await);
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 4);
    })
    .await;
}

/// Seeds of authenticators by the key that sealed them.
async fn sealed_by(database: &Database, key: &str) -> i64 {
    database.count("sigra_factors", &format!("key_id = '{key}'")).await
}

/// Ends what else a key keys: sessions, devices and links.
async fn end_the_rest(database: &Database) {
    for table in ["sessions", "devices", "tokens"] {
        database.run(&format!("DELETE FROM sigra_{table}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seeds_move_to_the_key_that_writes_though_nobody_uses_them_and_the_old_key_goes() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let mut apps = Vec::new();
        for number in 0..3 {
            let email = format!("u{number}@example.com");
            host.account(&email).await;
            let (app, session) = host.enrol(&email).await;
            apps.push((email, app, session));
        }
        // One more that was removed, which its owner may undo for a week, and one that nobody has proved yet.
        let (email, first, session) = apps.remove(0);
        let (second, session) = host.add_authenticator(session).await;
        let sudo = host.auth.sudo(session.into_parts().0).await.unwrap();
        let removed = host.auth.factors(&sudo).await.unwrap()[0].id;
        let _ = host.auth.remove_factor(&sudo, removed, &client()).await.unwrap().unwrap();
        let undo = host.token_of("/disown/").await;
        let _ = host.auth.begin_totp(&sudo, "", &client()).await.unwrap();
        assert_eq!(host.auth.sweep().await.unwrap().resealed, 0, "there is no other key");
        assert_eq!(sealed_by(&database, "k1").await, 5);

        let both = format!("{K2} {K1}");
        host.auth.rotate_keys(ring(&both)).await.unwrap();
        let trail = host.trail().await;
        assert_eq!(host.auth.sweep().await.unwrap().resealed, 5);
        assert_eq!(host.auth.sweep().await.unwrap().resealed, 0);
        assert_eq!((sealed_by(&database, "k1").await, sealed_by(&database, "k2").await), (0, 5));
        assert_eq!(host.trail().await, trail, "nothing that anybody could be asked about has changed");
        let _ = host.auth.disown(&undo, &client()).await.unwrap();
        database.run("UPDATE sigra_accounts SET must_change_since = NULL").await;

        // Without a word about the old key's row.
        end_the_rest(&database).await;
        host.auth.rotate_keys(ring(K2)).await.unwrap();
        let fresh = host.beside(
            Sigra::<User>::builder()
                .url(database.url())
                .keyring(ring(K2))
                .clock(host.clock.clone())
                .build()
                .await
                .unwrap(),
        );
        for (number, (email, app, _)) in apps.iter().enumerate() {
            let _ = [&host, &fresh][number % 2].sign_in_twice(email, app).await;
        }
        for app in [first, second] {
            let _ = fresh.sign_in_twice(&email, &app).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_codes_stay_under_their_key_until_their_users_make_new_ones_or_they_are_voided() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let mut people = Vec::new();
        for email in [ADA, "bob@example.com"] {
            host.account(email).await;
            let (app, session) = host.enrol(email).await;
            let sudo = host.auth.sudo(session.into_parts().0).await.unwrap();
            let codes = host.auth.create_backup_codes(&sudo, &client()).await.unwrap();
            people.push((app, sudo, codes.iter().map(str::to_owned).collect::<Vec<_>>()));
        }
        host.auth.rotate_keys(ring(&format!("{K2} {K1}"))).await.unwrap();
        assert_eq!(host.auth.sweep().await.unwrap().resealed, 2);
        let needed = async |codes: u64, holders: u64| {
            let text = format!("0 second factors and {codes} backup codes of {holders} users");
            let error = mistake(host.auth.rotate_keys(ring(K2)).await, &["`k1` is missing", &text]);
            assert!(matches!(error, KeyringError::StillNeeded { holders: told, .. } if told == holders));
        };
        needed(20, 2).await;
        // They are good meanwhile.
        let challenge = host.challenge(ADA).await;
        assert!(host.prove(&challenge, &people[0].2[0]).await.is_ok());
        needed(19, 2).await;
        let _ = host.auth.create_backup_codes(&people[0].1, &client()).await.unwrap();
        needed(10, 1).await;

        // As the module of the keys says.
        let whom = "SELECT DISTINCT u.email FROM users u JOIN sigra_backup_codes b ON b.user_id = u.id \
                    WHERE b.key_id = 'k1' AND b.used_at IS NULL";
        assert_eq!(database.texts(whom).await, ["bob@example.com"]);
        database.run("DELETE FROM sigra_backup_codes WHERE key_id = 'k1'").await;
        end_the_rest(&database).await;
        host.auth.rotate_keys(ring(K2)).await.unwrap();
        let challenge = host.challenge("bob@example.com").await;
        let refused = host.prove(&challenge, &people[1].2[0]).await.unwrap_err();
        assert_eq!(refused.refusal(), Some(&sigra::Refusal::InvalidCode));
        assert!(
            host.prove(&challenge, &people[1].0.code(0)).await.is_ok(),
            "the authenticator is good as before"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sweeps_of_two_processes_and_uses_at_once_lose_no_seed_and_take_no_code_twice() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let mut apps = Vec::new();
        for number in 0..8 {
            let email = format!("u{number}@example.com");
            host.account(&email).await;
            let (app, _) = host.enrol(&email).await;
            apps.push((email, app));
        }
        let both = format!("{K2} {K1}");
        let two = Sigra::<User>::builder().url(database.url()).keyring(ring(&both)).clock(host.clock.clone());
        let two = host.beside(two.build().await.unwrap());
        // One process is a step behind for a while, and seals what it sweeps under the old key again.
        host.auth.rotate_keys(ring(&format!("{K1} {K2}"))).await.unwrap();
        for round in 0..4 {
            host.clock.advance(Duration::from_mins(1));
            let mut pending = Vec::new();
            for (email, _) in &apps {
                for node in [&host, &two] {
                    let challenge = node.challenge(email).await;
                    pending.push((node.auth.clone(), challenge.token().expose().to_owned()));
                }
            }
            // Only now: so many hashes may take longer than a code is good. One for both: the next step may begin between them.
            let codes: Vec<String> =
                apps.iter().flat_map(|(_, app)| std::iter::repeat_n(app.code(0), 2)).collect();
            let sweeps = [&host, &two, &host, &two].map(|node| {
                let auth = node.auth.clone();
                tokio::spawn(async move { auth.sweep().await.map(drop) })
            });
            let done = sigra_tests::crowd::at_once(pending.into_iter().zip(codes).map(
                |((auth, pending), code)| async move {
                    auth.prove_second_factor(&pending, code, &client()).await.map(drop)
                },
            ))
            .await;
            for sweep in sweeps {
                sweep.await.unwrap().unwrap();
            }
            for pair in done.chunks(2) {
                let good = pair.iter().filter(|result| result.is_ok()).count();
                assert_eq!(good, 1, "round {round}: {pair:?}");
            }
            database.run("DELETE FROM sigra_limits").await;
        }
        host.auth.rotate_keys(ring(&both)).await.unwrap();
        host.auth.sweep().await.unwrap();
        assert_eq!((sealed_by(&database, "k1").await, sealed_by(&database, "k2").await), (0, 8));
        host.clock.advance(Duration::from_mins(1));
        for (number, (email, app)) in apps.iter().enumerate() {
            let _ = [&host, &two][number % 2].sign_in_twice(email, app).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_never_writes_over_a_seed_that_changed_since_it_was_read() {
    each_database(|database| async move {
        // On SQLite nothing changes while somebody else writes.
        let waiting = match database.kind() {
            Kind::Sqlite => return,
            Kind::Postgres => {
                ("pg_stat_activity", "datname = current_database() AND wait_event_type = 'Lock'")
            }
            // Not `innodb_trx`: the server keeps its answer as long as somebody goes on asking.
            Kind::MySql => (
                "information_schema.processlist",
                "db = DATABASE() AND id <> CONNECTION_ID() AND command = 'Execute' AND info LIKE 'UPDATE%sigra_factors%'",
            ),
        };
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let _ = host.enrol(ADA).await;
        host.auth.rotate_keys(ring(&format!("{K2} {K1}"))).await.unwrap();
        let changing = sigra_tests::pool::HostPool::open(&database, 1).await;
        let bytes = if database.kind() == Kind::Postgres { "'\\x00'" } else { "x'00'" };
        changing.run(&format!("BEGIN; UPDATE sigra_factors SET secret = {bytes}")).await.unwrap();
        let sweep = tokio::spawn({
            let auth = host.auth.clone();
            async move { auth.sweep().await }
        });
        // It has read the seed as it was, and waits for the row.
        until("the sweep meets the change", async || database.count(waiting.0, waiting.1).await > 0).await;
        changing.run("COMMIT").await.unwrap();
        assert_eq!(sweep.await.unwrap().unwrap().resealed, 0);
        assert_eq!(database.count("sigra_factors", &format!("secret = {bytes} AND key_id = 'k1'")).await, 1);
        changing.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_from_another_row_is_not_sealed_for_its_new_place_and_many_that_do_not_open_stop_no_other() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let mut apps = Vec::new();
        for email in [ADA, "eve@example.com", "zoe@example.com"] {
            host.account(email).await;
            apps.push(host.enrol(email).await.0);
        }
        // Whoever can write into the table gives Ada's account the seed of their own authenticator.
        let hers = "(SELECT id FROM users WHERE email = 'ada@example.com')";
        let eves = "SELECT f.secret FROM sigra_factors f JOIN users u ON u.id = f.user_id WHERE u.email = 'eve@example.com'";
        let swap = format!("UPDATE sigra_factors SET secret = (SELECT secret FROM ({eves}) e) WHERE user_id = {hers}");
        database.run(&swap).await;
        for number in 0..250_u128 {
            let id = uuid::Uuid::from_u128(number + 1);
            let (id, secret) = match database.kind() {
                Kind::Postgres => (format!("'{id}'"), "'\\x01'"),
                _ => (format!("x'{}'", id.simple()), "x'01'"),
            };
            let at = "(SELECT c FROM (SELECT MIN(created_at) AS c FROM sigra_factors) m)";
            let sql = format!(
                "INSERT INTO sigra_factors (id, user_id, kind, name, secret, key_id, created_at, last_step) \
                 SELECT {id}, {hers}, 'totp', 'junk', {secret}, 'k1', {at}, 0"
            );
            database.run(&sql).await;
        }
        host.auth.rotate_keys(ring(&format!("{K2} {K1}"))).await.unwrap();
        assert_eq!(host.auth.sweep().await.unwrap().resealed, 2);
        assert_eq!(sealed_by(&database, "k1").await, 251);
        for app in &apps[..2] {
            let challenge = host.challenge(ADA).await;
            let refused = host.prove(&challenge, &app.code(0)).await.unwrap_err();
            assert_eq!(refused.refusal(), Some(&sigra::Refusal::InvalidCode));
        }
        let _ = host.sign_in_twice("zoe@example.com", &apps[2]).await;
        // And such a seed keeps its key from going.
        mistake(host.auth.rotate_keys(ring(K2)).await, &["251 second factors"]);
    })
    .await;
}
