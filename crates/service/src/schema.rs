//! Bringing a service's own tables up to date when it starts.

use sqlx::{Connection, PgConnection, migrate::Migrator};

/// What each schema of a service has besides its own tables.
const EVERYWHERE: &[&str] = &[outbox::SCHEMA, crate::scope::IDEMPOTENCY_SCHEMA];
const ON_THE_PLATFORM: &[&str] = &[
    outbox::SCHEMA,
    crate::scope::IDEMPOTENCY_SCHEMA,
    outbox::MARKS_SCHEMA,
    tenancy::SCHEMA,
];

/// Two replicas that start at once take turns. Any constant does; this one spells `tenantry`.
const LOCK: i64 = 0x7465_6e61_6e74_7279;

/// Prepares the platform database.
pub(crate) async fn migrate_platform(
    conn: &mut PgConnection,
    own: &Migrator,
) -> Result<(), sqlx::Error> {
    migrate(conn, ON_THE_PLATFORM, own).await
}

/// Prepares the service's schema in a tenant database or in the template; `search_path` is set already.
pub(crate) async fn migrate_tenant(
    conn: &mut PgConnection,
    own: &Migrator,
) -> Result<(), sqlx::Error> {
    migrate(conn, EVERYWHERE, own).await
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
    // `run` is the same, behind a bound that keeps the compiler from seeing that a start can be spawned.
    own.run_direct(None, conn, false)
        .await
        .map_err(|error| sqlx::Error::Configuration(error.into()))
}
