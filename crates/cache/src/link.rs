//! The connection: in use, or away and being mended in the background.

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

/// One question to Redis; a database answers about as fast.
const TIMEOUT: Duration = Duration::from_millis(80);
/// So many answers too late, one after another, and the cache is left alone.
const LATE_ANSWERS: u32 = 3;
/// Invalidations remembered one by one; beyond, the whole cache is dropped instead.
const MAX_PENDING: usize = 10_000;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Holds the run of Redis that the stored entries belong to.
const RUN: &str = "tenantry:cache:run";

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("Redis is out of use")]
    Away,
    #[error("Redis answers too late")]
    Late,
    #[error(transparent)]
    Redis(#[from] RedisError),
}

impl Failed {
    pub(crate) fn is_away(&self) -> bool {
        matches!(self, Self::Away)
    }
}

/// The one connection and what has to be told over it.
pub(crate) struct Link {
    client: redis::Client,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Present while the cache is in use.
    connection: Option<MultiplexedConnection>,
    /// Counts connections, so that the failure of an old one is not blamed on its successor.
    epoch: u64,
    late: u32,
    pending: Pending,
    mender: Option<AbortHandle>,
}

/// Invalidations that were not delivered.
#[derive(Default)]
struct Pending {
    resources: HashSet<(Uuid, Name)>,
    everything: bool,
}

impl Pending {
    fn add(&mut self, tenant: Uuid, resource: Name) {
        if self.resources.len() < MAX_PENDING {
            self.resources.insert((tenant, resource));
        } else {
            self.everything = true;
        }
    }

    fn is_empty(&self) -> bool {
        self.resources.is_empty() && !self.everything
    }
}

impl Link {
    /// Tries once to connect; if that fails, goes on in the background.
    pub(crate) async fn open(client: redis::Client) -> Arc<Self> {
        let link = Arc::new(Self {
            client,
            state: Mutex::default(),
        });
        if let Err(error) = link.mend().await {
            tracing::warn!(%error, "the cache is not in use: Redis is away");
            link.start_mender(&mut link.state());
        }
        link
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state().connection.is_some()
    }

    /// Runs a few commands. Away, it costs nothing.
    pub(crate) async fn run<T>(
        self: &Arc<Self>,
        commands: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, Failed> {
        let (mut connection, epoch) = {
            let state = self.state();
            (state.connection.clone().ok_or(Failed::Away)?, state.epoch)
        };
        match tokio::time::timeout(TIMEOUT, commands(&mut connection)).await {
            Ok(Ok(answer)) => {
                self.state().late = 0;
                Ok(answer)
            }
            Ok(Err(error)) => {
                // An error the server answered leaves the connection good.
                if error.is_io_error()
                    || error.is_connection_dropped()
                    || error.is_unrecoverable_error()
                {
                    self.leave_alone(epoch, &error);
                }
                Err(error.into())
            }
            Err(_) => {
                let late = {
                    let mut state = self.state();
                    state.late += 1;
                    state.late
                };
                if late >= LATE_ANSWERS {
                    self.leave_alone(epoch, &Failed::Late);
                }
                Err(Failed::Late)
            }
        }
    }

    fn leave_alone(self: &Arc<Self>, epoch: u64, error: &dyn std::fmt::Display) {
        let mut state = self.state();
        if state.epoch == epoch && state.connection.take().is_some() {
            tracing::warn!(%error, "the cache is out of use until Redis is back");
            metrics::set_up(false);
            self.start_mender(&mut state);
        }
    }

    /// Remembers an invalidation that may not have been delivered. From here on nothing is served until it was.
    fn remember(self: &Arc<Self>, tenant: Uuid, resource: Name) {
        let mut state = self.state();
        state.pending.add(tenant, resource);
        if state.connection.take().is_some() {
            metrics::set_up(false);
            self.start_mender(&mut state);
        }
    }

    fn start_mender(self: &Arc<Self>, state: &mut State) {
        let mender = tokio::spawn(mend_until_up(Arc::downgrade(self)));
        state.mender = Some(mender.abort_handle());
    }

    /// Connects, delivers what is pending, and puts the connection to use in the moment when nothing is.
    async fn mend(&self) -> Result<(), Failed> {
        let mut connection = in_time(self.client.get_multiplexed_async_connection()).await?;
        in_time(drop_entries_of_another_run(&mut connection)).await?;
        loop {
            let pending = {
                let mut state = self.state();
                if state.pending.is_empty() {
                    state.connection = Some(connection);
                    state.epoch += 1;
                    state.late = 0;
                    metrics::set_up(true);
                    return Ok(());
                }
                mem::take(&mut state.pending)
            };
            if let Err(error) = deliver(&mut connection, &pending).await {
                let mut state = self.state();
                state.pending.everything |= pending.everything;
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

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(mender) = self.state().mender.take() {
            mender.abort();
        }
    }
}

/// Delivers one invalidation, or remembers it.
pub(crate) async fn invalidate(link: Arc<Link>, tenant: Uuid, resource: Name) {
    let delivered = link
        .run(async |connection| renew(connection, &generation_key(tenant, resource)).await)
        .await;
    if delivered.is_err() {
        link.remember(tenant, resource);
    }
}

async fn mend_until_up(link: Weak<Link>) {
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        let Some(link) = link.upgrade() else { return };
        if link.mend().await.is_ok() {
            tracing::info!("the cache is in use");
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn deliver(connection: &mut MultiplexedConnection, pending: &Pending) -> Result<(), Failed> {
    if pending.everything {
        return in_time(
            redis::cmd("SET")
                .arg(CACHE_GENERATION)
                .arg(new_generation())
                .query_async(connection),
        )
        .await;
    }
    for (tenant, resource) in &pending.resources {
        in_time(renew(connection, &generation_key(*tenant, *resource))).await?;
    }
    Ok(())
}

async fn renew(connection: &mut MultiplexedConnection, generation_key: &str) -> RedisResult<()> {
    redis::cmd("SET")
        .arg(generation_key)
        .arg(new_generation())
        .arg("EX")
        .arg(GENERATION_SECONDS)
        .query_async(connection)
        .await
}

/// A Redis that was restored from an old snapshot brings back old entries together with their generation. Its run id is
/// another one then, and everything is dropped before anybody reads.
async fn drop_entries_of_another_run(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    let info: String = redis::cmd("INFO")
        .arg("server")
        .query_async(connection)
        .await?;
    let run = info
        .lines()
        .find_map(|line| line.strip_prefix("run_id:"))
        .map(str::trim);
    let known: Option<String> = redis::cmd("GET").arg(RUN).query_async(connection).await?;
    if run.is_some() && run == known.as_deref() {
        return Ok(());
    }
    redis::pipe()
        .atomic()
        .set(CACHE_GENERATION, new_generation())
        .set(RUN, run.unwrap_or_default())
        .query_async(connection)
        .await
}

async fn in_time<T>(answer: impl Future<Output = RedisResult<T>>) -> Result<T, Failed> {
    tokio::time::timeout(TIMEOUT, answer)
        .await
        .map_err(|_| Failed::Late)?
        .map_err(Failed::from)
}
