//! E-mails and where they are in their life.

use std::time::Duration;

use auth::UserId;
use service::StoreError;
use sqlx::{FromRow, PgConnection, PgPool};
use tenancy::TenantId;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{About, AboutTenant, EmailId, EmailState, Rendered, Template};

const INSERT: &str = "INSERT INTO email (id, template, recipient, subject, body, user_id, tenant_id, tenant_code, region,
         state, next_attempt_at, correlation_id, causation_id, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $11, $11)";
// A claimed e-mail comes back by itself if who claimed it dies.
const CLAIM: &str = "UPDATE email SET attempts = attempts + 1, next_attempt_at = now() + interval '2 minutes'
     WHERE id IN (
         SELECT id FROM email WHERE state = 'REQUESTED' AND next_attempt_at <= now()
         ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED
     ) RETURNING id, template, recipient, subject, body, user_id, tenant_id, tenant_code, region, attempts,
         correlation_id, causation_id, created_at";
const END: &str = "UPDATE email SET state = $2, failure = $3, body = '', updated_at = $4
     WHERE id = $1 AND state = 'REQUESTED'";
// Only by who holds the latest claim: an earlier one that was too slow decides nothing any more.
const RETRY: &str = "UPDATE email SET next_attempt_at = now() + make_interval(secs => $3), failure = $4, updated_at = now()
     WHERE id = $1 AND attempts = $2 AND state = 'REQUESTED'";

/// An e-mail to be written down.
pub struct NewEmail<'a> {
    /// Its id.
    pub id: EmailId,
    /// What it is made from.
    pub template: Template,
    /// Where it goes.
    pub recipient: &'a str,
    /// What it says.
    pub text: &'a Rendered,
    /// Whom and what it is about.
    pub about: &'a About,
    /// Shared by everything that follows from one request.
    pub correlation_id: Uuid,
    /// The event that asks for it.
    pub causation_id: Option<Uuid>,
    /// Now.
    pub now: OffsetDateTime,
}

/// An e-mail that is due, claimed by this process for two minutes.
#[derive(Clone, FromRow)]
pub struct Due {
    /// Its id.
    pub id: EmailId,
    /// Name of its template.
    pub template: String,
    /// Where it goes.
    pub recipient: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub body: String,
    user_id: Option<Uuid>,
    tenant_id: Option<TenantId>,
    tenant_code: Option<String>,
    region: Option<String>,
    /// Which attempt this is, from 1.
    pub attempts: i32,
    /// Shared by everything that follows from one request.
    pub correlation_id: Uuid,
    /// The event that asked for it.
    pub causation_id: Option<Uuid>,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
}

impl Due {
    /// Whom and what it is about.
    #[must_use]
    pub fn about(&self) -> About {
        let tenant = self.tenant_id.zip(self.tenant_code.clone());
        let region = self.region.clone();
        About {
            user: self.user_id.map(UserId::from),
            tenant: tenant.map(|(id, code)| AboutTenant { id, code, region }),
        }
    }
}

/// Writes an e-mail down, to be sent at once.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn insert(conn: &mut PgConnection, email: &NewEmail<'_>) -> Result<(), StoreError> {
    let tenant = email.about.tenant.as_ref();
    sqlx::query(INSERT)
        .bind(email.id)
        .bind(email.template.as_str())
        .bind(email.recipient)
        .bind(&email.text.subject)
        .bind(&email.text.body)
        .bind(email.about.user.map(UserId::as_uuid))
        .bind(tenant.map(|tenant| tenant.id))
        .bind(tenant.map(|tenant| &tenant.code))
        .bind(tenant.and_then(|tenant| tenant.region.as_ref()))
        .bind(EmailState::Requested.as_str())
        .bind(email.now)
        .bind(email.correlation_id)
        .bind(email.causation_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Up to `limit` e-mails that are due, for this process alone for two minutes.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn claim(pool: &PgPool, limit: i64) -> Result<Vec<Due>, StoreError> {
    Ok(sqlx::query_as(CLAIM).bind(limit).fetch_all(pool).await?)
}

/// Ends an e-mail and empties its text. `false`: it had ended before.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn end(
    conn: &mut PgConnection,
    id: EmailId,
    state: EmailState,
    failure: Option<&str>,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let done = sqlx::query(END)
        .bind(id)
        .bind(state.as_str())
        .bind(failure)
        .bind(now)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts an e-mail off until `pause` from now.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn retry(
    pool: &PgPool,
    due: &Due,
    pause: Duration,
    failure: &str,
) -> Result<(), StoreError> {
    sqlx::query(RETRY)
        .bind(due.id)
        .bind(due.attempts)
        .bind(pause.as_secs_f64())
        .bind(failure)
        .execute(pool)
        .await?;
    Ok(())
}
