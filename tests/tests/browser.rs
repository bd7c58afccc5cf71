//! The journey of a person through the reference host, in a real Chromium.
//!
//! It runs with `SIGRA_TEST_BROWSER=1`, and then fails where `chromium` or `chromedriver` is missing.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;
use sigra::clock::TestClock;
use sigra_tests::authenticator::Authenticator;
use sigra_tests::site::Site;
use sigra_tests::wait::PATIENCE;
use sigra_tests::{OTHER_PASSWORD, PASSWORD, each_database, until};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

const ADA: &str = "ada@example.com";

/// A ChromeDriver of the test's own, on a port that it chose.
struct Driver {
    _process: Child,
    url: String,
}

impl Driver {
    async fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("`chromedriver` is installed (Debian: chromium-driver)");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next_line().await.unwrap().expect("chromedriver says on which port it listens");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { _process: process, url: format!("http://127.0.0.1:{port}") }
    }

    /// A new Chromium with a profile of its own.
    async fn chromium(&self) -> Client {
        let mut capabilities = Capabilities::new();
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ];
        capabilities.insert("goog:chromeOptions".into(), json!({ "args": arguments }));
        ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&self.url)
            .await
            .expect("chromium starts")
    }
}

/// A person at a browser.
struct Person {
    browser: Client,
    base: String,
}

impl Person {
    async fn visit(&self, path: &str) {
        self.browser.goto(&format!("{}{path}", self.base)).await.unwrap();
    }

    /// An element of the page, once that is there.
    async fn find(&self, selector: &str) -> Element {
        let found = self.browser.wait().at_most(PATIENCE).for_element(Locator::Css(selector)).await;
        found.unwrap_or_else(|error| panic!("{selector}: {error}"))
    }

    /// Fills the fields by their labels' names and presses the form's button.
    async fn submit(&self, form: &str, fields: &[(&str, &str)]) {
        for (name, value) in fields {
            let field = self.find(&format!("{form} [name={name}]")).await;
            field.clear().await.unwrap();
            field.send_keys(value).await.unwrap();
        }
        self.find(&format!("{form} button")).await.click().await.unwrap();
    }

    /// What the page says; nothing while another is on its way.
    async fn text(&self) -> String {
        match self.browser.find(Locator::Css("main")).await {
            Ok(main) => main.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Waits until the page says so.
    async fn reads(&self, expected: &str) {
        let waiting = async {
            while !self.text().await.contains(expected) {
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(in_time, "the page never says {expected:?}; it says:\n{}", self.text().await);
    }

    /// Adds the app that reads what is on the page.
    async fn adds_an_authenticator(&self) -> Authenticator {
        self.visit("/settings/totp").await;
        self.submit("form.card", &[("name", "phone")]).await;
        self.reads("Scan this").await;
        let shown = "return document.querySelector('.qr svg').getBoundingClientRect().width > 100";
        assert_eq!(self.browser.execute(shown, vec![]).await.unwrap(), json!(true), "the QR code is seen");
        let link = self.find("a[href^='otpauth:']").await;
        let uri = link.attr("href").await.unwrap().unwrap();
        let app = Authenticator::new(&uri, Arc::new(TestClock::default()));
        let secret = self.find(".secret").await.text().await.unwrap();
        assert_eq!(secret.replace(' ', ""), app.secret);
        self.submit("form[action$='/confirm']", &[("code", &app.code(0))]).await;
        self.reads("Your authenticator is added").await;
        app
    }

    /// Opens the link of the newest such mail as a person does: reloading the mailbox until it is there.
    async fn follow_mail(&self, subject: &str) {
        until(&format!("the mail {subject:?}"), async || {
            self.visit("/dev/mailbox").await;
            self.text().await.contains(subject)
        })
        .await;
        let link = format!("//article[h2[normalize-space()='{subject}']]//a");
        self.browser.find(Locator::XPath(&link)).await.unwrap().click().await.unwrap();
        // What is looked for next is on the page that the link leads to.
        until("the page of the link", async || {
            !self.browser.current_url().await.unwrap().path().starts_with("/dev/mailbox")
        })
        .await;
    }

    async fn sign_in(&self, password: &str) {
        self.visit("/login").await;
        self.submit("form[action='/login']", &[("email", ADA), ("password", password)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_registers_signs_in_twice_ends_the_other_device_resets_the_password_and_is_not_locked_out() {
    if std::env::var_os("SIGRA_TEST_BROWSER").is_none() {
        let _ =
            std::io::stderr().write_all(b"not covered by this run: Chromium (set SIGRA_TEST_BROWSER=1)\n");
        return;
    }
    let driver = Driver::start().await;
    each_database(|database| {
        let driver = &driver;
        async move {
            let site = Site::start(&database).await;
            let person = |browser| Person { browser, base: site.base.clone() };
            let (laptop, phone) = (person(driver.chromium().await), person(driver.chromium().await));

            laptop.visit("/register").await;
            let form = "form[action='/register']";
            laptop.submit(form, &[("display_name", "Ada"), ("email", ADA), ("password", PASSWORD)]).await;
            laptop.reads("Check your mail").await;
            laptop.follow_mail("Confirm your e-mail address").await;
            laptop.submit("form.card", &[]).await;
            laptop.reads("You can sign in now").await;

            laptop.sign_in("a wrong password here").await;
            laptop.reads("the e-mail address or the password is wrong").await;
            laptop.reads("Confirm your address, or get a new mail").await;
            laptop.sign_in(PASSWORD).await;
            laptop.reads("Devices").await;
            phone.sign_in(PASSWORD).await;
            phone.reads("Devices").await;

            laptop.visit("/settings").await;
            laptop.reads("This device").await;
            laptop.submit("form[action$='/revoke']", &[]).await;
            laptop.reads("That device is signed out").await;
            phone.visit("/settings").await;
            phone.reads("Sign in").await;
            assert!(phone.browser.current_url().await.unwrap().path().starts_with("/login"));

            phone.visit("/reset").await;
            phone.submit("form[action='/reset']", &[("email", ADA)]).await;
            // The answer first: a browser that goes elsewhere at once takes the request back.
            phone.reads("is on its way").await;
            phone.follow_mail("Choose a new password").await;
            phone.submit("form.card", &[("password", OTHER_PASSWORD)]).await;
            phone.reads("Your new password is set").await;
            laptop.visit("/settings").await;
            laptop.reads("Sign in").await;

            phone.sign_in(OTHER_PASSWORD).await;
            phone.reads("Recent activity").await;
            // A script on the page cannot read the session.
            let cookies = phone.browser.execute("return document.cookie", vec![]).await.unwrap();
            assert_eq!(cookies, json!(""));

            // Strangers use up the attempts. The phone, in which its owner signed in, is not concerned; the laptop's password
            // went, so a mail lets it in.
            phone.visit("/settings").await;
            phone.submit("form[action='/logout']", &[]).await;
            phone.reads("You are signed out").await;
            for _ in 0..10 {
                assert_eq!(site.browser().sign_in(ADA, "a wrong password here").await.status, 401);
            }
            phone.sign_in(OTHER_PASSWORD).await;
            phone.reads("Recent activity").await;
            laptop.sign_in(OTHER_PASSWORD).await;
            laptop.reads("too many attempts").await;
            laptop.follow_mail("Somebody tried to guess your password").await;
            laptop.submit("form.card", &[]).await;
            laptop.reads("Your account is unlocked").await;
            laptop.sign_in(OTHER_PASSWORD).await;
            laptop.reads("Recent activity").await;

            // With an authenticator the password is half of it.
            let app = laptop.adds_an_authenticator().await;
            phone.visit("/settings").await;
            phone.reads("Sign in").await;
            phone.sign_in(OTHER_PASSWORD).await;
            phone.reads("Second factor").await;
            phone.visit("/settings").await;
            phone.reads("Keep me signed in").await;
            phone.visit("/login/second-factor").await;
            phone.submit("form.card", &[("code", &app.wrong())]).await;
            phone.reads("this code is wrong").await;
            phone.submit("form.card", &[("code", &app.code(1))]).await;
            phone.reads("Recent activity").await;
            let cookies = laptop.browser.execute("return document.cookie", vec![]).await.unwrap();
            assert_eq!(cookies, json!(""));
            laptop.browser.close().await.unwrap();
            phone.browser.close().await.unwrap();
        }
    })
    .await;
}
