//! A bounded cache of connection pools, one per tenant, region and cluster.

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

/// A connection to a tenant's database that could not be acquired.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DatasourceError {
    /// The database is unreachable. Returned at once during a known outage, else after the acquire timeout.
    #[error("the tenant's database cannot be reached: {cause}")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
        /// The cause, for logs; never shown to clients.
        cause: Arc<str>,
    },
    /// All connections of the tenant's pool stayed in use for the acquire timeout.
    #[error("all connections to the tenant's database are in use")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The tenant has no database yet.
    #[error("tenant {0} has not been placed on a cluster yet")]
    NotPlaced(TenantId),
    /// The tenant is on a cluster that is missing in this service's settings.
    #[error("no address for cluster {0} in this service's settings")]
    UnknownCluster(ClusterName),
    /// The service is shutting down.
    #[error("the connection pools are closed: the service is shutting down")]
    Closed,
    /// The database rejected the connection.
    #[error("the tenant's database rejected the connection: {0}")]
    Rejected(Arc<sqlx::Error>),
}

impl DatasourceError {
    /// How long to wait before trying again; `None` if only a change of settings or a deployment helps.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } | Self::Busy { retry_after } => {
                Some(*retry_after)
            }
            Self::NotPlaced(_) | Self::Closed => Some(Duration::from_secs(1)),
            Self::UnknownCluster(_) | Self::Rejected(_) => None,
        }
    }
}

/// The cache key of a pool. It includes the cluster, so that a moved tenant never uses its old pool.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    tenant: TenantId,
    region: Region,
    cluster: ClusterName,
}

/// The connection pools of all tenants. Cheap to clone; one per service.
///
/// Concurrent first requests of a tenant open one pool. At most `max_pools` are open; the least recently used one is
/// evicted first, and idle and old pools are evicted as well. An evicted pool is closed once its connections are returned;
/// a request that finds its pool closed is retried on a new one.
#[derive(Clone)]
pub struct Datasources {
    pools: Cache<Key, TenantPool>,
    clusters: Arc<Clusters>,
    closing: TaskTracker,
    closed: CancellationToken,
}

impl Datasources {
    /// Attempts of an acquire whose pool is evicted meanwhile.
    const ATTEMPTS: usize = 8;
    /// How often [`Datasources::sweep`] evicts idle pools.
    const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

    /// Pools of the service whose tables are in `schema`; `application_name` identifies its connections in
    /// `pg_stat_activity`. Opens no connection yet.
    ///
    /// # Errors
    /// A setting is invalid, such as a cluster's URL.
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

    /// Begins a transaction in the tenant's database. Broken connections are skipped.
    ///
    /// # Errors
    /// See [`DatasourceError`]; waits at most the acquire timeout for one pool.
    pub async fn begin(
        &self,
        tenant: &Tenant,
    ) -> Result<Transaction<'static, Postgres>, DatasourceError> {
        self.with_pool(tenant, async |pool| pool.begin().await)
            .await
    }

    /// A connection to the tenant's database, tested if it was idle.
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
        acquire: impl AsyncFn(&TenantPool) -> Result<T, pool::AcquireError>,
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
            match acquire(&pool).await {
                Ok(acquired) => return Ok(acquired),
                Err(pool::AcquireError::Evicted) => self.remove_closed(&key, &pool).await,
                Err(pool::AcquireError::Failed(error)) => return Err(error),
            }
        }
        // More tenants are active at once than pools may be open.
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
            // Evict now rather than lazily: `max_pools` limits the connections to the database.
            self.pools.run_pending_tasks().await;
        }
        Ok(entry.into_value())
    }

    /// Removes a closed pool that is still cached because it was closed before the cache updated its entries.
    async fn remove_closed(&self, key: &Key, pool: &TenantPool) {
        if let Some(cached) = self.pools.get(key).await
            && cached.is_same(pool)
        {
            self.pools.invalidate(key).await;
        }
    }

    /// Closes the tenant's pool, if one is open: for tenants that are suspended, deleted or moved.
    pub async fn close_pool(&self, tenant: &Tenant) {
        if let Some(cluster) = tenant.cluster.clone() {
            let key = Key {
                tenant: tenant.id,
                region: tenant.region.clone(),
                cluster,
            };
            self.pools.invalidate(&key).await;
        }
    }

    /// The number of open pools.
    pub async fn open_pools(&self) -> u64 {
        self.pools.run_pending_tasks().await;
        self.pools.entry_count()
    }

    /// Evicts expired pools and updates the connection metrics until `stop` is cancelled. The cache evicts only when it is
    /// used, so an idle service would keep its pools open without it.
    pub async fn sweep(&self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(Self::SWEEP_INTERVAL))
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

    /// Refuses new acquisitions, lets running transactions finish and closes every pool. Returns when all are closed; the
    /// caller sets the deadline.
    pub async fn close_all(&self) {
        self.closed.cancel();
        self.pools.invalidate_all();
        self.pools.run_pending_tasks().await;
        self.closing.close();
        self.closing.wait().await;
    }
}
