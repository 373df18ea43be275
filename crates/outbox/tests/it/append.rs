use crate::test_env::{TestEnv, counter, increment_in};

#[tokio::test]
async fn a_rolled_back_event_is_not_in_the_outbox() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme");
    let one = counter(pool).await;

    let mut tx = pool.begin().await.unwrap();
    increment_in(&mut tx, one).await;
    tx.rollback().await.unwrap();

    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 0);
}
