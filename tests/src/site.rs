//! The reference host as a process of its own, and a browser without a screen to drive it with.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::header::{ACCEPT, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, Response};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::database::Database;
use crate::host::KEYS;
use crate::wait::{PATIENCE, until};

/// Who may read the audit trail there.
pub const OPERATOR: &str = "olga@example.com";

/// A running reference host. It is killed when this is dropped.
#[derive(Debug)]
pub struct Site {
    process: Child,
    /// Where it answers, such as `http://127.0.0.1:40001`.
    pub base: String,
}

/// What a [`Site`] logs.
#[derive(Debug)]
pub struct SiteLog(JoinHandle<Vec<String>>);

impl SiteLog {
    /// All lines of a site that was killed.
    ///
    /// # Panics
    /// They cannot be read.
    pub async fn to_its_end(self) -> Vec<String> {
        self.0.await.expect("the log")
    }
}

impl Site {
    /// Starts one on a database.
    ///
    /// # Panics
    /// The example is not built, or does not start.
    pub async fn start(database: &Database) -> Self {
        Self::spawn(database, "warn", Stdio::inherit()).await
    }

    /// Starts one whose every line of its log, at the level `TRACE`, is kept.
    ///
    /// # Panics
    /// The example is not built, or does not start.
    pub async fn start_with_log(database: &Database) -> (Self, SiteLog) {
        let mut site = Self::spawn(database, "trace", Stdio::piped()).await;
        let mut lines = BufReader::new(site.process.stderr.take().expect("its log")).lines();
        let kept = tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Some(line) = lines.next_line().await.expect("its log") {
                kept.push(line);
            }
            kept
        });
        (site, SiteLog(kept))
    }

    async fn spawn(database: &Database, level: &str, stderr: Stdio) -> Self {
        let mut process = Command::new(crate::example("app"))
            .env("SIGRA_DATABASE_URL", database.url())
            .env("SIGRA_KEYS", KEYS)
            .env("SIGRA_OPERATORS", OPERATOR)
            .env("PORT", "0")
            .env("RUST_LOG", level)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .expect("the reference host starts");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let base = loop {
            let line = lines.next_line().await.expect("its output").expect("it says where it listens");
            if let Some(base) = line.strip_prefix("Listening on ") {
                break base.to_owned();
            }
        };
        // Read on, so that it never waits for somebody to listen.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { process, base }
    }

    /// A browser that knows nothing yet.
    #[must_use]
    pub fn browser(&self) -> Browser {
        Browser::at(&self.base)
    }

    /// The number of the process, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// The most memory that the process ever had, in KiB, where the system says so.
    #[must_use]
    pub fn peak_memory(&self) -> Option<u64> {
        self.id().and_then(crate::node::peak_memory)
    }

    /// Kills the process, as a crash would.
    ///
    /// # Panics
    /// It is not there.
    pub async fn kill(mut self) {
        self.process.kill().await.expect("it was running");
    }

    /// Registers an account and confirms it by the mail in the development mailbox.
    ///
    /// # Panics
    /// Any step is refused.
    pub async fn account(&self, email: &str, password: &str) {
        let browser = self.browser();
        let answer = browser.register(email, password).await;
        assert!(answer.status.is_success(), "{answer:?}");
        let link = self.link(email, "/confirm/").await;
        let answer = browser.post(&link, &[]).await;
        assert!(answer.status.is_success(), "{answer:?}");
    }

    /// The path of the newest link for an address in the development mailbox, once the mail has come.
    ///
    /// # Panics
    /// It does not come.
    pub async fn link(&self, email: &str, path: &str) -> String {
        let browser = self.browser();
        let coming = async {
            loop {
                let mails = browser.get(&format!("/dev/mailbox?to={email}")).await.json;
                let newest = mails.as_array().into_iter().flatten().find_map(|mail| {
                    let link = mail["link"].as_str()?.strip_prefix(&self.base)?;
                    link.starts_with(path).then(|| link.to_owned())
                });
                if let Some(link) = newest {
                    break link;
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        };
        let link = tokio::time::timeout(PATIENCE, coming).await;
        link.unwrap_or_else(|_| panic!("no mail to {email} with a link to {path}"))
    }

    /// The paths of the links in the mails to an address with such a subject, the newest first, once there are so many.
    ///
    /// # Panics
    /// They do not come, or have no link.
    pub async fn links_about(&self, email: &str, subject: &str, count: usize) -> Vec<String> {
        let browser = self.browser();
        let mut links = Vec::new();
        until(&format!("{count} mails to {email}: {subject}"), async || {
            let mails = browser.get(&format!("/dev/mailbox?to={email}")).await.json;
            let alike = mails.as_array().into_iter().flatten().filter(|mail| mail["subject"] == subject);
            links =
                alike.map(|mail| mail["link"].as_str().expect("a link").replace(&self.base, "")).collect();
            links.len() >= count
        })
        .await;
        links
    }
}

/// What the session cookie of a site on this machine is called.
const SESSION_COOKIE: &str = "sigra";

/// A client that keeps cookies and asks for JSON.
#[derive(Debug)]
pub struct Browser {
    client: reqwest::Client,
    base: String,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: http::StatusCode,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body, where it is JSON.
    pub json: Value,
}

impl Browser {
    /// A browser that knows nothing yet, before a site such as `http://127.0.0.1:40001`.
    ///
    /// # Panics
    /// The client cannot be made.
    #[must_use]
    pub fn at(base: &str) -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
            .build()
            .expect("a client");
        Self { client, base: base.to_owned(), cookies: Mutex::default() }
    }

    /// A GET.
    ///
    /// # Panics
    /// There is no answer.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], &[]).await
    }

    /// A POST of a form, as a script on the site's own page or a program would send it.
    ///
    /// # Panics
    /// There is no answer.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, path, form, &[]).await
    }

    /// A request with headers of its own.
    ///
    /// # Panics
    /// There is no answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.base));
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
            request = request.header(ACCEPT, "application/json");
        }
        if method == Method::POST {
            request = request.form(form);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let cookies = self.cookies.lock().expect("the cookies").clone();
        if !cookies.is_empty() {
            let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        self.take(request.send().await.expect("an answer")).await
    }

    async fn take(&self, response: Response) -> Answer {
        let (status, headers) = (response.status(), response.headers().clone());
        for line in headers.get_all(SET_COOKIE) {
            let pair = line.to_str().expect("text").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a pair");
            let mut cookies = self.cookies.lock().expect("the cookies");
            if value.is_empty() {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let text = response.text().await.expect("a body");
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, text, json }
    }

    /// The session cookie as it would be sent.
    ///
    /// # Panics
    /// Another thread panicked while it held the cookies.
    #[must_use]
    pub fn cookie(&self) -> Option<String> {
        self.value_of(SESSION_COOKIE).map(|value| format!("{SESSION_COOKIE}={value}"))
    }

    /// The value of a cookie.
    ///
    /// # Panics
    /// Another thread panicked while it held the cookies.
    #[must_use]
    pub fn value_of(&self, cookie: &str) -> Option<String> {
        self.cookies.lock().expect("the cookies").get(cookie).cloned()
    }

    /// Plants a cookie, as an attacker or an old browser would.
    ///
    /// # Panics
    /// It is no pair, or another thread panicked while it held the cookies.
    pub fn plant(&self, cookie: &str) {
        let (name, value) = cookie.split_once('=').expect("a pair");
        self.cookies.lock().expect("the cookies").insert(name.to_owned(), value.to_owned());
    }

    /// Registers.
    pub async fn register(&self, email: &str, password: &str) -> Answer {
        self.post("/register", &[("email", email), ("password", password), ("display_name", "Ada")]).await
    }

    /// Signs in.
    pub async fn sign_in(&self, email: &str, password: &str) -> Answer {
        self.post("/login", &[("email", email), ("password", password)]).await
    }

    /// The status of `GET /api/me`.
    pub async fn me(&self) -> u16 {
        self.get("/api/me").await.status.as_u16()
    }
}

impl Answer {
    /// A header as text; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// Where it leads.
    #[must_use]
    pub fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }
}
