//! Argon2id hashing on blocking threads, with bounded concurrency and a bounded queue.

use std::{sync::Arc, thread::available_parallelism};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _},
};
use tokio::sync::Semaphore;

use crate::domain::{NewPassword, PasswordHash, SubmittedPassword};

/// Memory in KiB and number of passes, as in OWASP's second recommended configuration: 17 ms of one core.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// Queued calls for each running one, about half a second of waiting. Further calls are rejected.
const QUEUE_PER_PERMIT: usize = 32;

/// The queue is full; the caller should retry shortly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being hashed")]
pub struct QueueFull;

/// Hashes and verifies passwords. Cheap to clone.
#[derive(Clone)]
pub struct PasswordHasher(Arc<Inner>);

struct Inner {
    argon2: Argon2<'static>,
    running: Arc<Semaphore>,
    queued: Arc<Semaphore>,
    /// Verified against when there is no stored hash, so that an unknown address takes as long as a known one.
    dummy: PasswordHash,
}

impl PasswordHasher {
    /// Uses up to half of the cores, so that a burst of logins leaves the other half to other requests.
    pub fn new() -> Result<Self, HashingError> {
        let cores = available_parallelism().map_or(1, usize::from);
        Self::with_parallelism((cores / 2).max(1))
    }

    fn with_parallelism(parallel: usize) -> Result<Self, HashingError> {
        let params = Params::new(MEMORY_KIB, PASSES, 1, None)
            .map_err(|error| HashingError(error.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy = hash(&argon2, "a password that nobody has")?;
        Ok(Self(Arc::new(Inner {
            argon2,
            running: Arc::new(Semaphore::new(parallel)),
            queued: Arc::new(Semaphore::new(parallel * (QUEUE_PER_PERMIT + 1))),
            dummy,
        })))
    }

    /// Hashes a new password for storage.
    pub async fn hash(&self, password: NewPassword) -> Result<PasswordHash, PasswordHasherError> {
        self.run(move |inner| hash(&inner.argon2, password.expose()))
            .await?
            .map_err(PasswordHasherError::from)
    }

    /// Whether the submitted password matches the stored hash. Takes as long if there is none, and is `false` then.
    pub async fn verify(
        &self,
        submitted: SubmittedPassword,
        stored: Option<PasswordHash>,
    ) -> Result<bool, PasswordHasherError> {
        self.run(move |inner| {
            let has_password = stored.is_some();
            let hash = stored.as_ref().unwrap_or(&inner.dummy);
            let matches = inner
                .argon2
                .verify_password(submitted.expose().as_bytes(), hash.as_str())
                .is_ok();
            has_password && matches
        })
        .await
    }

    /// Runs `work` on a blocking thread. Its permits are released when the work ends, even if the caller has been
    /// cancelled.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Result<T, PasswordHasherError> {
        let inner = self.0.clone();
        let queued = inner
            .queued
            .clone()
            .try_acquire_owned()
            .map_err(|_| QueueFull)?;
        let running = inner
            .running
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| QueueFull)?;
        tokio::task::spawn_blocking(move || {
            let output = work(&inner);
            drop((running, queued));
            output
        })
        .await
        .map_err(|error| HashingError(error.to_string()).into())
    }
}

/// Argon2 or its thread failed: an internal error.
#[derive(Debug, thiserror::Error)]
#[error("password hashing failed: {0}")]
pub struct HashingError(String);

/// Why a password was neither hashed nor verified.
#[derive(Debug, thiserror::Error)]
pub enum PasswordHasherError {
    /// The queue is full; the caller should retry shortly.
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
    /// An internal error.
    #[error(transparent)]
    Failed(#[from] HashingError),
}

fn hash(argon2: &Argon2<'static>, password: &str) -> Result<PasswordHash, HashingError> {
    let hashed = argon2
        .hash_password(password.as_bytes())
        .map_err(|error| HashingError(error.to_string()))?;
    Ok(PasswordHash::new(hashed.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(text: &str) -> NewPassword {
        text.to_owned().try_into().unwrap()
    }

    fn submitted(text: &str) -> SubmittedPassword {
        text.to_owned().try_into().unwrap()
    }

    #[tokio::test]
    async fn the_right_password_matches_and_no_other() {
        let hasher = PasswordHasher::new().unwrap();
        let stored = hasher.hash(new("correct horse battery")).await.unwrap();
        assert!(
            stored
                .as_str()
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
        );
        let again = hasher.hash(new("correct horse battery")).await.unwrap();
        assert!(stored != again, "each hash has its own salt");
        assert!(
            hasher
                .verify(submitted("correct horse battery"), Some(stored.clone()))
                .await
                .unwrap()
        );
        assert!(
            !hasher
                .verify(submitted("Correct horse battery"), Some(stored))
                .await
                .unwrap()
        );
        assert!(
            !hasher
                .verify(submitted("correct horse battery"), None)
                .await
                .unwrap()
        );
        assert!(
            !hasher
                .verify(submitted("a password that nobody has"), None)
                .await
                .unwrap()
        );
        let nonsense = PasswordHash::new("nonsense".to_owned());
        assert!(
            !hasher
                .verify(submitted("nonsense"), Some(nonsense))
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn a_burst_is_rejected_and_releases_every_permit() {
        let hasher = PasswordHasher::with_parallelism(1).unwrap();
        let mut burst = tokio::task::JoinSet::new();
        for _ in 0..QUEUE_PER_PERMIT * 3 {
            let hasher = hasher.clone();
            burst.spawn(async move { hasher.verify(submitted("x"), None).await });
        }
        let answers = burst.join_all().await;
        let rejected = answers
            .iter()
            .filter(|answer| matches!(answer, Err(PasswordHasherError::QueueFull(_))))
            .count();
        assert_eq!(rejected, QUEUE_PER_PERMIT * 3 - (QUEUE_PER_PERMIT + 1));
        // Cancelled calls release their permits.
        for _ in 0..QUEUE_PER_PERMIT * 2 {
            let cancelled = tokio::time::timeout(
                std::time::Duration::ZERO,
                hasher.verify(submitted("x"), None),
            )
            .await;
            drop(cancelled);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        while hasher.0.queued.available_permits() < QUEUE_PER_PERMIT + 1 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert!(!hasher.verify(submitted("x"), None).await.unwrap());
    }
}
