//! Who is kept out, for how long, and how the owner gets in all the same.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sigra::clock::TestClock;
use sigra::mail::Message;
use sigra::password::PasswordProblem;
use sigra::{Account, Client, Credentials, Error, Hashing, NewSession, PasswordHash, Refusal, Sigra};
use sigra_tests::database::{Database, Kind};
use sigra_tests::gate::{GATED, GATED_RIGHT, Gate};
use sigra_tests::host::{client, client_number, client_of_network, prepare, shut_password, somebody};
use sigra_tests::users::{Member, Partner, connect};
use sigra_tests::{Host, OTHER_PASSWORD, PASSWORD, User, UserSignIn, each_database};

const ADA: &str = "ada@example.com";
const WRONG: &str = "a wrong password here";
const DAY: Duration = Duration::from_hours(24);

/// The browser in which a session was begun.
fn browser(session: &NewSession<User>) -> Client {
    client().with_device_token(session.device_token().expect("a known device").expose())
}

async fn try_from(
    host: &Host,
    email: &str,
    password: &str,
    client: &Client,
) -> Result<NewSession<User>, Refusal> {
    match host.auth.sign_in(Credentials::new(email, password), client).await {
        Ok(UserSignIn::Complete(session)) => Ok(session),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.refusal().cloned().unwrap_or_else(|| panic!("{error}"))),
    }
}

/// Wrong passwords by strangers, each from a network of its own, until one is told to wait; how many were looked at, and how
/// long the wait is.
async fn lock(host: &Host, email: &str) -> (u32, Duration) {
    for looked_at in 0.. {
        match try_from(host, email, WRONG, &somebody()).await {
            Err(Refusal::InvalidCredentials) => assert!(looked_at < 200, "nothing locks {email}"),
            Err(Refusal::TooManyAttempts { retry_after }) => return (looked_at, retry_after),
            other => panic!("{other:?}"),
        }
    }
    unreachable!("a range without an end")
}

/// How long a wait was when it began, up to four minutes ago. All of them are whole times five minutes.
fn minutes(wait: Duration) -> u64 {
    (wait.as_secs() + 4 * 60) / (5 * 60) * 5
}

#[tokio::test]
async fn strangers_cannot_lock_the_owner_out_of_a_known_device() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        for email in [ADA, "eve@example.com"] {
            host.account(email).await;
        }
        let home = browser(&host.sign_in(ADA).await);
        let eves = browser(&host.sign_in("eve@example.com").await);
        assert_eq!(lock(&host, ADA).await.0, 10);

        // Not from elsewhere, nor with the secret of another account's browser, nor with a made-up one.
        let made_up = client().with_device_token("sgd.k1.bWFkZS11cC1tYWRlLXVwLW1hZGUtdXAtbWFkZS11cC0");
        for stranger in [client(), eves, made_up] {
            let refused = try_from(&host, ADA, PASSWORD, &stranger).await.unwrap_err();
            assert!(matches!(refused, Refusal::TooManyAttempts { .. }), "{refused}");
        }
        let session = try_from(&host, ADA, PASSWORD, &home).await.unwrap();
        // The same secret: there is one row for the browser, however often its owner signs in.
        assert_eq!(session.device_token().unwrap().expose(), home_token(&home, &session));
        assert_eq!(host.database.count("sigra_devices", "1 = 1").await, 2);
        // The strangers' count is as it was: the owner's success gives them nothing.
        assert!(matches!(
            try_from(&host, ADA, WRONG, &somebody()).await,
            Err(Refusal::TooManyAttempts { .. })
        ));
        // Changing the password works there too, and the browser stays known.
        let changed =
            host.auth.change_password(session.session(), PASSWORD, OTHER_PASSWORD, &home).await.unwrap();
        assert!(
            try_from(&host, ADA, OTHER_PASSWORD, &home).await.is_err(),
            "the old secret went with the password"
        );
        let home = client().with_device_token(changed.device_token().unwrap().expose());
        let _ = try_from(&host, ADA, OTHER_PASSWORD, &home).await.unwrap();
    })
    .await;
}

/// The secret that a client was given, read back from what its next session hands out.
fn home_token<'s>(home: &Client, session: &'s NewSession<User>) -> &'s str {
    let token = session.device_token().unwrap().expose();
    assert!(!format!("{home:?}").contains(token), "a secret in Debug");
    token
}

#[tokio::test]
async fn a_known_device_has_attempts_of_its_own_and_is_unknown_after_them() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let home = browser(&host.sign_in(ADA).await);
        for _ in 0..10 {
            assert_eq!(try_from(&host, ADA, WRONG, &home).await.unwrap_err(), Refusal::InvalidCredentials);
        }
        // From now on whoever has that secret is a stranger, and has used up nothing of theirs.
        assert_eq!(host.database.count("sigra_devices", "1 = 1").await, 0);
        let again = browser(&try_from(&host, ADA, PASSWORD, &home).await.unwrap());
        lock(&host, ADA).await;
        assert!(try_from(&host, ADA, PASSWORD, &home).await.is_err());
        let _ = try_from(&host, ADA, PASSWORD, &again).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn whoever_has_the_secret_of_a_device_cannot_guess_slowly_for_ever() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let home = browser(&host.sign_in(ADA).await);
        for _ in 0..9 {
            assert_eq!(try_from(&host, ADA, WRONG, &home).await.unwrap_err(), Refusal::InvalidCredentials);
        }
        // Its owner was there: a new row.
        let _ = try_from(&host, ADA, PASSWORD, &home).await.unwrap();
        for _ in 0..3 {
            for _ in 0..3 {
                assert_eq!(
                    try_from(&host, ADA, WRONG, &home).await.unwrap_err(),
                    Refusal::InvalidCredentials
                );
            }
            // Longer than any count of attempts is kept.
            host.clock.advance(3 * DAY);
            host.auth.sweep().await.unwrap();
        }
        assert_eq!(host.database.count("sigra_devices", "1 = 1").await, 1);
        assert_eq!(try_from(&host, ADA, WRONG, &home).await.unwrap_err(), Refusal::InvalidCredentials);
        assert_eq!(host.database.count("sigra_devices", "1 = 1").await, 0, "ten in a row, over nine days");
    })
    .await;
}

#[tokio::test]
async fn a_device_is_forgotten_with_the_password_and_after_half_a_year() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        let home = browser(&session);
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let token = host.token_of("/reset/").await;
        let recovered = host.auth.reset_password(&token, OTHER_PASSWORD, &client_number(7)).await.unwrap();
        lock(&host, ADA).await;
        assert!(try_from(&host, ADA, OTHER_PASSWORD, &home).await.is_err());
        // The browser that used the link is known: whoever goes on guessing does not keep its owner out.
        let new = client().with_device_token(recovered.device_token().unwrap().expose());
        let _ = try_from(&host, ADA, OTHER_PASSWORD, &new).await.unwrap();

        host.clock.advance(179 * DAY);
        lock(&host, ADA).await;
        let _ = try_from(&host, ADA, OTHER_PASSWORD, &new).await.unwrap();
        host.clock.advance(181 * DAY);
        lock(&host, ADA).await;
        assert!(try_from(&host, ADA, OTHER_PASSWORD, &new).await.is_err());
        assert_eq!(host.auth.sweep().await.unwrap().devices, 1);
    })
    .await;
}

#[tokio::test]
async fn a_program_without_cookies_does_not_fill_the_table_of_devices() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let mut first = None;
        for _ in 0..25 {
            let session = host.sign_in(ADA).await;
            first.get_or_insert(browser(&session));
        }
        assert_eq!(host.database.count("sigra_devices", "1 = 1").await, 20);
        lock(&host, ADA).await;
        assert!(try_from(&host, ADA, PASSWORD, &first.unwrap()).await.is_err(), "the oldest went first");
    })
    .await;
}

#[tokio::test]
async fn every_wait_is_twice_as_long_up_to_a_day_for_known_and_unknown_addresses_alike() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let mut waits = BTreeMap::<&str, Vec<u64>>::new();
        for _ in 0..9 {
            for email in [ADA, "nobody@example.com"] {
                let (looked_at, wait) = lock(&host, email).await;
                assert_eq!(looked_at, 10, "{email}");
                waits.entry(email).or_default().push(minutes(wait));
            }
            // Whoever comes five minutes early is told to wait for them.
            let (wait, early) = (Duration::from_mins(*waits[ADA].last().unwrap()), Duration::from_mins(5));
            host.clock.advance(wait.saturating_sub(early));
            assert!(matches!(
                try_from(&host, ADA, WRONG, &somebody()).await,
                Err(Refusal::TooManyAttempts { retry_after }) if retry_after.as_secs() <= early.as_secs() + 1
            ));
            // The wait of the other address began later.
            host.clock.advance(2 * early);
        }
        let expected = [15, 30, 60, 120, 240, 480, 960, 1440, 1440];
        assert_eq!(waits[ADA], expected);
        assert_eq!(waits["nobody@example.com"], expected);
        // A day without an attempt, and the next wait is the first again.
        host.clock.advance(DAY + Duration::from_secs(1));
        host.auth.sweep().await.unwrap();
        for email in [ADA, "nobody@example.com"] {
            assert_eq!(minutes(lock(&host, email).await.1), 15, "{email}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_attempt_that_was_given_back_does_not_shorten_the_next_wait() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        for email in [ADA, "slow@example.com"] {
            host.account(email).await;
        }
        let gated = format!("UPDATE users SET password_hash = '{GATED}' WHERE email = 'slow@example.com'");
        database.run(&gated).await;
        let (gate, gated) = Gate::shut();
        let hashing = Hashing { permits: 1, queue: 0, deadline: Duration::from_mins(1) };
        let builder = prepare(Sigra::<User>::builder().url(database.url()), host.clock.clone());
        let busy = builder.hashing(hashing).verifier(gated).build().await.unwrap();

        assert_eq!(minutes(lock(&host, ADA).await.1), 15);
        host.clock.advance(Duration::from_secs(15 * 60 + 1));
        for _ in 0..9 {
            assert_eq!(
                try_from(&host, ADA, WRONG, &somebody()).await.unwrap_err(),
                Refusal::InvalidCredentials
            );
        }
        // The tenth, which arms the next wait, comes while the server is busy, and nothing is looked at.
        let holder = busy.clone();
        let holder = tokio::spawn(async move {
            holder.sign_in(Credentials::new("slow@example.com", WRONG), &somebody()).await.map(|_| ())
        });
        gate.begun().await;
        let refused = busy.sign_in(Credentials::new(ADA, WRONG), &somebody()).await.unwrap_err();
        assert!(matches!(refused.refusal(), Some(Refusal::Busy { .. })), "{refused}");
        gate.open();
        assert!(holder.await.unwrap().is_err());

        host.clock.advance(Duration::from_mins(31));
        let (looked_at, wait) = lock(&host, ADA).await;
        assert_eq!((looked_at, minutes(wait)), (1, 30));
    })
    .await;
}

#[tokio::test]
async fn an_attempt_that_is_given_back_late_takes_nothing_from_the_next_window() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        database.run(&format!("UPDATE users SET password_hash = '{GATED_RIGHT}'")).await;
        let (gate, gated) = Gate::shut();
        let builder = prepare(Sigra::<User>::builder().url(database.url()), host.clock.clone());
        let slow = builder.verifier(gated).build().await.unwrap();
        let signing_in =
            tokio::spawn(async move { slow.sign_in(Credentials::new(ADA, PASSWORD), &client()).await });
        gate.begun().await;
        // The next window of the network and of everybody has one attempt.
        host.clock.advance(Duration::from_mins(16));
        let wrong = try_from(&host, "nobody@example.com", WRONG, &client()).await;
        assert_eq!(wrong.unwrap_err(), Refusal::InvalidCredentials);
        gate.open();
        assert!(matches!(signing_in.await.unwrap(), Ok(UserSignIn::Complete(_))));
        assert_eq!(database.count("sigra_limits", "used = 0").await, 0);
    })
    .await;
}

#[tokio::test]
async fn whoever_proves_an_address_inherits_nothing_of_what_strangers_tried_there() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        for (email, by_code) in [(ADA, false), ("eve@example.com", true)] {
            // An address that is about to be invited: a hundred times in the end, and locked at that moment.
            lock(&host, email).await;
            let _ = host.register(email).await.unwrap();
            shut_password(&database, email).await;
            while host.deliver().await > 0 {}
            host.auth.resend_confirmation(email, &somebody()).await.unwrap();
            if by_code {
                let code = host.code().await;
                host.auth.confirm_email_code(email, &code, &somebody()).await.unwrap();
            } else {
                let token = host.token_of("/confirm/").await;
                host.auth.confirm_email(&token, &somebody()).await.unwrap();
            }
            let _ = try_from(&host, email, PASSWORD, &somebody()).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_hundred_failures_in_a_row_shut_the_password_and_nobody_can_tell() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let home = browser(&host.sign_in(ADA).await);
        for _ in 0..9 {
            assert_eq!(lock(&host, ADA).await.0, 10);
            // Longer than a day: the waits are forgotten, the failures are not, though what has expired is swept.
            host.clock.advance(3 * DAY);
            assert_eq!(lock(&host, "nobody@example.com").await.0, 10);
            host.clock.advance(3 * DAY);
            host.auth.sweep().await.unwrap();
        }
        assert_eq!(host.database.count("sigra_limits", "failures = 90").await, 1);
        let before = host.auth.hashes_computed();
        assert_eq!(
            try_from(&host, ADA, PASSWORD, &somebody()).await.unwrap_err(),
            Refusal::InvalidCredentials,
            "the right password from an unknown device"
        );
        assert_eq!(host.auth.hashes_computed(), before + 1);
        assert_eq!(host.trail().await.last().unwrap(), "session.password.sign_in refused password_shut");
        // The owner's own browser ends it.
        let _ = try_from(&host, ADA, PASSWORD, &home).await.unwrap();
        let _ = try_from(&host, ADA, PASSWORD, &somebody()).await.unwrap();
        assert_eq!(host.database.count("sigra_limits", "failures > 0").await, 0);
    })
    .await;
}

#[tokio::test]
async fn the_owner_is_told_once_a_wait_and_unlocks_by_mail() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        host.deliver().await;
        let mails = || host.mailbox.all().len();
        let before = mails();
        for email in [ADA, "nobody@example.com"] {
            lock(&host, email).await;
            for _ in 0..5 {
                assert!(try_from(&host, email, WRONG, &somebody()).await.is_err());
            }
        }
        // The work is the same for an address that nobody has; the worker finds that out.
        assert_eq!(host.database.count("sigra_outbox", "kind = 'account_locked'").await, 2);
        let token = host.token_of("/unlock/").await;
        assert_eq!(mails() - before, 1);
        let mail = host.mailbox.last().unwrap();
        assert!(matches!(mail.message, Message::AccountLocked { .. }) && mail.to == ADA, "{mail:?}");

        // It opens the account to its own browser, signs nobody in, and works once.
        let recovered = host.auth.unlock_by_link(&token, &client()).await.unwrap();
        let again = host.auth.unlock_by_link(&token, &client()).await.unwrap_err();
        assert_eq!(again.refusal(), Some(&Refusal::InvalidToken));
        lock(&host, ADA).await;
        let home = client().with_device_token(recovered.device_token().unwrap().expose());
        let _ = try_from(&host, ADA, PASSWORD, &home).await.unwrap();

        // Another mail can be asked for, and an operator needs none.
        host.auth.request_unlock(ADA, &client()).await.unwrap();
        host.auth.request_unlock("nobody@example.com", &client()).await.unwrap();
        let before = mails();
        let token = host.token_of("/unlock/").await;
        // One of them because it was locked anew after it had been unlocked.
        assert_eq!(mails() - before, 2);
        host.clock.advance(DAY + Duration::from_secs(1));
        assert!(host.auth.unlock_by_link(&token, &client()).await.is_err(), "a link is good for a day");
        lock(&host, ADA).await;
        let id = try_from(&host, ADA, PASSWORD, &home).await.unwrap().user().id;
        assert!(host.auth.unlock_account("root", &id, &client()).await.unwrap());
        let _ = try_from(&host, ADA, PASSWORD, &somebody()).await.unwrap();
    })
    .await;
}

/// Attempts that are used up as soon as can be.
#[derive(Clone, Debug, Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 2, wait = "2m"),
    unsafe_shared_tables = "each test has a database of its own"
)]
struct Hasty {
    #[sigra(id)]
    id: uuid::Uuid,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

#[tokio::test]
async fn however_short_the_waits_the_owner_is_told_five_times_an_hour_at_most() {
    each_database(|database| async move {
        let clock = Arc::new(TestClock::default());
        let auth = shop::<Hasty>(&database, clock.clone()).await;
        let new = NewHasty { email: ADA.into(), password: PASSWORD.into() };
        let id = auth.register(new, &client()).await.unwrap().user().unwrap().id;
        let lock = async || {
            for attempt in 0..3 {
                let refused = auth.sign_in(Credentials::new(ADA, WRONG), &somebody()).await.unwrap_err();
                let waits = matches!(refused.refusal(), Some(Refusal::TooManyAttempts { .. }));
                assert_eq!(waits, attempt == 2, "{refused}");
            }
        };
        let told = async || database.count("sigra_outbox", "kind = 'account_locked'").await;
        for times in 1..=7 {
            lock().await;
            assert_eq!(told().await, times.min(5));
            // Whether the wait is over, or an operator ended it.
            if times % 2 == 0 {
                assert!(auth.unlock_account("root", &id, &client()).await.unwrap());
            } else {
                clock.advance(Duration::from_secs(121));
            }
        }
        clock.advance(Duration::from_hours(1));
        lock().await;
        assert_eq!(told().await, 6);
    })
    .await;
}

#[tokio::test]
async fn whoever_unlocks_an_account_takes_over_nobodys_password() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        // Somebody registers with Ada's address, and is not believed; so the account is locked, and Ada gets another mail.
        let _ = host.register(ADA).await.unwrap();
        host.deliver().await;
        lock(&host, ADA).await;
        let token = host.token_of("/unlock/").await;
        let recovered = host.auth.unlock_by_link(&token, &client()).await.unwrap();
        assert!(recovered.device_token().is_none(), "nobody was signed in here");
        let refused = host.try_sign_in(ADA, PASSWORD).await.unwrap_err();
        assert_eq!(refused.refusal(), Some(&Refusal::InvalidCredentials));
        assert_eq!(host.trail().await.last().unwrap(), "session.password.sign_in refused unconfirmed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_unlock_link_of_many_uses_at_once_works_once() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let other = Host::join(database).await;
        host.account(ADA).await;
        host.auth.request_unlock(ADA, &client()).await.unwrap();
        let token = host.token_of("/unlock/").await;
        let uses: Vec<_> = (0..64)
            .map(|number| {
                let (auth, token) = ([&host, &other][number % 2].auth.clone(), token.clone());
                tokio::spawn(async move { auth.unlock_by_link(&token, &somebody()).await.is_ok() })
            })
            .collect();
        let mut successes = 0;
        for one in uses {
            successes += u32::from(one.await.unwrap());
        }
        assert_eq!(successes, 1);
    })
    .await;
}

/// What a mailed link may be for.
#[derive(Clone, Copy, Debug)]
enum Link {
    Confirm,
    Reset,
    Unlock,
    Disown,
}

impl Link {
    const ALL: [Self; 4] = [Self::Confirm, Self::Reset, Self::Unlock, Self::Disown];

    fn event(self) -> &'static str {
        match self {
            Self::Confirm => "account.email.confirm",
            Self::Reset => "account.password.reset",
            Self::Unlock => "account.user.unlock",
            Self::Disown => "account.change.disown",
        }
    }

    /// A good one, of an account of its own.
    async fn mail(self, host: &Host) -> String {
        let email = format!("{self:?}@example.com");
        match self {
            Self::Confirm => {
                let _ = host.register(&email).await.unwrap();
                host.token_of("/confirm/").await
            }
            Self::Reset => {
                host.account(&email).await;
                host.auth.request_password_reset(&email, &somebody()).await.unwrap();
                host.token_of("/reset/").await
            }
            Self::Unlock => {
                host.account(&email).await;
                host.auth.request_unlock(&email, &somebody()).await.unwrap();
                host.token_of("/unlock/").await
            }
            Self::Disown => {
                host.account(&email).await;
                let _ = host.enrol(&email).await;
                host.token_of("/disown/").await
            }
        }
    }

    async fn follow(self, host: &Host, token: &str, client: &Client) -> Result<(), Refusal> {
        let result = match self {
            Self::Confirm => host.auth.confirm_email(token, client).await.map(drop),
            Self::Reset => host.auth.reset_password(token, OTHER_PASSWORD, client).await.map(drop),
            Self::Unlock => host.auth.unlock_by_link(token, client).await.map(drop),
            Self::Disown => host.auth.disown(token, client).await.map(drop),
        };
        result.map_err(|error| error.refusal().cloned().unwrap_or_else(|| panic!("{error}")))
    }
}

#[tokio::test]
async fn a_network_has_only_so_many_links_that_are_no_good_and_every_good_one() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        let mut good = Vec::new();
        for link in Link::ALL {
            good.push((link, link.mail(&host).await));
        }
        let network = client_number(9);
        for number in 0..50 {
            let link = Link::ALL[number % 4];
            assert_eq!(link.follow(&host, "nonsense", &network).await, Err(Refusal::InvalidToken));
        }
        let hashes = host.auth.hashes_computed();
        // Whatever is wrong with one: nothing at all about it, or that it is for something else.
        for (link, _) in &good {
            for token in std::iter::once("nonsense").chain(good.iter().map(|(_, token)| token.as_str())) {
                if good.iter().any(|(other, own)| own == token && link.event() == other.event()) {
                    continue;
                }
                let refused = link.follow(&host, token, &network).await.unwrap_err();
                assert!(matches!(refused, Refusal::TooManyAttempts { .. }), "{link:?}: {refused}");
                assert_eq!(
                    host.trail().await.last().unwrap(),
                    &format!("{} refused network_limit", link.event())
                );
            }
        }
        assert_eq!(host.auth.hashes_computed(), hashes);
        for (link, token) in &good {
            assert_eq!(link.follow(&host, token, &network).await, Ok(()), "{link:?}");
            // And used it is like all others, here and elsewhere.
            let used = link.follow(&host, token, &network).await.unwrap_err();
            assert!(matches!(used, Refusal::TooManyAttempts { .. }), "{link:?}: {used}");
            let elsewhere = link.follow(&host, token, &somebody()).await;
            assert_eq!(elsewhere, Err(Refusal::InvalidToken), "{link:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_network_has_only_so_many_pending_sign_ins_that_are_none_and_every_one_that_is() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let (app, _) = host.enrol(ADA).await;
        let pending = host.challenge(ADA).await;
        let network = client_number(9);
        for _ in 0..50 {
            let made_up = host.auth.prove_second_factor("nonsense", "123456", &network).await.unwrap_err();
            assert_eq!(made_up.refusal(), Some(&Refusal::InvalidToken));
        }
        let refused = host.auth.prove_second_factor("nonsense", "123456", &network).await.unwrap_err();
        assert!(matches!(refused.refusal(), Some(Refusal::TooManyAttempts { .. })), "{refused}");
        let last = host.trail().await.pop().unwrap();
        assert_eq!(last, "session.second_factor.prove refused network_limit");
        let code = app.code(1);
        let _ = host.auth.prove_second_factor(pending.token().expose(), code, &network).await.unwrap();
    })
    .await;
}

/// Everybody's attempts are counted together; the smallest limit there may be.
#[derive(Clone, Debug, Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    throttle(per_network = 50, overall = 100, within = "15m"),
    unsafe_shared_tables = "each test has a database of its own"
)]
struct Shopper {
    #[sigra(id)]
    id: uuid::Uuid,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

/// The same with a limit for each account.
#[derive(Clone, Debug, Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    throttle(per_network = 20, overall = 100, within = "15m"),
    unsafe_shared_tables = "each test has a database of its own"
)]
struct Guest {
    #[sigra(id)]
    id: uuid::Uuid,
    #[sigra(email)]
    email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
}

/// A host with a table for these.
async fn shop<U: Account>(database: &Database, clock: Arc<TestClock>) -> Sigra<U> {
    let (id, text) = match database.kind() {
        Kind::Sqlite => ("BLOB", "TEXT"),
        Kind::Postgres => ("UUID", "TEXT"),
        Kind::MySql => ("BINARY(16)", "VARCHAR(255)"),
    };
    let table = format!(
        "CREATE TABLE users (id {id} NOT NULL PRIMARY KEY, email {text} NOT NULL, password {text} NULL)"
    );
    database.run(&table).await;
    let auth = prepare(Sigra::<U>::builder().url(database.url()), clock).build().await.unwrap();
    auth.migrate().await.unwrap();
    auth
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_together_has_no_more_attempts_than_the_limit_however_many_come_at_once() {
    each_database(|database| async move {
        let clock = Arc::new(TestClock::default());
        let auth = shop::<Shopper>(&database, clock.clone()).await;
        let attempt = |number: usize| {
            let auth = auth.clone();
            tokio::spawn(async move {
                let credentials = Credentials::new(format!("u{number}@example.com"), WRONG);
                auth.sign_in(credentials, &somebody()).await.unwrap_err().refusal().cloned().unwrap()
            })
        };
        let attempts: Vec<_> = (0..130).map(attempt).collect();
        let mut wrong = 0;
        for one in attempts {
            match one.await.unwrap() {
                Refusal::InvalidCredentials => wrong += 1,
                Refusal::TooManyAttempts { .. } => {}
                other => panic!("{other}"),
            }
        }
        assert_eq!((wrong, auth.hashes_computed()), (100, 100));
        // The next window is another, and a right password gives its attempt back.
        clock.advance(Duration::from_secs(15 * 60 + 1));
        assert_eq!(attempt(0).await.unwrap(), Refusal::InvalidCredentials);
        for email in [ADA, "eve@example.com"] {
            let new = NewShopper { email: email.into(), password: PASSWORD.into() };
            let _ = auth.register(new, &client()).await.unwrap();
            for _ in 0..55 {
                assert!(auth.sign_in(Credentials::new(email, PASSWORD), &client()).await.is_ok());
            }
        }
        assert!(database.count("sigra_devices", "1 = 1").await == 0, "no lockout, no devices");
    })
    .await;
}

#[tokio::test]
async fn everybody_together_has_only_so_many_requests_from_whatever_networks() {
    each_database(|database| async move {
        let clock = Arc::new(TestClock::default());
        let auth = shop::<Shopper>(&database, clock.clone()).await;
        let register = async |number: u32| {
            let new = NewShopper { email: format!("u{number}@example.com"), password: PASSWORD.into() };
            auth.register(new, &client_of_network(number)).await.map(drop)
        };
        for number in 0..100 {
            register(number).await.unwrap();
        }
        let (hashes, rows) = (auth.hashes_computed(), database.count("sigra_limits", "1 = 1").await);
        let refused = register(100).await.unwrap_err();
        assert!(matches!(refused.refusal(), Some(Refusal::TooManyAttempts { .. })), "{refused}");
        assert_eq!(auth.hashes_computed(), hashes);
        // A row for its network and one for the flood of such refusals, and none for the address.
        assert_eq!(database.count("sigra_limits", "1 = 1").await, rows + 2);
        assert_eq!(database.count("sigra_audit", "reason = 'overall_limit'").await, 1);
        // What is counted apart goes on.
        let attempt = auth.sign_in(Credentials::new("u1@example.com", PASSWORD), &client_number(101)).await;
        assert!(attempt.is_ok(), "{attempt:?}");
        clock.advance(Duration::from_secs(15 * 60 + 1));
        register(102).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_attempt_that_another_limit_refuses_uses_up_nothing_of_everybody() {
    each_database(|database| async move {
        let auth = shop::<Guest>(&database, Arc::default()).await;
        let attempt = async |email: &str, client: Client| {
            auth.sign_in(Credentials::new(email, WRONG), &client)
                .await
                .unwrap_err()
                .refusal()
                .cloned()
                .unwrap()
        };
        // One network that is at its limit and goes on, and one account that strangers from everywhere have locked.
        let mut looked_at = 0;
        for number in 0..120 {
            let refused = attempt(&format!("u{number}@example.com"), client()).await;
            looked_at += u32::from(refused == Refusal::InvalidCredentials);
        }
        for _ in 0..120 {
            looked_at += u32::from(attempt(ADA, somebody()).await == Refusal::InvalidCredentials);
        }
        assert_eq!(looked_at, 20 + 10);
        assert_eq!(attempt("eve@example.com", somebody()).await, Refusal::InvalidCredentials);
    })
    .await;
}

#[tokio::test]
async fn who_comes_without_a_network_has_the_limit_of_everybody() {
    each_database(|database| async move {
        let auth = shop::<Guest>(&database, Arc::default()).await;
        let nowhere = Client::unknown();
        let mut looked_at = 0;
        for number in 0..110 {
            let credentials = Credentials::new(format!("u{number}@example.com"), WRONG);
            let refused = auth.sign_in(credentials, &nowhere).await.unwrap_err();
            looked_at += u32::from(refused.refusal() == Some(&Refusal::InvalidCredentials));
        }
        assert_eq!((looked_at, auth.hashes_computed()), (100, 100));
        let mut mailed = 0;
        for number in 0..110 {
            let asked = auth.request_unlock(&format!("u{number}@example.com"), &nowhere).await;
            mailed += u32::from(asked.is_ok());
        }
        assert_eq!(mailed, 100);
        // Where a network is given, it has its own.
        auth.request_unlock("u0@example.com", &client()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn limits_outlive_a_restart_and_a_clock_that_steps() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let home = browser(&host.sign_in(ADA).await);
        lock(&host, ADA).await;
        let locked = async |host: &Host| {
            matches!(try_from(host, ADA, PASSWORD, &somebody()).await, Err(Refusal::TooManyAttempts { .. }))
        };
        assert!(locked(&Host::join(database.clone()).await).await, "another process");
        host.clock.step_back(Duration::from_hours(1));
        assert!(locked(&host).await, "an hour back");
        host.clock.advance(Duration::from_hours(1));
        // A clock that was years ahead shuts nobody out for years.
        host.clock.advance(Duration::from_secs(15 * 60 + 1));
        let years = 3650 * DAY;
        host.clock.advance(years);
        lock(&host, ADA).await;
        host.clock.step_back(years);
        assert_eq!(try_from(&host, ADA, WRONG, &somebody()).await.unwrap_err(), Refusal::InvalidCredentials);
        let _ = try_from(&host, ADA, PASSWORD, &home).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn without_lockout_there_is_nothing_to_know_a_device_for() {
    each_database(|database| async move {
        database.run(&Partner::table(database.kind())).await;
        let auth = connect::<Partner>(&database).await;
        auth.migrate().await.unwrap();
        let session = sigra_tests::users::join(&auth, ADA).await;
        assert!(session.device_token().is_none());
        assert_eq!(database.count("partner_sigra_devices", "1 = 1").await, 0);
    })
    .await;
}

#[tokio::test]
async fn whoever_knows_the_password_fills_neither_the_sessions_nor_the_queue_nor_the_trail() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        for _ in 0..5 {
            let wrong = try_from(&host, ADA, WRONG, &somebody()).await.unwrap_err();
            assert_eq!(wrong, Refusal::InvalidCredentials);
        }
        let sign_in = async || {
            let credentials = Credentials::new(ADA, PASSWORD).remember(true);
            match host.auth.sign_in(credentials, &somebody()).await {
                Ok(UserSignIn::Complete(session)) => Ok(session),
                other => Err(other.unwrap_err().refusal().cloned().unwrap()),
            }
        };
        let mut sessions = Vec::new();
        for _ in 0..100 {
            sessions.push(sign_in().await.unwrap());
            host.clock.advance(Duration::from_secs(20));
        }
        let rows = host.trail().await.len();
        // One too many. It and what follows counts like failures, also from the browsers in which its owner is known, until
        // nothing is hashed any more.
        for client in [None, Some(browser(&sessions[99]))] {
            let hashes = host.auth.hashes_computed();
            for number in 0..15 {
                let client = client.clone().unwrap_or_else(somebody);
                let refused = try_from(&host, ADA, PASSWORD, &client).await.unwrap_err();
                let Refusal::TooManyAttempts { retry_after } = refused else { panic!("{refused}") };
                assert!(retry_after <= Duration::from_secs(3601), "{number}");
            }
            assert_eq!(host.auth.hashes_computed(), hashes + 10);
        }
        let refused = host.trail().await.split_off(rows);
        let of = |reason: &str| {
            refused.iter().filter(|row| **row == format!("session.password.sign_in refused {reason}")).count()
        };
        assert_eq!((of("right_password_limit"), of("account_limit"), of("device_limit")), (20, 5, 5));
        // Who is signed in is limited too.
        let mine = sessions[0].session();
        host.clock.advance(Duration::from_mins(16));
        let step_up = host.auth.step_up_with_password(mine, PASSWORD, &somebody()).await.unwrap_err();
        assert!(matches!(step_up.refusal(), Some(Refusal::TooManyAttempts { .. })), "{step_up}");
        let change =
            host.auth.change_password(mine, PASSWORD, OTHER_PASSWORD, &somebody()).await.unwrap_err();
        assert!(matches!(change.refusal(), Some(Refusal::TooManyAttempts { .. })), "{change}");
        // To a stranger it is an account like any other.
        assert_eq!(try_from(&host, ADA, WRONG, &somebody()).await.unwrap_err(), Refusal::InvalidCredentials);

        // The mailbox opens it again. The session that was unused for longest ends, and neither one in use nor the new one.
        assert!(host.is_live(sessions[0].token().expose()).await);
        host.auth.request_unlock(ADA, &somebody()).await.unwrap();
        let _ = host.auth.unlock_by_link(&host.token_of("/unlock/").await, &somebody()).await.unwrap();
        let new = sign_in().await.unwrap();
        assert_eq!(host.database.count("sigra_sessions", "1 = 1").await, 100);
        for (session, live) in
            [(&sessions[0], true), (&sessions[1], false), (&sessions[2], true), (&new, true)]
        {
            assert_eq!(host.is_live(session.token().expose()).await, live);
        }
        assert_eq!(host.database.count("sigra_audit", "details = '{\"sessions_ended\":1}'").await, 1);
        // And after an hour it is open by itself.
        for _ in 0..99 {
            sessions.push(sign_in().await.unwrap());
        }
        assert!(sign_in().await.is_err());
        host.clock.advance(Duration::from_mins(61));
        let _ = sign_in().await.unwrap();
        assert_eq!(host.database.count("sigra_sessions", "1 = 1").await, 100);
    })
    .await;
}

#[tokio::test]
async fn a_network_gets_back_what_opened_something_and_nothing_else() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        for email in [ADA, "eve@example.com"] {
            host.account(email).await;
        }
        let id = host.sign_in("eve@example.com").await.user().id;
        assert!(host.auth.disable_account("root", &id, &client()).await.unwrap());
        let network = client_number(77);
        let eve = async || host.auth.sign_in(Credentials::new("eve@example.com", PASSWORD), &network).await;
        for number in 0..50 {
            // One of somebody's own gives back itself alone.
            let _ = try_from(&host, ADA, PASSWORD, &network).await.unwrap();
            let answer = eve().await;
            assert!(matches!(answer, Ok(UserSignIn::Disabled(_))), "{number}: {answer:?}");
        }
        let hashes = host.auth.hashes_computed();
        let refused = eve().await.unwrap_err();
        assert!(matches!(refused.refusal(), Some(Refusal::TooManyAttempts { .. })), "{refused}");
        assert_eq!(host.auth.hashes_computed(), hashes);
    })
    .await;
}

/// What came of a sign-in.
fn outcome(result: Result<UserSignIn, Error>) -> String {
    match result {
        Ok(UserSignIn::MustChangePassword(reason)) => {
            assert!(reason.since().unix_timestamp() > 0);
            "must change".into()
        }
        Ok(UserSignIn::Complete(_)) => "complete".into(),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn a_password_that_others_may_know_opens_nothing_until_a_mailed_link_has_set_another() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        let id = session.user().id;
        assert!(host.auth.require_password_change("root", &id, &client()).await.unwrap());
        assert!(!host.auth.require_password_change("root", &id, &client()).await.unwrap());
        assert!(!host.is_live(session.token().expose()).await, "every session ends");
        let change = host.auth.change_password(session.session(), PASSWORD, OTHER_PASSWORD, &client()).await;
        assert_eq!(change.unwrap_err().refusal(), Some(&Refusal::SessionEnded));
        // Only whoever knows the password learns of it.
        assert_eq!(
            host.try_sign_in(ADA, WRONG).await.unwrap_err().refusal(),
            Some(&Refusal::InvalidCredentials)
        );
        assert_eq!(outcome(host.try_sign_in(ADA, PASSWORD).await), "must change");
        assert_eq!(host.database.count("sigra_sessions", "1 = 1").await, 0);
        // One mail at once, and another because its owner was there; neither without end.
        for _ in 0..7 {
            assert_eq!(outcome(host.try_sign_in(ADA, PASSWORD).await), "must change");
        }
        let before = host.mailbox.all().len();
        let token = host.token_of("/reset/").await;
        assert_eq!(host.mailbox.all().len() - before, 6);
        assert!(matches!(host.mailbox.last().unwrap().message, Message::MustChangePassword { .. }));
        // The password that others may know is no new one. The link stays good for another.
        let rows = host.trail().await.len();
        for _ in 0..2 {
            let same = host.auth.reset_password(&token, PASSWORD, &client()).await.unwrap_err();
            assert_eq!(same.refusal(), Some(&Refusal::PasswordRejected(PasswordProblem::Unchanged)));
        }
        let refused = "account.password.reset refused password_unchanged";
        assert_eq!(host.trail().await[rows..], [refused, refused]);
        assert_eq!(outcome(host.try_sign_in(ADA, PASSWORD).await), "must change");
        let _ = host.auth.reset_password(&token, OTHER_PASSWORD, &client()).await.unwrap();
        assert_eq!(outcome(host.try_sign_in(ADA, OTHER_PASSWORD).await), "complete");
        assert!(host.try_sign_in(ADA, PASSWORD).await.is_err());
        // Where nothing has to be replaced, whoever has forgotten it may choose the same again.
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let token = host.token_of("/reset/").await;
        let _ = host.auth.reset_password(&token, OTHER_PASSWORD, &client()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_link_is_compared_with_the_password_that_has_to_be_replaced_a_hundred_times() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let id = host.sign_in(ADA).await.user().id;
        assert!(host.auth.require_password_change("root", &id, &client()).await.unwrap());
        let token = host.token_of("/reset/").await;
        host.database.run("UPDATE sigra_tokens SET attempts = 99 WHERE purpose = 'reset_password'").await;
        let same = host.auth.reset_password(&token, PASSWORD, &client()).await.unwrap_err();
        assert_eq!(same.refusal(), Some(&Refusal::PasswordRejected(PasswordProblem::Unchanged)));
        let hashes = host.auth.hashes_computed();
        let over = host.auth.reset_password(&token, OTHER_PASSWORD, &client()).await.unwrap_err();
        assert_eq!(over.refusal(), Some(&Refusal::InvalidToken));
        assert_eq!(host.auth.hashes_computed(), hashes);
        assert_eq!(host.trail().await.last().unwrap(), "account.password.reset refused invalid_token");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_replaces_the_very_hash_that_the_new_password_was_compared_with() {
    each_database(|database| async move {
        let plain = Host::start(database.clone()).await;
        plain.account(ADA).await;
        let id = plain.sign_in(ADA).await.user().id;
        let ((gate, gated), url) = (Gate::shut(), database.url().to_owned());
        let host = Host::with(database, Sigra::builder().url(&url).verifier(gated)).await;
        let write = async |hash: &str| {
            host.database.run(&format!("UPDATE users SET password_hash = '{hash}'")).await;
        };
        let today = host.database.texts("SELECT password_hash FROM users").await.remove(0);
        write(GATED).await;
        assert!(host.auth.require_password_change("root", &id, &client()).await.unwrap());
        let token = host.token_of("/reset/").await;
        let reset = tokio::spawn({
            let (auth, token) = (host.auth.clone(), token.clone());
            async move { auth.reset_password(&token, PASSWORD, &client()).await.map(drop) }
        });
        gate.begun().await;
        // The host itself writes the hash of that very password.
        write(&today).await;
        gate.open();
        let refused = reset.await.unwrap().unwrap_err();
        assert!(matches!(refused.refusal(), Some(Refusal::Busy { .. })), "{refused}");
        // Nothing was used up, and the next comparison is with what stands there now.
        let same = host.auth.reset_password(&token, PASSWORD, &client()).await.unwrap_err();
        assert_eq!(same.refusal(), Some(&Refusal::PasswordRejected(PasswordProblem::Unchanged)));
        let _ = host.auth.reset_password(&token, OTHER_PASSWORD, &client()).await.unwrap();
        let _ = host.sign_in_with(ADA, OTHER_PASSWORD).await;
    })
    .await;
}

#[tokio::test]
async fn a_password_is_not_changed_to_itself() {
    each_database(|database| async move {
        let host = Host::start(database).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        let change = async |current: &str, new: &str| {
            host.auth.change_password(session.session(), current, new, &client()).await.map(drop)
        };
        let same = change(PASSWORD, PASSWORD).await.unwrap_err();
        assert_eq!(same.refusal(), Some(&Refusal::PasswordRejected(PasswordProblem::Unchanged)));
        assert_eq!(host.trail().await.last().unwrap(), "account.password.change refused password_unchanged");
        assert!(host.is_live(session.token().expose()).await);
        // Only whoever knows the present one is told that it is the same.
        let wrong = change(OTHER_PASSWORD, OTHER_PASSWORD).await.unwrap_err();
        assert_eq!(wrong.refusal(), Some(&Refusal::InvalidCredentials));
    })
    .await;
}
