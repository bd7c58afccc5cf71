//! The worker and its mails: what keeps one mail from holding up another, and what is not sent at all.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sigra::clock::TestClock;
use sigra::mail::{Links, Mail, MailError, Mailer};
use sigra::{PasswordHash, Sigra, feature};
use sigra_tests::database::Kind;
use sigra_tests::host::{client, links, prepare, somebody, token_in};
use sigra_tests::{Database, Host, Mailbox, OTHER_PASSWORD, PASSWORD, each_database, until};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";
const GIVEN_UP: &str = "mail.message.send failed delivery_failed";

type Sending = Pin<Box<dyn Future<Output = Result<(), MailError>> + Send>>;

/// A mailer that does what the test says with mails to Eve, and takes all others.
#[derive(Clone)]
struct Against {
    mailbox: Mailbox,
    eve: fn() -> Sending,
}

impl Mailer for Against {
    fn send(&self, mail: Mail) -> Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + '_>> {
        if mail.to == EVE { (self.eve)() } else { self.mailbox.send(mail) }
    }
}

fn against(host: &Host, eve: fn() -> Sending) -> Against {
    Against { mailbox: host.mailbox.clone(), eve }
}

async fn waiting(database: &Database) -> i64 {
    database.count("sigra_outbox", "1 = 1").await
}

async fn asked_by_strangers(host: &Host, times: u32) {
    for number in 0..times {
        let email = format!("nobody{number}@example.com");
        host.auth.request_password_reset(&email, &somebody()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_due_is_sent_in_one_call_however_much_goes_to_nobody() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        asked_by_strangers(&host, 45).await;
        let _ = host.register(ADA).await.unwrap();
        assert_eq!(host.deliver().await, 1);
        assert_eq!(waiting(&database).await, 0);
    })
    .await;
}

#[tokio::test]
async fn the_worker_does_not_rest_after_a_batch_for_nobody() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        asked_by_strangers(&host, 20).await;
        let id = match database.kind() {
            Kind::Postgres => "gen_random_uuid()",
            Kind::Sqlite => "randomblob(16)",
            Kind::MySql => "RANDOM_BYTES(16)",
        };
        let columns = "kind, identifier, about, created_at, due_at, attempts";
        database.run(&format!("CREATE TABLE asked AS SELECT {columns} FROM sigra_outbox")).await;
        let batch = format!("INSERT INTO sigra_outbox (id, {columns}) SELECT {id}, {columns} FROM asked");
        let batches = format!("DELETE FROM sigra_outbox; {}", [batch.as_str(); 4].join("; "));
        // Four batches for nobody, and a mail behind them.
        let heap = async |email: &str| {
            database.run(&batches).await;
            host.register(email).await.map(drop).unwrap();
        };
        // One that rests after each batch never takes less, on whatever machine: so it is enough to take less once. Where as much
        // work takes longer by itself, twice as long is no rest.
        let rests = 4 * Duration::from_secs(2);
        let mut took = Vec::new();
        for round in 0..5 {
            heap(&format!("alone{round}@example.com")).await;
            let begun = Instant::now();
            assert_eq!(host.deliver().await, 1);
            let alone = begun.elapsed();
            heap(&format!("worker{round}@example.com")).await;
            let (before, begun) = (host.mailbox.all().len(), Instant::now());
            let worker = host.auth.start_worker(host.mailbox.clone(), links());
            until("the mail behind eighty for nobody", async || host.mailbox.all().len() > before).await;
            let by_worker = begun.elapsed();
            drop(worker);
            if by_worker < rests.max(2 * alone) {
                return;
            }
            took.push((alone, by_worker));
        }
        panic!("it rests: {took:?}");
    })
    .await;
}

#[tokio::test]
async fn a_mailer_that_panics_is_one_that_failed_and_the_worker_goes_on() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let panics: [fn() -> Sending; 2] =
            [|| panic!("before it answers"), || Box::pin(async { panic!("while it answers") })];
        for (number, panics) in panics.into_iter().enumerate() {
            let _ = host.register(EVE).await.unwrap();
            host.clock.advance(Duration::from_mins(2));
            assert_eq!(host.auth.deliver_mail(&against(&host, panics), &links()).await.unwrap(), 0);
            let worker = host.auth.start_worker(against(&host, panics), links());
            host.register(&format!("after{number}@example.com")).await.map(drop).unwrap();
            until("a mail", async || host.mailbox.all().len() > number).await;
            drop(worker);
        }
        assert!(database.count("sigra_outbox", "attempts > 0").await > 0, "the mail is tried again");
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_ended_the_process_each_time_is_given_up() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let _ = host.register(ADA).await.unwrap();
        database.run("UPDATE sigra_outbox SET attempts = 12").await;
        assert_eq!(host.deliver().await, 0);
        assert_eq!(waiting(&database).await, 0);
        assert_eq!(host.trail().await.last().unwrap(), GIVEN_UP);
        assert_eq!(database.count("sigra_audit", "outcome = 'failed' AND user_id IS NOT NULL").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_the_mailer_never_takes_is_given_up_in_the_name_of_its_account() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let _ = host.register(EVE).await.unwrap();
        let refusing = against(&host, || Box::pin(async { Err(MailError::new("not now")) }));
        for attempt in 0..13 {
            host.auth.deliver_mail(&refusing, &links()).await.unwrap();
            host.clock.advance(Duration::from_secs(30 << attempt));
        }
        assert_eq!(waiting(&database).await, 0);
        let trail = host.trail().await;
        assert_eq!(trail.iter().filter(|row| *row == "mail.message.send success -").count(), 12);
        assert_eq!(trail.last().unwrap(), GIVEN_UP);
        assert_eq!(database.count("sigra_audit", "outcome = 'failed' AND user_id IS NOT NULL").await, 1);
    })
    .await;
}

/// Deliveries that never ended and were given up.
static CUT_OFF: AtomicUsize = AtomicUsize::new(0);

struct Stuck;

impl Drop for Stuck {
    fn drop(&mut self) {
        CUT_OFF.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn three_mails_that_the_mailer_does_not_answer_hold_up_no_other() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let _ = host.register(EVE).await.unwrap();
        host.auth.request_password_reset(EVE, &somebody()).await.unwrap();
        host.auth.request_unlock(EVE, &somebody()).await.unwrap();
        let stuck = against(&host, || {
            let stuck = Stuck;
            Box::pin(async move {
                let _stuck = stuck;
                std::future::pending().await
            })
        });
        let cut_off = CUT_OFF.load(Ordering::SeqCst);
        let worker = host.auth.start_worker(stuck, links());
        until("three deliveries", async || database.count("sigra_outbox", "attempts > 0").await == 3).await;
        // One that comes alone, and several.
        for number in 1..=4 {
            host.register(&format!("u{number}@example.com")).await.map(drop).unwrap();
            until("a mail", async || host.mailbox.all().len() == number).await;
            assert_eq!(CUT_OFF.load(Ordering::SeqCst), cut_off, "the three are still at it");
        }
        drop(worker);
    })
    .await;
}

/// A mailer that never gets an answer from one server, and keeps all other mails.
struct Unanswered(Mailbox);

impl Mailer for Unanswered {
    fn send(&self, mail: Mail) -> Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + '_>> {
        if mail.to.ends_with("@slow.example") { Box::pin(std::future::pending()) } else { self.0.send(mail) }
    }
}

#[tokio::test]
async fn however_many_mails_strangers_cause_at_a_server_that_does_not_answer_a_notice_leaves() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        // More than are looked at together, and all before the notice.
        for number in 0..30 {
            host.register(&format!("u{number}@slow.example")).await.map(drop).unwrap();
        }
        let worker = host.auth.start_worker(Unanswered(host.mailbox.clone()), links());
        until("four deliveries", async || database.count("sigra_outbox", "attempts > 0").await >= 4).await;
        let changed = host.auth.change_password(session.session(), PASSWORD, OTHER_PASSWORD, &client()).await;
        assert!(changed.is_ok());
        until("the notice", async || {
            host.mailbox.last().is_some_and(|mail| mail.subject == "Your password was changed")
        })
        .await;
        drop(worker);
    })
    .await;
}

/// Whoever registers with addresses at such a server never proves one: what goes to them has places of its own, whatever kind it is.
#[tokio::test]
async fn however_many_addresses_at_a_server_that_does_not_answer_are_registered_an_owner_gets_a_link() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        // More than are looked at together, and all before the owner's.
        for number in 0..30 {
            let email = format!("u{number}@slow.example");
            host.register(&email).await.map(drop).unwrap();
            host.auth.request_password_reset(&email, &somebody()).await.unwrap();
        }
        let worker = host.auth.start_worker(Unanswered(host.mailbox.clone()), links());
        until("four deliveries", async || database.count("sigra_outbox", "attempts > 0").await >= 4).await;
        let before = host.mailbox.all().len();
        host.auth.request_password_reset(ADA, &somebody()).await.unwrap();
        host.auth.request_unlock(ADA, &somebody()).await.unwrap();
        until("both links", async || host.mailbox.all().len() == before + 2).await;
        drop(worker);
    })
    .await;
}

/// A mailer so slow that another worker takes the row meanwhile.
struct Slow {
    database: Database,
    takes: bool,
}

impl Mailer for Slow {
    fn send(&self, _: Mail) -> Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + '_>> {
        Box::pin(async move {
            let later = match self.database.kind() {
                Kind::Sqlite => "due_at + 7200000000",
                Kind::Postgres => "due_at + INTERVAL '2 hours'",
                Kind::MySql => "due_at + INTERVAL 2 HOUR",
            };
            self.database.run(&format!("UPDATE sigra_outbox SET due_at = {later}")).await;
            if self.takes { Ok(()) } else { Err(MailError::new("not now")) }
        })
    }
}

#[tokio::test]
async fn whoever_was_too_slow_leaves_the_lease_of_another_alone() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let _ = host.register(ADA).await.unwrap();
        for takes in [true, false] {
            let slow = Slow { database: database.clone(), takes };
            assert_eq!(host.auth.deliver_mail(&slow, &links()).await.unwrap(), usize::from(takes));
            host.clock.advance(Duration::from_hours(1));
            assert_eq!((host.deliver().await, waiting(&database).await), (0, 1), "the lease is another's");
            host.clock.advance(Duration::from_hours(2));
        }
        assert_eq!(host.deliver().await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_row_that_cannot_be_read_keeps_no_other_from_its_mail() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        if database.kind() != Kind::Sqlite {
            // Only SQLite stores what its column's type does not admit.
            return;
        }
        for email in [EVE, ADA] {
            let _ = host.register(email).await.unwrap();
        }
        database.run("UPDATE users SET disabled_at = 'no time at all' WHERE email = 'eve@example.com'").await;
        assert_eq!(host.deliver().await, 1);
        assert_eq!(host.mailbox.last().unwrap().to, ADA);
        for attempt in 0..14 {
            host.clock.advance(Duration::from_secs(120.max(30 << attempt)));
            assert_eq!(host.deliver().await, 0);
        }
        assert_eq!(waiting(&database).await, 0, "its attempts count too");
        assert_eq!(host.trail().await.last().unwrap(), GIVEN_UP);
    })
    .await;
}

#[tokio::test]
async fn no_link_goes_to_another_address_than_it_proves() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let _ = host.register(ADA).await.unwrap();
        database.run("UPDATE users SET email = 'eve@example.com'").await;
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        assert_eq!(host.deliver().await, 0);
        assert_eq!((waiting(&database).await, database.count("sigra_tokens", "1 = 1").await), (0, 0));
        let failed = "reason = 'address_changed' AND outcome = 'failed' AND user_id IS NOT NULL";
        assert_eq!(database.count("sigra_audit", failed).await, 2);
        // Another spelling of the same address is the same address.
        database.run("UPDATE users SET email = 'Ada@EXAMPLE.com'").await;
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        assert_eq!(host.deliver().await, 1);
    })
    .await;
}

#[tokio::test]
async fn mail_of_a_kind_that_a_newer_version_wrote_waits_for_it() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        for number in 0..25 {
            host.register(&format!("u{number}@example.com")).await.map(drop).unwrap();
        }
        database.run("UPDATE sigra_outbox SET kind = 'of_tomorrow'").await;
        let _ = host.register(ADA).await.unwrap();
        assert_eq!(host.deliver().await, 1);
        assert_eq!(database.count("sigra_outbox", "kind = 'of_tomorrow' AND attempts = 0").await, 25);
    })
    .await;
}

#[tokio::test]
async fn what_was_asked_for_days_ago_is_not_sent_but_a_notice_is() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        let changed = host.auth.change_password(session.session(), PASSWORD, OTHER_PASSWORD, &client()).await;
        assert!(changed.is_ok());
        let _ = host.register(ADA).await.unwrap();
        let _ = host.register(EVE).await.unwrap();
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        host.clock.advance(Duration::from_hours(25));
        assert_eq!(host.deliver().await, 1);
        assert_eq!(host.mailbox.last().unwrap().subject, "Your password was changed");
        assert_eq!(waiting(&database).await, 0);
    })
    .await;
}

/// Users whose reset links last for so long.
macro_rules! links_that_last {
    ($($name:ident for $within:literal;)*) => {$(
        #[derive(Clone, Debug, Sigra)]
        #[sigra(
            table = "users",
            password,
            session(idle = "1h", absolute = "14d"),
            reset_password(within = $within),
            lockout(after = 10, wait = "15m"),
            unsafe_shared_tables = "each test has a database of its own"
        )]
        struct $name {
            #[sigra(id)]
            id: uuid::Uuid,
            #[sigra(email)]
            email: String,
            #[sigra(password, column = "password_hash")]
            password: Option<PasswordHash>,
            #[allow(dead_code, reason = "the table asks for it")]
            display_name: String,
        }
    )*};
}
links_that_last! {
    Brief for "5m";
    Quarter for "15m";
    Half for "30m";
    Hour for "1h";
}

/// Strangers ask for another password all the time for two hours: how old the newest link was in its owner's mailbox, at most.
async fn asked_for_all_the_time<U>(database: &Database, new: U::New) -> Duration
where
    U: feature::Passwords + feature::ResetPassword,
{
    for table in ["users", "sigra_limits", "sigra_outbox"] {
        database.run(&format!("DELETE FROM {table}")).await;
    }
    let clock = Arc::new(TestClock::default());
    let builder = Sigra::<U>::builder().url(database.url());
    let auth = prepare(builder, clock.clone()).build().await.unwrap();
    let _ = auth.register(new, &somebody()).await.unwrap();
    let mailbox = Mailbox::default();
    let mut arrived = Vec::new();
    let mut oldest = Duration::ZERO;
    for minute in (0..120_u64).step_by(3) {
        for _ in 0..if minute % 30 == 0 { 6 } else { 1 } {
            auth.request_password_reset(ADA, &somebody()).await.unwrap();
        }
        let sent = auth.deliver_mail(&mailbox, &links()).await.unwrap();
        arrived.extend(std::iter::repeat_n(minute, sent));
        oldest = oldest.max(Duration::from_mins(minute - arrived.last().unwrap()));
        clock.advance(Duration::from_mins(3));
    }
    for hour in [0..60, 60..120] {
        let mails = arrived.iter().filter(|minute| hour.contains(*minute)).count();
        assert!((4..=5).contains(&mails), "{arrived:?}");
    }
    // The newest is as good as if its owner had asked for it.
    let token = token_in(&mailbox.last().unwrap(), "/reset/");
    clock.step_back(Duration::from_mins(120 - arrived.last().unwrap()));
    let _ = auth.reset_password(&token, OTHER_PASSWORD, &somebody()).await.unwrap();
    oldest
}

#[tokio::test]
async fn whoever_asks_for_mail_in_its_owners_place_leaves_a_link_that_is_good() {
    each_database(|database| async move {
        drop(Host::start(database.clone()).await);
        macro_rules! oldest {
            ($user:ident, $new:ident) => {{
                let new = $new { email: ADA.into(), password: PASSWORD.into(), display_name: "Ada".into() };
                asked_for_all_the_time::<$user>(&database, new).await
            }};
        }
        assert!(oldest!(Hour, NewHour) < Duration::from_hours(1));
        assert!(oldest!(Half, NewHalf) < Duration::from_mins(30));
        assert!(oldest!(Quarter, NewQuarter) < Duration::from_mins(15));
        // No five links of five minutes last for an hour: another can be had every twelve minutes.
        assert!(oldest!(Brief, NewBrief) < Duration::from_mins(12));
    })
    .await;
}

#[test]
fn links_in_mails_are_secret_on_the_way_and_have_a_place_for_the_token() {
    assert!(
        Links::new("http://acme.example").is_err() && Links::new("http://localhost.evil.example").is_err()
    );
    assert!(Links::new("http://[::1]:3000").is_ok() && Links::new("https://acme.example/app").is_ok());
    assert!(
        links().confirm_email_at("/confirm").is_err() && links().reset_password_at("/reset/:token").is_err()
    );
    assert!(links().confirm_email_at("/c/{token}").unwrap().reset_password_at("/r/{token}").is_ok());
}
