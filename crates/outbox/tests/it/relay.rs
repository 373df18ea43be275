use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::future::join_all;
use outbox::{Relay, RelaySettings, RelayWaker};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::test_env::{TestEnv, counter, eventually, increment, increment_in, run};

const NEVER: Duration = Duration::from_hours(1);

/// Settings with which the relay sweeps only when it starts.
fn settings() -> RelaySettings {
    RelaySettings {
        batch_size: 7,
        dirty_sweep_interval: NEVER,
        full_sweep_interval: NEVER,
        ..RelaySettings::default()
    }
}

struct RunningRelay {
    waker: RelayWaker,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl RunningRelay {
    fn start(env: &TestEnv, settings: RelaySettings) -> Self {
        let (relay, waker) = Relay::new(Arc::clone(&env.outboxes) as _, env.producer(), settings);
        let stop = CancellationToken::new();
        Self {
            waker,
            task: tokio::spawn(relay.run(stop.clone())),
            stop,
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("the relay does not panic");
    }
}

#[tokio::test]
async fn events_of_concurrent_writers_are_published_in_commit_order() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme");
    let counters = [counter(pool).await, counter(pool).await];
    let relay = RunningRelay::start(&env, settings());

    join_all((0..5).map(|writer| {
        let waker = relay.waker.clone();
        async move {
            for _ in 0..20 {
                increment(pool, counters[writer % 2]).await;
                waker.wake("acme".into());
            }
        }
    }))
    .await;

    env.received(100).await;
    assert_eq!(env.numbers_of(counters[0]), (1..=60).collect::<Vec<_>>());
    assert_eq!(env.numbers_of(counters[1]), (1..=40).collect::<Vec<_>>());
    relay.stop().await;
}

/// Between the first claim of a lease and the listing of its follow-up claims, a row with a lower id becomes visible, and
/// a later row of its aggregate. Listing only ids above the first claim would publish the second row first.
#[tokio::test]
async fn a_row_that_becomes_visible_between_two_claims_of_a_lease_is_published_in_order() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme");
    let (slow, quick) = (counter(pool).await, counter(pool).await);
    let lock_key = uuid::Uuid::now_v7().as_u64_pair().1 & 0x7fff_ffff;
    let mut locker = pool.acquire().await.unwrap();
    let gated = format!(
        "CREATE FUNCTION wait_for_lock() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_advisory_xact_lock_shared({lock_key}); RETURN NULL; END $$;
         CREATE TRIGGER wait_for_lock AFTER DELETE ON outbox EXECUTE FUNCTION wait_for_lock();
         SELECT pg_advisory_lock({lock_key})"
    );
    run(&mut locker, gated).await;
    let mut late = pool.begin().await.unwrap();
    increment_in(&mut late, slow).await;
    for _ in 0..20 {
        increment(pool, quick).await;
    }
    let settings = RelaySettings {
        batch_size: 2,
        database_timeout: Duration::from_secs(30),
        ..settings()
    };

    let relay = RunningRelay::start(&env, settings);
    relay.waker.wake("acme".into());
    eventually("the first claim to block", || async {
        let waiting = "SELECT count(*) FROM pg_locks
                       WHERE locktype = 'advisory' AND NOT granted AND objid::bigint = $1";
        let waiting = sqlx::query_scalar::<_, i64>(waiting).bind(lock_key.cast_signed());
        (waiting.fetch_one(pool).await.unwrap() > 0).then_some(())
    })
    .await;
    late.commit().await.unwrap();
    increment(pool, slow).await;
    run(
        &mut locker,
        format!("SELECT pg_advisory_unlock({lock_key})"),
    )
    .await;

    env.wait_until_drained("acme").await;
    relay.stop().await;
    let received = env.received(22).await;
    let ids: HashSet<_> = received.iter().map(|(_, _, id)| id).collect();
    assert_eq!((received.len(), ids.len()), (22, 22));
    assert_eq!(env.numbers_of(quick), (1..=20).collect::<Vec<_>>());
    assert_eq!(env.numbers_of(slow), [1, 2]);
}

#[tokio::test]
async fn a_refused_row_in_a_follow_up_claim_causes_no_duplicates() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme");
    let one = counter(pool).await;
    for number in 0..60 {
        if number == 30 {
            let no_event = "INSERT INTO outbox (topic, envelope, datum) VALUES ('counter.events', $1::json, '')";
            let what = r#"{"id": "no \u0000 text"}"#;
            sqlx::query(no_event)
                .bind(what)
                .execute(pool)
                .await
                .unwrap();
        }
        increment(pool, one).await;
    }
    let small_batches = RelaySettings {
        batch_size: 2,
        ..settings()
    };

    let relay = RunningRelay::start(&env, small_batches);
    relay.waker.wake("acme".into());

    env.wait_until_drained("acme").await;
    relay.stop().await;
    let received = env.received(60).await;
    let ids: HashSet<_> = received.iter().map(|(_, _, id)| id).collect();
    assert_eq!((received.len(), ids.len()), (60, 60));
    assert_eq!(env.numbers_of(one), (1..=60).collect::<Vec<_>>());
    let mut conn = pool.acquire().await.unwrap();
    let refused = outbox::list_refused(&mut conn, 0, 10).await.unwrap();
    assert_eq!(refused.len(), 1);
    assert!(refused[0].envelope.is_err());
}

#[tokio::test]
async fn concurrent_relays_publish_each_row_once_and_in_order() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme");
    let one = counter(pool).await;
    let relays: Vec<_> = (0..3)
        .map(|_| RunningRelay::start(&env, settings()))
        .collect();

    for n in 0..150 {
        increment(pool, one).await;
        relays[n % 3].waker.wake("acme".into());
        relays[(n + 1) % 3].waker.wake("acme".into());
    }

    env.wait_until_drained("acme").await;
    for relay in relays {
        relay.stop().await;
    }
    let received = env.received(150).await;
    let ids: HashSet<_> = received.iter().map(|(_, _, id)| id).collect();
    assert_eq!((received.len(), ids.len()), (150, 150));
    assert_eq!(env.numbers_of(one), (1..=150).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_outbox_is_drained_on_wake_up_or_by_a_sweep() {
    let env = TestEnv::with(&["acme", "globex"]).await;
    let (one, other) = (
        counter(env.pool("acme")).await,
        counter(env.pool("globex")).await,
    );
    let relay = RunningRelay::start(&env, settings());
    eventually("the initial sweeps", || async {
        (env.outboxes.sweeps.load(Ordering::SeqCst) >= 2).then_some(())
    })
    .await;
    increment(env.pool("acme"), one).await;
    increment(env.pool("globex"), other).await;

    relay.waker.wake("acme".into());
    env.received(1).await;
    assert_eq!(
        (env.numbers_of(one), env.numbers_of(other)),
        (vec![1], vec![])
    );
    relay.stop().await;

    // As after a crash: no wake-up, only the initial sweep.
    *env.outboxes.all.lock().unwrap() = vec!["globex".into()];
    let relay = RunningRelay::start(&env, settings());
    env.received(2).await;
    assert_eq!(env.numbers_of(other), [1]);
    relay.stop().await;

    increment(env.pool("acme"), one).await;
    *env.outboxes.dirty.lock().unwrap() = vec!["acme".into()];
    let frequent = RelaySettings {
        dirty_sweep_interval: Duration::from_millis(20),
        ..settings()
    };
    let relay = RunningRelay::start(&env, frequent);
    env.received(3).await;
    relay.stop().await;
}

#[tokio::test]
async fn an_unreachable_outbox_backs_off_without_delaying_the_others() {
    let env = TestEnv::with(&["acme", "globex"]).await;
    let (one, other) = (
        counter(env.pool("acme")).await,
        counter(env.pool("globex")).await,
    );
    env.outboxes.unreachable.lock().unwrap().push("acme".into());
    let relay = RunningRelay::start(&env, settings());
    increment(env.pool("acme"), one).await;
    relay.waker.wake("acme".into());

    for _ in 0..20 {
        increment(env.pool("globex"), other).await;
        relay.waker.wake("globex".into());
    }
    env.received(20).await;
    assert_eq!(env.numbers_of(one), Vec::<i64>::new());

    // It recovers without another wake-up.
    env.outboxes.unreachable.lock().unwrap().clear();
    env.received(21).await;
    assert_eq!(env.numbers_of(one), [1]);
    relay.stop().await;
}

#[tokio::test]
async fn a_hanging_sweep_does_not_delay_wake_ups() {
    let env = TestEnv::with(&["acme"]).await;
    let one = counter(env.pool("acme")).await;
    env.outboxes.sweeps_hang.store(true, Ordering::SeqCst);
    let frequent = RelaySettings {
        dirty_sweep_interval: Duration::from_millis(20),
        full_sweep_interval: Duration::from_millis(20),
        ..settings()
    };
    let relay = RunningRelay::start(&env, frequent);
    eventually("both sweeps", || async {
        (env.outboxes.sweeps.load(Ordering::SeqCst) >= 2).then_some(())
    })
    .await;

    for number in 1..=10 {
        increment(env.pool("acme"), one).await;
        relay.waker.wake("acme".into());
        env.received(number).await;
    }
    // At most one sweep of each kind runs.
    assert_eq!(env.outboxes.sweeps.load(Ordering::SeqCst), 2);
    relay.stop().await;
}

#[tokio::test]
async fn a_stopping_relay_drains_queued_outboxes() {
    let env = TestEnv::with(&["acme"]).await;
    let pool = env.pool("acme");
    let one = counter(pool).await;
    let relay = RunningRelay::start(&env, settings());
    for _ in 0..30 {
        increment(pool, one).await;
    }
    relay.waker.wake("acme".into());

    relay.stop().await;

    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 0);
    env.received(30).await;
}
