//! What a visitor who has proved nothing can learn of an account: for every route of the reference host and every state that
//! an account can be in, the answer is the same, byte for byte. For what asks for mail, so is the work.
//!
//! The routes are read from the router's source. A new one that changes something, or has a secret in its path, needs a case
//! here, unless it refuses everybody who is not signed in.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sigra::clock::TestClock;
use sigra::{Client, Credentials, Error, Refusal, Sigra};
use sigra_tests::database::{Dump, Kind};
use sigra_tests::host::{client_of_network, prepare, shut_password, somebody};
use sigra_tests::http::{Format, Line, Reply, Request, loopback};
use sigra_tests::site::Site;
use sigra_tests::users::{Customer, Member as _, join};
use sigra_tests::wait::PATIENCE;
use sigra_tests::wire::Wire;
use sigra_tests::{Database, Host, NewUser, OTHER_PASSWORD, PASSWORD, each_database};

const WRONG: &str = "a wrong password here";
const FORMATS: [Format; 2] = [Format::Html, Format::Json];

/// One request of a visitor's, with what it says about an account.
struct Case {
    /// As the router has it.
    route: &'static str,
    /// What tells one such case from another.
    name: &'static str,
    about: About,
    fields: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// The field `email`.
    Address,
    /// The place in the path.
    Link,
    /// The cookie of a session that is none.
    Cookie,
}

const fn case(
    route: &'static str,
    name: &'static str,
    about: About,
    fields: &'static [(&'static str, &'static str)],
) -> Case {
    Case { route, name, about, fields }
}

const CASES: &[Case] = &[
    case("POST /register", "good", About::Address, &[("password", PASSWORD), ("display_name", "Ada")]),
    case("POST /register", "bad", About::Address, &[("password", "too short"), ("display_name", "Ada")]),
    case("POST /login", "wrong", About::Address, &[("password", WRONG)]),
    case("POST /login", "empty", About::Address, &[("password", "")]),
    case("POST /login", "too long", About::Address, &[("password", TOO_LONG)]),
    case("POST /reset", "", About::Address, &[]),
    case("POST /confirm", "wrong", About::Address, &[("code", "000000")]),
    case("POST /confirm", "no code", About::Address, &[("code", "")]),
    case("POST /confirm/resend", "", About::Address, &[]),
    case("POST /unlock", "", About::Address, &[]),
    case("GET /unlock/{token}", "", About::Link, &[]),
    case("POST /unlock/{token}", "", About::Link, &[]),
    case("GET /confirm/{token}", "", About::Link, &[]),
    case("POST /confirm/{token}", "", About::Link, &[]),
    case("GET /reset/{token}", "", About::Link, &[]),
    case("POST /reset/{token}", "good", About::Link, &[("password", OTHER_PASSWORD)]),
    case("POST /reset/{token}", "bad", About::Link, &[("password", "too short")]),
    case("GET /disown/{token}", "", About::Link, &[]),
    case("POST /disown/{token}", "", About::Link, &[]),
    case("GET /login/second-factor", "", About::Cookie, &[]),
    case("POST /login/second-factor", "", About::Cookie, &[("code", "123456")]),
    case("GET /step-up", "", About::Cookie, &[]),
    case("POST /logout", "", About::Cookie, &[]),
    case("GET /", "", About::Cookie, &[]),
    case("GET /settings", "", About::Cookie, &[]),
    case("GET /api/me", "", About::Cookie, &[]),
];

/// What somebody does to learn whether an address that is not theirs has an account: registers with it, and looks whether the
/// password is good there. With the password that was registered with, with another, and again after each thing that could have
/// changed the answer.
const PROBE: &[Case] = &[
    REGISTER,
    SIGN_IN,
    case("POST /login", "wrong", About::Address, &[("password", WRONG)]),
    case("POST /confirm/resend", "", About::Address, &[]),
    SIGN_IN,
    case("POST /confirm", "wrong", About::Address, &[("code", "000000")]),
    SIGN_IN,
    REGISTER,
    SIGN_IN,
    case("POST /reset", "", About::Address, &[]),
    case("POST /unlock", "", About::Address, &[]),
    SIGN_IN,
];
const REGISTER: Case =
    case("POST /register", "anew", About::Address, &[("password", OTHER_PASSWORD), ("display_name", "Eve")]);
const SIGN_IN: Case = case("POST /login", "as registered", About::Address, &[("password", OTHER_PASSWORD)]);

/// More bytes than any password has, and than bcrypt looks at.
const TOO_LONG: &str = {
    const BYTES: [u8; 1100] = [b'x'; 1100];
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => panic!("ASCII is text"),
    }
};

// The router.

const ROUTER: &str = include_str!("../../sigra/examples/app/routes/mod.rs");
const METHODS: [&str; 8] = ["get", "post", "put", "patch", "delete", "head", "options", "any"];

/// `METHOD /path` of every route.
fn routes() -> BTreeSet<String> {
    for other in ["route_service", ".nest", ".merge", "fallback_service", "::on(", " on("] {
        assert!(!ROUTER.contains(other), "{other}: this test reads `.route(path, get(..).post(..))` alone");
    }
    let mut routes = BTreeSet::new();
    for text in ROUTER.split(".route(").skip(1) {
        let mut depth = 1_usize;
        let end = text
            .find(|c| {
                depth = depth + usize::from(c == '(') - usize::from(c == ')');
                depth == 0
            })
            .unwrap();
        let (path, handlers) = text[..end].split_once(',').unwrap();
        let path = path.trim().trim_matches('"');
        let methods: Vec<&str> = METHODS
            .into_iter()
            .filter(|method| {
                handlers.match_indices(&format!("{method}(")).any(|(at, _)| {
                    !handlers[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                })
            })
            .collect();
        assert!(!methods.is_empty(), "no method is read from `{handlers}`");
        routes.extend(methods.iter().map(|method| format!("{} {path}", method.to_uppercase())));
    }
    routes
}

#[test]
fn every_case_is_of_a_route_and_the_reading_of_the_router_finds_all() {
    let routes = routes();
    assert_eq!(
        routes.iter().filter(|route| route.starts_with("POST ")).count(),
        ROUTER.matches("post(").count()
    );
    for case in CASES {
        assert!(routes.contains(case.route), "{} is no route", case.route);
    }
}

/// The record is of a flow for settings that let in who was not signed in.
#[tokio::test]
async fn cve_2022_46145_a_route_that_changes_something_has_a_case_or_refuses_whoever_is_not_signed_in() {
    each_database(|database| async move {
        let site = Site::start(&database).await;
        let mut visitor = Visitor::new(&site);
        let closed: Vec<String> = routes()
            .into_iter()
            .filter(|route| !route.starts_with("GET ") || route.contains('{'))
            .filter(|route| !CASES.iter().any(|case| case.route == route))
            .collect();
        assert!(closed.contains(&"POST /settings/password".to_owned()), "{closed:?}");
        for route in closed {
            let (method, path) = route.split_once(' ').unwrap();
            let path = path.replace("{id}", "01890000-0000-7000-8000-000000000000");
            assert_eq!((method, path.contains('{')), ("POST", false), "{route}: this test cannot ask that");
            for fields in [&[] as &[_], &[("email", "ada@example.com"), ("password", PASSWORD)]] {
                let reply = visitor.ask(&Request::post(&path, Format::Json, fields)).await;
                assert_eq!(reply.status(), 401, "{route}: a route for everybody needs a case in this file");
                assert!(reply.body.contains("\"not_signed_in\""), "{route}: {}", reply.body);
            }
        }
    })
    .await;
}

/// Every request from a network of its own.
struct Visitor<'s> {
    site: &'s Site,
    requests: u32,
}

impl<'s> Visitor<'s> {
    fn new(site: &'s Site) -> Self {
        Self { site, requests: 0 }
    }

    async fn ask(&mut self, request: &Request) -> Reply {
        self.requests += 1;
        Line::open(&self.site.base, loopback(self.requests)).await.ask(request).await
    }
}

// Addresses.

/// What an address can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unknown,
    Plain,
    /// Typed in another case than it is stored in.
    Respelled,
    Unconfirmed,
    /// With no tries left for its code.
    Guessed,
    /// Registered twice before it was confirmed: its password is void.
    Contested,
    Disabled,
    WithoutPassword,
    Unusable,
    Unreadable,
    Imported,
    ResetPending,
    /// As many mails as an hour allows were asked for.
    Mailed,
    SignedIn,
    /// With a second factor.
    TwoFactors,
    Deleted,
    /// Others may know its password, which therefore opens nothing.
    MustChange,
    /// A hundred failures in a row have shut its password.
    Shut,
    Locked,
    /// No account, and as many wrong passwords as for `Locked`.
    LockedUnknown,
}

const STATES: [State; 20] = [
    State::Unknown,
    State::Plain,
    State::Respelled,
    State::Unconfirmed,
    State::Guessed,
    State::Contested,
    State::Disabled,
    State::WithoutPassword,
    State::Unusable,
    State::Unreadable,
    State::Imported,
    State::ResetPending,
    State::Mailed,
    State::SignedIn,
    State::TwoFactors,
    State::Deleted,
    State::MustChange,
    State::Shut,
    State::Locked,
    State::LockedUnknown,
];

/// From passlib: `pbkdf2_sha256` of something.
const IMPORTED: &str =
    "$pbkdf2-sha256$29000$7t17731Paa3VGsNYi9G6Vw$UTbGTM8Rp0CX7s221u/m3d4pTqmDO70ZNyxiFGKPGQM";

impl State {
    /// Brings an address into this state.
    async fn make(self, host: &Host, email: &str) {
        self.prepare(host, email).await;
        self.lock(host, email).await;
    }

    /// Uses up the attempts, where this is a state in which they are. It ends by itself in a quarter of an hour, however long what
    /// comes before takes: so it comes last.
    async fn lock(self, host: &Host, email: &str) {
        if matches!(self, Self::Locked | Self::LockedUnknown) {
            for _ in 0..10 {
                let credentials = Credentials::new(email, WRONG);
                assert!(host.auth.sign_in(credentials, &somebody()).await.is_err());
            }
        }
    }

    /// Everything but [`lock`](Self::lock).
    async fn prepare(self, host: &Host, email: &str) {
        match self {
            Self::Unknown | Self::LockedUnknown => {}
            Self::Unconfirmed | Self::Guessed | Self::Contested => {
                let _ = host.register(email).await.unwrap();
                host.deliver().await;
            }
            _ => host.account(email).await,
        }
        let set = async |assignment: &str| {
            host.database.run(&format!("UPDATE users SET {assignment} WHERE email = '{email}'")).await;
        };
        match self {
            Self::Guessed => {
                for guess in 0..5 {
                    let guess = format!("{guess}");
                    assert!(host.auth.confirm_email_code(email, &guess, &somebody()).await.is_err());
                }
            }
            Self::Contested => {
                let _ = host.register(email).await.unwrap();
            }
            Self::Disabled => {
                let id = host.sign_in(email).await.user().id;
                assert!(host.auth.disable_account("root", &id, &somebody()).await.unwrap());
            }
            Self::WithoutPassword => set("password_hash = NULL").await,
            Self::Unusable => set("password_hash = '!'").await,
            Self::Unreadable => set("password_hash = 'not a hash'").await,
            Self::Imported => set(&format!("password_hash = '{IMPORTED}'")).await,
            Self::ResetPending => {
                host.auth.request_password_reset(email, &somebody()).await.unwrap();
                host.deliver().await;
            }
            Self::Mailed => {
                for _ in 0..5 {
                    host.auth.request_password_reset(email, &somebody()).await.unwrap();
                    host.auth.resend_confirmation(email, &somebody()).await.unwrap();
                    host.auth.request_unlock(email, &somebody()).await.unwrap();
                    let _ = host.register(email).await.unwrap();
                }
            }
            Self::SignedIn => drop(host.sign_in(email).await),
            Self::TwoFactors => drop(host.enrol(email).await),
            Self::Deleted => {
                host.database.run(&format!("DELETE FROM users WHERE email = '{email}'")).await;
            }
            Self::MustChange => {
                let id = host.sign_in(email).await.user().id;
                assert!(host.auth.require_password_change("root", &id, &somebody()).await.unwrap());
            }
            Self::Shut => {
                assert!(host.try_sign_in(email, WRONG).await.is_err());
                shut_password(&host.database, email).await;
            }
            _ => {}
        }
    }

    /// How the visitor writes the address.
    fn typed(self, email: &str) -> String {
        if self == Self::Respelled { email.to_uppercase() } else { email.to_owned() }
    }

    /// The state without an account whose answer it must have: a limit is reached for an address, whether or not it has one.
    fn like(self, case: &Case) -> Self {
        let locked = matches!(self, Self::Locked | Self::LockedUnknown) && case.route == "POST /login";
        if locked { Self::LockedUnknown } else { Self::Unknown }
    }
}

/// Addresses of one length.
fn address(case: usize, state: usize) -> String {
    format!("c{case:02}s{state:02}@example.com")
}

#[tokio::test(flavor = "multi_thread")]
async fn kratos_4458_and_kratos_4521_an_address_gets_the_same_bytes_whatever_stands_behind_it() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let cases = || CASES.iter().enumerate().filter(|(_, case)| case.about == About::Address);
        for (number, _) in cases() {
            for (index, state) in STATES.into_iter().enumerate() {
                state.prepare(&host, &address(number, index)).await;
            }
        }
        while host.deliver().await > 0 {}
        let site = Site::start(&database).await;
        let mut visitor = Visitor::new(&site);
        for (number, case) in cases() {
            for (index, state) in STATES.into_iter().enumerate() {
                // Elsewhere the limit for wrong passwords is nothing but another state.
                if state != State::LockedUnknown || case.route == "POST /login" {
                    state.lock(&host, &address(number, index)).await;
                }
            }
            for format in FORMATS {
                let mut replies = Vec::new();
                for (index, state) in STATES.into_iter().enumerate() {
                    let email = state.typed(&address(number, index));
                    let mut fields = vec![("email", email.as_str())];
                    fields.extend(case.fields);
                    let path = case.route.strip_prefix("POST ").unwrap();
                    let reply = visitor.ask(&Request::post(path, format, &fields)).await;
                    replies.push((state, without(without_wait(reply), &email, "ADDRESS")));
                }
                let of = |wanted| &replies.iter().find(|(state, _)| *state == wanted).unwrap().1;
                for (state, reply) in &replies {
                    let like = state.like(case);
                    let (route, name) = (case.route, case.name);
                    assert_eq!(reply, of(like), "{route} ({name}) tells {state:?} from {like:?}");
                }
                let status = of(State::LockedUnknown).status();
                assert_eq!(status == 429, case.route == "POST /login", "{} answers {status}", case.route);
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kratos_133_whoever_registers_and_signs_in_gets_the_same_bytes_whatever_stands_behind_the_address() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        for number in 0..FORMATS.len() {
            for (index, state) in STATES.into_iter().enumerate() {
                state.prepare(&host, &address(number, index)).await;
            }
        }
        while host.deliver().await > 0 {}
        let site = Site::start(&database).await;
        let mut visitor = Visitor::new(&site);
        for (number, format) in FORMATS.into_iter().enumerate() {
            let mut replies = Vec::new();
            for (index, state) in STATES.into_iter().enumerate() {
                state.lock(&host, &address(number, index)).await;
                let email = state.typed(&address(number, index));
                for (step, case) in PROBE.iter().enumerate() {
                    let mut fields = vec![("email", email.as_str())];
                    fields.extend(case.fields);
                    let path = case.route.strip_prefix("POST ").unwrap();
                    let reply = visitor.ask(&Request::post(path, format, &fields)).await;
                    assert_eq!(reply.header("set-cookie"), None, "{} for {state:?}", case.route);
                    replies.push((step, state, without(without_wait(reply), &email, "ADDRESS")));
                }
            }
            let of = |step, wanted| {
                let mut replies = replies.iter();
                &replies.find(|(at, state, _)| (*at, *state) == (step, wanted)).unwrap().2
            };
            for (step, state, reply) in &replies {
                let case = &PROBE[*step];
                let like = state.like(case);
                let (route, name) = (case.route, case.name);
                assert_eq!(
                    reply,
                    of(*step, like),
                    "step {step}, {route} ({name}), tells {state:?} from {like:?}"
                );
            }
            // The address that was free had the very password, and the answer is that of a wrong one.
            let expected = [200, 401, 401, 200, 401, 400, 401, 200, 401, 200, 200, 401];
            for (step, expected) in expected.into_iter().enumerate() {
                assert_eq!(of(step, State::Unknown).status(), expected, "{}", PROBE[step].route);
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_never_confirms_a_guess() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let (known, unknown) = ("known00@example.com", "unknown@example.com");
        State::Locked.make(&host, known).await;
        State::LockedUnknown.make(&host, unknown).await;
        let site = Site::start(&database).await;
        let mut visitor = Visitor::new(&site);
        for format in FORMATS {
            let mut replies = Vec::new();
            for (email, password) in [(known, WRONG), (known, PASSWORD), (unknown, PASSWORD)] {
                let fields = [("email", email), ("password", password)];
                let reply = visitor.ask(&Request::post("/login", format, &fields)).await;
                assert_eq!(reply.status(), 429);
                replies.push(without(without_wait(reply), email, "ADDRESS"));
            }
            assert!(replies.iter().all(|reply| *reply == replies[0]), "{replies:#?}");
        }
    })
    .await;
}

/// The visitor's own words, which the answer may give back.
fn without(mut reply: Reply, typed: &str, name: &str) -> Reply {
    reply.body = reply.body.replace(typed, name);
    reply
}

/// How long to wait depends on the second in which it is asked; everything else may not.
fn without_wait(mut reply: Reply) -> Reply {
    if let Some(seconds) = reply.header("retry-after").map(str::to_owned) {
        assert_eq!(reply.status(), 429);
        assert!(seconds.parse::<u64>().is_ok_and(|seconds| seconds > 0), "{seconds}");
        let said = reply.body.replace(&format!("in {seconds} seconds"), "in N seconds");
        assert_ne!(said, reply.body, "the text names another number");
        for (old, new) in [
            (format!("retry-after: {seconds}\r\n"), "retry-after: N\r\n".to_owned()),
            (
                format!("content-length: {}\r\n", reply.body.len()),
                format!("content-length: {}\r\n", said.len()),
            ),
        ] {
            assert!(reply.head.contains(&old), "{}", reply.head);
            reply.head = reply.head.replace(&old, &new);
        }
        reply.body = said;
    }
    reply
}

// Links.

/// The links of one kind that lead nowhere, each with what is wrong with it. All have one length.
async fn dead_links(host: &Host, path: &str) -> BTreeMap<&'static str, String> {
    let kind = path.trim_matches('/');
    // Longer than any link is good.
    let longer = Duration::from_hours(8 * 24);
    let mut links = BTreeMap::new();
    for (number, what) in ["used", "disabled", "deleted", "expired", "other purpose"].into_iter().enumerate()
    {
        if (kind, what) == ("disown", "disabled") {
            // That one is good.
            continue;
        }
        let email = format!("{kind}{number}@example.com");
        let aged = what == "expired";
        if aged {
            host.clock.step_back(longer);
        }
        let id = host.register(&email).await.unwrap().user().unwrap().id;
        let confirmation = host.token_of("/confirm/").await;
        host.auth.request_password_reset(&email, &somebody()).await.unwrap();
        let reset = host.token_of("/reset/").await;
        host.auth.request_unlock(&email, &somebody()).await.unwrap();
        let unlock = host.token_of("/unlock/").await;
        let (mine, other) = match kind {
            "confirm" => (confirmation, reset),
            "reset" => (reset, unlock),
            "disown" => {
                host.auth.confirm_email(&confirmation, &somebody()).await.unwrap();
                let _ = host.enrol(&email).await;
                (host.token_of("/disown/").await, unlock)
            }
            _ => (unlock, confirmation),
        };
        if aged {
            host.clock.advance(longer);
        }
        match what {
            "used" if kind == "confirm" => drop(host.auth.confirm_email(&mine, &somebody()).await.unwrap()),
            "used" if kind == "disown" => drop(host.auth.disown(&mine, &somebody()).await.unwrap()),
            "used" if kind == "unlock" => drop(host.auth.unlock_by_link(&mine, &somebody()).await.unwrap()),
            "used" => drop(host.auth.reset_password(&mine, OTHER_PASSWORD, &somebody()).await.unwrap()),
            "disabled" => assert!(host.auth.disable_account("root", &id, &somebody()).await.unwrap()),
            "deleted" => host.database.run(&format!("DELETE FROM users WHERE email = '{email}'")).await,
            _ => {}
        }
        links.insert(what, if what == "other purpose" { other } else { mine });
    }
    // The same form with another secret, with the name of a key that there is not, and something else altogether.
    let model = links["used"].clone();
    let secret = model.rfind('.').unwrap() + 1;
    links.insert("unknown", format!("{}{}", &model[..secret], "A".repeat(model.len() - secret)));
    links.insert("unknown key", model.replace(".k1.", ".k9."));
    links.insert("nonsense", "x".repeat(model.len()));
    links
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_leads_nowhere_says_not_why() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let mut links = BTreeMap::new();
        for path in ["/confirm/", "/reset/", "/unlock/", "/disown/"] {
            links.insert(path, dead_links(&host, path).await);
        }
        // A good one, which to look at changes nothing.
        host.account("good@example.com").await;
        host.auth.request_password_reset("good@example.com", &somebody()).await.unwrap();
        let good = host.token_of("/reset/").await;
        host.auth.request_unlock("good@example.com", &somebody()).await.unwrap();
        let open = host.token_of("/unlock/").await;
        let _ = host.enrol("good@example.com").await;
        let undoing = host.token_of("/disown/").await;
        let _ = host.register("fresh@example.com").await.unwrap();
        let fresh = host.token_of("/confirm/").await;

        let site = Site::start(&database).await;
        let mut visitor = Visitor::new(&site);
        for case in CASES.iter().filter(|case| case.about == About::Link) {
            let (method, path) = case.route.split_once(' ').unwrap();
            let path = path.strip_suffix("{token}").unwrap();
            let mut links = links[path].clone();
            if method == "GET" {
                let link = match path {
                    "/reset/" => &good,
                    "/unlock/" => &open,
                    "/disown/" => &undoing,
                    _ => &fresh,
                };
                links.insert("good", link.clone());
            }
            for format in FORMATS {
                let mut replies = BTreeMap::new();
                for (what, token) in &links {
                    let path = format!("{path}{token}");
                    let request = match method {
                        "GET" => Request::get(&path, format),
                        _ => Request::post(&path, format, case.fields),
                    };
                    replies.insert(*what, without(visitor.ask(&request).await, token, "TOKEN"));
                }
                let expected = if method == "GET" { 200 } else { replies["unknown"].status() };
                assert!(method == "GET" || (400..500).contains(&expected), "{expected}");
                for (what, reply) in &replies {
                    let (route, unknown) = (case.route, &replies["unknown"]);
                    assert_eq!(reply.status(), expected, "{route}: {what}");
                    assert_eq!(reply, unknown, "{route} tells that a link is {what}");
                }
            }
        }
    })
    .await;
}

// Cookies.

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_is_no_session_says_not_why() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let mut cookies = BTreeMap::new();
        for (number, what) in ["ended", "disabled", "deleted", "expired"].into_iter().enumerate() {
            let email = format!("u{number}@example.com");
            host.account(&email).await;
            if what == "expired" {
                host.clock.step_back(Duration::from_hours(15 * 24));
            }
            let session = host.sign_in(&email).await;
            match what {
                "ended" => host.auth.sign_out(session.session(), &somebody()).await.unwrap(),
                "disabled" => {
                    let id = session.user().id;
                    assert!(host.auth.disable_account("root", &id, &somebody()).await.unwrap());
                }
                "deleted" => host.database.run(&format!("DELETE FROM users WHERE email = '{email}'")).await,
                _ => host.clock.advance(Duration::from_hours(15 * 24)),
            }
            cookies.insert(what, session.token().expose().to_owned());
        }
        let model = cookies["ended"].clone();
        let secret = model.rfind('.').unwrap() + 1;
        cookies.insert("unknown", format!("{}{}", &model[..secret], "A".repeat(model.len() - secret)));
        cookies.insert("nonsense", "x".repeat(model.len()));

        let site = Site::start(&database).await;
        let mut visitor = Visitor::new(&site);
        for case in CASES.iter().filter(|case| case.about == About::Cookie) {
            let (method, path) = case.route.split_once(' ').unwrap();
            for format in FORMATS {
                let request = match method {
                    "GET" => Request::get(path, format),
                    _ => Request::post(path, format, case.fields),
                };
                let mut replies = BTreeMap::new();
                for (what, token) in &cookies {
                    let request = request.clone().header("Cookie", &format!("sigra={token}"));
                    replies.insert(*what, visitor.ask(&request).await);
                }
                for (what, reply) in &replies {
                    assert_eq!(reply, &replies["unknown"], "{} tells that a session is {what}", case.route);
                }
            }
        }
        // The name of the cookie is the one that the site reads.
        let session = host.sign_in("u0@example.com").await;
        let cookie = format!("sigra={}", session.token().expose());
        let live = visitor.ask(&Request::get("/api/me", Format::Json).header("Cookie", &cookie)).await;
        assert_eq!(live.status(), 200, "{live:?}");
    })
    .await;
}

// Pending sign-ins.

/// A path of a route, with something where the router has a place.
fn path_of(route: &str) -> String {
    route.replace("{id}", "01890000-0000-7000-8000-000000000000").replace("{token}", "nonsense")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_sign_in_is_a_session_at_no_route() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account("ada@example.com").await;
        let (_, session) = host.enrol("ada@example.com").await;
        let challenge = host.challenge("ada@example.com").await;
        let pending = challenge.token().expose().to_owned();
        let dressed = pending.replace("sgp.", "sgs.");
        assert_ne!(pending, dressed);

        let site = Site::start(&database).await;
        let mut visitor = Visitor::new(&site);
        let (mut routes, mut closed) = (routes(), 0);
        // The mailbox shows what another request has mailed meanwhile.
        assert!(routes.remove("GET /dev/mailbox"));
        for route in routes {
            let (method, path) = route.split_once(' ').unwrap();
            let path = path_of(path);
            let request = match method {
                "GET" => Request::get(&path, Format::Json),
                _ => Request::post(&path, Format::Json, &[("code", "12345"), ("password", PASSWORD)]),
            };
            let stranger = visitor.ask(&request).await;
            for (as_session, beside) in
                [(&pending, ""), (&dressed, ""), (&pending, &*pending), (&dressed, &*pending)]
            {
                // Where it belongs it is taken, and opens no more than the page that asks for the code.
                let is_own = path == "/login/second-factor" && !beside.is_empty();
                let cookies = format!("sigra={as_session}; sigra-pending={beside}");
                let reply = visitor.ask(&request.clone().header("Cookie", &cookies)).await;
                if is_own {
                    let expected = if method == "GET" { 200 } else { 401 };
                    assert_eq!(reply.status(), expected, "{route}: {reply:?}");
                    assert!(!reply.body.contains("ada@example.com"), "{route}: {reply:?}");
                } else {
                    assert_eq!(reply, stranger, "{route} with {cookies}");
                }
            }
            closed += usize::from(stranger.status() == 401);
        }
        assert!(closed >= 15, "{closed} routes are for users alone");
        // It was good all the while, and the session that there is opens what it should.
        assert!(host.auth.pending_sign_in(&pending).await.unwrap().is_some());
        let cookie = format!("sigra={}", session.token().expose());
        let live = visitor.ask(&Request::get("/api/me", Format::Json).header("Cookie", &cookie)).await;
        assert_eq!(live.status(), 200, "{live:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_sign_in_that_is_over_says_not_why() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let mut cookies = BTreeMap::new();
        for (number, what) in ["used", "disabled", "deleted", "expired"].into_iter().enumerate() {
            let email = format!("u{number}@example.com");
            if what == "expired" {
                host.clock.step_back(Duration::from_hours(2));
            }
            host.account(&email).await;
            let (app, session) = host.enrol(&email).await;
            let challenge = host.challenge(&email).await;
            match what {
                "used" => drop(host.prove(&challenge, &app.code(0)).await.unwrap()),
                "disabled" => {
                    let id = session.user().id;
                    assert!(host.auth.disable_account("root", &id, &somebody()).await.unwrap());
                }
                "deleted" => host.database.run(&format!("DELETE FROM users WHERE email = '{email}'")).await,
                _ => host.clock.advance(Duration::from_hours(2)),
            }
            cookies.insert(what, challenge.token().expose().to_owned());
        }
        let model = cookies["used"].clone();
        let secret = model.rfind('.').unwrap() + 1;
        cookies.insert("unknown", format!("{}{}", &model[..secret], "A".repeat(model.len() - secret)));
        cookies.insert("nonsense", "x".repeat(model.len()));
        let site = Site::start(&database).await;
        let mut visitor = Visitor::new(&site);
        for format in FORMATS {
            for request in [
                Request::get("/login/second-factor", format),
                Request::post("/login/second-factor", format, &[("code", "123456")]),
            ] {
                let mut replies = BTreeMap::new();
                for (what, token) in &cookies {
                    let request = request.clone().header("Cookie", &format!("sigra-pending={token}"));
                    replies.insert(*what, visitor.ask(&request).await);
                }
                for (what, reply) in &replies {
                    assert_eq!(reply, &replies["unknown"], "it tells that a pending sign-in is {what}");
                }
            }
        }
    })
    .await;
}

// Work.

/// Rows that were written, by table: a counter that is there already is changed where another is made.
fn written(before: &Dump, after: &Dump) -> BTreeMap<String, usize> {
    let tables: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let beyond = |one: &Dump, other: &Dump, table: &String| {
        let other: BTreeSet<&String> = other.get(table).into_iter().flatten().collect();
        one.get(table).into_iter().flatten().filter(|row| !other.contains(row)).count()
    };
    tables
        .into_iter()
        .map(|table| (table.clone(), beyond(before, after, table).max(beyond(after, before, table))))
        .filter(|(_, rows)| *rows > 0)
        .collect()
}

/// What a visitor causes without having proved anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    /// With a password that is not the account's.
    SignIn,
    /// Registers with the address.
    Register,
    /// With the password that was just registered with.
    SignInAsRegistered,
    Reset,
    Resend,
    /// A wrong code.
    Confirm,
}

impl Ask {
    async fn perform(self, host: &Host, email: &str, network: u32) -> Result<(), Error> {
        let client = client_of_network(network);
        match self {
            Self::SignIn => host.auth.sign_in(Credentials::new(email, WRONG), &client).await.map(drop),
            Self::Register => {
                let new = NewUser {
                    email: email.into(),
                    password: OTHER_PASSWORD.into(),
                    display_name: "Eve".into(),
                };
                host.auth.register(new, &client).await.map(drop)
            }
            Self::SignInAsRegistered => {
                host.auth.sign_in(Credentials::new(email, OTHER_PASSWORD), &client).await.map(drop)
            }
            Self::Reset => host.auth.request_password_reset(email, &client).await,
            Self::Resend => host.auth.resend_confirmation(email, &client).await,
            Self::Confirm => host.auth.confirm_email_code(email, "000000", &client).await.map(drop),
        }
    }
}

/// A counter is opened by one statement and counted on by another, whichever of several networks or addresses came first; that
/// the same rows are written is another test's.
fn is_counter(statement: &str) -> bool {
    let plain = statement.replace(['"', '`'], "");
    ["UPDATE sigra_limits", "INSERT INTO sigra_limits", "INSERT IGNORE INTO sigra_limits", "SELECT resets_at"]
        .iter()
        .any(|start| plain.starts_with(start))
}

/// Nothing of the library sends mail here: what a request itself writes is all that changes.
#[tokio::test(flavor = "multi_thread")]
async fn allauth_65_3_0_a_wrong_password_and_asking_for_mail_write_and_hash_the_same_whatever_the_account() {
    each_database(|database: Database| async move {
        let host = Host::start(database.clone()).await;
        let asks = [Ask::SignIn, Ask::Reset, Ask::Resend];
        // What has reached a limit is like an address without an account that has: see above. Imported hashes have their own
        // test of the number of hashes.
        let states = || {
            let apart = [State::Locked, State::LockedUnknown, State::Mailed, State::Imported];
            STATES.into_iter().enumerate().filter(move |(_, state)| !apart.contains(state))
        };
        for (number, _) in asks.iter().enumerate() {
            for (index, state) in states() {
                state.make(&host, &address(number, index)).await;
            }
        }
        while host.deliver().await > 0 {}
        let dumper = database.dumper().await;
        let mut network = 0x00ff_0000;
        for (number, ask) in asks.into_iter().enumerate() {
            let mut work = Vec::new();
            for (index, state) in states() {
                network += 1;
                let (before, computed) = (dumper.dump().await, host.auth.hashes_computed());
                let answer = ask.perform(&host, &address(number, index), network).await;
                assert_eq!(answer.is_err(), ask == Ask::SignIn);
                let hashed = host.auth.hashes_computed() - computed;
                work.push((state, hashed, written(&before, &dumper.dump().await)));
            }
            let (_, hashes, rows) = &work[0];
            assert_eq!(*hashes, u64::from(ask == Ask::SignIn), "{ask:?}");
            // An attempt or request of the network's, one of everybody's and one of the address's, the row of the trail, and the
            // mail to come. For a sign-in also one more of the refusals that have rows of their own.
            let mail = usize::from(ask != Ask::SignIn);
            let limits = 4 - mail;
            let tables = ["sigra_audit", "sigra_limits", "sigra_outbox"]
                .map(|table| rows.get(table).copied().unwrap_or(0));
            assert_eq!((tables, rows.len()), ([1, limits, mail], 2 + mail), "{ask:?}: {rows:?}");
            for (state, hashed, written) in &work {
                assert_eq!((hashed, written), (hashes, rows), "{ask:?}: {state:?}");
            }
        }
    })
    .await;
}

/// The trail counts like refusals past the hundredth. If it counted each reason for itself, whoever fills the count of unknown
/// addresses would see at the next attempt by its work whether there is such an account, and whether one with which they have
/// just registered was free.
#[tokio::test(flavor = "multi_thread")]
async fn past_a_hundred_refusals_a_known_an_unknown_and_an_unconfirmed_address_cost_the_same_work() {
    each_database(|database: Database| async move {
        database.run(&Customer::table(database.kind())).await;
        let clock = Arc::new(TestClock::default());
        let wire = Wire::tap(&database).await;
        let url = wire.as_ref().map_or(database.url(), Wire::url);
        let builder = Sigra::<Customer>::builder().url(url);
        let auth = prepare(builder, clock.clone()).build().await.unwrap();
        auth.migrate().await.unwrap();
        for email in ["ada@example.com", "eve@example.com"] {
            let _ = join(&auth, email).await;
        }
        // Free until whoever asks registered with it, to see whether it was.
        let _ = auth.register(Customer::named("free@example.com"), &Client::unknown()).await.unwrap();
        // One slot of networks, and no limit but the address's own.
        let client = Client::unknown();
        let attempt = async |email: &str, password: &str| {
            let refused = auth.sign_in(Credentials::new(email, password), &client).await.unwrap_err();
            assert_eq!(refused.refusal(), Some(&Refusal::InvalidCredentials));
        };
        for number in 0..101 {
            attempt(&format!("u{number}@example.com"), WRONG).await;
        }
        let dumper = database.dumper().await;
        let mut work = Vec::new();
        for (email, password) in [
            ("ada@example.com", WRONG),
            ("nobody@example.com", WRONG),
            ("eve@example.com", WRONG),
            ("no.one@example.com", WRONG),
            ("free@example.com", PASSWORD),
        ] {
            let before = dumper.dump().await;
            let _ = wire.as_ref().map(Wire::take);
            attempt(email, password).await;
            let mut statements = wire.as_ref().map(Wire::take).unwrap_or_default();
            statements.retain(|statement| !statement.starts_with("SET "));
            work.push((email, written(&before, &dumper.dump().await), statements));
        }
        let (_, rows, statements) = &work[0];
        let counted = BTreeMap::from([
            ("customer_sigra_audit_counts".to_owned(), 1),
            // An attempt of the address's.
            ("customer_sigra_limits".to_owned(), 1),
        ]);
        assert_eq!(*rows, counted);
        for (email, wrote, ran) in &work {
            assert_eq!((wrote, ran), (rows, statements), "{email}");
        }
        // The count is written as what all of them were told, with how many addresses had an account.
        clock.advance(Duration::from_hours(2));
        auth.seal_audit().await.unwrap();
        let row = "reason = 'invalid_credentials' AND count = 6 AND details LIKE '%,\"known\":3,%'";
        assert_eq!(database.count("customer_sigra_audit", row).await, 1);
        let own = "reason = 'unknown_account' AND count = 1";
        assert_eq!(database.count("customer_sigra_audit", own).await, 100);
    })
    .await;
}

/// What was counted for nobody is swept after two days, and what was for an account is not.
#[tokio::test(flavor = "multi_thread")]
async fn after_days_a_wrong_password_runs_the_same_statements_for_an_account_and_for_nobody() {
    each_database(|database: Database| async move {
        database.run(&Customer::table(database.kind())).await;
        let Some(wire) = Wire::tap(&database).await else { return };
        let clock = Arc::new(TestClock::default());
        let builder = Sigra::<Customer>::builder().url(wire.url());
        let auth = prepare(builder, clock.clone()).build().await.unwrap();
        auth.migrate().await.unwrap();
        let _ = join(&auth, "ada@example.com").await;
        let counters = async || database.count("customer_sigra_limits", "failures > 0").await;
        // No limit but the address's own.
        let client = Client::unknown();
        let mut work = Vec::new();
        for days in [0, 3] {
            clock.advance(Duration::from_hours(24 * days));
            let _ = auth.sweep().await.unwrap();
            assert_eq!(counters().await, i64::from(days > 0), "that of the account alone");
            // The first of all opens the count of like refusals.
            for email in ["first@example.com", "ada@example.com", "nobody@example.com"] {
                let _ = wire.take();
                let refused = auth.sign_in(Credentials::new(email, WRONG), &client).await.unwrap_err();
                assert_eq!(refused.refusal(), Some(&Refusal::InvalidCredentials));
                let mut statements = wire.take();
                statements.retain(|statement| !statement.starts_with("SET "));
                work.push((email, statements));
            }
            assert_eq!(counters().await, 3);
        }
        work.retain(|(email, _)| *email != "first@example.com");
        for (email, statements) in &work {
            let counting = statements.iter().filter(|statement| statement.contains("_limits")).count();
            assert!(counting > 3, "{statements:#?}");
            assert_eq!(statements, &work[0].1, "{email}");
        }
    })
    .await;
}

/// A sign-in reads the row of the nearest address, whether or not it is the one that was asked for: it must be nothing but work.
#[tokio::test]
async fn the_account_with_the_nearest_address_is_neither_opened_nor_counted_nor_named() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account("m@example.com").await;
        let near = [
            "a@example.com",
            "m@example.co",
            "m@example.com.au",
            "m@example.coma",
            "mm@example.com",
            "z@example.com",
        ];
        for email in near {
            for password in [PASSWORD, WRONG] {
                let refused = host.try_sign_in(email, password).await.unwrap_err();
                assert!(matches!(refused, Error::Refused(Refusal::InvalidCredentials)), "{email}: {refused}");
            }
        }
        // Also where a limit answers.
        for _ in 0..10 {
            assert!(host.try_sign_in("m@example.coma", PASSWORD).await.is_err());
        }
        assert_eq!(host.trail().await.last().unwrap(), "session.password.sign_in refused account_limit");
        let sign_ins = "event = 'session.password.sign_in'";
        let all = database.count("sigra_audit", sign_ins).await;
        assert_eq!(database.count("sigra_audit", &format!("{sign_ins} AND user_id IS NULL")).await, all);
        assert_eq!(database.count("sigra_limits", "failures >= 10").await, 1, "of that address alone");
        let _ = host.sign_in("m@example.com").await;
    })
    .await;
}

/// However the database sorts: nobody's neighbours stand between an address and its own row.
#[tokio::test]
async fn every_account_is_found_among_its_neighbours() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let near = ["a.b@", "ab@", "a-b@", "a+b@", "a_b@", "a1b@", "e@", "\u{e9}@", "z@", "\u{103}b@", "~@"];
        let addresses = near.map(|local| format!("{local}example.com"));
        for email in &addresses {
            host.account(email).await;
        }
        let sign_in_to_each = async |host: &Host| {
            for email in &addresses {
                let session = host.sign_in(email).await;
                assert_eq!(&session.user().email, email);
            }
        };
        sign_in_to_each(&host).await;
        if database.kind() == Kind::Postgres {
            // As in a database of a language, where dots and hyphens count last. The servers of tests sort by bytes.
            let column = "ALTER TABLE sigra_accounts ALTER COLUMN identifier";
            database.run(&format!("{column} TYPE TEXT COLLATE \"en-x-icu\"")).await;
            sign_in_to_each(&Host::join(database).await).await;
        }
    })
    .await;
}

/// Only SQLite keeps in a column what is not of its type.
#[tokio::test]
async fn a_row_that_cannot_be_read_concerns_no_address_but_its_own() {
    each_database(|database| async move {
        if database.kind() != Kind::Sqlite {
            return;
        }
        let host = Host::start(database.clone()).await;
        host.account("m@example.com").await;
        let try_sign_in = async |email| host.try_sign_in(email, PASSWORD).await.unwrap_err();
        database.run("UPDATE users SET password_hash = x'ff'").await;
        assert!(matches!(try_sign_in("m@example.com").await, Error::Failed(_)));
        for _ in 0..10 {
            let refused = try_sign_in("mm@example.com").await;
            assert!(matches!(refused, Error::Refused(Refusal::InvalidCredentials)), "{refused}");
        }
        database.run("PRAGMA foreign_keys = OFF; UPDATE sigra_accounts SET user_id = x'00'").await;
        let refused = try_sign_in("mm@example.com").await;
        assert!(matches!(refused, Error::Refused(Refusal::TooManyAttempts { .. })), "{refused}");
        // Not even the address, of the account next to this one and of the first of all.
        for identifier in ["x'6cff'", "x'6dff'"] {
            database.run(&format!("UPDATE sigra_accounts SET identifier = CAST({identifier} AS TEXT)")).await;
            let refused = try_sign_in("mm@example.com").await;
            assert!(matches!(refused, Error::Refused(Refusal::TooManyAttempts { .. })), "{refused}");
            let refused = try_sign_in("m@example.com").await;
            assert!(matches!(refused, Error::Refused(Refusal::InvalidCredentials)), "{refused}");
        }
    })
    .await;
}

/// Where a server can be listened to: the same statements in the same order.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_a_wrong_code_and_asking_for_mail_run_the_same_statements_whatever_the_account() {
    each_database(|database| async move {
        let plain = Host::start(database.clone()).await;
        let Some(wire) = Wire::tap(&database).await else { return };
        let host = Host::with(database.clone(), Sigra::builder().url(wire.url())).await;
        let asks = [Ask::SignIn, Ask::Reset, Ask::Resend, Ask::Confirm];
        // Each with counters that nothing was counted on yet.
        let states = || {
            let apart =
                [State::Locked, State::LockedUnknown, State::Mailed, State::ResetPending, State::Guessed];
            STATES.into_iter().enumerate().filter(move |(_, state)| !apart.contains(state))
        };
        for (number, _) in asks.iter().enumerate() {
            for (index, state) in states() {
                state.make(&plain, &address(number, index)).await;
            }
        }
        while plain.deliver().await > 0 {}
        let mut network = 0x00fe_0000;
        for (number, ask) in asks.into_iter().enumerate() {
            let mut work = Vec::new();
            for (index, state) in states() {
                network += 1;
                let _ = wire.take();
                let answer = ask.perform(&host, &address(number, index), network).await;
                assert_eq!(answer.is_err(), matches!(ask, Ask::SignIn | Ask::Confirm));
                let mut statements = wire.take();
                // How a connection begins, if the pool opened another one.
                statements.retain(|statement| !statement.starts_with("SET ") && !is_counter(statement));
                work.push((state, statements));
            }
            let (_, statements) = &work[0];
            assert!(statements.iter().any(|statement| statement.starts_with("INSERT")), "{statements:#?}");
            for (state, ran) in &work {
                assert_eq!(ran, statements, "{ask:?}: {state:?}");
            }
        }
    })
    .await;
}

/// The first registration of a free address does other work than that of a taken one. Whoever registers with an address that they
/// registered with before learns nothing from the next: neither whether it was free, nor whether somebody has confirmed it.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_was_registered_before_has_the_same_statements_run_whatever_stands_behind_it() {
    each_database(|database| async move {
        let plain = Host::start(database.clone()).await;
        let Some(wire) = Wire::tap(&database).await else { return };
        let host = Host::with(database.clone(), Sigra::builder().url(wire.url())).await;
        // Of one that was registered with so often, no more mails go out in the hour.
        let states = || STATES.into_iter().enumerate().filter(|(_, state)| *state != State::Mailed);
        for (index, state) in states() {
            state.make(&plain, &address(0, index)).await;
        }
        while plain.deliver().await > 0 {}
        // One counter for all of them, so that each has the same counters behind it, and the statements of those count too.
        let client = Client::unknown();
        let register = async |email: &str| {
            let (email, display_name) = (email.into(), "Eve".into());
            host.auth
                .register(NewUser { email, password: OTHER_PASSWORD.into(), display_name }, &client)
                .await
        };
        // The first refusal of the hour opens the count of them all.
        for _ in 0..2 {
            let _ = register("first@example.com").await.unwrap();
        }
        let mut work = Vec::new();
        for (index, state) in states() {
            let _ = register(&address(0, index)).await.unwrap();
            let _ = wire.take();
            assert!(register(&address(0, index)).await.unwrap().user().is_none());
            let mut statements = wire.take();
            // How a connection begins, if the pool opened another one.
            statements.retain(|statement| !statement.starts_with("SET "));
            work.push((state, statements));
        }
        let (_, statements) = &work[0];
        assert!(statements.iter().any(|statement| statement.contains("contested_epoch")), "{statements:#?}");
        for (state, ran) in &work {
            assert_eq!(ran, statements, "{state:?}");
        }
    })
    .await;
}

/// What the host's table refuses stores nothing and mails nothing, so anybody may ask it as often as the limits allow: it must do
/// the same work too.
#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_the_hosts_table_refuses_runs_the_same_statements_for_free_and_taken_addresses() {
    each_database(|database| async move {
        let plain = Host::start(database.clone()).await;
        let Some(wire) = Wire::tap(&database).await else { return };
        let host = Host::with(database.clone(), Sigra::builder().url(wire.url())).await;
        plain.account("ada@example.com").await;
        database.run("CREATE UNIQUE INDEX one_name ON users (display_name)").await;
        let client = Client::unknown();
        let register = async |email: &str, name: &str| {
            let (email, display_name) = (email.into(), name.into());
            let new = NewUser { email, password: OTHER_PASSWORD.into(), display_name };
            host.auth.register(new, &client).await.map(|_| ()).unwrap_err()
        };
        // The first refusal of the hour opens the count of them all.
        for _ in 0..2 {
            drop(register("first@example.com", "refused").await);
        }
        // A value that breaks a check, and one that somebody has.
        for (name, expected) in [("refused", Refusal::InvalidValue), ("Ada", Refusal::Conflict)] {
            let mut work = Vec::new();
            for email in ["ada@example.com", "free@example.com"] {
                let _ = wire.take();
                let refused = register(email, name).await;
                assert_eq!(refused.refusal(), Some(&expected), "{email}");
                let mut statements = wire.take();
                statements.retain(|statement| !statement.starts_with("SET "));
                work.push(statements);
            }
            assert!(work[0].iter().any(|statement| statement.starts_with("INSERT")), "{:#?}", work[0]);
            assert_eq!(work[0], work[1], "{name}");
        }
    })
    .await;
}

/// Where one writes at a time, a visitor's next request waits for what the worker writes.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_for_nobody_takes_as_many_transactions_as_one_for_an_account() {
    each_database(|database| async move {
        let plain = Host::start(database.clone()).await;
        let Some(wire) = Wire::tap(&database).await else { return };
        let host = Host::with(database.clone(), Sigra::builder().url(wire.url())).await;
        plain.account("ada@example.com").await;
        plain.register("eve@example.com").await.map(drop).unwrap();
        while plain.deliver().await > 0 {}
        for (email, mails) in [("ada@example.com", 2), ("eve@example.com", 3), ("nobody@example.com", 0)] {
            host.auth.request_password_reset(email, &somebody()).await.unwrap();
            host.auth.request_unlock(email, &somebody()).await.unwrap();
            host.auth.resend_confirmation(email, &somebody()).await.unwrap();
            let _ = wire.take();
            assert_eq!(host.deliver().await, mails, "{email}");
            let committed = wire.take().iter().filter(|statement| statement.starts_with("COMMIT")).count();
            assert_eq!(committed, 2 * 3, "{email}");
            assert_eq!(database.count("sigra_outbox", "1 = 1").await, 0, "{email}");
        }
    })
    .await;
}

/// Strangers who register with the address of somebody who has confirmed it wait for no row of theirs, and so hold none up.
#[tokio::test(flavor = "multi_thread")]
async fn registering_with_a_confirmed_address_locks_none_of_its_rows() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account("ada@example.com").await;
        drop(host.enrol("ada@example.com").await);
        host.auth.request_password_reset("ada@example.com", &somebody()).await.unwrap();
        host.deliver().await;
        let held = "UPDATE sigra_accounts SET epoch = epoch + 1; UPDATE users SET password_hash = 'held'; \
                    DELETE FROM sigra_sessions; DELETE FROM sigra_devices; DELETE FROM sigra_tokens; \
                    DELETE FROM sigra_factors";
        let register = async {
            for _ in 0..2 {
                assert!(host.register("ada@example.com").await.unwrap().user().is_none());
            }
        };
        let registered = database.while_held(held, tokio::time::timeout(PATIENCE, register));
        registered.await.expect("a registration waits for a row of the account");
    })
    .await;
}

/// What somebody asks, in this order, who registers with an address to see whether it was free.
const PROBES: [Ask; 5] = [Ask::Register, Ask::SignInAsRegistered, Ask::SignIn, Ask::Resend, Ask::Confirm];

/// A refused registration or code has a row of its own kind; what the others write is the same.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_registers_and_signs_in_changes_the_same_rows_and_hashes_the_same_whatever_the_account() {
    each_database(|database: Database| async move {
        let host = Host::start(database.clone()).await;
        let states = || {
            let apart = [State::Locked, State::LockedUnknown, State::Mailed, State::Imported];
            STATES.into_iter().enumerate().filter(move |(_, state)| !apart.contains(state))
        };
        for (index, state) in states() {
            state.make(&host, &address(0, index)).await;
        }
        while host.deliver().await > 0 {}
        let dumper = database.dumper().await;
        let mut network = 0x00fd_0000;
        let mut work = Vec::new();
        for (index, state) in states() {
            for ask in PROBES {
                network += 1;
                let (before, computed) = (dumper.dump().await, host.auth.hashes_computed());
                let answer = ask.perform(&host, &address(0, index), network).await;
                assert_eq!(
                    answer.is_err(),
                    !matches!(ask, Ask::Register | Ask::Resend),
                    "{ask:?}: {state:?}"
                );
                let hashed = host.auth.hashes_computed() - computed;
                let mut rows = written(&before, &dumper.dump().await);
                if matches!(ask, Ask::Register | Ask::Confirm) {
                    rows.clear();
                }
                work.push((ask, state, hashed, rows));
            }
        }
        for (ask, state, hashed, rows) in &work {
            let (_, _, of_a_free_one, free) = work.iter().find(|(other, ..)| other == ask).unwrap();
            assert_eq!(*hashed, u64::from(!matches!(ask, Ask::Resend | Ask::Confirm)), "{ask:?}: {state:?}");
            assert_eq!((hashed, rows), (of_a_free_one, free), "{ask:?}: {state:?}");
        }
    })
    .await;
}

/// The same statements in the same order once the address is registered, whether or not it was before.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_registers_and_signs_in_has_the_same_statements_run_whatever_the_account() {
    each_database(|database| async move {
        let plain = Host::start(database.clone()).await;
        let Some(wire) = Wire::tap(&database).await else { return };
        let host = Host::with(database.clone(), Sigra::builder().url(wire.url())).await;
        let states = || {
            let apart =
                [State::Locked, State::LockedUnknown, State::Mailed, State::ResetPending, State::Guessed];
            STATES.into_iter().enumerate().filter(move |(_, state)| !apart.contains(state))
        };
        for (index, state) in states() {
            state.make(&plain, &address(0, index)).await;
        }
        while plain.deliver().await > 0 {}
        let mut network = 0x00fc_0000;
        let mut work = Vec::new();
        for (index, state) in states() {
            for ask in PROBES {
                network += 1;
                let _ = wire.take();
                let _ = ask.perform(&host, &address(0, index), network).await;
                let mut statements = wire.take();
                statements.retain(|statement| !statement.starts_with("SET ") && !is_counter(statement));
                if ask != Ask::Register {
                    work.push((ask, state, statements));
                }
            }
        }
        for (ask, state, ran) in &work {
            let (_, _, statements) = work.iter().find(|(other, ..)| other == ask).unwrap();
            assert!(statements.iter().any(|statement| statement.starts_with("INSERT")), "{statements:#?}");
            assert_eq!(ran, statements, "{ask:?}: {state:?}");
        }
    })
    .await;
}
