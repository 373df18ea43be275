//! Waiting for what goes on behind an answer.

use std::{future::Future, time::Duration};

use anyhow::{Result, anyhow};

/// How long anything may take: the parts that only just started included.
const DEADLINE: Duration = Duration::from_mins(1);
const STEP: Duration = Duration::from_millis(50);

/// Looks again and again until there is something.
///
/// # Errors
/// It did not come within a minute, or looking failed.
pub async fn until<T, F>(what: &str, look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    until_within(DEADLINE, what, look).await
}

/// As [`until`], with another deadline.
///
/// # Errors
/// As [`until`].
pub async fn until_within<T, F>(
    deadline: Duration,
    what: &str,
    mut look: impl FnMut() -> F,
) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let looking = async {
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            tokio::time::sleep(STEP).await;
        }
    };
    tokio::time::timeout(deadline, looking)
        .await
        .unwrap_or_else(|_| {
            Err(anyhow!(
                "waited {} s in vain for {what}",
                deadline.as_secs()
            ))
        })
}
