//! The connection pool of one tenant: sqlx's, behind a circuit breaker.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use database::ErrorKind;
use futures::FutureExt as _;
use sqlx::{
    Connection as _, PgPool, Postgres, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{DatasourceError, settings::Limits};
use crate::{metrics, sql::sqlstate};

/// A connection that a pool did not give.
pub(super) enum AcquireError {
    /// The pool is closed: use another one.
    Evicted,
    /// The caller gets this error.
    Failed(DatasourceError),
}

/// A handle to one tenant's connections. Cheap to clone.
#[derive(Clone)]
pub(super) struct TenantPool(Arc<Inner>);

struct Inner {
    pool: PgPool,
    max_connections: u32,
    acquire_timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When a connection was last acquired.
    last_acquired: Option<Instant>,
    /// Set while the database is unavailable.
    outage: Option<Outage>,
}

/// An open circuit breaker.
struct Outage {
    /// When the next request may try the database.
    next_probe: Instant,
    cause: Arc<str>,
}

impl TenantPool {
    /// A connection that was idle for longer is tested before it is used again.
    const TEST_AFTER_IDLE: Duration = Duration::from_secs(1);
    /// While the database is unavailable, one request per interval probes it.
    const PROBE_INTERVAL: Duration = Duration::from_millis(500);
    /// The `retry_after` of errors.
    const RETRY_AFTER: Duration = Duration::from_secs(1);

    /// A pool without connections.
    pub fn new(options: PgConnectOptions, limits: &Limits) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(limits.connections)
            .min_connections(0)
            .acquire_timeout(limits.acquire_timeout)
            .idle_timeout(limits.connection_idle)
            .max_lifetime(limits.connection_lifetime)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                async move {
                    if meta.idle_for > Self::TEST_AFTER_IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                }
                .boxed()
            })
            .connect_lazy_with(options);
        metrics::POOLS.inc();
        Self(Arc::new(Inner {
            pool,
            max_connections: limits.connections,
            acquire_timeout: limits.acquire_timeout,
            state: Mutex::default(),
        }))
    }

    /// A connection.
    pub async fn acquire(&self) -> Result<PoolConnection<Postgres>, AcquireError> {
        self.run(|| self.0.pool.acquire()).await
    }

    /// A transaction. Connections that turn out to be broken are skipped.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, AcquireError> {
        self.run(|| self.0.pool.begin()).await
    }

    /// Whether both are the same pool.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The number of connections in use and of idle ones.
    pub fn connections(&self) -> (i64, i64) {
        let idle = i64::try_from(self.0.pool.num_idle()).unwrap_or(i64::MAX);
        (i64::from(self.0.pool.size()).saturating_sub(idle), idle)
    }

    /// Closes the pool once all connections are returned.
    pub async fn close(&self) {
        self.0.pool.close().await;
        metrics::POOLS.dec();
    }

    async fn run<T, Fut>(&self, acquire: impl Fn() -> Fut) -> Result<T, AcquireError>
    where
        Fut: Future<Output = Result<T, sqlx::Error>>,
    {
        self.check_breaker()?;
        // After a restart of the database every idle connection may be broken; the last attempt uses a new one.
        let mut attempts = self.0.max_connections + 1;
        loop {
            attempts -= 1;
            match acquire().await {
                Ok(acquired) => {
                    *self.state() = State {
                        last_acquired: Some(Instant::now()),
                        outage: None,
                    };
                    return Ok(acquired);
                }
                Err(error) if attempts > 0 && is_broken(&error) => {}
                Err(error) => return Err(self.failure(error)),
            }
        }
    }

    /// Fails at once while the breaker is open, except for one request per probe interval.
    fn check_breaker(&self) -> Result<(), AcquireError> {
        match &mut self.state().outage {
            Some(outage) if Instant::now() < outage.next_probe => {
                metrics::FAILURES.with_label_values(&["unreachable"]).inc();
                Err(AcquireError::Failed(DatasourceError::Unavailable {
                    retry_after: Self::RETRY_AFTER,
                    cause: outage.cause.clone(),
                }))
            }
            Some(outage) => {
                outage.next_probe = Instant::now() + self.0.acquire_timeout;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn failure(&self, error: sqlx::Error) -> AcquireError {
        let count = |cause| metrics::FAILURES.with_label_values(&[cause]).inc();
        match error {
            sqlx::Error::PoolClosed => AcquireError::Evicted,
            sqlx::Error::PoolTimedOut if self.is_exhausted() => {
                count("busy");
                AcquireError::Failed(DatasourceError::Busy {
                    retry_after: Self::RETRY_AFTER,
                })
            }
            error if is_outage(&error) => {
                count("unreachable");
                let cause: Arc<str> = error.to_string().into();
                self.state().outage = Some(Outage {
                    next_probe: Instant::now() + Self::PROBE_INTERVAL,
                    cause: cause.clone(),
                });
                AcquireError::Failed(DatasourceError::Unavailable {
                    retry_after: Self::RETRY_AFTER,
                    cause,
                })
            }
            error => {
                count("refused");
                AcquireError::Failed(DatasourceError::Rejected(Arc::new(error)))
            }
        }
    }

    /// Whether all connections are in use and were acquired while this request waited. Without any such acquisition the
    /// database itself does not respond.
    fn is_exhausted(&self) -> bool {
        self.0.pool.size() >= self.0.max_connections
            && self
                .state()
                .last_acquired
                .is_some_and(|acquired| acquired.elapsed() < self.0.acquire_timeout)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the connection broke, so that another one may work.
fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() != std::io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P01" | "57P02")),
        sqlx::Error::Protocol(_) => true,
        _ => false,
    }
}

/// Unavailable, or a database that does not exist (SQLSTATE 3D000) or accepts no connections (55000) while it is being
/// moved or created.
fn is_outage(error: &sqlx::Error) -> bool {
    database::classify(error) == ErrorKind::Unavailable
        || matches!(sqlstate(error).as_deref(), Some("3D000" | "55000"))
}
