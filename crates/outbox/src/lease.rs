//! The lease of one outbox: what was claimed under it, published, and settled.

use std::{mem::take, time::SystemTime, vec};

use event_bus::{Producer, PublishError, Published, StoredEvent};
use futures::join;
use sqlx::{Connection, PgConnection, Postgres, Row, Transaction, postgres::PgRow};
use tokio::task::yield_now;

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
// What the further claims of a lease take is found in one look, from the first row on: a look for each would go over
// everything that was deleted before it once more. All of it was visible at one moment, so nothing is left behind that
// belongs before it.
const LIST: &str = "SELECT id, octet_length(datum) FROM outbox ORDER BY id LIMIT $1";
const CLAIM_LISTED: &str =
    "DELETE FROM outbox WHERE id = ANY($1) RETURNING id, topic, envelope::text, datum";
const ROLL_BACK: &str = "ROLLBACK TO SAVEPOINT leased";
const DELETE: &str = "DELETE FROM outbox WHERE id = ANY($1)";
const AT_MOST: &str = "SELECT coalesce(max(id) - min(id) + 1, 0) FROM outbox";

/// Payloads of one claim, in bytes, beyond which no further row is taken.
const CLAIM_BYTES: i64 = 16 << 20;
/// Claims under one lease. A crash publishes again at most what they hold.
const CLAIMS: u32 = 8;
/// How much larger the further claims are: nobody waits for their end.
const FURTHER: i64 = 4;
/// Rows read before others have their turn: some hundred microseconds.
const READ_AT_ONCE: usize = 128;

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
    /// As they came; let go of when they were read.
    claimed: Vec<PgRow>,
    /// The claim took all it may: there can be more.
    full: bool,
    further: Further,
    published: Vec<i64>,
    oldest: Option<SystemTime>,
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

/// What can be published of a claim, and what does not read.
#[derive(Default)]
pub(crate) struct Rows {
    ids: Vec<i64>,
    events: Vec<StoredEvent>,
    unreadable: Vec<(i64, String)>,
}

impl Rows {
    /// Reads rows, and gives way at times: the database may have something to hand over meanwhile.
    async fn read(rows: Vec<PgRow>) -> Result<Self, sqlx::Error> {
        let mut read = Self::default();
        let mut parsed = Vec::with_capacity(rows.len());
        for some in rows.chunks(READ_AT_ONCE) {
            for row in some {
                let (id, datum) = (row.try_get(0)?, row.try_get(3)?);
                match StoredEvent::read(row.try_get(1)?, row.try_get(2)?, datum) {
                    Ok(event) => parsed.push((id, event)),
                    Err(error) => read.unreadable.push((id, error.to_string())),
                }
            }
            yield_now().await;
        }
        // A deletion returns rows in no order.
        parsed.sort_unstable_by_key(|(id, _)| *id);
        (read.ids, read.events) = parsed.into_iter().unzip();
        Ok(read)
    }

    async fn publish(
        rows: Vec<PgRow>,
        producer: &Producer,
    ) -> Result<(Self, Vec<Result<Published, PublishError>>), sqlx::Error> {
        let read = Self::read(rows).await?;
        let results = producer.publish_stored(&read.events).await;
        metrics::published(&read.events, &results);
        Ok((read, results))
    }
}

/// The rows behind the first claim.
struct Further {
    /// Of one claim.
    at_most: i64,
    /// The ids of each claim, once they were looked up.
    listed: Option<vec::IntoIter<Vec<i64>>>,
}

impl Further {
    fn new(batch: i64) -> Self {
        Self {
            at_most: batch.saturating_mul(FURTHER),
            listed: None,
        }
    }

    /// Claims the next of them; `None` if there are no more.
    async fn claim(&mut self, tx: &mut PgConnection) -> Result<Option<Vec<PgRow>>, sqlx::Error> {
        if self.listed.is_none() {
            let of_all = self.at_most.saturating_mul(i64::from(CLAIMS - 1));
            let rows: Vec<(i64, i32)> = sqlx::query_as(LIST)
                .bind(of_all)
                .fetch_all(&mut *tx)
                .await?;
            self.listed = Some(claims(rows, self.at_most).into_iter());
        }
        match self.listed.as_mut().and_then(Iterator::next) {
            Some(ids) => {
                let claim = sqlx::query(CLAIM_LISTED).bind(ids);
                claim.fetch_all(tx).await.map(Some)
            }
            None => Ok(None),
        }
    }
}

/// Divides rows, each an id and the bytes of its payload, into claims of `at_most` rows that end with the row that
/// fills them.
fn claims(rows: Vec<(i64, i32)>, at_most: i64) -> Vec<Vec<i64>> {
    let at_most = usize::try_from(at_most).unwrap_or(usize::MAX);
    let mut claims: Vec<Vec<i64>> = Vec::new();
    let mut bytes = CLAIM_BYTES;
    for (id, size) in rows {
        match claims.last_mut() {
            Some(claim) if bytes < CLAIM_BYTES && claim.len() < at_most => claim.push(id),
            _ => {
                claims.push(vec![id]);
                bytes = 0;
            }
        }
        bytes += i64::from(size);
    }
    claims
}

/// Takes the lease of the outbox that `conn` sees and claims up to `batch` rows: two round trips.
pub(crate) async fn claim(conn: &mut PgConnection, batch: i64) -> Result<Claimed<'_>, sqlx::Error> {
    let mut tx = conn.begin_with(BEGIN).await?;
    let claimed = sqlx::query(CLAIM)
        .bind(batch)
        .bind(CLAIM_BYTES)
        .fetch_all(&mut *tx)
        .await?;
    if !claimed.is_empty() {
        return Ok(Claimed::Rows(Lease {
            tx,
            full: is_full(&claimed, batch)?,
            claimed,
            further: Further::new(batch),
            published: Vec::new(),
            oldest: None,
        }));
    }
    let held: bool = sqlx::query_scalar(HELD).fetch_one(&mut *tx).await?;
    Ok(if held { Claimed::Empty } else { Claimed::Busy })
}

/// Whether a claim of at most `batch` rows took all it may.
fn is_full(claimed: &[PgRow], batch: i64) -> Result<bool, sqlx::Error> {
    let mut bytes = 0;
    for row in claimed {
        bytes += row.try_get::<&[u8], _>(3)?.len();
    }
    let beyond = |limit: i64, reached: usize| usize::try_from(limit).is_ok_and(|l| reached >= l);
    Ok(beyond(batch, claimed.len()) || beyond(CLAIM_BYTES, bytes))
}

/// How publishing went.
pub(crate) enum Outcome {
    /// Everything claimed is in the log. Holds what is said of the rest.
    All(Drained),
    /// Of the last claim, which is this, these are the results.
    Some(Rows, Vec<Result<Published, PublishError>>),
}

impl Lease<'_> {
    /// Publishes what was claimed, and while `go_on` says so and there is more, that too: the database works on the next
    /// claim while the present one is read, sent and acknowledged.
    pub(crate) async fn publish(
        &mut self,
        producer: &Producer,
        go_on: impl Fn() -> bool,
    ) -> Result<Outcome, sqlx::Error> {
        for claims in 1.. {
            let (tx, further) = (&mut self.tx, &mut self.further);
            let more = self.full && claims < CLAIMS && go_on();
            let ahead = async {
                if more {
                    further.claim(tx).await
                } else {
                    Ok(None)
                }
            };
            // The question is on its way before the processor is busy with the rows.
            let publishing = Rows::publish(take(&mut self.claimed), producer);
            let (ahead, published) = join!(ahead, publishing);
            let (mut rows, results) = published?;
            let first = || rows.events.first().map(StoredEvent::time);
            self.oldest = self.oldest.or_else(|| first().map(SystemTime::from));
            let ahead = ahead?;
            if !results.iter().all(Result::is_ok) || !rows.unreadable.is_empty() {
                return Ok(Outcome::Some(rows, results));
            }
            self.published.append(&mut rows.ids);
            match ahead {
                Some(ahead) => self.claimed = ahead,
                // What came to light since the look was not seen.
                None if self.full => break,
                None => return Ok(Outcome::All(Drained::Empty)),
            }
        }
        Ok(Outcome::All(Drained::More))
    }

    /// Makes what happened last: from here on it is gone from the outbox.
    pub(crate) async fn settle(mut self, outcome: Outcome) -> Result<Settled, sqlx::Error> {
        let (drained, refused) = match outcome {
            Outcome::All(drained) => (drained, 0),
            Outcome::Some(rows, results) => self.take_back(rows, results).await?,
        };
        let rows = match drained {
            Drained::Empty | Drained::Busy => 0,
            Drained::More | Drained::Stuck(_) => {
                sqlx::query_scalar(AT_MOST).fetch_one(&mut *self.tx).await?
            }
        };
        let backlog = Backlog {
            rows,
            oldest: self.oldest.unwrap_or_else(SystemTime::now),
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
        rows: Rows,
        results: Vec<Result<Published, PublishError>>,
    ) -> Result<(Drained, usize), sqlx::Error> {
        let (mut refused, mut stuck) = (rows.unreadable, None);
        for (id, result) in rows.ids.into_iter().zip(results) {
            match result {
                Ok(_) => self.published.push(id),
                Err(PublishError::Refused(reason)) => refused.push((id, reason)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_ends_with_the_row_that_fills_it() {
        let mib = 1 << 20;
        let rows = |sizes: &[i32]| (1..).zip(sizes.iter().copied()).collect();
        assert_eq!(claims(rows(&[]), 2), Vec::<Vec<i64>>::new());
        assert_eq!(
            claims(rows(&[0; 5]), 2),
            [vec![1, 2], vec![3, 4], vec![5]],
            "by rows"
        );
        assert_eq!(
            claims(rows(&[15 * mib, mib, 17 * mib, 1, 1]), 9),
            [vec![1, 2], vec![3], vec![4, 5]],
            "by bytes"
        );
    }
}
