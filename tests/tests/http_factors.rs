//! Second factors of the reference host over HTTP: its pages, and the same for programs.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::sync::Arc;

use reqwest::Method;
use serde_json::Value;
use sigra::clock::TestClock;
use sigra_tests::authenticator::Authenticator;
use sigra_tests::site::{Answer, Browser, OPERATOR, Site};
use sigra_tests::{PASSWORD, each_database};

const ADA: &str = "ada@example.com";

/// What a browser without scripts asks for.
const PAGE: [(&str, &str); 1] = [("Accept", "text/html")];

async fn page(browser: &Browser, path: &str) -> Answer {
    browser.send(Method::GET, path, &[], &PAGE).await
}

fn done(answer: &Answer) {
    assert!(answer.status.is_success(), "{answer:?}");
}

/// Adds an authenticator in a browser whose user has just proved to be there, and gives the code that it was confirmed with too.
async fn enrol(browser: &Browser) -> (Authenticator, String) {
    let begun = browser.post("/settings/totp", &[("name", "phone")]).await;
    done(&begun);
    assert_eq!(begun.header("cache-control"), "no-store");
    let app = Authenticator::new(begun.json["uri"].as_str().unwrap(), Arc::new(TestClock::default()));
    assert_eq!(begun.json["secret"].as_str().unwrap().replace(' ', ""), app.secret);
    let confirm = format!("/settings/totp/{}/confirm", begun.json["id"].as_str().unwrap());
    let wrong = browser.post(&confirm, &[("code", &app.wrong())]).await;
    assert_eq!((wrong.status.as_u16(), wrong.json["error"].as_str()), (401, Some("invalid_code")));
    let before = browser.cookie();
    let code = app.code(0);
    done(&browser.post(&confirm, &[("code", &code)]).await);
    assert_ne!(browser.cookie(), before, "the session goes on under another secret");
    (app, code)
}

async fn backup_codes(browser: &Browser) -> Vec<String> {
    let made = browser.post("/settings/backup-codes", &[]).await;
    done(&made);
    let codes = made.json["codes"].as_array().unwrap();
    codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

fn rows(settings: &Value, name: &str) -> usize {
    settings[name].as_array().unwrap().len()
}

#[tokio::test]
async fn a_user_adds_an_authenticator_signs_in_with_it_and_removes_it() {
    each_database(|database| async move {
        let site = Site::start(&database).await;
        site.account(ADA, PASSWORD).await;
        let (laptop, other) = (site.browser(), site.browser());
        for browser in [&laptop, &other] {
            done(&browser.sign_in(ADA, PASSWORD).await);
        }
        let refused = laptop.post("/settings/backup-codes", &[]).await;
        assert_eq!((refused.status.as_u16(), refused.json["error"].as_str()), (409, Some("no_factor")));
        let (app, code) = enrol(&laptop).await;
        assert_eq!((laptop.me().await, other.me().await), (200, 401), "what had no second factor is out");
        let codes = backup_codes(&laptop).await;
        assert_eq!(codes.len(), 10);

        // The password is half of it, and opens nothing.
        let other = site.browser();
        let due = other.sign_in(ADA, PASSWORD).await;
        assert_eq!(due.json["status"], "second_factor_due");
        assert!(other.cookie().is_none() && due.header("set-cookie").starts_with("sigra-pending="));
        assert_eq!(other.me().await, 401);
        assert_eq!(other.get("/login/second-factor").await.status, 200);
        let wrong = other.post("/login/second-factor", &[("code", &app.wrong())]).await;
        assert_eq!((wrong.status.as_u16(), wrong.json["error"].as_str()), (401, Some("invalid_code")));
        let used = other.post("/login/second-factor", &[("code", &code)]).await;
        assert_eq!(used.json["error"], "invalid_code", "the code of the enrolment is used up");
        let proof = [("code", app.code(1)), ("trust", "on".to_owned())];
        let proof = proof.each_ref().map(|(name, value)| (*name, value.as_str()));
        done(&other.post("/login/second-factor", &proof).await);
        assert_eq!(other.me().await, 200);
        assert_eq!(other.get("/login/second-factor").await.status, 401, "it is over");

        // A browser that is trusted skips the factor, and changes no credential without it.
        done(&other.post("/logout", &[]).await);
        assert_eq!(other.sign_in(ADA, PASSWORD).await.json["status"], "signed_in");
        let settings = other.get("/settings").await.json;
        assert_eq!((rows(&settings, "factors"), rows(&settings, "trusted_browsers")), (1, 1));
        assert_eq!(settings["trusted_browsers"][0]["current"], true);
        assert_eq!(settings["backup_codes_left"], 10);
        let factor = settings["factors"][0]["id"].as_str().unwrap();
        let remove = format!("/settings/totp/{factor}/remove");
        let refused = other.post(&remove, &[]).await;
        assert_eq!((refused.status.as_u16(), refused.json["error"].as_str()), (403, Some("sudo_required")));
        assert_eq!(refused.json["location"], "/step-up");
        assert_eq!(other.get("/step-up").await.json["fields"][0], "code");
        let refused = other.post("/step-up", &[("password", PASSWORD)]).await;
        assert_eq!(refused.json["error"], "sudo_required", "the password is not enough");
        done(&other.post("/step-up", &[("code", &codes[0])]).await);
        let again = other.post("/step-up", &[("code", &codes[0])]).await;
        assert_eq!(again.json["error"], "invalid_code", "a backup code is good once");
        assert_eq!(other.get("/settings").await.json["backup_codes_left"], 9);

        let browser = settings["trusted_browsers"][0]["id"].as_str().unwrap();
        let revoke = format!("/settings/browsers/{browser}/revoke");
        done(&other.post(&revoke, &[]).await);
        assert_eq!(other.post(&revoke, &[]).await.status, 404);
        assert_eq!(laptop.post("/settings/browsers/revoke-all", &[]).await.json["browsers"], 0);
        done(&other.post("/logout", &[]).await);
        assert_eq!(other.sign_in(ADA, PASSWORD).await.json["status"], "second_factor_due");
        done(&other.post("/login/second-factor", &[("code", &codes[1])]).await);

        // Somebody else's factor is none.
        site.account("eve@example.com", PASSWORD).await;
        let eve = site.browser();
        done(&eve.sign_in("eve@example.com", PASSWORD).await);
        assert_eq!(eve.post(&remove, &[]).await.status, 404);
        done(&other.post(&remove, &[]).await);
        assert_eq!(other.post(&remove, &[]).await.status, 404);
        assert_eq!(site.browser().sign_in(ADA, PASSWORD).await.json["status"], "signed_in");

        // It was not the owner: the link puts the factor back, and ends every session.
        let link = site.links_about(ADA, "A second factor was removed from your account", 1).await.remove(0);
        assert_eq!(other.get(&link).await.status, 200);
        assert_eq!(other.me().await, 200, "to look at it changes nothing");
        done(&other.post(&link, &[]).await);
        assert_eq!(other.me().await, 401);
        assert_eq!(other.post(&link, &[]).await.json["error"], "invalid_token", "it works once");
        assert_eq!(other.sign_in(ADA, PASSWORD).await.json["error"], "must_change_password");
    })
    .await;
}

#[tokio::test]
async fn its_pages_work_without_scripts_and_show_a_secret_once() {
    each_database(|database| async move {
        let site = Site::start(&database).await;
        site.account(ADA, PASSWORD).await;
        let browser = site.browser();
        done(&browser.sign_in(ADA, PASSWORD).await);
        assert!(page(&browser, "/settings/totp").await.text.contains("name=\"name\""));
        let begun = browser.send(Method::POST, "/settings/totp", &[("name", "<b>phone")], &PAGE).await;
        let uri = begun.text.split('"').find(|part| part.starts_with("otpauth:")).expect("a link for apps");
        let uri = uri.replace("&#38;", "&").replace("&amp;", "&");
        let app = Authenticator::new(&uri, Arc::new(TestClock::default()));
        assert!(begun.text.contains("<svg ") && begun.text.replace(' ', "").contains(&app.secret));
        // The policy of the site lets no style in an attribute be.
        assert!(!begun.text.contains("style="), "{}", begun.text);
        assert_eq!(begun.header("referrer-policy"), "no-referrer");
        let action = |text: &str, end: &str| {
            let actions = text.split("action=\"").skip(1).filter_map(|part| part.split('"').next());
            actions.map(str::to_owned).find(|action| action.ends_with(end)).expect("a form")
        };
        let confirm = action(&begun.text, "/confirm");
        let wrong = browser.send(Method::POST, &confirm, &[("code", &app.wrong())], &PAGE).await;
        assert_eq!(wrong.status, 401);
        assert!(wrong.text.contains("aria-invalid") && !wrong.text.replace(' ', "").contains(&app.secret));
        let added = browser.send(Method::POST, &confirm, &[("code", &app.code(0))], &PAGE).await;
        assert_eq!((added.status.as_u16(), added.location()), (303, "/settings?done=factor-added"));
        let settings = page(&browser, "/settings?done=factor-added").await.text;
        assert!(
            settings.contains("&#60;b&#62;phone") && settings.contains("Authenticator added"),
            "{settings}"
        );
        let made = browser.send(Method::POST, "/settings/backup-codes", &[], &PAGE).await;
        assert_eq!(made.text.matches("<li><code>").count(), 10);
        assert!(page(&browser, "/settings/backup-codes").await.text.contains("You have 10 left"));

        let other = site.browser();
        let credentials = [("email", ADA), ("password", PASSWORD), ("next", "/settings/password")];
        let due = other.send(Method::POST, "/login", &credentials, &PAGE).await;
        assert_eq!(due.location(), "/login/second-factor?next=/settings/password");
        let asked = page(&other, due.location()).await.text;
        assert!(asked.contains("value=\"/settings/password\"") && !asked.contains(ADA), "{asked}");
        let proof = [("code", &*app.code(1)), ("next", "/settings/password")];
        let proved = other.send(Method::POST, "/login/second-factor", &proof, &PAGE).await;
        assert_eq!((proved.status.as_u16(), proved.location()), (303, "/settings/password"));
        assert_eq!(other.me().await, 200);
        assert!(page(&other, "/step-up").await.text.contains("name=\"code\""));
        let over = page(&other, "/login/second-factor").await;
        assert_eq!((over.status.as_u16(), over.location()), (303, "/login?next=/login/second-factor"));
        let away = other.send(
            Method::POST,
            "/login",
            &[("email", ADA), ("password", PASSWORD), ("next", "//evil.example")],
            &PAGE,
        );
        assert_eq!(away.await.location(), "/login/second-factor");
    })
    .await;
}

/// The code and status of an answer that is a refusal.
fn refused(answer: &Answer) -> (u16, &str) {
    (answer.status.as_u16(), answer.json["error"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn an_operator_with_a_second_factor_takes_a_lost_one_off_and_its_owner_can_stop_it() {
    each_database(|database| async move {
        let site = Site::start(&database).await;
        for email in [ADA, OPERATOR, "eve@example.com"] {
            site.account(email, PASSWORD).await;
        }
        let (ada, olga, eve) = (site.browser(), site.browser(), site.browser());
        for (browser, email) in [(&ada, ADA), (&olga, OPERATOR), (&eve, "eve@example.com")] {
            done(&browser.sign_in(email, PASSWORD).await);
        }
        let _ = enrol(&ada).await;
        let hers = [("email", ADA)];

        // For everybody else there is no such page, and an operator's password alone is not enough.
        for path in ["/recovery/begin", "/recovery/finish", "/recovery/cancel"] {
            assert_eq!(refused(&site.browser().post(path, &hers).await), (401, "not_signed_in"));
            for browser in [&eve, &ada] {
                assert_eq!(refused(&browser.post(path, &hers).await), (404, "not_found"), "{path}");
            }
            let answer = olga.post(path, &hers).await;
            assert_eq!(refused(&answer), (403, "second_factor_required"), "{path}");
            assert_eq!(answer.json["location"], "/settings/totp");
        }
        assert_eq!(refused(&eve.get("/recovery").await), (404, "not_found"));
        let (app, _) = enrol(&olga).await;
        assert_eq!(olga.get("/recovery").await.json["fields"][0], "email");
        assert!(page(&olga, "/settings").await.text.contains("href=\"/recovery\""));
        assert!(!page(&eve, "/settings").await.text.contains("href=\"/recovery\""));

        // Nobody, somebody without a second factor, and an address that only looks like one.
        for email in ["nobody@example.com", "eve@example.com", "\u{e1}da@example.com", ""] {
            for path in ["/recovery/begin", "/recovery/finish", "/recovery/cancel"] {
                let answer = olga.post(path, &[("email", email)]).await;
                assert_eq!(refused(&answer), (409, "nothing_to_recover"), "{path} {email}");
            }
        }

        let begun = olga.post("/recovery/begin", &hers).await;
        assert_eq!((begun.status.as_u16(), &begun.json["status"]), (200, &"begun".into()), "{begun:?}");
        assert!(begun.json["finish_from"].as_str().unwrap().ends_with('Z'));
        assert_eq!(
            refused(&olga.post("/recovery/begin", &hers).await),
            (409, "nothing_to_recover"),
            "it runs"
        );
        let early = olga.post("/recovery/finish", &hers).await;
        assert_eq!(refused(&early), (409, "too_early"));
        assert!(early.header("retry-after").parse::<u64>().unwrap() > 23 * 60 * 60);
        assert_eq!(ada.me().await, 200, "nothing has changed yet");
        done(&olga.post("/recovery/cancel", &hers).await);
        assert_eq!(refused(&olga.post("/recovery/cancel", &hers).await), (409, "nothing_to_recover"));

        // Its owner stops it by the link in the notice.
        let about = "The second factors of your account are about to be removed";
        // That of the one before is there first.
        site.links_about(ADA, about, 1).await;
        done(&olga.post("/recovery/begin", &hers).await);
        let stop = site.links_about(ADA, about, 2).await.remove(0);
        assert!(stop.starts_with("/disown/"), "{stop}");
        done(&ada.get(&stop).await);
        assert_eq!(
            refused(&olga.post("/recovery/finish", &hers).await),
            (409, "too_early"),
            "to look stops nothing"
        );
        done(&ada.post(&stop, &[]).await);
        assert_eq!(refused(&olga.post("/recovery/finish", &hers).await), (409, "nothing_to_recover"));
        database.run("UPDATE sigra_accounts SET must_change_since = NULL").await;
        assert_eq!(ada.sign_in(ADA, PASSWORD).await.json["status"], "second_factor_due");

        // And this time nobody does. As pages.
        let begun = olga.send(Method::POST, "/recovery/begin", &hers, &PAGE).await;
        assert!(begun.text.contains("It may be finished from"), "{}", begun.text);
        database
            .run("UPDATE sigra_accounts SET recovery_at = created_at WHERE recovery_at IS NOT NULL")
            .await;
        let finished = olga.send(Method::POST, "/recovery/finish", &hers, &PAGE).await;
        assert_eq!((finished.status.as_u16(), finished.location()), (303, "/recovery?done=finished"));
        assert!(page(&olga, finished.location()).await.text.contains("The second factors are removed"));
        assert_eq!(ada.sign_in(ADA, PASSWORD).await.json["status"], "signed_in");
        let trail = olga.get("/audit?event=account.recovery").await.json;
        let me = olga.get("/api/me").await.json["id"].as_str().unwrap().to_owned();
        let rows = trail["rows"].as_array().unwrap();
        assert!(rows.iter().all(|row| row["actor"] == format!("operator:{me}")));
        let of = |event: &str| {
            let success = |row: &&Value| row["event"] == event && row["outcome"] == "success";
            rows.iter().filter(success).count()
        };
        assert_eq!(
            ["begin", "cancel", "finish"].map(|verb| of(&format!("account.recovery.{verb}"))),
            [3, 1, 1]
        );

        // A browser that skips the operator's factor is not enough, and is led to where it is asked for.
        let trusting = site.browser();
        done(&trusting.sign_in(OPERATOR, PASSWORD).await);
        done(&trusting.post("/login/second-factor", &[("code", &app.code(1)), ("trust", "on")]).await);
        done(&trusting.post("/logout", &[]).await);
        assert_eq!(trusting.sign_in(OPERATOR, PASSWORD).await.json["status"], "signed_in");
        assert_eq!(refused(&trusting.post("/recovery/begin", &hers).await), (403, "sudo_required"));
        let led = page(&trusting, "/recovery").await;
        assert_eq!((led.status.as_u16(), led.location()), (303, "/step-up?next=/recovery"));
    })
    .await;
}
