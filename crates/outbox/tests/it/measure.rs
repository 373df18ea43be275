//! How long and how fast, as ratios to what the servers themselves allow. Run by hand, with `--release`:
//! `cargo test -p outbox --release -- --ignored --nocapture measure`.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use event_bus::{EventParts, OutboundRecord};
use outbox::{Relay, RelaySettings};
use rdkafka::{
    ClientConfig,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord, Producer as _},
};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::world::{Counted, World, counter, eventually};

const ROUNDS: usize = 300;
const ROWS: i64 = 200_000;

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn raw_producer(world: &World, linger: &str) -> FutureProducer {
    ClientConfig::new()
        .set("bootstrap.servers", &world.bus.bootstrap)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", linger)
        .set("compression.type", "lz4")
        .set("queue.buffering.max.messages", "1000000")
        .create()
        .expect("a producer")
}

fn quiet() -> RelaySettings {
    RelaySettings {
        sweep_marked: Duration::from_hours(1),
        sweep_all: Duration::from_hours(1),
        ..RelaySettings::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn measure_commit_to_acknowledgement_when_idle() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
    let one = counter(pool).await;
    let topic = format!("{}counter.events", world.bus.topic_prefix);
    let raw = raw_producer(&world, "0");
    let (relay, nudge) = Relay::new(Arc::clone(&world.outboxes) as _, world.producer(), quiet());
    let stop = CancellationToken::new();
    let task = tokio::spawn(relay.run(stop.clone()));

    let (mut produced, mut relayed, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS + 50 {
        let began = Instant::now();
        let record = FutureRecord::to(&topic)
            .key("k")
            .payload("payload of a raw record");
        raw.send(record, Duration::ZERO)
            .await
            .expect("acknowledged");
        let raw_time = began.elapsed();

        let began = Instant::now();
        sqlx::query("SELECT 1")
            .execute(pool)
            .await
            .expect("an answer");
        let asked_time = began.elapsed();

        let mut tx = pool.begin().await.expect("PostgreSQL answers");
        let parts = EventParts::new("/test", one);
        let happened = SystemTime::from(parts.time);
        let record = OutboundRecord::of(parts, &Counted { number: 1 }).expect("a good event");
        outbox::append(&mut tx, &record).await.expect("appended");
        tx.commit().await.expect("it commits");
        let drained = world.outboxes.drained.notified();
        let before = publish_delays();
        let (began, nudged) = (Instant::now(), SystemTime::now());
        nudge.nudge("acme".into());
        drained.await;
        if round >= 50 {
            let waited = nudged.duration_since(happened).unwrap_or_default();
            let delay = publish_delays().saturating_sub(before);
            acknowledged.push(delay.saturating_sub(waited));
            produced.push(raw_time);
            asked.push(asked_time);
            relayed.push(began.elapsed());
        }
    }
    stop.cancel();
    task.await.expect("the relay ends in peace");
    let (produced, relayed) = (median(produced), median(relayed));
    let acknowledged = median(acknowledged);
    let trips = |time: Duration| time.as_secs_f64() / produced.as_secs_f64();
    println!(
        "raw produce {produced:?}, a query {:?}; nudge to acknowledged {acknowledged:?}: {:.2} raw round trips; \
         and deleted {relayed:?}: {:.2}",
        median(asked),
        trips(acknowledged),
        trips(relayed),
    );
}

/// The sum of the delays from change to acknowledgement that the relay has shown.
fn publish_delays() -> Duration {
    let families = prometheus::gather();
    let family = families
        .iter()
        .find(|family| family.name() == "outbox_publish_delay_seconds");
    let sums = family
        .iter()
        .flat_map(|family| family.get_metric())
        .map(|metric| metric.get_histogram().get_sample_sum());
    Duration::from_secs_f64(sums.sum())
}

async fn fill(pool: &PgPool, counter: Uuid) -> OutboundRecord {
    let record = OutboundRecord::of(EventParts::new("/test", counter), &Counted { number: 1 })
        .expect("a valid event");
    sqlx::query(
        "INSERT INTO outbox (topic, envelope, datum)
         SELECT $1, jsonb_set(jsonb_set($2, '{id}', to_jsonb(gen_random_uuid()::text)),
                              '{partitionkey}', to_jsonb((n % 100)::text)), $3
         FROM generate_series(1, $4) n",
    )
    .bind(&record.topic)
    .bind(sqlx::types::Json(&record.envelope))
    .bind(&record.datum)
    .bind(ROWS)
    .execute(pool)
    .await
    .expect("rows");
    sqlx::query("ANALYZE outbox")
        .execute(pool)
        .await
        .expect("statistics");
    record
}

fn per_second(time: Duration) -> f64 {
    f64::from(u32::try_from(ROWS).expect("it fits")) / time.as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn measure_a_full_outbox() {
    let world = World::deaf(&["acme", "drained"]).await;
    let one = counter(world.pool("acme")).await;
    let record = fill(world.pool("acme"), one).await;
    fill(world.pool("drained"), one).await;

    let mut conn = world.pool("drained").acquire().await.expect("a connection");
    let began = Instant::now();
    loop {
        let rows = sqlx::query(
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT 5000)
             RETURNING id, topic, envelope, datum",
        )
        .fetch_all(&mut *conn)
        .await
        .expect("rows");
        if rows.is_empty() {
            break;
        }
    }
    let raw_drain = per_second(began.elapsed());

    let raw = raw_producer(&world, "5");
    let topic = format!("{}counter.events", world.bus.topic_prefix);
    let headers = record.envelope.to_headers();
    let began = Instant::now();
    let mut open = Vec::new();
    for n in 0..ROWS {
        let empty = OwnedHeaders::new_with_capacity(headers.len());
        let headers = headers.iter().fold(empty, |owned, (key, value)| {
            owned.insert(Header {
                key,
                value: Some(value.as_str()),
            })
        });
        let key = (n % 100).to_string();
        let record = FutureRecord::to(&topic)
            .key(&key)
            .payload(&record.datum)
            .headers(headers);
        open.push(raw.send_result(record).expect("room"));
    }
    raw.flush(Duration::from_mins(1)).expect("acknowledged");
    for acknowledged in open {
        acknowledged.await.expect("told").expect("acknowledged");
    }
    let raw_produce = per_second(began.elapsed());

    let (relay, nudge) = Relay::new(Arc::clone(&world.outboxes) as _, world.producer(), quiet());
    let stop = CancellationToken::new();
    let began = Instant::now();
    let task = tokio::spawn(relay.run(stop.clone()));
    nudge.nudge("acme".into());
    eventually("an empty outbox", || async {
        let any: Option<i64> = sqlx::query_scalar("SELECT 1::bigint FROM outbox LIMIT 1")
            .fetch_optional(world.pool("acme"))
            .await
            .expect("an answer");
        any.is_none().then_some(())
    })
    .await;
    let relayed = per_second(began.elapsed());
    stop.cancel();
    task.await.expect("the relay ends in peace");
    println!(
        "raw drain {raw_drain:.0}/s, raw produce {raw_produce:.0}/s, relay {relayed:.0}/s: {:.2} of the lesser",
        relayed / raw_drain.min(raw_produce),
    );
}
