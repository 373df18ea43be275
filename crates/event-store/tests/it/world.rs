//! A database of one's own, and events to put into it.

use std::{panic::AssertUnwindSafe, sync::atomic::AtomicI64, sync::atomic::Ordering};

use event_bus::{Envelope, TenantRef};
use event_store::{
    AggregateRef, Appended, EventStore, LogPlace, NewEvent, OffsetStep, StoreError, append_batch,
};
use futures::FutureExt;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, PgPool};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

/// When the events of the tests begin: their n-th is n minutes later.
pub const MORNING: OffsetDateTime = datetime!(2025-11-21 06:00:00.123456 UTC);

/// Runs a test in a database of its own.
pub async fn with_store(test: impl AsyncFnOnce(&EventStore)) {
    let admin_url = std::env::var("TENANTRY_POSTGRES_ADMIN")
        .expect("TENANTRY_POSTGRES_ADMIN says where a PostgreSQL is (make test sets it)");
    let name = format!("event_store_test_{}", Uuid::now_v7().simple());
    let mut admin = PgConnection::connect(&admin_url).await.unwrap();
    ddl(&mut admin, &format!("CREATE DATABASE {name}")).await;
    let (server, _) = admin_url.rsplit_once('/').unwrap();
    let pool = PgPool::connect(&format!("{server}/{name}")).await.unwrap();
    let store = EventStore::new(pool.clone()).snapshot_every(5);
    store.install().await.unwrap();

    let outcome = AssertUnwindSafe(test(&store)).catch_unwind().await;

    pool.close().await;
    ddl(&mut admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

async fn ddl(admin: &mut PgConnection, statement: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(admin)
        .await
        .unwrap();
}

static OFFSET: AtomicI64 = AtomicI64::new(0);

/// The event that made the thing `id` its `version`.
pub fn event(id: &str, version: u64, payload: Value) -> NewEvent {
    NewEvent::new(envelope(id, version), payload, place()).unwrap()
}

pub fn place() -> LogPlace {
    LogPlace {
        topic: "thing.events".to_owned(),
        partition: 0,
        offset: OFFSET.fetch_add(1, Ordering::Relaxed),
    }
}

pub fn envelope(id: &str, version: u64) -> Envelope {
    let event_id = Uuid::now_v7();
    serde_json::from_value(json!({
        "specversion": "1.0",
        "id": event_id,
        "type": format!("thing.step_{}", version % 3),
        "source": "/test",
        "time": (MORNING + Duration::minutes(i64::try_from(version).unwrap()))
            .format(&time::format_description::well_known::Rfc3339).unwrap(),
        "subject": id,
        "aggregatetype": "thing",
        "sequence": version.to_string(),
        "partitionkey": id,
        "datacontenttype": "application/json",
    }))
    .unwrap()
}

/// The same event as another tenant's.
pub fn of_tenant(event: &NewEvent, tenant: Uuid) -> NewEvent {
    let mut envelope = event.envelope().clone();
    envelope.tenant = Some(TenantRef {
        id: tenant,
        region: "eu".to_owned(),
    });
    NewEvent::new(envelope, json!({}), place()).unwrap()
}

pub fn thing(id: &str) -> AggregateRef<'_> {
    AggregateRef { ty: "thing", id }
}

pub fn step(from: Option<i64>, to: i64) -> OffsetStep {
    OffsetStep {
        topic: "thing.events".to_owned(),
        partition: 0,
        from,
        to,
    }
}

/// Appends and commits.
pub async fn append(
    store: &EventStore,
    events: &[NewEvent],
    steps: &[OffsetStep],
) -> Result<Appended, StoreError> {
    let mut tx = store.pool().begin().await?;
    let appended = append_batch(&mut tx, events, steps).await?;
    tx.commit().await?;
    Ok(appended)
}

pub async fn count(store: &EventStore) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM event_store")
        .fetch_one(store.pool())
        .await
        .unwrap()
}

/// The next offset of the one partition of the tests.
pub async fn offset(store: &EventStore) -> Option<i64> {
    let offsets = store.offsets().await.unwrap();
    offsets.get(&("thing.events".to_owned(), 0)).copied()
}
