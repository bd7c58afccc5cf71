//! The reference host over HTTP: as one process, as two on one database, and with clients that hang up.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use sigra_tests::site::{Browser, OPERATOR, Site};
use sigra_tests::{OTHER_PASSWORD, PASSWORD, each_database};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const ADA: &str = "ada@example.com";

#[tokio::test]
async fn a_visitor_registers_confirms_signs_in_and_manages_devices_and_password() {
    each_database(|database| async move {
        let site = Site::start(&database).await;
        let laptop = site.browser();
        assert_eq!(laptop.me().await, 401);
        assert!(laptop.register(ADA, PASSWORD).await.status.is_success());

        // A mail scanner follows the link: nothing happens.
        let link = site.link(ADA, "/confirm/").await;
        let scanned = laptop.get(&link).await;
        assert_eq!(scanned.status, 200);
        let early = laptop.sign_in(ADA, PASSWORD).await;
        assert_eq!((early.status.as_u16(), &early.json["error"]), (401, &"invalid_credentials".into()));
        assert!(early.json["message"].as_str().unwrap().contains("confirm your address first"));
        assert!(laptop.cookie().is_none());
        assert!(laptop.post(&link, &[]).await.status.is_success());
        assert!(!laptop.post(&link, &[]).await.status.is_success(), "the link works once");

        assert!(laptop.sign_in(ADA, PASSWORD).await.status.is_success());
        let me = laptop.get("/api/me").await;
        assert_eq!((me.status.as_u16(), me.json["email"].as_str()), (200, Some(ADA)));
        assert!(me.json["id"].as_str().is_some_and(|id| id.len() == 36), "{}", me.json);

        let phone = site.browser();
        phone.sign_in(ADA, PASSWORD).await;
        assert_eq!(phone.me().await, 200);
        let settings = laptop.get("/settings").await.json;
        let sessions = settings["sessions"].as_array().unwrap();
        assert_eq!(sessions.len(), 2);
        let other = sessions.iter().find(|session| session["current"] == false).unwrap();
        assert_eq!(other["network"], "127.0.0.1");
        assert!(
            settings["activity"]
                .as_array()
                .unwrap()
                .iter()
                .any(|row| row["event"] == "session.password.sign_in")
        );

        let revoke = format!("/settings/sessions/{}/revoke", other["id"].as_str().unwrap());
        assert!(laptop.post(&revoke, &[]).await.status.is_success());
        assert_eq!((phone.me().await, laptop.me().await), (401, 200));

        let asked = site.browser();
        assert!(asked.post("/reset", &[("email", ADA)]).await.status.is_success());
        let link = site.link(ADA, "/reset/").await;
        assert_eq!(asked.get(&link).await.status, 200);
        assert!(asked.post(&link, &[("password", OTHER_PASSWORD)]).await.status.is_success());
        assert!(asked.cookie().is_none(), "a reset never signs in");
        assert_eq!(laptop.me().await, 401);
        assert_eq!(laptop.sign_in(ADA, PASSWORD).await.json["error"], "invalid_credentials");
        assert!(laptop.sign_in(ADA, OTHER_PASSWORD).await.status.is_success());

        let cookie = laptop.cookie().unwrap();
        assert!(laptop.post("/logout", &[]).await.status.is_success());
        let thief = site.browser();
        thief.plant(&cookie);
        assert_eq!(thief.me().await, 401, "a cookie that was signed out is worth nothing");
    })
    .await;
}

/// What visitors chose, and what it must not become on a page or in a spreadsheet.
const AGENT: &str = "=cmd|'/c calc'!A1 \"<script>alert(1)</script>\",x";

#[tokio::test]
async fn an_operator_reads_filters_and_exports_the_trail_and_nobody_else_does() {
    each_database(|database| async move {
        let site = Site::start(&database).await;
        site.account(ADA, PASSWORD).await;
        site.account(OPERATOR, PASSWORD).await;
        let (ada, olga, stranger) = (site.browser(), site.browser(), site.browser());
        let wrong = [("email", ADA), ("password", OTHER_PASSWORD)];
        for _ in 0..3 {
            stranger.send(Method::POST, "/login", &wrong, &[("user-agent", AGENT)]).await;
        }
        ada.sign_in(ADA, PASSWORD).await;
        olga.sign_in(OPERATOR, PASSWORD).await;

        // There is no such page, not even for those who are signed in.
        assert_eq!(stranger.get("/audit").await.status, 401);
        assert_eq!(stranger.post("/audit/export", &[("format", "csv")]).await.status, 401);
        for refused in [ada.get("/audit").await, ada.post("/audit/export", &[("format", "csv")]).await] {
            assert_eq!((refused.status.as_u16(), &refused.json["error"]), (404, &"not_found".into()));
        }

        let rows = |page: &serde_json::Value| page["rows"].as_array().unwrap().clone();
        let everything = rows(&olga.get("/audit").await.json);
        assert!(everything.len() > 6 && everything[0]["event"] == "session.password.sign_in");
        let ada_id = ada.get("/api/me").await.json["id"].as_str().unwrap().to_owned();
        let refused = format!("/audit?account={ada_id}&event=session&outcome=refused&reason=&from=&until=");
        let found = rows(&olga.get(&refused).await.json);
        assert_eq!(found.len(), 3);
        assert!(
            found.iter().all(|row| row["reason"] == "wrong_password" && row["user_id"] == ada_id.as_str())
        );
        assert!(rows(&olga.get("/audit?until=2001-01-31").await.json).is_empty());
        for bad in ["outcome=maybe", "from=yesterday", "after=x"] {
            assert_eq!(olga.get(&format!("/audit?{bad}")).await.status, 422, "{bad}");
        }

        // As pages: what somebody put into a link or a header stays text.
        let html = [("accept", "text/html")];
        let script = "/audit?account=%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
        for path in [script, "/audit"] {
            let page = olga.send(Method::GET, path, &[], &html).await;
            assert!(page.status.is_success() && page.text.contains("<h1>Audit trail</h1>"), "{}", page.text);
            assert!(!page.text.contains("<script"), "{}", page.text);
            assert_eq!(page.header("cache-control"), "no-store");
        }
        let link = "href=\"/audit\"";
        assert!(olga.send(Method::GET, "/settings", &[], &html).await.text.contains(link));
        assert!(!ada.send(Method::GET, "/settings", &[], &html).await.text.contains(link));

        // More than one page, and none twice.
        for _ in 0..60 {
            olga.post("/audit/export", &[("format", "jsonl"), ("event", "none.such")]).await;
        }
        let first = olga.get("/audit").await.json;
        let second = olga.get(&format!("/audit?after={}", first["next"].as_str().unwrap())).await.json;
        assert_eq!(rows(&first).len(), 50);
        assert!(rows(&second).iter().all(|row| !rows(&first).contains(row)) && second["next"].is_null());

        let csv = olga.post("/audit/export", &[("format", "csv"), ("account", &ada_id)]).await;
        assert_eq!(csv.header("content-disposition"), "attachment; filename=\"audit.csv\"");
        let cell = format!("\"'{}\"", AGENT.replace('"', "\"\""));
        assert_eq!(csv.text.matches(&cell).count(), 3, "{}", csv.text);
        assert_eq!(olga.post("/audit/export", &[("format", "xml")]).await.status, 422);
        let me = olga.get("/api/me").await.json["id"].as_str().unwrap().to_owned();
        let newest = &rows(&olga.get("/audit?event=audit.trail.export").await.json)[0];
        assert_eq!(newest["actor"], format!("operator:{me}"));
    })
    .await;
}

#[tokio::test]
async fn a_request_from_another_site_changes_nothing() {
    each_database(|database| async move {
        let site = Site::start(&database).await;
        site.account(ADA, PASSWORD).await;
        let browser = site.browser();
        browser.sign_in(ADA, PASSWORD).await;
        let base = site.base.clone();
        let refused: [&[(&str, &str)]; 5] = [
            &[("Sec-Fetch-Site", "cross-site")],
            &[("Sec-Fetch-Site", "same-site")],
            &[("Origin", "https://evil.example")],
            &[("Origin", "null")],
            &[("Sec-Fetch-Site", "cross-site"), ("Origin", &base)],
        ];
        for headers in refused {
            for path in ["/logout", "/login", "/register", "/reset", "/settings/sessions/revoke-others"] {
                let answer = browser
                    .send(Method::POST, path, &[("email", ADA), ("password", PASSWORD)], headers)
                    .await;
                assert_eq!(answer.status, 403, "{path} with {headers:?}");
            }
        }
        assert_eq!(browser.me().await, 200);
        let own = [("Sec-Fetch-Site", "same-origin"), ("Origin", base.as_str())];
        assert!(browser.send(Method::POST, "/logout", &[], &own).await.status.is_success());
        assert_eq!(browser.me().await, 401);
    })
    .await;
}

#[tokio::test]
async fn a_cookie_from_before_the_sign_in_is_never_the_session_after_it() {
    each_database(|database| async move {
        let site = Site::start(&database).await;
        site.account(ADA, PASSWORD).await;
        let attacker = site.browser();
        site.account("eve@example.com", PASSWORD).await;
        attacker.sign_in("eve@example.com", PASSWORD).await;
        let planted = attacker.cookie().unwrap();

        let victim = site.browser();
        victim.plant(&planted);
        assert!(victim.sign_in(ADA, PASSWORD).await.status.is_success());
        assert_ne!(victim.cookie().unwrap(), planted);
        assert_eq!(attacker.me().await, 401, "the planted session ended");
        let name = planted.split('=').next().unwrap();
        victim.plant(&format!("{name}=sgs.k1.chosenbytheattackerchosenbytheattackerchosen00"));
        victim.sign_in(ADA, PASSWORD).await;
        assert!(!victim.cookie().unwrap().contains("chosen"));
    })
    .await;
}

#[tokio::test]
async fn cookies_and_headers_are_the_strict_ones() {
    each_database(|database| async move {
        let site = Site::start(&database).await;
        site.account(ADA, PASSWORD).await;
        let browser = site.browser();
        let answer = browser.sign_in(ADA, PASSWORD).await;
        let cookie = answer.header("set-cookie").to_owned();
        // The site stands on http://127.0.0.1, where `__Host-` and `Secure` cannot be; the unit tests of the cookie have those.
        for part in ["sigra=sgs.", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("Domain") && !cookie.contains("Max-Age"), "{cookie}");
        let form = [("email", ADA), ("password", PASSWORD), ("remember", "on")];
        assert!(site.browser().post("/login", &form).await.header("set-cookie").contains("Max-Age="));
        for path in ["/settings", "/reset/x", "/confirm/x", "/dev/mailbox", "/login"] {
            let page = browser.send(Method::GET, path, &[], &[("accept", "text/html")]).await;
            assert_eq!(page.status, 200, "{path}");
            assert!(page.header("cache-control").contains("no-store"), "{path}: {:?}", page.headers);
            assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
            let policy = page.header("content-security-policy");
            assert!(
                policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
                "{path}: {policy}"
            );
        }
        for path in ["/reset/x", "/confirm/x"] {
            assert_eq!(browser.get(path).await.header("referrer-policy"), "no-referrer", "{path}");
        }
        let visitor = site.browser();
        let page = visitor.send(Method::GET, "/settings", &[], &[("accept", "text/html")]).await;
        assert_eq!(page.status, 303);
        assert!(page.location().starts_with("/login"), "{}", page.location());
    })
    .await;
}

#[tokio::test]
async fn form_and_json_share_one_limit_which_an_own_browser_does_not_meet() {
    each_database(|database| async move {
        let site = Site::start(&database).await;
        site.account(ADA, PASSWORD).await;
        let home = site.browser();
        assert!(home.sign_in(ADA, PASSWORD).await.status.is_success());
        assert!(home.post("/logout", &[]).await.status.is_success());
        let json = reqwest::Client::new();
        for attempt in 0..11 {
            let status = if attempt % 2 == 0 {
                let form = [("email", ADA), ("password", "a wrong password here")];
                let page = [("accept", "text/html")];
                site.browser().send(Method::POST, "/login", &form, &page).await.status.as_u16()
            } else {
                let body =
                    format!("{{\"email\":\"ADA@example.com\",\"password\":\"a wrong password {attempt}\"}}");
                let request = json.post(format!("{}/login", site.base));
                let request = request.header("content-type", "application/json").body(body);
                request.send().await.unwrap().status().as_u16()
            };
            assert_eq!(status, if attempt < 10 { 401 } else { 429 }, "attempt {attempt}");
        }
        assert_eq!(site.browser().sign_in(ADA, PASSWORD).await.status, 429);
        assert!(home.sign_in(ADA, PASSWORD).await.status.is_success());

        // The mail that the owner got lets another browser in.
        let (elsewhere, link) = (site.browser(), site.link(ADA, "/unlock/").await);
        assert_eq!(elsewhere.get(&link).await.status, 200);
        assert_eq!(elsewhere.sign_in(ADA, PASSWORD).await.status, 429, "to look at the link is not enough");
        let unlocked = elsewhere.post(&link, &[]).await;
        assert_eq!((unlocked.status.as_u16(), unlocked.json["status"].as_str()), (200, Some("unlocked")));
        let cookie = unlocked.header("set-cookie").to_ascii_lowercase();
        assert!(cookie.starts_with("sigra-device=sgd.") && cookie.contains("httponly"), "{cookie}");
        assert_eq!(elsewhere.me().await, 401, "nobody is signed in by a link");
        assert!(elsewhere.sign_in(ADA, PASSWORD).await.status.is_success());
    })
    .await;
}

#[tokio::test]
async fn two_processes_share_sessions_and_limits() {
    each_database(|database| async move {
        let (one, two) = (Site::start(&database).await, Site::start(&database).await);
        one.browser().register(ADA, PASSWORD).await;
        // Either process may have sent the mail.
        let link = tokio::select! {
            link = one.link(ADA, "/confirm/") => link,
            link = two.link(ADA, "/confirm/") => link,
        };
        assert!(two.browser().post(&link, &[]).await.status.is_success());

        let (here, there) = (one.browser(), two.browser());
        here.sign_in(ADA, PASSWORD).await;
        there.sign_in(ADA, PASSWORD).await;
        let elsewhere = two.browser();
        elsewhere.plant(&here.cookie().unwrap());
        assert_eq!((here.me().await, there.me().await, elsewhere.me().await), (200, 200, 200));
        assert!(here.post("/settings/sessions/revoke-others", &[]).await.status.is_success());
        assert_eq!((here.me().await, there.me().await), (200, 401));
        assert!(elsewhere.post("/logout", &[]).await.status.is_success());
        assert_eq!(here.me().await, 401);

        for attempt in 0..10 {
            let site = if attempt % 2 == 0 { &one } else { &two };
            let answer = site.browser().sign_in("nobody@example.com", "a wrong password here").await;
            assert_eq!(answer.status, 401, "attempt {attempt}");
        }
        for site in [&one, &two] {
            let answer = site.browser().sign_in("nobody@example.com", PASSWORD).await;
            assert_eq!(answer.status, 429);
            assert!(
                answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| (1..=901).contains(&seconds))
            );
        }
        // The limit outlives a crash and a start.
        one.kill().await;
        let again = Site::start(&database).await;
        assert_eq!(again.browser().sign_in("nobody@example.com", PASSWORD).await.status, 429);
    })
    .await;
}

/// Requests that are cut off: SIGRA_TEST_ROUNDS makes it more.
const ROUNDS: u64 = 1000;

#[tokio::test(flavor = "multi_thread")]
async fn requests_cut_off_at_random_moments_lose_nothing_that_was_acknowledged() {
    let rounds = std::env::var("SIGRA_TEST_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    each_database(|database| async move {
        let site = Site::start(&database).await;
        site.account(ADA, PASSWORD).await;
        let address = site.base.trim_start_matches("http://").to_owned();
        let address = Arc::new(address);
        let mut tasks = tokio::task::JoinSet::new();
        let mut acknowledged = 0_u64;
        for round in 0..rounds {
            if tasks.len() >= 8 {
                acknowledged += u64::from(tasks.join_next().await.unwrap().unwrap());
            }
            tasks.spawn(cut_off(address.clone(), round));
        }
        while let Some(done) = tasks.join_next().await {
            acknowledged += u64::from(done.unwrap());
        }
        // Every acknowledged request left its mail or its row; one that was cut off may have left them too, but both.
        let rows = database
            .count("sigra_audit", "event = 'account.password.request_reset' AND outcome = 'success'")
            .await;
        assert!(acknowledged > 0, "none was let through: the test proves nothing");
        assert!(acknowledged < rounds, "none was cut off: the test proves nothing");
        assert!(u64::try_from(rows).unwrap() >= acknowledged, "{rows} rows, {acknowledged} acknowledged");
        // No connection is poisoned: what is acknowledged from here on is there for another process.
        let other = Site::start(&database).await;
        let browsers: Vec<Browser> = (0..20).map(|_| site.browser()).collect();
        for browser in &browsers {
            assert!(browser.sign_in(ADA, PASSWORD).await.status.is_success());
            let elsewhere = other.browser();
            elsewhere.plant(&browser.cookie().unwrap());
            assert_eq!(elsewhere.me().await, 200);
        }
    })
    .await;
}

/// Sends a request for a reset mail and hangs up after a while that the round decides. Whether the answer came whole.
async fn cut_off(address: Arc<String>, round: u64) -> bool {
    let body = format!("email=u{round}%40example.com");
    let request = format!(
        "POST /reset HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(address.as_str()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    // From at once to longer than a request takes, spread by a multiplicative hash of the round.
    let patience = Duration::from_micros((round.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) % 40_000);
    // Some wait for their answer, however slow the machine is.
    let patience = if round.is_multiple_of(16) { Duration::from_mins(1) } else { patience };
    let mut answer = Vec::new();
    let whole = tokio::time::timeout(patience, stream.read_to_end(&mut answer)).await;
    matches!(whole, Ok(Ok(_))) && answer.starts_with(b"HTTP/1.1 2")
}
