//! Fairness among a thousand outboxes, a few of which hold most of the rows.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use event_bus::{EventParts, OutboundRecord};
use outbox::{OutboxId, Outboxes, Relay, RelaySettings, SourceError, Sweep};
use sqlx::{PgPool, Postgres, pool::PoolConnection, types::Json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::test_env::{Counted, TestEnv};

const OUTBOXES: i64 = 1000;
/// Rows of the largest outbox; the nth outbox has `ROWS / n`.
const ROWS: i64 = 1000;

/// The schemas of one database, which share one pool.
struct Fleet {
    pool: PgPool,
    opened: Mutex<Vec<OutboxId>>,
}

fn name(n: i64) -> String {
    format!("fleet{n}")
}

#[async_trait]
impl Outboxes for Fleet {
    async fn candidates(&self, sweep: Sweep) -> Result<Vec<OutboxId>, SourceError> {
        Ok(match sweep {
            Sweep::Dirty => Vec::new(),
            Sweep::All => (1..=OUTBOXES).map(|n| name(n).into()).collect(),
        })
    }

    async fn open(&self, outbox: &OutboxId) -> Result<PoolConnection<Postgres>, SourceError> {
        self.opened
            .lock()
            .expect("lock is not poisoned")
            .push(outbox.clone());
        let mut conn = self.pool.acquire().await?;
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

async fn fill(pool: &PgPool) {
    let subject = Uuid::nil();
    let parts = EventParts::new("/test", subject).sequence(1);
    let record = OutboundRecord::of(parts, &Counted { number: 1 }).expect("a valid event");
    sqlx::query("CREATE TABLE model (topic text, envelope jsonb, datum bytea)")
        .execute(pool)
        .await
        .expect("the table is created");
    sqlx::query("INSERT INTO model VALUES ($1, $2, $3)")
        .bind(&record.topic)
        .bind(Json(&record.envelope))
        .bind(&record.datum)
        .execute(pool)
        .await
        .expect("the row is inserted");
    let mut conn = pool.acquire().await.expect("a connection");
    // The lock table is limited, so each transaction creates only a few schemas.
    for first in (1..=OUTBOXES).step_by(50) {
        let make = format!(
            "DO $$
             BEGIN
               FOR n IN {first}..{last} LOOP
                 EXECUTE format('CREATE SCHEMA fleet%s', n);
                 EXECUTE format('CREATE TABLE fleet%s.outbox (LIKE acme.outbox INCLUDING ALL)', n);
                 EXECUTE format(
                   'INSERT INTO fleet%1$s.outbox (topic, envelope, datum)
                    SELECT topic, envelope || jsonb_build_object(
                        ''id'', gen_random_uuid(), ''subject'', ''fleet%1$s'',
                        ''partitionkey'', ''fleet%1$s'', ''sequence'', row::text), datum
                    FROM acme.model, generate_series(1, %2$s) row ORDER BY row', n, {ROWS} / n);
               END LOOP;
             END $$",
            last = first + 49,
        );
        crate::test_env::run(&mut conn, make).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_outboxes_are_drained_round_robin_and_in_order() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme").clone();
    fill(&pool).await;
    let fleet = Arc::new(Fleet {
        pool,
        opened: Mutex::default(),
    });
    let settings = RelaySettings {
        concurrency: 4,
        batch_size: 50,
        database_timeout: Duration::from_secs(20),
        dirty_sweep_interval: Duration::from_hours(1),
        full_sweep_interval: Duration::from_hours(1),
        ..RelaySettings::default()
    };
    let (relay, _waker) = Relay::new(Arc::clone(&fleet) as _, env.producer(), settings);
    let stop = CancellationToken::new();
    let task = tokio::spawn(relay.run(stop.clone()));

    let rows: i64 = (1..=OUTBOXES).map(|n| ROWS / n).sum();
    let received = env
        .received(usize::try_from(rows).expect("fits in usize"))
        .await;
    stop.cancel();
    task.await.expect("the relay does not panic");

    let mut numbers: HashMap<String, Vec<i64>> = HashMap::new();
    for (subject, number, _) in received {
        numbers.entry(subject).or_default().push(number);
    }
    for n in 1..=OUTBOXES {
        let wanted: Vec<i64> = (1..=ROWS / n).collect();
        assert_eq!(numbers.get(&name(n)), Some(&wanted), "outbox {n}");
    }

    // The largest outbox was first in the queue: one attempt, and possibly a second that overlaps the last first one.
    let opened = fleet.opened.lock().expect("lock is not poisoned");
    let last = OutboxId::from(name(OUTBOXES));
    let round = opened.iter().position(|outbox| *outbox == last);
    let round = &opened[..round.expect("the last outbox was opened")];
    let largest = OutboxId::from(name(1));
    let attempts = round.iter().filter(|outbox| **outbox == largest).count();
    assert!(
        attempts <= 2,
        "{attempts} attempts before the first of the last outbox"
    );
}
