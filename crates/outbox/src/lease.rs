//! The lease of one outbox: what was claimed under it, published, and settled.

use std::time::SystemTime;

use event_bus::{Producer, PublishError, Published, StoredEvent};
use sqlx::{Connection, PgConnection, Postgres, Row, Transaction, postgres::PgRow};

use crate::{Drained, metrics, refused};

// The lease lives as long as the transaction: PostgreSQL frees it when the holder commits or dies, and it works
// through a transaction-pooling proxy. It is taken in a statement before the claim's, so that the claim sees whatever
// the previous holder committed; one message carries both it and the beginning. Whether it was got is kept in a
// setting of the transaction, which the claim reads. Waiting for the broker is not being idle: for this transaction
// the session's own limit is lifted to beyond the relay's deadline.
const BEGIN: &str = "BEGIN;
    SELECT set_config('idle_in_transaction_session_timeout', '70s', true),
           set_config('outbox.lease', pg_try_advisory_xact_lock(
               hashtextextended('outbox.' || current_schema(), 0))::text, true);
    SAVEPOINT leased";
const HELD: &str = "SELECT current_setting('outbox.lease') = 'true'";
// Rows are deleted when they are read, not when they were published: until the commit that changes nothing for anybody
// else, the next claim of this lease does not see them, and one statement is spared. There is no cursor: a row of lower
// id may come to light at any time, and one of its aggregate behind it.
const CLAIM: &str = "
    DELETE FROM outbox WHERE id = ANY(ARRAY(
        SELECT id FROM (
            SELECT id, sum(octet_length(datum)) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING)
                       - octet_length(datum) AS bytes_before
            FROM (SELECT id, datum FROM outbox WHERE current_setting('outbox.lease') = 'true'
                  ORDER BY id LIMIT $1) oldest
        ) sized WHERE bytes_before < $2))
    RETURNING id, topic, envelope::text, datum";
const ROLL_BACK: &str = "ROLLBACK TO SAVEPOINT leased";
const DELETE: &str = "DELETE FROM outbox WHERE id = ANY($1)";
const AT_MOST: &str = "SELECT coalesce(max(id) - min(id) + 1, 0) FROM outbox";

/// Payloads of one claim, in bytes, beyond which no further row is taken.
const CLAIM_BYTES: i64 = 16 << 20;
/// Claims under one lease. A crash publishes again at most what they hold.
const CLAIMS: u32 = 8;
/// How much larger the further claims are: nobody waits for their end.
const FURTHER: i64 = 4;

/// What one claim found.
pub(crate) enum Claimed<'a> {
    /// Another relay holds the lease.
    Busy,
    Empty,
    Rows(Lease<'a>),
}

/// Rows that were claimed and wait to be published, in a transaction that ends with the lease.
pub(crate) struct Lease<'a> {
    tx: Transaction<'a, Postgres>,
    batch: i64,
    claimed: Rows,
    published: Vec<i64>,
    oldest: SystemTime,
}

/// What became of what a lease claimed.
pub(crate) struct Settled {
    pub(crate) drained: Drained,
    pub(crate) backlog: Backlog,
    /// Events set aside.
    pub(crate) refused: usize,
    /// Events published.
    pub(crate) published: usize,
}

/// What is left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// No more rows than these wait.
    pub(crate) rows: i64,
    /// When the oldest of the rows that were seen happened.
    pub(crate) oldest: SystemTime,
}

impl Backlog {
    pub(crate) fn none() -> Self {
        Self {
            rows: 0,
            oldest: SystemTime::UNIX_EPOCH,
        }
    }
}

#[derive(Default)]
struct Rows {
    ids: Vec<i64>,
    events: Vec<StoredEvent>,
    unreadable: Vec<(i64, String)>,
    full: bool,
}

impl Rows {
    fn read(rows: Vec<PgRow>, batch: i64) -> Result<Self, sqlx::Error> {
        let mut read = Self {
            full: rows.len() >= usize::try_from(batch).unwrap_or(usize::MAX),
            ..Self::default()
        };
        let mut parsed = Vec::with_capacity(rows.len());
        let mut bytes = 0;
        for row in rows {
            let id: i64 = row.try_get(0)?;
            let datum: Vec<u8> = row.try_get(3)?;
            bytes += datum.len();
            match StoredEvent::read(row.try_get(1)?, row.try_get(2)?, datum) {
                Ok(event) => parsed.push((id, event)),
                Err(error) => read.unreadable.push((id, error.to_string())),
            }
        }
        read.full |= bytes >= usize::try_from(CLAIM_BYTES).unwrap_or(usize::MAX);
        // A deletion returns rows in no order.
        parsed.sort_unstable_by_key(|(id, _)| *id);
        (read.ids, read.events) = parsed.into_iter().unzip();
        Ok(read)
    }

    fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.unreadable.is_empty()
    }
}

/// Takes the lease of the outbox that `conn` sees and claims up to `batch` rows: two round trips.
pub(crate) async fn claim(conn: &mut PgConnection, batch: i64) -> Result<Claimed<'_>, sqlx::Error> {
    let mut tx = conn.begin_with(BEGIN).await?;
    let claimed = next(&mut tx, batch).await?;
    if !claimed.is_empty() {
        let oldest = claimed.events.first().map(StoredEvent::time);
        return Ok(Claimed::Rows(Lease {
            tx,
            batch,
            claimed,
            published: Vec::new(),
            oldest: oldest.map_or_else(SystemTime::now, SystemTime::from),
        }));
    }
    let held: bool = sqlx::query_scalar(HELD).fetch_one(&mut *tx).await?;
    Ok(if held { Claimed::Empty } else { Claimed::Busy })
}

async fn next(tx: &mut PgConnection, batch: i64) -> Result<Rows, sqlx::Error> {
    let rows = sqlx::query(CLAIM)
        .bind(batch)
        .bind(CLAIM_BYTES)
        .fetch_all(tx)
        .await?;
    Rows::read(rows, batch)
}

/// How publishing went.
pub(crate) enum Outcome {
    /// Everything claimed is in the log. Holds what is said of the rest.
    All(Drained),
    /// Of the last claim these are the results.
    Some(Vec<Result<Published, PublishError>>),
}

impl Lease<'_> {
    /// Publishes what was claimed, and while `go_on` says so and there is more, that too: the next rows are read while
    /// the broker acknowledges the present ones.
    pub(crate) async fn publish(
        &mut self,
        producer: &Producer,
        go_on: impl Fn() -> bool,
    ) -> Result<Outcome, sqlx::Error> {
        for claims in 1.. {
            let publishing = producer.publish_stored(&self.claimed.events);
            let (results, ahead) = if self.claimed.full && claims < CLAIMS && go_on() {
                let ahead = next(&mut self.tx, self.batch.saturating_mul(FURTHER));
                let (results, ahead) = futures::join!(publishing, ahead);
                (results, Some(ahead?))
            } else {
                (publishing.await, None)
            };
            metrics::published(&self.claimed.events, &results);
            if !results.iter().all(Result::is_ok) || !self.claimed.unreadable.is_empty() {
                return Ok(Outcome::Some(results));
            }
            self.published.append(&mut self.claimed.ids);
            match ahead {
                Some(ahead) if !ahead.is_empty() => self.claimed = ahead,
                None if self.claimed.full => return Ok(Outcome::All(Drained::More)),
                _ => break,
            }
        }
        Ok(Outcome::All(Drained::Empty))
    }

    /// Makes what happened last: from here on it is gone from the outbox.
    pub(crate) async fn settle(mut self, outcome: Outcome) -> Result<Settled, sqlx::Error> {
        let (drained, refused) = match outcome {
            Outcome::All(drained) => (drained, 0),
            Outcome::Some(results) => self.take_back(results).await?,
        };
        let rows = match drained {
            Drained::Empty | Drained::Busy => 0,
            Drained::More | Drained::Stuck(_) => {
                sqlx::query_scalar(AT_MOST).fetch_one(&mut *self.tx).await?
            }
        };
        let backlog = Backlog {
            rows,
            oldest: self.oldest,
        };
        self.tx.commit().await?;
        Ok(Settled {
            drained,
            backlog,
            refused,
            published: self.published.len(),
        })
    }

    /// Some rows were not published: takes the deletions back, deletes what was, and sets aside what never can be.
    async fn take_back(
        &mut self,
        results: Vec<Result<Published, PublishError>>,
    ) -> Result<(Drained, usize), sqlx::Error> {
        let (mut refused, mut stuck) = (std::mem::take(&mut self.claimed.unreadable), None);
        for (id, result) in self.claimed.ids.iter().zip(results) {
            match result {
                Ok(_) => self.published.push(*id),
                Err(PublishError::Refused(reason)) => refused.push((*id, reason)),
                Err(PublishError::AfterFailed) => {}
                Err(error) => stuck = stuck.or(Some(error.to_string())),
            }
        }
        sqlx::query(ROLL_BACK).execute(&mut *self.tx).await?;
        if !refused.is_empty() {
            refused::set_aside(&mut self.tx, &refused).await?;
        }
        if !self.published.is_empty() {
            sqlx::query(DELETE)
                .bind(&self.published)
                .execute(&mut *self.tx)
                .await?;
        }
        // Without a refused one in their way, the rows behind it can go.
        Ok((stuck.map_or(Drained::More, Drained::Stuck), refused.len()))
    }
}
