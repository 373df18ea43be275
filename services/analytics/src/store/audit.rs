//! Who did what; in the platform database.

use service::StoreError;
use sqlx::PgConnection;

use crate::domain::Act;

const INSERT: &str = "INSERT INTO audit_entry
     (event_id, actor_id, action, resource, resource_id, tenant_id, correlation_id, at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";

/// Whether an act was new to the trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// It is in the trail now.
    Now,
    /// It was there already.
    Before,
}

/// Enters an act, once.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn enter(conn: &mut PgConnection, act: &Act) -> Result<Entered, StoreError> {
    let done = sqlx::query(INSERT)
        .bind(act.event)
        .bind(act.actor.id().as_uuid())
        .bind(&act.action)
        .bind(&act.resource)
        .bind(&act.resource_id)
        .bind(act.tenant.as_ref().map(|tenant| tenant.id))
        .bind(act.correlation_id)
        .bind(act.at)
        .execute(conn)
        .await?;
    Ok(if done.rows_affected() == 1 {
        Entered::Now
    } else {
        Entered::Before
    })
}
