//! Events that can never be published.

use event_bus::{EventParts, OutboundRecord};
use outbox::{DrainOutcome, drain_once};
use sqlx::PgPool;
use uuid::Uuid;

use crate::test_env::{Counted, TestEnv, counter, increment};

fn record(counter: Uuid, number: u64) -> OutboundRecord {
    let number_in = Counted {
        number: number.cast_signed(),
    };
    OutboundRecord::of(
        EventParts::new("/test", counter).sequence(number),
        &number_in,
    )
    .expect("a valid event")
}

/// A record larger than the producer allows.
fn too_large(counter: Uuid, number: u64) -> OutboundRecord {
    OutboundRecord {
        datum: vec![0; 5 << 20],
        ..record(counter, number)
    }
}

async fn append(pool: &PgPool, record: &OutboundRecord) {
    let mut conn = pool.acquire().await.unwrap();
    outbox::append(&mut conn, record).await.unwrap();
}

#[tokio::test]
async fn a_too_large_record_is_refused_and_later_ones_are_published() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme");
    let (one, other) = (counter(pool).await, counter(pool).await);
    append(pool, &record(one, 1)).await;
    let large = too_large(one, 2);
    append(pool, &large).await;
    append(pool, &record(one, 3)).await;
    append(pool, &record(other, 1)).await;
    let producer = env.producer();
    let mut conn = pool.acquire().await.unwrap();

    assert_eq!(
        drain_once(&mut conn, &producer, 10).await.unwrap(),
        DrainOutcome::More
    );
    assert_eq!(
        drain_once(&mut conn, &producer, 10).await.unwrap(),
        DrainOutcome::Empty
    );

    env.received(3).await;
    assert_eq!(env.numbers_of(one), [1, 3]);
    assert_eq!(env.numbers_of(other), [1]);
    let refused = outbox::list_refused(&mut conn, 0, 10).await.unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].envelope.as_ref().unwrap().id, large.envelope.id);
    assert!(refused[0].reason.contains("too large"), "{refused:?}");
    assert_eq!(refused[0].attempts, 1);
    assert_eq!(outbox::count_refused(&mut conn).await.unwrap(), 1);
}

#[tokio::test]
async fn a_refused_event_is_requeued_or_discarded_once_and_kept_for_audit() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme");
    let one = counter(pool).await;
    append(pool, &too_large(one, 1)).await;
    let producer = env.producer();
    let mut conn = pool.acquire().await.unwrap();
    drain_once(&mut conn, &producer, 10).await.unwrap();
    let refused = outbox::list_refused(&mut conn, 0, 10).await.unwrap();

    // Requeued without a fix, it is refused again and counted as the same event.
    let again = outbox::requeue_refused(&mut conn, refused[0].id)
        .await
        .unwrap();
    assert!(again.is_some());
    assert_eq!(
        outbox::requeue_refused(&mut conn, refused[0].id)
            .await
            .unwrap(),
        None
    );
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 1);
    drain_once(&mut conn, &producer, 10).await.unwrap();
    let refused = outbox::list_refused(&mut conn, 0, 10).await.unwrap();
    assert_eq!((refused.len(), refused[0].attempts), (1, 2));

    // Fixed, it is published with its original event id.
    let id = outbox::requeue_refused(&mut conn, refused[0].id)
        .await
        .unwrap();
    sqlx::query("UPDATE outbox SET datum = $2 WHERE id = $1")
        .bind(id)
        .bind(record(one, 1).datum)
        .execute(&mut *conn)
        .await
        .unwrap();
    drain_once(&mut conn, &producer, 10).await.unwrap();
    let received = env.received(1).await;
    assert_eq!(received[0].2, refused[0].envelope.as_ref().unwrap().id);

    append(pool, &too_large(one, 2)).await;
    drain_once(&mut conn, &producer, 10).await.unwrap();
    let refused = outbox::list_refused(&mut conn, 0, 10).await.unwrap();
    let discard = outbox::discard_refused(&mut conn, refused[0].id, "obsolete");
    assert!(discard.await.unwrap());
    assert!(
        !outbox::discard_refused(&mut conn, refused[0].id, "again")
            .await
            .unwrap()
    );
    assert_eq!(outbox::count_refused(&mut conn).await.unwrap(), 0);
    let audit: Vec<(String, Option<String>)> =
        sqlx::query_as("SELECT settled, settled_reason FROM outbox_refused ORDER BY settled_at")
            .fetch_all(&mut *conn)
            .await
            .unwrap();
    let requeued = ("requeued".to_owned(), None);
    let discarded = ("discarded".to_owned(), Some("obsolete".to_owned()));
    assert_eq!(audit, [requeued.clone(), requeued, discarded]);
}

#[tokio::test]
async fn an_event_with_an_unknown_schema_remains_until_it_is_refused_explicitly() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme");
    let (one, other) = (counter(pool).await, counter(pool).await);
    let mut newer = record(one, 1);
    newer.envelope.data_version = 2;
    append(pool, &newer).await;
    append(pool, &record(one, 2)).await;
    increment(pool, other).await;
    let producer = env.producer();
    let mut conn = pool.acquire().await.unwrap();

    for _ in 0..2 {
        let found = drain_once(&mut conn, &producer, 10).await.unwrap();
        let DrainOutcome::Stuck(reason) = found else {
            panic!("{found:?}");
        };
        assert!(reason.contains("counter.counted at version 2"), "{reason}");
    }
    env.received(1).await;
    assert_eq!(env.numbers_of(other), [1]);
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 2);

    let id: i64 = sqlx::query_scalar("SELECT min(id) FROM outbox")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    outbox::refuse(&mut conn, &[(id, "version 2 was withdrawn".to_owned())])
        .await
        .unwrap();
    assert_eq!(
        drain_once(&mut conn, &producer, 10).await.unwrap(),
        DrainOutcome::Empty
    );
    env.received(2).await;
    assert_eq!(env.numbers_of(one), [2]);
}

#[tokio::test]
async fn a_row_that_is_not_an_event_is_refused() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme");
    let one = counter(pool).await;
    sqlx::query("INSERT INTO outbox (topic, envelope, datum) VALUES ('counter.events', '{}', '')")
        .execute(pool)
        .await
        .unwrap();
    increment(pool, one).await;
    let mut conn = pool.acquire().await.unwrap();

    drain_once(&mut conn, &env.producer(), 10).await.unwrap();

    env.received(1).await;
    let refused = outbox::list_refused(&mut conn, 0, 10).await.unwrap();
    assert!(refused[0].envelope.is_err());
    assert!(refused[0].reason.contains("no ce_type"), "{refused:?}");
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 0);
}

/// Outboxes created before the envelope column became `json`.
#[tokio::test]
async fn an_outbox_with_a_jsonb_envelope_column_is_supported() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme");
    let one = counter(pool).await;
    sqlx::query("ALTER TABLE outbox ALTER COLUMN envelope TYPE jsonb")
        .execute(pool)
        .await
        .unwrap();
    append(pool, &record(one, 1)).await;
    append(pool, &too_large(one, 2)).await;
    append(pool, &record(one, 3)).await;
    let (producer, mut conn) = (env.producer(), pool.acquire().await.unwrap());

    while drain_once(&mut conn, &producer, 10).await.unwrap() != DrainOutcome::Empty {}
    let refused = outbox::list_refused(&mut conn, 0, 10).await.unwrap();
    outbox::requeue_refused(&mut conn, refused[0].id)
        .await
        .unwrap();

    env.received(2).await;
    assert_eq!(env.numbers_of(one), [1, 3]);
    assert_eq!(refused.len(), 1);
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 1);
}
