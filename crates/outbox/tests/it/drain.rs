use outbox::{DrainOutcome, drain_once};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::test_env::{TestEnv, counter, increment, increment_in};

#[tokio::test]
async fn rows_are_published_in_batches_in_order() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme");
    let one = counter(pool).await;
    for _ in 0..25 {
        increment(pool, one).await;
    }
    let producer = env.producer();
    let mut conn = pool.acquire().await.unwrap();

    let mut found = Vec::new();
    for _ in 0..4 {
        found.push(drain_once(&mut conn, &producer, 10).await.unwrap());
    }

    assert_eq!(
        found,
        [
            DrainOutcome::More,
            DrainOutcome::More,
            DrainOutcome::Empty,
            DrainOutcome::Empty
        ]
    );
    env.received(25).await;
    assert_eq!(env.numbers_of(one), (1..=25).collect::<Vec<_>>());
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 0);
}

#[tokio::test]
async fn nothing_is_published_without_the_lease() {
    let env = TestEnv::with(&["acme", "globex"]).await;
    let one = counter(env.pool("acme")).await;
    increment(env.pool("acme"), one).await;
    let producer = env.producer();
    let mut holder = env.pool("acme").begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('outbox.' || current_schema(), 0))")
        .execute(&mut *holder)
        .await
        .unwrap();

    let mut acme = env.pool("acme").acquire().await.unwrap();
    let mut globex = env.pool("globex").acquire().await.unwrap();
    assert_eq!(
        drain_once(&mut acme, &producer, 10).await.unwrap(),
        DrainOutcome::Busy
    );
    assert_eq!(outbox::depth(&mut acme).await.unwrap(), 1);
    assert_eq!(
        drain_once(&mut globex, &producer, 10).await.unwrap(),
        DrainOutcome::Empty
    );

    holder.rollback().await.unwrap();
    assert_eq!(
        drain_once(&mut acme, &producer, 10).await.unwrap(),
        DrainOutcome::Empty
    );
    env.received(1).await;
}

#[tokio::test]
async fn rows_that_cannot_be_published_remain_in_the_outbox() {
    let mut env = TestEnv::with(&["acme"]).await;
    let one = counter(env.pool("acme")).await;
    increment(env.pool("acme"), one).await;
    let good = env.producer();
    "127.0.0.1:1".clone_into(&mut env.bus.bootstrap);
    let schemas = event_bus::EventSchemas::new().with::<crate::test_env::Counted>();
    let deadline = std::time::Duration::from_millis(500);
    let unavailable = event_bus::Producer::with_deadline(&env.bus, schemas, deadline).unwrap();
    let mut conn = env.pool("acme").acquire().await.unwrap();

    assert!(matches!(
        drain_once(&mut conn, &unavailable, 10).await.unwrap(),
        DrainOutcome::Stuck(_)
    ));
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 1);
    assert_eq!(
        drain_once(&mut conn, &good, 10).await.unwrap(),
        DrainOutcome::Empty
    );
    env.received(1).await;
}

/// Rows are deleted before they are published; a lost connection rolls the deletion back.
#[tokio::test]
async fn a_lost_connection_restores_the_rows_and_releases_the_lease() {
    let mut env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme").clone();
    let one = counter(&pool).await;
    increment(&pool, one).await;
    let good = env.producer();
    "127.0.0.1:1".clone_into(&mut env.bus.bootstrap);
    let schemas = event_bus::EventSchemas::new().with::<crate::test_env::Counted>();
    let unavailable = event_bus::Producer::new(&env.bus, schemas.clone()).unwrap();
    // Times out immediately, so that it does not hold the lease for long.
    let at_once = std::time::Duration::from_millis(1);
    let impatient = event_bus::Producer::with_deadline(&env.bus, schemas, at_once).unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let mut next = pool.acquire().await.unwrap();

    'claimed: loop {
        let mut claim = std::pin::pin!(drain_once(&mut conn, &unavailable, 10));
        // Once the claim holds the lease, the other connection gets `Busy`.
        loop {
            tokio::select! {
                found = &mut claim => {
                    assert_eq!(found.unwrap(), DrainOutcome::Busy); // the other connection got the lease first
                    continue 'claimed;
                }
                found = drain_once(&mut next, &impatient, 10) => {
                    if found.unwrap() == DrainOutcome::Busy {
                        break 'claimed;
                    }
                }
            }
        }
    }
    drop(conn.detach());

    crate::test_env::eventually("the lease to be released", || {
        let good = &good;
        let pool = pool.clone();
        async move {
            let mut conn = pool.acquire().await.unwrap();
            (drain_once(&mut conn, good, 10).await.unwrap() == DrainOutcome::Empty).then_some(())
        }
    })
    .await;
    env.received(1).await;
}

#[tokio::test]
async fn the_sessions_idle_timeout_does_not_apply_while_publishing() {
    let mut env = TestEnv::with(&["acme"]).await;
    let one = counter(env.pool("acme")).await;
    increment(env.pool("acme"), one).await;
    "127.0.0.1:1".clone_into(&mut env.bus.bootstrap);
    let schemas = event_bus::EventSchemas::new().with::<crate::test_env::Counted>();
    let deadline = std::time::Duration::from_secs(1);
    let unavailable = event_bus::Producer::with_deadline(&env.bus, schemas, deadline).unwrap();
    let mut conn = env.pool("acme").acquire().await.unwrap();
    sqlx::query("SET idle_in_transaction_session_timeout = '200ms'")
        .execute(&mut *conn)
        .await
        .unwrap();

    let found = drain_once(&mut conn, &unavailable, 10).await.unwrap();

    assert!(matches!(found, DrainOutcome::Stuck(_)));
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 1);
    conn.detach(); // the pool must not reuse its setting
}

#[tokio::test]
async fn a_transaction_that_commits_late_is_not_skipped() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme");
    let (slow, quick) = (counter(pool).await, counter(pool).await);
    let producer = env.producer();
    let mut conn = pool.acquire().await.unwrap();

    // The slow transaction draws its id first and commits last.
    let mut late = pool.begin().await.unwrap();
    increment_in(&mut late, slow).await;
    increment(pool, quick).await;
    assert_eq!(
        drain_once(&mut conn, &producer, 10).await.unwrap(),
        DrainOutcome::Empty
    );
    env.received(1).await;
    assert_eq!(env.numbers_of(quick), [1]);
    late.commit().await.unwrap();
    assert_eq!(
        drain_once(&mut conn, &producer, 10).await.unwrap(),
        DrainOutcome::Empty
    );

    env.received(2).await;
    assert_eq!(env.numbers_of(slow), [1]);
}

/// A transaction, or a drain pass between transactions.
#[derive(Clone, Debug)]
enum Step {
    Commit(usize),
    RollBack(usize),
    Drain(i64),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_the_committed_events_are_published_once_and_in_order() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme");
    let producer = env.producer();
    let step = prop_oneof![
        4 => (0usize..3).prop_map(Step::Commit),
        2 => (0usize..3).prop_map(Step::RollBack),
        1 => (1i64..5).prop_map(Step::Drain),
    ];
    let here = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        let mut runner = TestRunner::new(ProptestConfig {
            cases: 12,
            ..ProptestConfig::default()
        });
        let plans = prop::collection::vec(step, 1..30);
        let outcome = runner.run(&plans, |plan| {
            here.block_on(async {
                let counters = [
                    counter(pool).await,
                    counter(pool).await,
                    counter(pool).await,
                ];
                let mut numbers = [0i64; 3];
                let mut conn = pool.acquire().await.unwrap();
                for step in plan {
                    match step {
                        Step::Commit(which) => {
                            increment(pool, counters[which]).await;
                            numbers[which] += 1;
                        }
                        Step::RollBack(which) => {
                            let mut tx = pool.begin().await.unwrap();
                            increment_in(&mut tx, counters[which]).await;
                            tx.rollback().await.unwrap();
                        }
                        Step::Drain(batch) => {
                            drain_once(&mut conn, &producer, batch).await.unwrap();
                        }
                    }
                }
                while drain_once(&mut conn, &producer, 7).await.unwrap() != DrainOutcome::Empty {}
                for (counter, number) in counters.iter().zip(numbers) {
                    let wanted: Vec<_> = (1..=number).collect();
                    crate::test_env::eventually("the counter's events", || async {
                        (env.numbers_of(*counter).len() >= wanted.len()).then_some(())
                    })
                    .await;
                    prop_assert_eq!(env.numbers_of(*counter), wanted);
                }
                Ok(())
            })
        });
        outcome.unwrap();
    });
}
