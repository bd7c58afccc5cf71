//! Canary secrets in every input of every operation, also malformed ones and while the database fails: they are in no log, no
//! audit row, no error and no `Debug` text.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::error::Error as _;
use std::fmt::Debug;
use std::future::Future;
use std::net::Ipv6Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use reqwest::Method;
use sigra::audit::{AuditCursor, AuditFilter, ExportFormat};
use sigra::clock::TestClock;
use sigra::mail::{Mail, MailError, Mailer, Message};
use sigra::password::breached::Fingerprint;
use sigra::{
    AdoptAs, AuditEvent, Client, Code, Credentials, Error, Hashing, Keyring, NewSession, Password,
    PasswordVerifier, SessionId, Sigra, Sudo,
};
use sigra_tests::authenticator::Authenticator;
use sigra_tests::canary::{Canaries, code_in, hex};
use sigra_tests::database::cells;
use sigra_tests::host::{links, users_table};
use sigra_tests::log::Log;
use sigra_tests::site::{Browser, Site};
use sigra_tests::{Database, Host, NewUser, User, UserSignIn, each_database, log};

const FIRST: &str = "canary passphrase number one";
const SECOND: &str = "canary passphrase number two";
const NEVER: &str = "canary passphrase, never right";
/// What stands before the `@` of every address here.
const LOCAL_PART: &str = "kanarienvogel";
const KEY: [u8; 32] = *b"canary key, canary key, canary k";
const PEPPER: [u8; 32] = *b"canary pepper, pepper, pepper, p";
const OTHER_KEY: [u8; 32] = *b"another canary key, canary, canr";
const DATABASE_PASSWORD: &str = "canary-database-password";
const STORED: &str = "canary$hash$that$no$verifier$reads";
/// What the trail may hold, and logs and errors may not.
const AGENT: &str = "canary-agent/1.0";
const NOTE: &str = "canary-note";
const NETWORK: &str = "2001:db8:cafe";
const OPERATOR: &str = "canary-operator";

fn address(number: u32) -> String {
    format!("{LOCAL_PART}{number}@example.com")
}

fn ring(id: &str, key: &[u8]) -> String {
    format!("{id}:{}", Base64UrlUnpadded::encode_string(key))
}

/// An event of the host's own.
#[derive(Clone, Copy, Debug, AuditEvent)]
#[sigra(event = "shop.door.open")]
struct DoorOpened;

/// A verifier of the host's that repeats what it was given, as it falls.
struct Falling;

impl PasswordVerifier for Falling {
    fn recognises(&self, stored: &str) -> bool {
        stored.starts_with("falling$")
    }

    fn verify(&self, password: &[u8], stored: &str) -> bool {
        // As a panic does, but for the hook that prints it.
        std::panic::resume_unwind(Box::new(format!("{} {stored}", String::from_utf8_lossy(password))))
    }
}

/// A server that takes no mail, and repeats every word of it.
struct Parrot;

impl Mailer for Parrot {
    fn send(&self, mail: Mail) -> Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + '_>> {
        let local_part = mail.to.split('@').next().unwrap().to_uppercase();
        let said = format!("550 <{}> no mailbox {local_part}; rejected: {}", mail.to, mail.text);
        Box::pin(async { Err(MailError::new(said)) })
    }
}

/// A host whose every secret is a canary, and everything it was heard to say.
struct Cage {
    host: Host,
    log: &'static Log,
    from: (usize, usize),
    secrets: Canaries,
    /// What the trail may hold and nothing else.
    facts: Canaries,
    codes: Vec<String>,
    /// Texts of errors.
    errors: Vec<String>,
    /// What values print of themselves.
    values: Vec<String>,
    failed: usize,
    refused: usize,
    addresses: u32,
    here: NewSession<User>,
    twice: Twice,
}

/// An account with a second factor, and its secrets.
struct Twice {
    sudo: Sudo<User>,
    pending: String,
    backup: String,
    seed: String,
    uri: String,
    code: String,
    disown: String,
}

impl Twice {
    async fn new(host: &Host, secrets: &mut Canaries, values: &mut Vec<String>) -> Self {
        let (auth, by, email) = (&host.auth, &visitor(), address(4));
        let new = NewUser { email: email.clone(), password: FIRST.into(), display_name: "Eve".into() };
        let _ = auth.register(new, by).await.unwrap();
        let token = host.token_of("/confirm/").await;
        secrets.token("a confirmation token", &token);
        auth.confirm_email(&token, by).await.unwrap();
        let UserSignIn::Complete(session) = auth.sign_in(Credentials::new(&email, FIRST), by).await.unwrap()
        else {
            panic!("not signed in")
        };
        let sudo = auth.sudo(session.into_parts().0).await.unwrap();
        let enrolment = auth.begin_totp(&sudo, "phone", by).await.unwrap();
        let app = Authenticator::new(enrolment.uri(), host.clock.clone());
        secrets.add("a seed", &app.secret);
        secrets.add("a seed", enrolment.secret());
        secrets.add("a seed", enrolment.qr_svg());
        secrets.bytes("a seed", &app.seed());
        let (id, uri, code) = (enrolment.id(), enrolment.uri().to_owned(), app.code(0));
        values.push(format!("{enrolment:?} {:?}", Code::new(&code)));
        let session = auth.confirm_totp(&sudo, id, code.as_str(), by).await.unwrap();
        values.push(format!("{session:?}"));
        secrets.token("a session token", session.token().expose());
        let disown = host.token_of("/disown/").await;
        secrets.token("a link that undoes", &disown);
        let sudo = auth.sudo(session.into_parts().0).await.unwrap();
        let made = auth.create_backup_codes(&sudo, by).await.unwrap();
        values.push(format!("{made:?} {sudo:?}"));
        for code in made.iter() {
            let plain = code.replace('-', "");
            secrets.add("a backup code", code);
            secrets.add("a backup code", hex(plain.as_bytes()));
            secrets.add("a backup code", plain);
        }
        let backup = made.iter().next().unwrap().to_owned();
        let due = auth.sign_in(Credentials::new(&email, FIRST), by).await.unwrap();
        values.push(format!("{due:?}"));
        let UserSignIn::SecondFactor(challenge) = due else { panic!("no second factor is due") };
        let pending = challenge.token().expose().to_owned();
        secrets.token("a pending sign-in", &pending);
        Self { sudo, pending, backup, seed: app.secret, uri, code, disown }
    }
}

impl Cage {
    async fn build(database: Database) -> Self {
        let log = log::capture();
        let from = (log.lines().len(), log.printed().len());
        database.run(&users_table(database.kind())).await;
        let clock = Arc::new(TestClock::default());
        let (keys, peppers) = (ring("k1", &KEY), ring("p1", &PEPPER));
        let builder = Sigra::<User>::builder()
            .url(database.url())
            .keyring(Keyring::parse(&keys).unwrap())
            .pepper(Keyring::parse(&peppers).unwrap())
            .verifier(Falling)
            .clock(clock.clone())
            .hashing(Hashing { permits: 2, queue: 400, deadline: Duration::from_mins(10) });
        let mut values = vec![format!("{builder:?}")];
        let auth = builder.build().await.unwrap();
        values.push(format!("{auth:?} {:?}", Keyring::parse(&keys)));
        let host = Host::of(auth, database, clock);
        host.auth.migrate().await.unwrap();

        let mut secrets = Canaries::default();
        for password in [FIRST, SECOND, NEVER] {
            secrets.password(password);
            // Lists of breached passwords are as good as the password to whoever guesses.
            secrets.add("a fingerprint", Fingerprint::of(&password.into()).hex());
        }
        let other = ring("k2", &OTHER_KEY);
        for (what, text, key) in
            [("a key", &keys, &KEY), ("a key", &other, &OTHER_KEY), ("a pepper", &peppers, &PEPPER)]
        {
            secrets.add(what, text.split_once(':').unwrap().1);
            secrets.add(what, String::from_utf8_lossy(key));
            secrets.bytes(what, key);
        }
        secrets.add("an address", LOCAL_PART);
        secrets.add("a stored hash", STORED);
        let mut facts = Canaries::default();
        for (what, fact) in
            [("a browser", AGENT), ("a note", NOTE), ("a network", NETWORK), ("an operator", OPERATOR)]
        {
            facts.add(what, fact);
        }

        // Two accounts that came with hashes of their own.
        for (number, hash) in [(2, format!("falling${STORED}")), (3, STORED.to_owned())] {
            let new = NewUser { email: address(number), password: FIRST.into(), display_name: "Bob".into() };
            let _ = host.auth.register(new, &visitor()).await.unwrap();
            let token = host.token_of("/confirm/").await;
            secrets.token("a confirmation token", &token);
            host.auth.confirm_email(&token, &visitor()).await.unwrap();
            store(&host.database, number, &hash).await;
        }
        let new = NewUser { email: address(1), password: FIRST.into(), display_name: "Ada".into() };
        values.push(format!("{new:?}"));
        values.push(format!("{:?}", host.auth.register(new, &visitor()).await.unwrap()));
        let token = host.token_of("/confirm/").await;
        secrets.token("a confirmation token", &token);
        let mail = host.mailbox.last().unwrap();
        values.push(format!("{mail:?} {:?}", mail.message));
        let Message::ConfirmEmail { code, .. } = mail.message else { panic!("no code") };
        let unconfirmed = host.auth.sign_in(Credentials::new(address(1), FIRST), &visitor()).await;
        let unconfirmed = unconfirmed.expect_err("confirmed already");
        values.push(format!("{unconfirmed:?} {unconfirmed}"));
        values.push(format!("{:?}", host.auth.confirm_email(&token, &visitor()).await.unwrap()));
        let signed_in = host.auth.sign_in(Credentials::new(address(1), FIRST), &visitor()).await.unwrap();
        values.push(format!("{signed_in:?}"));
        let UserSignIn::Complete(here) = signed_in else { panic!("not signed in") };
        let twice = Twice::new(&host, &mut secrets, &mut values).await;
        let mut cage = Self {
            host,
            log,
            from,
            secrets,
            facts,
            codes: vec![code, twice.code.clone()],
            errors: Vec::new(),
            values,
            failed: 0,
            refused: 0,
            addresses: 1_000,
            here,
            twice,
        };
        cage.remember_session();
        cage
    }

    fn remember_session(&mut self) {
        let (session, device) = (self.here.token(), self.here.device_token().unwrap());
        self.secrets.token("a session token", session.expose());
        self.secrets.token("a device token", device.expose());
        let shown = format!("{:?} {:?} {session:?} {device:?}", self.here, self.here.session());
        self.values.push(shown);
    }

    /// Everything there is to put where it does not belong.
    async fn inputs(&mut self) -> Vec<String> {
        let auth = self.host.auth.clone();
        auth.resend_confirmation(&address(1), &visitor()).await.unwrap();
        auth.request_password_reset(&address(1), &visitor()).await.unwrap();
        let reset = self.host.token_of("/reset/").await;
        auth.request_unlock(&address(1), &visitor()).await.unwrap();
        let unlock = self.host.token_of("/unlock/").await;
        self.secrets.token("a reset token", &reset);
        self.secrets.token("a token to unlock", &unlock);
        let (session, device) = (self.here.token().expose(), self.here.device_token().unwrap().expose());
        let mut inputs = vec![
            FIRST.to_owned(),
            NEVER.to_owned(),
            address(1),
            session.to_owned(),
            device.to_owned(),
            ring("k1", &KEY),
            ring("p1", &PEPPER).replace(':', ""),
            Fingerprint::of(&FIRST.into()).hex().to_owned(),
        ];
        inputs.extend(self.codes.clone());
        let Twice { pending, backup, seed, uri, disown, .. } = &self.twice;
        inputs.extend([pending, backup, seed, uri].map(Clone::clone));
        // They open something, so they come last.
        inputs.extend([disown.clone(), unlock, reset]);
        inputs
    }

    /// Signs in again where an input has ended the session.
    async fn return_home(&mut self, hash: &str) {
        let auth = self.host.auth.clone();
        if auth.session(self.here.token().expose()).await.unwrap().is_some() {
            return;
        }
        store(&self.host.database, 1, hash).await;
        let signed_in = auth.sign_in(Credentials::new(address(1), FIRST), &visitor()).await.unwrap();
        let UserSignIn::Complete(here) = signed_in else { panic!("not signed in: {signed_in:?}") };
        self.here = here;
        self.remember_session();
    }

    fn assert_codes_absent(&self, text: &str, place: &str) {
        assert_eq!(code_in(&self.codes, text), None, "a code is in {place}: {text}");
    }

    /// What came of an operation.
    fn hear<T: Debug>(&mut self, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => {
                self.values.push(format!("{value:?}"));
                Some(value)
            }
            Err(error) => {
                match &error {
                    Error::Failed(_) => self.failed += 1,
                    Error::Refused(_) => self.refused += 1,
                }
                self.errors.push(told(&error));
                None
            }
        }
    }

    fn fresh(&mut self) -> String {
        self.addresses += 1;
        address(self.addresses)
    }

    /// One secret in every place that takes a text.
    #[allow(clippy::too_many_lines, reason = "a table")]
    async fn try_everywhere(&mut self, secret: &str) {
        let auth = self.host.auth.clone();
        let by = &visitor().with_device_token(secret);
        let session = self.here.session();
        let nobody = uuid::Uuid::nil();
        // The session is borrowed by the operations, and the cage is not.
        let heard = [
            auth.revoke_session(session, nobody.to_string().parse().unwrap(), by)
                .await
                .map(|done| format!("{done}")),
            auth.change_password(session, secret, secret, by).await.map(|session| format!("{session:?}")),
            auth.change_password(session, secret, SECOND, by).await.map(|session| format!("{session:?}")),
            auth.sessions(session).await.map(|sessions| format!("{}", sessions.len())),
            auth.activity(session, 10).await.map(|rows| format!("{}", rows.len())),
        ];
        for heard in heard {
            self.hear(heard);
        }
        for (email, password, name) in [
            (secret.to_owned(), FIRST, "Ada"),
            (format!("{LOCAL_PART}@{secret}"), FIRST, "Ada"),
            (self.fresh(), secret, "Ada"),
            (self.fresh(), FIRST, secret),
            // The host's table refuses this one, whatever else there is.
            (self.fresh(), secret, "refused"),
        ] {
            let new = NewUser { email, password: password.into(), display_name: name.into() };
            self.hear(auth.register(new, by).await);
        }
        for email in [secret.to_owned(), address(1), address(2), address(3)] {
            let credentials = Credentials::new(email, secret).replacing(Some(secret));
            self.values.push(format!("{credentials:?} {by:?}"));
            if let Some(UserSignIn::Complete(session)) = self.hear(auth.sign_in(credentials, by).await) {
                self.secrets.token("a session token", session.token().expose());
                self.secrets.token("a device token", session.device_token().unwrap().expose());
            }
        }
        self.hear(auth.session(secret).await);
        self.hear(auth.confirm_email(secret, by).await);
        for (email, code) in [(secret, secret), (&*address(1), secret), (secret, "000000")] {
            self.hear(auth.confirm_email_code(email, code, by).await);
        }
        self.hear(auth.resend_confirmation(secret, by).await);
        self.hear(auth.request_password_reset(secret, by).await);
        self.hear(auth.request_unlock(secret, by).await);
        for recovered in [
            auth.reset_password(secret, secret, by).await,
            auth.reset_password(secret, SECOND, by).await,
            auth.unlock_by_link(secret, by).await,
        ] {
            if let Some(device) = self.hear(recovered).as_ref().and_then(|recovered| recovered.device_token())
            {
                self.secrets.token("a device token", device.expose());
            }
        }
        for done in [
            auth.disable_account(OPERATOR, &nobody, by).await,
            auth.enable_account(OPERATOR, &nobody, by).await,
            auth.unlock_account(OPERATOR, &nobody, by).await,
            auth.require_password_change(OPERATOR, &nobody, by).await,
        ] {
            self.hear(done);
        }
        self.adopt(secret, by).await;
        self.second_factors(secret, by).await;
        self.trail(secret, by).await;
        self.settings(secret).await;
        // What was locked is open again for the next secret. There may be no such table just now.
        let _ = self.host.database.try_run("DELETE FROM sigra_limits").await;
    }

    /// A row that an import wrote, with the secret for an address.
    async fn adopt(&mut self, secret: &str, by: &Client) {
        let auth = self.host.auth.clone();
        self.host.import("imported", "!").await;
        // The database may refuse what is no text.
        let _ = self
            .host
            .database
            .try_run(&format!("UPDATE users SET email = '{secret}' WHERE display_name = 'Imported'"))
            .await;
        let adoption = self.hear(auth.adopt_accounts(OPERATOR, |_| AdoptAs::Confirmed, by).await);
        if let Some(adoption) = adoption {
            assert_eq!((adoption.adopted, adoption.rows.len()), (0, 1), "{adoption:?}");
            self.values.push(adoption.rows[0].why.to_string());
        }
        self.host.database.run("DELETE FROM users WHERE display_name = 'Imported'").await;
    }

    /// What an operator asks of the trail, and what a sink that it is forwarded to may hear.
    async fn read_trail(&mut self, secret: &str, by: &Client) {
        let auth = self.host.auth.clone();
        let filter = AuditFilter::new().account(secret).event(secret).reason(secret).request(secret);
        let found = self.hear(auth.audit_page(&filter, None).await);
        assert!(found.is_none_or(|page| page.rows.is_empty()));
        self.values.extend(secret.parse::<AuditCursor>().err().map(|error| error.to_string()));
        for format in [ExportFormat::JsonLines, ExportFormat::Csv, ExportFormat::Ocsf] {
            self.hear(auth.export_audit(OPERATOR, filter.clone(), format, by).await.map(|_| ()));
            let Some(mut export) =
                self.hear(auth.export_audit(OPERATOR, AuditFilter::new(), format, by).await)
            else {
                continue;
            };
            while let Some(chunk) = self.hear(export.next_chunk().await).flatten() {
                self.values.push(chunk);
            }
        }
        self.hear(auth.forward_audit().await);
    }

    /// What takes a code, and what takes a token of a second factor.
    async fn second_factors(&mut self, secret: &str, by: &Client) {
        let auth = self.host.auth.clone();
        let (nobody, nothing) = (uuid::Uuid::nil(), uuid::Uuid::nil().to_string());
        let (session, sudo, pending) = (self.here.session(), &self.twice.sudo, &self.twice.pending);
        let all = Code::new(secret).trust(true).replacing(Some(secret));
        self.values.push(format!("{all:?}"));
        let heard = [
            auth.prove_second_factor(secret, all.clone(), by).await.map(|session| format!("{session:?}")),
            auth.prove_second_factor(pending, all.clone(), by).await.map(|session| format!("{session:?}")),
            auth.pending_sign_in(secret).await.map(|pending| format!("{pending:?}")),
            auth.step_up_with_code(session, secret, by).await.map(|session| format!("{session:?}")),
            auth.step_up_with_code(sudo, secret, by).await.map(|session| format!("{session:?}")),
            auth.step_up_with_password(session, NEVER, by).await.map(|session| format!("{session:?}")),
            auth.step_up_with_password(sudo, secret, by).await.map(|session| format!("{session:?}")),
            auth.begin_totp(sudo, secret, by).await.map(|enrolment| format!("{enrolment:?}")),
            auth.confirm_totp(sudo, nothing.parse().unwrap(), secret, by)
                .await
                .map(|session| format!("{session:?}")),
            auth.remove_factor(sudo, nothing.parse().unwrap(), by)
                .await
                .map(|session| format!("{session:?}")),
            auth.revoke_trusted_browser(session, nothing.parse().unwrap(), by)
                .await
                .map(|done| format!("{done}")),
            auth.disown(secret, by).await.map(|done| format!("{done:?}")),
            auth.begin_recovery(OPERATOR, &nobody, by).await.map(|until| format!("{until:?}")),
        ];
        for heard in heard {
            self.hear(heard);
        }
        for error in [secret.parse::<sigra::FactorId>().err(), secret.parse::<sigra::BrowserId>().err()] {
            self.errors.extend(error.map(|error| format!("{error} {error:?}")));
        }
    }

    /// The trail itself, and what the host writes into it.
    async fn trail(&mut self, secret: &str, by: &Client) {
        let auth = self.host.auth.clone();
        let nobody = uuid::Uuid::nil();
        let session = self.here.session();
        let heard = [
            auth.record(session, DoorOpened, by).await,
            auth.record(session, DoorOpened.refused("not a code"), by).await,
            auth.record_by_operator(OPERATOR, Some(&nobody), DoorOpened, by).await,
            auth.record_by_system(None, DoorOpened, by).await,
        ];
        for heard in heard {
            self.hear(heard);
        }
        self.hear(auth.erase_personal_facts(OPERATOR, &nobody, by).await);
        self.read_trail(secret, by).await;
        self.hear(auth.seal_audit().await);
        self.hear(auth.prove_audit_row(nobody).await);
        let report = self.hear(auth.verify_audit(secret).await);
        self.values.extend(report.iter().flat_map(|report| &report.findings).map(ToString::to_string));
        self.values.push(format!("{:?}", auth.audit_public_keys()));
        for (keys, peppers) in [(&KEY, &PEPPER), (&OTHER_KEY, &OTHER_KEY), (&PEPPER, &KEY)] {
            self.hear(auth.rotate_keys(Keyring::parse(&ring("k1", keys)).unwrap()).await);
            self.hear(auth.rotate_peppers(Keyring::parse(&ring("p1", peppers)).unwrap()).await);
        }
        let new = format!("{},{}", ring("k2", &OTHER_KEY), ring("k1", &KEY));
        self.hear(auth.rotate_keys(Keyring::parse(&new).unwrap()).await);
    }

    /// A secret where a setting or another kind of text belongs.
    async fn settings(&mut self, secret: &str) {
        let mut texts = vec![secret.to_owned(), format!("k1:{secret}"), format!("k1:{secret},k1:{secret}")];
        if secret.len() > 8 {
            // What can be the id of a key is none.
            texts.push(format!("{secret}:k1"));
        }
        for text in texts {
            if let Err(error) = Keyring::parse(&text) {
                self.errors.push(format!("{error} {error:?}"));
            }
        }
        if let Err(error) = secret.parse::<SessionId>() {
            self.errors.push(format!("{error} {error:?}"));
        }
        self.values.push(format!("{:?} {:?}", Password::new(secret), Fingerprint::of(&secret.into())));
        let url = self.host.database.url().to_owned();
        let builder = Sigra::<User>::builder().url(&url).keyring(Keyring::parse(&ring("k1", &KEY)).unwrap());
        self.hear(builder.imported_like(secret).build().await);
    }

    /// Nothing of it was heard anywhere.
    async fn assert_silent(&self) {
        let dump = self.host.database.dumper().await.dump().await;
        let trail: Vec<_> = cells(&dump).into_iter().filter(|(table, ..)| table == "sigra_audit").collect();
        assert!(trail.len() > 300, "{}", trail.len());
        for (_, column, value) in &trail {
            self.secrets.assert_absent(value, &format!("the trail's {column}"));
            if column != "at" {
                self.assert_codes_absent(value, &format!("the trail's {column}"));
            }
        }
        for value in &self.values {
            self.secrets.assert_absent(value, "a value's `Debug`");
            self.assert_codes_absent(value, "a value's `Debug`");
        }
        for error in &self.errors {
            for canaries in [&self.secrets, &self.facts] {
                canaries.assert_absent(error, "an error");
            }
            self.assert_codes_absent(error, "an error");
        }
        let lines = self.log.lines();
        let lines: Vec<&String> = lines[self.from.0..].iter().filter(|line| !is_own(line)).collect();
        for library in ["sigra ", "sqlx::query "] {
            let heard = lines.iter().filter(|line| line.starts_with(library)).count();
            assert!(heard > 500, "{library}: {heard}");
        }
        assert!(
            lines.iter().any(|line| line.contains("event=step.bookkeeping")),
            "the log is read at `TRACE`"
        );
        for line in &lines {
            for canaries in [&self.secrets, &self.facts] {
                canaries.assert_absent(line, "the log");
            }
            // What a statement took has digits of its own.
            self.assert_codes_absent(line.split(" elapsed").next().unwrap(), "the log");
        }
        for line in self.log.printed()[self.from.1..].lines().filter(|line| !is_own(line)) {
            for canaries in [&self.secrets, &self.facts] {
                canaries.assert_absent(line, "the printed log");
            }
        }
    }
}

/// Whether it is what the test itself says to the database: sqlx logs that like everything else, and Sigra's statements have
/// parameters where it has values.
fn is_own(line: &str) -> bool {
    line.contains("email = '") || line.contains("password_hash = '")
}

/// Gives an account a stored hash.
async fn store(database: &Database, number: u32, hash: &str) {
    let of = format!("WHERE email = '{}'", address(number));
    database.run(&format!("UPDATE users SET password_hash = '{hash}' {of}")).await;
}

/// All that an error says, and all that led to it.
fn told(error: &Error) -> String {
    let mut texts = vec![format!("{error} {error:?}")];
    let mut source = error.source();
    while let Some(error) = source {
        texts.push(format!("{error} {error:?}"));
        source = error.source();
    }
    texts.join(": ")
}

/// Somebody from a network that nobody else is in, so that none is at its limit.
fn visitor() -> Client {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let address = Ipv6Addr::new(0x2001, 0x0db8, 0xcafe, NEXT.fetch_add(1, Ordering::Relaxed), 0, 0, 0, 1);
    let client = Client::from_address(address.into());
    client.with_user_agent(AGENT).with_note(NOTE).with_request_id("request-17")
}

/// A text with what a database refuses, and longer than a column.
fn forms(secret: &str) -> [String; 2] {
    [format!("{secret}\0 "), secret.repeat(12)]
}

#[tokio::test]
async fn no_canary_is_heard_of_anywhere() {
    each_database(|database| async move {
        let mut cage = Cage::build(database.clone()).await;
        let hash =
            database.texts(&format!("SELECT password_hash FROM users WHERE email = '{}'", address(1))).await;
        let inputs = cage.inputs().await;
        let few = [&inputs[0], &inputs[2], &inputs[3], &inputs[inputs.len() - 1]];
        let forms = few.into_iter().flat_map(|secret| forms(secret)).chain(inputs.iter().cloned());
        for form in forms {
            cage.try_everywhere(&form).await;
            cage.return_home(&hash[0]).await;
        }
        let refused = cage.refused;
        assert!(refused > 300, "{refused}");

        // Mails that nobody takes.
        let auth = cage.host.auth.clone();
        cage.hear(auth.deliver_mail(&Parrot, &links()).await);
        let unsent = cage.log.lines().iter().filter(|line| line.contains("event=mail.failed")).count();
        assert!(unsent > 5, "{unsent}");
        cage.hear(auth.sweep().await);

        // A table that is missing, first one that is asked first and then one that is asked last; then no database at all.
        let before = cage.failed;
        for table in ["sigra_limits", "sigra_accounts", "sigra_audit"] {
            database.run(&format!("ALTER TABLE {table} RENAME TO elsewhere")).await;
            for secret in few {
                cage.try_everywhere(secret).await;
            }
            cage.hear(auth.deliver_mail(&Parrot, &links()).await);
            database.run(&format!("ALTER TABLE elsewhere RENAME TO {table}")).await;
        }
        auth.close().await;
        for secret in few {
            cage.try_everywhere(secret).await;
        }
        cage.hear(auth.deliver_mail(&Parrot, &links()).await);
        let failed = cage.failed - before;
        assert!(failed > 200, "{failed}");
        cage.assert_silent().await;
    })
    .await;
}

/// Addresses of databases that do not answer, or are none, each with a password in it.
#[tokio::test]
async fn the_password_of_a_database_is_repeated_nowhere() {
    let log = log::capture();
    let mut secrets = Canaries::default();
    secrets.add("the password of the database", DATABASE_PASSWORD);
    let who = format!("root:{DATABASE_PASSWORD}");
    for url in [
        format!("postgres://{who}@127.0.0.1:1/x"),
        format!("postgres://{who}@127.0.0.1:99999/x"),
        format!("postgres://{who}@[::1/x"),
        format!("postgres://{who}@127.0.0.1:1/x?sslmode=nonsense"),
        format!("mysql://{who}@127.0.0.1:99999/x"),
        format!("mysql://{who}@127.0.0.1:1/x?ssl-mode=nonsense"),
        format!("sqlite:///nowhere/x.db?key={DATABASE_PASSWORD}"),
        format!("{DATABASE_PASSWORD}://localhost/x"),
        DATABASE_PASSWORD.to_owned(),
    ] {
        let keys = Keyring::parse(&ring("k1", &KEY)).unwrap();
        let builder = Sigra::<User>::builder().url(&url).keyring(keys);
        secrets.assert_absent(&format!("{builder:?}"), "the builder's `Debug`");
        let error = builder.build().await.expect_err(&url);
        assert!(matches!(error, Error::Failed(_)), "{error}");
        secrets.assert_absent(&told(&error), "an error");
    }
    let lines = log.lines();
    assert!(lines.iter().filter(|line| line.contains("operation=store.database.connect")).count() >= 9);
    for line in lines.iter().chain([&log.printed()]) {
        secrets.assert_absent(line, "the log");
    }
}

/// Every path of the reference host; what stands in braces is a secret's place.
const PATHS: [&str; 33] = [
    "/",
    "/register",
    "/confirm",
    "/confirm/resend",
    "/confirm/{}",
    "/login",
    "/login/second-factor",
    "/step-up",
    "/reset",
    "/reset/{}",
    "/unlock",
    "/unlock/{}",
    "/disown/{}",
    "/settings",
    "/settings/sessions/{}/revoke",
    "/settings/sessions/revoke-others",
    "/settings/password",
    "/audit",
    "/audit/export",
    "/recovery",
    "/recovery/begin",
    "/recovery/finish",
    "/recovery/cancel",
    "/settings/totp",
    "/settings/totp/{}/confirm",
    "/settings/totp/{}/remove",
    "/settings/backup-codes",
    "/settings/browsers/{}/revoke",
    "/settings/browsers/revoke-all",
    "/api/me",
    "/dev/mailbox",
    "/nowhere/{}",
    // Last: it ends the session.
    "/logout",
];
/// Every field of its forms and every parameter of its queries.
const FIELDS: [&str; 21] = [
    "email",
    "password",
    "current_password",
    "display_name",
    "code",
    "name",
    "remember",
    "trust",
    "next",
    "done",
    "to",
    "after",
    "account",
    "event",
    "outcome",
    "reason",
    "from",
    "until",
    "format",
    "session",
    "token",
];
const BROWSER_HEADERS: [&str; 7] = [
    "authorization",
    "referer",
    "origin",
    "x-forwarded-for",
    "forwarded",
    "sec-fetch-site",
    "accept-language",
];

/// One secret in every path, query, form, cookie and header of every request.
async fn ask_everywhere(browser: &Browser, secret: &str, paths: &[&str]) {
    let form: Vec<(&str, &str)> = FIELDS.into_iter().map(|field| (field, secret)).collect();
    let address = address(7);
    let right: Vec<(&str, &str)> =
        vec![("email", &address), ("password", secret), ("current_password", secret), ("code", secret)];
    let headers: Vec<(&str, &str)> = BROWSER_HEADERS.into_iter().map(|name| (name, secret)).collect();
    for path in paths {
        let path = path.replace("{}", secret);
        browser.get(&path).await;
        browser.get(&format!("{path}?{}", FIELDS.map(|field| format!("{field}={secret}")).join("&"))).await;
        browser.post(&path, &form).await;
        browser.post(&path, &right).await;
        // One field is missing, or stands there twice.
        browser.post(&path, &form[1..2]).await;
        browser.post(&path, &[form[1], form[1]]).await;
        browser.send(Method::GET, &path, &[], &headers).await;
        for kind in ["application/json", "text/plain", secret] {
            browser.send(Method::POST, &path, &form, &[("content-type", kind)]).await;
        }
    }
}

/// Has an account get a second factor over HTTP and use it, and gives what is not to be heard of: the seed, a backup code that was
/// used, a known browser, a sign-in that waits for its code, and the link that undoes it all.
async fn secrets_of_second_factors(site: &Site, secrets: &mut Canaries) -> [String; 5] {
    let email = address(8);
    site.account(&email, FIRST).await;
    let browser = site.browser();
    let post = async |path: &str, form: &[(&str, &str)]| {
        let answer = browser.post(path, form).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer.json
    };
    post("/login", &[("email", &email), ("password", FIRST)]).await;
    let begun = post("/settings/totp", &[("name", "phone")]).await;
    let app = Authenticator::new(begun["uri"].as_str().unwrap(), Arc::new(TestClock::default()));
    let confirm = format!("/settings/totp/{}/confirm", begun["id"].as_str().unwrap());
    post(&confirm, &[("code", &app.code(0))]).await;
    let codes = post("/settings/backup-codes", &[]).await["codes"].clone();
    let codes: Vec<&str> = codes.as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    for code in &codes {
        secrets.add("a backup code", *code);
        secrets.add("a backup code", code.replace('-', ""));
    }
    post("/logout", &[]).await;
    post("/login", &[("email", &email), ("password", FIRST)]).await;
    post("/login/second-factor", &[("code", codes[0]), ("trust", "on")]).await;
    let waiting = site.browser();
    assert!(waiting.sign_in(&email, FIRST).await.status.is_success());
    let (device, pending) =
        (browser.value_of("sigra-device").unwrap(), waiting.value_of("sigra-pending").unwrap());
    let disown = site.link(&email, "/disown/").await.split_off("/disown/".len());
    secrets.token("a known browser", &device);
    secrets.token("a pending sign-in", &pending);
    secrets.token("a token that undoes a change", &disown);
    secrets.add("a seed", app.secret.as_str());
    secrets.bytes("a seed", &app.seed());
    [app.secret, codes[0].to_owned(), device, pending, disown]
}

/// Over HTTP too: what a visitor sends wherever is in no line of the log of the reference host, which says all that there is to say.
#[tokio::test]
async fn no_canary_that_comes_over_http_is_heard_of() {
    each_database(|database| async move {
        let routes = include_str!("../../sigra/examples/app/routes/mod.rs");
        for path in routes.split(".route(\"").skip(1).filter_map(|route| route.split('"').next()) {
            let path = path.replace("{token}", "{}").replace("{id}", "{}");
            assert!(PATHS.contains(&path.as_str()) || path.contains('.'), "{path} is asked for nothing");
        }
        let (site, log) = Site::start_with_log(&database).await;
        let mut secrets = Canaries::default();
        for password in [FIRST, NEVER] {
            secrets.password(password);
            for blank in ["%20", "+"] {
                secrets.add("a password", password.replace(' ', blank));
            }
        }
        let mine = address(7);
        site.account(&mine, FIRST).await;
        let browser = site.browser();
        assert!(browser.sign_in(&mine, FIRST).await.status.is_success());
        let cookie = browser.cookie().unwrap();
        let session = cookie.split_once('=').unwrap().1;
        secrets.token("a session token", session);
        assert!(browser.post("/reset", &[("email", &mine)]).await.status.is_success());
        assert!(browser.post("/unlock", &[("email", &mine)]).await.status.is_success());
        let (reset, unlock) = (site.link(&mine, "/reset/").await, site.link(&mine, "/unlock/").await);
        let (reset, unlock) = (&reset["/reset/".len()..], &unlock["/unlock/".len()..]);
        secrets.token("a reset token", reset);
        secrets.token("a token to unlock", unlock);

        let guarded = secrets_of_second_factors(&site, &mut secrets).await;

        // By somebody who is signed in and stays so, and then in a browser of its own each.
        assert_eq!(browser.me().await, 200);
        ask_everywhere(&browser, NEVER, PATHS.split_last().unwrap().1).await;
        assert_eq!(browser.me().await, 200);
        let others = guarded.iter().map(String::as_str);
        for secret in [NEVER, FIRST, session, unlock, reset].into_iter().chain(others) {
            let stranger = site.browser();
            for cookie in ["sigra", "sigra-device", "sigra-pending"] {
                stranger.plant(&format!("{cookie}={}", secret.replace(' ', "+")));
            }
            ask_everywhere(&stranger, secret, &PATHS).await;
        }
        site.kill().await;
        let lines = log.to_its_end().await;
        for (what, least) in [(" TRACE ", 50), (" sqlx::query: ", 50), ("operation.refused", 100)] {
            let heard = lines.iter().filter(|line| line.contains(what)).count();
            assert!(heard >= least, "{what}: {heard} of {}", lines.len());
        }
        for line in &lines {
            secrets.assert_absent(line, "the log");
        }
        for (table, column, value) in cells(&database.dumper().await.dump().await) {
            // What a visitor gave for a name is the host's to keep.
            if table != "users" {
                secrets.assert_absent(&value, &format!("`{column}` of `{table}`"));
            }
        }
    })
    .await;
}
