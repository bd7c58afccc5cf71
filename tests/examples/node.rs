//! A node for tests: see `sigra_tests::node`.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program of the tests, which talks over its output"
)]

use std::sync::Arc;

use sigra::axum::Problem;
use sigra::clock::TestClock;
use sigra::{Credentials, Sigra};
use sigra_tests::crowd::at_once;
use sigra_tests::host::{client_of_network, prepare};
use sigra_tests::load::{self, with_files};
use sigra_tests::node::{DATABASE_VARIABLE, Order, Report, peak_memory};
use sigra_tests::{User, UserSignIn};

#[tokio::main]
async fn main() {
    let url = std::env::var(DATABASE_VARIABLE).expect("the address of a database");
    let builder = Sigra::<User>::builder().url(&url);
    let clock = Arc::new(TestClock::default());
    let builder = prepare(with_files(builder), clock.clone());
    let auth = builder.build().await.expect("a connection");
    // The main thread may wait: the operations run on others.
    for line in std::io::stdin().lines() {
        let order = serde_json::from_str(&line.expect("orders")).expect("an order");
        let mut report = obey(&auth, &clock, order).await;
        report.hashes = auth.hashes_computed();
        report.peak_kib = peak_memory(std::process::id());
        println!("{}", serde_json::to_string(&report).expect("JSON"));
    }
}

async fn obey(auth: &Sigra<User>, clock: &Arc<TestClock>, order: Order) -> Report {
    match order {
        Order::SignIn { email, password, times, network } => {
            sign_in(auth, &email, &password, network..network + times).await
        }
        Order::Prove { pending, code } => prove(auth, pending, &code).await,
        Order::Check { token, times } => check(auth, &token, times).await,
        Order::Load(load) => {
            load::run(auth, clock, load).await;
            Report::default()
        }
        Order::Report => Report::default(),
    }
}

async fn sign_in(
    auth: &Sigra<User>,
    email: &str,
    password: &str,
    networks: impl Iterator<Item = u32>,
) -> Report {
    let attempts = networks.map(|network| {
        let (auth, credentials) = (auth.clone(), Credentials::new(email, password));
        async move { auth.sign_in(credentials, &client_of_network(network)).await }
    });
    let mut report = Report::default();
    for answer in at_once(attempts).await {
        match answer {
            Ok(UserSignIn::Complete(session)) => {
                report.count("signed_in");
                report.tokens.push(session.token().expose().to_owned());
            }
            Ok(_) => report.count("stopped"),
            Err(error) => report.count(Problem::from(error).code()),
        }
    }
    report
}

async fn prove(auth: &Sigra<User>, pending: Vec<String>, code: &str) -> Report {
    // From a network each: one that comes with what is used already is soon refused for that.
    let attempts = pending.into_iter().zip(0..).map(|(pending, network)| {
        let (auth, code) = (auth.clone(), code.to_owned());
        async move { auth.prove_second_factor(&pending, code, &client_of_network(network)).await }
    });
    let mut report = Report::default();
    for answer in at_once(attempts).await {
        match answer {
            Ok(session) => {
                report.count("signed_in");
                report.tokens.push(session.token().expose().to_owned());
            }
            Err(error) => report.count(Problem::from(error).code()),
        }
    }
    report
}

async fn check(auth: &Sigra<User>, token: &str, times: u32) -> Report {
    let checks = (0..times).map(|_| {
        let (auth, token) = (auth.clone(), token.to_owned());
        async move { auth.session(&token).await }
    });
    let mut report = Report::default();
    for answer in at_once(checks).await {
        match answer {
            Ok(Some(_)) => report.count("live"),
            Ok(None) => report.count("ended"),
            Err(error) => report.count(Problem::from(error).code()),
        }
    }
    report
}
