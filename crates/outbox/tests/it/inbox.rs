use outbox::inbox::insert_if_new;
use uuid::Uuid;

use crate::test_env::TestEnv;

#[tokio::test]
async fn an_event_is_new_to_one_of_several_concurrent_transactions() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme");
    let event = Uuid::now_v7();
    let handle = async || {
        let mut tx = pool.begin().await.unwrap();
        let new = insert_if_new(&mut tx, "c", event).await.unwrap();
        tx.commit().await.unwrap();
        new
    };

    let (a, b, c, d) = tokio::join!(handle(), handle(), handle(), handle());

    assert_eq!([a, b, c, d].iter().filter(|new| **new).count(), 1);
    let mut tx = pool.begin().await.unwrap();
    assert!(insert_if_new(&mut tx, "another", event).await.unwrap());
    assert!(!insert_if_new(&mut tx, "c", event).await.unwrap());
}

#[tokio::test]
async fn an_event_is_still_new_after_its_transaction_rolled_back() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme");
    let event = Uuid::now_v7();
    let mut failing = pool.begin().await.unwrap();
    assert!(insert_if_new(&mut failing, "c", event).await.unwrap());

    // Blocks until the failing transaction ends.
    let next = async {
        let mut tx = pool.begin().await.unwrap();
        insert_if_new(&mut tx, "c", event).await.unwrap()
    };
    let (new, rolled_back) = tokio::join!(next, failing.rollback());

    rolled_back.unwrap();
    assert!(new);
}
