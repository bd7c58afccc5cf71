//! Keys and peppers: the wrong ones are noticed at start, and they are replaced under load without anybody noticing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sigra::clock::TestClock;
use sigra::keyring::KeyringError;
use sigra::{Credentials, Error, Failure, Keyring, Sigra};
use sigra_tests::host::{KEYS, client, prepare, somebody, users_table};
use sigra_tests::{Database, Host, PASSWORD, User, UserSignIn, each_database};
use tokio::task::JoinHandle;

const ADA: &str = "ada@example.com";

/// A key of the tests; it protects nothing. Another `salt` makes another key.
fn key(id: &str, salt: u8) -> String {
    let alphabet = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ";
    let text: String =
        (0..42).map(|i| char::from(alphabet[(i * 7 + usize::from(salt)) % alphabet.len()])).collect();
    format!("{id}:{text}A")
}

fn ring(keys: &[&str]) -> Keyring {
    Keyring::parse(&keys.join(",")).unwrap()
}

/// Starts with these keys, as a process would.
async fn start(database: &Database, keys: &[&str]) -> Result<Sigra<User>, Error> {
    let builder = Sigra::<User>::builder().url(database.url());
    prepare(builder, Arc::new(TestClock::default())).keyring(ring(keys)).build().await
}

fn keyring_error(result: Result<impl Sized, Error>) -> KeyringError {
    match result {
        Err(Error::Failed(Failure::Keys(error))) => error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("nothing was noticed"),
    }
}

#[tokio::test]
async fn the_wrong_keys_are_noticed_at_start_with_what_to_set() {
    each_database(|database| async move {
        database.run(&users_table(database.kind())).await;
        let (k1, other_k1, k2, k3) = (key("k1", 1), key("k1", 2), key("k2", 3), key("k3", 4));
        // Before there are tables any key will do: nothing was keyed.
        let first = start(&database, &[&other_k1]).await.unwrap();
        drop(first);
        let auth = start(&database, &[&k1]).await.unwrap();
        auth.migrate().await.unwrap();

        let different = keyring_error(start(&database, &[&other_k1]).await.map(|_| ()));
        assert_eq!(different, KeyringError::Different { kind: "key", id: "k1".into() });
        let text = different.to_string();
        assert!(text.contains("`k1`") && text.contains("give a new one another id"), "{text}");
        let unknown = keyring_error(start(&database, &[&k2]).await.map(|_| ()));
        assert!(
            unknown.to_string().contains("`k1`") && unknown.to_string().contains("sigra_keys"),
            "{unknown}"
        );
        // A new one in front of the old is how it is meant, and leaving the old one out afterwards too.
        let both = start(&database, &[&k2, &k1]).await.unwrap();
        assert!(start(&database, &[&k2]).await.is_ok());
        // A ring beside the wrong key is wrong all the same.
        assert!(matches!(
            keyring_error(start(&database, &[&k3, &other_k1]).await.map(|_| ())),
            KeyringError::Different { .. }
        ));
        assert_eq!(
            database.count("sigra_keys", "id = 'k3'").await,
            0,
            "what is refused leaves nothing behind"
        );
        let dropped = keyring_error(both.rotate_keys(ring(&[&k3])).await);
        assert_eq!(dropped, KeyringError::Dropped { id: "k2".into() });
        assert!(matches!(
            keyring_error(both.rotate_keys(ring(&[&other_k1, &k2])).await),
            KeyringError::Different { .. }
        ));
        // Whoever reads the table learns no key, nor anything that is keyed.
        for value in database.texts(&hex_of_checks(&database)).await {
            assert_eq!(value.len(), 64, "{value}");
        }
    })
    .await;
}

fn hex_of_checks(database: &Database) -> String {
    let column = match database.kind() {
        sigra_tests::database::Kind::Postgres => "encode(check_value, 'hex')",
        _ => "hex(check_value)",
    };
    format!("SELECT {column} FROM sigra_keys")
}

#[tokio::test]
async fn a_pepper_that_hashes_need_is_missed_at_start() {
    each_database(|database| async move {
        database.run(&users_table(database.kind())).await;
        let (p1, other_p1, p2) = (key("p1", 5), key("p1", 6), key("p2", 7));
        let with = |peppers: Option<Vec<String>>| {
            let builder = Sigra::<User>::builder().url(database.url());
            let builder = prepare(builder, Arc::new(TestClock::default()));
            let builder = match peppers {
                Some(peppers) => builder.pepper(Keyring::parse(&peppers.join(",")).unwrap()),
                None => builder,
            };
            Host::with_settings(database.clone(), builder)
        };
        let host = with(Some(vec![p1.clone()])).await.unwrap();
        host.auth.migrate().await.unwrap();
        // Nobody has a hash yet: it may go again.
        assert!(with(None).await.is_ok());
        host.account(ADA).await;
        for peppers in [None, Some(vec![p2.clone(), p1.clone()])] {
            let missing = peppers.is_none();
            let result = with(peppers).await;
            if missing {
                let error = result.err().expect("the pepper is needed");
                assert!(matches!(&error, Error::Failed(Failure::Pepper { id }) if id == "p1"), "{error}");
                assert!(error.to_string().contains("SIGRA_PEPPER"), "{error}");
            } else {
                let _ = result.unwrap().sign_in(ADA).await;
            }
        }
        let different = keyring_error(with(Some(vec![other_p1])).await.map(|_| ()));
        assert_eq!(different, KeyringError::Different { kind: "pepper", id: "p1".into() });
        // The sign-in put the hash under the new one, so the old one may go.
        assert!(with(Some(vec![p2])).await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_peppers_are_replaced_under_load_on_two_nodes_and_nothing_fails() {
    each_database(|database| async move {
        database.run(&users_table(database.kind())).await;
        let (k1, k2) = (KEYS.to_owned(), key("k2", 3));
        let (p1, p2) = (key("p1", 5), key("p2", 7));
        let mut nodes = Vec::new();
        for _ in 0..2 {
            let builder = Sigra::<User>::builder().url(database.url());
            let builder = prepare(builder, Arc::new(TestClock::default())).pepper(ring(&[&p1]));
            let host = Host::with_settings(database.clone(), builder).await.unwrap();
            host.auth.migrate().await.unwrap();
            nodes.push(host);
        }
        for number in 0..4 {
            nodes[0].account(&format!("u{number}@example.com")).await;
        }
        let old = nodes[0].sign_in("u0@example.com").await;
        nodes[0].auth.request_password_reset("u3@example.com", &client()).await.unwrap();
        let link = nodes[0].token_of("/reset/").await;

        let done = Arc::new(AtomicBool::new(false));
        let counts = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let mut load = Vec::new();
        for number in 0..4 {
            let (auth, other) = (nodes[number % 2].auth.clone(), nodes[(number + 1) % 2].auth.clone());
            let (done, counts) = (done.clone(), counts.clone());
            load.push(tokio::spawn(async move {
                let email = format!("u{number}@example.com");
                while !done.load(Ordering::SeqCst) {
                    let credentials = Credentials::new(&email, PASSWORD);
                    let UserSignIn::Complete(session) = auth.sign_in(credentials, &somebody()).await.unwrap()
                    else {
                        panic!("something stands in the way")
                    };
                    counts[0].fetch_add(1, Ordering::SeqCst);
                    // Made by one node, read by the other, whichever of the two has the new ring already.
                    for node in [&auth, &other, &auth, &other] {
                        assert!(node.session(session.token().expose()).await.unwrap().is_some());
                        counts[1].fetch_add(1, Ordering::SeqCst);
                    }
                }
            }));
        }
        // As the documentation says: at the end everywhere, at the front everywhere.
        let steps: [[&str; 2]; 2] = [[&k1, &k2], [&k2, &k1]];
        let peppers: [[&str; 2]; 2] = [[&p1, &p2], [&p2, &p1]];
        for (keys, peppers) in steps.iter().zip(&peppers) {
            for node in &nodes {
                let before = counts[0].load(Ordering::SeqCst);
                while counts[0].load(Ordering::SeqCst) < before + 4
                    && !load.iter().any(JoinHandle::is_finished)
                {
                    tokio::task::yield_now().await;
                }
                node.auth.rotate_keys(ring(keys)).await.unwrap();
                node.auth.rotate_peppers(ring(peppers)).await.unwrap();
            }
        }
        let before = counts[0].load(Ordering::SeqCst);
        while counts[0].load(Ordering::SeqCst) < before + 8 && !load.iter().any(JoinHandle::is_finished) {
            tokio::task::yield_now().await;
        }
        done.store(true, Ordering::SeqCst);
        for task in load {
            task.await.unwrap();
        }
        let [sign_ins, checks] = [&counts[0], &counts[1]].map(|count| count.load(Ordering::SeqCst));
        assert!(sign_ins >= 24 && checks >= 96, "{sign_ins} sign-ins, {checks} checks");

        // What was there before lives on, and every hash has the new pepper.
        assert!(nodes[1].is_live(old.token().expose()).await);
        assert_eq!(database.count("users", "password_hash LIKE '%,keyid=cDI$%'").await, 4);
        let _ = nodes[1].auth.reset_password(&link, "a different long passphrase", &client()).await.unwrap();
        let new = nodes[1].sign_in("u1@example.com").await;
        assert!(new.token().expose().starts_with("sgs.k2."));
        // The old ones may go: what they keyed is over.
        let next = prepare(Sigra::<User>::builder().url(database.url()), Arc::new(TestClock::default()));
        let next = next.keyring(ring(&[&k2])).pepper(ring(&[&p2])).build().await.unwrap();
        assert!(next.session(old.token().expose()).await.unwrap().is_none());
        assert!(next.session(new.token().expose()).await.unwrap().is_some());
        assert!(next.sign_in(Credentials::new("u2@example.com", PASSWORD), &somebody()).await.is_ok());
    })
    .await;
}
