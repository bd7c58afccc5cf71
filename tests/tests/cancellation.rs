//! Requests that are cut off. axum drops a handler when its client hangs up, at whichever `await` it stands; so does every
//! `select!` and every timeout. Nothing acknowledged may be missing afterwards, nothing may be half there, and no connection
//! may be left inside a transaction.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use sigra::{Credentials, Error, Keyring, NewSession, Refusal};
use sigra_tests::database::{Kind, cells};
use sigra_tests::host::{KEYS, client, somebody, token_in};
use sigra_tests::pool::{HostPool, give_up};
use sigra_tests::random::Random;
use sigra_tests::users::Member;
use sigra_tests::wait::until;
use sigra_tests::{Database, Host, OTHER_PASSWORD, PASSWORD, User, UserSignIn, each_database};
use sqlx::Connection as _;

/// Operations that are cut off, on each database. `SIGRA_TEST_ROUNDS=10000` asks for more, `SIGRA_TEST_SEED` for others.
const ROUNDS: u64 = 300;
const SEED: u64 = 20_260_101;

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// A host on a pool of its own, whose tables are there.
async fn on_pool(database: &Database, pool: &HostPool) -> Host {
    database.run(&User::table(database.kind())).await;
    let host = Host::with(database.clone(), pool.builder()).await;
    host.auth.migrate().await.unwrap();
    host
}

/// Cuts `begin` off at one poll after another until a write is lost that the database acknowledged. Gives the writes that
/// were lost: the one that showed it, and some after it.
async fn poison(database: &Database, pool: &HostPool) -> Vec<i64> {
    for trial in 0..2_000 {
        pool.give_up_begin(u64::try_from(trial % 8).unwrap()).await;
        pool.run(&format!("INSERT INTO notes (n) VALUES ({trial})")).await.unwrap();
        if database.count("notes", &format!("n = {trial}")).await == 0 {
            let mut lost = vec![trial];
            for after in 10_000..10_005 {
                pool.run(&format!("INSERT INTO notes (n) VALUES ({after})")).await.unwrap();
                if database.count("notes", &format!("n = {after}")).await == 0 {
                    lost.push(after);
                }
            }
            return lost;
        }
    }
    Vec::new()
}

#[tokio::test]
async fn plain_sqlx_loses_acknowledged_writes_after_a_begin_that_was_cut_off_and_sigra_does_not() {
    each_database(|database| async move {
        if database.kind() != Kind::Postgres {
            return;
        }
        database.run("CREATE TABLE notes (n BIGINT NOT NULL)").await;
        let pool = HostPool::open(&database, 1).await;
        let host = on_pool(&database, &pool).await;

        // sqlx 0.9.0 gives a connection back to its pool inside the transaction that nobody knows of (#4385, #4393). When
        // this fails, sqlx has been mended: look what of `Connection::begin` and `Connection::cleanse` is still needed.
        let lost = poison(&database, &pool).await;
        assert_eq!(lost.len(), 6, "the trap did not show: {lost:?}");

        // The same pool, the same connection: what Sigra acknowledges is there for everybody.
        let _ = host.register(ADA).await.unwrap();
        assert_eq!(database.count("users", "email = 'ada@example.com'").await, 1);
        assert_eq!(host.trail().await, ["account.user.register success -"]);
        // And the host gets a clean connection back.
        pool.run("INSERT INTO notes (n) VALUES (77777)").await.unwrap();
        assert_eq!(database.count("notes", "n = 77777").await, 1);

        // A read heals it too, even a transaction that has failed and would answer nothing but that.
        let token = host.token_of("/confirm/").await;
        host.auth.confirm_email(&token, &client()).await.unwrap();
        let session = host.sign_in(ADA).await;
        assert_eq!(poison(&database, &pool).await.len(), 6);
        assert!(pool.run("SELECT 1 / 0").await.is_err());
        let aborted = pool.run("SELECT 1").await.unwrap_err();
        let code = aborted.as_database_error().unwrap().code();
        assert_eq!(code.as_deref(), Some("25P02"), "{aborted}");
        assert!(host.is_live(session.token().expose()).await);
        pool.run("INSERT INTO notes (n) VALUES (88888)").await.unwrap();
        assert_eq!(database.count("notes", "n = 88888").await, 1);
        assert_eq!(poison(&database, &pool).await.len(), 6);
        assert!(pool.run("SELECT 1 / 0").await.is_err());
        host.auth.sign_out(session.session(), &client()).await.unwrap();
        assert_eq!(database.count("sigra_sessions", "1 = 1").await, 0);
        pool.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_the_host_left_open_shows_sigra_no_past() {
    each_database(|database| async move {
        let begin = match database.kind() {
            // sqlx gives each SQLite connection a thread that knows its transactions.
            Kind::Sqlite => return,
            Kind::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ",
            // MariaDB's default.
            Kind::MySql => "START TRANSACTION",
        };
        let pool = HostPool::open(&database, 1).await;
        let host = on_pool(&database, &pool).await;
        let elsewhere = Host::join(database.clone()).await;
        database.run("CREATE TABLE notes (n BIGINT NOT NULL)").await;
        host.account(ADA).await;
        for read in [true, false] {
            let session = host.sign_in(ADA).await;
            let (other, token) = (host.sign_in(ADA).await, session.token().expose());
            // A snapshot of the moment in which the session was live.
            pool.run(begin).await.unwrap();
            pool.run("SELECT COUNT(*) FROM sigra_sessions").await.unwrap();
            pool.run("INSERT INTO notes (n) VALUES (1)").await.unwrap();
            elsewhere.auth.sign_out(session.session(), &client()).await.unwrap();
            if read {
                assert!(
                    !host.is_live(token).await,
                    "a session that was ended elsewhere is live in an old snapshot"
                );
            } else {
                let late = host.auth.revoke_other_sessions(session.session(), &client()).await.unwrap_err();
                assert_eq!(late.refusal(), Some(&Refusal::SessionEnded), "{late}");
                assert!(elsewhere.is_live(other.token().expose()).await);
            }
            // What the host had not committed is not committed for it, and what Sigra writes there is there.
            assert_eq!(database.count("notes", "1 = 1").await, 0);
            host.auth.sign_out(other.session(), &client()).await.unwrap();
            assert!(!elsewhere.is_live(other.token().expose()).await);
        }
        pool.close().await;
    })
    .await;
}

#[tokio::test]
async fn whatever_begin_of_the_host_was_cut_off_sigras_next_operation_is_durable() {
    each_database(|database| async move {
        let pool = HostPool::open(&database, 1).await;
        let host = on_pool(&database, &pool).await;
        for round in 0..48 {
            pool.give_up_begin(u64::try_from(round % 8).unwrap()).await;
            let email = format!("u{round}@example.com");
            host.auth.request_password_reset(&email, &somebody()).await.unwrap();
            assert_eq!(database.count("sigra_outbox", "1 = 1").await, round + 1, "round {round}");
            assert_eq!(database.count("sigra_audit", "1 = 1").await, round + 1, "round {round}");
        }
        nothing_left_open(&database).await;
        pool.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_start_or_a_rotation_of_keys_that_was_cut_off_leaves_no_transaction_open() {
    each_database(|database| async move {
        let pool = HostPool::open(&database, 1).await;
        let host = on_pool(&database, &pool).await;
        database.run("CREATE TABLE notes (n BIGINT NOT NULL)").await;
        let mut cut = 0;
        for round in 0..96 {
            // With a key that is to be noted, so that there is something to write.
            let key = |kind: &str| Keyring::generate_text(&format!("{kind}{}", 100 + round)).unwrap();
            let keys = Keyring::parse(&format!("{KEYS} {}", key("k"))).unwrap();
            let polls = 1 + round / 3 % 8;
            let cut_off = match round % 3 {
                0 => give_up(host.auth.rotate_keys(keys), polls).await.is_none(),
                1 => {
                    let peppers = Keyring::parse(&format!("none {}", key("p"))).unwrap();
                    give_up(host.auth.rotate_peppers(peppers), polls).await.is_none()
                }
                _ => give_up(pool.builder().keyring(keys).build(), polls).await.is_none(),
            };
            cut += u32::from(cut_off);
            pool.run(&format!("INSERT INTO notes (n) VALUES ({round})")).await.unwrap();
            assert_eq!(database.count("notes", &format!("n = {round}")).await, 1, "round {round}");
        }
        assert!(cut > 0, "none was cut off");
        nothing_left_open(&database).await;
        pool.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_session_check_that_was_cut_off_leaves_no_answer_for_the_next_to_take() {
    each_database(|database| async move {
        // One connection: the next check gets the very one that the last was cut off on.
        let pool = HostPool::open(&database, 1).await;
        let host = on_pool(&database, &pool).await;
        host.account(ADA).await;
        host.account(EVE).await;
        let (ada, eve) = (host.sign_in(ADA).await, host.sign_in(EVE).await);
        let mut cut = 0;
        for round in 0..120 {
            let unwanted = give_up(host.auth.session(ada.token().expose()), 1 + round % 4).await;
            cut += u32::from(unwanted.is_none());
            let found = host.auth.session(eve.token().expose()).await.unwrap().unwrap();
            assert_eq!(found.user().email, EVE, "round {round}");
            let listed = host.auth.sessions(&found).await.unwrap();
            assert_eq!(listed.len(), 1, "round {round}");
        }
        assert!(cut > 0, "none was cut off");
        pool.close().await;
    })
    .await;
}

/// Waits until no transaction is open. What a caller was cut off from goes on without him and may be in the middle of one; a
/// connection that was left inside of one stays there.
async fn nothing_left_open(database: &Database) {
    until("every transaction has ended", async || open_transactions(database).await == 0).await;
}

/// Transactions that some connection to this database is in.
async fn open_transactions(database: &Database) -> i64 {
    match database.kind() {
        Kind::Sqlite => {
            // Nobody holds the one write lock.
            let mut connection = sqlx::SqliteConnection::connect(database.url()).await.unwrap();
            sqlx::raw_sql("PRAGMA busy_timeout = 0").execute(&mut connection).await.unwrap();
            let free = sqlx::raw_sql("BEGIN IMMEDIATE; ROLLBACK").execute(&mut connection).await;
            i64::from(free.is_err())
        }
        Kind::Postgres => {
            let open = "datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'";
            database.count("pg_stat_activity", open).await
        }
        Kind::MySql => {
            // The server repeats an answer that it gave within the last tenth of a second.
            tokio::time::sleep(Duration::from_millis(150)).await;
            let open = "trx_mysql_thread_id IN (SELECT id FROM information_schema.processlist WHERE db = DATABASE())";
            database.count("information_schema.innodb_trx", open).await
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_cut_off_at_random_moments_are_there_as_a_whole_and_what_was_acknowledged_is_there() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        storm(host, None, number("SIGRA_TEST_ROUNDS", ROUNDS) / 2, number("SIGRA_TEST_SEED", SEED)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_they_are_on_a_pool_whose_host_is_cut_off_too() {
    each_database(|database| async move {
        let pool = HostPool::open(&database, 4).await;
        let host = on_pool(&database, &pool).await;
        storm(
            host,
            Some(pool.clone()),
            number("SIGRA_TEST_ROUNDS", ROUNDS) / 2,
            number("SIGRA_TEST_SEED", SEED + 1),
        )
        .await;
        pool.close().await;
    })
    .await;
}

/// Requests at once.
const WORKERS: u64 = 6;

/// What was acknowledged, and how much was cut off.
#[derive(Default)]
struct Told {
    registered: Vec<String>,
    signed_in: Vec<NewSession<User>>,
    signed_out: Vec<String>,
    asked: Vec<String>,
    reset: Vec<String>,
    disabled: i64,
    cut: u32,
}

/// Operations that go on although nobody waits for them.
struct Backlog {
    /// Rows of the trail before the storm.
    before: i64,
    begun: AtomicI64,
}

impl Backlog {
    /// The rows that the trail has once everything that was begun came to its end: one each.
    fn rows(&self) -> i64 {
        self.before + self.begun.load(Ordering::SeqCst)
    }

    /// Waits until few enough are under way that no limit of attempts is in sight: nine of ten for one account.
    async fn wait(&self, database: &Database) {
        self.wait_for(database, 9 - i64::try_from(WORKERS).unwrap()).await;
    }

    async fn wait_for(&self, database: &Database, under_way: i64) {
        let deadline = tokio::time::Instant::now() + Duration::from_mins(5);
        while database.count("sigra_audit", "1 = 1").await < self.rows() - under_way {
            assert!(
                tokio::time::Instant::now() < deadline,
                "operations that were begun never came to an end"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Begins an operation and drops it: never begun, at once, or after a random time. A hash takes some tens of milliseconds.
async fn cut_off<T>(
    random: &mut Random,
    backlog: &Backlog,
    told: &mut Told,
    operation: impl Future<Output = Result<T, Error>>,
) -> Option<T> {
    let moment = random.below(8);
    if moment == 0 {
        drop(operation);
        told.cut += 1;
        return None;
    }
    backlog.begun.fetch_add(1, Ordering::SeqCst);
    let result = match moment {
        1 => give_up(operation, 1).await,
        2 => Some(operation.await),
        _ => tokio::time::timeout(Duration::from_millis(random.below(90)), operation).await.ok(),
    };
    told.cut += u32::from(result.is_none());
    // Nothing here is ever refused: whatever was acknowledged was done.
    result.map(|result| result.unwrap_or_else(|error| panic!("{error}")))
}

/// One worker's requests, on accounts that no other worker touches.
async fn work(
    host: Host,
    backlog: Arc<Backlog>,
    worker: u64,
    rounds: u64,
    seed: u64,
    mut resets: Vec<(String, String)>,
) -> Told {
    let mut random = Random::new(seed.wrapping_mul(1_000).wrapping_add(worker));
    let mut told = Told::default();
    let home = format!("home{worker}@example.com");
    let target: uuid::Uuid =
        host.database.texts(&id_of(host.database.kind(), &format!("target{worker}@example.com"))).await[0]
            .parse()
            .unwrap();
    let (auth, visitor) = (&host.auth, somebody());
    let mut live: Vec<NewSession<User>> = Vec::new();
    for round in 0..rounds {
        backlog.wait(&host.database).await;
        let email = format!("w{worker}r{round}@example.com");
        match random.below(7) {
            0 => {
                let operation = auth.register(User::named(&email), &visitor);
                if cut_off(&mut random, &backlog, &mut told, operation).await.is_some() {
                    told.registered.push(email);
                }
            }
            1 | 2 => {
                let operation = auth.sign_in(Credentials::new(home.as_str(), PASSWORD), &visitor);
                match cut_off(&mut random, &backlog, &mut told, operation).await {
                    Some(UserSignIn::Complete(session)) => live.push(session),
                    Some(other) => panic!("{other:?}"),
                    None => {}
                }
            }
            3 if !live.is_empty() => {
                let session = live.swap_remove(usize::try_from(random.below(live.len() as u64)).unwrap());
                let operation = auth.sign_out(session.session(), &visitor);
                if cut_off(&mut random, &backlog, &mut told, operation).await.is_some() {
                    told.signed_out.push(session.session().id().to_string());
                }
            }
            4 if !resets.is_empty() => {
                let (email, token) = resets.pop().unwrap();
                let operation = auth.reset_password(&token, OTHER_PASSWORD, &visitor);
                if cut_off(&mut random, &backlog, &mut told, operation).await.is_some() {
                    told.reset.push(email);
                }
            }
            5 => {
                let operation = auth.disable_account("root", &target, &visitor);
                if cut_off(&mut random, &backlog, &mut told, operation).await == Some(true) {
                    told.disabled += 1;
                }
                let operation = auth.enable_account("root", &target, &visitor);
                let _ = cut_off(&mut random, &backlog, &mut told, operation).await;
            }
            _ => {
                let operation = auth.request_password_reset(&email, &visitor);
                if cut_off(&mut random, &backlog, &mut told, operation).await.is_some() {
                    told.asked.push(email);
                }
            }
        }
        // A reader between the writers, cut off too.
        if let Some(session) = live.last()
            && let Some(found) = give_up(auth.session(session.token().expose()), random.below(12)).await
        {
            assert_eq!(found.unwrap().expect("a live session").id(), session.session().id());
        }
    }
    told.signed_in = live;
    told
}

fn id_of(kind: Kind, email: &str) -> String {
    let id = match kind {
        Kind::Sqlite | Kind::MySql => "HEX(id)",
        Kind::Postgres => "id::text",
    };
    format!("SELECT {id} FROM users WHERE email = '{email}'")
}

/// Cuts operations off, and looks for anything that is missing or half there.
async fn storm(host: Host, pool: Option<HostPool>, rounds: u64, seed: u64) {
    let database = host.database.clone();
    // Accounts to work on: one to sign in to, one to disable, and some to reset, for each worker.
    let each = rounds / WORKERS;
    let resets = (each / 6 + 1).min(50);
    for worker in 0..WORKERS {
        host.account(&format!("home{worker}@example.com")).await;
    }
    for worker in 0..WORKERS {
        let _ = host.register(&format!("target{worker}@example.com")).await.unwrap();
        for reset in 0..resets {
            let email = format!("reset{worker}-{reset}@example.com");
            let _ = host.register(&email).await.unwrap();
            host.auth.request_password_reset(&email, &somebody()).await.unwrap();
        }
    }
    while database.count("sigra_outbox", "1 = 1").await > 0 {
        host.deliver().await;
    }
    let mails = host.mailbox.all();
    let mut tokens = BTreeMap::<u64, Vec<(String, String)>>::new();
    for mail in mails.iter().filter(|mail| mail.subject == "Choose a new password") {
        let worker = mail.to.trim_start_matches("reset").split('-').next().unwrap().parse().unwrap();
        tokens.entry(worker).or_default().push((mail.to.clone(), token_in(mail, "/reset/")));
    }
    database.run("DELETE FROM sigra_limits").await;
    let before = database.count("sigra_audit", "1 = 1").await;
    let backlog = Arc::new(Backlog { before, begun: AtomicI64::new(0) });

    // The host's own requests, cut off on the same pool meanwhile.
    let over = Arc::new(AtomicBool::new(false));
    let saboteur = pool.map(|pool| {
        let over = over.clone();
        tokio::spawn(async move {
            let mut random = Random::new(seed);
            while !over.load(Ordering::SeqCst) {
                pool.give_up_begin(random.below(8)).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
    });
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            tokio::spawn(work(
                host.clone(),
                backlog.clone(),
                worker,
                each,
                seed,
                tokens.remove(&worker).unwrap_or_default(),
            ))
        })
        .collect();
    let mut told = Vec::new();
    for worker in workers {
        told.push(worker.await.unwrap());
    }
    over.store(true, Ordering::SeqCst);
    if let Some(saboteur) = saboteur {
        saboteur.await.unwrap();
    }

    // Whatever was begun goes on to its end: it writes its one row. Nothing else did.
    backlog.wait_for(&database, 0).await;
    inspect(&host, &told, backlog.rows()).await;
}

/// Every change has its row and every row its change; what was acknowledged is there; no connection is poisoned.
async fn inspect(host: &Host, told: &[Told], begun: i64) {
    let database = &host.database;
    assert_eq!(database.count("sigra_audit", "1 = 1").await, begun);
    let cut: u32 = told.iter().map(|told| told.cut).sum();
    assert!(cut > 0, "none was cut off");
    let dump = database.dumper().await.dump().await;
    let rows = |table: &str| -> Vec<BTreeMap<String, String>> {
        dump.get(table)
            .into_iter()
            .flatten()
            .map(|row| {
                let one = BTreeMap::from([(table.to_owned(), vec![row.clone()])]);
                cells(&one)
                    .into_iter()
                    .map(|(_, column, value)| (column, value.replace('-', "").to_lowercase()))
                    .collect()
            })
            .collect()
    };
    // Ids without hyphens, however the database writes them.
    let trail = |event: &str, column: &str| -> Vec<String> {
        rows("sigra_audit")
            .iter()
            .filter(|row| row["event"] == event && row["outcome"] == "success")
            .filter_map(|row| row.get(column).cloned())
            .collect()
    };
    let set = |list: Vec<String>| list.into_iter().collect::<BTreeSet<_>>();
    let column = |table: &str, column: &str| {
        rows(table).iter().filter_map(|row| row.get(column).cloned()).collect::<Vec<_>>()
    };

    // Registrations: the host's row, Sigra's, and the trail's.
    let users = set(column("users", "id"));
    assert_eq!(users, set(column("sigra_accounts", "user_id")));
    assert_eq!(users, set(trail("account.user.register", "user_id")));
    let emails = set(column("users", "email"));
    for email in told.iter().flat_map(|told| &told.registered) {
        assert!(emails.contains(&email.replace('-', "")), "{email} was acknowledged and is missing");
    }

    // Sessions: each that was opened and not ended, and no other.
    let opened = set(trail("session.password.sign_in", "session_id"));
    let ended = set(trail("session.own.sign_out", "session_id"));
    assert!(ended.is_subset(&opened));
    assert_eq!(set(column("sigra_sessions", "id")), opened.difference(&ended).cloned().collect());
    for id in told.iter().flat_map(|told| &told.signed_out) {
        assert!(ended.contains(&id.replace('-', "")), "a sign-out was acknowledged and is missing");
    }
    for session in told.iter().flat_map(|told| &told.signed_in) {
        assert!(host.is_live(session.token().expose()).await, "a session was acknowledged and is missing");
    }

    // Resets and disablings: an epoch each.
    let mut epochs = BTreeMap::<String, i64>::new();
    for user in
        trail("account.password.reset", "user_id").into_iter().chain(trail("account.user.disable", "user_id"))
    {
        *epochs.entry(user).or_default() += 1;
    }
    for account in rows("sigra_accounts") {
        let expected = epochs.get(&account["user_id"]).copied().unwrap_or_default();
        assert_eq!(account["epoch"], expected.to_string(), "{account:?}");
    }
    let reset = set(trail("account.password.reset", "user_id"));
    let consumed = rows("sigra_tokens").iter().filter(|row| row.contains_key("consumed_at")).count();
    // A reset voids its token with all others; what is left are the confirmations from before.
    assert_eq!(consumed, usize::try_from(WORKERS).unwrap(), "a token was consumed and nothing came of it");
    for user in rows("users") {
        let balance = trail("account.user.disable", "user_id").iter().filter(|id| **id == user["id"]).count()
            - trail("account.user.enable", "user_id").iter().filter(|id| **id == user["id"]).count();
        assert_eq!(usize::from(user.contains_key("disabled_at")), balance, "{user:?}");
        if told.iter().flat_map(|told| &told.reset).any(|email| email.replace('-', "") == user["email"]) {
            assert!(reset.contains(&user["id"]), "a reset was acknowledged and is missing");
        }
    }
    let disabled: i64 = told.iter().map(|told| told.disabled).sum();
    assert!(i64::try_from(trail("account.user.disable", "event").len()).unwrap() >= disabled);

    // Mail: one row for each thing there is to say.
    let kinds = column("sigra_outbox", "kind");
    let of = |kind: &str| kinds.iter().filter(|found| *found == kind).count();
    let asked = set(rows("sigra_outbox")
        .iter()
        .filter(|row| row["kind"] == "reset_password")
        .map(|row| row["identifier"].clone())
        .collect());
    for email in told.iter().flat_map(|told| &told.asked) {
        assert!(asked.contains(&email.replace('-', "")), "a request was acknowledged and is missing");
    }
    assert_eq!(of("password_changed"), reset.len());
    // No attempt is left counted that came to a good end: what is left are the mails asked for, each by address, by
    // network and for everybody, the registrations, each by network, for everybody and as the mail that the next one with the
    // address would cause, and each right password, once.
    let registered = rows("users").iter().filter(|user| user["email"].starts_with('w')).count();
    let used: usize = column("sigra_limits", "used").iter().map(|used| used.parse::<usize>().unwrap()).sum();
    assert_eq!(used, 3 * asked.len() + 3 * registered + opened.len());

    nothing_left_open(database).await;
    // Each connection of the pool, one after another and all at once, writes what others can read.
    let mut last = Vec::new();
    for round in 0..12 {
        let host = host.clone();
        last.push(tokio::spawn(async move {
            host.auth.request_password_reset(&format!("last{round}@example.com"), &somebody()).await.unwrap();
        }));
    }
    for task in last {
        task.await.unwrap();
    }
    assert_eq!(database.count("sigra_outbox", "identifier LIKE 'last%'").await, 12);
}
