use outbox::{DirtyOutboxes, OutboxId};
use sqlx::Executor;

use crate::test_env::TestEnv;

#[tokio::test]
async fn a_mark_survives_a_restart_and_is_cleared_only_after_a_minute() {
    let env = TestEnv::with(&["platform"]).await;
    let pool = env.pool("platform");
    pool.execute(outbox::DIRTY_OUTBOXES_SCHEMA).await.unwrap();
    let acme = OutboxId::from("acme");
    DirtyOutboxes::new(pool.clone()).mark(&acme).await.unwrap();

    // A new instance starts with an empty cache, as after a restart.
    let dirty = DirtyOutboxes::new(pool.clone());
    assert_eq!(dirty.list().await.unwrap(), std::slice::from_ref(&acme));
    dirty.clear(&acme).await.unwrap();
    assert_eq!(
        dirty.list().await.unwrap(),
        std::slice::from_ref(&acme),
        "a row may become visible yet"
    );

    pool.execute("UPDATE outbox_mark SET marked_at = now() - interval '61 seconds'")
        .await
        .unwrap();
    dirty.clear(&acme).await.unwrap();
    assert!(dirty.list().await.unwrap().is_empty());
}
