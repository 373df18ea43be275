//! The messages of each audience, in the order in which they become visible.

use std::collections::HashMap;

use auth::UserId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Statement,
};
use serde_json::Value;
use service::{Page, StoreError};
use time::OffsetDateTime;

use super::entities::feed::{Column, Entity, Model};
use crate::domain::{Audience, Audiences, Cursor, FeedMessage, Notification, NotificationId};

// Held until the transaction ends, so that cursors of one audience become visible in their order. A transaction that
// writes to several audiences locks them in the order user, tenant, platform, so that no two can deadlock.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('feed ' || $1, 0))";
// A separate statement after the lock: it sees what the previous holder has committed.
const APPEND: &str = "INSERT INTO feed (audience, cursor, id, type, tenant_code, data, time)
     SELECT $1, COALESCE(max(cursor), 0) + 1, $2, $3, $4, $5, $6 FROM feed WHERE audience = $1
     RETURNING cursor";
const ENDS: &str = "SELECT wanted.audience, COALESCE((SELECT max(cursor) FROM feed WHERE audience = wanted.audience), 0)
         AS cursor
     FROM unnest($1::text[]) AS wanted (audience)";
// One index scan per audience, however many there are and however long their history is.
const AFTER: &str = "SELECT found.*
     FROM unnest($1::text[], $2::bigint[]) AS wanted (audience, after)
     CROSS JOIN LATERAL (
         SELECT * FROM feed
         WHERE feed.audience = wanted.audience AND feed.cursor > wanted.after
         ORDER BY feed.cursor LIMIT $3
     ) AS found
     ORDER BY found.audience, found.cursor";
// The first time of reading stays.
const READ: &str =
    "UPDATE feed SET read_at = COALESCE(read_at, $3) WHERE audience = $1 AND id = $2 RETURNING *";

fn statement<const N: usize>(sql: &str, values: [sea_orm::Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

/// A message and its position in an audience's feed.
#[derive(Clone, Debug)]
pub struct FeedEntry {
    /// Who may see it.
    pub audience: Audience,
    /// Its position in the feed.
    pub position: i64,
    /// The message as clients see it.
    pub message: FeedMessage,
}

impl TryFrom<Model> for FeedEntry {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let audience = row
            .audience
            .parse()
            .map_err(|error| StoreError::corrupt("audience", error))?;
        let message = FeedMessage {
            kind: row.kind,
            tenant_code: row.tenant_code,
            data: row.data,
            time: row.time,
        };
        Ok(Self {
            audience,
            position: row.cursor,
            message,
        })
    }
}

/// A notification of one user.
#[derive(Clone, Debug)]
pub struct UserNotification {
    /// Its id.
    pub id: NotificationId,
    /// The type of the event that caused it.
    pub kind: String,
    /// The code of the tenant it concerns.
    pub tenant_code: Option<String>,
    /// Its content.
    pub data: Value,
    /// The time of the event.
    pub time: OffsetDateTime,
    /// When the user read it.
    pub read_at: Option<OffsetDateTime>,
}

impl From<Model> for UserNotification {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            tenant_code: row.tenant_code,
            data: row.data,
            time: row.time,
            read_at: row.read_at,
        }
    }
}

/// Appends a notification to an audience's feed and returns its position. The audience is locked until the transaction ends.
pub async fn append(
    db: &impl ConnectionTrait,
    audience: Audience,
    id: NotificationId,
    notification: &Notification,
) -> Result<i64, StoreError> {
    let audience = audience.to_string();
    db.execute_raw(statement(LOCK, [audience.as_str().into()]))
        .await?;
    let values = [
        audience.into(),
        id.into(),
        notification.kind.into(),
        notification.tenant.code.as_str().into(),
        notification.payload(id).into(),
        notification.time.into(),
    ];
    let row = db.query_one_raw(statement(APPEND, values)).await?;
    let row = row.ok_or_else(|| StoreError::corrupt("feed", "an insert returned no row"))?;
    Ok(row.try_get("", "cursor")?)
}

/// The current ends of the audiences' feeds.
pub async fn ends(db: &impl ConnectionTrait, audiences: &Audiences) -> Result<Cursor, StoreError> {
    let names: Vec<String> = audiences
        .iter()
        .map(|audience| audience.to_string())
        .collect();
    let mut found: HashMap<String, i64> = HashMap::new();
    for row in db.query_all_raw(statement(ENDS, [names.into()])).await? {
        found.insert(row.try_get("", "audience")?, row.try_get("", "cursor")?);
    }
    let end = |audience: Audience| found.get(&audience.to_string()).copied().unwrap_or(0);
    Ok(Cursor {
        own: end(audiences.own),
        shared: audiences.shared.map_or(0, end),
    })
}

/// The messages after these positions: at most `limit` of each audience, each audience in order.
pub async fn after(
    db: &impl ConnectionTrait,
    positions: &[(Audience, i64)],
    limit: i64,
) -> Result<Vec<FeedEntry>, StoreError> {
    let (names, positions): (Vec<String>, Vec<i64>) = positions
        .iter()
        .map(|(audience, position)| (audience.to_string(), *position))
        .unzip();
    let values = [names.into(), positions.into(), limit.into()];
    let rows = Model::find_by_statement(statement(AFTER, values))
        .all(db)
        .await?;
    rows.into_iter().map(FeedEntry::try_from).collect()
}

/// One page of a user's own notifications, newest first, and how many there are in all.
pub async fn page(
    db: &impl ConnectionTrait,
    user: UserId,
    page: Page,
) -> Result<(Vec<UserNotification>, u64), StoreError> {
    let own = Entity::find().filter(Column::Audience.eq(Audience::User(user).to_string()));
    let total = own.clone().count(db).await?;
    let rows = own
        .order_by_desc(Column::Cursor)
        .limit(page.limit())
        .offset(page.offset())
        .all(db)
        .await?;
    Ok((
        rows.into_iter().map(UserNotification::from).collect(),
        total,
    ))
}

/// Marks a user's own notification as read and returns it. Another user's notification is not found.
pub async fn mark_read(
    db: &impl ConnectionTrait,
    user: UserId,
    id: NotificationId,
    now: OffsetDateTime,
) -> Result<Option<UserNotification>, StoreError> {
    let audience = Audience::User(user).to_string();
    let values = [audience.into(), id.into(), now.into()];
    let row = Model::find_by_statement(statement(READ, values))
        .one(db)
        .await?;
    Ok(row.map(UserNotification::from))
}
