//! Measures what telemetry costs a session check, which every request makes.
//!
//! ```sh
//! cargo run --release -p sigra-tests --example spans -- 200
//! ```
//!
//! The number is that of rounds; in each every variant has its turn, so that what else the machine does falls on all of them
//! alike. A token that is none never reaches the database: there the telemetry is nearly all there is.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it prints figures for a person to look at")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use sigra_tests::database::{Database, Kind};
use sigra_tests::recorder::Recorder;
use sigra_tests::{Host, User};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt};

/// What listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listening {
    Nobody,
    /// A filter such as in production, which lets no session check through.
    Filter,
    /// Every span and event, printed to nowhere.
    Everything,
    /// Nobody but a recorder of metrics.
    Metrics,
}

const ALL: [Listening; 4] = [Listening::Nobody, Listening::Filter, Listening::Everything, Listening::Metrics];
const LIVE: u32 = 20;
const NONE: u32 = 500;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let rounds = std::env::args().nth(1).map_or(100, |rounds| rounds.parse().unwrap());
    let host = Host::start(Database::create(Kind::Sqlite).await).await;
    host.account("ada@example.com").await;
    let live = host.sign_in("ada@example.com").await.token().expose().to_owned();
    let none = format!("sgs.k9.{}", "A".repeat(43));
    let recorder = Recorder::default();
    let mut times = vec![(Vec::new(), Vec::new()); ALL.len()];
    for _ in 0..rounds {
        for (listening, (of_none, of_live)) in ALL.into_iter().zip(&mut times) {
            let metrics =
                (listening == Listening::Metrics).then(|| metrics::set_default_local_recorder(&recorder));
            let tracing = subscriber(listening).map(tracing::subscriber::set_default);
            of_none.push(check(&host.auth, &none, NONE).await);
            of_live.push(check(&host.auth, &live, LIVE).await);
            drop((metrics, tracing));
        }
    }
    println!("median of {rounds} rounds\n{:<12} {:>12} {:>12}", "listening", "no token", "live session");
    for (listening, (none, live)) in ALL.into_iter().zip(times) {
        println!("{:<12} {:>12?} {:>12?}", format!("{listening:?}"), median(none), median(live));
    }
}

fn subscriber(listening: Listening) -> Option<Box<dyn tracing::Subscriber + Send + Sync>> {
    match listening {
        Listening::Nobody | Listening::Metrics => None,
        Listening::Filter => {
            let printing = fmt::layer().with_writer(std::io::sink);
            Some(Box::new(Registry::default().with(EnvFilter::new("warn,sigra=info")).with(printing)))
        }
        Listening::Everything => {
            let printing = fmt::layer().with_writer(std::io::sink);
            Some(Box::new(Registry::default().with(EnvFilter::new("warn,sigra=trace")).with(printing)))
        }
    }
}

/// The time of one check.
async fn check(auth: &sigra::Sigra<User>, token: &str, times: u32) -> Duration {
    let started = Instant::now();
    for _ in 0..times {
        black_box(auth.session(black_box(token)).await.unwrap());
    }
    started.elapsed() / times
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
