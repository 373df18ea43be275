//! The outboxes of a work: schemas of one database, and the relay that drains them.

use std::{str::FromStr as _, sync::Arc};

use anyhow::Context;
use async_trait::async_trait;
use futures::future::try_join_all;
use outbox::{OutboxId, Outboxes, Relay, RelaySettings, RelayWaker, SourceError, Sweep};
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool, Postgres, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::event;
use crate::environment::Environment;

/// Maximum number of outboxes with connections of their own; more share connections.
const OWN: usize = 64;
/// Connections per outbox, and of the shared pool.
const CONNECTIONS: u32 = 4;
const SHARED: u32 = 32;
/// Schemas created in one transaction, which bounds its locks.
const AT_ONCE: usize = 50;

/// Outboxes, each in a schema of one database.
pub struct Schemas {
    count: usize,
    pools: Vec<PgPool>,
}

/// Returns the name of an outbox, which is also that of its schema.
pub fn name(number: usize) -> String {
    format!("outbox_{number}")
}

/// Creates the database of a work again, with `count` empty outboxes.
///
/// # Errors
/// `PostgreSQL` returns an error.
pub async fn recreate(environment: &Environment, work: &str, count: usize) -> anyhow::Result<()> {
    drop_all(environment, work).await?;
    let mut admin = PgConnection::connect(&environment.postgres).await?;
    run(
        &mut admin,
        format!("CREATE DATABASE \"{}\"", database(environment, work)),
    )
    .await?;
    let mut inside = PgConnection::connect_with(&options(environment, work)?).await?;
    let numbers: Vec<usize> = (0..count).collect();
    for some in numbers.chunks(AT_ONCE) {
        let statements = some.iter().map(|number| {
            let (name, tables) = (name(*number), outbox::SCHEMA);
            format!("CREATE SCHEMA {name}; SET search_path TO {name}; {tables};")
        });
        run(&mut inside, statements.collect()).await?;
    }
    Ok(())
}

/// Drops the database of a work.
///
/// # Errors
/// `PostgreSQL` returns an error.
pub async fn drop_all(environment: &Environment, work: &str) -> anyhow::Result<()> {
    let mut admin = PgConnection::connect(&environment.postgres).await?;
    let database = database(environment, work);
    run(
        &mut admin,
        format!("DROP DATABASE IF EXISTS \"{database}\" WITH (FORCE)"),
    )
    .await
}

/// Returns the connection options of a work's database.
///
/// # Errors
/// The URL is invalid.
pub fn options(environment: &Environment, work: &str) -> anyhow::Result<PgConnectOptions> {
    Ok(PgConnectOptions::from_str(&environment.postgres)?.database(&database(environment, work)))
}

fn database(environment: &Environment, work: &str) -> String {
    format!("{}_{work}", environment.run)
}

async fn run(conn: &mut PgConnection, statements: String) -> anyhow::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(conn)
        .await?;
    Ok(())
}

impl Schemas {
    /// Opens `count` outboxes created by [`recreate`]. Connections are opened on demand.
    ///
    /// # Errors
    /// The URL is invalid.
    pub fn open(environment: &Environment, work: &str, count: usize) -> anyhow::Result<Arc<Self>> {
        let options = options(environment, work)?;
        let pool = |connections: u32| {
            let pool = PgPoolOptions::new().max_connections(connections);
            pool.test_before_acquire(false)
        };
        let pools = if count <= OWN {
            let own = (0..count).map(|number| {
                let options = options.clone().options([("search_path", name(number))]);
                pool(CONNECTIONS).connect_lazy_with(options)
            });
            own.collect()
        } else {
            vec![pool(SHARED).connect_lazy_with(options)]
        };
        Ok(Arc::new(Self { count, pools }))
    }

    /// Opens all connections, so that no event waits for one.
    ///
    /// # Errors
    /// `PostgreSQL` refuses a connection.
    pub async fn connect(&self) -> anyhow::Result<()> {
        for pool in &self.pools {
            let size = pool.options().get_max_connections();
            try_join_all((0..size).map(|_| pool.acquire())).await?;
        }
        Ok(())
    }

    /// Begins a transaction in the schema of an outbox.
    ///
    /// # Errors
    /// The outbox does not exist, or no connection is available.
    pub async fn begin(&self, number: usize) -> anyhow::Result<Transaction<'static, Postgres>> {
        let pool = self.pools.get(number).context("the outbox has no pool")?;
        Ok(pool.begin().await?)
    }
}

#[async_trait]
impl Outboxes for Schemas {
    async fn candidates(&self, sweep: Sweep) -> Result<Vec<OutboxId>, SourceError> {
        Ok(match sweep {
            // Each commit here wakes the relay, and no wake-up is lost.
            Sweep::Dirty => Vec::new(),
            Sweep::All => (0..self.count).map(|number| name(number).into()).collect(),
        })
    }

    async fn open(&self, outbox: &OutboxId) -> Result<PoolConnection<Postgres>, SourceError> {
        let (_, number) = outbox.as_str().rsplit_once('_').ok_or("no such outbox")?;
        let number: usize = number.parse()?;
        if self.count <= OWN {
            let pool = self.pools.get(number).ok_or("no such outbox")?;
            return Ok(pool.acquire().await?);
        }
        let mut conn = self.pools[0].acquire().await?;
        sqlx::query("SELECT set_config('search_path', $1, false)")
            .bind(outbox.as_str())
            .execute(&mut *conn)
            .await?;
        Ok(conn)
    }

    async fn mark_clean(&self, _outbox: &OutboxId) -> Result<(), SourceError> {
        Ok(())
    }
}

/// A running relay.
pub struct Relaying {
    /// Wakes the relay.
    pub waker: RelayWaker,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Relaying {
    /// Starts a relay with default settings.
    ///
    /// # Errors
    /// The producer cannot be created.
    pub fn start(environment: &Environment, outboxes: Arc<dyn Outboxes>) -> anyhow::Result<Self> {
        let producer = Arc::new(event::producer(environment)?);
        let (relay, waker) = Relay::new(outboxes, producer, RelaySettings::default());
        let stop = CancellationToken::new();
        let task = tokio::spawn(relay.run(stop.clone()));
        Ok(Self { waker, stop, task })
    }

    /// Stops the relay and waits for its end.
    ///
    /// # Errors
    /// The relay panicked.
    pub async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.task.await?)
    }
}
