//! The source of the outboxes that a relay drains.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use sqlx::{Postgres, pool::PoolConnection};

/// The error of an [`Outboxes`] implementation. Only logged, never matched on.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// The name of an outbox, for instance a tenant id.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct OutboxId(Arc<str>);

impl OutboxId {
    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for OutboxId {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl From<&str> for OutboxId {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for OutboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The scope of a sweep for rows that no wake-up announced.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Sweep {
    /// The outboxes marked as dirty.
    Dirty,
    /// All outboxes.
    All,
}

/// The source of outboxes and of connections to them.
#[async_trait]
pub trait Outboxes: Send + Sync + 'static {
    /// Returns the outboxes that a sweep visits.
    async fn candidates(&self, sweep: Sweep) -> Result<Vec<OutboxId>, SourceError>;
    /// Returns a connection whose `search_path` resolves the tables of this outbox.
    async fn open(&self, outbox: &OutboxId) -> Result<PoolConnection<Postgres>, SourceError>;
    /// Called after a drain attempt found the outbox empty.
    async fn mark_clean(&self, outbox: &OutboxId) -> Result<(), SourceError>;
}
