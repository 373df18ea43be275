//! Polling for the results of asynchronous processing.

use std::{future::Future, time::Duration};

use anyhow::{Result, anyhow};

/// Default deadline, which includes the startup of services.
const DEADLINE: Duration = Duration::from_mins(1);
const INTERVAL: Duration = Duration::from_millis(50);

/// Polls until `probe` returns a value.
///
/// # Errors
/// The deadline of one minute has passed, or `probe` failed.
pub async fn poll<T, F>(what: &str, probe: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    poll_within(DEADLINE, what, probe).await
}

/// Polls like [`poll`], with another deadline.
pub async fn poll_within<T, F>(
    deadline: Duration,
    what: &str,
    mut probe: impl FnMut() -> F,
) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let polling = async {
        loop {
            if let Some(found) = probe().await? {
                return Ok(found);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    tokio::time::timeout(deadline, polling)
        .await
        .unwrap_or_else(|_| {
            Err(anyhow!(
                "timed out after {} s waiting for {what}",
                deadline.as_secs()
            ))
        })
}
