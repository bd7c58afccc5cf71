//! A host: its user type, its table, and Sigra on it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sigra::clock::TestClock;
use sigra::mail::{Links, Mail, MailError, Mailer, Message};
use sigra::{
    Account, Builder, Client, Credentials, Error, Hashing, Keyring, NewSession, PasswordHash, SecondFactor,
    Sigra,
};

use crate::PASSWORD;
use crate::authenticator::Authenticator;
use crate::database::{Database, Kind};

/// The user type of most tests: every key of this version.
#[derive(Clone, Debug, Sigra)]
#[sigra(
    table = "users",
    password,
    session(idle = "1h", absolute = "14d", remember = "30d", touch = "1m"),
    confirm_email(within = "48h"),
    reset_password(within = "1h"),
    must_change_password,
    lockout(after = 10, wait = "15m"),
    throttle(per_network = 50, overall = 1000, within = "15m"),
    totp(issuer = "Acme"),
    backup_codes,
    assisted_recovery(delay = "24h"),
    trusted_browser(within = "30d"),
    sudo(within = "15m"),
    audit(retain = "400d")
)]
pub struct User {
    /// The key.
    #[sigra(id)]
    pub id: uuid::Uuid,
    /// The address.
    #[sigra(email)]
    pub email: String,
    #[sigra(password, column = "password_hash")]
    password: Option<PasswordHash>,
    /// A column of the host's.
    pub display_name: String,
    /// When an operator disabled the account.
    #[sigra(disabled_at)]
    pub disabled_at: Option<time::OffsetDateTime>,
    /// A column that the database fills.
    #[sigra(skip)]
    pub plan: String,
}

/// The keys of the tests. They protect nothing.
pub const KEYS: &str = "k1:dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktdGVzdC0";

/// A host on a database of its own.
#[derive(Clone)]
pub struct Host {
    /// The library under test.
    pub auth: Sigra<User>,
    /// Its database.
    pub database: Database,
    /// Its clock.
    pub clock: Arc<TestClock>,
    /// Its mails.
    pub mailbox: Mailbox,
    links: Links,
}

impl Host {
    /// Creates the host's table and Sigra's.
    ///
    /// # Panics
    /// The database does not answer.
    pub async fn start(database: Database) -> Self {
        database.run(&users_table(database.kind())).await;
        let host = Self::join(database).await;
        host.auth.migrate().await.expect("migrations");
        host
    }

    /// A second handle on a database that has its tables, as another process has one: pools, permits and clock of its own.
    ///
    /// # Panics
    /// The database does not answer.
    pub async fn join(database: Database) -> Self {
        let builder = Sigra::<User>::builder().url(database.url());
        Self::with(database, builder).await
    }

    /// The same host with another handle on the same database, as a process that starts beside it has one.
    #[must_use]
    pub fn beside(&self, auth: Sigra<User>) -> Self {
        Self { auth, ..self.clone() }
    }

    /// A handle with pools of the test's choosing.
    ///
    /// # Panics
    /// The database does not answer.
    pub async fn with(database: Database, builder: Builder<User>) -> Self {
        let clock = Arc::new(TestClock::default());
        let auth = prepare(builder, clock.clone()).build().await.expect("a connection");
        Self::of(auth, database, clock)
    }

    /// A host on a handle that the test has made.
    #[must_use]
    pub fn of(auth: Sigra<User>, database: Database, clock: Arc<TestClock>) -> Self {
        Self { auth, database, clock, mailbox: Mailbox::default(), links: links() }
    }

    /// A handle whose settings, down to clock and keys, are the test's own; its clock here moves nothing.
    ///
    /// # Errors
    /// The library's.
    pub async fn with_settings(database: Database, builder: Builder<User>) -> Result<Self, Error> {
        let auth = builder.build().await?;
        let clock = Arc::new(TestClock::default());
        Ok(Self { auth, database, clock, mailbox: Mailbox::default(), links: links() })
    }

    /// Registers and confirms an account.
    ///
    /// # Panics
    /// Any step is refused.
    pub async fn account(&self, email: &str) {
        let _ = self.register(email).await.expect("registered");
        let token = self.token_of("/confirm/").await;
        self.auth.confirm_email(&token, &client()).await.expect("confirmed");
    }

    /// Registers an account.
    ///
    /// # Errors
    /// The library's.
    pub async fn register(&self, email: &str) -> Result<sigra::Registered<User>, Error> {
        let new = NewUser { email: email.into(), password: PASSWORD.into(), display_name: "Ada".into() };
        self.auth.register(new, &somebody()).await
    }

    /// Writes a user as an import does: a row of the host's, and nothing of Sigra's.
    ///
    /// # Panics
    /// The database refuses it.
    pub async fn import(&self, email: &str, hash: &str) {
        self.import_all([(email, hash)]).await;
    }

    /// The same for many, each with an address and a hash.
    ///
    /// # Panics
    /// The database refuses it.
    pub async fn import_all<'a>(&self, users: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let id = match self.database.kind() {
            Kind::Sqlite => "randomblob(16)",
            Kind::Postgres => "gen_random_uuid()",
            Kind::MySql => "UNHEX(REPLACE(UUID(), '-', ''))",
        };
        let rows = users.into_iter().map(|(email, hash)| format!("({id}, '{email}', '{hash}', 'Imported')"));
        let rows = rows.collect::<Vec<_>>().join(", ");
        let sql = format!("INSERT INTO users (id, email, password_hash, display_name) VALUES {rows}");
        self.database.run(&sql).await;
    }

    /// Signs in and gives what came of it.
    ///
    /// # Errors
    /// The library's.
    pub async fn try_sign_in(&self, email: &str, password: &str) -> Result<UserSignIn, Error> {
        self.auth.sign_in(Credentials::new(email, password), &client()).await
    }

    /// Signs in an account that nothing stands in the way of.
    ///
    /// # Panics
    /// Something does.
    pub async fn sign_in(&self, email: &str) -> NewSession<User> {
        self.sign_in_with(email, PASSWORD).await
    }

    /// The same with another password.
    ///
    /// # Panics
    /// Something stands in the way.
    pub async fn sign_in_with(&self, email: &str, password: &str) -> NewSession<User> {
        match self.try_sign_in(email, password).await {
            Ok(UserSignIn::Complete(session)) => session,
            other => panic!("not signed in: {other:?}"),
        }
    }

    /// Signs in and adds an authenticator. The session that comes of it has both factors.
    ///
    /// # Panics
    /// Any step is refused.
    pub async fn enrol(&self, email: &str) -> (Authenticator, NewSession<User>) {
        let session = self.sign_in(email).await;
        self.add_authenticator(session).await
    }

    /// Adds an authenticator in a session that may.
    ///
    /// # Panics
    /// Any step is refused.
    pub async fn add_authenticator(&self, session: NewSession<User>) -> (Authenticator, NewSession<User>) {
        let sudo = self.auth.sudo(session.into_parts().0).await.expect("a recent proof");
        let enrolment = self.auth.begin_totp(&sudo, "phone", &client()).await.expect("an enrolment");
        let app = Authenticator::new(enrolment.uri(), self.clock.clone());
        let code = app.code(0);
        let session =
            self.auth.confirm_totp(&sudo, enrolment.id(), code, &client()).await.expect("confirmed");
        // The code's step is used up.
        self.clock.advance(Duration::from_secs(30));
        (app, session)
    }

    /// Signs in up to the second factor.
    ///
    /// # Panics
    /// It is not due.
    pub async fn challenge(&self, email: &str) -> SecondFactor {
        match self.try_sign_in(email, PASSWORD).await {
            Ok(UserSignIn::SecondFactor(challenge)) => challenge,
            other => panic!("no second factor is due: {other:?}"),
        }
    }

    /// Signs in with both factors.
    ///
    /// # Panics
    /// Any step is refused.
    pub async fn sign_in_twice(&self, email: &str, app: &Authenticator) -> NewSession<User> {
        let challenge = self.challenge(email).await;
        let session = self.prove(&challenge, &app.code(0)).await.expect("a session");
        self.clock.advance(Duration::from_secs(30));
        session
    }

    /// Answers a challenge.
    ///
    /// # Errors
    /// The library's.
    pub async fn prove(&self, challenge: &SecondFactor, code: &str) -> Result<NewSession<User>, Error> {
        self.auth.prove_second_factor(challenge.token().expose(), code, &client()).await
    }

    /// Sends what is due, and gives how many mails left.
    ///
    /// # Panics
    /// The database does not answer.
    pub async fn deliver(&self) -> usize {
        self.auth.deliver_mail(&self.mailbox, &self.links).await.expect("the outbox")
    }

    /// Sends what is due, and gives the token in the newest mail's link.
    ///
    /// # Panics
    /// There is no such mail.
    pub async fn token_of(&self, path: &str) -> String {
        self.deliver().await;
        token_in(&self.mailbox.last().expect("a mail"), path)
    }

    /// Sends what is due, and gives the code in the newest mail.
    ///
    /// # Panics
    /// There is no such mail.
    pub async fn code(&self) -> String {
        self.deliver().await;
        match self.mailbox.last().expect("a mail").message {
            Message::ConfirmEmail { code, .. } => code,
            other => panic!("no code in {other:?}"),
        }
    }

    /// Whether a token is a live session.
    ///
    /// # Panics
    /// The database does not answer.
    pub async fn is_live(&self, token: &str) -> bool {
        self.auth.session(token).await.expect("an answer").is_some()
    }

    /// The names, outcomes and reasons of the audit rows, oldest first.
    ///
    /// # Panics
    /// The database does not answer.
    pub async fn trail(&self) -> Vec<String> {
        let sql =
            "SELECT CONCAT(event, ' ', outcome, ' ', COALESCE(reason, '-')) FROM sigra_audit ORDER BY at, id";
        let sqlite =
            "SELECT event || ' ' || outcome || ' ' || COALESCE(reason, '-') FROM sigra_audit ORDER BY at, id";
        self.database.texts(if self.database.kind() == Kind::Sqlite { sqlite } else { sql }).await
    }
}

/// The settings that every handle of the tests has.
///
/// # Panics
/// The keys of the tests are malformed.
pub fn prepare<U: Account>(builder: Builder<U>, clock: Arc<TestClock>) -> Builder<U> {
    builder.keyring(Keyring::parse(KEYS).expect("keys")).clock(clock).hashing(Hashing {
        permits: 2,
        queue: 400,
        // So long that it passes on no machine, however busy: where nobody is to be turned away, nobody is.
        deadline: Duration::from_mins(10),
    })
}

/// As if an account that was tried once had been tried a hundred times.
///
/// # Panics
/// The database refuses it.
pub async fn shut_password(database: &Database, email: &str) {
    let sql = format!(
        "UPDATE sigra_limits SET failures = 95 WHERE bucket = (SELECT bucket FROM sigra_accounts WHERE identifier = '{email}')"
    );
    database.run(&sql).await;
}

/// Where the links in the tests' mails lead.
///
/// # Panics
/// The address is malformed.
#[must_use]
pub fn links() -> Links {
    Links::new("http://localhost:3000").expect("an address")
}

/// The token at the end of a mailed link.
///
/// # Panics
/// The mail has no such link.
#[must_use]
pub fn token_in(mail: &Mail, path: &str) -> String {
    let link = match &mail.message {
        Message::ConfirmEmail { link, .. }
        | Message::ResetPassword { link, .. }
        | Message::AccountLocked { link, .. }
        | Message::UnlockAccount { link, .. }
        | Message::MustChangePassword { link, .. }
        | Message::FactorAdded { link, .. }
        | Message::FactorRemoved { link, .. }
        | Message::BackupCodesReplaced { link, .. }
        | Message::RecoveryBegun { link, .. } => link,
        other => panic!("no link in {other:?}"),
    };
    link.split_once(path).unwrap_or_else(|| panic!("{path} is not in {link}")).1.to_owned()
}

/// A client from the network that documentation uses.
#[must_use]
pub fn client() -> Client {
    Client::from_address([192, 0, 2, 7].into())
        .with_user_agent("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
}

/// A client from a network that no other call has: limits for networks are not what the test is about.
#[must_use]
pub fn somebody() -> Client {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    client_of_network(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A client from one of sixteen million networks, by its number.
#[must_use]
pub fn client_of_network(number: u32) -> Client {
    let [_, high, middle, low] = number.to_be_bytes();
    Client::from_address([10, high, middle, low].into())
}

/// A client from another network for each number.
#[must_use]
pub fn client_number(number: u8) -> Client {
    Client::from_address([198, 51, 100, number].into()).with_user_agent("curl/8.0")
}

/// The host's own table, as its migration would write it.
#[must_use]
pub fn users_table(kind: Kind) -> String {
    let (id, text, stamp) = match kind {
        Kind::Sqlite => ("BLOB", "TEXT", "TEXT"),
        Kind::Postgres => ("UUID", "TEXT", "TIMESTAMPTZ"),
        Kind::MySql => ("BINARY(16)", "VARCHAR(255)", "DATETIME(6)"),
    };
    format!(
        "CREATE TABLE users (id {id} NOT NULL PRIMARY KEY, email {text} NOT NULL, password_hash {text} NULL, \
         display_name {text} NOT NULL CHECK (display_name <> 'refused'), disabled_at {stamp} NULL, plan {text} NOT NULL DEFAULT 'free')"
    )
}

/// Keeps mails in memory.
#[derive(Clone, Debug, Default)]
pub struct Mailbox(Arc<Mutex<Vec<Mail>>>);

impl Mailbox {
    /// Every mail, oldest first.
    ///
    /// # Panics
    /// Another test thread panicked while it held the box.
    #[must_use]
    pub fn all(&self) -> Vec<Mail> {
        self.0.lock().expect("the mailbox").clone()
    }

    /// The newest mail.
    #[must_use]
    pub fn last(&self) -> Option<Mail> {
        self.all().pop()
    }
}

impl Mailer for Mailbox {
    fn send(&self, mail: Mail) -> Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + '_>> {
        Box::pin(async move {
            self.0.lock().expect("the mailbox").push(mail);
            Ok(())
        })
    }
}
