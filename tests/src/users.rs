//! User types beside [`User`]: the other kinds of key, other prefixes, and one flow that every type goes through.

use std::sync::Arc;

use sigra::clock::TestClock;
use sigra::{Account, Credentials, Error, NewSession, PasswordHash, Refusal, Sigra, feature};

use crate::PASSWORD;
use crate::database::{Database, Kind};
use crate::host::{Mailbox, NewUser, User, UserSignIn, client, links, prepare, token_in, users_table};

/// Keyed by a number that the database counts up; the time of confirmation is a column of the host's, the address unique.
#[derive(Clone, Debug, Sigra)]
#[sigra(
    table = "customers",
    prefix = "customer_sigra_",
    password,
    session(idle = "1h", absolute = "14d"),
    confirm_email,
    reset_password,
    lockout(after = 10, wait = "15m")
)]
pub struct Customer {
    /// The key.
    #[sigra(id)]
    pub id: i64,
    /// The address.
    #[sigra(email)]
    pub email: String,
    #[sigra(password)]
    password: Option<PasswordHash>,
    /// When the address was proved.
    #[sigra(confirmed_at)]
    pub confirmed_at: Option<time::OffsetDateTime>,
}

/// Keyed by text.
#[derive(Clone, Debug, Sigra)]
#[sigra(
    table = "partners",
    prefix = "partner_sigra_",
    password,
    session(idle = "1h", absolute = "14d"),
    confirm_email,
    reset_password,
    throttle(per_network = 100, within = "15m"),
    privacy = "truncated"
)]
pub struct Partner {
    /// The key.
    #[sigra(id)]
    pub id: String,
    /// The address.
    #[sigra(email)]
    pub email: String,
    #[sigra(password)]
    password: PasswordHash,
}

/// Has no prefix of its own, as if it were of another crate.
#[derive(Clone, Debug, Sigra)]
#[sigra(
    table = "partners",
    password,
    session(idle = "1h", absolute = "14d"),
    lockout(after = 10, wait = "15m"),
    unsafe_shared_tables = "start has to refuse what the build lets through"
)]
pub struct Rival {
    /// The key.
    #[sigra(id)]
    pub id: String,
    /// The address.
    #[sigra(email)]
    pub email: String,
    #[sigra(password)]
    password: PasswordHash,
}

/// What the flow needs of a type.
pub trait Member:
    feature::Passwords + feature::Sessions + feature::ConfirmEmail + feature::ResetPassword + Account
{
    /// The host's migration.
    fn table(kind: Kind) -> String;
    /// What a form would fill.
    fn named(email: &str) -> Self::New;
    /// The session, where nothing stands in the way.
    fn complete(outcome: Self::SignIn) -> Option<NewSession<Self>>;
}

impl Member for User {
    fn table(kind: Kind) -> String {
        users_table(kind)
    }

    fn named(email: &str) -> NewUser {
        NewUser { email: email.into(), password: PASSWORD.into(), display_name: "Ada".into() }
    }

    fn complete(outcome: UserSignIn) -> Option<NewSession<Self>> {
        if let UserSignIn::Complete(session) = outcome { Some(session) } else { None }
    }
}

impl Member for Customer {
    fn table(kind: Kind) -> String {
        let (id, text, stamp) = match kind {
            Kind::Sqlite => ("INTEGER PRIMARY KEY AUTOINCREMENT", "TEXT", "TEXT"),
            Kind::Postgres => ("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "TEXT", "TIMESTAMPTZ"),
            Kind::MySql => ("BIGINT AUTO_INCREMENT PRIMARY KEY", "VARCHAR(255)", "DATETIME(6)"),
        };
        format!(
            "CREATE TABLE customers (id {id}, email {text} NOT NULL UNIQUE, password {text} NULL, \
             confirmed_at {stamp} NULL)"
        )
    }

    fn named(email: &str) -> NewCustomer {
        NewCustomer { email: email.into(), password: PASSWORD.into() }
    }

    fn complete(outcome: CustomerSignIn) -> Option<NewSession<Self>> {
        let CustomerSignIn::Complete(session) = outcome;
        Some(session)
    }
}

impl Member for Partner {
    fn table(kind: Kind) -> String {
        let (id, text) = match kind {
            Kind::Sqlite | Kind::Postgres => ("TEXT", "TEXT"),
            Kind::MySql => ("VARCHAR(191) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "VARCHAR(255)"),
        };
        format!(
            "CREATE TABLE partners (id {id} NOT NULL PRIMARY KEY, email {text} NOT NULL, password {text} NOT NULL)"
        )
    }

    fn named(email: &str) -> NewPartner {
        NewPartner { email: email.into(), password: PASSWORD.into() }
    }

    fn complete(outcome: PartnerSignIn) -> Option<NewSession<Self>> {
        let PartnerSignIn::Complete(session) = outcome;
        Some(session)
    }
}

/// A handle for a user type on pools of Sigra's own.
///
/// # Panics
/// The database does not answer.
pub async fn connect<U: Account>(database: &Database) -> Sigra<U> {
    let builder = Sigra::<U>::builder().url(database.url());
    prepare(builder, Arc::new(TestClock::default())).build().await.expect("a connection")
}

/// Registers, confirms, signs in and uses the session, as a visitor does.
///
/// # Panics
/// Any step is refused, or does not show in the next.
pub async fn join<U: Member>(auth: &Sigra<U>, email: &str) -> NewSession<U> {
    let _ = auth.register(U::named(email), &client()).await.expect("registered");
    let early = sign_in(auth, email).await.expect_err("the address is not confirmed yet");
    assert_eq!(early.refusal(), Some(&Refusal::InvalidCredentials));
    let mailbox = Mailbox::default();
    auth.deliver_mail(&mailbox, &links()).await.expect("the outbox");
    let token = token_in(&mailbox.last().expect("a mail"), "/confirm/");
    auth.confirm_email(&token, &client()).await.expect("confirmed");
    let session = sign_in(auth, email).await.expect("an answer").expect("a session");
    let found = auth.session(session.token().expose()).await.expect("an answer").expect("a live session");
    assert_eq!((found.id(), found.user().id()), (session.session().id(), session.user().id()));
    assert_eq!(found.user().email(), email);
    session
}

/// Signs in; `None` where something stands in the way.
///
/// # Errors
/// The library's.
pub async fn sign_in<U: Member>(auth: &Sigra<U>, email: &str) -> Result<Option<NewSession<U>>, Error> {
    auth.sign_in(Credentials::new(email, PASSWORD), &client()).await.map(U::complete)
}
