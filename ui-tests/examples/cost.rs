//! What the derive costs its host: the time of `cargo check` after an attribute was edited, beside the same struct without it.
//!
//! `cargo run -p ui-tests --example cost` makes a crate of its own under the target folder and edits it eleven times for each
//! figure. The number of tokens is printed by `cargo test -p sigra-macros`.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a tool for developers")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const EDITS: u32 = 11;

const SMALLEST: &str = r#"#[sigra(table = "users", password, session(idle = "IDLEm", absolute = "14d"), lockout(after = 10, wait = "15m"))]"#;

const FULLEST: &str = r#"#[sigra(
    table = "users", prefix = "auth_", profile = "aal1",
    password(min_length = 16, memory_kib = 47104, iterations = 1),
    session(idle = "IDLEm", absolute = "24h", remember = "30d", touch = "2m"),
    confirm_email(within = "24h"), reset_password(within = "30m"), must_change_password,
    lockout(after = 5, wait = "15m"), throttle(per_network = 200, overall = 20_000, within = "1h"),
    totp(issuer = "Acme"), backup_codes(count = 12), assisted_recovery(delay = "48h"),
    trusted_browser(within = "7d"), sudo(within = "10m"), audit(retain = "400d"), privacy = "truncated",
)]"#;

const FEW_FIELDS: [(&str, &str); 3] =
    [("id", "id: i64"), ("email", "email: String"), ("password", "password: Option<sigra::PasswordHash>")];
const MORE_FIELDS: [(&str, &str); 4] = [
    ("confirmed_at", "confirmed_at: Option<time::OffsetDateTime>"),
    ("disabled_at", "disabled_at: Option<time::OffsetDateTime>"),
    ("skip", "created_at: time::OffsetDateTime"),
    ("column = \"name\"", "display_name: String"),
];

fn main() {
    let host = Host::new();
    let all: Vec<_> = FEW_FIELDS.into_iter().chain(MORE_FIELDS).collect();
    println!("cargo check after an edit, median of {EDITS}, in milliseconds");
    for (name, attribute, fields) in [("smallest", SMALLEST, &FEW_FIELDS[..]), ("fullest", FULLEST, &all)] {
        let with = host.median(|n| user(&format!("#[derive(sigra::Sigra)]\n{attribute}"), fields, true, n));
        let without = host.median(|n| user("", fields, false, n));
        println!("  {name}: {} with the derive, {} without", with.as_millis(), without.as_millis());
    }
}

/// The user of one edit. Without the derive something else is edited.
fn user(head: &str, fields: &[(&str, &str)], marked: bool, edit: u32) -> String {
    let fields: Vec<_> = fields
        .iter()
        .map(
            |(mark, field)| {
                if marked { format!("#[sigra({mark})] pub {field}") } else { format!("pub {field}") }
            },
        )
        .collect();
    let (head, fields) = (head.replace("IDLE", &(30 + edit).to_string()), fields.join(",\n    "));
    format!("pub const EDIT: u32 = {edit};\n{head}\npub struct User {{\n    {fields},\n}}\n")
}

/// A crate outside this workspace, with its versions.
struct Host {
    folder: PathBuf,
}

impl Host {
    fn new() -> Self {
        let workspace =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace around this crate");
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
        let folder = target.join("cost");
        fs::create_dir_all(folder.join("src")).expect("a folder under the target folder");
        let manifest = format!(
            "[package]\nname = \"cost\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
             sigra = {{ path = {:?}, default-features = false, features = [\"totp\"] }}\n\
             time = \"0.3\"\n",
            workspace.join("sigra").display().to_string()
        );
        fs::write(folder.join("Cargo.toml"), manifest).expect("the manifest can be written");
        fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock"))
            .expect("the versions of the workspace");
        Self { folder }
    }

    fn median(&self, source: impl Fn(u32) -> String) -> Duration {
        self.check(&source(0));
        let mut times: Vec<_> = (1..=EDITS).map(|edit| self.check(&source(edit))).collect();
        times.sort();
        times[times.len() / 2]
    }

    fn check(&self, source: &str) -> Duration {
        fs::write(self.folder.join("src/lib.rs"), source).expect("the source can be written");
        let began = Instant::now();
        let status = Command::new("cargo")
            .args(["check", "--quiet", "--offline"])
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .status()
            .expect("cargo runs");
        assert!(status.success(), "cargo check failed on\n{source}");
        began.elapsed()
    }
}
