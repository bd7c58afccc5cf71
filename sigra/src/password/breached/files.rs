//! Breached passwords in files of the host's.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{BreachedPasswords, Fingerprint, Lookup, Unavailable, parse, range_contains};

/// The files that the official downloader of Have I Been Pwned writes, in either of its forms. Nothing leaves the machine.
///
/// - A directory with one file for each of the 1,048,576 prefixes, `00000.txt` to `FFFFF.txt`, of lines `SUFFIX:COUNT`.
/// - One file of lines `HASH:COUNT`, **ordered by hash**; a list of the host's own may leave `:COUNT` out.
///
/// Read on blocking threads: one small file, or some thirty reads in the large one. Nothing is kept in memory.
#[derive(Clone, Debug)]
pub struct BreachedFiles(Layout);

#[derive(Clone, Debug)]
enum Layout {
    Ranges(PathBuf),
    Sorted(PathBuf),
}

/// Digits of a whole hash.
const HASH: usize = 40;
/// A line is far shorter.
const LONGEST_LINE: usize = 128;
/// What is read at once in the end.
const WINDOW: u64 = 4096;
/// Places at which a large file is looked at when it is opened.
const SAMPLES: u64 = 256;

impl BreachedFiles {
    /// Takes a directory or a file, and looks whether it is what it should be.
    ///
    /// # Errors
    /// [`Unavailable`] where it cannot be read, a directory has no `00000.txt`, or a file is not ordered by hash.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Unavailable> {
        let path = path.into();
        let trouble = |error: io::Error| {
            Unavailable::new(format_args!(
                "the breached passwords in {} cannot be used: {error}",
                path.display()
            ))
        };
        if std::fs::metadata(&path).map_err(trouble)?.is_dir() {
            read_range(&path, "00000").map_err(trouble)?;
            return Ok(Self(Layout::Ranges(path)));
        }
        check_order(&path).map_err(trouble)?;
        Ok(Self(Layout::Sorted(path)))
    }
}

impl BreachedPasswords for BreachedFiles {
    fn contains<'a>(&'a self, password: &'a Fingerprint) -> Lookup<'a> {
        let layout = self.0.clone();
        let password = Fingerprint(Zeroizing::new(password.hex().to_owned()));
        Box::pin(async move {
            let task = tokio::task::spawn_blocking(move || match layout {
                Layout::Ranges(directory) => read_range(&directory, password.prefix())
                    .and_then(|range| range_contains(&range, password.suffix()).ok_or_else(malformed)),
                Layout::Sorted(path) => find(&path, password.hex().as_bytes()),
            });
            let found = task.await.map_err(Unavailable::new)?;
            // The name of the file would tell the prefix.
            found.map_err(|error| {
                Unavailable::new(format_args!(
                    "the files of breached passwords cannot be read: {}",
                    error.kind()
                ))
            })
        })
    }
}

/// A range that is not there is a download that was cut off, not a range without passwords.
fn read_range(directory: &Path, prefix: &str) -> io::Result<Vec<u8>> {
    match std::fs::read(directory.join(format!("{prefix}.txt"))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::fs::read(directory.join(prefix)),
        range => range,
    }
}

/// A file that is ordered otherwise would miss nearly every password without a word.
fn check_order(path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut last = first_line(&mut file)?;
    for sample in 1..SAMPLES {
        let Some((_, hash, _)) = line_after(&mut file, length / SAMPLES * sample)? else { break };
        if hash < last {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not ordered by hash"));
        }
        last = hash;
    }
    Ok(())
}

fn first_line(file: &mut File) -> io::Result<[u8; HASH]> {
    let bytes = read_at(file, 0, LONGEST_LINE)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    parse(line, HASH).and_then(|(hash, _)| upper(hash)).ok_or_else(malformed)
}

/// Looks for a hash, halving the part of the file in which its line can begin.
fn find(path: &Path, wanted: &[u8]) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let (mut from, mut to) = (0, file.metadata()?.len());
    // `from` is always the beginning of a line.
    while to - from > WINDOW {
        let middle = from + (to - from) / 2;
        match line_after(&mut file, middle)? {
            Some((start, hash, counted)) if start < to => match hash.as_slice().cmp(wanted) {
                std::cmp::Ordering::Equal => return Ok(counted),
                std::cmp::Ordering::Less => from = start,
                std::cmp::Ordering::Greater => to = start,
            },
            _ => to = middle,
        }
    }
    // The last line that begins before `to` may end after it.
    let length = usize::try_from(to - from).unwrap_or(usize::MAX).saturating_add(LONGEST_LINE);
    let bytes = read_at(&mut file, from, length)?;
    let mut at = from;
    for line in bytes.split(|byte| *byte == b'\n') {
        if at >= to || line.is_empty() {
            break;
        }
        let (hash, counted) = parse(line, HASH).ok_or_else(malformed)?;
        if hash.eq_ignore_ascii_case(wanted) {
            return Ok(counted);
        }
        at += line.len() as u64 + 1;
    }
    Ok(false)
}

/// The first line that begins after a place: where, its hash, and whether it counts. `None` at the end of the file.
fn line_after(file: &mut File, place: u64) -> io::Result<Option<(u64, [u8; HASH], bool)>> {
    let bytes = read_at(file, place, 2 * LONGEST_LINE)?;
    let Some(newline) = bytes.iter().position(|byte| *byte == b'\n') else {
        return if bytes.len() < 2 * LONGEST_LINE { Ok(None) } else { Err(malformed()) };
    };
    let rest = &bytes[newline + 1..];
    if rest.is_empty() {
        return Ok(None);
    }
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let (hash, counted) = parse(line, HASH).ok_or_else(malformed)?;
    let hash = upper(hash).ok_or_else(malformed)?;
    Ok(Some((place + newline as u64 + 1, hash, counted)))
}

fn read_at(file: &mut File, place: u64, length: usize) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(place))?;
    let mut bytes = Vec::with_capacity(length);
    file.take(length as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn upper(hash: &[u8]) -> Option<[u8; HASH]> {
    let mut hash: [u8; HASH] = hash.try_into().ok()?;
    hash.make_ascii_uppercase();
    Some(hash)
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a line is not `HASH:COUNT`")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// A directory of this test's own, gone with it.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("sigra-{}", uuid::Uuid::now_v7()));
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.join(name);
            std::fs::write(&path, text).unwrap();
            path
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn known(number: usize) -> Fingerprint {
        Fingerprint::of(&format!("breached password {number}").into())
    }

    async fn contains(files: &BreachedFiles, fingerprint: &Fingerprint) -> Result<bool, Unavailable> {
        files.contains(fingerprint).await
    }

    #[tokio::test]
    async fn a_sorted_file_of_ten_thousand_misses_none_and_finds_no_other() {
        let mut hashes: Vec<String> = (0..10_000).map(|number| known(number).hex().to_owned()).collect();
        hashes.sort();
        let scratch = Scratch::new();
        // Counts of every length move the lines about; the last may end without a line break.
        for (name, ending, count) in [("unix", "\n", true), ("windows", "\r\n", true), ("bare", "\n", false)]
        {
            let mut text = String::new();
            for (number, hash) in hashes.iter().enumerate() {
                let count = if count { format!(":{}", number * number + 1) } else { String::new() };
                write!(text, "{hash}{count}{ending}").unwrap();
            }
            let text = if name == "bare" { text.trim_end().to_lowercase() } else { text };
            let files = BreachedFiles::open(scratch.file(name, &text)).unwrap();
            for number in 0..10_000 {
                assert!(contains(&files, &known(number)).await.unwrap(), "{name}: {number}");
            }
            for number in 10_000..12_000 {
                assert!(!contains(&files, &known(number)).await.unwrap(), "{name}: {number}");
            }
            for edge in ["0", "F"] {
                let edge = Fingerprint(Zeroizing::new(edge.repeat(HASH)));
                assert!(!contains(&files, &edge).await.unwrap(), "{name}");
            }
        }
    }

    #[tokio::test]
    async fn files_of_any_small_size_are_searched_to_their_ends() {
        let mut hashes: Vec<String> = (0..200).map(|number| known(number).hex().to_owned()).collect();
        hashes.sort();
        let scratch = Scratch::new();
        for size in [1, 2, 3, 79, 80, 81, 90, 95, 96, 97, 98, 200] {
            let text = hashes[..size].join(":1\n") + ":1\n";
            let files = BreachedFiles::open(scratch.file("list", &text)).unwrap();
            for (at, hash) in hashes.iter().enumerate() {
                let fingerprint = Fingerprint(Zeroizing::new(hash.clone()));
                assert_eq!(contains(&files, &fingerprint).await, Ok(at < size), "{at} of {size}");
            }
        }
    }

    #[tokio::test]
    async fn a_directory_of_ranges_is_read_by_prefix_and_a_missing_range_is_no_answer() {
        let scratch = Scratch::new();
        assert!(BreachedFiles::open(&scratch.0).is_err(), "an empty directory");
        scratch.file("00000.txt", "0005AD76BD555C1D6D771DE417A4B87E4B4:10\r\n");
        let listed = known(1);
        scratch.file(&format!("{}.txt", listed.prefix()), &format!("{}:7\r\n", listed.suffix()));
        let padded = known(2);
        scratch.file(padded.prefix(), &format!("{}:0\n", padded.suffix()));
        let files = BreachedFiles::open(&scratch.0).unwrap();
        assert_eq!(contains(&files, &listed).await, Ok(true));
        assert_eq!(contains(&files, &padded).await, Ok(false), "padding, in a file without an ending");
        let error = contains(&files, &known(3)).await.unwrap_err().to_string();
        assert!(!error.contains(known(3).prefix()), "{error}");
        scratch.file(&format!("{}.txt", known(4).prefix()), "<html>");
        assert!(contains(&files, &known(4)).await.is_err());
    }

    #[test]
    fn a_file_in_another_order_or_form_is_refused_when_it_is_opened() {
        let scratch = Scratch::new();
        let by_count: Vec<String> = (0..5_000).map(|number| known(number).hex().to_owned()).collect();
        let by_count = by_count.join(":3\n");
        let error = BreachedFiles::open(scratch.file("by-count", &by_count)).unwrap_err().to_string();
        assert!(error.contains("not ordered by hash"), "{error}");
        for text in ["", "password\n", "\n"] {
            assert!(BreachedFiles::open(scratch.file("other", text)).is_err(), "{text:?}");
        }
        assert!(BreachedFiles::open(scratch.0.join("missing")).is_err());
    }
}
