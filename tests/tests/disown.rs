//! "This was not me": what a link undoes, and that nothing is left of what a stranger did beside it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sigra::mail::Message;
use sigra::{Error, FactorId, NewSession, Refusal, Sigra, Sudo};
use sigra_tests::authenticator::Authenticator;
use sigra_tests::host::{client, prepare, token_in};
use sigra_tests::{Database, Host, OTHER_PASSWORD, PASSWORD, User, each_database};

const ADA: &str = "ada@example.com";

/// An account, whoever is in it, and the mails to its owner.
struct Scene(Host);

impl Scene {
    async fn new(database: Database) -> Self {
        let host = Host::start(database).await;
        host.account(ADA).await;
        Self(host)
    }

    async fn sudo(&self, session: NewSession<User>) -> Sudo<User> {
        self.0.auth.sudo(session.into_parts().0).await.unwrap()
    }

    /// Adds an authenticator, and gives its id too.
    async fn add(&self, session: NewSession<User>) -> (Authenticator, FactorId, NewSession<User>) {
        let (app, session) = self.0.add_authenticator(session).await;
        let newest = self.0.auth.factors(session.session()).await.unwrap().pop().unwrap();
        (app, newest.id, session)
    }

    async fn remove(&self, session: NewSession<User>, id: FactorId) -> NewSession<User> {
        let sudo = self.sudo(session).await;
        self.0.auth.remove_factor(&sudo, id, &client()).await.unwrap().expect("it was there")
    }

    /// The links of the mails that are alike, the oldest first.
    async fn links(&self, about: impl Fn(&Message) -> bool) -> Vec<String> {
        while self.0.deliver().await > 0 {}
        let mails = self.0.mailbox.all();
        mails.iter().filter(|mail| about(&mail.message)).map(|mail| token_in(mail, "/disown/")).collect()
    }

    async fn added(&self) -> Vec<String> {
        self.links(|message| matches!(message, Message::FactorAdded { .. })).await
    }

    async fn removed(&self) -> Vec<String> {
        self.links(|message| matches!(message, Message::FactorRemoved { .. })).await
    }

    async fn disown(&self, link: &str) -> Result<sigra::Disowned, Error> {
        self.0.auth.disown(link, &client()).await
    }

    /// The owner replaces the password that a stranger knew. The rest of a test knows one password: so once more.
    async fn renew(&self) {
        let host = &self.0;
        host.deliver().await;
        let reset = token_in(&host.mailbox.last().unwrap(), "/reset/");
        let _ = host.auth.reset_password(&reset, OTHER_PASSWORD, &client()).await.unwrap();
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let reset = host.token_of("/reset/").await;
        let _ = host.auth.reset_password(&reset, PASSWORD, &client()).await.unwrap();
    }

    /// Whether a code completes a sign-in.
    async fn opens(&self, code: &str) -> bool {
        match self.0.prove(&self.0.challenge(ADA).await, code).await {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.refusal(), Some(&Refusal::InvalidCode));
                false
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_whose_mail_is_written_while_the_account_changes_again_is_good() {
    const CHANGES: usize = 120;
    each_database(|database| async move {
        let scene = Scene::new(database.clone()).await;
        let host = &scene.0;
        let (_, _, session) = scene.add(host.sign_in(ADA).await).await;
        let sudo = scene.sudo(session).await;
        let builder = prepare(Sigra::<User>::builder().url(database.url()), host.clock.clone());
        let worker = host.beside(builder.build().await.unwrap());
        let ended = Arc::new(AtomicBool::new(false));
        let delivering = tokio::spawn({
            let (worker, ended) = (worker.clone(), ended.clone());
            async move {
                while !ended.load(Ordering::Relaxed) {
                    worker.deliver().await;
                }
            }
        });
        for change in 0..CHANGES {
            if change % 15 == 0 {
                // Twenty an hour are allowed.
                database.run("DELETE FROM sigra_limits").await;
            }
            let _ = host.auth.create_backup_codes(&sudo, &client()).await.unwrap();
        }
        ended.store(true, Ordering::Relaxed);
        delivering.await.unwrap();
        // One that lost too often is tried again.
        host.clock.advance(Duration::from_mins(2));
        let links = scene.links(|message| matches!(message, Message::BackupCodesReplaced { .. })).await;
        assert_eq!(links.len(), CHANGES);
        for link in links {
            let _ = scene.disown(&link).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn the_owner_of_a_disabled_account_hears_of_every_change_and_can_undo_it() {
    each_database(|database| async move {
        let scene = Scene::new(database.clone()).await;
        let host = &scene.0;
        let (auth, by) = (&host.auth, &client());
        let (mine, _, session) = scene.add(host.sign_in(ADA).await).await;
        while host.deliver().await > 0 {}
        let id = session.user().id;
        // A stranger's, and the account is disabled on the alarm, before the mail about it.
        let (theirs, _, _) = scene.add(session).await;
        assert!(auth.disable_account("root", &id, by).await.unwrap());
        let link = scene.added().await.pop().unwrap();
        assert_eq!(scene.added().await.len(), 2);
        let _ = scene.disown(&link).await.unwrap();
        assert!(matches!(host.mailbox.last().unwrap().message, Message::FactorAdded { .. }));
        host.deliver().await;
        assert!(matches!(host.mailbox.last().unwrap().message, Message::MustChangePassword { .. }));
        assert!(auth.enable_account("root", &id, by).await.unwrap());
        scene.renew().await;
        assert!(!scene.opens(&theirs.code(0)).await);
        assert!(scene.opens(&mine.code(0)).await);

        // An operator who would rather not be heard.
        assert!(auth.disable_account("root", &id, by).await.unwrap());
        assert!(auth.begin_recovery("root", &id, by).await.unwrap().is_some());
        let begun = scene.links(|message| matches!(message, Message::RecoveryBegun { .. })).await;
        let _ = scene.disown(begun.last().expect("the notice")).await.unwrap();
        host.clock.advance(Duration::from_hours(25));
        assert!(!auth.finish_recovery("root", &id, by).await.unwrap(), "it was stopped");
        assert!(auth.begin_recovery("root", &id, by).await.unwrap().is_some());
        host.clock.advance(Duration::from_hours(25));
        assert!(auth.finish_recovery("root", &id, by).await.unwrap());
        host.deliver().await;
        let mails = host.mailbox.all();
        assert!(mails.iter().any(|mail| matches!(mail.message, Message::RecoveryFinished { .. })));

        // What can be asked for by anybody is not sent, and its links open nothing.
        while host.deliver().await > 0 {}
        auth.request_password_reset(ADA, by).await.unwrap();
        auth.request_unlock(ADA, by).await.unwrap();
        assert_eq!(host.deliver().await, 0);
        assert_eq!(database.count("sigra_outbox", "1 = 1").await, 0);
    })
    .await;
}

#[tokio::test]
async fn undoing_the_last_factor_brings_back_none_that_was_gone_for_longer_than_a_week() {
    each_database(|database| async move {
        for (days, back) in [(8, 0), (6, 1)] {
            let scene = Scene::new(Database::create(database.kind()).await).await;
            let host = &scene.0;
            // A stranger's comes and goes, and its links end with the week.
            let (_, first_id, session) = scene.add(host.sign_in(ADA).await).await;
            let _ = scene.remove(session, first_id).await;
            while host.deliver().await > 0 {}
            host.clock.advance(Duration::from_hours(days * 24));
            let _ = scene.add(host.sign_in(ADA).await).await;
            let link = scene.added().await.pop().unwrap();
            host.clock.advance(Duration::from_hours(24));
            let _ = scene.disown(&link).await.unwrap();
            let counts = "confirmed_at IS NOT NULL AND removed_at IS NULL";
            assert_eq!(host.database.count("sigra_factors", counts).await, back, "after {days} days");
        }
    })
    .await;
}

#[tokio::test]
async fn backup_codes_of_whoever_added_a_factor_end_with_it_and_open_nothing_beside_the_next() {
    each_database(|database| async move {
        for had_another in [false, true] {
            let scene = Scene::new(Database::create(database.kind()).await).await;
            let host = &scene.0;
            let mut session = host.sign_in(ADA).await;
            let mut owners = None;
            if had_another {
                let (app, id, next) = scene.add(session).await;
                (owners, session) = (Some((app, id)), next);
            }
            // A stranger's, who knows the password.
            let (theirs, _, session) = scene.add(session).await;
            let sudo = scene.sudo(session).await;
            let codes = host.auth.create_backup_codes(&sudo, &client()).await.unwrap();
            let codes: Vec<String> = codes.iter().map(str::to_owned).collect();
            if let Some((_, id)) = &owners {
                assert!(host.auth.remove_factor(&sudo, *id, &client()).await.unwrap().is_some());
            }
            let _ = scene.disown(scene.added().await.last().unwrap()).await.unwrap();
            scene.renew().await;
            // The owner has another from now on.
            let session = match &owners {
                Some((app, _)) => host.sign_in_twice(ADA, app).await,
                None => host.sign_in(ADA).await,
            };
            let (mine, _, _) = scene.add(session).await;
            for code in &codes[..2] {
                assert!(!scene.opens(code).await, "had another: {had_another}");
            }
            assert!(!scene.opens(&theirs.code(0)).await);
            assert!(scene.opens(&mine.code(0)).await);
            assert_eq!(host.database.count("sigra_backup_codes", "1 = 1").await, 0);
        }
    })
    .await;
}

#[tokio::test]
async fn undoing_the_last_factor_restores_the_oldest_alone() {
    each_database(|database| async move {
        let scene = Scene::new(database).await;
        let host = &scene.0;
        let (mine, my_id, session) = scene.add(host.sign_in(ADA).await).await;
        // A stranger's come and go, and mine with them.
        let (first, first_id, session) = scene.add(session).await;
        let session = scene.remove(session, my_id).await;
        let (last, _, session) = scene.add(session).await;
        let _ = scene.remove(session, first_id).await;
        let _ = scene.disown(scene.added().await.last().unwrap()).await.unwrap();
        scene.renew().await;
        for app in [&first, &last] {
            assert!(!scene.opens(&app.code(0)).await);
        }
        let session = host.sign_in_twice(ADA, &mine).await;
        let factors = host.auth.factors(session.session()).await.unwrap();
        assert_eq!(factors.iter().map(|factor| factor.id).collect::<Vec<_>>(), [my_id]);
    })
    .await;
}

#[tokio::test]
async fn whoever_adds_factors_to_an_account_that_has_none_is_undone_by_the_links_in_either_order() {
    each_database(|database| async move {
        for last_first in [false, true] {
            let scene = Scene::new(Database::create(database.kind()).await).await;
            let host = &scene.0;
            let (_, first_id, session) = scene.add(host.sign_in(ADA).await).await;
            let (_, _, session) = scene.add(session).await;
            let _ = scene.remove(session, first_id).await;
            let mut links = scene.added().await;
            if last_first {
                links.reverse();
            }
            for link in links {
                let _ = scene.disown(&link).await.unwrap();
            }
            scene.renew().await;
            let _ = host.sign_in(ADA).await;
            assert_eq!(host.database.count("sigra_factors", "1 = 1").await, 0);
        }
    })
    .await;
}

#[tokio::test]
async fn a_restored_factor_finds_its_place_taken_and_gets_it_back() {
    each_database(|database| async move {
        let scene = Scene::new(database).await;
        let host = &scene.0;
        let (mine, my_id, session) = scene.add(host.sign_in(ADA).await).await;
        let mut session = scene.remove(session, my_id).await;
        let mut theirs = Vec::new();
        for _ in 0..5 {
            let (app, _, next) = scene.add(session).await;
            theirs.push(app);
            session = next;
        }
        let _ = scene.disown(scene.removed().await.last().unwrap()).await.unwrap();
        scene.renew().await;
        let counts = "confirmed_at IS NOT NULL AND removed_at IS NULL";
        assert_eq!(host.database.count("sigra_factors", counts).await, 5, "no more than there may be");
        assert!(!scene.opens(&theirs[4].code(0)).await, "the newest went");
        assert!(scene.opens(&theirs[3].code(0)).await);
        let _ = host.sign_in_twice(ADA, &mine).await;
    })
    .await;
}

/// How long the newest mail says that its link is good.
fn within(host: &Host) -> Duration {
    match host.mailbox.last().unwrap().message {
        Message::FactorAdded { within, .. } | Message::FactorRemoved { within, .. } => within,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_link_is_good_for_a_week_from_the_change_and_not_from_its_mail() {
    const HOUR: Duration = Duration::from_hours(1);
    each_database(|database| async move {
        for (late, good) in [(0, 7 * 24), (5 * 24, 2 * 24), (6 * 24 + 12, 24), (9 * 24, 24)] {
            for after in [false, true] {
                let scene = Scene::new(Database::create(database.kind()).await).await;
                let host = &scene.0;
                let (mine, my_id, session) = scene.add(host.sign_in(ADA).await).await;
                while host.deliver().await > 0 {}
                let _ = scene.remove(session, my_id).await;
                host.clock.advance(late * HOUR);
                let link = scene.removed().await.pop().unwrap();
                assert_eq!(within(host), good * HOUR, "{late}");
                host.clock.advance(good * HOUR);
                if after {
                    host.clock.advance(Duration::from_secs(1));
                    let refused = scene.disown(&link).await.unwrap_err();
                    assert_eq!(refused.refusal(), Some(&Refusal::InvalidToken), "{late}");
                } else {
                    host.clock.step_back(Duration::from_mins(10));
                    let _ = scene.disown(&link).await.unwrap();
                    scene.renew().await;
                    let _ = host.sign_in_twice(ADA, &mine).await;
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_went_a_week_before_the_change_is_there_to_be_restored_until_its_link_ends() {
    each_database(|database| async move {
        let scene = Scene::new(database.clone()).await;
        let host = &scene.0;
        let (mine, my_id, session) = scene.add(host.sign_in(ADA).await).await;
        let _ = scene.remove(session, my_id).await;
        host.clock.advance(Duration::from_hours(7 * 24 - 1));
        let _ = scene.add(host.sign_in(ADA).await).await;
        let link = scene.added().await.pop().unwrap();
        host.clock.advance(Duration::from_hours(7 * 24 - 1));
        assert_eq!(host.auth.sweep().await.unwrap().factors, 0);
        let _ = scene.disown(&link).await.unwrap();
        scene.renew().await;
        let session = host.sign_in_twice(ADA, &mine).await;
        // What nobody wants back goes.
        let _ = scene.remove(session, my_id).await;
        host.clock.advance(Duration::from_hours(14 * 24));
        assert_eq!(host.auth.sweep().await.unwrap().factors, 1);
    })
    .await;
}

#[tokio::test]
async fn what_a_late_mail_undoes_is_there_to_be_restored_until_its_link_ends() {
    const HOUR: Duration = Duration::from_hours(1);
    const DAYS: u32 = 24;
    each_database(|database| async move {
        for by_addition in [false, true] {
            let scene = Scene::new(Database::create(database.kind()).await).await;
            let host = &scene.0;
            let (mine, my_id, session) = scene.add(host.sign_in(ADA).await).await;
            while host.deliver().await > 0 {}
            let _ = scene.remove(session, my_id).await;
            // The worker rests until the removed one has half a day left.
            let link = if by_addition {
                while host.deliver().await > 0 {}
                host.clock.advance((7 * DAYS - 1) * HOUR);
                let _ = scene.add(host.sign_in(ADA).await).await;
                host.clock.advance((7 * DAYS - 12) * HOUR);
                scene.added().await.pop().unwrap()
            } else {
                host.clock.advance((14 * DAYS - 12) * HOUR);
                scene.removed().await.pop().unwrap()
            };
            assert_eq!(within(host), 24 * HOUR);
            host.clock.advance(23 * HOUR);
            assert_eq!(host.auth.sweep().await.unwrap().factors, 0);
            let _ = scene.disown(&link).await.unwrap();
            scene.renew().await;
            let session = host.sign_in_twice(ADA, &mine).await;
            let factors = host.auth.factors(session.session()).await.unwrap();
            assert_eq!(factors.iter().map(|factor| factor.id).collect::<Vec<_>>(), [my_id]);
        }
    })
    .await;
}
