//! A load of changes that tells what it is about to do and what was acknowledged, line by line, for tests that kill it.
//!
//! Each change has a request id of its own, which its audit row carries. The line before it goes out first, so that whoever
//! reads the lines of a killed process knows every change that it can have made.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sigra::audit::FileSink;
use sigra::clock::TestClock;
use sigra::mail::{Mail, MailError, Mailer, Message};
use sigra::{
    AuditEvent, Builder, Client, Code, Credentials, Error, NewSession, Refusal, Session, Sigra, Sudo,
};

use crate::authenticator::Authenticator;
use crate::host::{NewUser, User, UserSignIn, client_of_network, links, token_in};
use crate::rows::RowFile;
use crate::{OTHER_PASSWORD, PASSWORD};

/// Where the node finds the file for its checkpoints.
pub const CHECKPOINTS_VARIABLE: &str = "SIGRA_NODE_CHECKPOINTS";

/// What to do until the process is killed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Load {
    /// What the request ids begin with.
    pub round: u32,
    /// How far the clock is from its start: the lease of a process that was killed has to run out.
    pub seconds: u64,
    /// Accounts that sign in and out, each by a task of its own.
    pub people: Vec<String>,
    /// The account whose password is changed.
    pub changer: String,
    /// Its present password.
    pub password: String,
    /// Accounts without a second factor, which get one, use it and lose it again, each by a task of its own.
    pub factored: Vec<String>,
    /// The account whose password is forgotten again and again.
    pub forgetful: String,
}

/// A change, with what is needed to find it in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// An account.
    Register(String),
    /// A session.
    SignIn(String),
    /// The end of a session, by its id in hexadecimal, by itself.
    SignOut(String),
    /// The end of a session by another.
    Revoke(String),
    /// A refusal.
    WrongPassword(String),
    /// A password, and the end of the session that asked.
    ChangePassword {
        /// The session.
        session: String,
        /// The new password.
        password: String,
    },
    /// A mail, which waits but for the account that uses its links.
    RequestReset(String),
    /// Another password, by a link that is used up.
    ResetPassword {
        /// The account.
        email: String,
        /// The secret of the link.
        token: String,
        /// The new password.
        password: String,
    },
    /// The host's own.
    Event,
    /// An authenticator that nobody has proved.
    BeginFactor(String),
    /// One that counts.
    AddFactor {
        /// The account.
        email: String,
        /// The session, which stays.
        session: String,
        /// Its `otpauth:` address.
        uri: String,
        /// The step that its code uses up.
        step: i64,
    },
    /// Backup codes.
    CreateCodes(String),
    /// The right password, after which a code is due.
    Challenge(String),
    /// A session, by a code that is used up.
    Prove {
        /// The account.
        email: String,
        /// The secret of the challenge.
        pending: String,
        /// The code.
        code: String,
        /// The step that it is of; none of a backup code.
        step: Option<i64>,
        /// The browser is trusted from then on.
        trust: bool,
    },
    /// The end of the authenticator, the backup codes, the trust and the sessions of one factor.
    RemoveFactor {
        /// The account.
        email: String,
        /// The session, which stays.
        session: String,
    },
}

impl Change {
    /// The account with second factors that it is about, or would be if it has them.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        match self {
            Self::SignIn(email)
            | Self::BeginFactor(email)
            | Self::CreateCodes(email)
            | Self::Challenge(email)
            | Self::AddFactor { email, .. }
            | Self::Prove { email, .. }
            | Self::RemoveFactor { email, .. } => Some(email),
            _ => None,
        }
    }
}

/// How far a change has got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The operation is about to be called.
    Begun,
    /// It has returned as it should.
    Acknowledged {
        /// The session that it opened.
        session: Option<String>,
    },
    /// What its owner was shown of it: backup codes.
    Shown(Vec<String>),
    /// It returned something else.
    Failed(String),
}

/// One line of the process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    /// The request id.
    pub request: String,
    /// What is done.
    pub change: Change,
    /// How far it is.
    pub stage: Stage,
}

/// Checkpoints go to the file that the environment names, if it names one, and rows to the one beside it.
pub fn with_files(builder: Builder<User>) -> Builder<User> {
    match std::env::var_os(CHECKPOINTS_VARIABLE) {
        Some(path) => into_files(builder, &PathBuf::from(path)),
        None => builder,
    }
}

/// The same for this file.
pub fn into_files(builder: Builder<User>, checkpoints: &Path) -> Builder<User> {
    builder
        .checkpoint_to(FileSink::new(checkpoints))
        .audit_origin("test.example")
        .forward_audit_to(RowFile::new(rows_beside(checkpoints)))
}

/// Where the rows go.
#[must_use]
pub fn rows_beside(checkpoints: &Path) -> PathBuf {
    checkpoints.with_extension("rows")
}

/// Takes the links of one account, and no other mail, so that what was asked for can be counted in the outbox.
#[derive(Clone)]
struct Postbox {
    of: String,
    links: Arc<Mutex<Vec<String>>>,
}

impl Mailer for Postbox {
    fn send(&self, mail: Mail) -> std::pin::Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + '_>> {
        Box::pin(async move {
            if mail.to != self.of || !matches!(mail.message, Message::ResetPassword { .. }) {
                return Err(MailError::new("closed"));
            }
            self.links.lock().expect("the links").push(token_in(&mail, "/reset/"));
            Ok(())
        })
    }
}

impl Postbox {
    /// The next link, once it is there.
    async fn link(&self) -> String {
        loop {
            if let Some(link) = self.links.lock().expect("the links").pop() {
                return link;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[derive(Clone, Debug, AuditEvent)]
#[sigra(event = "shop.order.place")]
struct OrderPlaced {
    number: u32,
}

/// Runs the load until somebody ends the process.
pub async fn run(auth: &Sigra<User>, clock: &Arc<TestClock>, load: Load) {
    clock.advance(Duration::from_secs(load.seconds));
    let postbox = Postbox { of: load.forgetful.clone(), links: Arc::default() };
    let worker = auth.start_worker(postbox.clone(), links());
    let teller = Teller { auth: auth.clone(), round: load.round, next: Arc::default() };
    let mut tasks = Vec::new();
    for email in load.people {
        tasks.push(tokio::spawn(teller.clone().come_and_go(email)));
    }
    for email in load.factored {
        tasks.push(tokio::spawn(teller.clone().prove_and_remove(email, clock.clone())));
    }
    tasks.push(tokio::spawn(teller.clone().change_passwords(load.changer, load.password)));
    tasks.push(tokio::spawn(teller.clone().join()));
    tasks.push(tokio::spawn(teller.clone().forget(load.forgetful, postbox)));
    for _ in 0..2 {
        tasks.push(tokio::spawn(teller.clone().place_orders()));
    }
    tasks.push(tokio::spawn(teller.seal()));
    for task in tasks {
        task.await.expect("a task that ends with the process");
    }
    drop(worker);
}

/// Says what it does.
#[derive(Clone)]
struct Teller {
    auth: Sigra<User>,
    round: u32,
    next: Arc<AtomicU32>,
}

impl Teller {
    #[allow(clippy::print_stdout, reason = "the lines are what this is for")]
    fn say(request: &str, change: &Change, stage: Stage) {
        let line = Line { request: request.to_owned(), change: change.clone(), stage };
        println!("{}", serde_json::to_string(&line).expect("JSON"));
    }

    /// Calls an operation between its two lines, and gives what it gave. Whoever gets nothing stops.
    async fn tell<T>(
        &self,
        change: Change,
        session_of: impl Fn(&T) -> Option<String>,
        operation: impl AsyncFnOnce(&Sigra<User>, Client) -> Result<T, Error>,
    ) -> Option<T> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let request = format!("r{}-{number}", self.round);
        // No limit for a network is reached.
        let client = client_of_network(self.round * 65_536 + number).with_request_id(&request);
        Self::say(&request, &change, Stage::Begun);
        match operation(&self.auth, client).await {
            Ok(value) => {
                Self::say(&request, &change, Stage::Acknowledged { session: session_of(&value) });
                Some(value)
            }
            Err(error) => {
                Self::say(&request, &change, Stage::Failed(format!("{error:?}")));
                None
            }
        }
    }

    async fn sign_in(&self, email: &str, password: &str) -> Option<NewSession<User>> {
        let credentials = Credentials::new(email, password);
        self.tell(Change::SignIn(email.to_owned()), opened, async |auth, client| {
            match auth.sign_in(credentials, &client).await? {
                UserSignIn::Complete(session) => Ok(session),
                other => panic!("something stands in the way: {other:?}"),
            }
        })
        .await
    }

    async fn place_order(&self, number: u32, session: Option<&Session<User>>) -> Option<()> {
        self.tell(
            Change::Event,
            |()| None,
            async |auth, client| match session {
                Some(session) => auth.record(session, OrderPlaced { number }, &client).await,
                None => auth.record_by_system(None, OrderPlaced { number }, &client).await,
            },
        )
        .await
    }

    /// Sessions are opened, used, revoked, left open and signed out.
    async fn come_and_go(self, email: String) {
        for number in 0.. {
            let Some(first) = self.sign_in(&email, PASSWORD).await else { return };
            let Some(()) = self.place_order(number, Some(first.session())).await else { return };
            let Some(second) = self.sign_in(&email, PASSWORD).await else { return };
            let revoke = Change::Revoke(id(first.session()));
            let revoked = self
                .tell(
                    revoke,
                    |_| None,
                    async |auth, client| {
                        auth.revoke_session(second.session(), first.session().id(), &client).await
                    },
                )
                .await;
            if revoked != Some(true) {
                return;
            }
            if number % 3 == 2 {
                continue;
            }
            let sign_out = Change::SignOut(id(second.session()));
            let signed_out = self
                .tell(
                    sign_out,
                    |()| None,
                    async |auth, client| auth.sign_out(second.session(), &client).await,
                )
                .await;
            let Some(()) = signed_out else { return };
        }
    }

    async fn change_passwords(self, email: String, mut password: String) {
        let Some(mut current) = self.sign_in(&email, &password).await else { return };
        for number in 0.. {
            let next = format!("{OTHER_PASSWORD}, {} {number}", self.round);
            let change = Change::ChangePassword { session: id(current.session()), password: next.clone() };
            let changed = self
                .tell(change, opened, async |auth, client| {
                    auth.change_password(current.session(), password.as_str(), next.as_str(), &client).await
                })
                .await;
            let Some(changed) = changed else { return };
            (current, password) = (changed, next);
        }
    }

    /// New accounts, each of which forgets its password at once.
    async fn join(self) {
        for number in 0.. {
            let email = format!("new{}-{number}@example.com", self.round);
            let registered = self
                .tell(
                    Change::Register(email.clone()),
                    |_| None,
                    async |auth, client| {
                        let display_name = "Ada".to_owned();
                        let new = NewUser { email: email.clone(), password: PASSWORD.into(), display_name };
                        auth.register(new, &client).await
                    },
                )
                .await;
            let Some(_) = registered else { return };
            let wrong = self
                .tell(
                    Change::WrongPassword(email.clone()),
                    |()| None,
                    async |auth, client| {
                        let refused = auth.sign_in(Credentials::new(&email, OTHER_PASSWORD), &client).await;
                        match refused {
                            Err(error) if error.refusal() == Some(&Refusal::InvalidCredentials) => Ok(()),
                            Err(error) => Err(error),
                            Ok(_) => panic!("it was wrong"),
                        }
                    },
                )
                .await;
            let Some(()) = wrong else { return };
            let Some(()) = self.ask_reset(&email).await else { return };
        }
    }

    async fn ask_reset(&self, email: &str) -> Option<()> {
        self.tell(
            Change::RequestReset(email.to_owned()),
            |()| None,
            async |auth, client| auth.request_password_reset(email, &client).await,
        )
        .await
    }

    /// A password is forgotten, and set anew by the link in the mail.
    async fn forget(self, email: String, postbox: Postbox) {
        // Within an hour there are no more mails for one address.
        for number in 0..5 {
            let Some(()) = self.ask_reset(&email).await else { return };
            let token = postbox.link().await;
            let password = format!("{OTHER_PASSWORD}, {} by link {number}", self.round);
            let change = Change::ResetPassword {
                email: email.clone(),
                token: token.clone(),
                password: password.clone(),
            };
            let reset = self
                .tell(
                    change,
                    |_| None,
                    async |auth, client| auth.reset_password(&token, password.as_str(), &client).await,
                )
                .await;
            let Some(_) = reset else { return };
        }
    }

    /// An authenticator is added and used, backup codes and a trusted browser beside it, and all of it goes again.
    async fn prove_and_remove(self, email: String, clock: Arc<TestClock>) {
        // Four changes each: no more are allowed within an hour.
        for _ in 0..5 {
            if self.prove_once(&email, &clock).await.is_none() {
                return;
            }
        }
    }

    async fn prove_once(&self, email: &str, clock: &Arc<TestClock>) -> Option<()> {
        let here = self.sign_in(email, PASSWORD).await?;
        let sudo = self.sudo(here).await;
        let begun = Change::BeginFactor(email.to_owned());
        let begun = self
            .tell(begun, |_| None, async |auth, client| auth.begin_totp(&sudo, "phone", &client).await)
            .await?;
        let app = Authenticator::new(begun.uri(), clock.clone());
        // This step and the next: none of them grows too old while it is on its way.
        let step = app.time(0) / 30;
        let code = app.code_of(step);
        let add = Change::AddFactor {
            email: email.to_owned(),
            session: id(&sudo),
            uri: begun.uri().to_owned(),
            step,
        };
        let added = self
            .tell(add, opened, async |auth, client| auth.confirm_totp(&sudo, begun.id(), code, &client).await)
            .await?;
        let sudo = self.sudo(added).await;
        let create = Change::CreateCodes(email.to_owned());
        let made = self
            .tell(
                create.clone(),
                |_| None,
                async |auth, client| auth.create_backup_codes(&sudo, &client).await,
            )
            .await?;
        let codes: Vec<String> = made.iter().map(str::to_owned).collect();
        Self::say("shown", &create, Stage::Shown(codes.clone()));

        // By the step that was used last, and not by the clock, which goes on.
        let trusting = self.prove(email, app.code_of(step + 1), Some(step + 1), true).await?;
        let device = trusting.device_token()?.expose().to_owned();
        let _ = self
            .tell(Change::SignIn(email.to_owned()), opened, async |auth, client| {
                let client = client.with_device_token(&device);
                match auth.sign_in(Credentials::new(email, PASSWORD), &client).await? {
                    UserSignIn::Complete(session) => Ok(session),
                    other => panic!("the browser is trusted: {other:?}"),
                }
            })
            .await?;
        for code in codes.into_iter().take(2) {
            let _ = self.prove(email, code, None, false).await?;
        }
        let factor = self.auth.factors(&sudo).await.ok()?.first()?.id;
        let remove = Change::RemoveFactor { email: email.to_owned(), session: id(&sudo) };
        self.tell(remove, |_| None, async |auth, client| auth.remove_factor(&sudo, factor, &client).await)
            .await?
            .map(drop)
    }

    async fn sudo(&self, session: NewSession<User>) -> Sudo<User> {
        self.auth.sudo(session.into_parts().0).await.expect("a recent proof")
    }

    /// Both steps of a sign-in.
    async fn prove(
        &self,
        email: &str,
        code: String,
        step: Option<i64>,
        trust: bool,
    ) -> Option<NewSession<User>> {
        let challenge = self
            .tell(
                Change::Challenge(email.to_owned()),
                |_| None,
                async |auth, client| match auth.sign_in(Credentials::new(email, PASSWORD), &client).await? {
                    UserSignIn::SecondFactor(challenge) => Ok(challenge),
                    other => panic!("no second factor is due: {other:?}"),
                },
            )
            .await?;
        let pending = challenge.token().expose().to_owned();
        let prove = Change::Prove {
            email: email.to_owned(),
            pending: pending.clone(),
            code: code.clone(),
            step,
            trust,
        };
        self.tell(prove, opened, async |auth, client| {
            auth.prove_second_factor(&pending, Code::new(code).trust(trust), &client).await
        })
        .await
    }

    async fn place_orders(self) {
        for number in 0.. {
            let Some(()) = self.place_order(number, None).await else { return };
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Beside the worker, which does it once in a second and seldom lives so long.
    async fn seal(self) {
        loop {
            if let Err(error) = self.auth.seal_audit().await {
                Self::say("sealing", &Change::Event, Stage::Failed(format!("{error:?}")));
                return;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

/// The id as the databases write bytes.
fn id(session: &Session<User>) -> String {
    session.id().to_string().replace('-', "")
}

#[allow(clippy::unnecessary_wraps, reason = "it is passed where other changes open none")]
fn opened(session: &NewSession<User>) -> Option<String> {
    Some(id(session.session()))
}
