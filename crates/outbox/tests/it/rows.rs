use uuid::Uuid;

use crate::world::{World, count, counter};

#[tokio::test]
async fn what_is_rolled_back_is_in_no_outbox() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
    let one = counter(pool).await;

    let mut tx = pool.begin().await.unwrap();
    count(&mut tx, one).await;
    tx.rollback().await.unwrap();

    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 0);
}

#[tokio::test]
async fn of_simultaneous_handlers_of_an_event_one_is_the_first() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
    let event = Uuid::now_v7();
    let handle = async || {
        let mut tx = pool.begin().await.unwrap();
        let first = outbox::first_time(&mut tx, "c", event).await.unwrap();
        tx.commit().await.unwrap();
        first
    };

    let (a, b, c, d) = tokio::join!(handle(), handle(), handle(), handle());

    assert_eq!([a, b, c, d].iter().filter(|first| **first).count(), 1);
    let mut tx = pool.begin().await.unwrap();
    assert!(outbox::first_time(&mut tx, "another", event).await.unwrap());
    assert!(!outbox::first_time(&mut tx, "c", event).await.unwrap());
}

#[tokio::test]
async fn a_handler_that_rolls_back_was_not_the_first() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
    let event = Uuid::now_v7();
    let mut failing = pool.begin().await.unwrap();
    assert!(outbox::first_time(&mut failing, "c", event).await.unwrap());

    // The next one waits for the failing one's end before it knows.
    let next = async {
        let mut tx = pool.begin().await.unwrap();
        outbox::first_time(&mut tx, "c", event).await.unwrap()
    };
    let (first, rolled_back) = tokio::join!(next, failing.rollback());

    rolled_back.unwrap();
    assert!(first);
}
