//! Waiting for what a worker or a server does in its own time.

use std::time::Duration;

/// How long anything may take on a machine that is very busy.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// Waits until something holds.
///
/// # Panics
/// It does not hold within two minutes.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "waited in vain: {what}");
}
