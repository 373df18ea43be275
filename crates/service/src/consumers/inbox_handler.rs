//! Runs a handler in the transaction that holds the event's inbox row.

use async_trait::async_trait;
use event_bus::{Dependency, Failure, FailureClass, Handler, Record, delivery_span, event_span};
use tenancy::{DirectoryError, TenantId, TenantStatus};
use tracing::Span;

use super::event_router::Dispatch;
use crate::{Context, Runtime, StoreError, Tx, telemetry};

/// The database that a consumer's effects are written to.
#[derive(Clone, Copy)]
pub(super) enum TargetDatabase {
    Platform,
    Tenant,
}

pub(super) struct InboxHandler<W> {
    pub runtime: Runtime,
    pub group: String,
    pub database: TargetDatabase,
    pub dispatch: W,
}

#[async_trait]
impl<W: Dispatch> Handler for InboxHandler<W> {
    fn wants(&self, event_type: &str) -> bool {
        self.dispatch.wants(event_type)
    }

    fn span(&self, record: &Record, group: &str) -> Span {
        let span = event_span(record, group);
        telemetry::continue_trace(&span, &record.envelope);
        span
    }

    fn delivery_span(&self, record: &Record, group: &str) -> Span {
        let span = delivery_span(record, group);
        telemetry::continue_trace(&span, &record.envelope);
        span
    }

    /// Inbox row, effect and outgoing events commit together.
    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        let Some(mut tx) = self.begin(record).await? else {
            return Ok(());
        };
        let new = outbox::inbox::insert_if_new(tx.conn(), &self.group, record.envelope.id)
            .await
            .map_err(|error| self.of_database(StoreError::from(error)))?;
        if !new {
            tracing::debug!("already handled");
            return Ok(());
        }
        self.dispatch.run(record, &mut tx).await?;
        let committed = tx.commit().await;
        committed.map_err(|error| self.of_database(error))
    }
}

impl<W: Dispatch> InboxHandler<W> {
    /// Names the unavailable database: the platform's concerns the whole consumer, a tenant's only that tenant.
    fn of_database(&self, failure: impl Into<Failure>) -> Failure {
        let failure = failure.into();
        match (failure.class(), self.database) {
            (FailureClass::Unavailable, TargetDatabase::Platform) => {
                failure.of(Dependency::shared("platform database"))
            }
            (FailureClass::Unavailable, TargetDatabase::Tenant) => {
                failure.of(Dependency::of_tenant("tenant database"))
            }
            _ => failure,
        }
    }

    /// Begins the transaction; `None` when the tenant was deleted and the event has nothing left to change.
    async fn begin(&self, record: &Record) -> Result<Option<Tx>, Failure> {
        let context = Context::of_event(&record.envelope);
        if let TargetDatabase::Platform = self.database {
            let begun = self.runtime.platform(context).begin().await;
            return Ok(Some(begun.map_err(|error| self.of_database(error))?));
        }
        let named = record.envelope.tenant.as_ref().ok_or_else(|| {
            Failure::permanent(
                "the event names no tenant, and its effects belong in a tenant's database",
            )
        })?;
        let tenant = match self.runtime.directory().by_id(TenantId(named.id)).await {
            Ok(Some(tenant)) => tenant,
            Ok(None) => {
                return Err(Failure::permanent(format!(
                    "there is no tenant {}",
                    named.id
                )));
            }
            Err(error @ (DirectoryError::Unreachable(_) | DirectoryError::Store(_))) => {
                let directory = Dependency::of_tenant("tenant directory");
                return Err(Failure::unavailable(error).of(directory));
            }
        };
        if tenant.region.as_str() != named.region {
            return Err(Failure::permanent(format!(
                "the event says tenant {} is in region {}, the directory says {}",
                named.id, named.region, tenant.region
            )));
        }
        if tenant.status == TenantStatus::Deleted {
            tracing::info!("tenant is deleted; the event has nothing left to change");
            return Ok(None);
        }
        let begun = self.runtime.tenant(tenant, context).begin().await;
        Ok(Some(begun.map_err(|error| self.of_database(error))?))
    }
}
