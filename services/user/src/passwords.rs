//! Hashing passwords: off the request threads, few at a time, with a queue that has an end.

use std::{sync::Arc, thread::available_parallelism};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier},
};
use tokio::sync::Semaphore;

use crate::domain::{GivenPassword, NewPassword, PasswordHash};

/// Memory of one hash in KiB, and passes over it: 17 ms of one core (OWASP's second choice).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// Waiting hashes for each running one: about half a second of waiting. More are sent away.
const QUEUE: usize = 32;

/// More logins are under way than can be checked soon: try again shortly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked")]
pub struct Busy;

/// Hashes and compares passwords. Cheap to clone.
#[derive(Clone)]
pub struct Passwords(Arc<Inner>);

struct Inner {
    argon2: Argon2<'static>,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// Compared with where there is nothing to compare with, so that an unknown address takes as long as a known one.
    decoy: PasswordHash,
}

impl Passwords {
    /// Half of the cores may hash at once, so that a flood of logins leaves the other half to everything else.
    pub fn new() -> Result<Self, HashingError> {
        let cores = available_parallelism().map_or(1, usize::from);
        Self::with_parallelism((cores / 2).max(1))
    }

    fn with_parallelism(parallel: usize) -> Result<Self, HashingError> {
        let params = Params::new(MEMORY_KIB, PASSES, 1, None)
            .map_err(|error| HashingError(error.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, "a password that nobody has")?;
        Ok(Self(Arc::new(Inner {
            argon2,
            running: Arc::new(Semaphore::new(parallel)),
            waiting: Arc::new(Semaphore::new(parallel * (QUEUE + 1))),
            decoy,
        })))
    }

    /// What is to be stored of a new password.
    pub async fn hash(&self, password: NewPassword) -> Result<PasswordHash, PasswordsError> {
        self.run(move |inner| hash(&inner.argon2, password.expose()))
            .await?
            .map_err(PasswordsError::from)
    }

    /// Whether the given password is the stored one. Takes as long where none is stored.
    pub async fn matches(
        &self,
        given: GivenPassword,
        stored: Option<PasswordHash>,
    ) -> Result<bool, PasswordsError> {
        self.run(move |inner| {
            let known = stored.is_some();
            let compared = stored.as_ref().unwrap_or(&inner.decoy);
            let same = inner
                .argon2
                .verify_password(given.expose().as_bytes(), compared.as_str())
                .is_ok();
            known && same
        })
        .await
    }

    /// Runs blocking work in turn. The turn ends with the work, even if whoever asked has gone.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Result<T, PasswordsError> {
        let inner = self.0.clone();
        let place = inner
            .waiting
            .clone()
            .try_acquire_owned()
            .map_err(|_| Busy)?;
        let turn = inner
            .running
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| Busy)?;
        tokio::task::spawn_blocking(move || {
            let done = work(&inner);
            drop((turn, place));
            done
        })
        .await
        .map_err(|error| HashingError(error.to_string()).into())
    }
}

/// Hashing is broken: a mistake of ours.
#[derive(Debug, thiserror::Error)]
#[error("a password cannot be hashed: {0}")]
pub struct HashingError(String);

/// Why a password was neither hashed nor compared.
#[derive(Debug, thiserror::Error)]
pub enum PasswordsError {
    /// Try again shortly.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// A mistake of ours.
    #[error(transparent)]
    Broken(#[from] HashingError),
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

    fn chosen(text: &str) -> NewPassword {
        text.to_owned().try_into().unwrap()
    }

    fn given(text: &str) -> GivenPassword {
        text.to_owned().try_into().unwrap()
    }

    #[tokio::test]
    async fn the_right_password_matches_and_no_other() {
        let passwords = Passwords::new().unwrap();
        let stored = passwords
            .hash(chosen("correct horse battery"))
            .await
            .unwrap();
        assert!(
            stored
                .as_str()
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
        );
        let again = passwords
            .hash(chosen("correct horse battery"))
            .await
            .unwrap();
        assert!(stored != again, "each hash has a salt of its own");
        assert!(
            passwords
                .matches(given("correct horse battery"), Some(stored.clone()))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .matches(given("Correct horse battery"), Some(stored))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .matches(given("correct horse battery"), None)
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .matches(given("a password that nobody has"), None)
                .await
                .unwrap()
        );
        let nonsense = PasswordHash::new("nonsense".to_owned());
        assert!(
            !passwords
                .matches(given("nonsense"), Some(nonsense))
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn a_flood_is_sent_away_and_leaves_no_place_taken() {
        let passwords = Passwords::with_parallelism(1).unwrap();
        let mut flood = tokio::task::JoinSet::new();
        for _ in 0..QUEUE * 3 {
            let passwords = passwords.clone();
            flood.spawn(async move { passwords.matches(given("x"), None).await });
        }
        let answers = flood.join_all().await;
        let sent_away = answers
            .iter()
            .filter(|answer| matches!(answer, Err(PasswordsError::Busy(_))))
            .count();
        assert_eq!(sent_away, QUEUE * 3 - (QUEUE + 1));
        // Whoever gives up leaves the line.
        for _ in 0..QUEUE * 2 {
            let gone = tokio::time::timeout(
                std::time::Duration::ZERO,
                passwords.matches(given("x"), None),
            )
            .await;
            drop(gone);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        while passwords.0.waiting.available_permits() < QUEUE + 1 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert!(!passwords.matches(given("x"), None).await.unwrap());
    }
}
