//! A sink of rows that outlives its process: a file with a line for each.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use sigra::audit::{AuditSink, Row, SinkError};

/// Writes each batch at once, so that a process that is killed tears no line.
#[derive(Debug)]
pub struct RowFile(PathBuf);

impl RowFile {
    /// A sink that appends to a file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// What processes have written: the number and the id of each row, in the order in which they came.
    ///
    /// # Panics
    /// A line was torn.
    #[must_use]
    pub fn read(path: &Path) -> Vec<(i64, String)> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines = text.lines().map(|line| {
            let (number, id) = line.split_once(' ').expect("a number and an id");
            (number.parse().expect("a number"), id.to_owned())
        });
        lines.collect()
    }

    fn append(&self, rows: &[Row]) -> std::io::Result<()> {
        let mut lines = Vec::new();
        for row in rows {
            writeln!(lines, "{} {}", row.leaf.unwrap_or(-1), row.id.simple())?;
        }
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&self.0)?;
        file.write_all(&lines)?;
        file.sync_data()
    }
}

impl AuditSink for RowFile {
    fn name(&self) -> String {
        "file".into()
    }

    fn forward(&self, rows: Vec<Row>) -> Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send + '_>> {
        Box::pin(async move { self.append(&rows).map_err(SinkError::new) })
    }
}
