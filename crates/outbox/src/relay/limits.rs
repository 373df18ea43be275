//! Concurrency limits of drain attempts, which isolate slow databases from responsive ones.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{RelaySettings, SourceError};

/// Wait for a database after which a drain attempt releases its primary permit.
const SLOW_AFTER: Duration = Duration::from_millis(200);
/// Number of permits for slow attempts per primary permit.
const SLOW_PER_PRIMARY: usize = 8;

/// The concurrency limits of a relay: primary attempts, slow attempts and retries of unresponsive databases.
pub(super) struct ConcurrencyLimits {
    primary: Arc<Semaphore>,
    slow: Arc<Semaphore>,
    retries: Arc<Semaphore>,
    released: Arc<Notify>,
}

/// Whether the database of an outbox responded to the last attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum DatabaseHealth {
    /// It responded, or was not tried yet.
    Responsive,
    /// It did not respond.
    Unresponsive,
}

impl ConcurrencyLimits {
    pub(super) fn new(settings: &RelaySettings) -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.max(1)));
        Self {
            primary: semaphore(settings.concurrency),
            slow: semaphore(
                settings
                    .concurrency
                    .saturating_mul(SLOW_PER_PRIMARY)
                    .min(Semaphore::MAX_PERMITS),
            ),
            retries: semaphore(settings.retry_concurrency),
            released: Arc::default(),
        }
    }

    /// Returns a permit if one is available.
    pub(super) fn try_acquire(&self, health: DatabaseHealth) -> Option<AttemptPermit> {
        let permits = match health {
            DatabaseHealth::Responsive => &self.primary,
            DatabaseHealth::Unresponsive => &self.retries,
        };
        Some(AttemptPermit {
            permit: Arc::clone(permits).try_acquire_owned().ok()?,
            primary: health == DatabaseHealth::Responsive,
            slow: Arc::clone(&self.slow),
            released: Arc::clone(&self.released),
        })
    }

    /// Completes when an unfinished attempt has released its primary permit.
    pub(super) async fn primary_released(&self) {
        self.released.notified().await;
    }
}

/// The permit of one drain attempt.
pub(super) struct AttemptPermit {
    permit: OwnedSemaphorePermit,
    primary: bool,
    slow: Arc<Semaphore>,
    released: Arc<Notify>,
}

/// Why an operation on the database of an outbox failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum DatabaseError {
    #[error(transparent)]
    Failed(SourceError),
    #[error("the database did not respond within {0:?}")]
    TimedOut(Duration),
}

impl AttemptPermit {
    /// Awaits a database operation for at most `limit`. An operation that takes longer than [`SLOW_AFTER`] continues
    /// under a slow permit, if one is available.
    pub(super) async fn with_timeout<T, E: Into<SourceError>>(
        &mut self,
        limit: Duration,
        operation: impl Future<Output = Result<T, E>>,
    ) -> Result<T, DatabaseError> {
        let mut operation = std::pin::pin!(operation);
        let first = limit.min(SLOW_AFTER);
        let result = if let Ok(result) = timeout(first, &mut operation).await {
            Ok(result)
        } else {
            self.release_primary();
            timeout(limit.saturating_sub(first), operation).await
        };
        match result {
            Ok(result) => result.map_err(|error| DatabaseError::Failed(error.into())),
            Err(_) => Err(DatabaseError::TimedOut(limit)),
        }
    }

    fn release_primary(&mut self) {
        if self.primary
            && let Ok(permit) = Arc::clone(&self.slow).try_acquire_owned()
        {
            self.permit = permit;
            self.primary = false;
            self.released.notify_one();
        }
    }
}
