//! E-mails and their delivery state.

use std::{fmt, time::Duration};

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult,
    QueryFilter, Statement, sea_query::Expr,
};
use service::StoreError;
use time::OffsetDateTime;
use uuid::Uuid;

use super::entities::email::{ActiveModel, Column, Entity, Model};
use crate::domain::{
    EmailId, EmailReferences, EmailState, EmailTemplate, RenderedEmail, TenantSummary,
};

// A leased e-mail becomes due again when its lease expires because its replica died.
const LEASE: &str =
    "UPDATE email SET attempts = attempts + 1, next_attempt_at = now() + interval '2 minutes'
     WHERE id IN (
         SELECT id FROM email WHERE state = 'REQUESTED' AND next_attempt_at <= now()
         ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED
     ) RETURNING *";
// Only by the holder of the latest lease: the holder of an expired lease must not postpone it.
const POSTPONE: &str = "UPDATE email SET next_attempt_at = now() + make_interval(secs => $3), failure = $4, updated_at = now()
     WHERE id = $1 AND attempts = $2 AND state = 'REQUESTED'";

/// An e-mail to be stored.
pub struct NewEmail<'a> {
    /// Its id.
    pub id: EmailId,
    /// The template it is rendered from.
    pub template: EmailTemplate,
    /// The recipient's address.
    pub recipient: &'a str,
    /// Subject and body.
    pub rendered: &'a RenderedEmail,
    /// The user and the tenant it concerns.
    pub references: &'a EmailReferences,
    /// The correlation id of the request that caused it.
    pub correlation_id: Uuid,
    /// The event that caused it.
    pub causation_id: Option<Uuid>,
    /// The current time.
    pub now: OffsetDateTime,
}

/// An e-mail that is due, leased by this process for two minutes.
#[derive(Clone)]
pub struct DueEmail {
    /// Its id.
    pub id: EmailId,
    /// The name of its template.
    pub template: String,
    /// The recipient's address.
    pub recipient: String,
    /// Its subject.
    pub subject: String,
    /// Its body.
    pub body: String,
    /// The user and the tenant it concerns.
    pub references: EmailReferences,
    /// The number of this attempt, from 1.
    pub attempts: i32,
    /// The correlation id of the request that caused it.
    pub correlation_id: Uuid,
    /// The event that caused it.
    pub causation_id: Option<Uuid>,
    /// When it was requested.
    pub created_at: OffsetDateTime,
}

/// Without recipient and text, which are personal data and may hold a secret link.
impl fmt::Debug for DueEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DueEmail")
            .field("id", &self.id)
            .field("template", &self.template)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

impl From<Model> for DueEmail {
    fn from(row: Model) -> Self {
        let tenant = row.tenant_id.zip(row.tenant_code);
        Self {
            id: row.id,
            template: row.template,
            recipient: row.recipient,
            subject: row.subject,
            body: row.body,
            references: EmailReferences {
                user: row.user_id,
                tenant: tenant.map(|(id, code)| TenantSummary {
                    id,
                    code,
                    region: row.region,
                }),
            },
            attempts: row.attempts,
            correlation_id: row.correlation_id,
            causation_id: row.causation_id,
            created_at: row.created_at,
        }
    }
}

/// Stores an e-mail to be sent at once.
pub async fn insert(db: &impl ConnectionTrait, email: &NewEmail<'_>) -> Result<(), StoreError> {
    let tenant = email.references.tenant.as_ref();
    let row = ActiveModel {
        id: Set(email.id),
        template: Set(email.template.to_string()),
        recipient: Set(email.recipient.to_owned()),
        subject: Set(email.rendered.subject.clone()),
        body: Set(email.rendered.body.clone()),
        user_id: Set(email.references.user),
        tenant_id: Set(tenant.map(|tenant| tenant.id)),
        tenant_code: Set(tenant.map(|tenant| tenant.code.clone())),
        region: Set(tenant.and_then(|tenant| tenant.region.clone())),
        state: Set(EmailState::Requested.to_string()),
        next_attempt_at: Set(email.now),
        correlation_id: Set(email.correlation_id),
        causation_id: Set(email.causation_id),
        created_at: Set(email.now),
        updated_at: Set(email.now),
        ..ActiveModel::default()
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Up to `limit` e-mails that are due, leased to the caller for two minutes.
pub async fn lease(db: &impl ConnectionTrait, limit: u32) -> Result<Vec<DueEmail>, StoreError> {
    let statement =
        Statement::from_sql_and_values(DbBackend::Postgres, LEASE, [i64::from(limit).into()]);
    let rows = Model::find_by_statement(statement).all(db).await?;
    Ok(rows.into_iter().map(DueEmail::from).collect())
}

/// Moves an e-mail to a final state and empties its body. `false`: it was in a final state before.
pub async fn finish(
    db: &impl ConnectionTrait,
    id: EmailId,
    state: EmailState,
    failure: Option<&str>,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let updated = Entity::update_many()
        .col_expr(Column::State, Expr::value(state.to_string()))
        .col_expr(Column::Failure, Expr::value(failure.map(str::to_owned)))
        .col_expr(Column::Body, Expr::value(""))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(EmailState::Requested.to_string()))
        .exec(db)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Postpones the next attempt of an e-mail by `backoff` from now.
pub async fn postpone(
    db: &impl ConnectionTrait,
    email: &DueEmail,
    backoff: Duration,
    failure: &str,
) -> Result<(), StoreError> {
    let values = [
        email.id.into(),
        email.attempts.into(),
        backoff.as_secs_f64().into(),
        failure.into(),
    ];
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, POSTPONE, values);
    db.execute_raw(statement).await?;
    Ok(())
}
