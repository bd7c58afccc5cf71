//! kill -9 under load: what was acknowledged is there with its row, no row stands for what is not there, and the log goes on.
//!
//! `SIGRA_TEST_KILLS` is the number of kills on each database. For 300, after `cargo build -p sigra-tests --example node`:
//! `SIGRA_TEST_KILLS=300 SIGRA_TEST_DATABASES=all cargo test -p sigra-tests --test kills -- --nocapture`.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use sigra::{Refusal, Sigra};
use sigra_tests::authenticator::Authenticator;
use sigra_tests::database::Kind;
use sigra_tests::host::client;
use sigra_tests::load::{Change, Line, Load, Stage, into_files, rows_beside};
use sigra_tests::node::Node;
use sigra_tests::random::Random;
use sigra_tests::rows::RowFile;
use sigra_tests::{Database, Host, PASSWORD, User, each_database, until};

const CHANGER: &str = "changer@example.com";
/// What the addresses of accounts with second factors begin with.
const FACTORED: &str = "factored";
/// What the addresses begin with whose links are used.
const FORGETFUL: &str = "forgetful";
/// Kills on one database, before a fresh one takes its place: sessions must not grow so old that they are swept.
const ON_ONE: u32 = 100;
/// The first round in which nobody signs in but those with second factors.
const FIRST_ALONE: u32 = 2;
/// The first of them that goes by links and not by codes.
const FIRST_WITH_LINK: u32 = 5;
/// More than the lease on the log.
const SECONDS_PER_ROUND: u64 = 11;

fn people() -> Vec<String> {
    (0..5).map(|number| format!("person{number}@example.com")).collect()
}

/// Those with second factors of a round: none of them has one yet.
fn factored(round: u32) -> Vec<String> {
    (0..2).map(|number| format!("{FACTORED}{}-{number}@example.com", round % ON_ONE)).collect()
}

/// Who forgets the password in a round, and has the first one when it begins.
fn forgetful(round: u32) -> String {
    format!("{FORGETFUL}{}@example.com", round % ON_ONE)
}

fn kills() -> u32 {
    std::env::var("SIGRA_TEST_KILLS").map_or(8, |text| text.parse().expect("SIGRA_TEST_KILLS is a number"))
}

/// One row of the trail.
#[derive(Debug)]
struct Row {
    event: String,
    outcome: String,
    session: Option<String>,
}

/// What is in the database apart from the trail.
#[derive(Debug, Default)]
struct State {
    sessions: BTreeSet<String>,
    /// Those of the account whose password changes.
    changers: BTreeSet<String>,
    accounts: BTreeSet<String>,
    resets: BTreeSet<String>,
    /// Those with second factors, by their addresses.
    factored: BTreeMap<String, Factored>,
}

/// What an account with second factors has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Factored {
    sessions: BTreeSet<String>,
    /// The last step that was used of each authenticator that counts.
    steps: Vec<i64>,
    /// Authenticators that nobody has proved.
    enrolments: i64,
    backup_codes: i64,
    backup_codes_used: i64,
    trusted: i64,
}

/// What is known of such an account from the lines of the process.
#[derive(Debug, Default)]
struct Known {
    has: Factored,
    /// Sessions in which the second factor was proved.
    twice: BTreeSet<String>,
    app: Option<String>,
    codes: Vec<String>,
    /// Codes that are used up, with their challenges, since the authenticator was added.
    used: Vec<(String, String)>,
    /// A code that was on its way when the process died, and came to nothing.
    unused: Option<(String, Option<i64>)>,
}

impl Known {
    /// A change that has its row.
    fn apply(&mut self, change: &Change, row: &Row) {
        let session = || row.session.clone().unwrap();
        match change {
            Change::SignIn(_) => assert!(self.has.sessions.insert(session())),
            Change::BeginFactor(_) => self.has.enrolments = 1,
            Change::AddFactor { session: own, uri, step, .. } => {
                self.twice.insert(own.clone());
                self.end_single();
                (self.has.enrolments, self.has.trusted) = (0, 0);
                (self.has.steps, self.app) = (vec![*step], Some(uri.clone()));
                self.used.clear();
            }
            Change::CreateCodes(_) => {
                (self.has.backup_codes, self.has.backup_codes_used) = (10, 0);
                self.codes.clear();
            }
            Change::Prove { pending, code, step, trust, .. } => {
                assert!(self.has.sessions.insert(session()) && self.twice.insert(session()));
                match step {
                    Some(step) => self.has.steps = vec![*step],
                    None => self.has.backup_codes_used += 1,
                }
                self.has.trusted += i64::from(*trust);
                self.used.push((code.clone(), pending.clone()));
            }
            Change::RemoveFactor { session: own, .. } => {
                self.twice.insert(own.clone());
                self.end_single();
                self.has =
                    Factored { sessions: std::mem::take(&mut self.has.sessions), ..Factored::default() };
                (self.app, self.codes) = (None, Vec::new());
            }
            _ => {}
        }
    }

    fn end_single(&mut self) {
        self.has.sessions.retain(|session| self.twice.contains(session));
    }
}

/// What all rounds amount to.
#[derive(Debug, Default)]
struct Totals {
    kills: u32,
    acknowledged: BTreeMap<&'static str, u64>,
    /// Changes that were begun and had no answer when the process died: with their row, and without.
    committed_unanswered: u64,
    undone: u64,
    /// Codes that were used before a kill, and tried again after it.
    tried_again: u64,
    /// Codes that were on their way and had no row.
    came_to_nothing: u64,
    /// The same of links.
    links_tried_again: u64,
    links_came_to_nothing: u64,
    rows: u64,
    checkpoints: u64,
    /// Rows that a sink got again, since the process died before it could note that they had arrived.
    again: u64,
    /// Rounds in which the process numbered rows before it was killed.
    sealed_in: u32,
}

/// A database, its file of checkpoints, and where it stands.
struct Trial {
    database: Database,
    checkpoints: PathBuf,
    password: String,
    /// The accounts with second factors of this round.
    factored: Vec<String>,
    state: State,
}

impl Trial {
    async fn start(database: Database, rounds: u32) -> Self {
        let host = Host::start(database.clone()).await;
        for email in people().iter().map(String::as_str).chain([CHANGER]) {
            host.account(email).await;
        }
        for email in
            (0..rounds.min(ON_ONE)).flat_map(|round| [factored(round), vec![forgetful(round)]].concat())
        {
            host.account(&email).await;
        }
        drop(host);
        let name = format!("sigra_kills_{}.checkpoints", uuid::Uuid::now_v7());
        let mut trial = Self {
            database,
            checkpoints: std::env::temp_dir().join(name),
            password: PASSWORD.into(),
            factored: Vec::new(),
            state: State::default(),
        };
        trial.wait_for_quiet().await;
        trial.state = trial.read().await;
        trial
    }

    /// Waits until the server has noticed that the process is gone, and has ended what it was in.
    async fn wait_for_quiet(&self) {
        let (table, others) = match self.database.kind() {
            // The lock of the one writer went with its process: this one gets it.
            Kind::Sqlite => return self.database.run("BEGIN IMMEDIATE; ROLLBACK").await,
            Kind::Postgres => (
                "pg_stat_activity",
                "datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
            ),
            Kind::MySql => ("information_schema.processlist", "db = DATABASE() AND id <> CONNECTION_ID()"),
        };
        // One that stays may be in a transaction.
        until("no connection of the killed process is left", async || {
            self.database.count(table, others).await == 0
        })
        .await;
    }

    fn hex(&self, column: &str) -> String {
        match self.database.kind() {
            Kind::Postgres => format!("REPLACE({column}::text, '-', '')"),
            _ => format!("LOWER(HEX({column}))"),
        }
    }

    fn joined(&self, columns: &[&str]) -> String {
        match self.database.kind() {
            Kind::Sqlite => columns.join(" || ' ' || "),
            _ => format!("CONCAT_WS(' ', {})", columns.join(", ")),
        }
    }

    async fn read(&self) -> State {
        let id = self.hex("s.id");
        let line = self.joined(&[&id, "a.identifier"]);
        let sql =
            format!("SELECT {line} FROM sigra_sessions s JOIN sigra_accounts a ON a.user_id = s.user_id");
        let mut state = State::default();
        for line in self.database.texts(&sql).await {
            let (id, owner) = line.split_once(' ').unwrap();
            let sessions = match owner {
                CHANGER => &mut state.changers,
                owner if owner.starts_with(FACTORED) => {
                    &mut state.factored.entry(owner.to_owned()).or_default().sessions
                }
                _ => &mut state.sessions,
            };
            assert!(sessions.insert(id.to_owned()));
        }
        let sql = "SELECT a.identifier FROM sigra_accounts a JOIN users u ON u.id = a.user_id";
        state.accounts = self.database.texts(sql).await.into_iter().collect();
        for table in ["users", "sigra_accounts"] {
            let rows = usize::try_from(self.database.count(table, "1 = 1").await).unwrap();
            assert_eq!(rows, state.accounts.len(), "half an account in {table}");
        }
        for email in &self.factored {
            let has = state.factored.entry(email.clone()).or_default();
            let whose =
                format!("user_id = (SELECT user_id FROM sigra_accounts WHERE identifier = '{email}')");
            let count = async |table: &str, and: &str| {
                self.database.count(table, &format!("{whose} AND {and}")).await
            };
            has.enrolments = count("sigra_factors", "confirmed_at IS NULL").await;
            has.backup_codes = count("sigra_backup_codes", "1 = 1").await;
            has.backup_codes_used = count("sigra_backup_codes", "used_at IS NOT NULL").await;
            has.trusted = count("sigra_devices", "trusted_until IS NOT NULL").await;
            let text = if self.database.kind() == Kind::MySql { "CHAR" } else { "TEXT" };
            let counts = "confirmed_at IS NOT NULL AND removed_at IS NULL";
            let sql =
                format!("SELECT CAST(last_step AS {text}) FROM sigra_factors WHERE {whose} AND {counts}");
            has.steps = self.database.texts(&sql).await.iter().map(|step| step.parse().unwrap()).collect();
        }
        // Those that are mailed may be on their way or not.
        let sql = format!(
            "SELECT identifier FROM sigra_outbox WHERE kind = 'reset_password' AND identifier NOT LIKE '{FORGETFUL}%'"
        );
        let resets = self.database.texts(&sql).await;
        state.resets = resets.iter().cloned().collect();
        assert_eq!(resets.len(), state.resets.len(), "a mail twice");
        state
    }

    /// The rows of one round by their request ids.
    async fn rows(&self, round: u32) -> BTreeMap<String, Row> {
        let session = format!("COALESCE(NULLIF({}, ''), '-')", self.hex("session_id"));
        let line = self.joined(&["request_id", "event", "outcome", &session]);
        let sql = format!("SELECT {line} FROM sigra_audit WHERE request_id LIKE 'r{round}-%'");
        let mut rows = BTreeMap::new();
        for line in self.database.texts(&sql).await {
            let mut words = line.split(' ').map(str::to_owned);
            let mut word = || words.next().unwrap();
            let (request, event, outcome) = (word(), word(), word());
            let row = Row { event, outcome, session: Some(word()).filter(|id| id != "-") };
            assert!(rows.insert(request, row).is_none(), "two rows for one change: {line}");
        }
        rows
    }

    /// Starts a process, kills it under load, and holds its lines against the database.
    async fn round(&mut self, round: u32, random: &mut Random, totals: &mut Totals) {
        self.factored = factored(round);
        self.state = self.read().await;
        self.database.run("DELETE FROM sigra_limits").await;
        let sealed_before = self.database.count("sigra_audit", "leaf IS NOT NULL").await;
        let node = Node::join_with_checkpoints(&self.database, &self.checkpoints).await;
        // Some rounds leave the hasher to those with second factors, who need it five times before they are through.
        let alone = round % 3 == FIRST_ALONE;
        let load = Load {
            round,
            seconds: u64::from(round % ON_ONE + 1) * SECONDS_PER_ROUND,
            people: if alone { Vec::new() } else { people() },
            changer: CHANGER.into(),
            password: self.password.clone(),
            factored: self.factored.clone(),
            forgetful: forgetful(round),
        };
        let seconds = load.seconds;
        // Most die young, while they start to work; some have had the time for every kind of change. Of those that have the
        // hasher for themselves each dies once a code or a link was used, however slow the machine, and the first of either at once.
        let most = if alone || round % 4 == 3 { 4_000 } else { 700 };
        let within = if [FIRST_ALONE, FIRST_WITH_LINK].contains(&round) { 0 } else { random.below(most) };
        let from: Option<fn(&Line) -> bool> = match round % 6 {
            FIRST_ALONE => Some(is_code_used),
            FIRST_WITH_LINK => Some(is_link_used),
            _ => None,
        };
        let lines = node.kill_under_load(load, from, Duration::from_millis(within)).await;
        self.wait_for_quiet().await;
        let rows = self.rows(round).await;
        let state = self.read().await;
        self.compare(&lines, &rows, &state, totals);
        self.state = state;
        self.use_what_is_left(&lines, &rows, seconds, totals).await;
        totals.kills += 1;
        let sealed = self.database.count("sigra_audit", "leaf IS NOT NULL").await;
        totals.sealed_in += u32::from(sealed > sealed_before);
    }

    /// The rows say what the database has, and whatever was acknowledged has its row.
    fn compare(&mut self, lines: &[Line], rows: &BTreeMap<String, Row>, state: &State, totals: &mut Totals) {
        let begun: BTreeMap<&str, &Change> = lines
            .iter()
            .filter(|line| line.stage == Stage::Begun)
            .map(|line| (line.request.as_str(), &line.change))
            .collect();
        let mut acknowledged = BTreeSet::new();
        for line in lines {
            match &line.stage {
                Stage::Begun | Stage::Shown(_) => {}
                Stage::Failed(error) => panic!("{line:?}: {error}"),
                Stage::Acknowledged { session } => {
                    let row = rows.get(&line.request).unwrap_or_else(|| panic!("lost: {line:?}"));
                    assert!(session.is_none() || row.session == *session, "{line:?}: {row:?}");
                    *totals.acknowledged.entry(event_and_outcome(&line.change).0).or_default() += 1;
                    acknowledged.insert(line.request.as_str());
                }
            }
        }
        let mut expected = State {
            sessions: self.state.sessions.clone(),
            changers: self.state.changers.clone(),
            accounts: self.state.accounts.clone(),
            resets: self.state.resets.clone(),
            factored: self.state.factored.clone(),
        };
        for (email, known) in known_of(lines, rows) {
            expected.factored.insert(email, known.has);
        }
        let mut ended = BTreeSet::new();
        // Passwords change one after the other; the last that has a row is the one that is good.
        let mut last_change: Option<(u32, String, String)> = None;
        for (request, row) in rows {
            let change = begun.get(request.as_str()).unwrap_or_else(|| panic!("out of nowhere: {row:?}"));
            assert_eq!((row.event.as_str(), row.outcome.as_str()), event_and_outcome(change), "{request}");
            let number: u32 = request.split_once('-').unwrap().1.parse().unwrap();
            match change {
                Change::Register(email) => assert!(expected.accounts.insert(email.clone())),
                change if change.email().is_some_and(|email| email.starts_with(FACTORED)) => {}
                Change::SignIn(email) => {
                    let sessions =
                        if email == CHANGER { &mut expected.changers } else { &mut expected.sessions };
                    assert!(sessions.insert(row.session.clone().unwrap()), "a session twice");
                }
                Change::SignOut(session) | Change::Revoke(session) => {
                    assert!(ended.insert(session.as_str()), "ended twice");
                }
                Change::ChangePassword { password, .. } => {
                    if last_change.as_ref().is_none_or(|(last, ..)| *last < number) {
                        last_change = Some((number, row.session.clone().unwrap(), password.clone()));
                    }
                }
                Change::RequestReset(email) if email.starts_with(FORGETFUL) => {}
                Change::RequestReset(email) => assert!(expected.resets.insert(email.clone())),
                // Its link and its passwords are tried below.
                Change::ResetPassword { .. } | Change::WrongPassword(_) | Change::Event => {}
                other => panic!("{other:?} of an account that has no second factor"),
            }
        }
        for session in ended {
            assert!(expected.sessions.remove(session), "a session ended that was never opened");
        }
        if let Some((_, session, password)) = last_change {
            // A new password ends all that the old one opened. The next round signs in with it.
            expected.changers = BTreeSet::from([session]);
            self.password = password;
        }
        assert_eq!(state.sessions, expected.sessions);
        assert_eq!(state.changers, expected.changers);
        assert_eq!(state.accounts, expected.accounts);
        assert_eq!(state.resets, expected.resets);
        assert_eq!(state.factored, expected.factored);
        for request in begun.keys().filter(|request| !acknowledged.contains(*request)) {
            let count = if rows.contains_key(*request) {
                &mut totals.committed_unanswered
            } else {
                &mut totals.undone
            };
            *count += 1;
        }
    }

    /// Every code that has its row is worth nothing any more, and one that has none is good, once.
    async fn use_what_is_left(
        &mut self,
        lines: &[Line],
        rows: &BTreeMap<String, Row>,
        seconds: u64,
        totals: &mut Totals,
    ) {
        let host = Host::join(self.database.clone()).await;
        host.clock.advance(Duration::from_secs(seconds));
        let enter = async |email: &str, code: &str| {
            // What is tried here is none of the limits.
            self.database.run("DELETE FROM sigra_limits").await;
            match host.prove(&host.challenge(email).await, code).await {
                Ok(_) => true,
                Err(error) if error.refusal() == Some(&Refusal::InvalidCode) => false,
                Err(error) => panic!("{email}: {error}"),
            }
        };
        for (email, known) in known_of(lines, rows) {
            for (code, pending) in &known.used {
                let again = host.auth.prove_second_factor(pending, code.as_str(), &client()).await;
                let again = again.expect_err("a challenge that is answered is over");
                assert_eq!(again.refusal(), Some(&Refusal::InvalidToken), "{email}");
            }
            let Some(uri) = &known.app else {
                let _ = host.sign_in(&email).await;
                continue;
            };
            for (code, _) in &known.used {
                assert!(!enter(&email, code).await, "{email}: a code twice");
                totals.tried_again += 1;
            }
            let app = Authenticator::new(uri, host.clock.clone());
            if let Some((code, step)) = &known.unused
                // A code of an app grows old by itself.
                && step.is_none_or(|step| step >= app.time(0) / 30)
            {
                assert!(enter(&email, code).await, "{email}: a code that came to nothing is good");
                assert!(!enter(&email, code).await, "{email}: once");
                totals.came_to_nothing += 1;
            }
            let is_used = |code: &&String| {
                known.used.iter().any(|(used, _)| used == *code)
                    || known.unused.as_ref().is_some_and(|(tried, _)| tried == *code)
            };
            if let Some(code) = known.codes.iter().find(|code| !is_used(code)) {
                assert!(enter(&email, code).await && !enter(&email, code).await, "{email}: once");
            }
            host.clock.advance(Duration::from_mins(2));
            let code = app.code(0);
            assert!(enter(&email, &code).await && !enter(&email, &code).await, "{email}: once");
        }
        self.use_links(&host, lines, rows, totals).await;
        host.auth.close().await;
        drop(host);
        self.wait_for_quiet().await;
        self.state = self.read().await;
    }

    /// Every link that has its row is worth nothing any more and has set the password, and one that has none is good, once.
    async fn use_links(
        &self,
        host: &Host,
        lines: &[Line],
        rows: &BTreeMap<String, Row>,
        totals: &mut Totals,
    ) {
        let by_link = async |token: &str, password: &str| {
            self.database.run("DELETE FROM sigra_limits").await;
            match host.auth.reset_password(token, password, &client()).await {
                Ok(_) => true,
                Err(error) if error.refusal() == Some(&Refusal::InvalidToken) => false,
                Err(error) => panic!("{error}"),
            }
        };
        let (mut passwords, mut whose) = (vec![PASSWORD], None);
        for line in lines.iter().filter(|line| line.stage == Stage::Begun) {
            let Change::ResetPassword { email, token, password } = &line.change else { continue };
            if rows.contains_key(&line.request) {
                passwords.push(password);
                assert!(!by_link(token, "by a link that is used up").await, "{email}: a link twice");
                totals.links_tried_again += 1;
            } else {
                assert!(by_link(token, "by a link that came to nothing").await, "{email}: a good link");
                assert!(!by_link(token, "by a link that is used up").await, "{email}: once");
                passwords.push("by a link that came to nothing");
                totals.links_came_to_nothing += 1;
            }
            whose = Some(email);
        }
        if let (Some(email), [.., before, now]) = (whose, &passwords[..]) {
            drop(host.sign_in_with(email, now).await);
            let refused = host.try_sign_in(email, before).await.unwrap_err();
            assert_eq!(refused.refusal(), Some(&Refusal::InvalidCredentials), "{email}: the password before");
        }
    }

    /// After the last kill: every row gets its number, and all that came out of the processes fits.
    async fn finish(self, totals: &mut Totals) {
        let builder = into_files(Sigra::<User>::builder().url(self.database.url()), &self.checkpoints);
        let host = Host::with(self.database.clone(), builder).await;
        host.auth.seal_audit().await.unwrap();
        // More than the lease of a process that was killed while it forwarded.
        host.clock.advance(Duration::from_secs(u64::from(ON_ONE + 1) * SECONDS_PER_ROUND + 60));
        host.auth.forward_audit().await.unwrap();
        let rows = self.database.count("sigra_audit", "1 = 1").await;
        // Numbers are unique, so as many as there are rows, none below zero or above, have no gap.
        let numbered = format!("leaf >= 0 AND leaf < {rows} AND seal IS NOT NULL");
        assert_eq!(self.database.count("sigra_audit", &numbered).await, rows);
        let text = std::fs::read_to_string(&self.checkpoints).unwrap();
        let report = host.auth.verify_audit(&text).await.unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
        assert_eq!((report.unsealed, report.unchecked), (0, 0));
        assert_eq!(report.rows, u64::try_from(rows).unwrap());
        totals.again += self.compare_forwarded().await;
        totals.rows += report.rows;
        totals.checkpoints += report.checkpoints;
        // Whoever is here now can still sign in and out, with the password that was acknowledged last.
        let session = host.sign_in_with(CHANGER, &self.password).await;
        host.auth.sign_out(session.session(), &client()).await.unwrap();
        if self.database.kind() == Kind::Sqlite {
            assert_eq!(self.database.texts("PRAGMA journal_mode").await, ["wal"]);
            assert_eq!(self.database.texts("PRAGMA integrity_check").await, ["ok"]);
        }
        std::fs::remove_file(&self.checkpoints).unwrap();
        std::fs::remove_file(rows_beside(&self.checkpoints)).unwrap();
    }

    /// The sink got every row, in order and at least once; gives how many came again.
    async fn compare_forwarded(&self) -> u64 {
        let line = self.joined(&["leaf", &self.hex("id")]);
        let trail = self.database.texts(&format!("SELECT {line} FROM sigra_audit ORDER BY leaf")).await;
        let forwarded = RowFile::read(&rows_beside(&self.checkpoints));
        let mut next = 0;
        for (number, id) in &forwarded {
            assert!((0..=next).contains(number), "{number} after {next} rows");
            assert_eq!(trail[usize::try_from(*number).unwrap()], format!("{number} {id}"));
            next = next.max(number + 1);
        }
        assert_eq!(usize::try_from(next).unwrap(), trail.len(), "a row did not arrive");
        u64::try_from(forwarded.len() - trail.len()).unwrap()
    }
}

/// What the lines of a process and the rows that they have make of each account with second factors.
fn known_of(lines: &[Line], rows: &BTreeMap<String, Row>) -> BTreeMap<String, Known> {
    let mut all: BTreeMap<String, Known> = BTreeMap::new();
    for line in lines {
        let Some(email) = line.change.email().filter(|email| email.starts_with(FACTORED)) else { continue };
        let known = all.entry(email.to_owned()).or_default();
        match (&line.stage, rows.get(&line.request)) {
            // One task for each account: its changes come one after the other.
            (Stage::Begun, Some(row)) => known.apply(&line.change, row),
            (Stage::Begun, None) => {
                if let Change::Prove { code, step, .. } = &line.change {
                    known.unused = Some((code.clone(), *step));
                }
            }
            (Stage::Shown(codes), _) => known.codes.clone_from(codes),
            _ => {}
        }
    }
    all
}

/// A second factor was proved, and whoever asked knows.
fn is_code_used(line: &Line) -> bool {
    matches!((&line.change, &line.stage), (Change::Prove { .. }, Stage::Acknowledged { .. }))
}

/// A password was reset, and whoever asked knows.
fn is_link_used(line: &Line) -> bool {
    matches!((&line.change, &line.stage), (Change::ResetPassword { .. }, Stage::Acknowledged { .. }))
}

/// The row that a change writes.
fn event_and_outcome(change: &Change) -> (&'static str, &'static str) {
    match change {
        Change::Register(_) => ("account.user.register", "success"),
        Change::SignIn(_) => ("session.password.sign_in", "success"),
        Change::SignOut(_) => ("session.own.sign_out", "success"),
        Change::Revoke(_) => ("session.other.revoke", "success"),
        Change::WrongPassword(_) | Change::Challenge(_) => ("session.password.sign_in", "refused"),
        Change::ChangePassword { .. } => ("account.password.change", "success"),
        Change::RequestReset(_) => ("account.password.request_reset", "success"),
        Change::ResetPassword { .. } => ("account.password.reset", "success"),
        Change::Event => ("shop.order.place", "success"),
        Change::BeginFactor(_) => ("account.factor.begin", "success"),
        Change::AddFactor { .. } => ("account.factor.add", "success"),
        Change::CreateCodes(_) => ("account.backup_codes.create", "success"),
        Change::Prove { .. } => ("session.second_factor.prove", "success"),
        Change::RemoveFactor { .. } => ("account.factor.remove", "success"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_kill_is_there_with_its_row_and_nothing_half_done_is() {
    each_database(|database| async move {
        let (kills, kind) = (kills(), database.kind());
        let mut random = Random::new(0x6b69_6c6c);
        let mut totals = Totals::default();
        let mut trial = Trial::start(database, kills).await;
        for round in 0..kills {
            if round > 0 && round % ON_ONE == 0 {
                let next = Trial::start(Database::create(kind).await, kills - round).await;
                std::mem::replace(&mut trial, next).finish(&mut totals).await;
            }
            trial.round(round, &mut random, &mut totals).await;
        }
        trial.finish(&mut totals).await;
        let _ = std::io::stderr().write_all(format!("{kind}: {totals:?}\n").as_bytes());
        assert!(totals.acknowledged.values().sum::<u64>() > u64::from(kills), "{totals:?}");
        assert!(totals.tried_again > 0 || kills <= FIRST_ALONE, "{totals:?}");
        assert!(totals.links_tried_again > 0 || kills <= FIRST_WITH_LINK, "{totals:?}");
        assert!(totals.sealed_in > 0 && totals.checkpoints > 0, "{totals:?}");
    })
    .await;
}
