//! What a flood of sign-ins does to everybody else: sessions are checked over HTTP at the reference host, idle and under it.
//!
//! ```sh
//! cargo build --release -p sigra --example app -p sigra-tests --examples
//! target/release/examples/overload [--seconds 15] [--flood 200] [--every 200] [--checks 16] [--check-every 20]
//! ```
//!
//! `--every` and `--check-every` are milliseconds between two requests of one connection: by default a thousand sign-ins and
//! eight hundred session checks a second. The flood, the checks and the host share this machine; the cores that each took are
//! printed, so that what the flood's own making costs is not taken for the host's slowness.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program that measures, for a person to look at"
)]

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use sigra_tests::database::covered;
use sigra_tests::http::{Format, Line, Request, loopback};
use sigra_tests::site::Site;
use sigra_tests::statistics::percentile;
use sigra_tests::{Database, PASSWORD};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

const ADA: &str = "ada@example.com";
/// Tells the process that it is the flood, and where to flow.
const FLOODED: &str = "SIGRA_FLOODED";
/// Below the limit of a network, so that what refuses is the queue for hashes.
const REQUESTS_OF_A_NETWORK: u32 = 90;
/// Counted for a 503 that does not say when to come again.
const SILENT: u16 = 0;

#[derive(Clone, Copy)]
struct Settings {
    seconds: u64,
    flood: u32,
    every: u64,
    checks: u32,
    check_every: u64,
}

impl Settings {
    fn read() -> Self {
        let mut numbers = BTreeMap::new();
        let words: Vec<String> = std::env::args().skip(1).collect();
        for pair in words.chunks(2) {
            let number: u64 =
                pair.get(1).and_then(|number| number.parse().ok()).expect("a number after each name");
            numbers.insert(pair[0].clone(), number);
        }
        let mut take = |name: &str, default| numbers.remove(name).unwrap_or(default);
        let settings = Self {
            seconds: take("--seconds", 15),
            flood: u32::try_from(take("--flood", 200)).expect("a number of connections"),
            every: take("--every", 200),
            checks: u32::try_from(take("--checks", 16)).expect("a number of connections"),
            check_every: take("--check-every", 20),
        };
        assert!(numbers.is_empty(), "unknown: {numbers:?}");
        settings
    }
}

#[tokio::main]
async fn main() {
    if let Ok(base) = std::env::var(FLOODED) {
        return flood(&base, Settings::read()).await;
    }
    for kind in covered() {
        println!("{kind}");
        let database = Database::create(kind).await;
        let site = Site::start(&database).await;
        site.account(ADA, PASSWORD).await;
        run(&site, Settings::read()).await;
    }
}

async fn run(site: &Site, settings: Settings) {
    let cookie = sign_in(site, 1).await.expect("a session");
    let mut usual = Vec::new();
    for number in 0..20 {
        let start = Instant::now();
        assert!(sign_in(site, number + 2).await.is_some());
        usual.push(start.elapsed().as_secs_f64());
    }
    usual.sort_by(f64::total_cmp);
    let usual = percentile(&usual, 0.5);

    let idle = phase("idle", site, settings, &cookie, None).await;
    let mut flood = Flood::start(site);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let during = phase("flood", site, settings, &cookie, flood.process.id()).await;
    let answers = flood.stop().await;
    let recovered = recovery(site, usual).await;
    phase("after", site, settings, &cookie, None).await;

    println!("  p99 during / idle: {:.1}", during / idle);
    assert!(!answers.contains_key(&SILENT), "a busy answer did not say when to come again: {answers:?}");
    let all: u32 = answers.values().sum();
    let share = |status: u16| 100.0 * f64::from(answers.get(&status).copied().unwrap_or(0)) / f64::from(all);
    println!(
        "  {all} sign-ins answered: {:.1} % looked at (401), {:.1} % busy (503), {:.1} % limited (429)",
        share(401),
        share(503),
        share(429)
    );
    println!("  a sign-in takes {:.0} ms, and did so again {recovered:.2} s after the flood", usual * 1e3);
    if let Some(peak) = site.peak_memory() {
        println!("  peak memory of the host: {} MiB", peak / 1024);
    }
}

/// The cookie of a session, unless it is refused.
async fn sign_in(site: &Site, network: u32) -> Option<String> {
    let request = Request::post("/login", Format::Json, &[("email", ADA), ("password", PASSWORD)]);
    let reply = Line::open(&site.base, loopback(network)).await.ask(&request).await;
    reply.header("set-cookie").and_then(|cookie| cookie.split(';').next()).map(str::to_owned)
}

/// Seconds until a sign-in is let through and takes no more than twice its usual time.
async fn recovery(site: &Site, usual: f64) -> f64 {
    let end = Instant::now();
    loop {
        let start = Instant::now();
        let signed_in = sign_in(site, 1).await.is_some();
        if signed_in && start.elapsed().as_secs_f64() <= 2.0 * usual {
            return end.elapsed().as_secs_f64();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Checks sessions for a while and prints how long they took; the 99th percentile in seconds.
async fn phase(name: &str, site: &Site, settings: Settings, cookie: &str, flood: Option<u32>) -> f64 {
    let whole = Duration::from_secs(settings.seconds);
    let watched = [("host", site.id()), ("checks", Some(std::process::id())), ("flood", flood)];
    let before = watched.map(|(_, process)| process.and_then(processor_time));
    let checks: Vec<_> = (0..settings.checks)
        .map(|number| {
            let (base, cookie) = (site.base.clone(), cookie.to_owned());
            tokio::spawn(async move { check(&base, number, &cookie, settings.check_every, whole).await })
        })
        .collect();
    let mut times = Vec::new();
    for check in checks {
        times.extend(check.await.expect("checks that end"));
    }
    times.sort_by(f64::total_cmp);
    let [p50, p90, p99, most] = [0.5, 0.9, 0.99, 1.0].map(|part| percentile(&times, part) * 1e3);
    print!(
        "  {name:6}{} checks, ms: p50 {p50:.2}, p90 {p90:.2}, p99 {p99:.2}, most {most:.2}; cores:",
        times.len()
    );
    for ((who, process), before) in watched.into_iter().zip(before) {
        if let Some((before, after)) = before.zip(process.and_then(processor_time)) {
            print!(" {who} {:.2}", (after - before) / whole.as_secs_f64());
        }
    }
    println!();
    p99
}

/// One connection's checks, in seconds each. The first is not counted: the connection is new.
async fn check(base: &str, number: u32, cookie: &str, every: u64, whole: Duration) -> Vec<f64> {
    let request = Request::get("/api/me", Format::Json).header("Cookie", cookie);
    let mut line = Line::open(base, loopback(0x00f0_0000 + number)).await;
    assert_eq!(line.ask(&request).await.status(), 200);
    let end = Instant::now() + whole;
    // Not all at the same moment.
    tokio::time::sleep(Duration::from_micros(u64::from(number) * 1_250)).await;
    let mut times = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        assert_eq!(line.ask(&request).await.status(), 200);
        times.push(start.elapsed().as_secs_f64());
        tokio::time::sleep_until((start + Duration::from_millis(every)).into()).await;
    }
    times
}

/// Wrong sign-ins from many networks, in a process of their own.
struct Flood {
    process: Child,
}

impl Flood {
    fn start(site: &Site) -> Self {
        let program = std::env::current_exe().expect("this program");
        let process = Command::new(program)
            .args(std::env::args().skip(1))
            .env(FLOODED, &site.base)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the flood starts");
        Self { process }
    }

    /// Ends it at once; how often each status came.
    async fn stop(&mut self) -> BTreeMap<u16, u32> {
        drop(self.process.stdin.take());
        let mut text = String::new();
        let mut output = self.process.stdout.take().expect("its output");
        output.read_to_string(&mut text).await.expect("its output");
        serde_json::from_str(&text).expect("counts")
    }
}

/// Floods until its input ends.
async fn flood(base: &str, settings: Settings) {
    let mut waves = tokio::task::JoinSet::new();
    let counts = std::sync::Arc::new(std::sync::Mutex::new(BTreeMap::<u16, u32>::new()));
    for number in 0..settings.flood {
        let (base, counts) = (base.to_owned(), counts.clone());
        waves.spawn(async move {
            for network in 1_u32.. {
                let from = loopback(network * settings.flood + number);
                let mut line = Line::open(&base, from).await;
                for request in 0..REQUESTS_OF_A_NETWORK {
                    let start = Instant::now();
                    let email = format!("n{number}n{network}n{request}@example.com");
                    let fields = [("email", email.as_str()), ("password", "a wrong password here")];
                    let reply = line.ask(&Request::post("/login", Format::Json, &fields)).await;
                    let says_when =
                        reply.header("retry-after").is_some_and(|after| after.parse::<u32>().is_ok());
                    let status = if reply.status() == 503 && !says_when { SILENT } else { reply.status() };
                    *counts.lock().expect("the counts").entry(status).or_default() += 1;
                    tokio::time::sleep_until((start + Duration::from_millis(settings.every)).into()).await;
                }
            }
        });
    }
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    ended.await.expect("a thread").expect("its input");
    waves.abort_all();
    println!("{}", serde_json::to_string(&*counts.lock().expect("the counts")).expect("JSON"));
}

/// Seconds of processor that a process took, on Linux; it counts in hundredths.
fn processor_time(process: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}
