//! The tenants' databases as one service sees them: a bounded cache of connection pools by `tenant:region`.

mod pool;
mod settings;

use std::{sync::Arc, time::Duration};

use moka::{
    future::{Cache, FutureExt as _},
    notification::RemovalCause,
    policy::EvictionPolicy,
};
use sqlx::{Postgres, Transaction, pool::PoolConnection};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::settings::{ClusterUrls, DatasourceSettings, database_name};
use self::{pool::TenantPool, settings::Clusters};
use crate::{ClusterName, Region, SettingsError, Tenant, TenantId, metrics};

/// Why a tenant's database cannot be used now.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DatasourceError {
    /// The database is out of reach. Said at once while it is known to be so, else after the acquire timeout.
    #[error("the tenant's database is out of reach: {cause}")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
        /// What happened, for the log; never shown to a client.
        cause: Arc<str>,
    },
    /// All of the tenant's connections are in use and none came free in time.
    #[error("all connections to the tenant's database are in use")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The tenant has no database yet.
    #[error("tenant {0} is not placed on a cluster yet")]
    NotPlaced(TenantId),
    /// The tenant is on a cluster this service has no address of.
    #[error("no address for cluster {0} in this service's settings")]
    UnknownCluster(ClusterName),
    /// The service is shutting down.
    #[error("the tenants' databases are closed: the service is shutting down")]
    Closed,
    /// The database answered, and refused.
    #[error("the tenant's database refused: {0}")]
    Refused(Arc<sqlx::Error>),
}

impl DatasourceError {
    /// When it makes sense to try again; `None` if only a change of settings or a deployment helps.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } | Self::Busy { retry_after } => {
                Some(*retry_after)
            }
            Self::NotPlaced(_) | Self::Closed => Some(Duration::from_secs(1)),
            Self::UnknownCluster(_) | Self::Refused(_) => None,
        }
    }
}

/// What a pool is kept under. The cluster is part of it: after a move the old pool is never used again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    tenant: TenantId,
    region: Region,
    cluster: ClusterName,
}

/// Opens, keeps and closes the connection pools of tenants. Cheap to clone; one per service.
///
/// Simultaneous first requests of a tenant open one pool. At most `max_pools` are kept, the least recently used one
/// goes first; pools also go when idle or old. A pool that goes while a request uses it is closed when that request
/// gives its connection back, and who comes too late for it is served by a new one without noticing.
#[derive(Clone)]
pub struct Datasources {
    pools: Cache<Key, TenantPool>,
    clusters: Arc<Clusters>,
    closing: TaskTracker,
    closed: CancellationToken,
}

impl Datasources {
    /// How often an acquire starts anew because its pool was closed under it.
    const ATTEMPTS: usize = 8;
    /// How often [`Datasources::sweep`] looks for idle pools.
    const SWEEP: Duration = Duration::from_secs(1);

    /// The tenants' databases seen by the service whose tables are in `schema`; connections are named
    /// `application_name` in `pg_stat_activity`. Opens nothing yet.
    ///
    /// # Errors
    /// A cluster's URL cannot be read.
    pub fn new(
        settings: &DatasourceSettings,
        schema: &str,
        application_name: &str,
    ) -> Result<Self, SettingsError> {
        let clusters = Arc::new(Clusters::new(settings, schema, application_name)?);
        let closing = TaskTracker::new();
        let closers = closing.clone();
        let pools = Cache::builder()
            .name("tenant-datasources")
            .max_capacity(settings.max_pools)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(settings.idle)
            .time_to_live(settings.ttl)
            .async_eviction_listener(move |_key, pool: TenantPool, cause| {
                let cause = match cause {
                    RemovalCause::Expired => "idle",
                    RemovalCause::Size => "size",
                    RemovalCause::Explicit | RemovalCause::Replaced => "asked",
                };
                metrics::EVICTIONS.with_label_values(&[cause]).inc();
                closers.spawn(async move { pool.close().await });
                std::future::ready(()).boxed()
            })
            .build();
        Ok(Self {
            pools,
            clusters,
            closing,
            closed: CancellationToken::new(),
        })
    }

    /// Begins a transaction in the tenant's database, on a connection that is known to work.
    ///
    /// # Errors
    /// See [`DatasourceError`]; never waits longer than the acquire timeout for one pool.
    pub async fn begin(
        &self,
        tenant: &Tenant,
    ) -> Result<Transaction<'static, Postgres>, DatasourceError> {
        self.with_pool(tenant, async |pool| pool.begin().await)
            .await
    }

    /// A connection to the tenant's database, checked if it lay idle.
    ///
    /// # Errors
    /// See [`DatasourceError`].
    pub async fn acquire(
        &self,
        tenant: &Tenant,
    ) -> Result<PoolConnection<Postgres>, DatasourceError> {
        self.with_pool(tenant, async |pool| pool.acquire().await)
            .await
    }

    async fn with_pool<T>(
        &self,
        tenant: &Tenant,
        work: impl AsyncFn(&TenantPool) -> Result<T, pool::Trouble>,
    ) -> Result<T, DatasourceError> {
        let cluster = tenant
            .cluster
            .clone()
            .ok_or(DatasourceError::NotPlaced(tenant.id))?;
        let key = Key {
            tenant: tenant.id,
            region: tenant.region.clone(),
            cluster,
        };
        for _ in 0..Self::ATTEMPTS {
            let pool = self.pool(&key, tenant).await?;
            match work(&pool).await {
                Ok(done) => return Ok(done),
                Err(pool::Trouble::Evicted) => self.drop_closed(&key, &pool).await,
                Err(pool::Trouble::Failed(error)) => return Err(error),
            }
        }
        // More tenants are at work at once than pools may be open.
        Err(DatasourceError::Busy {
            retry_after: Duration::from_secs(1),
        })
    }

    async fn pool(&self, key: &Key, tenant: &Tenant) -> Result<TenantPool, DatasourceError> {
        if self.closed.is_cancelled() {
            return Err(DatasourceError::Closed);
        }
        if let Some(pool) = self.pools.get(key).await {
            metrics::LOOKUPS.with_label_values(&["hit"]).inc();
            return Ok(pool);
        }
        let options = self.clusters.options(&key.cluster, &tenant.code)?;
        let entry = self
            .pools
            .entry_by_ref(key)
            .or_insert_with(async { TenantPool::new(options, &self.clusters.limits) })
            .await;
        let result = if entry.is_fresh() { "miss" } else { "hit" };
        metrics::LOOKUPS.with_label_values(&[result]).inc();
        if entry.is_fresh() {
            // Now, not at the cache's leisure: the number of open pools is a promise to the database.
            self.pools.run_pending_tasks().await;
        }
        Ok(entry.into_value())
    }

    /// A closed pool can still be in the cache if closing overtook the cache's own bookkeeping.
    async fn drop_closed(&self, key: &Key, pool: &TenantPool) {
        if let Some(held) = self.pools.get(key).await
            && held.is_same(pool)
        {
            self.pools.invalidate(key).await;
        }
    }

    /// Closes the tenant's pool, if one is open: when it is suspended, deleted or moved.
    pub async fn forget(&self, tenant: &Tenant) {
        if let Some(cluster) = tenant.cluster.clone() {
            let key = Key {
                tenant: tenant.id,
                region: tenant.region.clone(),
                cluster,
            };
            self.pools.invalidate(&key).await;
        }
    }

    /// How many pools are kept.
    pub async fn open_pools(&self) -> u64 {
        self.pools.run_pending_tasks().await;
        self.pools.entry_count()
    }

    /// Closes pools whose time has come and measures connections, until `stop`: without it an idle service would keep
    /// them, as the cache only works when used.
    pub async fn sweep(&self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(Self::SWEEP))
            .await
            .is_some()
        {
            self.pools.run_pending_tasks().await;
            let (used, idle) = self.pools.iter().fold((0, 0), |(used, idle), (_, pool)| {
                let (pool_used, pool_idle) = pool.connections();
                (used + pool_used, idle + pool_idle)
            });
            metrics::CONNECTIONS.with_label_values(&["used"]).set(used);
            metrics::CONNECTIONS.with_label_values(&["idle"]).set(idle);
        }
    }

    /// Refuses new work, lets transactions under way finish, closes every pool. Returns when all are closed; the caller
    /// sets the deadline.
    pub async fn close_all(&self) {
        self.closed.cancel();
        self.pools.invalidate_all();
        self.pools.run_pending_tasks().await;
        self.closing.close();
        self.closing.wait().await;
    }
}
