//! `Idempotency-Key`: key, effect, events and stored answer are one transaction.

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use sqlx::types::Json;

use super::Tx;
use crate::{Idempotency, StoreError};

pub(crate) const SCHEMA: &str = include_str!("idempotency.sql");

const TAKE: &str = "SELECT pg_try_advisory_xact_lock(hashtextextended($1 || $2 || $3, 0))";
const FIND: &str = "SELECT fingerprint, answer FROM idempotency_key
     WHERE caller = $1 AND operation = $2 AND key = $3";
const STORE: &str = "INSERT INTO idempotency_key (caller, operation, key, fingerprint, answer) VALUES ($1, $2, $3, $4, $5)";

/// Whether this call is the first with its key.
#[expect(
    clippy::large_enum_variant,
    reason = "callers destructure it immediately"
)]
pub enum Begun<A> {
    /// It is, or it has no key: do the work and finish with [`Tx::commit_once`].
    First(Tx),
    /// It is not: the stored answer of the first call.
    Replayed(A),
}

/// A call that its `Idempotency-Key` does not allow.
#[derive(Debug, thiserror::Error)]
pub enum IdempotencyError {
    /// The key was used for a different request.
    #[error("this Idempotency-Key was used for another request; use a new key")]
    Reused,
    /// The first call with this key is still in progress.
    #[error("the first request with this Idempotency-Key is still in progress; try again shortly")]
    InProgress,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for IdempotencyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

pub(super) struct Pending {
    call: Idempotency,
    key: String,
    fingerprint: Vec<u8>,
}

impl Tx {
    pub(super) async fn once<A: DeserializeOwned>(
        mut self,
        call: &Idempotency,
        request: &impl Serialize,
    ) -> Result<Begun<A>, IdempotencyError> {
        let Some(key) = call.key.clone() else {
            return Ok(Begun::First(self));
        };
        let request = serde_json::to_vec(request).map_err(|e| StoreError::corrupt("request", e))?;
        let fingerprint = Sha256::digest(request).to_vec();
        let mine: bool = sqlx::query_scalar(TAKE)
            .bind(call.caller.to_string())
            .bind(&call.operation)
            .bind(&key)
            .fetch_one(self.conn())
            .await?;
        if !mine {
            return Err(IdempotencyError::InProgress);
        }
        let stored: Option<(Vec<u8>, Json<serde_json::Value>)> = sqlx::query_as(FIND)
            .bind(call.caller.as_uuid())
            .bind(&call.operation)
            .bind(&key)
            .fetch_optional(self.conn())
            .await?;
        match stored {
            Some((first, _)) if first != fingerprint => Err(IdempotencyError::Reused),
            Some((_, Json(answer))) => serde_json::from_value(answer)
                .map(Begun::Replayed)
                .map_err(|error| StoreError::corrupt("answer", error).into()),
            None => {
                self.once = Some(Pending {
                    call: call.clone(),
                    key,
                    fingerprint,
                });
                Ok(Begun::First(self))
            }
        }
    }

    /// Commits and stores `answer` for later calls with the same key.
    ///
    /// # Errors
    /// As [`Tx::commit`].
    pub async fn commit_once<A: Serialize>(mut self, answer: &A) -> Result<(), StoreError> {
        if let Some(Pending {
            call,
            key,
            fingerprint,
        }) = self.once.take()
        {
            sqlx::query(STORE)
                .bind(call.caller.as_uuid())
                .bind(&call.operation)
                .bind(&key)
                .bind(fingerprint)
                .bind(Json(answer))
                .execute(self.conn())
                .await?;
        }
        self.commit().await
    }
}
