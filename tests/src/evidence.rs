//! A trail with something to find in it, and hands that change it behind Sigra's back.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use sigra::audit::{Checkpoint, CheckpointSink, SinkError};
use sigra::{Credentials, Sigra};

use crate::database::{Database, Kind};
use crate::host::{Host, User, client, client_number, users_table};
use crate::random::Random;

/// Keeps checkpoints in memory, which is outside the database.
#[derive(Clone, Debug, Default)]
pub struct MemorySink {
    taken: Arc<Mutex<Vec<Checkpoint>>>,
    broken: Arc<Mutex<bool>>,
}

impl MemorySink {
    /// Every checkpoint that it took, as a file has them.
    #[must_use]
    pub fn text(&self) -> String {
        self.all().iter().map(ToString::to_string).fold(String::new(), |text, one| text + &one + "\n")
    }

    /// Every checkpoint that it took.
    #[must_use]
    pub fn all(&self) -> Vec<Checkpoint> {
        self.taken.lock().expect("the sink").clone()
    }

    /// Makes it refuse checkpoints, or take them again.
    pub fn break_down(&self, broken: bool) {
        *self.broken.lock().expect("the sink") = broken;
    }
}

impl CheckpointSink for MemorySink {
    fn name(&self) -> String {
        "the test".into()
    }

    fn publish(
        &self,
        checkpoint: Checkpoint,
    ) -> Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send + '_>> {
        Box::pin(async move {
            if *self.broken.lock().expect("the sink") {
                return Err(SinkError::new("no room left"));
            }
            self.taken.lock().expect("the sink").push(checkpoint);
            Ok(())
        })
    }
}

/// A host whose checkpoints go to a sink of the test's.
///
/// # Panics
/// The database does not answer.
pub async fn host_with_sink(database: Database) -> (Host, MemorySink) {
    database.run(&users_table(database.kind())).await;
    let (host, sink) = join_with_sink(database).await;
    host.auth.migrate().await.expect("migrations");
    (host, sink)
}

/// Another process on the same database, with a sink of its own.
///
/// # Panics
/// The database does not answer.
pub async fn join_with_sink(database: Database) -> (Host, MemorySink) {
    let sink = MemorySink::default();
    let builder = Sigra::<User>::builder().url(database.url()).checkpoint_to(sink.clone());
    (Host::with(database, builder.audit_origin("test.example")).await, sink)
}

/// Writes rows that cost no hash: an operator asks for what is done already.
///
/// # Panics
/// The database does not answer.
pub async fn idle_rows(host: &Host, rows: u64) {
    let nobody = uuid::Uuid::nil();
    for _ in 0..rows {
        assert!(!host.auth.enable_account("root", &nobody, &client()).await.expect("an answer"));
    }
}

/// Writes rows of many kinds, a few more than so many.
///
/// # Panics
/// An operation fails.
pub async fn mixed_rows(host: &Host, rows: u64) {
    for email in ["ada@example.com", "bob@example.com"] {
        host.account(email).await;
    }
    let ada = host.sign_in("ada@example.com").await;
    host.auth.sign_out(ada.session(), &client()).await.expect("signed out");
    let bob = host.sign_in("bob@example.com").await.user().id;
    for number in 0..6 {
        let wrong = Credentials::new("ada@example.com", "a wrong password here");
        assert!(host.auth.sign_in(wrong, &client_number(number)).await.is_err());
        host.auth.request_password_reset("nobody@example.com", &client_number(number)).await.expect("asked");
        assert!(host.auth.confirm_email("nonsense", &client_number(number)).await.is_err());
        assert!(host.auth.disable_account("root", &bob, &client_number(number)).await.expect("an answer"));
        assert!(host.auth.enable_account("root", &bob, &client_number(number)).await.expect("an answer"));
    }
    let so_far = u64::try_from(host.database.count("sigra_audit", "1 = 1").await).expect("a number");
    idle_rows(host, rows.saturating_sub(so_far)).await;
}

/// The tables of the log.
const TABLES: [&str; 4] =
    ["sigra_audit", "sigra_audit_tree", "sigra_audit_segments", "sigra_audit_checkpoints"];

/// Columns of a row, and what kind of value each has.
const COLUMNS: [(&str, Value); 20] = [
    ("id", Value::Uuid),
    ("at", Value::Stamp),
    ("event", Value::Text),
    ("outcome", Value::Text),
    ("reason", Value::Text),
    ("actor", Value::Text),
    ("on_behalf_of", Value::Text),
    ("user_id", Value::Text),
    ("session_id", Value::Uuid),
    ("request_id", Value::Text),
    ("network", Value::Text),
    ("user_agent", Value::Text),
    ("details", Value::Text),
    ("count", Value::Number),
    ("key_id", Value::Text),
    ("personal_salt", Value::Bytes),
    ("personal", Value::Bytes),
    ("mac", Value::Bytes),
    ("leaf", Value::Number),
    ("seal", Value::Bytes),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Uuid,
    Stamp,
    Text,
    Number,
    Bytes,
}

/// Somebody who may do anything to the database, and has not the keys.
#[derive(Debug)]
pub struct Intruder {
    database: Database,
    random: Random,
    /// Rows in the log.
    size: u64,
    /// Earlier states of the tree's row, each good in its time.
    trees: Vec<u64>,
    /// How often everything was put back.
    undone: AtomicU32,
}

/// What the intruder did, and what a report must name.
#[derive(Debug)]
pub struct Tampering {
    /// In words.
    pub what: String,
    /// Rows that must be named, by number.
    pub leaves: Vec<u64>,
    /// A row that must be named by its id.
    pub row: Option<uuid::Uuid>,
    /// It is enough that a checkpoint tells: nothing is left in the database that could.
    pub by_checkpoint: bool,
}

impl Intruder {
    /// Takes the triggers and indexes off, which stand in the way of somebody with fewer rights.
    ///
    /// # Panics
    /// The database refuses.
    pub async fn break_in(database: Database, seed: u64) -> Self {
        let on = if database.kind() == Kind::Postgres { " ON sigra_audit" } else { "" };
        for trigger in ["insert", "update", "delete"] {
            database.run(&format!("DROP TRIGGER sigra_audit_on_{trigger}{on}")).await;
        }
        let on_tree = if database.kind() == Kind::Postgres { " ON sigra_audit_tree" } else { "" };
        for trigger in ["insert", "update"] {
            database.run(&format!("DROP TRIGGER sigra_audit_tree_on_{trigger}{on_tree}")).await;
        }
        let on_segments = if database.kind() == Kind::Postgres { " ON sigra_audit_segments" } else { "" };
        database.run(&format!("DROP TRIGGER sigra_audit_segments_on_update{on_segments}")).await;
        if database.kind() != Kind::Postgres {
            database.run("DROP TRIGGER sigra_audit_segments_on_delete").await;
        }
        let on = if database.kind() == Kind::MySql { " ON sigra_audit" } else { "" };
        database.run(&format!("DROP INDEX sigra_audit_by_leaf{on}")).await;
        let size = u64::try_from(database.count("sigra_audit", "leaf IS NOT NULL").await).expect("a number");
        Self { database, random: Random::new(seed), size, trees: Vec::new(), undone: AtomicU32::new(0) }
    }

    /// Keeps a copy of the tree's row as it is now, to put it back later.
    ///
    /// # Panics
    /// The database refuses.
    pub async fn keep_tree(database: &Database, size: u64) {
        database.run(&format!("CREATE TABLE kept_tree_{size} AS SELECT * FROM sigra_audit_tree")).await;
    }

    /// Names a state that was kept.
    pub fn knows_tree(&mut self, size: u64) {
        self.trees.push(size);
    }

    /// Keeps everything, to undo what is done to it.
    ///
    /// # Panics
    /// The database refuses.
    pub async fn remember(&self) {
        for table in TABLES {
            self.database.run(&format!("CREATE TABLE pristine_{table} AS SELECT * FROM {table}")).await;
        }
    }

    /// Puts everything back as it was.
    ///
    /// # Panics
    /// The database refuses.
    pub async fn undo(&self) {
        let undo = TABLES
            .map(|table| format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM pristine_{table};"))
            .join(" ");
        self.database.run(&format!("{} {undo} COMMIT", self.begin())).await;
        // PostgreSQL keeps deleted rows until it has time for them, and reads through all of them meanwhile.
        if self.database.kind() == Kind::Postgres && self.undone.fetch_add(1, Ordering::Relaxed) % 16 == 15 {
            self.database.run(&format!("VACUUM {}", TABLES.join(", "))).await;
        }
    }

    fn begin(&self) -> &'static str {
        if self.database.kind() == Kind::MySql { "START TRANSACTION;" } else { "BEGIN;" }
    }

    /// Does one thing to the trail, and says what.
    ///
    /// # Panics
    /// The database refuses.
    pub async fn tamper(&mut self) -> Tampering {
        match self.random.below(10) {
            0..4 => self.edit().await,
            4 => self.delete().await,
            5 => self.insert().await,
            6 => self.swap().await,
            7 => self.truncate().await,
            8 => self.replay().await,
            _ => self.forge_erasure().await,
        }
    }

    /// Takes one row out of those that were sealed after a state of the tree that was kept, and leaves the rest to be sealed again.
    ///
    /// # Panics
    /// The database refuses.
    pub async fn cut_out(&self, leaf: u64, kept: u64) {
        let sql = format!(
            "DELETE FROM sigra_audit WHERE leaf = {leaf}; \
             UPDATE sigra_audit SET leaf = NULL, seal = NULL WHERE leaf >= {kept}; \
             DELETE FROM sigra_audit_segments WHERE segment >= {}; \
             DELETE FROM sigra_audit_checkpoints WHERE size > {kept}; \
             DELETE FROM sigra_audit_tree; INSERT INTO sigra_audit_tree SELECT * FROM kept_tree_{kept};",
            kept / 256
        );
        self.database.run(&format!("{} {sql} COMMIT", self.begin())).await;
    }

    fn leaf(&mut self) -> u64 {
        self.random.below(self.size)
    }

    fn bytes(&self, bytes: &[u8]) -> String {
        let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        match self.database.kind() {
            Kind::Sqlite | Kind::MySql => format!("X'{hex}'"),
            Kind::Postgres => format!("'\\x{hex}'::bytea"),
        }
    }

    fn uuid(&self, id: uuid::Uuid) -> String {
        match self.database.kind() {
            Kind::Postgres => format!("'{id}'::uuid"),
            _ => self.bytes(id.as_bytes()),
        }
    }

    fn some_uuid(&mut self) -> uuid::Uuid {
        uuid::Uuid::from_u64_pair(self.random.number(), self.random.number())
    }

    /// Another value for one column of one row.
    async fn edit(&mut self) -> Tampering {
        let leaf = self.leaf();
        let index = usize::try_from(self.random.below(20)).expect("a column");
        let (column, kind) = COLUMNS[index];
        let nullable =
            !matches!(column, "id" | "at" | "event" | "outcome" | "actor" | "count" | "key_id" | "mac");
        let is_null =
            self.database.count("sigra_audit", &format!("leaf = {leaf} AND {column} IS NULL")).await == 1;
        if nullable && !is_null && self.random.below(3) == 0 {
            let what = format!("{column} of number {leaf} taken away");
            self.update(&format!("{column} = NULL"), leaf).await;
            return Tampering { what, leaves: vec![leaf], row: None, by_checkpoint: false };
        }
        let sqlite = self.database.kind() == Kind::Sqlite;
        let value = match kind {
            Value::Uuid => {
                let id = self.some_uuid();
                self.uuid(id)
            }
            Value::Stamp => match self.database.kind() {
                Kind::Sqlite => format!("{column} + 1"),
                Kind::Postgres => format!("{column} + INTERVAL '1 microsecond'"),
                Kind::MySql => format!("{column} + INTERVAL 1 MICROSECOND"),
            },
            Value::Text if sqlite => format!("COALESCE({column}, '') || 'x'"),
            Value::Text => format!("CONCAT(COALESCE({column}, ''), 'x')"),
            Value::Number => format!("{column} + {}", 1 + self.random.below(600)),
            Value::Bytes => {
                let bytes: Vec<u8> = (0..4).flat_map(|_| self.random.number().to_be_bytes()).collect();
                self.bytes(&bytes)
            }
        };
        self.update(&format!("{column} = {value}"), leaf).await;
        let what = format!("{column} of number {leaf} changed");
        Tampering { what, leaves: vec![leaf], row: None, by_checkpoint: false }
    }

    async fn update(&self, set: &str, leaf: u64) {
        self.database.run(&format!("UPDATE sigra_audit SET {set} WHERE leaf = {leaf}")).await;
    }

    async fn delete(&mut self) -> Tampering {
        let leaf = self.leaf();
        self.database.run(&format!("DELETE FROM sigra_audit WHERE leaf = {leaf}")).await;
        Tampering {
            what: format!("number {leaf} deleted"),
            leaves: vec![leaf],
            row: None,
            by_checkpoint: false,
        }
    }

    /// The columns of a row, some of them replaced, as a new row.
    async fn copy(&self, leaf: u64, replaced: &[(&str, String)]) {
        let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
        let value = |name: &&str| {
            let found = replaced.iter().find(|(replaced, _)| replaced == name);
            found.map_or((*name).to_owned(), |(_, value)| value.clone())
        };
        let values: Vec<String> = names.iter().map(value).collect();
        let (names, values) = (names.join(", "), values.join(", "));
        let insert =
            format!("INSERT INTO sigra_audit ({names}) SELECT {values} FROM sigra_audit WHERE leaf = {leaf}");
        self.database.run(&insert).await;
    }

    /// A row of its own: beside the log, behind it, or in the place of another.
    async fn insert(&mut self) -> Tampering {
        let (leaf, id) = (self.leaf(), self.some_uuid());
        let (number, seal) = match self.random.below(3) {
            0 => ("NULL".to_owned(), "NULL".to_owned()),
            1 => (self.size.to_string(), "seal".to_owned()),
            _ => (self.leaf().to_string(), "seal".to_owned()),
        };
        let replaced = [("id", self.uuid(id)), ("leaf", number.clone()), ("seal", seal)];
        self.copy(leaf, &replaced).await;
        let what = format!("a copy of number {leaf} inserted as {number}");
        Tampering { what, leaves: Vec::new(), row: Some(id), by_checkpoint: false }
    }

    /// Two rows change places, with or without their seals.
    async fn swap(&mut self) -> Tampering {
        let one = self.leaf();
        let other = (one + 1 + self.random.below(self.size - 1)) % self.size;
        let with_seals = self.random.below(2) == 0;
        let away = 1_000_000 + one;
        let mut sql = format!(
            "UPDATE sigra_audit SET leaf = {away} WHERE leaf = {one}; \
             UPDATE sigra_audit SET leaf = {one} WHERE leaf = {other}; \
             UPDATE sigra_audit SET leaf = {other} WHERE leaf = {away};"
        );
        if with_seals {
            for (leaf, from) in [(one, one), (other, other)] {
                sql.push_str(&format!(
                    "UPDATE sigra_audit SET seal = (SELECT p.seal FROM pristine_sigra_audit p WHERE p.leaf = {from}) \
                     WHERE leaf = {leaf};"
                ));
            }
        }
        self.database.run(&format!("{} {sql} COMMIT", self.begin())).await;
        let what = format!("numbers {one} and {other} swapped, seals too: {with_seals}");
        Tampering { what, leaves: vec![one, other], row: None, by_checkpoint: false }
    }

    /// The newest rows go; sometimes everything goes that says that they were there.
    async fn truncate(&mut self) -> Tampering {
        let most = u64::try_from(self.trees.len()).expect("a number");
        let with_tree = self.random.below(2) == 0;
        let from = if with_tree {
            self.trees[usize::try_from(self.random.below(most)).expect("a place")]
        } else {
            self.size - 1 - self.random.below(self.size / 4)
        };
        let mut sql = format!("DELETE FROM sigra_audit WHERE leaf >= {from};");
        if with_tree {
            let segments = from / 256;
            sql.push_str(&format!(
                "DELETE FROM sigra_audit_tree; INSERT INTO sigra_audit_tree SELECT * FROM kept_tree_{from}; \
                 DELETE FROM sigra_audit_segments WHERE segment >= {segments}; \
                 DELETE FROM sigra_audit_checkpoints WHERE size > {from};"
            ));
        }
        self.database.run(&format!("{} {sql} COMMIT", self.begin())).await;
        let what = format!("cut off from number {from} on, with the tree: {with_tree}");
        let leaves = if with_tree { Vec::new() } else { (from..self.size).collect() };
        Tampering { what, leaves, row: None, by_checkpoint: with_tree }
    }

    /// An old row stands in for a newer one, in its place and with its id, its seal or its own.
    async fn replay(&mut self) -> Tampering {
        let old = self.random.below(self.size - 1);
        let new = old + 1 + self.random.below(self.size - 1 - old);
        let own_seal = self.random.below(2) == 0;
        let own_id = self.random.below(2) == 0;
        let from = |column: &str, leaf: u64| {
            format!("(SELECT p.{column} FROM pristine_sigra_audit p WHERE p.leaf = {leaf})")
        };
        let mut replaced = vec![("leaf", new.to_string())];
        if !own_seal {
            replaced.push(("seal", from("seal", new)));
        }
        if own_id {
            // The old row goes where it was, so that no id stands twice.
            replaced.push(("id", from("id", new)));
        } else {
            let id = self.some_uuid();
            replaced.push(("id", self.uuid(id)));
        }
        self.database.run(&format!("DELETE FROM sigra_audit WHERE leaf = {new}")).await;
        self.copy(old, &replaced).await;
        let what = format!("number {new} replaced by number {old}, its seal: {own_seal}, its id: {own_id}");
        Tampering { what, leaves: vec![new], row: None, by_checkpoint: false }
    }

    /// Personal facts go as an erasure takes them, and nobody said so.
    async fn forge_erasure(&mut self) -> Tampering {
        loop {
            let leaf = self.leaf();
            let has_facts = format!("leaf = {leaf} AND personal_salt IS NOT NULL");
            if self.database.count("sigra_audit", &has_facts).await == 1 {
                self.update("network = NULL, user_agent = NULL, personal_salt = NULL", leaf).await;
                let what = format!("facts of number {leaf} erased");
                return Tampering { what, leaves: vec![leaf], row: None, by_checkpoint: false };
            }
        }
    }
}
