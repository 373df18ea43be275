//! A thousand outboxes, a few of which hold most of the rows.

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

use crate::world::{Counted, World};

const OUTBOXES: i64 = 1000;
/// Rows of the fullest outbox; the nth has an nth of it.
const ROWS: i64 = 1000;

/// Schemas of one database, all reached through one pool.
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
            Sweep::Marked => Vec::new(),
            Sweep::All => (1..=OUTBOXES).map(|n| name(n).into()).collect(),
        })
    }

    async fn open(&self, outbox: &OutboxId) -> Result<PoolConnection<Postgres>, SourceError> {
        self.opened
            .lock()
            .expect("no holder panics")
            .push(outbox.clone());
        let mut conn = self.pool.acquire().await?;
        sqlx::query("SELECT set_config('search_path', $1, false)")
            .bind(outbox.as_str())
            .execute(&mut *conn)
            .await?;
        Ok(conn)
    }

    async fn drained(&self, _outbox: &OutboxId) -> Result<(), SourceError> {
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
        .expect("a table");
    sqlx::query("INSERT INTO model VALUES ($1, $2, $3)")
        .bind(&record.topic)
        .bind(Json(&record.envelope))
        .bind(&record.datum)
        .execute(pool)
        .await
        .expect("a row");
    let mut conn = pool.acquire().await.expect("a connection");
    // A transaction's locks are counted for the whole server, so it makes a few at a time.
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
        crate::world::run(&mut conn, make).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_is_drained_in_order_and_the_fullest_takes_one_turn_in_a_round() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme").clone();
    fill(&pool).await;
    let fleet = Arc::new(Fleet {
        pool,
        opened: Mutex::default(),
    });
    let settings = RelaySettings {
        parallel: 4,
        batch: 50,
        patience: Duration::from_secs(20),
        sweep_marked: Duration::from_hours(1),
        sweep_all: Duration::from_hours(1),
        ..RelaySettings::default()
    };
    let (relay, _nudge) = Relay::new(Arc::clone(&fleet) as _, world.producer(), settings);
    let stop = CancellationToken::new();
    let task = tokio::spawn(relay.run(stop.clone()));

    let rows: i64 = (1..=OUTBOXES).map(|n| ROWS / n).sum();
    let heard = world.hears(usize::try_from(rows).expect("it fits")).await;
    stop.cancel();
    task.await.expect("the relay ends in peace");

    let mut numbers: HashMap<String, Vec<i64>> = HashMap::new();
    for (subject, number, _) in heard {
        numbers.entry(subject).or_default().push(number);
    }
    for n in 1..=OUTBOXES {
        let wanted: Vec<i64> = (1..=ROWS / n).collect();
        assert_eq!(numbers.get(&name(n)), Some(&wanted), "outbox {n}");
    }

    // The fullest was first in line. Until everybody had a turn it had one, and perhaps began its second.
    let opened = fleet.opened.lock().expect("no holder panics");
    let last = OutboxId::from(name(OUTBOXES));
    let round = opened.iter().position(|outbox| *outbox == last);
    let round = &opened[..round.expect("it was opened")];
    let fullest = OutboxId::from(name(1));
    let turns = round.iter().filter(|outbox| **outbox == fullest).count();
    assert!(
        turns <= 2,
        "{turns} turns before the last outbox had its first"
    );
}
