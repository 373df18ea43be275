//! Transactions in a tenant's or the platform's database, with the outbox in them.

mod context;
mod idempotency;
mod tx;

use std::sync::Arc;

use database::{Connection, Transaction};
use serde::{Serialize, de::DeserializeOwned};
use tenancy::Tenant;

pub use context::Context;
pub(crate) use idempotency::SCHEMA as IDEMPOTENCY_SCHEMA;
pub use idempotency::{Begun, IdempotencyError};
pub use tx::Tx;

use crate::{Idempotency, Runtime, StoreError, outboxes::PLATFORM};

/// Access to one tenant's database, for one request or event.
#[derive(Clone)]
pub struct TenantScope {
    tenant: Arc<Tenant>,
    runtime: Runtime,
    context: Context,
}

impl TenantScope {
    pub(crate) fn new(tenant: Arc<Tenant>, runtime: Runtime, context: Context) -> Self {
        Self {
            tenant,
            runtime,
            context,
        }
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// Correlation, causation and user of this work.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Begins a transaction in the tenant's database.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is unavailable.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let outbox = self.tenant.id.to_string().into();
        // Marked before the transaction, so that after a crash the sweep finds every outbox that may hold a row.
        self.runtime.dirty_outboxes().mark(&outbox).await?;
        let inner = self.runtime.datasources()?.begin(&self.tenant).await?;
        Ok(Tx::new(
            Transaction::new(inner),
            self.context.clone(),
            Some(&self.tenant),
            outbox,
            &self.runtime,
        ))
    }

    /// Begins the transaction of a call that may carry an `Idempotency-Key`: returns the stored answer of the first
    /// call with that key, or a transaction for this one. The same key with another `request` is refused.
    ///
    /// # Errors
    /// [`IdempotencyError`]: reused, in progress, or the database is unavailable.
    pub async fn begin_once<A: DeserializeOwned>(
        &self,
        call: &Idempotency,
        request: &impl Serialize,
    ) -> Result<Begun<A>, IdempotencyError> {
        self.begin().await?.once(call, request).await
    }

    /// A connection for reading outside a transaction.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is unavailable.
    pub async fn read(&self) -> Result<Connection, StoreError> {
        let pooled = self.runtime.datasources()?.acquire(&self.tenant).await?;
        Ok(Connection::new(pooled))
    }
}

/// Access to the service's platform database, for one request or event.
#[derive(Clone)]
pub struct PlatformScope {
    runtime: Runtime,
    context: Context,
}

impl PlatformScope {
    pub(crate) fn new(runtime: Runtime, context: Context) -> Self {
        Self { runtime, context }
    }

    /// Correlation, causation and user of this work.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Begins a transaction in the platform database.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is unavailable.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let inner = self.runtime.platform_pool().begin().await?;
        Ok(Tx::new(
            Transaction::new(inner),
            self.context.clone(),
            None,
            PLATFORM.into(),
            &self.runtime,
        ))
    }

    /// As [`TenantScope::begin_once`], in the platform database.
    ///
    /// # Errors
    /// [`IdempotencyError`]: reused, in progress, or the database is unavailable.
    pub async fn begin_once<A: DeserializeOwned>(
        &self,
        call: &Idempotency,
        request: &impl Serialize,
    ) -> Result<Begun<A>, IdempotencyError> {
        self.begin().await?.once(call, request).await
    }

    /// A connection for reading outside a transaction.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is unavailable.
    pub async fn read(&self) -> Result<Connection, StoreError> {
        Ok(Connection::new(
            self.runtime.platform_pool().acquire().await?,
        ))
    }
}
