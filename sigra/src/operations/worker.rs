//! The worker: what Sigra does while nobody asks. It sends the mail, seals and forwards the trail, sweeps and measures.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::account::Account;
use crate::core::Sigra;
use crate::mail::{Links, Mailer};
use crate::telemetry;

use super::outbox::{BATCH, Queue};
use super::seal::Turn;

/// How often it looks for mail that another process wrote, or that was postponed.
const POLL_EVERY: Duration = Duration::from_secs(2);
/// Mails of a queue that it sends at once: so many may be slow, until each is cut off, before others wait.
const AT_ONCE: usize = 4;
/// What was asked for it looks at so much later at most: a stranger who asks for a mail cannot know when to send the request that
/// would wait for what the worker writes for it.
const BEGIN_WITHIN: Duration = Duration::from_secs(1);
/// How often it looks for rows without a number, and for checkpoints and rows that a sink has not got.
pub(super) const SEAL_EVERY: Duration = Duration::from_secs(1);
/// How long it leaves alone what failed: the outbox, the trail, or a sink.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
const SWEEP_EVERY: Duration = Duration::from_mins(10);
/// How often it counts what waits, where that is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(10);

/// The background task of [`Sigra::start_worker`]. It stops when this is dropped.
#[derive(Debug)]
#[must_use = "the worker stops when this is dropped"]
pub struct Worker(tokio::task::JoinHandle<()>);

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<U> Sigra<U> {
    /// Starts the background task that sends what is in the outbox, seals the audit trail and forwards its rows, and sweeps
    /// what has expired: what [`deliver_mail`](Self::deliver_mail), [`seal_audit`](Self::seal_audit),
    /// [`forward_audit`](Self::forward_audit) and [`sweep`](Self::sweep) do. At its start it looks for users without an
    /// account, as [`migrate`](Self::migrate) does. Mail that a visitor asked for it begins up to a second later, as chance has it: what
    /// a next request waits for must not tell whose address it was.
    ///
    /// Writes the audit rows that these write: of mails, of counted refusals, and of what retention removes.
    ///
    /// Run it in every process or in one: rows are taken by lease, so no two workers send the same one at once.
    ///
    /// # Panics
    /// There is no Tokio runtime around the call.
    pub fn start_worker(&self, mailer: impl Mailer, links: Links) -> Worker
    where
        U: Account,
    {
        self.core.screening.served_at(links.base());
        Worker(tokio::spawn(work(self.clone(), mailer, links)))
    }
}

/// It ends when it is dropped, and not before.
async fn work<U: Account>(auth: Sigra<U>, mailer: impl Mailer, links: Links) {
    let mailer: Arc<dyn Mailer> = Arc::new(mailer);
    tokio::join!(
        look(auth.clone()),
        deliver(auth.clone(), Queue::Notices, mailer.clone(), links.clone()),
        deliver(auth.clone(), Queue::ToProved, mailer.clone(), links.clone()),
        deliver(auth.clone(), Queue::ToUnproved, mailer, links),
        seal(auth.clone()),
        hand_over(auth.clone()),
        forward(auth.clone()),
        sweep(auth.clone()),
        measure(auth),
    );
}

/// Sends what is due of one queue, a few mails at once: one slow delivery keeps no other waiting, nor tells by its slowness that
/// there was something to deliver. As many slow ones at once as there are places do, until they are cut off.
async fn deliver<U: Account>(auth: Sigra<U>, queue: Queue, mailer: Arc<dyn Mailer>, links: Links) {
    let places = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let mut sending = tokio::task::JoinSet::new();
    loop {
        // Listening before looking: what is put into the outbox meanwhile is not missed.
        let mut woken = pin!(auth.core.outbox.notified());
        woken.as_mut().enable();
        let due = auth.due_mail(queue).await.unwrap_or_else(|error| {
            telemetry::worker_failed("deliver", &error);
            Vec::new()
        });
        let is_last = due.len() < usize::from(BATCH);
        for due in due {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            let (auth, mailer, links) = (auth.clone(), mailer.clone(), links.clone());
            sending.spawn(async move {
                let _place = place;
                // It has told by itself what became of it.
                auth.deliver_one(due, &*mailer, &links).await.is_ok()
            });
        }
        let mut failed = false;
        while let Some(done) = sending.try_join_next() {
            failed |= !done.unwrap_or_default();
        }
        if failed {
            // What could not even be noted is due as before: it would fail again at once, and again.
            tokio::time::sleep(AFTER_FAILURE).await;
        } else if is_last {
            // There may be more otherwise. What was looked at may have been for nobody: that is no reason to rest.
            let _ = tokio::time::timeout(POLL_EVERY, woken).await;
            if queue != Queue::Notices {
                tokio::time::sleep(some_of(BEGIN_WITHIN)).await;
            }
        }
    }
}

/// A part of it that chance decides.
fn some_of(most: Duration) -> Duration {
    let mut random = [0; 4];
    match getrandom::fill(&mut random) {
        Ok(()) => most.mul_f64(f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX)),
        Err(_) => most,
    }
}

async fn seal<U: Account>(auth: Sigra<U>) {
    if !U::POLICY.audit.enabled {
        return;
    }
    loop {
        tokio::time::sleep(SEAL_EVERY).await;
        if let Err(error) = auth.seal_round().await {
            telemetry::worker_failed("seal", &error);
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}

/// By itself, so that no row waits for its seal while a sink does not answer.
async fn hand_over<U: Account>(auth: Sigra<U>) {
    if !U::POLICY.audit.enabled {
        return;
    }
    loop {
        tokio::time::sleep(SEAL_EVERY).await;
        if let Err(error) = auth.hand_over_checkpoints(Turn::Leased).await {
            telemetry::worker_failed("hand_over", &error);
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}

/// Each sink has a task of its own, so that none waits for another.
async fn forward<U: Account>(auth: Sigra<U>) {
    let mut sinks = tokio::task::JoinSet::new();
    for sink in auth.core.evidence.row_sinks.clone() {
        let auth = auth.clone();
        sinks.spawn(async move {
            loop {
                tokio::time::sleep(SEAL_EVERY).await;
                if let Err(error) = auth.forward_all(&sink).await {
                    telemetry::worker_failed("forward", &error);
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        });
    }
    while sinks.join_next().await.is_some() {}
}

async fn sweep<U: Account>(auth: Sigra<U>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        // It has told by itself what became of it.
        let _ = auth.sweep().await;
    }
}

/// Once, and not when the handle is made: to count many users takes a while, and nothing waits for it here.
async fn look<U: Account>(auth: Sigra<U>) {
    if let Err(error) = auth.look_for_unadopted().await {
        telemetry::worker_failed("count_users", &error);
    }
}

async fn measure<U: Account>(auth: Sigra<U>) {
    while telemetry::MEASURES {
        auth.measure_outbox().await;
        auth.measure_trail().await;
        tokio::time::sleep(MEASURE_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_decides_when_asked_mail_is_looked_at() {
        let drawn: Vec<_> = (0..1_000).map(|_| some_of(BEGIN_WITHIN)).collect();
        assert!(drawn.iter().all(|delay| *delay <= BEGIN_WITHIN));
        for tenth in 0..10 {
            let is_of_tenth = |delay: &Duration| (delay.as_millis() / 100).min(9) == tenth;
            assert!(drawn.iter().any(is_of_tenth), "{tenth}");
        }
    }
}
