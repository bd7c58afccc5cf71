//! How fast signing in is with the audit trail, without it, and with a plain insert in its place. A measurement, not a test:
//!
//! ```sh
//! cargo test --release -p sigra --lib trail_speed -- --ignored --nocapture
//! ```
//!
//! It is in here because it signs in without the hash of a password, which nothing outside of the library's own tests may do.
//! `SIGRA_BENCH_MILLIS` is the time of one measurement (2000), `SIGRA_BENCH_ROUNDS` their number (12, a multiple of six),
//! `SIGRA_BENCH_DATABASES` what is measured (`sqlite,postgres`), `SIGRA_BENCH_PLAIN=lean` gives the plain table the layout of the
//! trail's own, `SIGRA_BENCH_ROWS` is how many rows `seal_speed` seals (5000), and `SIGRA_BENCH_PAIRS` how often `wrong_speed` tries
//! (8000, at most 16,384); `SIGRA_TEST_POSTGRES` and `SIGRA_TEST_MYSQL` say where the servers are.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _};

use crate::account::Account;
use crate::audit::{Checkpoint, CheckpointSink, SinkError};
use crate::client::Client;
use crate::column::Bind;
use crate::core::Sigra;
use crate::email::Identifier;
use crate::error::Error;
use crate::feature;
use crate::keyring::Keyring;
use crate::operations::seal::Turn;
use crate::operations::worker::SEAL_EVERY;
use crate::password::{PasswordHash, Verified};
use crate::store::Template;
use crate::unit::{Recorded, Shielded, Step, Unit};

use super::{Decide, Reserve, Reserved};

/// With the trail.
#[derive(Clone, Debug, sigra_macros::Sigra)]
#[sigra(
    crate = crate,
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    throttle(per_network = 100, within = "15m"),
    audit(retain = "400d"),
    unsafe_shared_tables = "each test has a database of its own"
)]
pub(super) struct Audited {
    #[sigra(id)]
    id: uuid::Uuid,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

/// Without it.
#[derive(Clone, Debug, sigra_macros::Sigra)]
#[sigra(
    crate = crate,
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    throttle(per_network = 100, within = "15m"),
    unsafe_no_audit = "this type is what the trail is measured against",
    unsafe_shared_tables = "each test has a database of its own"
)]
pub(super) struct Bare {
    #[sigra(id)]
    id: uuid::Uuid,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

/// What an application without evidence writes: the columns and indexes that the trail had before it had any. With
/// `SIGRA_BENCH_PLAIN=lean` its table is laid out as the trail's is, found by ids that sort as the times do.
struct PlainInsert;

impl Template for PlainInsert {
    const SQL: &'static str = "INSERT INTO plain_audit (id, at, event, outcome, reason, actor, user_id, session_id, \
         network, user_agent, request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
}

fn plain_table(kind: Kind) -> [String; 3] {
    let (uuid, stamp, name, text) = match kind {
        Kind::Sqlite => ("BLOB", "INTEGER", "TEXT", "TEXT"),
        Kind::Postgres => ("UUID", "TIMESTAMPTZ", "TEXT", "TEXT"),
        Kind::MySql => {
            ("BINARY(16)", "DATETIME(6)", "VARCHAR(320) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "TEXT")
        }
    };
    let lean = std::env::var("SIGRA_BENCH_PLAIN").is_ok_and(|layout| layout == "lean");
    let (options, by_user, by_time) = match (lean, kind) {
        (false, _) => ("", "user_id, at", "CREATE INDEX plain_by_time ON plain_audit (at)"),
        (true, Kind::Sqlite) => ("WITHOUT ROWID", "user_id, id", ""),
        (true, _) => ("", "user_id, id", ""),
    };
    [
        format!(
            "CREATE TABLE plain_audit (id {uuid} NOT NULL PRIMARY KEY, at {stamp} NOT NULL, event {name} NOT NULL, \
             outcome {name} NOT NULL, reason {name} NULL, actor {name} NOT NULL, user_id {name} NULL, \
             session_id {uuid} NULL, network {text} NULL, user_agent {text} NULL, request_id {text} NULL) {options}"
        ),
        format!("CREATE INDEX plain_by_user ON plain_audit ({by_user})"),
        by_time.to_owned(),
    ]
}

/// The library's own step, and behind it the plain insert as one more statement of the same transaction.
struct WithPlainInsert<U: Account>(Decide<U>);

impl<U: feature::Passwords> Step<U> for WithPlainInsert<U> {
    type Output = <Decide<U> as Step<U>>::Output;

    fn client(&self) -> &Client {
        self.0.client()
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Self::Output>, Error> {
        let recorded = self.0.run(unit).await?;
        let facts = unit.facts().clone();
        let user_id = self.0.candidate.as_ref().map(|candidate| candidate.user_id.to_string());
        let values: &[&dyn Bind] = &[
            &uuid::Uuid::now_v7(),
            &unit.stamp(),
            &"session.password.sign_in",
            &"success",
            &None::<String>,
            &"account",
            &user_id,
            &Some(uuid::Uuid::now_v7()),
            &facts.network,
            &facts.user_agent,
            &facts.request_id,
        ];
        unit.execute(PlainInsert, values).await?;
        Ok(recorded)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
    MySql,
}

/// Each with its name in `SIGRA_BENCH_DATABASES`.
const KINDS: [(Kind, &str, &str); 3] = [
    (Kind::Sqlite, "sqlite", "SQLite"),
    (Kind::Postgres, "postgres", "PostgreSQL"),
    (Kind::MySql, "mysql", "MariaDB"),
];

/// One measurement.
struct Speed {
    per_second: f64,
    /// Microseconds of processor time of this process for one sign-in.
    processor: f64,
    /// Microseconds that one row took to be sealed.
    sealing: f64,
}

/// As long as any, and never verified.
const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2lncmFzaWdyYXNpZ3JhIQ$UYXtGa1cM9YtxEXcWXnBfOKd6trEL0x7mntysjlHt4M";

/// Accounts that the clients sign in to: so many that no two wait for one row, and that none comes to its limit of right passwords.
const ACCOUNTS: u64 = 4096;

/// What follows a hash that nobody computed.
fn decide<U: Account>(reserved: Reserved<U>, right: bool, client: Client) -> Decide<U> {
    let Reserved { attempt, candidate } = reserved;
    let verified = Verified { right, unreadable: false, upgrade: None };
    Decide { candidate, verified, breached: false, attempt, remember: false, replaces: None, client }
}

/// One of the three, on a database of its own.
struct Variant<U: Account> {
    auth: Sigra<U>,
    plain: bool,
}

impl<U: feature::Passwords> Variant<U> {
    async fn new(url: &str, plain: bool) -> Self {
        let keys = Keyring::parse("k1:dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktdGVzdC0").unwrap();
        let auth = Sigra::<U>::builder().url(url).keyring(keys).checkpoint_to(Nowhere).build().await.unwrap();
        auth.migrate().await.unwrap();
        Self { auth, plain }
    }

    /// Signs in as `sign_in` does, but that the password is not looked at.
    async fn sign_in(&self, number: u64, client: &Client) {
        let identifier = Identifier::of_attempt(&format!("u{number}@example.com"));
        let plain = self.plain;
        let reserve = Reserve { identifier, client: client.clone() };
        let client = client.clone();
        let signed_in = self.auth.shielded(|shielded: Shielded<U>| async move {
            let decide = decide(shielded.step(reserve).await??, true, client);
            Ok(if plain {
                shielded.step(WithPlainInsert(decide)).await??
            } else {
                shielded.step(decide).await??
            })
        });
        drop(signed_in.await.unwrap());
    }

    /// A wrong password, without its hash: microseconds before it and behind it.
    async fn wrong(&self, email: &str, client: &Client) -> [f64; 2] {
        let reserve = Reserve { identifier: Identifier::of_attempt(email), client: client.clone() };
        let client = client.clone();
        let tried = self.auth.shielded(|shielded: Shielded<U>| async move {
            let began = Instant::now();
            let reserved = shielded.step(reserve).await??;
            let before = began.elapsed();
            let decide = decide(reserved, false, client);
            let began = Instant::now();
            assert!(shielded.step(decide).await?.is_err());
            Ok([before, began.elapsed()].map(|took| took.as_secs_f64() * 1e6))
        });
        tried.await.unwrap()
    }

    /// What the worker does each second.
    async fn seal(&self) -> Duration {
        let began = Instant::now();
        if U::POLICY.audit.enabled {
            self.auth.sequence(Turn::Leased).await.unwrap();
        }
        began.elapsed()
    }

    /// Sign-ins a second of so many clients. What is written meanwhile is sealed as often as the worker does, and the rest before the clock stops:
    /// the whole price of the evidence falls into its own time.
    async fn speed(self: &Arc<Self>, clients: u64, time: Duration) -> Speed {
        let processor = processor_seconds();
        let mut sealing = Duration::ZERO;
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let began = Instant::now();
        let tasks: Vec<_> = (0..clients)
            .map(|client_number| {
                let (variant, stop, done) = (self.clone(), stop.clone(), done.clone());
                tokio::spawn(async move {
                    let [_, _, _, low] = u32::try_from(client_number).unwrap().to_be_bytes();
                    let client = Client::from_address([192, 0, 2, low].into()).with_user_agent(
                        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                    );
                    let mut number = client_number;
                    while !stop.load(Ordering::Relaxed) {
                        variant.sign_in(number % ACCOUNTS, &client).await;
                        done.fetch_add(1, Ordering::Relaxed);
                        number += clients;
                    }
                })
            })
            .collect();
        while began.elapsed() < time {
            tokio::time::sleep(SEAL_EVERY.min(time)).await;
            sealing += self.seal().await;
        }
        stop.store(true, Ordering::Relaxed);
        for task in tasks {
            task.await.unwrap();
        }
        sealing += self.seal().await;
        #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
        let done = done.load(Ordering::Relaxed) as f64;
        Speed {
            per_second: done / began.elapsed().as_secs_f64(),
            processor: (processor_seconds() - processor) * 1e6 / done,
            sealing: sealing.as_secs_f64() * 1e6 / done,
        }
    }
}

/// Where the checkpoints of a measurement go.
struct Nowhere;

impl CheckpointSink for Nowhere {
    fn name(&self) -> String {
        "nowhere".into()
    }

    fn publish(
        &self,
        _: Checkpoint,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send + '_>> {
        Box::pin(async { Ok(()) })
    }
}

/// Creates a database with the accounts in it, and gives its address.
async fn database(kind: Kind, name: &str) -> String {
    let id = match kind {
        Kind::Sqlite => "BLOB",
        Kind::Postgres => "UUID",
        Kind::MySql => "BINARY(16)",
    };
    let email = if kind == Kind::MySql { "VARCHAR(255)" } else { "TEXT" };
    let users = format!(
        "CREATE TABLE users (id {id} NOT NULL PRIMARY KEY, email {email} NOT NULL, password {email} NULL)"
    );
    let tables = std::iter::once(users).chain(plain_table(kind)).collect::<Vec<_>>().join("; ");
    let tables = tables.trim_end_matches("; ").to_owned();
    let server = |variable, default: &str| std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    let sibling = |server: &str| format!("{}/{name}", server.rsplit_once('/').unwrap().0);
    match kind {
        Kind::Sqlite => {
            let url = format!("sqlite://{}", std::env::temp_dir().join(format!("{name}.db")).display());
            let mut connection = sqlx::SqliteConnection::connect(&format!("{url}?mode=rwc")).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(tables)).execute(&mut connection).await.unwrap();
            url
        }
        Kind::Postgres => {
            let server = server("SIGRA_TEST_POSTGRES", "postgres://root@127.0.0.1:5432/postgres");
            let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
            let create = format!("CREATE DATABASE {name}");
            sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
            let mut connection = sqlx::PgConnection::connect(&sibling(&server)).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(tables)).execute(&mut connection).await.unwrap();
            sibling(&server)
        }
        Kind::MySql => {
            let server = server("SIGRA_TEST_MYSQL", "mysql://root@127.0.0.1:3306/test");
            let mut connection = sqlx::MySqlConnection::connect(&server).await.unwrap();
            let create = format!("CREATE DATABASE {name}");
            sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
            let mut connection = sqlx::MySqlConnection::connect(&sibling(&server)).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(tables)).execute(&mut connection).await.unwrap();
            sibling(&server)
        }
    }
}

/// The accounts that are signed in to.
async fn fill<U: Account>(auth: &Sigra<U>) {
    struct Fill(Client);
    struct InsertRow;
    impl Template for InsertRow {
        const SQL: &'static str = "INSERT INTO users (id, email, password) VALUES ($1, $2, $3)";
    }
    impl<U: Account> Step<U> for Fill {
        type Output = ();
        fn client(&self) -> &Client {
            &self.0
        }
        async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<()>, Error> {
            for number in 0..ACCOUNTS {
                let (id, email) = (uuid::Uuid::now_v7(), format!("u{number}@example.com"));
                let (identifier, now) = (Identifier::of_attempt(&email), unit.stamp());
                unit.execute(InsertRow, &[&id, &email, &HASH]).await?;
                let bucket = crate::limits::Bucket::account(&identifier);
                unit.execute(
                    crate::store::statements::InsertAccount,
                    &[&id, &identifier.as_str(), bucket.key(), &now],
                )
                .await?;
            }
            Ok(unit.bookkeeping(crate::unit::Bookkeeping::LinkLookedAt, ()))
        }
    }
    auth.perform(Fill(Client::unknown())).await.unwrap();
}

async fn drop_database(kind: Kind, name: &str) {
    match kind {
        Kind::Sqlite => {
            for suffix in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(std::env::temp_dir().join(format!("{name}.db{suffix}")));
            }
        }
        Kind::Postgres => {
            let server = std::env::var("SIGRA_TEST_POSTGRES");
            let server = server.unwrap_or_else(|_| "postgres://root@127.0.0.1:5432/postgres".into());
            let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
        }
        Kind::MySql => {
            let server = std::env::var("SIGRA_TEST_MYSQL");
            let server = server.unwrap_or_else(|_| "mysql://root@127.0.0.1:3306/test".into());
            let mut connection = sqlx::MySqlConnection::connect(&server).await.unwrap();
            let drop = format!("DROP DATABASE IF EXISTS {name}");
            sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
        }
    }
}

/// Seconds of processor time that this process has used; zero where the system does not say.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: f64 =
        fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / 100.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1], [2, 0, 1], [1, 0, 2]];

async fn measure(kind: Kind, label: &str, clients: u64) {
    let (time, rounds) =
        (Duration::from_millis(setting("SIGRA_BENCH_MILLIS", 2000)), setting("SIGRA_BENCH_ROUNDS", 12));
    let names =
        ["none", "plain", "full"].map(|variant| format!("sigra_speed_{variant}_{}", std::process::id()));
    let mut urls = Vec::new();
    for name in &names {
        drop_database(kind, name).await;
        urls.push(database(kind, name).await);
    }
    let none = Arc::new(Variant::<Bare>::new(&urls[0], false).await);
    let plain = Arc::new(Variant::<Bare>::new(&urls[1], true).await);
    let full = Arc::new(Variant::<Audited>::new(&urls[2], false).await);
    fill(&none.auth).await;
    fill(&plain.auth).await;
    fill(&full.auth).await;

    let mut speeds = [Vec::new(), Vec::new(), Vec::new()];
    let (mut processor, mut sealing) = ([Vec::new(), Vec::new(), Vec::new()], Vec::new());
    // One round to warm up, which is not counted. Each order of the three comes as often as the others: what a variant leaves
    // the server to clear up falls into the time of the next.
    for (round, order) in (0..=rounds).zip(ORDERS.into_iter().cycle()) {
        for variant in order {
            let speed = match variant {
                0 => none.speed(clients, time).await,
                1 => plain.speed(clients, time).await,
                _ => full.speed(clients, time).await,
            };
            if round > 0 {
                speeds[variant].push(speed.per_second);
                processor[variant].push(speed.processor);
                if variant == 2 {
                    sealing.push(speed.sealing);
                }
            }
        }
    }
    full.auth.seal_audit().await.unwrap();
    let report = full.auth.verify_audit("").await.unwrap();
    assert!(report.is_clean() && report.unsealed == 0, "{:?}", report.findings);
    let ratio = |over: usize, under: usize| {
        median(speeds[over].iter().zip(&speeds[under]).map(|(over, under)| over / under).collect())
    };
    let [none_speed, plain_speed, full_speed] =
        [0, 1, 2].map(|variant: usize| median(speeds[variant].clone()));
    println!(
        "| {label} | {clients} | {none_speed:.0} | {plain_speed:.0} | {full_speed:.0} | {:.2} | {:.2} | {:.2} | {} | {:.1} |",
        ratio(1, 0),
        ratio(2, 0),
        ratio(2, 1),
        processor.map(|micros| format!("{:.0}", median(micros))).join(" / "),
        median(sealing),
    );
    none.auth.close().await;
    plain.auth.close().await;
    full.auth.close().await;
    for name in &names {
        drop_database(kind, name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement of a few minutes"]
async fn trail_speed() {
    let chosen = std::env::var("SIGRA_BENCH_DATABASES").unwrap_or_else(|_| "sqlite,postgres".into());
    println!(
        "sign-ins a second without the hash of the password; medians, and medians of the ratios of each round"
    );
    println!(
        "| database | clients | no row | plain insert | full evidence | plain/none | full/none | full/plain | own processor \
         time, microseconds | sealing a row, microseconds |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (kind, name, label) in KINDS {
        for clients in [1, 16] {
            if chosen.split(',').any(|chosen| chosen == name) {
                measure(kind, label, clients).await;
            }
        }
    }
}

/// The price of sealing alone, for a profiler.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement of half a minute"]
async fn seal_speed() {
    for (kind, _, label) in KINDS {
        let name = format!("sigra_speed_seal_{}", std::process::id());
        drop_database(kind, &name).await;
        let full = Arc::new(Variant::<Audited>::new(&database(kind, &name).await, false).await);
        fill(&full.auth).await;
        let client = Client::from_address([192, 0, 2, 1].into()).with_user_agent("Mozilla/5.0 Firefox/140.0");
        for number in 0..setting("SIGRA_BENCH_ROWS", 5000) {
            full.sign_in(number % ACCOUNTS, &client).await;
        }
        let (began, processor) = (Instant::now(), processor_seconds());
        let sealed = full.auth.sequence(Turn::Leased).await.unwrap().unwrap();
        #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
        let rows = sealed.rows as f64;
        println!(
            "{label}: {:.1} microseconds a row, of which {:.1} of this process",
            began.elapsed().as_secs_f64() * 1e6 / rows,
            (processor_seconds() - processor) * 1e6 / rows
        );
        full.auth.close().await;
        drop_database(kind, &name).await;
    }
}

/// Whether what is done for a wrong password, but for the hash, takes longer for an account than for nobody. The hash hides most of it
/// from whoever measures answers, and from `tests/examples/timing.rs`; here a microsecond is seen.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement of half a minute"]
async fn wrong_speed() {
    let chosen = std::env::var("SIGRA_BENCH_DATABASES").unwrap_or_else(|_| "sqlite,postgres".into());
    println!(
        "a wrong password without the hash, microseconds; what lies between the twentieths of the pairs"
    );
    println!("| database | step | nobody | account | apart | ± |");
    println!("|---|---|---|---|---|---|");
    for (kind, name, label) in KINDS {
        if chosen.split(',').any(|chosen| chosen == name) {
            measure_wrong(kind, label).await;
        }
    }
}

/// Nobody's address has an account before it that is not tried itself.
fn address(side: usize, number: u64) -> String {
    let number = number % (ACCOUNTS / 2);
    if side == 0 {
        format!("u{}z@example.com", ACCOUNTS / 2 + number)
    } else {
        format!("u{number}@example.com")
    }
}

async fn measure_wrong(kind: Kind, label: &str) {
    let name = format!("sigra_speed_wrong_{}", std::process::id());
    drop_database(kind, &name).await;
    let full = Variant::<Audited>::new(&database(kind, &name).await, false).await;
    fill(&full.auth).await;
    let mut apart = [Vec::new(), Vec::new()];
    let mut times = [[Vec::new(), Vec::new()], [Vec::new(), Vec::new()]];
    let pairs = setting("SIGRA_BENCH_PAIRS", 8000);
    assert!(pairs <= 8 * ACCOUNTS / 2, "an address would come to its limit");
    for pair in 0..pairs {
        let [_, high, middle, low] = u32::try_from(pair / 20).unwrap().to_be_bytes();
        let client = Client::from_address([10, high, middle, low].into());
        // In an order that chance decides, each address as often.
        let first = usize::from(uuid::Uuid::now_v7().as_bytes()[15] & 1);
        let mut took = [[0.0; 2]; 2];
        for side in [first, 1 - first] {
            took[side] = full.wrong(&address(side, pair / 4 % ACCOUNTS), &client).await;
        }
        for step in [0, 1] {
            apart[step].push(took[1][step] - took[0][step]);
            for side in [0, 1] {
                times[step][side].push(took[side][step]);
            }
        }
        if pair % 500 == 499 {
            let _ = full.seal().await;
        }
    }
    for (step, (mut apart, times)) in
        ["before the hash", "behind it"].into_iter().zip(apart.into_iter().zip(times))
    {
        apart.sort_by(f64::total_cmp);
        let twentieth = apart.len() / 20;
        let kept = &apart[twentieth..apart.len() - twentieth];
        #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
        let [all, rest] = [apart.len(), kept.len()].map(|count| count as f64);
        let mean = kept.iter().sum::<f64>() / rest;
        // The error of a mean without its ends is that of the values of which the ends have become the outermost that are kept.
        let held = |apart: &f64| apart.clamp(kept[0], kept[kept.len() - 1]);
        let centre = apart.iter().map(held).sum::<f64>() / all;
        let variance = apart.iter().map(|apart| (held(apart) - centre).powi(2)).sum::<f64>() / all;
        let [nobody, account] = times.map(median);
        let error = 1.96 * (variance / all).sqrt() * all / rest;
        println!("| {label} | {step} | {nobody:.1} | {account:.1} | {mean:.1} | {error:.1} |");
    }
    full.auth.close().await;
    drop_database(kind, &name).await;
}
