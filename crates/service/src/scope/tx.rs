//! A transaction that publishes events.

use std::fmt::Display;

use async_trait::async_trait;
use cache::Cache;
use database::Transaction;
use event_bus::{Event, EventParts, OutboundRecord, TenantRef};
use outbox::{OutboxId, RelayWaker};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use sqlx::PgConnection;
use tenancy::Tenant;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Context, Runtime, StoreError};

/// A database transaction, the events it publishes and the cached reads it makes stale. Rolled back when it is dropped
/// without [`Tx::commit`].
///
/// It is a [`ConnectionTrait`], so entities and queries of sea-orm run in it, beside the outbox and the inbox.
pub struct Tx {
    inner: Transaction,
    context: Context,
    source: String,
    tenant: Option<TenantRef>,
    outbox: OutboxId,
    waker: RelayWaker,
    now: OffsetDateTime,
    published: bool,
    cache: Cache,
    stale: Vec<cache::Name>,
    pub(super) once: Option<super::idempotency::Pending>,
}

impl Tx {
    pub(crate) fn new(
        inner: Transaction,
        context: Context,
        tenant: Option<&Tenant>,
        outbox: OutboxId,
        runtime: &Runtime,
    ) -> Self {
        let now = OffsetDateTime::now_utc();
        Self {
            inner,
            context,
            source: format!("/tenantry/{}", runtime.name()),
            tenant: tenant.map(|tenant| TenantRef {
                id: tenant.id.0,
                region: tenant.region.to_string(),
            }),
            outbox,
            waker: runtime.waker(),
            // PostgreSQL stores microseconds: rows, events and answers carry the same instant.
            now: now
                .replace_nanosecond(now.microsecond() * 1000)
                .unwrap_or(now),
            published: false,
            cache: runtime.cache().clone(),
            stale: Vec::new(),
            once: None,
        }
    }

    /// The sqlx connection of the transaction, for raw SQL such as advisory locks and the outbox.
    pub fn conn(&mut self) -> &mut PgConnection {
        self.inner.sqlx()
    }

    /// The time of this transaction in microseconds, for the rows it changes and the events it publishes.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        self.now
    }

    /// Correlation, causation and user of this work.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Sets the user on whose behalf the work is done; for calls that authenticate while they run, such as a login.
    pub fn on_behalf_of(&mut self, user: auth::UserId) {
        self.context.user_id = Some(user);
    }

    /// Publishes `event` if and only if this transaction commits. `subject` is the aggregate's id, `sequence` its version
    /// after the change. The aggregate's row must be locked or inserted before: that keeps its events in order.
    ///
    /// # Errors
    /// The database is unavailable, or the event violates its schema or the envelope's rules.
    pub async fn publish<E: Event>(
        &mut self,
        subject: impl Display,
        sequence: u64,
        event: &E,
    ) -> Result<(), StoreError> {
        self.publish_in(self.tenant.clone(), subject, sequence, event)
            .await
    }

    /// As [`Tx::publish`], for an event of `tenant` that is published from the platform database.
    ///
    /// # Errors
    /// The database is unavailable, or the event violates its schema or the envelope's rules.
    pub async fn publish_for<E: Event>(
        &mut self,
        tenant: (Uuid, &str),
        subject: impl Display,
        sequence: u64,
        event: &E,
    ) -> Result<(), StoreError> {
        let (id, region) = tenant;
        self.publish_in(
            Some(TenantRef {
                id,
                region: region.to_owned(),
            }),
            subject,
            sequence,
            event,
        )
        .await
    }

    async fn publish_in<E: Event>(
        &mut self,
        tenant: Option<TenantRef>,
        subject: impl Display,
        sequence: u64,
        event: &E,
    ) -> Result<(), StoreError> {
        let mut parts = EventParts::new(self.source.clone(), subject).sequence(sequence);
        parts.tenant = tenant;
        parts.time = self.now;
        self.context.fill(&mut parts);
        let record = OutboundRecord::of(parts, event)?;
        outbox::append(self.inner.sqlx(), &record).await?;
        self.published = true;
        Ok(())
    }

    /// Marks the cached reads of `resource` of this transaction's tenant as stale: the commit drops them, in every
    /// process. Statements that write what is cached call it, so that no use case has to.
    pub fn invalidate(&mut self, resource: cache::Name) {
        if !self.stale.contains(&resource) {
            self.stale.push(resource);
        }
    }

    /// Commits the change and its events together, wakes the relay and drops the cached reads that became stale.
    ///
    /// # Errors
    /// Nothing was committed, unless the connection broke during the commit: then the outcome is unknown, and an
    /// `Idempotency-Key` or the inbox makes a retry safe.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.inner.into_inner().commit().await?;
        if self.published {
            self.waker.wake(self.outbox);
        }
        if let Some(tenant) = self.tenant {
            for resource in self.stale {
                self.cache.invalidate(tenant.id, resource).await;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.inner.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.inner.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.inner.query_all_raw(statement).await
    }
}
