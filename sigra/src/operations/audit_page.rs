//! What an operator may read of the trail, page by page.

use crate::account::Account;
use crate::audit::{AuditCursor, AuditFilter, AuditOutcome, AuditPage, Row, table};
use crate::column::Bind;
use crate::core::{Operation, Sigra};
use crate::error::{Error, Failure};
use crate::feature;
use crate::store::Rendered;
use crate::store::statements::{AuditPage as Page, AuditPageOf};
use crate::telemetry::{Named, watched};

impl<U> Sigra<U> {
    /// A page of the trail for an operator, the newest row first: the first page, or the one that starts where another ended
    /// ([`AuditPage::next`]). Rows that are written meanwhile move nothing: nearly all are newer and come into no later page. The
    /// row of a transaction that takes long, or of a node whose clock is behind, may find its place on a page that was read
    /// already. Whoever must miss none takes them by their numbers: see [`Builder::forward_audit_to`](crate::Builder::forward_audit_to).
    ///
    /// It shows the rows of every account, with their personal facts. The host decides who may see it, as it does everywhere: let
    /// nobody near it who was not let in by name. For what a user may see, there is [`activity`](Self::activity). Writes no audit
    /// row, like everything that only reads: a trail that grew by being looked at would hide what it is looked at for. Taking the
    /// rows away in one piece is another matter: see [`export_audit`](Self::export_audit).
    ///
    /// # Errors
    /// [`Failure::AuditChanged`] where a row cannot be read, [`Failure`] otherwise.
    pub fn audit_page<'a>(
        &'a self,
        filter: &'a AuditFilter,
        after: Option<AuditCursor>,
    ) -> Operation<'a, AuditPage>
    where
        U: feature::Audit,
    {
        watched::<U>(Named::ReadAuditPage).run(self.read_page(filter, after))
    }

    pub(crate) async fn read_page(
        &self,
        filter: &AuditFilter,
        after: Option<AuditCursor>,
    ) -> Result<AuditPage, Error>
    where
        U: Account,
    {
        if filter.finds_nothing() {
            return Ok(AuditPage { rows: Vec::new(), next: None });
        }
        // A cursor that somebody made up leads to nothing that the filter leaves out.
        let start = filter.start();
        let last = after.map_or(start.last, |after| after.last.min(start.last));
        let first = filter.first();
        let (pattern, outcome) = (filter.pattern(), filter.outcome.map(AuditOutcome::name));
        let size = filter.size();
        // One more tells whether there is a next page.
        #[allow(clippy::cast_possible_wrap, reason = "at most 501")]
        let limit = size as i64 + 1;
        let AuditFilter { reason, session, request, .. } = filter;
        let mut values: Vec<&dyn Bind> = Vec::with_capacity(13);
        if let Some(account) = &filter.account {
            values.push(account);
        }
        values.extend::<[&dyn Bind; 12]>([
            &first, &last, &pattern, &outcome, &outcome, reason, reason, session, session, request, request,
            &limit,
        ]);
        let statement = match filter.account {
            Some(_) => Rendered::<U, AuditPageOf>::STATEMENT,
            None => Rendered::<U, Page>::STATEMENT,
        };
        let rows = self.core.pool.read().await?.fetch(statement, &values).await?;
        let unreadable =
            |source| Failure::AuditChanged(format!("a row in `{}` cannot be read: {source}", table::<U>()));
        let mut rows: Vec<Row> = rows.iter().map(Row::read).collect::<Result<_, _>>().map_err(unreadable)?;
        let more = rows.len() > size;
        rows.truncate(size);
        let next = rows.last().filter(|_| more).map(AuditCursor::after);
        Ok(AuditPage { rows, next })
    }
}
