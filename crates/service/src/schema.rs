//! Bringing a service's own tables up to date when it starts.

use sqlx::{Connection, PgConnection, migrate::Migrator};

/// What each schema of a service has besides its own tables.
const EVERYWHERE: [&str; 2] = [outbox::SCHEMA, crate::scope::IDEMPOTENCY_SCHEMA];
const ON_THE_PLATFORM: [&str; 2] = [outbox::MARKS_SCHEMA, tenancy::SCHEMA];

/// Two replicas that start at once take turns. Any constant does; this one spells `tenantry`.
const LOCK: i64 = 0x7465_6e61_6e74_7279;

/// Prepares the platform database.
pub(crate) async fn migrate_platform(
    conn: &mut PgConnection,
    own: &Migrator,
) -> Result<(), sqlx::Error> {
    locked(conn, EVERYWHERE.iter().chain(&ON_THE_PLATFORM), own).await
}

/// Prepares the service's schema in a tenant database or in the template; `search_path` is set already.
pub(crate) async fn migrate_tenant(
    conn: &mut PgConnection,
    own: &Migrator,
) -> Result<(), sqlx::Error> {
    locked(conn, EVERYWHERE.iter(), own).await
}

async fn locked<'a>(
    conn: &mut PgConnection,
    crates: impl Iterator<Item = &'a &'static str>,
    own: &Migrator,
) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(&mut *conn)
        .await?;
    let done = async {
        let mut tx = conn.begin().await?;
        for statements in crates {
            sqlx::raw_sql(*statements).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        own.run(&mut *conn)
            .await
            .map_err(|error| sqlx::Error::Configuration(error.into()))
    }
    .await;
    sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(LOCK)
        .execute(&mut *conn)
        .await?;
    done
}
