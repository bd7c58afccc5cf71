//! The extractors on a router of their own: what stops a request, and whose address counts.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::net::SocketAddr;

use axum::Router;
use axum::routing::{get, post};
use sigra::axum::{CurrentUser, MaybeUser, Proxies, Visitor, Web};
use sigra_tests::{Host, User, each_database};

const ADA: &str = "ada@example.com";

async fn greet(MaybeUser(session): MaybeUser<User>) -> String {
    session.map_or_else(|| "stranger".into(), |session| session.user().email.clone())
}

async fn address(visitor: Visitor<User>) -> String {
    visitor.network().map_or_else(String::new, |network| network.address().to_string())
}

/// A site without the cross-origin layer: the extractors have to hold alone.
async fn serve(host: &Host, proxies: Proxies, with_address: bool) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let web = Web::new(host.auth.clone(), &base, proxies).unwrap();
    let router = Router::new()
        .route(
            "/me",
            get(|CurrentUser(session): CurrentUser<User>| async move { session.user().email.clone() }),
        )
        .route("/change", post(|_: CurrentUser<User>| async { "changed" }))
        .route("/ask", post(|_: Visitor<User>| async { "asked" }))
        .route("/greet", get(greet))
        .route("/address", get(address))
        .with_state(web);
    tokio::spawn(async move {
        if with_address {
            axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await
        } else {
            axum::serve(listener, router).await
        }
    });
    base
}

async fn ask(method: &str, url: String, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = reqwest::Client::new().request(method.parse().unwrap(), url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_handler_of_a_signed_in_user_never_runs_for_anybody_else() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        let base = serve(&host, Proxies::None, true).await;
        let cookie = format!("sigra={}", session.token().expose());
        let signed_in = [("cookie", cookie.as_str())];
        assert_eq!(ask("GET", format!("{base}/me"), &signed_in).await, (200, ADA.into()));
        assert_eq!(ask("GET", format!("{base}/greet"), &signed_in).await, (200, ADA.into()));
        assert_eq!(ask("GET", format!("{base}/greet"), &[]).await, (200, "stranger".into()));
        let twice = format!("{cookie}; {cookie}");
        for wrong in
            ["", "sigra=", "sigra=sgs.k1.x", "other=1", twice.as_str(), &cookie.replace("sgs.", "sgr.")]
        {
            assert_eq!(ask("GET", format!("{base}/me"), &[("cookie", wrong)]).await.0, 401, "{wrong}");
        }
        // Without the layer, another site still changes nothing.
        let cross = [("cookie", cookie.as_str()), ("sec-fetch-site", "cross-site")];
        assert_eq!(ask("POST", format!("{base}/change"), &cross).await.0, 403);
        assert_eq!(ask("POST", format!("{base}/ask"), &[("origin", "https://evil.example")]).await.0, 403);
        assert_eq!(ask("POST", format!("{base}/change"), &signed_in).await, (200, "changed".into()));
    })
    .await;
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_not_taken_for_a_stranger() {
    each_database(|database| async {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        let base = serve(&host, Proxies::None, true).await;
        let cookie = format!("sigra={}", session.token().expose());
        host.database.run("DROP TABLE sigra_sessions").await;
        for path in ["/me", "/greet"] {
            let (status, body) = ask("GET", format!("{base}{path}"), &[("cookie", cookie.as_str())]).await;
            assert_eq!(status, 503, "{path}");
            assert!(!body.contains("sigra_sessions"), "{body}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_address_is_the_one_that_the_stated_proxies_saw() {
    each_database(|database| async {
        let host = Host::start(database).await;
        let forwarded = [("x-forwarded-for", "203.0.113.66, 192.0.2.7")];
        let direct = serve(&host, Proxies::None, true).await;
        assert_eq!(ask("GET", format!("{direct}/address"), &forwarded).await.1, "127.0.0.1");
        let behind_one = serve(&host, Proxies::Trusted(1), true).await;
        assert_eq!(ask("GET", format!("{behind_one}/address"), &forwarded).await.1, "192.0.2.7");
        assert_eq!(ask("GET", format!("{behind_one}/address"), &[]).await.1, "127.0.0.1");
        // Nobody said where connections come from: limits would count nobody, so nothing runs.
        let unknown = serve(&host, Proxies::None, false).await;
        assert_eq!(ask("GET", format!("{unknown}/address"), &forwarded).await.0, 500);
    })
    .await;
}
