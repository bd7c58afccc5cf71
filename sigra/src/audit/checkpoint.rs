//! Checkpoints (c2sp.org/tlog-checkpoint): how many rows the log had at some moment, and the one hash over all of them.

use std::fmt;
use std::future::Future;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use time::OffsetDateTime;

use super::note::{self, NoteError, PublicKey, Signer};
use super::tree::{Edge, Hash};

/// A signed statement of the log: so many rows there are, this is the hash over them, and it was signed then.
///
/// Whoever keeps one outside the database can tell later whether any row below it was changed, removed or moved.
/// [`Display`](fmt::Display) gives the signed note, six lines or more. The time is its one line of extension: `time `, and the
/// seconds since 1970.
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoint {
    note: String,
    origin: String,
    size: u64,
    root: Hash,
    signed_at: Option<OffsetDateTime>,
}

/// What stands before the time, as in the signatures of c2sp.org/tlog-cosignature.
const TIME: &str = "time ";

/// Why a checkpoint proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It does not have the form of c2sp.org/tlog-checkpoint.
    #[error("it is not a signed checkpoint; a line of it is missing or was cut off")]
    Malformed,
    /// None of the keys given has signed it.
    #[error("none of the keys given has signed it; is it another log's, or is an old key missing?")]
    UnknownKey,
    /// The table has it under another size than its own, so that it would hide others.
    #[error("it stands in the place of another: its `size` is not the one that was signed")]
    Misplaced,
    /// The signature of a known key is wrong.
    #[error("its signature is wrong: it was changed, or somebody made it up")]
    WrongSignature,
}

impl From<NoteError> for CheckpointError {
    fn from(error: NoteError) -> Self {
        match error {
            NoteError::Malformed => Self::Malformed,
            NoteError::Unknown => Self::UnknownKey,
            NoteError::Forged => Self::WrongSignature,
        }
    }
}

impl Checkpoint {
    pub(crate) fn sign(signer: &Signer, origin: &str, size: u64, root: Hash, now: OffsetDateTime) -> Self {
        let seconds = now.unix_timestamp();
        let text = format!("{origin}\n{size}\n{}\n{TIME}{seconds}\n", Base64::encode_string(&root));
        let signed_at = OffsetDateTime::from_unix_timestamp(seconds).ok();
        Self { note: signer.sign(&text), origin: origin.to_owned(), size, root, signed_at }
    }

    /// The same statement under other keys.
    pub(crate) fn signed_by(&self, signer: &Signer) -> Result<Self, CheckpointError> {
        let text = note::text_of(&self.note)?;
        Ok(Self { note: signer.sign(text), ..self.clone() })
    }

    /// Reads a signed note. Who signed it is looked at by [`verify`](Self::verify).
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`].
    pub fn parse(note: &str) -> Result<Self, CheckpointError> {
        let text = note::text_of(note)?;
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Malformed)?.split('\n');
        let mut next = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Malformed);
        let (origin, size, root) = (next()?, next()?, next()?);
        let plain = size == "0" || !size.starts_with('0') && size.bytes().all(|b| b.is_ascii_digit());
        let size = size.parse().ok().filter(|_| plain).ok_or(CheckpointError::Malformed)?;
        let mut hash = Hash::default();
        match Base64::decode(root, &mut hash) {
            Ok(bytes) if bytes.len() == size_of::<Hash>() => {}
            _ => return Err(CheckpointError::Malformed),
        }
        // Lines of an extension may follow; none of them is empty.
        let extension: Vec<&str> = lines.collect();
        if extension.contains(&"") {
            return Err(CheckpointError::Malformed);
        }
        let seconds = extension.first().and_then(|line| line.strip_prefix(TIME)?.parse().ok());
        let signed_at = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        Ok(Self { note: note.to_owned(), origin: origin.to_owned(), size, root: hash, signed_at })
    }

    /// One as the table has it: its note, and the number that it stands under. What Sigra did not sign so is none.
    pub(crate) fn stored(note: &str, number: i64, keys: &[PublicKey]) -> Result<Self, CheckpointError> {
        let checkpoint = Self::parse(note)?;
        if i64::try_from(checkpoint.size) != Ok(number) {
            return Err(CheckpointError::Misplaced);
        }
        checkpoint.verify(keys)?;
        Ok(checkpoint)
    }

    /// Whether it can be one of this tree: of an earlier state, or of this one.
    pub(crate) fn is_of(&self, tree: &Edge) -> bool {
        self.size < tree.size() || self.size == tree.size() && self.root == tree.root()
    }

    /// Finds every checkpoint in a text that may hold others and remains of writing that was cut off: a file of
    /// [`FileSink`], or what was copied from a log.
    #[must_use]
    pub fn find_all(text: &str) -> Vec<Result<Self, CheckpointError>> {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let is_signature = |line: &str| line.starts_with('\u{2014}');
        let mut found = Vec::new();
        let mut at = 0;
        while at < lines.len() {
            if !is_signature(lines[at]) {
                at += 1;
                continue;
            }
            let end = at + lines[at..].iter().take_while(|line| is_signature(line)).count();
            // Sigra's own have four lines and a blank one before the signatures.
            let note: String = lines[at.saturating_sub(5)..end].concat();
            found.push(Self::parse(&note));
            at = end;
        }
        found
    }

    /// Whether one of these keys has signed it.
    ///
    /// # Errors
    /// [`CheckpointError::UnknownKey`] and [`CheckpointError::WrongSignature`].
    pub fn verify(&self, keys: &[PublicKey]) -> Result<(), CheckpointError> {
        let named: Vec<PublicKey> = keys.iter().filter(|key| key.name() == self.origin).cloned().collect();
        note::open(&self.note, &named)?;
        Ok(())
    }

    /// The log: the application's name and the table.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many rows the log had.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the Merkle tree over them (RFC 6962 2.1).
    #[must_use]
    pub fn root(&self) -> [u8; 32] {
        self.root
    }

    /// When it was signed, in whole seconds. `None` where it does not say.
    #[must_use]
    pub fn signed_at(&self) -> Option<OffsetDateTime> {
        self.signed_at
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.note)
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint")
            .field("origin", &self.origin)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// Takes checkpoints out of the database's reach: to a file on another disk, a log server, a mailbox.
///
/// A checkpoint is handed over at least once: again after a crash, and until the sink has taken it. The time between two of
/// them ([`Builder::checkpoint_every`](crate::Builder::checkpoint_every)) is the time in which whoever holds the database and
/// the keys could still rewrite the newest rows, and whoever holds the database alone could leave some of them out.
///
/// ```
/// use sigra::audit::{Checkpoint, CheckpointSink, SinkError};
/// use std::{future::Future, pin::Pin};
///
/// struct Print;
/// impl CheckpointSink for Print {
///     fn name(&self) -> String {
///         "standard output".into()
///     }
///     fn publish(&self, checkpoint: Checkpoint) -> Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send + '_>> {
///         Box::pin(async move {
///             println!("{checkpoint}");
///             Ok(())
///         })
///     }
/// }
/// ```
pub trait CheckpointSink: Send + Sync + 'static {
    /// What it is called where it fails.
    fn name(&self) -> String;
    /// Hands the checkpoint over. An error means that it is tried again, and so does no answer within 30 seconds: then what it
    /// is doing is dropped.
    fn publish(
        &self,
        checkpoint: Checkpoint,
    ) -> Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send + '_>>;
}

/// A sink could not take a checkpoint.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(String);

impl SinkError {
    /// Says what went wrong.
    #[must_use]
    pub fn new(what: impl fmt::Display) -> Self {
        Self(what.to_string())
    }
}

/// Writes checkpoints to the log, at level `INFO` with the target `sigra::checkpoint`: what is done where no sink is named.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogSink;

impl CheckpointSink for LogSink {
    fn name(&self) -> String {
        "the log".into()
    }

    fn publish(
        &self,
        checkpoint: Checkpoint,
    ) -> Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send + '_>> {
        Box::pin(async move {
            crate::telemetry::checkpoint(checkpoint.size, &checkpoint);
            Ok(())
        })
    }
}

/// Appends checkpoints to a file and waits until they are on the disk. Put it where whoever can write to the database cannot
/// write. Read it with [`Checkpoint::find_all`]. Keep of every day one at least for as long as rows are kept, and the newest: by
/// their times [`verify_audit`](crate::Sigra::verify_audit) tells rows that retention removed from such as were too young.
///
/// One is written after the other. While a disk does not answer nothing more is begun, and it is tried again when it does.
#[derive(Clone, Debug)]
pub struct FileSink {
    path: PathBuf,
    /// Held while something is written, also when nobody waits for it any more.
    writing: Arc<tokio::sync::Mutex<()>>,
}

impl FileSink {
    /// Names the file. It is created with the first checkpoint.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), writing: Arc::default() }
    }

    fn append(&self, checkpoint: &Checkpoint) -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).read(true).open(&self.path)?;
        let mut text = format!("{checkpoint}\n");
        // What a crash cut off must not run into the next one.
        if file.metadata()?.len() > 0 {
            let mut last = [0];
            file.seek(std::io::SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                text.insert(0, '\n');
            }
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }
}

impl CheckpointSink for FileSink {
    fn name(&self) -> String {
        format!("the file {}", self.path.display())
    }

    fn publish(
        &self,
        checkpoint: Checkpoint,
    ) -> Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send + '_>> {
        let sink = self.clone();
        Box::pin(async move {
            let writing = sink.writing.clone().lock_owned().await;
            let append = move || {
                let _writing = writing;
                sink.append(&checkpoint)
            };
            let written = tokio::task::spawn_blocking(append).await;
            written.map_err(SinkError::new)?.map_err(SinkError::new)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Keyring;

    const ORIGIN: &str = "acme.example/sigra_audit";

    fn signer() -> Signer {
        Signer::new(ORIGIN, &Keyring::parse("k1:dGVzdC1rZXktdGVzdC1rZXktdGVzdC1rZXktdGVzdC0").unwrap())
    }

    fn checkpoint(size: u64) -> Checkpoint {
        let now = OffsetDateTime::from_unix_timestamp(1_760_000_000).unwrap();
        Checkpoint::sign(&signer(), ORIGIN, size, [9; 32], now + time::Duration::microseconds(5))
    }

    #[test]
    fn a_checkpoint_is_read_as_it_was_signed() {
        let keys = signer().public_keys();
        let written = checkpoint(260);
        let read = Checkpoint::parse(&written.to_string()).unwrap();
        assert_eq!(read, written);
        assert_eq!((read.origin(), read.size(), read.root()), (ORIGIN, 260, [9; 32]));
        assert_eq!(read.signed_at().unwrap().unix_timestamp(), 1_760_000_000);
        let later = Checkpoint::parse(&written.to_string().replacen("1760000000", "1760000001", 1)).unwrap();
        assert_eq!(later.verify(&keys), Err(CheckpointError::WrongSignature));
        assert_eq!(read.verify(&keys), Ok(()));
        let more = Checkpoint::parse(&written.to_string().replacen("260", "261", 1)).unwrap();
        assert_eq!(more.verify(&keys), Err(CheckpointError::WrongSignature));
        // Signed by the right key, for another log.
        let other = signer().sign(&written.to_string().split("\n\n").next().unwrap().replace("acme", "evil"));
        assert_eq!(Checkpoint::parse(&other).unwrap_err(), CheckpointError::Malformed);
        let text = format!("evil.example/x\n260\n{}\n", Base64::encode_string(&[9; 32]));
        let other = Checkpoint::parse(&signer().sign(&text)).unwrap();
        assert_eq!(other.verify(&keys), Err(CheckpointError::UnknownKey));
    }

    #[test]
    fn what_is_not_the_form_is_refused() {
        let good = "e\n123\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n";
        let parse = |text: &str| Checkpoint::parse(&signer().sign(text));
        assert_eq!(parse(good).unwrap().signed_at(), None);
        assert_eq!(parse(&format!("{good}abc\ndef\n")).unwrap().signed_at(), None);
        assert_eq!(parse(&format!("{good}time 99999999999999\n")).unwrap().signed_at(), None);
        for (from, to) in [
            ("e\n", "\n"),
            ("123", "0123"),
            ("123", "0x7b"),
            ("123", "18446744073709551616"),
            ("123", "+1"),
            ("0=", "0"),
            ("Tszz", "T"),
        ] {
            assert_eq!(parse(&good.replacen(from, to, 1)).unwrap_err(), CheckpointError::Malformed, "{to}");
        }
        assert!(parse(&format!("{good}abc\n\n")).is_err());
    }

    #[test]
    fn a_file_is_read_whatever_a_crash_left_in_it() {
        let path = std::env::temp_dir().join(format!("sigra-checkpoints-{}", std::process::id()));
        let sink = FileSink::new(&path);
        sink.append(&checkpoint(1)).unwrap();
        sink.append(&checkpoint(2)).unwrap();
        let cut = checkpoint(3).to_string();
        for length in [5, 40, 90, 110, cut.chars().count() - 3] {
            let cut: String = cut.chars().take(length).collect();
            std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(cut.as_bytes()).unwrap();
            sink.append(&checkpoint(3)).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let found = Checkpoint::find_all(&format!("2026-01-01 some line of a log\n{text}"));
        let keys = signer().public_keys();
        let good: Vec<u64> = found
            .iter()
            .flatten()
            .filter(|found| found.verify(&keys).is_ok())
            .map(Checkpoint::size)
            .collect();
        assert_eq!(good, [1, 2, 3, 3, 3, 3, 3], "{found:?}");
        assert!(Checkpoint::find_all("").is_empty());
    }
}
