//! The trail as text for other programs, a piece at a time.

use std::fmt;

use crate::account::Account;
use crate::audit::{Actor, AuditCursor, AuditFilter, Entry, Event, ExportFormat, LARGEST_PAGE};
use crate::client::Client;
use crate::core::{Operation, Sigra};
use crate::error::{Error, Failure};
use crate::feature;
use crate::telemetry::{Named, watched};
use crate::unit::{Recorded, Step, Unit};

impl<U> Sigra<U> {
    /// Begins to export the rows of a filter, the newest first, in pieces that fit into memory. No row is read before
    /// [`AuditExport::next_chunk`] is called; the filter's size of a page does not matter.
    ///
    /// The rows are those of every account, with their personal facts: the host decides who gets them, and
    /// [`erase_personal_facts`](Self::erase_personal_facts) does not reach what has been exported. `operator` names who takes
    /// them, for the trail: take it from the operator's own session. Writes one audit row `audit.trail.export` before anything is
    /// given out, whose details say the form, the range of time, and whether the filter asks for more than that (ASVS 16.2.1).
    /// Where the row cannot be written, there is no export.
    ///
    /// ```no_run
    /// # use sigra::audit::{AuditFilter, ExportFormat};
    /// # async fn example<U: sigra::feature::Audit>(
    /// #     auth: &sigra::Sigra<U>,
    /// #     client: &sigra::Client,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::io::Write as _;
    ///
    /// let mut file = std::fs::File::create("trail.jsonl")?;
    /// let about_sessions = AuditFilter::new().area("session");
    /// let mut export = auth.export_audit("root", about_sessions, ExportFormat::JsonLines, client).await?;
    /// while let Some(chunk) = export.next_chunk().await? {
    ///     file.write_all(chunk.as_bytes())?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Refusal::Busy`](crate::Refusal::Busy), [`Failure::Audit`] where the row could not be written, [`Failure`] otherwise.
    pub fn export_audit<'a>(
        &'a self,
        operator: &'a str,
        filter: AuditFilter,
        format: ExportFormat,
        client: &'a Client,
    ) -> Operation<'a, AuditExport<U>>
    where
        U: feature::Audit,
    {
        watched::<U>(Named::ExportAudit).by_operator(operator, client).run(async move {
            let details = filter.details().with("format", format.name()).to_json().map_err(Failure::from)?;
            let actor = Actor::operator(operator);
            self.perform(Begin { actor, details, client: client.clone() }).await?;
            let filter = filter.page_size(LARGEST_PAGE);
            Ok(AuditExport { auth: self.clone(), filter, format, next: Next::Start })
        })
    }
}

/// Writes the row that says who takes what.
struct Begin {
    actor: Actor,
    details: String,
    client: Client,
}

impl<U: feature::Audit> Step<U> for Begin {
    type Output = ();

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<()>, Error> {
        let entry = Entry::success(Event::ExportAudit, self.actor.clone());
        unit.record(entry.with_details(self.details.clone()), ()).await
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
    /// A row that is written meanwhile need not be in it. Where a call fails or is given up, the next one goes on at the same place.
    /// Writes no audit row: [`Sigra::export_audit`] did.
    ///
    /// # Errors
    /// As [`Sigra::audit_page`].
    pub async fn next_chunk(&mut self) -> Result<Option<String>, Error> {
        watched::<U>(Named::ReadAuditExport).run(self.read_chunk()).await
    }

    async fn read_chunk(&mut self) -> Result<Option<String>, Error> {
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
