use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::future::join_all;
use outbox::{Nudge, Relay, RelaySettings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::{World, count, count_and_commit, counter, eventually, run};

const NEVER: Duration = Duration::from_hours(1);

/// Sweeps once at its start, and then only if asked to.
fn settings() -> RelaySettings {
    RelaySettings {
        batch: 7,
        sweep_marked: NEVER,
        sweep_all: NEVER,
        ..RelaySettings::default()
    }
}

struct Running {
    nudge: Nudge,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(world: &World, settings: RelaySettings) -> Self {
        let (relay, nudge) =
            Relay::new(Arc::clone(&world.outboxes) as _, world.producer(), settings);
        let stop = CancellationToken::new();
        Self {
            nudge,
            task: tokio::spawn(relay.run(stop.clone())),
            stop,
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("the relay ends in peace");
    }
}

#[tokio::test]
async fn concurrent_writers_of_one_row_are_told_of_in_its_order() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
    let counters = [counter(pool).await, counter(pool).await];
    let relay = Running::start(&world, settings());

    join_all((0..5).map(|writer| {
        let nudge = relay.nudge.clone();
        async move {
            for _ in 0..20 {
                count_and_commit(pool, counters[writer % 2]).await;
                nudge.nudge("acme".into());
            }
        }
    }))
    .await;

    world.hears(100).await;
    assert_eq!(world.heard_of(counters[0]), (1..=60).collect::<Vec<_>>());
    assert_eq!(world.heard_of(counters[1]), (1..=40).collect::<Vec<_>>());
    relay.stop().await;
}

/// Between the first claim of a lease and the look for the others a row of lower id comes to light, and one of its
/// aggregate behind it. Who looked only behind what was claimed would publish the second first.
#[tokio::test]
async fn what_comes_to_light_between_the_claims_of_a_lease_keeps_its_place() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
    let (slow, quick) = (counter(pool).await, counter(pool).await);
    let gate = uuid::Uuid::now_v7().as_u64_pair().1 & 0x7fff_ffff;
    let mut keeper = pool.acquire().await.unwrap();
    let gated = format!(
        "CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_advisory_xact_lock_shared({gate}); RETURN NULL; END $$;
         CREATE TRIGGER gate AFTER DELETE ON outbox EXECUTE FUNCTION gate();
         SELECT pg_advisory_lock({gate})"
    );
    run(&mut keeper, gated).await;
    let mut late = pool.begin().await.unwrap();
    count(&mut late, slow).await;
    for _ in 0..20 {
        count_and_commit(pool, quick).await;
    }
    let patient = RelaySettings {
        batch: 2,
        patience: Duration::from_secs(30),
        ..settings()
    };

    let relay = Running::start(&world, patient);
    relay.nudge.nudge("acme".into());
    eventually("the first claim at the gate", || async {
        let waiting = "SELECT count(*) FROM pg_locks
                       WHERE locktype = 'advisory' AND NOT granted AND objid::bigint = $1";
        let waiting = sqlx::query_scalar::<_, i64>(waiting).bind(gate.cast_signed());
        (waiting.fetch_one(pool).await.unwrap() > 0).then_some(())
    })
    .await;
    late.commit().await.unwrap();
    count_and_commit(pool, slow).await;
    run(&mut keeper, format!("SELECT pg_advisory_unlock({gate})")).await;

    world.is_drained("acme").await;
    relay.stop().await;
    let heard = world.hears(22).await;
    let ids: HashSet<_> = heard.iter().map(|(_, _, id)| id).collect();
    assert_eq!((heard.len(), ids.len()), (22, 22));
    assert_eq!(world.heard_of(quick), (1..=20).collect::<Vec<_>>());
    assert_eq!(world.heard_of(slow), [1, 2]);
}

/// The same claims meet one that can never be published: what was published before it stays published, once.
#[tokio::test]
async fn a_refused_row_in_a_later_claim_takes_nothing_published_back() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
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
        count_and_commit(pool, one).await;
    }
    let few = RelaySettings {
        batch: 2,
        ..settings()
    };

    let relay = Running::start(&world, few);
    relay.nudge.nudge("acme".into());

    world.is_drained("acme").await;
    relay.stop().await;
    let heard = world.hears(60).await;
    let ids: HashSet<_> = heard.iter().map(|(_, _, id)| id).collect();
    assert_eq!((heard.len(), ids.len()), (60, 60));
    assert_eq!(world.heard_of(one), (1..=60).collect::<Vec<_>>());
    let mut conn = pool.acquire().await.unwrap();
    let refused = outbox::refused(&mut conn, 0, 10).await.unwrap();
    assert_eq!(refused.len(), 1);
    assert!(refused[0].envelope.is_err());
}

#[tokio::test]
async fn relays_that_share_an_outbox_publish_each_row_once_and_in_order() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
    let one = counter(pool).await;
    let relays: Vec<_> = (0..3).map(|_| Running::start(&world, settings())).collect();

    for n in 0..150 {
        count_and_commit(pool, one).await;
        relays[n % 3].nudge.nudge("acme".into());
        relays[(n + 1) % 3].nudge.nudge("acme".into());
    }

    world.is_drained("acme").await;
    for relay in relays {
        relay.stop().await;
    }
    let heard = world.hears(150).await;
    let ids: HashSet<_> = heard.iter().map(|(_, _, id)| id).collect();
    assert_eq!((heard.len(), ids.len()), (150, 150));
    assert_eq!(world.heard_of(one), (1..=150).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_nudge_is_enough_and_a_sweep_finds_what_nobody_nudged_for() {
    let world = World::with(&["acme", "globex"]).await;
    let (one, other) = (
        counter(world.pool("acme")).await,
        counter(world.pool("globex")).await,
    );
    let relay = Running::start(&world, settings());
    eventually("the sweeps of the start", || async {
        (world.outboxes.sweeps.load(Ordering::SeqCst) >= 2).then_some(())
    })
    .await;
    count_and_commit(world.pool("acme"), one).await;
    count_and_commit(world.pool("globex"), other).await;

    relay.nudge.nudge("acme".into());
    world.hears(1).await;
    assert_eq!(
        (world.heard_of(one), world.heard_of(other)),
        (vec![1], vec![])
    );
    relay.stop().await;

    // As after a crash: only the sweep of the next start knows.
    *world.outboxes.all.lock().unwrap() = vec!["globex".into()];
    let relay = Running::start(&world, settings());
    world.hears(2).await;
    assert_eq!(world.heard_of(other), [1]);
    relay.stop().await;

    count_and_commit(world.pool("acme"), one).await;
    *world.outboxes.marked.lock().unwrap() = vec!["acme".into()];
    let often = RelaySettings {
        sweep_marked: Duration::from_millis(20),
        ..settings()
    };
    let relay = Running::start(&world, often);
    world.hears(3).await;
    relay.stop().await;
}

#[tokio::test]
async fn an_outbox_that_is_away_waits_and_the_others_go_on() {
    let world = World::with(&["acme", "globex"]).await;
    let (one, other) = (
        counter(world.pool("acme")).await,
        counter(world.pool("globex")).await,
    );
    world.outboxes.away.lock().unwrap().push("acme".into());
    let relay = Running::start(&world, settings());
    count_and_commit(world.pool("acme"), one).await;
    relay.nudge.nudge("acme".into());

    for _ in 0..20 {
        count_and_commit(world.pool("globex"), other).await;
        relay.nudge.nudge("globex".into());
    }
    world.hears(20).await;
    assert_eq!(world.heard_of(one), Vec::<i64>::new());

    // It comes back by itself: nobody nudges again.
    world.outboxes.away.lock().unwrap().clear();
    world.hears(21).await;
    assert_eq!(world.heard_of(one), [1]);
    relay.stop().await;
}

#[tokio::test]
async fn a_list_of_outboxes_that_never_comes_delays_no_nudge() {
    let world = World::with(&["acme"]).await;
    let one = counter(world.pool("acme")).await;
    world.outboxes.listless.store(true, Ordering::SeqCst);
    let impatient = RelaySettings {
        sweep_marked: Duration::from_millis(20),
        sweep_all: Duration::from_millis(20),
        ..settings()
    };
    let relay = Running::start(&world, impatient);
    eventually("both sweeps", || async {
        (world.outboxes.sweeps.load(Ordering::SeqCst) >= 2).then_some(())
    })
    .await;

    for number in 1..=10 {
        count_and_commit(world.pool("acme"), one).await;
        relay.nudge.nudge("acme".into());
        world.hears(number).await;
    }
    // Of each kind one is enough.
    assert_eq!(world.outboxes.sweeps.load(Ordering::SeqCst), 2);
    relay.stop().await;
}

#[tokio::test]
async fn a_stop_looks_once_more_at_what_was_waiting() {
    let world = World::with(&["acme"]).await;
    let pool = world.pool("acme");
    let one = counter(pool).await;
    let relay = Running::start(&world, settings());
    for _ in 0..30 {
        count_and_commit(pool, one).await;
    }
    relay.nudge.nudge("acme".into());

    relay.stop().await;

    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(outbox::depth(&mut conn).await.unwrap(), 0);
    world.hears(30).await;
}
