//! The table of what ends when, cell by cell: every change is made, and everything there was before it is tried.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use sigra::invalidation::{Cell, Change, KINDS, Kind, TABLE};
use sigra::{Client, Code, Credentials, FactorId, NewSession, Sudo};
use sigra_tests::authenticator::Authenticator;
use sigra_tests::host::{client, client_number, token_in};
use sigra_tests::{Database, Host, OTHER_PASSWORD, PASSWORD, User, UserSignIn, each_database};

const ADA: &str = "ada@example.com";

/// The time at which a backup code was made, as text.
fn as_text(kind: sigra_tests::database::Kind) -> String {
    let text = if kind == sigra_tests::database::Kind::MySql { "CHAR" } else { "TEXT" };
    format!("CAST(created_at AS {text})")
}

/// An account that has one of everything in the table.
struct Scene {
    host: Host,
    /// The session that makes the change.
    own: NewSession<User>,
    /// A session of a trusted browser.
    single: String,
    two_factor: String,
    known: Client,
    trusted: Client,
    pending: String,
    reset: String,
    /// Used by the change itself where that is a reset.
    second_reset: String,
    confirm: String,
    unlock: String,
    disown: String,
    /// Used by the change itself where that is one that undoes another.
    second_disown: String,
    /// When the set from before the change was made, as the database writes it.
    codes_made_at: String,
    enrolment: FactorId,
    enrolled: Authenticator,
}

impl Scene {
    async fn new(database: Database) -> Self {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let (_, own) = host.enrol(ADA).await;
        let (app, own) = host.add_authenticator(own).await;
        // About the second app.
        let second_disown = host.token_of("/disown/").await;
        let sudo = host.auth.sudo(own.into_parts().0).await.unwrap();
        let _ = host.auth.create_backup_codes(&sudo, &client()).await.unwrap();
        let made_at = format!("SELECT {} FROM sigra_backup_codes", as_text(database.kind()));
        let codes_made_at = database.texts(&made_at).await.pop().unwrap();
        // About the codes.
        let disown = host.token_of("/disown/").await;
        let two_factor = host.sign_in_twice(ADA, &app).await.token().expose().to_owned();
        let (known, trusted) = {
            let of = async |client: Client, trust: bool| {
                let challenge = host.challenge(ADA).await;
                let code = Code::new(app.code(0)).trust(trust);
                let token = challenge.token().expose();
                let session = host.auth.prove_second_factor(token, code, &client).await.unwrap();
                host.clock.advance(Duration::from_secs(30));
                client.with_device_token(session.device_token().unwrap().expose())
            };
            (of(client_number(1), false).await, of(client_number(2), true).await)
        };
        let single = match host.auth.sign_in(Credentials::new(ADA, PASSWORD), &trusted).await.unwrap() {
            UserSignIn::Complete(session) => session.token().expose().to_owned(),
            other => panic!("{other:?}"),
        };
        let mut links = Vec::new();
        for path in ["/reset/", "/unlock/", "/confirm/"] {
            match path {
                "/reset/" => host.auth.request_password_reset(ADA, &client()).await.unwrap(),
                "/unlock/" => host.auth.request_unlock(ADA, &client()).await.unwrap(),
                _ => {
                    // A confirmation is only mailed to an address that is not confirmed.
                    database.run("UPDATE sigra_accounts SET confirmed_at = NULL").await;
                    host.auth.resend_confirmation(ADA, &client()).await.unwrap();
                }
            }
            links.push(host.token_of(path).await);
        }
        let now = match database.kind() {
            sigra_tests::database::Kind::Sqlite => "1",
            _ => "CURRENT_TIMESTAMP",
        };
        database.run(&format!("UPDATE sigra_accounts SET confirmed_at = {now}")).await;
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let second_reset = host.token_of("/reset/").await;
        let own = host.sign_in_twice(ADA, &app).await;
        let sudo =
            host.auth.sudo(host.auth.session(own.token().expose()).await.unwrap().unwrap()).await.unwrap();
        let begun = host.auth.begin_totp(&sudo, "tablet", &client()).await.unwrap();
        let enrolled = Authenticator::new(begun.uri(), host.clock.clone());
        let enrolment = begun.id();
        let pending = host.challenge(ADA).await.token().expose().to_owned();
        let mut links = links.into_iter();
        let mut link = || links.next().unwrap();
        let (reset, unlock, confirm) = (link(), link(), link());
        Self {
            host,
            own,
            single,
            two_factor,
            known,
            trusted,
            pending,
            reset,
            second_reset,
            confirm,
            unlock,
            disown,
            second_disown,
            codes_made_at,
            enrolment,
            enrolled,
        }
    }

    async fn sudo(&self) -> Sudo<User> {
        let session = self.host.auth.session(self.own.token().expose()).await.unwrap().unwrap();
        self.host.auth.sudo(session).await.unwrap()
    }

    /// Makes the change, and gives this browser's session after it.
    async fn make(&self, change: Change) -> Option<String> {
        let (auth, id) = (&self.host.auth, self.own.user().id);
        let text = |session: NewSession<User>| Some(session.token().expose().to_owned());
        match change {
            Change::PasswordChanged => {
                let session = self.own.session();
                // It is replaced by another session, which is none of those there were.
                let _ = auth.change_password(session, PASSWORD, OTHER_PASSWORD, &client()).await.unwrap();
                None
            }
            Change::PasswordReset => {
                let _ = auth.reset_password(&self.second_reset, OTHER_PASSWORD, &client()).await.unwrap();
                None
            }
            Change::ChangeRequired => {
                assert!(auth.require_password_change("root", &id, &client()).await.unwrap());
                None
            }
            Change::Disabled => {
                assert!(auth.disable_account("root", &id, &client()).await.unwrap());
                // Or nothing could be told from an account that lets nobody in.
                assert!(auth.enable_account("root", &id, &client()).await.unwrap());
                None
            }
            Change::FactorAdded => {
                let sudo = self.sudo().await;
                let other = auth.begin_totp(&sudo, "laptop", &client()).await.unwrap();
                let app = Authenticator::new(other.uri(), self.host.clock.clone());
                text(auth.confirm_totp(&sudo, other.id(), app.code(0), &client()).await.unwrap())
            }
            Change::FactorRemoved | Change::LastFactorRemoved => {
                if change == Change::LastFactorRemoved {
                    // As if there had been one all the time.
                    let database = &self.host.database;
                    database.run("DELETE FROM sigra_factors WHERE last_used_at = confirmed_at").await;
                }
                let sudo = self.sudo().await;
                let factor = auth.factors(&sudo).await.unwrap()[0].id;
                text(auth.remove_factor(&sudo, factor, &client()).await.unwrap().unwrap())
            }
            Change::CodesReplaced => {
                let _ = auth.create_backup_codes(&self.sudo().await, &client()).await.unwrap();
                Some(self.own.token().expose().to_owned())
            }
            Change::Recovered => {
                assert!(auth.begin_recovery("root", &id, &client()).await.unwrap().is_some());
                // The delay is what `factors.rs` looks at: what stays must not end by itself meanwhile.
                let database = &self.host.database;
                database.run("UPDATE sigra_accounts SET recovery_at = created_at").await;
                assert!(auth.finish_recovery("root", &id, &client()).await.unwrap());
                None
            }
            Change::Disowned => {
                let _ = auth.disown(&self.second_disown, &client()).await.unwrap();
                None
            }
            other => panic!("{other:?} has no case here"),
        }
    }

    /// Whether a thing from before is good after the change. Every way is tried that could say so.
    async fn is_good(&self, kind: Kind, own: Option<&str>) -> bool {
        let (auth, host) = (&self.host.auth, &self.host);
        let counted = async |table: &str, condition: &str| host.database.count(table, condition).await > 0;
        match kind {
            Kind::OwnSession => match own {
                Some(token) => host.is_live(token).await,
                None => host.is_live(self.own.token().expose()).await,
            },
            Kind::SingleFactorSessions => host.is_live(&self.single).await,
            Kind::TwoFactorSessions => host.is_live(&self.two_factor).await,
            // A device counts in the epoch in which the account is.
            Kind::KnownDevices => {
                let network = self.known.network().unwrap().address();
                let live =
                    "epoch = (SELECT a.epoch FROM sigra_accounts a WHERE a.user_id = sigra_devices.user_id)";
                counted("sigra_devices", &format!("{live} AND network = '{network}'")).await
            }
            Kind::TrustedBrowsers => {
                for password in [PASSWORD, OTHER_PASSWORD] {
                    if let Ok(UserSignIn::Complete(session)) =
                        auth.sign_in(Credentials::new(ADA, password), &self.trusted).await
                    {
                        return session.session().assurance().is_from_trusted_browser();
                    }
                }
                false
            }
            Kind::PendingSignIns => auth.pending_sign_in(&self.pending).await.unwrap().is_some(),
            Kind::ResetLinks => auth.reset_password(&self.reset, OTHER_PASSWORD, &client()).await.is_ok(),
            Kind::ConfirmLinks => auth.confirm_email(&self.confirm, &client()).await.is_ok(),
            Kind::UnlockLinks => auth.unlock_by_link(&self.unlock, &client()).await.is_ok(),
            Kind::DisownLinks => auth.disown(&self.disown, &client()).await.is_ok(),
            Kind::BackupCodes => {
                let same = format!("{} = '{}'", as_text(host.database.kind()), self.codes_made_at);
                counted("sigra_backup_codes", &format!("used_at IS NULL AND {same}")).await
            }
            Kind::Enrolments => {
                let session = match own {
                    Some(own) => auth.session(own).await.unwrap(),
                    None => None,
                };
                match session {
                    // As its owner would.
                    Some(session) => {
                        let sudo = auth.sudo(session).await.unwrap();
                        let code = self.enrolled.code(0);
                        auth.confirm_totp(&sudo, self.enrolment, code, &client()).await.is_ok()
                    }
                    None => counted("sigra_factors", "confirmed_at IS NULL").await,
                }
            }
            other => panic!("{other:?} has no case here"),
        }
    }
}

/// The order in which they are tried: none uses up or ends what comes after it. A reset leaves the links that undo a change,
/// which [`TABLE`] says too.
const ORDER: [Kind; 12] = [
    Kind::OwnSession,
    Kind::SingleFactorSessions,
    Kind::TwoFactorSessions,
    Kind::KnownDevices,
    Kind::PendingSignIns,
    Kind::BackupCodes,
    Kind::TrustedBrowsers,
    Kind::UnlockLinks,
    Kind::ConfirmLinks,
    Kind::Enrolments,
    Kind::ResetLinks,
    Kind::DisownLinks,
];

#[tokio::test]
async fn every_cell_of_the_table_is_what_happens() {
    for database in sigra_tests::database::covered() {
        for (change, _) in TABLE {
            let scene = Scene::new(Database::create(database).await).await;
            let own = scene.make(change).await;
            for kind in ORDER {
                let good = scene.is_good(kind, own.as_deref()).await;
                assert_eq!(good, change.does_to(kind) == Cell::Stays, "{database}: {change:?} and {kind:?}");
            }
        }
    }
}

#[tokio::test]
async fn before_a_change_everything_in_the_table_is_good() {
    each_database(|database| async move {
        let scene = Scene::new(database).await;
        let own = scene.own.token().expose().to_owned();
        for kind in ORDER {
            assert!(scene.is_good(kind, Some(&own)).await, "{kind:?}");
        }
    })
    .await;
}

#[test]
fn the_table_is_complete() {
    assert!(KINDS.iter().all(|kind| ORDER.contains(kind)));
    for (number, (change, row)) in TABLE.into_iter().enumerate() {
        assert!(TABLE[..number].iter().all(|(other, _)| *other != change), "{change:?} stands twice");
        for (kind, cell) in KINDS.into_iter().zip(row) {
            assert_eq!(change.does_to(kind), cell);
        }
    }
    let security = include_str!("../../SECURITY.md");
    assert!(
        security.contains(&sigra::invalidation::markdown()),
        "SECURITY.md prints another table:\n{}",
        sigra::invalidation::markdown()
    );
}

/// The links of a scene are what they are called.
#[tokio::test]
async fn the_links_of_a_scene_are_those_of_their_mails() {
    each_database(|database| async move {
        let scene = Scene::new(database).await;
        let mails = scene.host.mailbox.all();
        for (token, path) in
            [(&scene.reset, "/reset/"), (&scene.unlock, "/unlock/"), (&scene.disown, "/disown/")]
        {
            assert!(
                mails.iter().any(|mail| mail.text.contains(path) && token_in(mail, path) == *token),
                "{path}"
            );
        }
    })
    .await;
}
