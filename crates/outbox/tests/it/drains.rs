use outbox::{Drained, drain_once};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::world::{World, count, count_and_commit, counter};

#[tokio::test]
async fn more_rows_than_a_batch_are_published_batch_by_batch_in_order() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
    let one = counter(pool).await;
    for _ in 0..25 {
        count_and_commit(pool, one).await;
    }
    let producer = world.producer();
    let mut conn = pool.acquire().await.unwrap();

    let mut found = Vec::new();
    for _ in 0..4 {
        found.push(drain_once(&mut conn, &producer, 10).await.unwrap());
    }

    assert_eq!(
        found,
        [Drained::More, Drained::More, Drained::Empty, Drained::Empty]
    );
    world.hears(25).await;
    assert_eq!(world.heard_of(one), (1..=25).collect::<Vec<_>>());
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 0);
}

#[tokio::test]
async fn who_has_no_lease_publishes_nothing() {
    let world = World::with(&["acme", "globex"]).await;
    let one = counter(world.pool("acme")).await;
    count_and_commit(world.pool("acme"), one).await;
    let producer = world.producer();
    let mut holder = world.pool("acme").begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('outbox.' || current_schema(), 0))")
        .execute(&mut *holder)
        .await
        .unwrap();

    let mut acme = world.pool("acme").acquire().await.unwrap();
    let mut globex = world.pool("globex").acquire().await.unwrap();
    assert_eq!(
        drain_once(&mut acme, &producer, 10).await.unwrap(),
        Drained::Busy
    );
    assert_eq!(outbox::depth(&mut acme).await.unwrap(), 1);
    assert_eq!(
        drain_once(&mut globex, &producer, 10).await.unwrap(),
        Drained::Empty
    );

    holder.rollback().await.unwrap();
    assert_eq!(
        drain_once(&mut acme, &producer, 10).await.unwrap(),
        Drained::Empty
    );
    world.hears(1).await;
}

#[tokio::test]
async fn rows_that_cannot_be_published_stay() {
    let mut world = World::with(&["acme"]).await;
    let one = counter(world.pool("acme")).await;
    count_and_commit(world.pool("acme"), one).await;
    let good = world.producer();
    "127.0.0.1:1".clone_into(&mut world.bus.bootstrap);
    let schemas = event_bus::EventSchemas::new().with::<crate::world::Counted>();
    let deadline = std::time::Duration::from_millis(500);
    let away = event_bus::Producer::with_deadline(&world.bus, schemas, deadline).unwrap();
    let mut conn = world.pool("acme").acquire().await.unwrap();

    assert!(matches!(
        drain_once(&mut conn, &away, 10).await.unwrap(),
        Drained::Stuck(_)
    ));
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 1);
    assert_eq!(
        drain_once(&mut conn, &good, 10).await.unwrap(),
        Drained::Empty
    );
    world.hears(1).await;
}

/// Rows are deleted before they are published: whoever is cut off in between has deleted nothing.
#[tokio::test]
async fn a_claim_that_is_cut_off_leaves_the_rows_and_the_lease_to_the_next() {
    let mut world = World::with(&["acme"]).await;
    let pool = world.pool("acme").clone();
    let one = counter(&pool).await;
    count_and_commit(&pool, one).await;
    let good = world.producer();
    "127.0.0.1:1".clone_into(&mut world.bus.bootstrap);
    let schemas = event_bus::EventSchemas::new().with::<crate::world::Counted>();
    let away = event_bus::Producer::new(&world.bus, schemas.clone()).unwrap();
    // Gives up at once, so that it never holds the lease for long.
    let at_once = std::time::Duration::from_millis(1);
    let away_too = event_bus::Producer::with_deadline(&world.bus, schemas, at_once).unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let mut next = pool.acquire().await.unwrap();

    'claimed: loop {
        let mut claim = std::pin::pin!(drain_once(&mut conn, &away, 10));
        // Until it holds the lease, the next one finds the row or nothing; then it is told that it is busy.
        loop {
            tokio::select! {
                found = &mut claim => {
                    assert_eq!(found.unwrap(), Drained::Busy); // the next one was first
                    continue 'claimed;
                }
                found = drain_once(&mut next, &away_too, 10) => {
                    if found.unwrap() == Drained::Busy {
                        break 'claimed;
                    }
                }
            }
        }
    }
    drop(conn.detach());

    crate::world::eventually("the lease", || {
        let good = &good;
        let pool = pool.clone();
        async move {
            let mut conn = pool.acquire().await.unwrap();
            (drain_once(&mut conn, good, 10).await.unwrap() == Drained::Empty).then_some(())
        }
    })
    .await;
    world.hears(1).await;
}

/// Where sessions that are idle in a transaction are ended soon, waiting for Kafka is not being idle.
#[tokio::test]
async fn a_claim_outlives_the_sessions_idle_timeout() {
    let mut world = World::with(&["acme"]).await;
    let one = counter(world.pool("acme")).await;
    count_and_commit(world.pool("acme"), one).await;
    "127.0.0.1:1".clone_into(&mut world.bus.bootstrap);
    let schemas = event_bus::EventSchemas::new().with::<crate::world::Counted>();
    let deadline = std::time::Duration::from_secs(1);
    let away = event_bus::Producer::with_deadline(&world.bus, schemas, deadline).unwrap();
    let mut conn = world.pool("acme").acquire().await.unwrap();
    sqlx::query("SET idle_in_transaction_session_timeout = '200ms'")
        .execute(&mut *conn)
        .await
        .unwrap();

    let found = drain_once(&mut conn, &away, 10).await.unwrap();

    assert!(matches!(found, Drained::Stuck(_)));
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 1);
    conn.detach(); // nobody else is to have its setting
}

#[tokio::test]
async fn a_transaction_that_commits_late_is_not_skipped() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
    let (slow, quick) = (counter(pool).await, counter(pool).await);
    let producer = world.producer();
    let mut conn = pool.acquire().await.unwrap();

    // The slow one draws its id first and commits last.
    let mut late = pool.begin().await.unwrap();
    count(&mut late, slow).await;
    count_and_commit(pool, quick).await;
    assert_eq!(
        drain_once(&mut conn, &producer, 10).await.unwrap(),
        Drained::Empty
    );
    world.hears(1).await;
    assert_eq!(world.heard_of(quick), [1]);
    late.commit().await.unwrap();
    assert_eq!(
        drain_once(&mut conn, &producer, 10).await.unwrap(),
        Drained::Empty
    );

    world.hears(2).await;
    assert_eq!(world.heard_of(slow), [1]);
}

/// What one transaction does, and what the relay does in between.
#[derive(Clone, Debug)]
enum Step {
    Commit(usize),
    RollBack(usize),
    Drain(i64),
}

/// Whatever is committed, rolled back and drained in whatever order: the log tells of each committed change once, in
/// order, and of nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_tells_of_what_was_committed_once_and_in_order() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
    let producer = world.producer();
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
                            count_and_commit(pool, counters[which]).await;
                            numbers[which] += 1;
                        }
                        Step::RollBack(which) => {
                            let mut tx = pool.begin().await.unwrap();
                            count(&mut tx, counters[which]).await;
                            tx.rollback().await.unwrap();
                        }
                        Step::Drain(batch) => {
                            drain_once(&mut conn, &producer, batch).await.unwrap();
                        }
                    }
                }
                while drain_once(&mut conn, &producer, 7).await.unwrap() != Drained::Empty {}
                for (counter, number) in counters.iter().zip(numbers) {
                    let wanted: Vec<_> = (1..=number).collect();
                    crate::world::eventually("the counter's events", || async {
                        (world.heard_of(*counter).len() >= wanted.len()).then_some(())
                    })
                    .await;
                    prop_assert_eq!(world.heard_of(*counter), wanted);
                }
                Ok(())
            })
        });
        outcome.unwrap();
    });
}
