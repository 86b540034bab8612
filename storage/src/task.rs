//! Tasks of our own: work that has to come to its end although nobody may be waiting for it any more.

use tokio::task::JoinHandle;

/// What the task came to. Its panic becomes ours. To be used for tasks that nobody aborts.
pub async fn finished<T>(task: JoinHandle<T>) -> T {
    task.await.unwrap_or_else(|died| std::panic::resume_unwind(died.into_panic()))
}
