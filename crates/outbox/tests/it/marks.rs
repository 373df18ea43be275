use outbox::{Marks, OutboxId};
use sqlx::Executor;

use crate::world::World;

#[tokio::test]
async fn a_mark_outlives_the_process_and_is_cleared_only_when_old() {
    let world = World::with(&["platform"]).await;
    let pool = world.pool("platform");
    pool.execute(outbox::MARKS_SCHEMA).await.unwrap();
    let acme = OutboxId::from("acme");
    Marks::new(pool.clone()).mark(&acme).await.unwrap();

    // Another process: it remembers nothing and finds the mark.
    let marks = Marks::new(pool.clone());
    assert_eq!(marks.marked().await.unwrap(), std::slice::from_ref(&acme));
    marks.clear(&acme).await.unwrap();
    assert_eq!(
        marks.marked().await.unwrap(),
        std::slice::from_ref(&acme),
        "a row may yet come to light"
    );

    pool.execute("UPDATE outbox_mark SET marked_at = now() - interval '61 seconds'")
        .await
        .unwrap();
    marks.clear(&acme).await.unwrap();
    assert!(marks.marked().await.unwrap().is_empty());
}
