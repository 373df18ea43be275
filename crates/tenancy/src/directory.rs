//! A service's copy of the tenants: a table maintained from events, a short-lived cache before it, the tenant service
//! behind it.

mod entity;

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use tokio::sync::Semaphore;

use self::entity::{ActiveModel, COLUMN, Column, Entity, Model};
use crate::{
    SourceError, Tenant, TenantCode, TenantId, TenantSnapshot, TenantSource, TenantStatus,
};

/// Creates the directory's table in the platform database. Idempotent.
pub const SCHEMA: &str = include_str!("directory/schema.sql");

/// A failed lookup in the [`Directory`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum DirectoryError {
    /// The tenant is not in the table and the tenant service cannot be reached: try again.
    #[error(transparent)]
    Unreachable(#[from] SourceError),
    /// The platform database failed, or holds a value that cannot be read.
    #[error("the tenant directory cannot be read: {0}")]
    Store(Arc<DbErr>),
}

impl From<DbErr> for DirectoryError {
    fn from(error: DbErr) -> Self {
        Self::Store(Arc::new(error))
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Id(TenantId),
    Code(TenantCode),
}

/// A cached lookup.
#[derive(Clone)]
enum Lookup {
    Found(Arc<Tenant>),
    NotFound,
    Unreachable(SourceError),
}

/// Finds tenants by code or id.
///
/// Lookups are cached for [`Directory::CACHE_TTL`], so a suspension takes effect on every replica within that time after
/// its event is stored; concurrent lookups of one tenant share one query. Unknown tenants are cached as well, the cache is
/// bounded, and at most 16 requests to the tenant service run at once: a flood of made-up codes costs small queries only.
#[derive(Clone)]
pub struct Directory {
    db: DatabaseConnection,
    source: Arc<dyn TenantSource>,
    cache: Cache<Key, Lookup>,
    source_requests: Arc<Semaphore>,
}

impl Directory {
    /// How long a lookup is cached.
    pub const CACHE_TTL: Duration = Duration::from_millis(500);
    /// How many lookups are cached.
    pub const CACHE_CAPACITY: u64 = 10_000;
    /// How many requests to the tenant service run at once; others wait for up to [`Self::SOURCE_WAIT`].
    const SOURCE_CONCURRENCY: usize = 16;
    const SOURCE_WAIT: Duration = Duration::from_secs(1);

    /// The directory in the platform database `db`, which asks `source` for tenants that its table does not hold.
    pub fn new(db: impl Into<DatabaseConnection>, source: Arc<dyn TenantSource>) -> Self {
        Self {
            db: db.into(),
            source,
            cache: Cache::builder()
                .name("tenant-directory")
                .max_capacity(Self::CACHE_CAPACITY)
                .time_to_live(Self::CACHE_TTL)
                .build(),
            source_requests: Arc::new(Semaphore::new(Self::SOURCE_CONCURRENCY)),
        }
    }

    /// The tenant with this code, deleted ones included.
    pub async fn by_code(&self, code: &TenantCode) -> Result<Option<Arc<Tenant>>, DirectoryError> {
        self.find(Key::Code(code.clone())).await
    }

    /// The tenant with this id, deleted ones included.
    pub async fn by_id(&self, id: TenantId) -> Result<Option<Arc<Tenant>>, DirectoryError> {
        self.find(Key::Id(id)).await
    }

    /// The tenant with this id (in its canonical spelling) or code. Text that is neither is unknown without a query.
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

    /// Up to `limit` active tenants with ids after `after`, ordered by id (keyset pagination).
    pub async fn active(
        &self,
        after: Option<TenantId>,
        limit: u32,
    ) -> Result<Vec<Arc<Tenant>>, DirectoryError> {
        let after = after.unwrap_or(TenantId(uuid::Uuid::nil()));
        // As a constant in the statement, so that the partial index serves it.
        let active = Expr::Constant(TenantStatus::Active.to_string().into());
        let rows = Entity::find()
            .filter(Expr::col(Column::Status).eq(active))
            .filter(Column::Id.gt(after))
            .order_by_asc(Column::Id)
            .limit(u64::from(limit))
            .all(&self.db)
            .await?;
        let tenants: Result<_, DbErr> = rows.into_iter().map(tenant).collect();
        Ok(tenants?)
    }

    /// Stores the tenant of an event, unless the stored one is as new; returns whether it was stored.
    ///
    /// Runs in the caller's transaction. After its commit, [`Directory::invalidate`] makes this replica see the change at
    /// once.
    pub async fn apply(
        db: &impl ConnectionTrait,
        snapshot: &TenantSnapshot,
    ) -> Result<bool, DbErr> {
        let newer = OnConflict::column(Column::Id)
            .update_columns([
                Column::Code,
                Column::Name,
                Column::Region,
                Column::Cluster,
                Column::Package,
                Column::BillingEmail,
                Column::Status,
                Column::Version,
            ])
            .value(Column::UpdatedAt, Expr::current_timestamp())
            .action_and_where(
                Expr::col((Entity, Column::Version)).lt(Expr::col(("excluded", Column::Version))),
            )
            .to_owned();
        let stored = Entity::insert(ActiveModel::from(snapshot))
            .on_conflict(newer)
            .exec_without_returning(db)
            .await?;
        Ok(stored == 1)
    }

    /// Removes this tenant's cached lookups.
    pub async fn invalidate(&self, id: TenantId, code: &TenantCode) {
        self.cache.invalidate(&Key::Id(id)).await;
        self.cache.invalidate(&Key::Code(code.clone())).await;
    }

    /// The number of cached lookups.
    pub async fn cached_lookups(&self) -> u64 {
        self.cache.run_pending_tasks().await;
        self.cache.entry_count()
    }

    async fn find(&self, key: Key) -> Result<Option<Arc<Tenant>>, DirectoryError> {
        let lookup = self
            .cache
            .try_get_with_by_ref(&key, self.look_up(&key))
            .await
            .map_err(|error: Arc<DirectoryError>| DirectoryError::clone(&error))?;
        match lookup {
            Lookup::Found(tenant) => Ok(Some(tenant)),
            Lookup::NotFound => Ok(None),
            Lookup::Unreachable(error) => Err(error.into()),
        }
    }

    async fn look_up(&self, key: &Key) -> Result<Lookup, DirectoryError> {
        if let Some(tenant) = self.stored(key).await? {
            return Ok(Lookup::Found(tenant));
        }
        let snapshot = match self.fetch(key).await {
            Ok(Some(snapshot)) => snapshot,
            Ok(None) => return Ok(Lookup::NotFound),
            Err(error) => {
                tracing::warn!(%error, "a tenant that is not in the directory cannot be looked up");
                return Ok(Lookup::Unreachable(error));
            }
        };
        Self::apply(&self.db, &snapshot).await?;
        // Read again: an event may have stored a newer version meanwhile.
        let stored = self.stored(key).await?;
        Ok(stored.map_or(Lookup::NotFound, Lookup::Found))
    }

    async fn stored(&self, key: &Key) -> Result<Option<Arc<Tenant>>, DbErr> {
        let query = match key {
            Key::Id(id) => Entity::find_by_id(*id),
            // Of several tenants that had the code, one that is not deleted, and then the newest.
            Key::Code(code) => Entity::find()
                .filter(COLUMN.code.eq(code.as_str()))
                .order_by_asc(COLUMN.status.eq(TenantStatus::Deleted.to_string()))
                .order_by_desc(Column::Id),
        };
        query.one(&self.db).await?.map(tenant).transpose()
    }

    async fn fetch(&self, key: &Key) -> Result<Option<TenantSnapshot>, SourceError> {
        let permit = tokio::time::timeout(Self::SOURCE_WAIT, self.source_requests.acquire());
        let Ok(Ok(_permit)) = permit.await else {
            return Err(SourceError::new("too many requests are waiting"));
        };
        match key {
            Key::Id(id) => self.source.fetch(&id.to_string()).await,
            Key::Code(code) => self.source.fetch(code.as_str()).await,
        }
    }
}

fn tenant(row: Model) -> Result<Arc<Tenant>, DbErr> {
    row.try_into().map(Arc::new)
}
