//! Migrates a service's tables when it starts.

use sqlx::{Connection, PgConnection, migrate::Migrator};

/// The tables that every schema has besides the service's own.
const TENANT_TABLES: &[&str] = &[outbox::SCHEMA, crate::scope::IDEMPOTENCY_SCHEMA];
const PLATFORM_TABLES: &[&str] = &[
    outbox::SCHEMA,
    crate::scope::IDEMPOTENCY_SCHEMA,
    outbox::DIRTY_OUTBOXES_SCHEMA,
    tenancy::SCHEMA,
];

/// Advisory lock that serialises the migrations of replicas. Any constant does; this one spells `tenantry`.
const LOCK: i64 = 0x7465_6e61_6e74_7279;

/// Migrates the platform database.
pub(crate) async fn migrate_platform(
    conn: &mut PgConnection,
    own: &Migrator,
) -> Result<(), sqlx::Error> {
    migrate(conn, PLATFORM_TABLES, own).await
}

/// Migrates the service's schema in a tenant database or in the template; `search_path` is set by the connection.
pub(crate) async fn migrate_tenant(
    conn: &mut PgConnection,
    own: &Migrator,
) -> Result<(), sqlx::Error> {
    migrate(conn, TENANT_TABLES, own).await
}

async fn migrate(
    conn: &mut PgConnection,
    crates: &[&'static str],
    own: &Migrator,
) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(&mut *conn)
        .await?;
    let done = migrate_locked(conn, crates, own).await;
    sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(LOCK)
        .execute(&mut *conn)
        .await?;
    done
}

async fn migrate_locked(
    conn: &mut PgConnection,
    crates: &[&'static str],
    own: &Migrator,
) -> Result<(), sqlx::Error> {
    let mut tx = conn.begin().await?;
    for statements in crates {
        sqlx::raw_sql(*statements).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    // `run` does the same, but its future is not `Send`.
    own.run_direct(None, conn, false)
        .await
        .map_err(|error| sqlx::Error::Configuration(error.into()))
}
