//! The secret keys: from the environment, or for development from a file that is made at the first start.

use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sigra::Keyring;
use sigra::keyring::KEYS_VARIABLE;

/// `SIGRA_KEYS`, or the development file.
pub fn load(database_url: &str) -> Result<Keyring, Box<dyn Error>> {
    if std::env::var_os(KEYS_VARIABLE).is_some() {
        return Ok(Keyring::from_env()?);
    }
    let path = development_file(database_url);
    let text = read_or_create(&path)
        .map_err(|error| format!("cannot use the keys in {}: {error}", path.display()))?;
    tracing::info!("development keys from {}; in production, set {KEYS_VARIABLE}", path.display());
    Ok(Keyring::parse(&text)?)
}

/// Beside an SQLite file, and otherwise in the current directory.
fn development_file(database_url: &str) -> PathBuf {
    let file = database_url.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
    let file = file.and_then(|rest| rest.split('?').next()).filter(|file| !matches!(*file, "" | ":memory:"));
    file.map_or_else(|| PathBuf::from("sigra-app.keys"), |file| Path::new(file).with_extension("keys"))
}

/// Reads the file. If it is not there, makes it: at once and whole, so that of two processes that start together the second
/// reads what the first wrote.
fn read_or_create(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        result => return result,
    }
    let key = Keyring::generate_text("dev").ok_or_else(|| io::Error::other("no random bytes"))?;
    let draft = path.with_extension(format!("keys.{}", std::process::id()));
    write_private(&draft, &key)?;
    // A link, unlike a rename, does not replace a file that came to be meanwhile.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::read_to_string(path),
    }
}

/// Writes a new file that nobody else on this machine can read.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}
