//! Waiting for a condition, with a deadline.

use std::{future::Future, time::Duration};

/// Twenty seconds: far longer than anything takes, so that reaching it means that it will not come.
const DEADLINE: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(20);

/// Waits until `look` finds something. After twenty seconds the test fails, naming `what` it waited for.
pub async fn eventually<T, F>(what: &str, look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    eventually_within(DEADLINE, what, look).await
}

/// As [`eventually`], with another deadline.
pub async fn eventually_within<T, F>(
    deadline: Duration,
    what: &str,
    mut look: impl FnMut() -> F,
) -> T
where
    F: Future<Output = Option<T>>,
{
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(STEP).await;
        }
    };
    tokio::time::timeout(deadline, looking)
        .await
        .unwrap_or_else(|_| panic!("waited {deadline:?} in vain for {what}"))
}
