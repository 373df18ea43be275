//! The connection to Redis, which reconnects in the background and queues invalidations meanwhile.

use std::{
    collections::HashSet,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use deadpool_redis::redis::{self, RedisError, RedisResult, aio::MultiplexedConnection};
use tokio::task::AbortHandle;
use uuid::Uuid;

use crate::{
    Name,
    entry::{CACHE_GENERATION, GENERATION_SECONDS, new_generation},
    key::generation_key,
    metrics,
};

/// Timeout of a command. The source of a value responds about as fast.
const TIMEOUT: Duration = Duration::from_millis(80);
/// Number of consecutive timeouts after which the connection is closed.
const MAX_TIMEOUTS: u32 = 3;
/// Maximum number of queued invalidations. Beyond it, the whole cache is invalidated instead.
const MAX_PENDING: usize = 10_000;
const MIN_BACKOFF: Duration = Duration::from_millis(20);
const MAX_BACKOFF: Duration = Duration::from_secs(1);
/// Redis key of the run id of the Redis process that the entries belong to.
const RUN_ID_KEY: &str = "tenantry:cache:run";

/// The error of executing commands.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error("disconnected from Redis")]
    Disconnected,
    #[error("Redis did not respond in time")]
    TimedOut,
    #[error(transparent)]
    Redis(#[from] RedisError),
}

impl ConnectionError {
    pub(crate) fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected)
    }
}

/// A multiplexed connection with its reconnect task and undelivered invalidations.
pub(crate) struct ManagedConnection {
    client: redis::Client,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None` while disconnected.
    connection: Option<MultiplexedConnection>,
    /// Number of the connection, so that an error of an old connection does not close its successor.
    epoch: u64,
    timeouts: u32,
    pending: PendingInvalidations,
    reconnect_task: Option<AbortHandle>,
}

/// Invalidations that were not delivered yet.
#[derive(Default)]
struct PendingInvalidations {
    resources: HashSet<(Uuid, Name)>,
    whole_cache: bool,
}

impl PendingInvalidations {
    fn add(&mut self, tenant: Uuid, resource: Name) {
        if self.resources.len() < MAX_PENDING {
            self.resources.insert((tenant, resource));
        } else {
            self.whole_cache = true;
        }
    }

    fn is_empty(&self) -> bool {
        self.resources.is_empty() && !self.whole_cache
    }
}

impl ManagedConnection {
    /// Connects, or keeps trying in the background if the first attempt fails.
    pub(crate) async fn open(client: redis::Client) -> Arc<Self> {
        let connection = Arc::new(Self {
            client,
            state: Mutex::default(),
        });
        if let Err(error) = connection.connect().await {
            tracing::warn!(%error, "cannot connect to Redis, values are loaded from their source");
            connection.start_reconnecting(&mut connection.state());
        }
        connection
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.state().connection.is_some()
    }

    /// Executes commands, or fails immediately while disconnected.
    pub(crate) async fn run<T>(
        self: &Arc<Self>,
        commands: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, ConnectionError> {
        let (mut connection, epoch) = {
            let state = self.state();
            (
                state
                    .connection
                    .clone()
                    .ok_or(ConnectionError::Disconnected)?,
                state.epoch,
            )
        };
        match tokio::time::timeout(TIMEOUT, commands(&mut connection)).await {
            Ok(Ok(response)) => {
                self.state().timeouts = 0;
                Ok(response)
            }
            Ok(Err(error)) => {
                // An error response of the server does not affect the connection.
                if error.is_io_error()
                    || error.is_connection_dropped()
                    || error.is_unrecoverable_error()
                {
                    self.disconnect(epoch, &error);
                }
                Err(error.into())
            }
            Err(_) => {
                let timeouts = {
                    let mut state = self.state();
                    state.timeouts += 1;
                    state.timeouts
                };
                if timeouts >= MAX_TIMEOUTS {
                    self.disconnect(epoch, &ConnectionError::TimedOut);
                }
                Err(ConnectionError::TimedOut)
            }
        }
    }

    fn disconnect(self: &Arc<Self>, epoch: u64, error: &dyn std::fmt::Display) {
        let mut state = self.state();
        if state.epoch == epoch && state.connection.take().is_some() {
            tracing::warn!(%error, "disconnected from Redis, values are loaded from their source");
            metrics::set_up(false);
            self.start_reconnecting(&mut state);
        }
    }

    /// Queues an invalidation that may not have been delivered, and disconnects until it is.
    fn queue(self: &Arc<Self>, tenant: Uuid, resource: Name) {
        let mut state = self.state();
        state.pending.add(tenant, resource);
        if state.connection.take().is_some() {
            metrics::set_up(false);
            self.start_reconnecting(&mut state);
        }
    }

    fn start_reconnecting(self: &Arc<Self>, state: &mut State) {
        let task = tokio::spawn(reconnect(Arc::downgrade(self)));
        state.reconnect_task = Some(task.abort_handle());
    }

    /// Connects and delivers the pending invalidations. The connection is used once there are none.
    async fn connect(&self) -> Result<(), ConnectionError> {
        let mut connection = with_timeout(self.client.get_multiplexed_async_connection()).await?;
        with_timeout(invalidate_entries_of_another_run(&mut connection)).await?;
        loop {
            let pending = {
                let mut state = self.state();
                if state.pending.is_empty() {
                    state.connection = Some(connection);
                    state.epoch += 1;
                    state.timeouts = 0;
                    metrics::set_up(true);
                    return Ok(());
                }
                mem::take(&mut state.pending)
            };
            if let Err(error) = deliver(&mut connection, &pending).await {
                let mut state = self.state();
                state.pending.whole_cache |= pending.whole_cache;
                for (tenant, resource) in pending.resources {
                    state.pending.add(tenant, resource);
                }
                return Err(error);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ManagedConnection {
    fn drop(&mut self) {
        if let Some(task) = self.state().reconnect_task.take() {
            task.abort();
        }
    }
}

/// Delivers an invalidation, or queues it.
pub(crate) async fn invalidate(connection: Arc<ManagedConnection>, tenant: Uuid, resource: Name) {
    let delivered = connection
        .run(async |conn| replace_generation(conn, &generation_key(tenant, resource)).await)
        .await;
    if delivered.is_err() {
        connection.queue(tenant, resource);
    }
}

async fn reconnect(connection: Weak<ManagedConnection>) {
    let mut backoff = MIN_BACKOFF;
    loop {
        tokio::time::sleep(backoff).await;
        let Some(connection) = connection.upgrade() else {
            return;
        };
        if connection.connect().await.is_ok() {
            tracing::info!("connected to Redis");
            return;
        }
        backoff = (backoff * 2).min(MAX_BACKOFF);
    }
}

async fn deliver(
    connection: &mut MultiplexedConnection,
    pending: &PendingInvalidations,
) -> Result<(), ConnectionError> {
    if pending.whole_cache {
        return with_timeout(
            redis::cmd("SET")
                .arg(CACHE_GENERATION)
                .arg(new_generation())
                .query_async(connection),
        )
        .await;
    }
    for (tenant, resource) in &pending.resources {
        with_timeout(replace_generation(
            connection,
            &generation_key(*tenant, *resource),
        ))
        .await?;
    }
    Ok(())
}

async fn replace_generation(
    connection: &mut MultiplexedConnection,
    generation_key: &str,
) -> RedisResult<()> {
    redis::cmd("SET")
        .arg(generation_key)
        .arg(new_generation())
        .arg("EX")
        .arg(GENERATION_SECONDS)
        .query_async(connection)
        .await
}

/// Invalidates the whole cache if Redis was restarted. A Redis restored from an old snapshot has old entries together with
/// their generation, but another run id.
async fn invalidate_entries_of_another_run(
    connection: &mut MultiplexedConnection,
) -> RedisResult<()> {
    let info: String = redis::cmd("INFO")
        .arg("server")
        .query_async(connection)
        .await?;
    let run_id = info
        .lines()
        .find_map(|line| line.strip_prefix("run_id:"))
        .map(str::trim);
    let known: Option<String> = redis::cmd("GET")
        .arg(RUN_ID_KEY)
        .query_async(connection)
        .await?;
    if run_id.is_some() && run_id == known.as_deref() {
        return Ok(());
    }
    redis::pipe()
        .atomic()
        .set(CACHE_GENERATION, new_generation())
        .set(RUN_ID_KEY, run_id.unwrap_or_default())
        .query_async(connection)
        .await
}

async fn with_timeout<T>(
    command: impl Future<Output = RedisResult<T>>,
) -> Result<T, ConnectionError> {
    tokio::time::timeout(TIMEOUT, command)
        .await
        .map_err(|_| ConnectionError::TimedOut)?
        .map_err(ConnectionError::from)
}
