//! Events that Kafka never takes.

use event_bus::{EventParts, OutboundRecord};
use outbox::{Drained, drain_once};
use sqlx::PgPool;
use uuid::Uuid;

use crate::world::{Counted, World, count_and_commit, counter};

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

/// Longer than the producer lets any record be.
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
async fn a_record_too_large_is_set_aside_and_what_is_behind_it_goes_on() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
    let (one, other) = (counter(pool).await, counter(pool).await);
    append(pool, &record(one, 1)).await;
    let large = too_large(one, 2);
    append(pool, &large).await;
    append(pool, &record(one, 3)).await;
    append(pool, &record(other, 1)).await;
    let producer = world.producer();
    let mut conn = pool.acquire().await.unwrap();

    assert_eq!(
        drain_once(&mut conn, &producer, 10).await.unwrap(),
        Drained::More
    );
    assert_eq!(
        drain_once(&mut conn, &producer, 10).await.unwrap(),
        Drained::Empty
    );

    world.hears(3).await;
    assert_eq!(world.heard_of(one), [1, 3]);
    assert_eq!(world.heard_of(other), [1]);
    let refused = outbox::refused(&mut conn, 0, 10).await.unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].envelope.as_ref().unwrap().id, large.envelope.id);
    assert!(refused[0].reason.contains("too large"), "{refused:?}");
    assert_eq!(refused[0].attempts, 1);
    assert_eq!(outbox::count_refused(&mut conn).await.unwrap(), 1);
}

#[tokio::test]
async fn what_was_set_aside_is_put_back_once_or_discarded_and_the_act_is_kept() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
    let one = counter(pool).await;
    append(pool, &too_large(one, 1)).await;
    let producer = world.producer();
    let mut conn = pool.acquire().await.unwrap();
    drain_once(&mut conn, &producer, 10).await.unwrap();
    let refused = outbox::refused(&mut conn, 0, 10).await.unwrap();

    // Put back without a mend it is refused again, and counted as the same event.
    let again = outbox::requeue(&mut conn, refused[0].id).await.unwrap();
    assert!(again.is_some());
    assert_eq!(
        outbox::requeue(&mut conn, refused[0].id).await.unwrap(),
        None
    );
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 1);
    drain_once(&mut conn, &producer, 10).await.unwrap();
    let refused = outbox::refused(&mut conn, 0, 10).await.unwrap();
    assert_eq!((refused.len(), refused[0].attempts), (1, 2));

    // Mended, it goes out as the event it was.
    let id = outbox::requeue(&mut conn, refused[0].id).await.unwrap();
    sqlx::query("UPDATE outbox SET datum = $2 WHERE id = $1")
        .bind(id)
        .bind(record(one, 1).datum)
        .execute(&mut *conn)
        .await
        .unwrap();
    drain_once(&mut conn, &producer, 10).await.unwrap();
    let heard = world.hears(1).await;
    assert_eq!(heard[0].2, refused[0].envelope.as_ref().unwrap().id);

    append(pool, &too_large(one, 2)).await;
    drain_once(&mut conn, &producer, 10).await.unwrap();
    let refused = outbox::refused(&mut conn, 0, 10).await.unwrap();
    let discard = outbox::discard_refused(&mut conn, refused[0].id, "not worth it");
    assert!(discard.await.unwrap());
    assert!(
        !outbox::discard_refused(&mut conn, refused[0].id, "again")
            .await
            .unwrap()
    );
    assert_eq!(outbox::count_refused(&mut conn).await.unwrap(), 0);
    let acts: Vec<(String, Option<String>)> =
        sqlx::query_as("SELECT settled, settled_reason FROM outbox_refused ORDER BY settled_at")
            .fetch_all(&mut *conn)
            .await
            .unwrap();
    let requeued = ("requeued".to_owned(), None);
    let discarded = ("discarded".to_owned(), Some("not worth it".to_owned()));
    assert_eq!(acts, [requeued.clone(), requeued, discarded]);
}

#[tokio::test]
async fn a_schema_nobody_knows_is_waited_for_until_somebody_sets_it_aside() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
    let (one, other) = (counter(pool).await, counter(pool).await);
    let mut newer = record(one, 1);
    newer.envelope.data_version = 2;
    append(pool, &newer).await;
    append(pool, &record(one, 2)).await;
    count_and_commit(pool, other).await;
    let producer = world.producer();
    let mut conn = pool.acquire().await.unwrap();

    for _ in 0..2 {
        let found = drain_once(&mut conn, &producer, 10).await.unwrap();
        let Drained::Stuck(reason) = found else {
            panic!("{found:?}");
        };
        assert!(reason.contains("counter.counted at version 2"), "{reason}");
    }
    world.hears(1).await;
    assert_eq!(world.heard_of(other), [1]);
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 2);

    let id: i64 = sqlx::query_scalar("SELECT min(id) FROM outbox")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    outbox::set_aside(&mut conn, &[(id, "version 2 was taken back".to_owned())])
        .await
        .unwrap();
    assert_eq!(
        drain_once(&mut conn, &producer, 10).await.unwrap(),
        Drained::Empty
    );
    world.hears(2).await;
    assert_eq!(world.heard_of(one), [2]);
}

#[tokio::test]
async fn a_row_that_is_no_event_blocks_nobody() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
    let one = counter(pool).await;
    sqlx::query("INSERT INTO outbox (topic, envelope, datum) VALUES ('counter.events', '{}', '')")
        .execute(pool)
        .await
        .unwrap();
    count_and_commit(pool, one).await;
    let mut conn = pool.acquire().await.unwrap();

    drain_once(&mut conn, &world.producer(), 10).await.unwrap();

    world.hears(1).await;
    let refused = outbox::refused(&mut conn, 0, 10).await.unwrap();
    assert!(refused[0].envelope.is_err());
    assert!(refused[0].reason.contains("no ce_type"), "{refused:?}");
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 0);
}

/// Outboxes that were made before envelopes were kept as the text they came as.
#[tokio::test]
async fn an_outbox_with_binary_envelopes_goes_on() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
    let one = counter(pool).await;
    sqlx::query("ALTER TABLE outbox ALTER COLUMN envelope TYPE jsonb")
        .execute(pool)
        .await
        .unwrap();
    append(pool, &record(one, 1)).await;
    append(pool, &too_large(one, 2)).await;
    append(pool, &record(one, 3)).await;
    let (producer, mut conn) = (world.producer(), pool.acquire().await.unwrap());

    while drain_once(&mut conn, &producer, 10).await.unwrap() != Drained::Empty {}
    let refused = outbox::refused(&mut conn, 0, 10).await.unwrap();
    outbox::requeue(&mut conn, refused[0].id).await.unwrap();

    world.hears(2).await;
    assert_eq!(world.heard_of(one), [1, 3]);
    assert_eq!(refused.len(), 1);
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 1);
}
