//! Transactions: in a tenant's or in the platform's database, with the outbox inside.

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

/// One tenant, usable now, and the way into its database for one request or event.
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

    /// Why this is being done, and on whose behalf.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Begins a transaction in the tenant's database.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is out of reach.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let outbox = self.tenant.id.to_string().into();
        // Before the transaction: after a crash the sweep looks into every outbox that could hold a row.
        self.runtime.marks().mark(&outbox).await?;
        let inner = self.runtime.datasources()?.begin(&self.tenant).await?;
        Ok(Tx::new(
            Transaction::new(inner),
            self.context.clone(),
            Some(&self.tenant),
            outbox,
            &self.runtime,
        ))
    }

    /// Begins the transaction of a call that may carry an `Idempotency-Key`: finds the answer of the first such call,
    /// or lets this one be the first. `request` is what was asked for; the same key with another request is refused.
    ///
    /// # Errors
    /// [`IdempotencyError`]: reused, in progress, or the database is out of reach.
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
    /// [`StoreError::Unavailable`] when the database is out of reach.
    pub async fn read(&self) -> Result<Connection, StoreError> {
        let pooled = self.runtime.datasources()?.acquire(&self.tenant).await?;
        Ok(Connection::new(pooled))
    }
}

/// The service's platform database for one request or event.
#[derive(Clone)]
pub struct PlatformScope {
    runtime: Runtime,
    context: Context,
}

impl PlatformScope {
    pub(crate) fn new(runtime: Runtime, context: Context) -> Self {
        Self { runtime, context }
    }

    /// Why this is being done, and on whose behalf.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Begins a transaction in the platform database.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database is out of reach.
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
    /// [`IdempotencyError`]: reused, in progress, or the database is out of reach.
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
    /// [`StoreError::Unavailable`] when the database is out of reach.
    pub async fn read(&self) -> Result<Connection, StoreError> {
        Ok(Connection::new(
            self.runtime.platform_pool().acquire().await?,
        ))
    }
}
