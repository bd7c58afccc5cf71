//! The trail: no change without its row, one row for each outcome, and no secret in any of them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use sha2::{Digest as _, Sha256};
use sigra::audit::{AuditFilter, ExportFormat};
use sigra::mail::{Mail, MailError, Mailer, Message};
use sigra::{
    AdoptAs, AuditEvent, BrowserId, Builder, Client, Code, Credentials, Error, FactorId, Failure, Keyring,
    NewSession, Refusal, Session, SessionId, Sigra, Sudo,
};
use sigra_tests::authenticator::Authenticator;
use sigra_tests::canary::{Canaries, code_in, hex, unhex};
use sigra_tests::database::{Dump, Dumper, Kind, cells};
use sigra_tests::disk::SmallDisk;
use sigra_tests::evidence::idle_rows;
use sigra_tests::host::{client, client_number, client_of_network, links, prepare, shut_password, token_in};
use sigra_tests::{Database, Host, NewUser, OTHER_PASSWORD, PASSWORD, User, UserSignIn, each_database, log};

const ADA: &str = "ada@example.com";
const WRONG: &str = "a wrong password here";
/// The keys of the tests behind a new one, and a pepper.
const ROTATED: &str =
    "k2:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY k1:dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktdGVzdC0";
const PEPPER: &str = "p1:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI";
/// On every list of the commonest.
const COMMON: &str = "passwordpassword";
/// The user type keeps its trail for 400 days.
const RETENTION: Duration = Duration::from_hours(401 * 24);

/// A database in which every operation has something to do, and something to refuse.
struct Scene {
    host: Host,
    here: NewSession<User>,
    there: Vec<NewSession<User>>,
    /// Signed out before the case runs.
    ended: NewSession<User>,
    /// Of an account whose limit is reached.
    burnt: NewSession<User>,
    disabled: uuid::Uuid,
    leaked: uuid::Uuid,
    shut: uuid::Uuid,
    unlock: String,
    reset: String,
    link: String,
    code: String,
    factors: Factors,
}

/// Accounts with second factors, and what there is to do with them.
struct Factors {
    /// A session with both factors.
    twice: Sudo<User>,
    /// One in which the second was taken back.
    stale: Sudo<User>,
    /// One of an account with five factors.
    many: Sudo<User>,
    /// One of an account without.
    plain: Sudo<User>,
    app: Authenticator,
    pending: String,
    backup: String,
    phone: FactorId,
    enrolment: FactorId,
    enrolled: Authenticator,
    trusted: BrowserId,
    disown: String,
    /// Sign-ins of accounts whose wrong codes are used up, for a while and for good.
    limited: String,
    dark: String,
    /// The recovery of one has just begun, that of the other may be finished.
    lost: uuid::Uuid,
    found: uuid::Uuid,
}

impl Factors {
    async fn new(host: &Host, found: uuid::Uuid) -> Self {
        let sudo = async |session: NewSession<User>| host.auth.sudo(session.into_parts().0).await.unwrap();
        for email in ["twice@example.com", "stale@example.com", "many@example.com", "lost@example.com"] {
            host.account(email).await;
        }
        let (_, stale) = host.enrol("stale@example.com").await;
        let disown = host.token_of("/disown/").await;
        let stale = sudo(stale).await;
        host.database
            .run("UPDATE sigra_sessions SET second_factor = NULL WHERE second_factor IS NOT NULL")
            .await;
        let (mut many_app, mut many) = host.enrol("many@example.com").await;
        for _ in 0..4 {
            (many_app, many) = host.add_authenticator(many).await;
        }
        let limited = host.challenge("many@example.com").await.token().expose().to_owned();
        for _ in 0..5 {
            assert!(host.auth.prove_second_factor(&limited, many_app.wrong(), &client()).await.is_err());
        }
        let (_, lost) = host.enrol("lost@example.com").await;
        let dark = host.challenge("lost@example.com").await.token().expose().to_owned();
        let lost = lost.user().id;
        host.database
            .run("UPDATE sigra_accounts SET factor_failures = 99 WHERE identifier = 'lost@example.com'")
            .await;
        assert!(host.auth.begin_recovery("root", &lost, &client()).await.unwrap().is_some());
        let plain = sudo(host.sign_in("free@example.com").await).await;
        host.database
            .run("UPDATE sigra_accounts SET recovery_at = created_at WHERE identifier = 'leaked@example.com'")
            .await;

        let (app, twice) = host.enrol("twice@example.com").await;
        let twice = sudo(twice).await;
        let phone = host.auth.factors(&twice).await.unwrap()[0].id;
        let backup = {
            let codes = host.auth.create_backup_codes(&twice, &client()).await.unwrap();
            codes.iter().next().unwrap().to_owned()
        };
        let challenge = host.challenge("twice@example.com").await;
        let code = Code::new(app.code(0)).trust(true);
        let _ = host.auth.prove_second_factor(challenge.token().expose(), code, &client()).await.unwrap();
        host.clock.advance(Duration::from_secs(30));
        let trusted = host.auth.trusted_browsers(&twice, &client()).await.unwrap()[0].id;
        let pending = host.challenge("twice@example.com").await.token().expose().to_owned();
        let begun = host.auth.begin_totp(&twice, "tablet", &client()).await.unwrap();
        let enrolled = Authenticator::new(begun.uri(), host.clock.clone());
        let (many, enrolment) = (sudo(many).await, begun.id());
        Self {
            twice,
            stale,
            many,
            plain,
            app,
            pending,
            backup,
            phone,
            enrolment,
            enrolled,
            trusted,
            disown,
            limited,
            dark,
            lost,
            found,
        }
    }
}

/// Every failed attempt of this client is one too many.
const BURNT_NETWORK: u8 = 99;

impl Scene {
    async fn new(database: Database) -> Self {
        let host = Host::start(database).await;
        for email in [
            ADA,
            "burnt@example.com",
            "disabled@example.com",
            "free@example.com",
            "leaked@example.com",
            "shut@example.com",
        ] {
            host.account(email).await;
        }
        let here = host.sign_in(ADA).await;
        let mut there = Vec::new();
        for _ in 0..3 {
            there.push(host.sign_in(ADA).await);
        }
        let ended = host.sign_in(ADA).await;
        host.auth.sign_out(ended.session(), &client()).await.unwrap();
        let burnt = host.sign_in("burnt@example.com").await;
        for number in 0..50 {
            // Ten for the account, and fifty for the network.
            let email = if number < 10 { "burnt@example.com" } else { "locked@example.com" };
            let credentials = Credentials::new(email, WRONG);
            assert!(host.auth.sign_in(credentials, &client_number(BURNT_NETWORK)).await.is_err());
        }
        let leaked = host.sign_in("leaked@example.com").await.user().id;
        assert!(host.auth.require_password_change("root", &leaked, &client()).await.unwrap());
        let shut = host.sign_in("shut@example.com").await.user().id;
        assert!(host.try_sign_in("shut@example.com", WRONG).await.is_err());
        shut_password(&host.database, "shut@example.com").await;
        let disabled = host.sign_in("disabled@example.com").await.user().id;
        assert!(host.auth.disable_account("root", &disabled, &client()).await.unwrap());

        let factors = Factors::new(&host, leaked).await;
        for _ in 0..5 {
            host.auth.request_password_reset("eager@example.com", &client()).await.unwrap();
            host.auth.resend_confirmation("eager@example.com", &client()).await.unwrap();
            host.auth.request_unlock("eager@example.com", &client()).await.unwrap();
        }
        host.auth.request_unlock("free@example.com", &client()).await.unwrap();
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let _ = host.register("link@example.com").await.unwrap();
        let _ = host.register("code@example.com").await.unwrap();
        let _ = host.register("late@example.com").await.unwrap();
        while host.database.count("sigra_outbox", "1 = 1").await > 0 {
            host.deliver().await;
        }
        let mails = host.mailbox.all();
        let newest = |to: &str| mails.iter().rfind(|mail| mail.to == to).unwrap();
        let (reset, link) =
            (token_in(newest(ADA), "/reset/"), token_in(newest("link@example.com"), "/confirm/"));
        let unlock = token_in(newest("free@example.com"), "/unlock/");
        let Message::ConfirmEmail { code, .. } = &newest("code@example.com").message else {
            panic!("no code")
        };
        let code = code.clone();
        host.import("imported@example.com", "!").await;
        // The one mail that waits.
        host.auth.resend_confirmation("late@example.com", &client()).await.unwrap();
        Self { host, here, there, ended, burnt, disabled, leaked, shut, unlock, reset, link, code, factors }
    }

    /// From here on the operations go over another connection.
    async fn connect(&mut self, builder: Builder<User>) {
        self.host.auth = prepare(builder, self.host.clock.clone()).build().await.unwrap();
    }

    fn here(&self) -> &Session<User> {
        self.here.session()
    }

    fn register<'s>(&'s self, email: &'s str, display_name: &'s str) -> Answer<'s> {
        self.register_with(email, PASSWORD, display_name)
    }

    fn register_with<'s>(&'s self, email: &'s str, password: &'s str, name: &'s str) -> Answer<'s> {
        Box::pin(async move {
            let new = NewUser { email: email.into(), password: password.into(), display_name: name.into() };
            drop(self.host.auth.register(new, &client()).await?);
            Ok(())
        })
    }

    fn sign_in<'s>(&'s self, email: &'s str, password: &'s str) -> Answer<'s> {
        Box::pin(async move {
            drop(self.host.try_sign_in(email, password).await?);
            Ok(())
        })
    }

    fn wrong_code(&self) -> &'static str {
        if self.code == "000000" { "000001" } else { "000000" }
    }
}

type Answer<'s> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 's>>;

/// One outcome of one operation.
struct Case {
    /// The row that it writes: event, outcome and reason.
    row: &'static str,
    run: for<'s> fn(&'s Scene) -> Answer<'s>,
}

/// Runs an operation and leaves its value aside.
macro_rules! case {
    ($row:literal, $scene:ident => $operation:expr) => {
        Case {
            row: $row,
            run: |$scene| {
                Box::pin(async move {
                    let _ = $operation.await?;
                    Ok(())
                })
            },
        }
    };
}

/// Every outcome of every operation that a single request can bring about, in an order in which one leaves the next its
/// conditions.
#[allow(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    vec![
        case!("mail.message.send success -", s => s.host.auth.deliver_mail(&s.host.mailbox, &links())),
        case!("account.user.register success -", s => s.host.register("new@example.com")),
        case!("account.user.register refused address_taken", s => s.host.register(ADA)),
        Case {
            row: "account.user.register refused invalid_email",
            run: |s| s.register_with("no address", PASSWORD, "Ada"),
        },
        Case {
            row: "account.user.register refused password_rejected",
            run: |s| s.register_with("new@example.com", "too short", "Ada"),
        },
        Case {
            row: "account.user.register refused password_rejected",
            run: |s| s.register_with("new@example.com", COMMON, "Ada"),
        },
        case!("account.email.request_confirmation success -",
            s => s.host.auth.resend_confirmation("late@example.com", &client())),
        case!("account.email.request_confirmation refused mail_limit",
            s => s.host.auth.resend_confirmation("eager@example.com", &client())),
        case!("account.email.request_confirmation refused invalid_email",
            s => s.host.auth.resend_confirmation("no address", &client())),
        case!("account.email.confirm refused invalid_token", s => s.host.auth.confirm_email("nonsense", &client())),
        case!("account.email.confirm refused invalid_token", s => s.host.auth.confirm_email(&s.reset, &client())),
        case!("account.email.confirm success -", s => s.host.auth.confirm_email(&s.link, &client())),
        case!("account.email.confirm refused invalid_token",
            s => s.host.auth.confirm_email_code("code@example.com", s.wrong_code(), &client())),
        case!("account.email.confirm success -",
            s => s.host.auth.confirm_email_code("code@example.com", &s.code, &client())),
        case!("account.email.confirm refused invalid_token",
            s => s.host.auth.confirm_email_code("nobody@example.com", &s.code, &client())),
        Case { row: "session.password.sign_in success -", run: |s| s.sign_in("free@example.com", PASSWORD) },
        Case {
            row: "session.password.sign_in refused wrong_password",
            run: |s| s.sign_in("free@example.com", WRONG),
        },
        Case {
            row: "session.password.sign_in refused unknown_account",
            run: |s| s.sign_in("nobody@example.com", WRONG),
        },
        Case {
            row: "session.password.sign_in refused unknown_account",
            run: |s| s.sign_in("no address", WRONG),
        },
        Case {
            row: "session.password.sign_in refused unconfirmed",
            run: |s| s.sign_in("late@example.com", PASSWORD),
        },
        Case {
            row: "session.password.sign_in refused disabled",
            run: |s| s.sign_in("disabled@example.com", PASSWORD),
        },
        Case {
            row: "session.password.sign_in refused account_limit",
            run: |s| s.sign_in("burnt@example.com", PASSWORD),
        },
        case!("session.password.sign_in refused network_limit",
            s => s.host.auth.sign_in(Credentials::new(ADA, PASSWORD), &client_number(BURNT_NETWORK))),
        Case {
            row: "session.password.sign_in refused must_change_password",
            run: |s| s.sign_in("leaked@example.com", PASSWORD),
        },
        Case {
            row: "session.password.sign_in refused password_shut",
            run: |s| s.sign_in("shut@example.com", PASSWORD),
        },
        Case {
            row: "session.password.sign_in refused second_factor_due",
            run: |s| s.sign_in("twice@example.com", PASSWORD),
        },
        case!("session.second_factor.prove refused invalid_token",
            s => s.host.auth.prove_second_factor(s.here.token().expose(), s.factors.app.code(0), &client())),
        case!("session.second_factor.prove refused wrong_code",
            s => s.host.auth.prove_second_factor(&s.factors.pending, s.factors.app.wrong(), &client())),
        case!("session.second_factor.prove success -",
            s => s.host.auth.prove_second_factor(&s.factors.pending, s.factors.app.code(0), &client())),
        case!("session.second_factor.prove refused factor_limit",
            s => s.host.auth.prove_second_factor(&s.factors.limited, "123456", &client())),
        case!("session.second_factor.prove refused factor_shut",
            s => s.host.auth.prove_second_factor(&s.factors.dark, "123456", &client())),
        case!("session.own.step_up refused wrong_password",
            s => s.host.auth.step_up_with_password(&s.factors.twice, WRONG, &client())),
        case!("session.own.step_up success -",
            s => s.host.auth.step_up_with_password(&s.factors.twice, PASSWORD, &client())),
        case!("session.own.step_up refused sudo_required",
            s => s.host.auth.step_up_with_password(&s.factors.stale, PASSWORD, &client())),
        case!("session.own.step_up refused session_ended",
            s => s.host.auth.step_up_with_code(s.ended.session(), "123456", &client())),
        case!("session.own.step_up refused wrong_code",
            s => s.host.auth.step_up_with_code(&s.factors.twice, "123 45", &client())),
        case!("session.own.step_up success -",
            s => s.host.auth.step_up_with_code(&s.factors.twice, s.factors.backup.as_str(), &client())),
        case!("account.password.change refused sudo_required",
            s => s.host.auth.change_password(&s.factors.stale, PASSWORD, OTHER_PASSWORD, &client())),
        case!("account.trust.revoke refused nothing_to_do",
            s => s.host.auth.revoke_trusted_browsers(s.here(), &client())),
        case!("account.trust.revoke success -",
            s => s.host.auth.revoke_trusted_browser(&s.factors.twice, s.factors.trusted, &client())),
        case!("account.trust.revoke refused session_ended",
            s => s.host.auth.revoke_trusted_browsers(s.ended.session(), &client())),
        case!("account.factor.add refused wrong_code",
            s => s.host.auth.confirm_totp(&s.factors.twice, s.factors.enrolment, s.factors.enrolled.wrong(), &client())),
        case!("account.factor.add refused invalid_token",
            s => s.host.auth.confirm_totp(&s.factors.plain, s.factors.enrolment, s.factors.enrolled.code(0), &client())),
        case!("account.factor.add refused sudo_required",
            s => s.host.auth.confirm_totp(&s.factors.stale, s.factors.enrolment, s.factors.enrolled.code(0), &client())),
        case!("account.factor.add success -",
            s => s.host.auth.confirm_totp(&s.factors.twice, s.factors.enrolment, s.factors.enrolled.code(0), &client())),
        case!("account.factor.begin refused too_many_factors",
            s => s.host.auth.begin_totp(&s.factors.many, "", &client())),
        case!("account.factor.begin refused sudo_required",
            s => s.host.auth.begin_totp(&s.factors.stale, "", &client())),
        case!("account.factor.begin success -", s => s.host.auth.begin_totp(&s.factors.twice, "", &client())),
        case!("account.backup_codes.create refused no_factor",
            s => s.host.auth.create_backup_codes(&s.factors.plain, &client())),
        case!("account.backup_codes.create success -",
            s => s.host.auth.create_backup_codes(&s.factors.twice, &client())),
        case!("account.factor.remove refused nothing_to_do",
            s => s.host.auth.remove_factor(&s.factors.plain, s.factors.enrolment, &client())),
        case!("account.factor.remove success -",
            s => s.host.auth.remove_factor(&s.factors.twice, s.factors.phone, &client())),
        case!("account.change.disown refused invalid_token", s => s.host.auth.disown(&s.reset, &client())),
        case!("account.change.disown success -", s => s.host.auth.disown(&s.factors.disown, &client())),
        case!("account.recovery.begin success -",
            s => s.host.auth.begin_recovery("root", &s.factors.many.user().id, &client())),
        case!("account.recovery.begin refused nothing_to_do",
            s => s.host.auth.begin_recovery("root", &uuid::Uuid::nil(), &client())),
        case!("account.recovery.finish refused too_early",
            s => s.host.auth.finish_recovery("root", &s.factors.lost, &client())),
        case!("account.recovery.finish success -",
            s => s.host.auth.finish_recovery("root", &s.factors.found, &client())),
        case!("account.recovery.finish refused nothing_to_do",
            s => s.host.auth.finish_recovery("root", &uuid::Uuid::nil(), &client())),
        case!("account.recovery.cancel success -",
            s => s.host.auth.cancel_recovery("root", &s.factors.lost, &client())),
        case!("account.recovery.cancel refused nothing_to_do",
            s => s.host.auth.cancel_recovery("root", &uuid::Uuid::nil(), &client())),
        case!("account.user.request_unlock success -",
            s => s.host.auth.request_unlock("nobody@example.com", &client())),
        case!("account.user.request_unlock refused mail_limit",
            s => s.host.auth.request_unlock("eager@example.com", &client())),
        case!("account.user.request_unlock refused invalid_email",
            s => s.host.auth.request_unlock("no address", &client())),
        case!("account.user.unlock refused invalid_token", s => s.host.auth.unlock_by_link("nonsense", &client())),
        case!("account.user.unlock success -", s => s.host.auth.unlock_by_link(&s.unlock, &client())),
        case!("account.user.unlock success -",
            s => s.host.auth.unlock_account("root", &s.leaked, &client())),
        case!("account.user.unlock refused nothing_to_do",
            s => s.host.auth.unlock_account("root", &uuid::Uuid::nil(), &client())),
        case!("account.password.require_change refused nothing_to_do",
            s => s.host.auth.require_password_change("root", &s.leaked, &client())),
        case!("account.password.require_change success -",
            s => s.host.auth.require_password_change("root", &s.shut, &client())),
        case!("session.own.sign_out refused session_ended", s => s.host.auth.sign_out(s.ended.session(), &client())),
        case!("session.own.sign_out success -", s => s.host.auth.sign_out(s.there[0].session(), &client())),
        case!("session.other.revoke success -",
            s => s.host.auth.revoke_session(s.here(), s.there[1].session().id(), &client())),
        case!("session.other.revoke refused nothing_to_do",
            s => s.host.auth.revoke_session(s.here(), "019a0000-0000-7000-8000-000000000000".parse().unwrap(), &client())),
        case!("session.other.revoke refused nothing_to_do",
            s => s.host.auth.revoke_session(s.here(), s.burnt.session().id(), &client())),
        case!("session.other.revoke refused session_ended",
            s => s.host.auth.revoke_session(s.ended.session(), s.here().id(), &client())),
        case!("session.others.revoke success -", s => s.host.auth.revoke_other_sessions(s.here(), &client())),
        case!("session.others.revoke refused nothing_to_do",
            s => s.host.auth.revoke_other_sessions(s.here(), &client())),
        case!("session.others.revoke refused session_ended",
            s => s.host.auth.revoke_other_sessions(s.ended.session(), &client())),
        case!("session.all.revoke refused session_ended",
            s => s.host.auth.revoke_all_sessions(s.ended.session(), &client())),
        case!("account.password.change refused wrong_password",
            s => s.host.auth.change_password(s.here(), WRONG, OTHER_PASSWORD, &client())),
        case!("account.password.change refused password_rejected",
            s => s.host.auth.change_password(s.here(), PASSWORD, "too short", &client())),
        case!("account.password.change refused password_rejected",
            s => s.host.auth.change_password(s.here(), PASSWORD, COMMON, &client())),
        case!("account.password.change refused password_unchanged",
            s => s.host.auth.change_password(s.here(), PASSWORD, PASSWORD, &client())),
        case!("account.password.change refused account_limit",
            s => s.host.auth.change_password(s.burnt.session(), PASSWORD, OTHER_PASSWORD, &client())),
        case!("account.password.change refused network_limit",
            s => s.host.auth.change_password(s.here(), PASSWORD, OTHER_PASSWORD, &client_number(BURNT_NETWORK))),
        case!("account.password.change refused session_ended",
            s => s.host.auth.change_password(s.ended.session(), PASSWORD, OTHER_PASSWORD, &client())),
        case!("account.password.request_reset success -",
            s => s.host.auth.request_password_reset("nobody@example.com", &client())),
        case!("account.password.request_reset refused mail_limit",
            s => s.host.auth.request_password_reset("eager@example.com", &client())),
        case!("account.password.request_reset refused invalid_email",
            s => s.host.auth.request_password_reset("no address", &client())),
        case!("account.password.reset refused invalid_token",
            s => s.host.auth.reset_password("nonsense", OTHER_PASSWORD, &client())),
        case!("account.password.reset refused password_rejected",
            s => s.host.auth.reset_password(&s.reset, "too short", &client())),
        case!("account.password.reset refused password_rejected",
            s => s.host.auth.reset_password(&s.reset, COMMON, &client())),
        case!("session.all.revoke success -", s => s.host.auth.revoke_all_sessions(s.here(), &client())),
        case!("account.password.reset success -",
            s => s.host.auth.reset_password(&s.reset, OTHER_PASSWORD, &client())),
        case!("account.password.reset refused invalid_token",
            s => s.host.auth.reset_password(&s.link, OTHER_PASSWORD, &client())),
        case!("account.user.disable refused nothing_to_do",
            s => s.host.auth.disable_account("root", &s.disabled, &client())),
        case!("account.user.disable refused nothing_to_do",
            s => s.host.auth.disable_account("root", &uuid::Uuid::nil(), &client())),
        Case {
            row: "account.user.register refused invalid_value",
            run: |s| s.register("new@example.com", "refused"),
        },
        Case { row: "account.user.register refused invalid_value", run: |s| s.register(ADA, "refused") },
        // Nobody has confirmed this address, and now two have registered with it.
        Case {
            row: "account.user.register refused address_contested",
            run: |s| s.register("late@example.com", "Ada"),
        },
        case!("account.user.adopt success -",
            s => s.host.auth.adopt_accounts("root", |_| AdoptAs::Confirmed, &client())),
        case!("account.user.adopt refused nothing_to_do",
            s => s.host.auth.adopt_accounts("root", |_| AdoptAs::Confirmed, &client())),
        case!("account.user.enable refused nothing_to_do",
            s => s.host.auth.enable_account("root", &s.burnt.user().id, &client())),
        case!("account.user.enable success -", s => s.host.auth.enable_account("root", &s.disabled, &client())),
        case!("account.user.disable success -",
            s => s.host.auth.disable_account("root", &s.burnt.user().id, &client())),
        case!("keyring.keys.rotate failed keys", s => s.host.auth.rotate_keys(Keyring::parse(PEPPER).unwrap())),
        case!("keyring.keys.rotate success -", s => s.host.auth.rotate_keys(Keyring::parse(ROTATED).unwrap())),
        case!("keyring.peppers.rotate success -", s => s.host.auth.rotate_peppers(Keyring::parse(PEPPER).unwrap())),
        case!("keyring.peppers.rotate failed keys", s => s.host.auth.rotate_peppers(Keyring::parse(ROTATED).unwrap())),
    ]
}

/// A change of the password leaves its session nothing to be used for, so it has a scene to itself at the end.
async fn change(scene: &Scene) -> Result<(), Error> {
    scene.host.auth.change_password(scene.here(), PASSWORD, OTHER_PASSWORD, &client()).await.map(|_| ())
}

/// The names of a kind that the library's source gives its events or reasons.
fn names(of: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let source = include_str!("../../sigra/src/audit/event.rs");
    let all =
        source.lines().filter_map(|line| line.split_once("=> \"")?.1.split_once("\",")).map(|(name, _)| name);
    all.filter(|name| of(name)).map(str::to_owned).collect()
}

fn is_event(name: &str) -> bool {
    name.matches('.').count() == 2
}

#[tokio::test]
async fn every_outcome_of_every_operation_writes_its_one_row() {
    each_database(|database| async move {
        let scene = Scene::new(database.clone()).await;
        let mut seen = scene.host.trail().await.len();
        let mut rows = BTreeSet::new();
        let mut check = async |name: String, row: &str| {
            let trail = scene.host.trail().await;
            assert_eq!(trail[seen..], [row], "after {name}");
            seen = trail.len();
            rows.insert(row.to_owned());
        };
        for (number, case) in cases().into_iter().enumerate() {
            let result = (case.run)(&scene).await;
            let is_failure = matches!(result, Err(Error::Failed(_)));
            assert_eq!(is_failure, case.row.contains(" failed "), "case {number}, {}: {result:?}", case.row);
            check(format!("case {number}"), case.row).await;
        }
        let again = scene.host.sign_in_with(ADA, OTHER_PASSWORD).await;
        check("signing in".into(), "session.password.sign_in success -").await;
        let changed =
            scene.host.auth.change_password(again.session(), OTHER_PASSWORD, PASSWORD, &client()).await;
        assert!(changed.is_ok());
        check("changing the password".into(), "account.password.change success -").await;
        let erase =
            async |user| scene.host.auth.erase_personal_facts("root", &user, &client()).await.unwrap();
        assert!(erase(again.user().id).await > 0);
        check("erasing facts".into(), "audit.facts.erase success -").await;
        assert_eq!(erase(uuid::Uuid::max()).await, 0);
        check("erasing none".into(), "audit.facts.erase refused nothing_to_do").await;
        let take = AuditFilter::new();
        assert!(scene.host.auth.export_audit("root", take, ExportFormat::Csv, &client()).await.is_ok());
        check("exporting".into(), "audit.trail.export success -").await;
        // Reading leaves no row.
        let live = scene.host.auth.session(changed.unwrap().token().expose()).await.unwrap().unwrap();
        scene.host.auth.sessions(&live).await.unwrap();
        scene.host.auth.activity(&live, 10).await.unwrap();
        scene.host.auth.audit_page(&AuditFilter::new(), None).await.unwrap();
        scene.host.auth.forward_audit().await.unwrap();
        assert_eq!(scene.host.trail().await.len(), seen);
        // The trail of a year ago goes by whole segments, and the last thing it says is that they went.
        idle_rows(&scene.host, 300).await;
        let full = database.count("sigra_audit", "1 = 1").await / 256 * 256;
        scene.host.clock.advance(RETENTION);
        scene.host.auth.seal_audit().await.unwrap();
        seen = scene.host.trail().await.len();
        let swept = scene.host.auth.sweep().await.unwrap();
        assert_eq!(swept.audit, u64::try_from(full).unwrap());
        assert!(swept.sessions > 0 && swept.tokens > 0 && swept.limits > 0, "{swept:?}");
        let trail = scene.host.trail().await;
        assert_eq!(trail.len(), seen - usize::try_from(full).unwrap() + 1);
        assert_eq!(trail.last().unwrap(), "audit.rows.remove success -");
        rows.insert("audit.rows.remove success -".to_owned());
        // In all of this no two rows of the same outcome were counted as one.
        assert_eq!(database.count("sigra_audit", "count <> 1").await, 0);
        assert_eq!(database.count("sigra_audit_counts", "1 = 1").await, 0);

        // An event or a reason that is new in the library must have its case here.
        let word = |place: usize| -> BTreeSet<String> {
            rows.iter()
                .map(|row| row.split(' ').nth(place).unwrap().to_owned())
                .filter(|word| word != "-")
                .collect()
        };
        let events = names(is_event);
        assert!(events.len() >= 15, "{events:?}");
        assert_eq!(word(0), events);
        let mut reasons = names(|name| !is_event(name) && !["success", "refused", "failed"].contains(&name));
        // These need a race, a mailer or a source that fails, a host that meddles, and a thousand attempts: they have tests of their
        // own, here and in `mail.rs`, `races.rs`, `lockout.rs`, `factors.rs`, `hashes.rs` and `policy.rs`.
        for elsewhere in [
            "account_changed",
            "breached_passwords",
            "change_limit",
            "device_limit",
            "delivery_failed",
            "internal_error",
            "address_changed",
            "overall_limit",
            "right_password_limit",
            "unreadable_hash",
        ] {
            assert!(reasons.remove(elsewhere), "{elsewhere}");
        }
        assert_eq!(word(2), reasons);
    })
    .await;
}

/// The operations that write rows, by their methods and the events of these, as the library's source has them.
fn operations_with_rows() -> Vec<(String, String)> {
    let quoted = |text: &str, before: &str, after: &str| {
        let mut found = BTreeMap::new();
        for line in text.lines() {
            if let Some((names, value)) = line.trim().split_once(before)
                && let Some(value) = value.strip_suffix(after)
            {
                for name in names.split(" | ") {
                    found.insert(name.trim_start_matches("Self::").to_owned(), value.to_owned());
                }
            }
        }
        found
    };
    let events = quoted(include_str!("../../sigra/src/telemetry/spans.rs"), " => Event::", ",");
    let names = quoted(include_str!("../../sigra/src/audit/event.rs"), " => \"", "\",");
    let mut operations = Vec::new();
    for file in std::fs::read_dir("../sigra/src/operations").unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        for method in std::fs::read_to_string(path).unwrap().split("    pub fn ").skip(1) {
            let (name, rest) = method.split_once(['<', '(']).unwrap();
            if let Some((_, named)) = rest.split_once("watched::<U>(Named::")
                && let Some(event) = events.get(named.split(')').next().unwrap())
            {
                operations.push((name.to_owned(), names[event].clone()));
            }
        }
    }
    operations
}

/// A new operation must come into the table with what it can come to: what the source has is held to what this file calls.
#[test]
fn every_operation_that_writes_rows_has_its_cases() {
    let operations = operations_with_rows();
    // Whoever adds one counts it here: a line of the source that is broken in another way would not be seen.
    assert_eq!(operations.len(), 36, "{operations:?}");
    let here = include_str!("audit.rs");
    let here = here.split_once("fn cases()").unwrap().1.split_once("fn operations_with_rows()").unwrap().0;
    let rows: Vec<_> = cases().iter().map(|case| case.row).collect();
    for (method, event) in operations {
        assert!(
            here.contains(&format!(".{method}(")) || ["sign_in", "register"].contains(&&*method),
            "{method}"
        );
        for outcomes in [&["success"][..], &["refused", "failed"]] {
            // Beside the table.
            let apart = ["audit.facts.erase", "audit.trail.export"].contains(&&*event)
                || (event == "account.password.change" && outcomes == ["success"]);
            if apart {
                continue;
            }
            let has =
                |row: &&&str| outcomes.iter().any(|outcome| row.starts_with(&format!("{event} {outcome} ")));
            assert!(rows.iter().any(|row| has(&row)), "{event} {outcomes:?}");
        }
    }
}

/// A table is missing that an operation needs, and it is not the trail's.
#[tokio::test]
async fn what_fails_has_its_row_too() {
    each_database(|database| async move {
        let scene = Scene::new(database.clone()).await;
        let mut failed = BTreeSet::new();
        let mut seen = scene.host.trail().await.len();
        for table in ["sigra_keys", "sigra_outbox", "sigra_accounts", "sigra_sessions", "users"] {
            database.run(&format!("ALTER TABLE {table} RENAME TO sigra_elsewhere")).await;
            for (number, case) in cases().into_iter().enumerate() {
                // The worker's, which tries again; and what does not look at the table of the keys.
                let is_rotation = case.row.starts_with("keyring.");
                if case.row.starts_with("mail.") || is_rotation != (table == "sigra_keys") {
                    continue;
                }
                let result = (case.run)(&scene).await;
                let trail = scene.host.trail().await;
                let name = format!("case {number}, {}, without {table}: {result:?}", case.row);
                assert_eq!(trail.len(), seen + 1, "{name}");
                let (row, event) = (trail.last().unwrap(), case.row.split(' ').next().unwrap());
                seen += 1;
                if let Err(Error::Failed(Failure::Database(_))) = result {
                    assert_eq!(row, &format!("{event} failed internal_error"), "{name}");
                    failed.insert(event);
                } else {
                    assert!(row.starts_with(event) && !row.contains("internal_error"), "{name}: {row}");
                }
            }
            database.run(&format!("ALTER TABLE sigra_elsewhere RENAME TO {table}")).await;
        }
        let all: BTreeSet<_> = cases().iter().map(|case| case.row.split(' ').next().unwrap()).collect();
        let never: Vec<_> = all.difference(&failed).collect();
        assert_eq!(never, [&"mail.message.send"]);
        let details = "reason = 'internal_error' AND details = '{\"failure\":\"database\"}'";
        let rows = database.count("sigra_audit", details).await;
        assert!(rows >= i64::try_from(failed.len()).unwrap());
        // Who asked for it: a session, an operator, or neither.
        for actor in [
            "user_id IS NOT NULL AND session_id IS NOT NULL",
            "actor = 'operator:root'",
            "actor = 'visitor' AND user_id IS NULL",
            "actor = 'system' AND event LIKE 'keyring.%'",
        ] {
            assert!(database.count("sigra_audit", &format!("{details} AND {actor}")).await > 0, "{actor}");
        }
        // A flood of failures is counted like one of refusals.
        database.run("ALTER TABLE sigra_accounts RENAME TO sigra_elsewhere").await;
        for _ in 0..150 {
            assert!(scene.host.try_sign_in(ADA, PASSWORD).await.is_err());
        }
        database.run("ALTER TABLE sigra_elsewhere RENAME TO sigra_accounts").await;
        assert!(database.count("sigra_audit_counts", "reason = 'internal_error' AND count > 1").await > 0);
        // What only reads has none.
        let seen = scene.host.trail().await.len();
        database.run("ALTER TABLE sigra_sessions RENAME TO sigra_elsewhere").await;
        assert!(scene.host.auth.session(scene.here.token().expose()).await.is_err());
        database.run("ALTER TABLE sigra_elsewhere RENAME TO sigra_sessions").await;
        assert_eq!(scene.host.trail().await.len(), seen);
    })
    .await;
}

/// Makes the trail refuse its rows; `only` the ones with this outcome.
async fn close_the_trail(database: &Database, only: Option<&str>) {
    let when = only.map_or("1 = 1".into(), |outcome| format!("NEW.outcome = '{outcome}'"));
    database
        .run(&match database.kind() {
            Kind::Sqlite => format!(
                "CREATE TRIGGER closed BEFORE INSERT ON sigra_audit WHEN {when} \
                 BEGIN SELECT RAISE(ABORT, 'the trail is closed'); END"
            ),
            Kind::Postgres => format!(
                "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
                 'BEGIN RAISE EXCEPTION ''the trail is closed''; END'; \
                 CREATE TRIGGER closed BEFORE INSERT ON sigra_audit FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION refuse()"
            ),
            Kind::MySql => format!(
                "CREATE TRIGGER closed BEFORE INSERT ON sigra_audit FOR EACH ROW IF {when} \
                 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the trail is closed'; END IF"
            ),
        })
        .await;
}

async fn open_the_trail(database: &Database) {
    let on = if database.kind() == Kind::Postgres { " ON sigra_audit" } else { "" };
    database.run(&format!("DROP TRIGGER closed{on}")).await;
}

/// The failure that says so, and whose row it was.
fn assert_closed(result: Result<(), Error>, name: &str) {
    match result {
        Err(Error::Failed(Failure::Audit { table, source })) => {
            assert_eq!(table, "sigra_audit", "{name}");
            assert!(source.to_string().contains("the trail is closed"), "{name}: {source}");
        }
        other => panic!("{name} was not refused for the trail: {other:?}"),
    }
}

/// Without what is counted before anything is done.
fn without_counts(mut dump: Dump) -> Dump {
    dump.remove("sigra_limits");
    if let Some(tokens) = dump.get_mut("sigra_tokens") {
        for token in tokens.iter_mut() {
            // Each database has its own way with blanks.
            let (before, rest) = token.split_once("\"attempts\"").unwrap();
            *token = format!("{before}{}", rest.splitn(3, '"').last().unwrap());
        }
        tokens.sort();
    }
    dump
}

/// Runs every case and the change of a password on a trail that takes no rows. `check` looks at each result.
async fn assert_nothing_is_done(scene: &Scene, dumper: &Dumper, check: impl Fn(Result<(), Error>, &str)) {
    let mails = scene.host.mailbox.all().len();
    let mut before = dumper.dump().await;
    for (number, case) in cases().into_iter().enumerate() {
        let name = format!("case {number}, {}", case.row);
        check((case.run)(scene).await, &name);
        let after = dumper.dump().await;
        // An attempt at a password, a registration and a try of a link are counted in a transaction of their own before a hash is
        // computed. They stay counted: whoever could stop the trail could otherwise guess, or keep the server busy, without end.
        let reserves = [
            "session.password.sign_in",
            "account.password.change",
            "account.password.reset",
            "session.own.step_up",
            "account.user.register",
        ];
        if reserves.iter().any(|event| case.row.starts_with(event)) {
            assert_eq!(without_counts(before), without_counts(after.clone()), "{name}");
        } else {
            assert_eq!(before, after, "{name}");
        }
        before = after;
    }
    let before = without_counts(dumper.dump().await);
    check(change(scene).await, "changing the password");
    assert_eq!(without_counts(dumper.dump().await), before);

    // Sealing writes no row of its own, so it may go on; erasing seals first.
    let auth = &scene.host.auth;
    drop(auth.seal_audit().await);
    let before = dumper.dump().await;
    let (user, by) = (scene.here().user().id, client());
    check(auth.erase_personal_facts("root", &user, &by).await.map(|_| ()), "erasing facts");
    let exported = auth.export_audit("root", AuditFilter::new(), ExportFormat::Ocsf, &by).await;
    check(exported.map(|_| ()), "exporting");
    check(auth.record(scene.here(), Small, &by).await, "recording");
    check(auth.record_by_operator("root", Some(&user), Small, &by).await, "recording for an operator");
    check(auth.record_by_system(None, Small, &by).await, "recording for the system");
    assert_eq!(dumper.dump().await, before);
    assert_eq!(scene.host.mailbox.all().len(), mails, "no mail without its row");
}

#[tokio::test]
async fn without_its_row_no_operation_changes_anything() {
    each_database(|database| async move {
        let scene = Scene::new(database.clone()).await;
        let dumper = database.dumper().await;
        close_the_trail(&database, None).await;
        assert_nothing_is_done(&scene, &dumper, assert_closed).await;

        scene.host.auth.seal_audit().await.unwrap();

        // It was the trail and nothing else: with it open the same requests go through, and nobody is signed out meanwhile.
        open_the_trail(&database).await;
        for session in std::iter::once(&scene.here).chain(&scene.there) {
            assert!(scene.host.is_live(session.token().expose()).await);
        }
        assert_eq!(scene.host.deliver().await, 1);
        scene.host.auth.confirm_email(&scene.link, &client()).await.unwrap();
        scene.host.auth.confirm_email_code("code@example.com", &scene.code, &client()).await.unwrap();
        let _ = scene.host.auth.reset_password(&scene.reset, OTHER_PASSWORD, &client()).await.unwrap();
        let _ = scene.host.sign_in_with(ADA, OTHER_PASSWORD).await;

        // Removing old rows of the trail is an operation like any other.
        idle_rows(&scene.host, 300).await;
        scene.host.clock.advance(RETENTION);
        scene.host.auth.seal_audit().await.unwrap();
        close_the_trail(&database, None).await;
        let before = dumper.dump().await;
        assert_closed(scene.host.auth.sweep().await.map(|_| ()), "sweeping");
        let after = dumper.dump().await;
        for table in ["sigra_audit", "sigra_audit_tree", "sigra_audit_segments"] {
            assert_eq!(after[table], before[table]);
        }
    })
    .await;
}

#[tokio::test]
async fn without_the_right_to_write_rows_no_operation_changes_anything() {
    each_database(|database| async move {
        // SQLite knows no rights but those of the file.
        if database.kind() == Kind::Sqlite {
            return;
        }
        let mut scene = Scene::new(database.clone()).await;
        let guest = database.guest("sigra_audit").await;
        scene.connect(Sigra::builder().url(&guest)).await;
        assert_nothing_is_done(&scene, &database.dumper().await, |result, name| match result {
            Err(Error::Failed(Failure::Audit { source, .. })) => {
                assert!(source.to_string().contains("denied"), "{name}: {source}");
            }
            other => panic!("{name} was not refused for the trail: {other:?}"),
        })
        .await;
        // It was this right and no other.
        database.grant_insert("sigra_audit").await;
        assert_eq!(scene.host.deliver().await, 1);
        let _ = scene.host.auth.reset_password(&scene.reset, OTHER_PASSWORD, &client()).await.unwrap();
        let _ = scene.host.sign_in_with(ADA, OTHER_PASSWORD).await;
    })
    .await;
}

/// A failure of the database, with or without the trail named, and what it must say.
fn assert_says(result: Result<(), Error>, text: &str, name: &str) {
    match result {
        Err(Error::Failed(Failure::Database(source) | Failure::Audit { source, .. })) => {
            assert!(source.to_string().contains(text), "{name}: {source}");
        }
        other => panic!("{name} was not refused: {other:?}"),
    }
}

#[tokio::test]
async fn on_a_read_only_file_no_operation_changes_anything() {
    each_database(|database| async move {
        if database.kind() != Kind::Sqlite {
            return;
        }
        let mut scene = Scene::new(database.clone()).await;
        // The mode of a file stops everybody but the administrator, whom tests may run as; this stops both alike.
        scene.connect(Sigra::builder().url(&database.url().replace("mode=rwc", "mode=ro"))).await;
        let dumper = database.dumper().await;
        let all = dumper.dump().await;
        assert_nothing_is_done(&scene, &dumper, |result, name| assert_says(result, "readonly", name)).await;
        assert_eq!(dumper.dump().await, all, "not even a counter");
        assert!(scene.host.is_live(scene.here.token().expose()).await, "what is only read goes on");
    })
    .await;
}

/// The smallest row that there is.
#[derive(Clone, Copy, Debug, AuditEvent)]
#[sigra(event = "a.b.c")]
struct Small;

/// Writes rows until not even the smallest has room.
async fn fill_the_trail(scene: &Scene) -> Error {
    loop {
        let written = scene.host.auth.record_by_system(None, Small, &Client::unknown()).await;
        if let Err(error) = written {
            return error;
        }
    }
}

#[tokio::test]
async fn on_a_full_disk_no_operation_changes_anything() {
    each_database(|database| async move {
        let disk = match database.kind() {
            Kind::Sqlite => None,
            _ => match SmallDisk::mount(&database).await {
                Some(disk) => Some(disk),
                None => return,
            },
        };
        let mut scene = Scene::new(database.clone()).await;
        if let Some(disk) = &disk {
            disk.fill().await;
        } else {
            // A file that may not grow: the same answer of SQLite's as on a full disk.
            let pages = database.texts("SELECT CAST(page_count AS TEXT) FROM pragma_page_count").await;
            let limit = format!("PRAGMA max_page_count = {}; PRAGMA busy_timeout = 10000", pages[0]);
            let pool = pool_that_begins_with(&database, limit).await;
            scene.connect(Sigra::builder().sqlite_pool(pool)).await;
        }
        let full = ["full", "No space left"];
        let check = |result: Result<(), Error>, name: &str| {
            let said = format!("{result:?}");
            let text = full.into_iter().find(|text| said.contains(text)).unwrap_or(full[0]);
            assert_says(result, text, name);
        };
        check(Err(fill_the_trail(&scene).await), "filling the disk");
        assert_nothing_is_done(&scene, &database.dumper().await, check).await;
        assert!(scene.host.is_live(scene.here.token().expose()).await, "what is only read goes on");
        drop((scene, disk));
    })
    .await;
}

/// A pool whose every connection runs a statement first.
async fn pool_that_begins_with(database: &Database, limit: String) -> sqlx::SqlitePool {
    sqlx::sqlite::SqlitePoolOptions::new()
        .max_connections(4)
        .after_connect(move |connection, _| {
            let limit = sqlx::AssertSqlSafe(limit.clone());
            Box::pin(async move { sqlx::raw_sql(limit).execute(connection).await.map(|_| ()) })
        })
        .connect(database.url())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_trail_that_is_not_there_refuses_too() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let session = host.sign_in(ADA).await;
        database.run("ALTER TABLE sigra_audit RENAME TO sigra_elsewhere").await;
        let dumper = database.dumper().await;
        let before = without_counts(dumper.dump().await);
        let results = [
            host.register("eve@example.com").await.map(|_| ()),
            host.try_sign_in(ADA, PASSWORD).await.map(|_| ()),
            host.auth.sign_out(session.session(), &client()).await,
        ];
        for result in results {
            let Err(Error::Failed(failure @ Failure::Audit { .. })) = result else { panic!("{result:?}") };
            assert!(
                failure.to_string().contains("nothing was changed; check the table `sigra_audit`"),
                "{failure}"
            );
        }
        assert_eq!(without_counts(dumper.dump().await), before);
        assert!(host.is_live(session.token().expose()).await, "what is only read goes on");
    })
    .await;
}

/// A server that takes no mail.
struct Refusing;

impl Mailer for Refusing {
    fn send(&self, _: Mail) -> Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + '_>> {
        Box::pin(async { Err(MailError::new("try again later")) })
    }
}

#[tokio::test]
async fn a_mail_is_given_up_with_its_row_or_not_at_all() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        let _ = host.register(ADA).await.unwrap();
        // A kind that nobody asked for and that does not grow stale.
        database.run("UPDATE sigra_outbox SET kind = 'password_changed'").await;
        let deliver = async || host.auth.deliver_mail(&Refusing, &links()).await;
        for _ in 0..12 {
            assert_eq!(deliver().await.unwrap(), 0);
            assert_eq!(deliver().await.unwrap(), 0, "not before it is due again");
            host.clock.advance(Duration::from_hours(48));
        }
        assert_eq!(host.trail().await.len(), 1 + 12, "a row for each mail that was written");
        close_the_trail(&database, Some("failed")).await;
        let error = deliver().await.unwrap_err();
        assert!(matches!(error, Error::Failed(Failure::Audit { .. })), "{error}");
        assert_eq!(database.count("sigra_outbox", "1 = 1").await, 1, "the mail is not forgotten");
        open_the_trail(&database).await;
        host.clock.advance(Duration::from_hours(48));
        assert_eq!(deliver().await.unwrap(), 0);
        assert_eq!(host.trail().await.last().unwrap(), "mail.message.send failed delivery_failed");
        assert_eq!(database.count("sigra_outbox", "1 = 1").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_changes_while_its_password_is_hashed_gets_no_session_and_a_row_that_says_so() {
    each_database(|database| async move {
        let host = Host::start(database.clone()).await;
        host.account(ADA).await;
        let id = host.sign_in(ADA).await.user().id;
        for round in 0.. {
            assert!(round < 20, "the account never changed between the attempt and its decision");
            // Sign-ins of nobody keep the hashing permits busy, and so the gap open.
            let busy: Vec<_> = (0..16)
                .map(|number| {
                    let host = host.clone();
                    let email = format!("nobody{round}-{number}@example.com");
                    tokio::spawn(async move {
                        host.auth
                            .sign_in(Credentials::new(email, WRONG), &client_number(number))
                            .await
                            .is_err()
                    })
                })
                .collect();
            let signing_in = {
                let host = host.clone();
                tokio::spawn(async move {
                    host.auth.sign_in(Credentials::new(ADA, PASSWORD), &client_number(77)).await
                })
            };
            // Once all attempts are counted they wait for their hashes.
            while !signing_in.is_finished() && database.count("sigra_limits", "used > 0").await < 2 * 17 {
                tokio::task::yield_now().await;
            }
            assert!(host.auth.disable_account("root", &id, &client()).await.unwrap());
            assert!(host.auth.enable_account("root", &id, &client()).await.unwrap());
            let result = signing_in.await.unwrap();
            for task in busy {
                assert!(task.await.unwrap());
            }
            database.run("DELETE FROM sigra_limits").await;
            if let Err(error) = result {
                assert_eq!(error.refusal(), Some(&Refusal::InvalidCredentials));
                break;
            }
        }
        assert!(host.trail().await.contains(&"session.password.sign_in refused account_changed".to_owned()));
    })
    .await;
}

/// Accounts that did everything there is to do, and what must not be found of it.
struct Story {
    host: Host,
    canaries: Canaries,
    /// Two codes of six digits.
    codes: Vec<String>,
    /// What errors and values print of themselves.
    debug: Vec<String>,
    /// Secrets that are still good.
    pending: String,
    backup: String,
    session: String,
    confirmation: String,
    reset: String,
}

const FIRST: &str = "canary passphrase number one";
const SECOND: &str = "canary passphrase number two";
const THIRD: &str = "canary passphrase, never right";

impl Story {
    async fn tell(database: Database) -> Self {
        let host = Host::start(database).await;
        let mut canaries = Canaries::default();
        for password in [FIRST, SECOND, THIRD] {
            canaries.password(password);
        }
        let mut debug = Vec::new();
        let mut codes = Vec::new();

        for email in [ADA, "bob@example.com"] {
            let new = NewUser { email: email.into(), password: FIRST.into(), display_name: "Ada".into() };
            debug.push(format!("{:?}", host.auth.register(new, &client()).await.unwrap()));
            host.deliver().await;
            let mail = host.mailbox.last().unwrap();
            debug.push(format!("{mail:?} {:?}", mail.message));
            canaries.token("a confirmation token", &token_in(&mail, "/confirm/"));
            let Message::ConfirmEmail { code, .. } = &mail.message else { panic!("no code") };
            codes.push(code.clone());
        }
        let confirmation = token_in(&host.mailbox.last().unwrap(), "/confirm/");
        host.auth.confirm_email_code(ADA, &codes[0], &client()).await.unwrap();
        // What people do: the password in the field of the address, and in the address itself.
        for email in [THIRD, "canary passphrase, never right@example.com"] {
            let error = host.try_sign_in(email, THIRD).await.unwrap_err();
            debug.push(format!("{error:?} {error}"));
        }
        let credentials = Credentials::new(ADA, FIRST);
        debug.push(format!("{credentials:?}"));
        let Ok(UserSignIn::Complete(old)) = host.auth.sign_in(credentials, &client()).await else {
            panic!("no session")
        };
        let error = host.auth.change_password(old.session(), THIRD, SECOND, &client()).await.unwrap_err();
        debug.push(format!("{error:?} {error}"));
        let session = host.auth.change_password(old.session(), FIRST, SECOND, &client()).await.unwrap();
        debug.push(format!("{old:?} {session:?} {:?} {:?}", session.token(), host.auth));
        canaries.token("a session token", old.token().expose());
        canaries.token("a session token", session.token().expose());
        host.auth.request_password_reset(ADA, &client()).await.unwrap();
        let reset = host.token_of("/reset/").await;
        canaries.token("a reset token", &reset);
        // Each at the wrong door.
        for token in [reset.as_str(), session.token().expose(), FIRST] {
            let error = host.auth.confirm_email(token, &client()).await.unwrap_err();
            debug.push(format!("{error:?} {error}"));
            assert!(host.auth.session(&format!("{token} ")).await.unwrap().is_none());
        }
        // Second factors, with everything that is stored of them.
        let sudo = host.auth.sudo(session.into_parts().0).await.unwrap();
        let enrolment = host.auth.begin_totp(&sudo, "phone", &client()).await.unwrap();
        let app = Authenticator::new(enrolment.uri(), host.clock.clone());
        canaries.add("a seed", app.secret.clone());
        canaries.add("a seed", hex(&app.seed()));
        canaries.add("a seed", Base64UrlUnpadded::encode_string(&app.seed()));
        debug.push(format!("{enrolment:?} {:?}", Code::new(app.code(0))));
        let session = host.auth.confirm_totp(&sudo, enrolment.id(), app.code(0), &client()).await.unwrap();
        let made = host.auth.create_backup_codes(&sudo, &client()).await.unwrap();
        debug.push(format!("{made:?}"));
        for code in made.iter() {
            let plain = code.replace('-', "");
            canaries.add("a backup code", code);
            canaries.add("a backup code", hex(&Sha256::digest(&plain)));
            canaries.add("a backup code", plain);
        }
        let backup = made.iter().next().unwrap().to_owned();
        host.deliver().await;
        canaries.token("a link that undoes", &token_in(&host.mailbox.last().unwrap(), "/disown/"));
        host.clock.advance(Duration::from_secs(30));
        let UserSignIn::SecondFactor(challenge) = host.try_sign_in(ADA, SECOND).await.unwrap() else {
            panic!("no second factor is due")
        };
        debug.push(format!("{challenge:?} {:?}", challenge.token()));
        let pending = challenge.token().expose().to_owned();
        canaries.token("a pending sign-in", &pending);
        let session = session.token().expose().to_owned();
        canaries.token("a session token", &session);
        Self { host, canaries, codes, debug, pending, backup, session, confirmation, reset }
    }
}

/// Six digits are guessed in no time where their hash has no key.
fn assert_no_code_is_guessed(codes: &[String], found: &[(String, String, String)]) {
    for (_, column, value) in found {
        for code in codes {
            for (_, id_column, id) in found.iter().filter(|(table, ..)| table == "sigra_tokens") {
                let id = if id_column == "id" { unhex(&id.replace('-', "")).unwrap() } else { Vec::new() };
                let guesses = [
                    Sha256::digest([&id, code.as_bytes()].concat()),
                    Sha256::digest([code.as_bytes(), &id].concat()),
                ];
                assert!(!guesses.iter().any(|guess| value.to_lowercase().contains(&hex(guess))), "{column}");
            }
        }
    }
}

/// Whether a stranger who tries has to wait.
async fn is_locked(host: &Host, client: &Client) -> bool {
    let error = host.auth.sign_in(Credentials::new(ADA, WRONG), client).await.unwrap_err();
    matches!(error.refusal(), Some(Refusal::TooManyAttempts { .. }))
}

/// Whoever stole a dump tries all of it, as it is and dressed up as a token.
async fn assert_nothing_opens(
    host: &Host,
    found: &[(String, String, String)],
    (pending, backup): (&str, &str),
) {
    let values: BTreeSet<&str> = found.iter().map(|(_, _, value)| value.as_str()).collect();
    for value in values.iter().filter(|value| value.starts_with("$argon2id$")) {
        let error = host.try_sign_in(ADA, value).await.unwrap_err();
        assert_eq!(error.refusal(), Some(&Refusal::InvalidCredentials));
    }
    while !is_locked(host, &client()).await {}
    let (mut tries, mut codes) = (0, 0);
    for value in values {
        let mut candidates = vec![value.to_owned()];
        if let Some(bytes) = unhex(&value.replace('-', "")).filter(|bytes| bytes.len() >= 16) {
            let encoded = Base64UrlUnpadded::encode_string(&bytes);
            let tags = ["sgs", "sgc", "sgd", "sgr", "sgu", "sgp", "sgn"];
            candidates.extend(tags.map(|tag| format!("{tag}.k1.{encoded}")));
        }
        for candidate in candidates {
            tries += 1;
            // From everywhere: no limit of a network is what stands in the way.
            let thief = client_of_network(0x00e0_0000 + tries);
            assert!(host.auth.session(&candidate).await.unwrap().is_none(), "{value} is a session");
            // Dressed up as a token it is tried where such a token goes, and as it is everywhere.
            let goes = |tag: &str| candidate == value || candidate.starts_with(tag);
            let mut results = Vec::new();
            if goes("sgr.") {
                results.push(host.auth.reset_password(&candidate, THIRD, &thief).await.map(|_| ()));
            }
            if goes("sgu.") {
                results.push(host.auth.unlock_by_link(&candidate, &thief).await.map(|_| ()));
            }
            if goes("sgc.") {
                results.push(host.auth.confirm_email(&candidate, &thief).await.map(|_| ()));
            }
            if goes("sgn.") {
                results.push(host.auth.disown(&candidate, &thief).await.map(|_| ()));
            }
            if goes("sgp.") {
                results.push(host.auth.prove_second_factor(&candidate, backup, &thief).await.map(|_| ()));
                let pending = host.auth.pending_sign_in(&candidate).await.unwrap();
                assert!(pending.is_none(), "{value} is a pending sign-in");
            }
            for result in results {
                let error = result.expect_err(value);
                assert_eq!(error.refusal(), Some(&Refusal::InvalidToken), "{value}: {error}");
            }
            // Each as a code, with what is counted forgotten in time: it is wrong, whatever the limits say.
            if candidate == value {
                codes += 1;
                if codes % 4 == 0 {
                    for sql in [
                        // All but that of the account, which stays locked.
                        "DELETE FROM sigra_limits WHERE bucket NOT IN (SELECT bucket FROM sigra_accounts)",
                        "UPDATE sigra_accounts SET factor_failures = 0",
                        "UPDATE sigra_tokens SET attempts = 0",
                    ] {
                        host.database.run(sql).await;
                    }
                }
                let result = host.auth.prove_second_factor(pending, candidate.as_str(), &client()).await;
                assert_eq!(result.expect_err(value).refusal(), Some(&Refusal::InvalidCode), "{value}");
            }
            if !goes("sgd.") {
                continue;
            }
            let device = client().with_device_token(&candidate);
            assert!(is_locked(host, &device).await, "{value} is a known device");
        }
    }
    assert!(tries > 60, "{tries}");
    host.clock.advance(Duration::from_secs(15 * 60 + 1));
}

#[tokio::test]
async fn no_secret_is_stored_or_logged_and_nothing_stored_opens_anything() {
    each_database(|database| async move {
        let logged = log::capture();
        let Story { host, canaries, codes, debug, pending, backup, session, confirmation, reset } =
            Story::tell(database.clone()).await;
        let dump = database.dumper().await.dump().await;
        let found = cells(&dump);
        assert!(found.len() > 80, "{found:?}");
        for (table, column, value) in &found {
            canaries.assert_absent(value, &format!("{table}.{column}"));
            // Six digits stand in many a time of day, so a code is looked for elsewhere.
            if column != "at" && !column.ends_with("_at") {
                assert_eq!(code_in(&codes, value), None, "a code is in {table}.{column}");
            }
        }
        assert_no_code_is_guessed(&codes, &found);
        for text in &debug {
            canaries.assert_absent(text, "an error or a `Debug` text");
            assert_eq!(code_in(&codes, text), None, "a code is in {text}");
        }
        let lines = logged.lines();
        assert!(lines.iter().any(|line| line.contains("session.password.sign_in")), "the log is read at all");
        for line in &lines {
            canaries.assert_absent(line, "the log");
        }

        assert_nothing_opens(&host, &found, (&pending, &backup)).await;
        // All the while the true ones were good.
        assert!(host.is_live(&session).await);
        host.auth.confirm_email(&confirmation, &client()).await.unwrap();
        let _ = host.auth.reset_password(&reset, FIRST, &client()).await.unwrap();
        let UserSignIn::SecondFactor(challenge) = host.try_sign_in(ADA, FIRST).await.unwrap() else {
            panic!("no second factor is due")
        };
        let _: SessionId = host.prove(&challenge, &backup).await.unwrap().session().id();
    })
    .await;
}
