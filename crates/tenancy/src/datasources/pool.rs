//! One tenant's pool: sqlx's, with a quick answer while the database is away.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::FutureExt as _;
use sqlx::{
    Connection as _, PgPool, Postgres, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{DatasourceError, settings::Limits};
use crate::metrics;

/// Why a pool gave no connection.
pub(super) enum Trouble {
    /// It was closed: take another.
    Evicted,
    /// Tell the caller.
    Failed(DatasourceError),
}

/// A handle on one tenant's connections.
#[derive(Clone)]
pub(super) struct TenantPool(Arc<Inner>);

struct Inner {
    pool: PgPool,
    limit: u32,
    probe_for: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When somebody last got a connection.
    served: Option<Instant>,
    /// While the database is away: when the next request may try it, and why it is away.
    away: Option<(Instant, Arc<str>)>,
}

impl TenantPool {
    /// An idle connection is asked for a sign of life before reuse if it lay longer than this.
    const TRUSTED: Duration = Duration::from_secs(1);
    /// While the database is away, one request in this time finds out whether it still is.
    const PROBE_EVERY: Duration = Duration::from_millis(500);
    /// What clients are told to wait.
    const RETRY_AFTER: Duration = Duration::from_secs(1);

    /// A pool that has not connected yet.
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
                    if meta.idle_for > Self::TRUSTED {
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
            limit: limits.connections,
            probe_for: limits.acquire_timeout,
            state: Mutex::default(),
        }))
    }

    /// A connection.
    pub async fn acquire(&self) -> Result<PoolConnection<Postgres>, Trouble> {
        self.run(|| self.0.pool.acquire()).await
    }

    /// A transaction; connections that turn out to be dead are passed over.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, Trouble> {
        self.run(|| self.0.pool.begin()).await
    }

    /// Whether both are the same pool.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Connections in use and idle.
    pub fn connections(&self) -> (i64, i64) {
        let idle = i64::try_from(self.0.pool.num_idle()).unwrap_or(i64::MAX);
        (i64::from(self.0.pool.size()).saturating_sub(idle), idle)
    }

    /// Closes it once all connections are back.
    pub async fn close(&self) {
        self.0.pool.close().await;
        metrics::POOLS.dec();
    }

    async fn run<T, Fut>(&self, work: impl Fn() -> Fut) -> Result<T, Trouble>
    where
        Fut: Future<Output = Result<T, sqlx::Error>>,
    {
        self.refuse_while_away()?;
        // After a restart of the database every idle connection may be dead; the last attempt is on a new one.
        let mut attempts = self.0.limit + 1;
        loop {
            attempts -= 1;
            match work().await {
                Ok(done) => {
                    *self.state() = State {
                        served: Some(Instant::now()),
                        away: None,
                    };
                    return Ok(done);
                }
                Err(error) if attempts > 0 && is_broken(&error) => {}
                Err(error) => return Err(self.trouble(error)),
            }
        }
    }

    /// Fails at once while the database is known to be away, except for one request now and then that finds out.
    fn refuse_while_away(&self) -> Result<(), Trouble> {
        match &mut self.state().away {
            Some((next_try, cause)) if Instant::now() < *next_try => {
                metrics::FAILURES.with_label_values(&["unreachable"]).inc();
                Err(Trouble::Failed(DatasourceError::Unavailable {
                    retry_after: Self::RETRY_AFTER,
                    cause: cause.clone(),
                }))
            }
            Some((next_try, _)) => {
                *next_try = Instant::now() + self.0.probe_for;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn trouble(&self, error: sqlx::Error) -> Trouble {
        let count = |cause| metrics::FAILURES.with_label_values(&[cause]).inc();
        match error {
            sqlx::Error::PoolClosed => Trouble::Evicted,
            sqlx::Error::PoolTimedOut if self.is_in_full_use() => {
                count("busy");
                Trouble::Failed(DatasourceError::Busy {
                    retry_after: Self::RETRY_AFTER,
                })
            }
            sqlx::Error::Database(ref cause)
                if !cause.code().is_some_and(|code| is_outage(&code)) =>
            {
                count("refused");
                Trouble::Failed(DatasourceError::Refused(Arc::new(error)))
            }
            error => {
                count("unreachable");
                let cause: Arc<str> = error.to_string().into();
                self.state().away = Some((Instant::now() + Self::PROBE_EVERY, cause.clone()));
                Trouble::Failed(DatasourceError::Unavailable {
                    retry_after: Self::RETRY_AFTER,
                    cause,
                })
            }
        }
    }

    /// All connections are taken, and others still got one while this request waited in vain: the tenant is busy. If
    /// nobody got one, the database hangs.
    fn is_in_full_use(&self) -> bool {
        self.0.pool.size() >= self.0.limit
            && self
                .state()
                .served
                .is_some_and(|served| served.elapsed() < self.0.probe_for)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection died under us; another one may work.
fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() != std::io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P01" | "57P02")),
        sqlx::Error::Protocol(_) => true,
        _ => false,
    }
}

/// SQLSTATEs that mean "not now": connection exceptions (08), no resources (53), operator intervention (57P), and a
/// database that is not there (3D000) or admits nobody (55000) while it is being moved or made.
fn is_outage(code: &str) -> bool {
    code.starts_with("08")
        || code.starts_with("53")
        || code.starts_with("57P")
        || code == "3D000"
        || code == "55000"
}
