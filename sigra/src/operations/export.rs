//! The trail as text for other programs, a piece at a time.

use std::fmt;

use crate::account::Account;
use crate::audit::{AuditCursor, AuditFilter, ExportFormat, LARGEST_PAGE};
use crate::core::{Operation, Sigra};
use crate::feature;

impl<U> Sigra<U> {
    /// Exports the rows of a filter, the newest first, in pieces that fit into memory.
    ///
    /// Nothing is read before [`AuditExport::next_chunk`] is called. The rows are those of every account, with their personal
    /// facts: the host decides who gets them, and [`erase_personal_facts`](Self::erase_personal_facts) does not reach what has
    /// been exported. Writes no audit row; a host that has to know who exported what [records](Self::record_by_operator) it.
    ///
    /// ```no_run
    /// # use sigra::audit::{AuditFilter, ExportFormat};
    /// # async fn example<U: sigra::feature::Audit>(auth: &sigra::Sigra<U>) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::io::Write as _;
    ///
    /// let mut file = std::fs::File::create("trail.jsonl")?;
    /// let mut export = auth.export_audit(AuditFilter::new().area("session"), ExportFormat::JsonLines);
    /// while let Some(chunk) = export.next_chunk().await? {
    ///     file.write_all(chunk.as_bytes())?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn export_audit(&self, filter: AuditFilter, format: ExportFormat) -> AuditExport<U>
    where
        U: feature::Audit,
    {
        let filter = filter.page_size(LARGEST_PAGE);
        AuditExport { auth: self.clone(), filter, format, next: Next::Start }
    }
}

/// An export under way: see [`Sigra::export_audit`]. Dropping it ends it.
pub struct AuditExport<U> {
    auth: Sigra<U>,
    filter: AuditFilter,
    format: ExportFormat,
    next: Next,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    Start,
    After(AuditCursor),
    End,
}

impl<U: Account> AuditExport<U> {
    /// The next piece: whole lines, of at most 500 rows. `None`: that was all.
    ///
    /// A row that is written meanwhile is not in it. Where a call fails or is given up, the next one goes on at the same place.
    ///
    /// # Errors
    /// As [`Sigra::audit_page`].
    pub fn next_chunk(&mut self) -> Operation<'_, Option<String>> {
        Box::pin(async move {
            let after = match self.next {
                Next::Start => None,
                Next::After(cursor) => Some(cursor),
                Next::End => return Ok(None),
            };
            let page = self.auth.read_page(&self.filter, after).await?;
            let mut chunk = if after.is_none() { self.format.head().to_owned() } else { String::new() };
            for row in &page.rows {
                chunk.push_str(&self.format.line(row, &self.auth.core.evidence.origin));
            }
            self.next = page.next.map_or(Next::End, Next::After);
            Ok(Some(chunk).filter(|chunk| !chunk.is_empty()))
        })
    }
}

impl<U> fmt::Debug for AuditExport<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditExport")
            .field("filter", &self.filter)
            .field("format", &self.format)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
