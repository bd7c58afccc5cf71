//! A node: another process with pools, permits and a clock of its own on a test's database, told what to do line by line.
//!
//! The program is `tests/examples/node.rs`. It reads one [`Order`] a line as JSON and answers each with one [`Report`].

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Notify;

use crate::database::Database;
use crate::load::{CHECKPOINTS_VARIABLE, Line, Load, Stage};

/// Where the node finds the address of its database.
pub const DATABASE_VARIABLE: &str = "SIGRA_NODE_DATABASE_URL";

/// What a node is told to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Order {
    /// Signs in so many times at once.
    SignIn {
        /// The address that is typed.
        email: String,
        /// The password that is typed.
        password: String,
        /// How many times.
        times: u32,
        /// The number of the first one's network; each of the others has the next.
        network: u32,
    },
    /// Answers all of these challenges at once with one code.
    Prove {
        /// The secrets of the pending sign-ins.
        pending: Vec<String>,
        /// The code that is typed.
        code: String,
    },
    /// Checks a session so many times at once.
    Check {
        /// The session's secret.
        token: String,
        /// How many times.
        times: u32,
    },
    /// Changes without end: no report comes, but the lines of [`crate::load`].
    Load(Load),
    /// Nothing but the report.
    Report,
}

/// What came of an order, and how the process stands after it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// How often each answer came, by the codes of `sigra::axum::Problem`, `signed_in`, `stopped`, `live` and `ended`.
    pub answers: BTreeMap<String, u32>,
    /// The secrets of the sessions that were opened.
    pub tokens: Vec<String>,
    /// Password hashes computed since the start of the process.
    pub hashes: u64,
    /// The most memory that the process ever had, in KiB.
    pub peak_kib: Option<u64>,
}

impl Report {
    /// Counts an answer.
    pub fn count(&mut self, answer: &str) {
        *self.answers.entry(answer.to_owned()).or_default() += 1;
    }
}

/// A running node. It is killed when this is dropped.
#[derive(Debug)]
pub struct Node {
    process: Child,
    orders: ChildStdin,
    reports: Lines<BufReader<ChildStdout>>,
}

impl Node {
    /// Starts one on a database that has its tables, and waits until it is ready.
    ///
    /// # Panics
    /// The example is not built, or does not start.
    pub async fn join(database: &Database) -> Self {
        Self::start(database, Command::new(crate::example("node"))).await
    }

    /// The same, with a file for the checkpoints.
    ///
    /// # Panics
    /// As [`join`](Self::join).
    pub async fn join_with_checkpoints(database: &Database, file: &Path) -> Self {
        let mut program = Command::new(crate::example("node"));
        program.env(CHECKPOINTS_VARIABLE, file);
        Self::start(database, program).await
    }

    async fn start(database: &Database, mut program: Command) -> Self {
        let mut process = program
            .env(DATABASE_VARIABLE, database.url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the node starts");
        let orders = process.stdin.take().expect("its input");
        let reports = BufReader::new(process.stdout.take().expect("its output")).lines();
        let mut node = Self { process, orders, reports };
        node.ask(&Order::Report).await;
        node
    }

    /// Gives an order and waits for its report.
    ///
    /// # Panics
    /// The node has ended.
    pub async fn ask(&mut self, order: &Order) -> Report {
        self.tell(order).await;
        let line = self.reports.next_line().await.expect("its output").expect("a report");
        serde_json::from_str(&line).expect("a report")
    }

    async fn tell(&mut self, order: &Order) {
        let mut line = serde_json::to_string(order).expect("JSON");
        line.push('\n');
        self.orders.write_all(line.as_bytes()).await.expect("a node that reads");
    }

    /// Puts it under load, kills it with SIGKILL in the midst of it, and gives every line that it wrote. The time until it
    /// is killed counts from the first line that `from` is true of, or of a change that failed; without `from`, from the start.
    ///
    /// # Panics
    /// It ended by itself, or wrote something else.
    pub async fn kill_under_load(
        mut self,
        load: Load,
        from: Option<fn(&Line) -> bool>,
        within: Duration,
    ) -> Vec<Line> {
        self.tell(&Order::Load(load)).await;
        let is_reached = Notify::new();
        let kill = async {
            if from.is_some() {
                is_reached.notified().await;
            }
            tokio::time::sleep(within).await;
            assert!(self.process.try_wait().expect("a state").is_none(), "it ended by itself");
            self.process.kill().await.expect("it was running");
        };
        // Read all the while: a process that waits for its output is under no load.
        let read = async {
            let mut lines: Vec<Line> = Vec::new();
            while let Some(line) = self.reports.next_line().await.expect("its output") {
                let line = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
                if from.is_some_and(|from| from(&line)) || matches!(line.stage, Stage::Failed(_)) {
                    is_reached.notify_one();
                }
                lines.push(line);
            }
            is_reached.notify_one();
            lines
        };
        tokio::join!(kill, read).1
    }

    /// Kills the process, as a crash would.
    ///
    /// # Panics
    /// It is not there.
    pub async fn kill(mut self) {
        self.process.kill().await.expect("it was running");
    }
}

/// The most memory that a process ever had, in KiB: `VmHWM` of Linux, `None` elsewhere.
#[must_use]
pub fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
