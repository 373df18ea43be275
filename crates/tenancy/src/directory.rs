//! A service's copy of the tenants: a table fed by events, a short cache in front, the tenant service behind.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use sqlx::{FromRow, PgConnection, PgPool, postgres::PgRow};
use tokio::sync::Semaphore;

use crate::{
    ClusterName, SourceError, Tenant, TenantCode, TenantFacts, TenantId, TenantSource,
    sql::parsed_column,
};

/// The directory's table, for the platform database. Can be run again and again.
pub const SCHEMA: &str = include_str!("directory.sql");

const BY_ID: &str = "SELECT * FROM tenant_directory WHERE id = $1";
const BY_CODE: &str =
    "SELECT * FROM tenant_directory WHERE code = $1 ORDER BY status = 'DELETED', id DESC LIMIT 1";
const ACTIVE: &str = "SELECT * FROM tenant_directory \
     WHERE status = 'ACTIVE' AND id > $1 ORDER BY id LIMIT $2";
const APPLY: &str = "INSERT INTO tenant_directory \
     (id, code, name, region, cluster, package, billing_email, status, version) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
     ON CONFLICT (id) DO UPDATE SET code = excluded.code, name = excluded.name, region = excluded.region, \
     cluster = excluded.cluster, package = excluded.package, billing_email = excluded.billing_email, \
     status = excluded.status, version = excluded.version, updated_at = now() \
     WHERE tenant_directory.version < excluded.version";

/// Why the directory cannot say.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DirectoryError {
    /// The tenant is not in the table and the tenant service cannot be asked: try again.
    #[error(transparent)]
    Unreachable(#[from] SourceError),
    /// The platform database failed.
    #[error("the tenant directory cannot be read: {0}")]
    Store(Arc<sqlx::Error>),
}

impl From<sqlx::Error> for DirectoryError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(Arc::new(error))
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Id(TenantId),
    Code(TenantCode),
}

/// What the cache remembers, for as long as [`Directory::FRESH`].
#[derive(Clone)]
enum PublishedEvent {
    Known(Arc<Tenant>),
    Unknown,
    Unreachable(SourceError),
}

/// Finds tenants by code or id.
///
/// Answers are kept in memory for half a second, so that a suspension, once its event is in the table, bites on every
/// replica within that time; simultaneous questions about one tenant make one query. What is unknown is remembered as
/// well, all of it bounded, and at most a few questions to the tenant service run at once: a flood of made-up codes
/// costs a flood of small queries and nothing else.
#[derive(Clone)]
pub struct Directory {
    pool: PgPool,
    source: Arc<dyn TenantSource>,
    seen: Cache<Key, PublishedEvent>,
    asking: Arc<Semaphore>,
}

impl Directory {
    /// How old an answer may be.
    pub const FRESH: Duration = Duration::from_millis(500);
    /// How many answers are kept.
    pub const CAPACITY: u64 = 10_000;
    /// How many questions to the tenant service run at once; others wait their turn, up to [`Self::PATIENCE`].
    const QUESTIONS: usize = 16;
    const PATIENCE: Duration = Duration::from_secs(1);

    /// The directory in this platform database, asking `source` for what its table has not seen.
    pub fn new(pool: PgPool, source: Arc<dyn TenantSource>) -> Self {
        Self {
            pool,
            source,
            seen: Cache::builder()
                .name("tenant-directory")
                .max_capacity(Self::CAPACITY)
                .time_to_live(Self::FRESH)
                .build(),
            asking: Arc::new(Semaphore::new(Self::QUESTIONS)),
        }
    }

    /// The tenant of this code. Deleted ones are found too, with their status.
    pub async fn by_code(&self, code: &TenantCode) -> Result<Option<Arc<Tenant>>, DirectoryError> {
        self.find(Key::Code(code.clone())).await
    }

    /// The tenant of this id. Deleted ones are found too, with their status.
    pub async fn by_id(&self, id: TenantId) -> Result<Option<Arc<Tenant>>, DirectoryError> {
        self.find(Key::Id(id)).await
    }

    /// The tenant of this id (in its canonical spelling) or code. What can be neither is unknown without a query.
    pub async fn by_reference(
        &self,
        reference: &str,
    ) -> Result<Option<Arc<Tenant>>, DirectoryError> {
        if let Ok(code) = reference.parse::<TenantCode>() {
            return self.by_code(&code).await;
        }
        match reference.parse::<TenantId>() {
            Ok(id) if id.to_string() == reference => self.by_id(id).await,
            _ => Ok(None),
        }
    }

    /// Up to `limit` active tenants with ids after `after`, in order of id: the next page begins after the last one's.
    pub async fn active(
        &self,
        after: Option<TenantId>,
        limit: u32,
    ) -> Result<Vec<Arc<Tenant>>, DirectoryError> {
        let after = after.unwrap_or(TenantId(uuid::Uuid::nil()));
        let rows: Vec<Row> = sqlx::query_as(ACTIVE)
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.into_iter().map(|row| Arc::new(row.0)).collect())
    }

    /// Takes over what an event says, unless something as new is stored; says whether it was news. Runs in the
    /// caller's transaction; after its commit, [`Directory::forget`] makes this replica see it at once.
    pub async fn apply(conn: &mut PgConnection, facts: &TenantFacts) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(APPLY)
            .bind(facts.tenant_id)
            .bind(facts.code.as_str())
            .bind(&facts.name)
            .bind(facts.region.as_str())
            .bind(facts.cluster.as_ref().map(ClusterName::as_str))
            .bind(facts.package.as_str())
            .bind(&facts.billing_email)
            .bind(facts.status.as_str())
            .bind(facts.version)
            .execute(conn)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Forgets the answers about this tenant that are in memory.
    pub async fn forget(&self, id: TenantId, code: &TenantCode) {
        self.seen.invalidate(&Key::Id(id)).await;
        self.seen.invalidate(&Key::Code(code.clone())).await;
    }

    /// How many answers are in memory, for tests and metrics.
    pub async fn remembered(&self) -> u64 {
        self.seen.run_pending_tasks().await;
        self.seen.entry_count()
    }

    async fn find(&self, key: Key) -> Result<Option<Arc<Tenant>>, DirectoryError> {
        let seen = self
            .seen
            .try_get_with_by_ref(&key, self.look_up(&key))
            .await
            .map_err(|error: Arc<DirectoryError>| DirectoryError::clone(&error))?;
        match seen {
            PublishedEvent::Known(tenant) => Ok(Some(tenant)),
            PublishedEvent::Unknown => Ok(None),
            PublishedEvent::Unreachable(error) => Err(error.into()),
        }
    }

    async fn look_up(&self, key: &Key) -> Result<PublishedEvent, DirectoryError> {
        if let Some(tenant) = self.stored(key).await? {
            return Ok(PublishedEvent::Known(tenant));
        }
        let facts = match self.ask(key).await {
            Ok(Some(facts)) => facts,
            Ok(None) => return Ok(PublishedEvent::Unknown),
            Err(error) => {
                tracing::warn!(%error, "a tenant that is not in the directory cannot be looked up");
                return Ok(PublishedEvent::Unreachable(error));
            }
        };
        let mut conn = self.pool.acquire().await?;
        Self::apply(&mut conn, &facts).await?;
        drop(conn);
        // Read again: the table may meanwhile know something newer than the answer.
        Ok(self.stored(key).await?.map_or(PublishedEvent::Unknown, PublishedEvent::Known))
    }

    async fn stored(&self, key: &Key) -> Result<Option<Arc<Tenant>>, sqlx::Error> {
        let query = match key {
            Key::Id(id) => sqlx::query_as(BY_ID).bind(*id),
            Key::Code(code) => sqlx::query_as(BY_CODE).bind(code.as_str().to_owned()),
        };
        let row: Option<Row> = query.fetch_optional(&self.pool).await?;
        Ok(row.map(|row| Arc::new(row.0)))
    }

    async fn ask(&self, key: &Key) -> Result<Option<TenantFacts>, SourceError> {
        let turn = tokio::time::timeout(Self::PATIENCE, self.asking.acquire());
        let Ok(Ok(_turn)) = turn.await else {
            return Err(SourceError::new("too many questions are waiting"));
        };
        match key {
            Key::Id(id) => self.source.fetch(&id.to_string()).await,
            Key::Code(code) => self.source.fetch(code.as_str()).await,
        }
    }
}

struct Row(Tenant);

impl<'r> FromRow<'r, PgRow> for Row {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        use sqlx::Row as _;
        let cluster: Option<String> = row.try_get("cluster")?;
        Ok(Self(Tenant {
            id: row.try_get("id")?,
            code: parsed_column(row, "code")?,
            name: row.try_get("name")?,
            region: parsed_column(row, "region")?,
            cluster: cluster
                .map(|cluster| cluster.parse())
                .transpose()
                .map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            package: parsed_column(row, "package")?,
            status: parsed_column(row, "status")?,
            version: row.try_get("version")?,
        }))
    }
}
