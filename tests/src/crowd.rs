//! Many at the same moment.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Barrier;

/// Runs tasks that all wait at one gate, and gives what came of each.
///
/// # Panics
/// A task does.
pub async fn at_once<T, F>(tasks: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<F> = tasks.into_iter().collect();
    let gate = Arc::new(Barrier::new(tasks.len()));
    let running: Vec<_> = tasks
        .into_iter()
        .map(|task| {
            let gate = gate.clone();
            tokio::spawn(async move {
                gate.wait().await;
                task.await
            })
        })
        .collect();
    let mut results = Vec::new();
    for task in running {
        results.push(task.await.expect("a task that ends"));
    }
    results
}
