//! Forwards sealed rows to the sinks: in order, at least once, by one node at a time for each sink.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use crate::account::Account;
use crate::audit::{AuditSink, Row, SinkError, answer, table};
use crate::client::Client;
use crate::core::{Operation, Reader, Sigra};
use crate::error::{Error, Failure};
use crate::feature;
use crate::store::Rendered;
use crate::store::statements::{
    ForwardedTo, LeaseSink, RowsToForward, SinkBehind, SinkPlace, SinksDue, StartSink,
};
use crate::telemetry::{self, Named, watched};
use crate::unit::{Bookkeeping, Recorded, Step, Unit};

/// How long a sink has for its rows.
const FORWARD_WITHIN: Duration = Duration::from_secs(30);
/// How long other nodes leave a sink to the one that is at it: longer than it may take, so that rows keep their order.
const LEASE: Duration = Duration::from_mins(1);
/// Rows that a sink gets at once: [`AuditSink::forward`] promises no more.
const BATCH: u16 = 256;

impl<U> Sigra<U> {
    /// Forwards every sealed row to every sink of [`Builder::forward_audit_to`](crate::Builder::forward_audit_to), and gives
    /// how many rows the sinks took. The worker does this by itself every second; a host without it calls this from a timer,
    /// after [`seal_audit`](Self::seal_audit).
    ///
    /// A sink that another node is forwarding to is left to that node. One that fails keeps no other from its rows. Safe to
    /// call from several processes at once. Writes no audit row.
    ///
    /// # Errors
    /// [`Failure::AuditSink`] for the first sink that failed, after all have been tried: it gets the rows again with the next
    /// call. [`Failure::AuditChanged`] where the table says that a sink has rows which there are not. [`Failure`] otherwise.
    pub fn forward_audit(&self) -> Operation<'_, u64>
    where
        U: feature::Audit,
    {
        watched::<U>(Named::ForwardAudit).run(async move {
            let (mut total, mut failed) = (0, None);
            for sink in &self.core.evidence.row_sinks {
                match self.forward_all(sink).await {
                    Ok(rows) => total += rows,
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            failed.map_or(Ok(total), Err)
        })
    }

    /// Forwards until the sink has every row, or another node is at it.
    pub(super) async fn forward_all(&self, sink: &Arc<dyn AuditSink>) -> Result<u64, Error>
    where
        U: Account,
    {
        let mut total = 0;
        while self.is_behind(&sink.name()).await? {
            let claim = Claim::<U> { name: sink.name(), client: Client::unknown(), user: PhantomData };
            let Some(turn) = self.upkeep(claim).await? else { break };
            let rows = self.rows_from(turn.next).await?;
            let forwarded = forward::<U>(sink.clone(), &rows, turn.next).await;
            let next = match &forwarded {
                Ok(()) => rows.last().and_then(|row| row.leaf).map_or(turn.next, |leaf| leaf + 1),
                Err(_) => turn.next,
            };
            let held =
                self.upkeep(Release { turn, name: sink.name(), next, client: Client::unknown() }).await?;
            forwarded.map_err(|source| Failure::AuditSink { sink: sink.name(), source })?;
            total += rows.len() as u64;
            if !held || rows.len() < usize::from(BATCH) {
                break;
            }
        }
        Ok(total)
    }

    /// Whether there are rows that the sink has not got: asked before anything is written.
    async fn is_behind(&self, name: &str) -> Result<bool, Error>
    where
        U: Account,
    {
        let statement = Rendered::<U, SinksDue>::STATEMENT;
        let row = self.core.pool.read().await?.fetch_optional(statement, &[&name, &name]).await?;
        match row.map(|row| Reader::<U>::new(&row).next::<i64>()).transpose()? {
            Some(2) => Err(Failure::AuditChanged(format!(
                "the place of `{name}` in `{}_sinks` is past the end of the log, so that it gets nothing: set `next_leaf` \
                 to the number after that of the newest row that it has",
                table::<U>()
            ))
            .into()),
            due => Ok(due == Some(1)),
        }
    }

    /// Tells how many sealed rows each sink has not got.
    pub(crate) async fn measure_sinks(&self) -> Result<(), Error>
    where
        U: Account,
    {
        for sink in &self.core.evidence.row_sinks {
            let (name, statement) = (sink.name(), Rendered::<U, SinkBehind>::STATEMENT);
            let row = self.core.pool.read().await?.fetch_optional(statement, &[&name]).await?;
            let behind = row.map(|row| Reader::<U>::new(&row).next()).transpose()?.unwrap_or_default();
            telemetry::sink_behind(U::SCHEMA.user_type, &name, behind);
        }
        Ok(())
    }

    async fn rows_from(&self, next: i64) -> Result<Vec<Row>, Error>
    where
        U: Account,
    {
        let (statement, most) = (Rendered::<U, RowsToForward>::STATEMENT, i64::from(BATCH));
        let rows = self.core.pool.read().await?.fetch(statement, &[&next, &most]).await?;
        let unreadable =
            |source| Failure::AuditChanged(format!("a row in `{}` cannot be read: {source}", table::<U>()));
        Ok(rows.iter().map(Row::read).collect::<Result<_, _>>().map_err(unreadable)?)
    }
}

/// Hands rows over, and says what is missing between them.
async fn forward<U: Account>(sink: Arc<dyn AuditSink>, rows: &[Row], next: i64) -> Result<(), SinkError> {
    let Some(first) = rows.first().and_then(|row| row.leaf) else { return Ok(()) };
    // A new sink misses nothing: it begins with the oldest row that there is.
    let mut expected = if next > 0 { next } else { first };
    for leaf in rows.iter().filter_map(|row| row.leaf) {
        if leaf > expected {
            telemetry::rows_missed(U::SCHEMA.user_type, &sink.name(), expected, leaf);
        }
        expected = leaf + 1;
    }
    let rows = rows.to_vec();
    answer(FORWARD_WITHIN, async move { sink.forward(rows).await }).await
}

/// The right to forward to one sink, until the lease ends.
struct SinkTurn {
    holder: uuid::Uuid,
    next: i64,
}

/// Takes the turn of a sink. `None`: somebody else has it.
struct Claim<U> {
    name: String,
    client: Client,
    user: PhantomData<fn() -> U>,
}

impl<U: Account> Step<U> for Claim<U> {
    type Output = Option<SinkTurn>;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<Option<SinkTurn>>, Error> {
        // Each turn has a name of its own: two tasks of one process are as far apart as two nodes.
        let (holder, until, now) = (uuid::Uuid::now_v7(), unit.after(LEASE), unit.stamp());
        let farthest = unit.after(2 * LEASE);
        let lease = [&holder as &dyn crate::column::Bind, &until, &self.name, &now, &farthest];
        if unit.execute(LeaseSink, &lease).await?.rows == 0 {
            unit.execute(StartSink, &[&self.name, &now]).await?;
            if unit.execute(LeaseSink, &lease).await?.rows == 0 {
                return Ok(unit.bookkeeping(Bookkeeping::Forwarding, None));
            }
        }
        let Some(row) = unit.fetch_optional(SinkPlace, &[&self.name]).await? else {
            return Ok(unit.bookkeeping(Bookkeeping::Forwarding, None));
        };
        let next = Reader::<U>::new(&row).next()?;
        Ok(unit.bookkeeping(Bookkeeping::Forwarding, Some(SinkTurn { holder, next })))
    }
}

/// Notes how far the sink has come, and lets others have their turn. `false`: the turn was over already.
struct Release {
    turn: SinkTurn,
    name: String,
    next: i64,
    client: Client,
}

impl<U: Account> Step<U> for Release {
    type Output = bool;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn run(&self, unit: &mut Unit<'_, U>) -> Result<Recorded<bool>, Error> {
        let now = unit.stamp();
        let values: &[&dyn crate::column::Bind] = &[&self.next, &now, &self.name, &self.turn.holder];
        let done = unit.execute(ForwardedTo, values).await?;
        Ok(unit.bookkeeping(Bookkeeping::Forwarding, done.rows == 1))
    }
}
