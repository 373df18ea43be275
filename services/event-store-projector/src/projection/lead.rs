//! Which replica projects: the one that holds a lock of the database's.

use sqlx::{Connection, PgConnection, PgPool};

/// Spells `projects`.
const LOCK: i64 = 0x7072_6f6a_6563_7473;

/// The lead, and the connection it lasts as long as: what is written through it is written by the leader.
pub(super) struct Lead(PgConnection);

impl Lead {
    /// Takes the lead unless another replica has it.
    pub(super) async fn try_take(pool: &PgPool) -> Result<Option<Self>, sqlx::Error> {
        let mut conn = pool.acquire().await?;
        let taken = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut *conn)
            .await?;
        // Out of the pool: a connection that went back with the lock would lead for ever.
        Ok(if taken {
            Some(Self(conn.detach()))
        } else {
            None
        })
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    /// Lets another replica lead.
    pub(super) async fn give_up(self) {
        if let Err(error) = self.0.close().await {
            tracing::debug!(%error, "the leader's connection was gone already");
        }
    }
}
