//! What each audience is told, in the order in which it becomes visible.

use std::collections::HashMap;

use auth::UserId;
use service::{Page, StoreError};
use sqlx::{FromRow, PgConnection, PgPool, types::Json};
use time::OffsetDateTime;

use crate::domain::{Audience, Audiences, Cursor, Message, Notice, NoticeId};

// Held until the transaction ends, so that cursors of one audience become visible in their order. Whoever writes to
// several audiences goes through them in the order user, tenant, platform: then no two can wait for each other.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('feed ' || $1, 0))";
// A statement of its own, after the lock: it sees what the holder before has committed.
const APPEND: &str = "INSERT INTO feed (audience, cursor, id, type, tenant_code, data, time)
     SELECT $1, COALESCE(max(cursor), 0) + 1, $2, $3, $4, $5, $6 FROM feed WHERE audience = $1
     RETURNING cursor";
const ENDS: &str = "SELECT wanted.audience, COALESCE((SELECT max(cursor) FROM feed WHERE audience = wanted.audience), 0)
     FROM unnest($1::text[]) AS wanted (audience)";
// One index scan for each audience, however many there are and however long their past is.
const AFTER: &str =
    "SELECT found.audience, found.cursor, found.type, found.tenant_code, found.data, found.time
     FROM unnest($1::text[], $2::bigint[]) AS wanted (audience, place)
     CROSS JOIN LATERAL (
         SELECT audience, cursor, type, tenant_code, data, time FROM feed
         WHERE feed.audience = wanted.audience AND feed.cursor > wanted.place
         ORDER BY feed.cursor LIMIT $3
     ) AS found
     ORDER BY found.audience, found.cursor";
const PAGE: &str = "SELECT id, type, tenant_code, data, time, read_at FROM feed
     WHERE audience = $1 ORDER BY cursor DESC LIMIT $2 OFFSET $3";
const COUNT: &str = "SELECT count(*) FROM feed WHERE audience = $1";
// Read once is read: the first time stays.
const READ: &str = "UPDATE feed SET read_at = COALESCE(read_at, $3) WHERE audience = $1 AND id = $2
     RETURNING id, type, tenant_code, data, time, read_at";

/// A message at its place.
#[derive(Clone, Debug)]
pub struct Posted {
    /// Who may see it.
    pub audience: Audience,
    /// Its place there.
    pub place: i64,
    /// What they see.
    pub message: Message,
}

#[derive(FromRow)]
struct PostedRow {
    audience: String,
    cursor: i64,
    #[sqlx(rename = "type")]
    kind: String,
    tenant_code: Option<String>,
    data: Json<serde_json::Value>,
    time: OffsetDateTime,
}

impl TryFrom<PostedRow> for Posted {
    type Error = StoreError;

    fn try_from(row: PostedRow) -> Result<Self, StoreError> {
        let audience = row
            .audience
            .parse()
            .map_err(|error| StoreError::corrupt("audience", error))?;
        let Json(data) = row.data;
        let message = Message {
            kind: row.kind,
            tenant_code: row.tenant_code,
            data,
            time: row.time,
        };
        Ok(Self {
            audience,
            place: row.cursor,
            message,
        })
    }
}

/// A user's notice.
#[derive(Clone, Debug, FromRow)]
pub struct OwnNotice {
    /// Its id.
    pub id: NoticeId,
    /// Type of the event it tells of.
    #[sqlx(rename = "type")]
    pub kind: String,
    /// Code of the tenant it is about.
    pub tenant_code: Option<String>,
    /// What it says.
    pub data: Json<serde_json::Value>,
    /// When that happened.
    pub time: OffsetDateTime,
    /// When its user read it.
    pub read_at: Option<OffsetDateTime>,
}

/// Tells an audience something; answers the place. The audience is locked until the transaction ends.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn append(
    conn: &mut PgConnection,
    audience: Audience,
    id: NoticeId,
    notice: &Notice,
) -> Result<i64, StoreError> {
    let audience = audience.to_string();
    sqlx::query(LOCK)
        .bind(&audience)
        .execute(&mut *conn)
        .await?;
    Ok(sqlx::query_scalar(APPEND)
        .bind(&audience)
        .bind(id)
        .bind(notice.kind)
        .bind(&notice.tenant.code)
        .bind(Json(notice.payload(id)))
        .bind(notice.time)
        .fetch_one(conn)
        .await?)
}

/// Where the audiences end now.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn ends(pool: &PgPool, audiences: &Audiences) -> Result<Cursor, StoreError> {
    let names: Vec<String> = audiences
        .iter()
        .map(|audience| audience.to_string())
        .collect();
    let found: Vec<(String, i64)> = sqlx::query_as(ENDS).bind(&names).fetch_all(pool).await?;
    let found: HashMap<String, i64> = found.into_iter().collect();
    let end = |audience: Audience| found.get(&audience.to_string()).copied().unwrap_or(0);
    Ok(Cursor {
        own: end(audiences.own),
        shared: audiences.shared.map_or(0, end),
    })
}

/// What comes after these places: at most `limit` messages of each audience, each audience in order.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn after(
    pool: &PgPool,
    places: &[(Audience, i64)],
    limit: i64,
) -> Result<Vec<Posted>, StoreError> {
    let (names, places): (Vec<String>, Vec<i64>) = places
        .iter()
        .map(|(audience, place)| (audience.to_string(), *place))
        .unzip();
    let rows: Vec<PostedRow> = sqlx::query_as(AFTER)
        .bind(names)
        .bind(places)
        .bind(limit)
        .fetch_all(pool)
        .await?;
    rows.into_iter().map(Posted::try_from).collect()
}

/// One page of a user's own notices, newest first, and how many there are in all.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn page(
    conn: &mut PgConnection,
    user: UserId,
    page: Page,
) -> Result<(Vec<OwnNotice>, i64), StoreError> {
    let audience = Audience::User(user).to_string();
    let total = sqlx::query_scalar(COUNT)
        .bind(&audience)
        .fetch_one(&mut *conn)
        .await?;
    let rows = sqlx::query_as(PAGE)
        .bind(&audience)
        .bind(page.limit())
        .bind(page.offset())
        .fetch_all(conn)
        .await?;
    Ok((rows, total))
}

/// A user's own notice, read. Another's is not found.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn mark_read(
    conn: &mut PgConnection,
    user: UserId,
    id: NoticeId,
    now: OffsetDateTime,
) -> Result<Option<OwnNotice>, StoreError> {
    let audience = Audience::User(user).to_string();
    Ok(sqlx::query_as(READ)
        .bind(audience)
        .bind(id)
        .bind(now)
        .fetch_optional(conn)
        .await?)
}
