//! Outboxes of a run: schemas of a database of its own, and the relay that drains them.

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
use crate::place::Place;

/// Up to so many outboxes have connections of their own, as tenants in use have; more share theirs.
const OWN: usize = 64;
/// Connections of one outbox, and of all those that share.
const CONNECTIONS: u32 = 4;
const SHARED: u32 = 32;
/// Schemas made in one transaction, which holds a lock on everything it makes.
const AT_ONCE: usize = 50;

/// Some outboxes, each in a schema of one database.
pub struct Schemas {
    count: usize,
    pools: Vec<PgPool>,
}

/// The name of an outbox, and of its schema.
pub fn name(number: usize) -> String {
    format!("outbox_{number}")
}

/// Makes the database of a work anew, with `count` empty outboxes.
///
/// # Errors
/// When `PostgreSQL` does not.
pub async fn anew(place: &Place, work: &str, count: usize) -> anyhow::Result<()> {
    drop_all(place, work).await?;
    let mut admin = PgConnection::connect(&place.postgres).await?;
    run(
        &mut admin,
        format!("CREATE DATABASE \"{}\"", database(place, work)),
    )
    .await?;
    let mut inside = PgConnection::connect_with(&options(place, work)?).await?;
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
/// When `PostgreSQL` does not.
pub async fn drop_all(place: &Place, work: &str) -> anyhow::Result<()> {
    let mut admin = PgConnection::connect(&place.postgres).await?;
    let database = database(place, work);
    run(
        &mut admin,
        format!("DROP DATABASE IF EXISTS \"{database}\" WITH (FORCE)"),
    )
    .await
}

/// A connection to the database of a work.
///
/// # Errors
/// When the URL is none.
pub fn options(place: &Place, work: &str) -> anyhow::Result<PgConnectOptions> {
    Ok(PgConnectOptions::from_str(&place.postgres)?.database(&database(place, work)))
}

fn database(place: &Place, work: &str) -> String {
    format!("{}_{work}", place.run)
}

async fn run(conn: &mut PgConnection, statements: String) -> anyhow::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(conn)
        .await?;
    Ok(())
}

impl Schemas {
    /// The `count` outboxes that [`anew`] made. Connections open when they are needed.
    ///
    /// # Errors
    /// When the URL is none.
    pub fn open(place: &Place, work: &str, count: usize) -> anyhow::Result<Arc<Self>> {
        let options = options(place, work)?;
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

    /// Opens all connections now, so that no event has to wait for one.
    ///
    /// # Errors
    /// When there are too many.
    pub async fn connect(&self) -> anyhow::Result<()> {
        for pool in &self.pools {
            let size = pool.options().get_max_connections();
            try_join_all((0..size).map(|_| pool.acquire())).await?;
        }
        Ok(())
    }

    /// A transaction in the schema of this outbox.
    ///
    /// # Errors
    /// When there is no such outbox, or no connection.
    pub async fn begin(&self, number: usize) -> anyhow::Result<Transaction<'static, Postgres>> {
        let pool = self.pools.get(number).context("no pool of its own")?;
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

/// A relay at work, as a service runs it.
pub struct Relaying {
    /// Wakes it.
    pub waker: RelayWaker,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Relaying {
    /// Starts a relay with its default settings.
    ///
    /// # Errors
    /// When no producer can be made.
    pub fn start(place: &Place, outboxes: Arc<dyn Outboxes>) -> anyhow::Result<Self> {
        let producer = Arc::new(event::producer(place)?);
        let (relay, waker) = Relay::new(outboxes, producer, RelaySettings::default());
        let stop = CancellationToken::new();
        let task = tokio::spawn(relay.run(stop.clone()));
        Ok(Self { waker, stop, task })
    }

    /// Stops it and waits until it has ended.
    ///
    /// # Errors
    /// When it ended abnormally.
    pub async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.task.await?)
    }
}
