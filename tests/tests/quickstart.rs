//! The program that newcomers begin with, called as the README calls it: to a sign-in with a second factor.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::process::Stdio;
use std::sync::Arc;

use serde_json::json;
use sigra::clock::TestClock;
use sigra_tests::authenticator::Authenticator;
use sigra_tests::database::Kind;
use sigra_tests::host::KEYS;
use sigra_tests::site::{Answer, Browser};
use sigra_tests::{Database, OTHER_PASSWORD, PASSWORD};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::Command;

const ADA: (&str, &str) = ("email", "ada@example.com");

fn done(answer: &Answer) {
    assert!(answer.status.is_success(), "{answer:?}");
}

/// The path of the next link in what it prints. It leads somewhere, and to look at it changes nothing.
async fn next_link<R: AsyncBufRead + Unpin>(output: &mut Lines<R>, curl: &Browser, base: &str) -> String {
    loop {
        let line = output.next_line().await.unwrap().expect("a mail with a link");
        if let Some(path) = line.strip_prefix(base) {
            assert_eq!(curl.get(path).await.status, 405, "a page of yours: {path}");
            if path.matches('/').count() == 2 {
                return path.to_owned();
            }
        }
    }
}

/// Whoever copies the file finds in the README what it builds with.
#[test]
fn the_readme_lists_what_it_builds_with() {
    let source = include_str!("../../sigra/examples/quickstart.rs");
    let readme = include_str!("../../README.md");
    let (_, listed) = readme.split_once("   [dependencies]\n").expect("its dependencies");
    let (listed, _) = listed.split_once("```").expect("an end of them");
    let mut listed: Vec<_> =
        listed.lines().filter_map(|line| line.trim().split_once(" = ")).map(|(name, _)| name).collect();
    listed.retain(|name| !name.starts_with('#'));
    // Paths in the text may have no `use`: tokio has its attribute alone.
    let mut used: Vec<_> = source
        .lines()
        .filter_map(|line| line.strip_prefix("use ").or_else(|| line.strip_prefix("#[")))
        .filter_map(|path| path.split_once("::").map(|(name, _)| name))
        .filter(|name| *name != "std")
        .collect();
    used.sort_unstable();
    used.dedup();
    listed.sort_unstable();
    assert_eq!(used, listed);
}

#[tokio::test]
async fn without_keys_it_says_how_to_make_one() {
    let database = Database::create(Kind::Sqlite).await;
    let mut program = Command::new(sigra_tests::example("quickstart"));
    let program = program.env("SIGRA_DATABASE_URL", database.url()).env_remove("SIGRA_KEYS").env("PORT", "0");
    let output = program.output().await.unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("set `SIGRA_KEYS`") && said.contains("/dev/urandom"), "{said}");
}

#[tokio::test]
async fn the_quickstart_leads_to_a_sign_in_with_a_second_factor() {
    let database = Database::create(Kind::Sqlite).await;
    let mut program = Command::new(sigra_tests::example("quickstart"))
        .env("SIGRA_DATABASE_URL", database.url())
        .env("SIGRA_KEYS", KEYS)
        .env("PORT", "0")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut output = BufReader::new(program.stdout.take().unwrap()).lines();
    let line = output.next_line().await.unwrap().unwrap();
    let base = line.strip_prefix("Listening on ").expect(&line);
    let curl = Browser::at(base);
    let ada = [ADA, ("password", PASSWORD)];

    done(&curl.post("/register", &ada).await);
    let code = loop {
        let line = output.next_line().await.unwrap().expect("a mail with a code");
        let digits: String = line.chars().filter(char::is_ascii_digit).collect();
        if digits.len() == 6 {
            break digits;
        }
    };
    assert_eq!(curl.post("/sign-in", &ada).await.status, 401, "nobody has confirmed it yet");
    done(&curl.post("/confirm", &[ADA, ("code", &code)]).await);
    assert_eq!(curl.get("/me").await.status, 401);
    assert_eq!(curl.post("/sign-in", &ada).await.json["status"], "signed in");
    assert_eq!(curl.get("/me").await.json, json!({ "email": ADA.1, "second_factor": false }));

    let app = curl.post("/apps", &[]).await;
    done(&app);
    let phone = Authenticator::new(app.json["uri"].as_str().unwrap(), Arc::new(TestClock::default()));
    assert_eq!(app.json["secret"].as_str().unwrap().replace(' ', ""), phone.secret);
    let path = format!("/apps/{}", app.json["id"].as_str().unwrap());
    done(&curl.post(&path, &[("code", &phone.code(0))]).await);
    let not_me = next_link(&mut output, &curl, base).await;
    assert!(not_me.starts_with("/disown/"), "{not_me}");
    let codes = curl.post("/backup-codes", &[]).await;
    assert_eq!(codes.json["codes"].as_array().unwrap().len(), 10);
    assert!(next_link(&mut output, &curl, base).await.starts_with("/disown/"));
    done(&curl.post("/sign-out", &[]).await);

    assert_eq!(curl.post("/sign-in", &ada).await.json["status"], "code, please");
    assert_eq!(curl.get("/me").await.status, 401, "a challenge is no session");
    done(&curl.post("/sign-in/code", &[("code", &phone.code(1))]).await);
    assert_eq!(curl.get("/me").await.json, json!({ "email": ADA.1, "second_factor": true }));

    done(&curl.post("/reset", &[ADA]).await);
    let path = next_link(&mut output, &curl, base).await;
    done(&curl.post(&path, &[("password", OTHER_PASSWORD)]).await);
    assert_eq!(curl.get("/me").await.status, 401, "every session has ended");
    assert_eq!(curl.post("/sign-in", &ada).await.status, 401);
    let ada = [ADA, ("password", OTHER_PASSWORD)];
    assert_eq!(curl.post("/sign-in", &ada).await.json["status"], "code, please");
    // A code of the set stands in for the phone.
    let code = codes.json["codes"][0].as_str().unwrap();
    done(&curl.post("/sign-in/code", &[("code", code)]).await);

    // The notices of the new password and of the code come first.
    done(&curl.post("/unlock", &[ADA]).await);
    let path = next_link(&mut output, &curl, base).await;
    assert!(path.starts_with("/unlock/"), "{path}");
    done(&curl.post(&path, &[]).await);
    done(&curl.post(&not_me, &[]).await);
    assert_eq!(curl.get("/me").await.status, 401, "everybody is signed out");
    assert_eq!(curl.post("/sign-in", &ada).await.json["status"], "signed in", "the app is gone");

    // Somebody else, who follows the link instead of typing the code.
    let eve = [("email", "eve@example.com"), ("password", PASSWORD)];
    done(&curl.post("/register", &eve).await);
    let path = next_link(&mut output, &curl, base).await;
    assert!(path.starts_with("/confirm/"), "{path}");
    done(&curl.post(&path, &[]).await);
    assert_eq!(curl.post("/sign-in", &eve).await.json["status"], "signed in");
}
