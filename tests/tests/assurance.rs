//! The extractors by assurance, on a router of their own: what each lets through, and that a sign-in whose second factor is due
//! passes for a session at none of them.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use axum::Router;
use axum::routing::get;
use sigra::axum::{Aal2, CurrentUser, MaybeUser, PendingUser, PhishingResistant, Proxies, Visitor, Web};
use sigra::{Code, Credentials, Sudo};
use sigra_tests::host::client;
use sigra_tests::{Host, PASSWORD, User, UserSignIn, each_database};

const ADA: &str = "ada@example.com";

/// Every extractor, with what it answers to whoever it lets through.
const EXTRACTORS: [&str; 7] =
    ["Aal2", "CurrentUser", "MaybeUser", "PendingUser", "PhishingResistant", "Sudo", "Visitor"];

async fn serve(host: &Host) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let web = Web::new(host.auth.clone(), &base, Proxies::None).unwrap();
    let router = Router::new()
        .route("/Aal2", get(|_: Aal2<User>| async { "in" }))
        .route("/CurrentUser", get(|_: CurrentUser<User>| async { "in" }))
        .route(
            "/MaybeUser",
            get(|MaybeUser(session): MaybeUser<User>| async move {
                if session.is_some() { "in" } else { "stranger" }
            }),
        )
        .route("/PendingUser", get(|_: PendingUser<User>| async { "pending" }))
        .route("/PhishingResistant", get(|_: PhishingResistant<User>| async { "in" }))
        .route("/Sudo", get(|_: Sudo<User>| async { "in" }))
        .route("/Visitor", get(|_: Visitor<User>| async { "anybody" }))
        .with_state(web);
    tokio::spawn(async move {
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await
    });
    base
}

async fn ask(base: &str, extractor: &str, cookie: &str, accept: &str) -> (u16, String, Option<String>) {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let request = client.get(format!("{base}/{extractor}")).header("cookie", cookie).header("accept", accept);
    let answer = request.send().await.unwrap();
    let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), answer.text().await.unwrap(), location)
}

fn code(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    body["error"].as_str().expect("a code").to_owned()
}

/// What the library's source implements for requests, so that an extractor that is new must come here.
#[test]
fn every_extractor_has_its_route_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sigra/src/axum");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let heads = source.split("FromRequestParts<S> for ").skip(1);
        found.extend(heads.map(|rest| rest.split(['<', ' ']).next().unwrap().to_owned()));
    }
    assert_eq!(found, EXTRACTORS.map(str::to_owned).into_iter().collect());
}

/// The source files in a folder and the folders in it.
fn sources(folder: &Path) -> Vec<String> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .flat_map(
            |path| {
                if path.is_dir() { sources(&path) } else { vec![std::fs::read_to_string(path).unwrap()] }
            },
        )
        .collect()
}

/// The operations that make something of a text; all others take a `Session` or a `Sudo`, which only these give.
#[test]
fn every_operation_that_takes_a_secret_is_tried_with_a_challenge() {
    let mut found = BTreeSet::new();
    for source in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../sigra/src/operations")) {
        for head in source.split("    pub fn ").skip(1) {
            let (name, rest) = head.split_once(['<', '(']).unwrap();
            let arguments = rest.split("-> Operation").next().unwrap();
            if arguments.contains("token: &'a str") || arguments.contains("pending: &'a str") {
                found.insert(name.to_owned());
            }
        }
    }
    // `no_operation_of_a_signed_in_user_takes_a_challenge` in `factors.rs` tries each.
    let tried = [
        "confirm_email",
        "disown",
        "pending_sign_in",
        "prove_second_factor",
        "reset_password",
        "session",
        "unlock_by_link",
    ];
    assert_eq!(found, tried.map(str::to_owned).into_iter().collect());
}

#[tokio::test]
async fn a_pending_sign_in_passes_for_a_session_nowhere() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let (app, _) = host.enrol(ADA).await;
        let challenge = host.challenge(ADA).await;
        let pending = challenge.token().expose();
        let base = serve(&host).await;
        // In its own cookie, in the session's, in both, and dressed up as a session.
        let cookies = [
            format!("sigra-pending={pending}"),
            format!("sigra={pending}"),
            format!("sigra={pending}; sigra-pending={pending}; sigra-device={pending}"),
            format!("sigra={}", pending.replace("sgp.", "sgs.")),
        ];
        for cookie in &cookies {
            for extractor in EXTRACTORS {
                let (status, body, _) = ask(&base, extractor, cookie, "application/json").await;
                let own = cookie.contains("sigra-pending=");
                match extractor {
                    "Visitor" => assert_eq!((status, body.as_str()), (200, "anybody")),
                    "MaybeUser" => assert_eq!((status, body.as_str()), (200, "stranger"), "{cookie}"),
                    "PendingUser" if own => assert_eq!((status, body.as_str()), (200, "pending")),
                    _ => {
                        assert_eq!(
                            (status, code(&body).as_str()),
                            (401, "not_signed_in"),
                            "{extractor} {cookie}"
                        );
                    }
                }
            }
        }
        // A session is no pending sign-in either, and a used one is none.
        let session = host.prove(&challenge, &app.code(0)).await.unwrap();
        let session = session.token().expose();
        for cookie in [format!("sigra-pending={session}"), format!("sigra-pending={pending}")] {
            assert_eq!(ask(&base, "PendingUser", &cookie, "application/json").await.0, 401);
        }
    })
    .await;
}

#[tokio::test]
async fn each_level_lets_through_what_was_proved() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let base = serve(&host).await;
        let cookie = |token: &str| format!("sigra={token}");
        let answers = async |token: &str| {
            let mut answers = Vec::new();
            for extractor in ["CurrentUser", "Sudo", "Aal2", "PhishingResistant"] {
                let (status, body, _) = ask(&base, extractor, &cookie(token), "application/json").await;
                answers.push(if status == 200 { body } else { format!("{status} {}", code(&body)) });
            }
            answers
        };
        let (sudo, aal2) = ("403 sudo_required", "403 aal2_required");
        let never = "403 phishing_resistant_required";
        // One factor, where there is no other.
        let single = host.sign_in(ADA).await;
        assert_eq!(answers(single.token().expose()).await, ["in", "in", aal2, never]);
        let (app, both) = host.add_authenticator(single).await;
        assert_eq!(answers(both.token().expose()).await, ["in", "in", "in", never]);
        // A trusted browser skips the factor and nothing else.
        let challenge = host.challenge(ADA).await;
        let trust = Code::new(app.code(0)).trust(true);
        let proved =
            host.auth.prove_second_factor(challenge.token().expose(), trust, &client()).await.unwrap();
        let browser = client().with_device_token(proved.device_token().unwrap().expose());
        let trusted = match host.auth.sign_in(Credentials::new(ADA, PASSWORD), &browser).await.unwrap() {
            UserSignIn::Complete(session) => session,
            other => panic!("{other:?}"),
        };
        assert_eq!(answers(trusted.token().expose()).await, ["in", sudo, aal2, never]);
        // A while later nobody has proved anything recently.
        host.clock.advance(std::time::Duration::from_secs(15 * 60 + 1));
        assert_eq!(answers(both.token().expose()).await, ["in", sudo, "in", never]);
        let (_, body, _) = ask(&base, "Sudo", &cookie(both.token().expose()), "application/json").await;
        assert!(body.contains(r#""location":"/step-up""#), "{body}");
        let html = ask(&base, "Sudo", &cookie(both.token().expose()), "text/html").await;
        assert_eq!((html.0, html.2.as_deref()), (303, Some("/step-up?next=/Sudo")));
    })
    .await;
}
