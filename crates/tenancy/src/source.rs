//! The authority behind a [`crate::Directory`].

use std::sync::Arc;

use async_trait::async_trait;

use crate::TenantSnapshot;

/// Looks up tenants whose events have not arrived yet.
#[async_trait]
pub trait TenantSource: Send + Sync + 'static {
    /// The tenant with this id or code, or `None` if there is none.
    ///
    /// # Errors
    /// The source is unreachable, too slow, or gave an unusable answer.
    async fn fetch(&self, reference: &str) -> Result<Option<TenantSnapshot>, SourceError>;
}

/// A [`TenantSource`] that could not answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the tenant service cannot be reached: {0}")]
pub struct SourceError(Arc<str>);

impl SourceError {
    /// An error with its cause.
    pub fn new(cause: impl std::fmt::Display) -> Self {
        Self(cause.to_string().into())
    }
}

/// A source that knows no tenant: for the tenant service itself, whose directory is complete.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTenantSource;

#[async_trait]
impl TenantSource for NoTenantSource {
    async fn fetch(&self, _reference: &str) -> Result<Option<TenantSnapshot>, SourceError> {
        Ok(None)
    }
}
