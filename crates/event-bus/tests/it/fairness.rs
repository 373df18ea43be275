use std::{collections::BTreeSet, time::Duration};

use event_bus::{Failure, Received, Router};
use tokio_util::sync::CancellationToken;

use crate::world::{Counter, Placed, Seen, World, eventually, run, tenant};

/// A handler of which one tenant's events wait until they are let go.
fn held(seen: &Seen, tenant: uuid::Uuid, go: &CancellationToken) -> Router {
    let (seen, go) = (seen.clone(), go.clone());
    Router::new().on::<Placed>(move |event: Received<Placed>| {
        let (seen, go) = (seen.clone(), go.clone());
        async move {
            if event.envelope.tenant.as_ref().map(|of| of.id) == Some(tenant) {
                go.cancelled().await;
            }
            seen.note(&event);
            Ok::<(), Failure>(())
        }
    })
}

fn all(numbers: std::ops::Range<i64>) -> Vec<i64> {
    numbers.collect()
}

#[tokio::test]
async fn a_tenants_flood_in_the_same_partition_does_not_hold_up_the_others() {
    let world = World::with_partitions(1).await;
    let (flood, other) = (tenant(), tenant());
    world.publish(&flood, "flood", 0..3000).await;
    world.publish(&other, "other", 0..5).await;
    world.publish(&flood, "flood", 3000..3500).await;
    world.publish(&other, "other", 5..10).await;
    let (seen, go) = (Seen::default(), CancellationToken::new());
    let consumer = world.consumer("c").parallel(4).in_flight(200);
    let consumer = run(consumer, held(&seen, flood.id, &go));

    // None of the flood's 3,000 is handled yet, and few of them are in memory.
    seen.reaches(10).await;
    assert_eq!(seen.numbers_of("other"), all(0..10));
    assert!(consumer.control.status().in_flight <= 200);

    go.cancel();
    seen.reaches(3510).await;
    eventually(|| async { world.committed("c").await == 3510 }).await;
    consumer.stop().await;
    assert_eq!(
        seen.numbers_of("flood"),
        all(0..3500),
        "in order, each once"
    );
}

#[tokio::test]
async fn a_tenant_that_was_behind_at_a_restart_goes_on_and_nothing_comes_again() {
    let world = World::with_partitions(1).await;
    let (flood, other) = (tenant(), tenant());
    world.publish(&flood, "flood", 0..1000).await;
    world.publish(&other, "other", 0..50).await;
    let (seen, go) = (Seen::default(), CancellationToken::new());
    let quick = || {
        let consumer = world.consumer("c").parallel(4).in_flight(100);
        consumer.drain(Duration::from_millis(200))
    };
    let consumer = run(quick(), held(&seen, flood.id, &go));
    seen.reaches(50).await;
    consumer.stop().await;
    assert_eq!(
        world.committed("c").await,
        0,
        "the flood's first is not done"
    );

    go.cancel();
    let consumer = run(quick(), held(&seen, flood.id, &go));
    seen.reaches(1050).await;
    world.publish(&flood, "flood", 1000..1100).await;
    world.publish(&other, "other", 50..60).await;
    eventually(|| async { world.committed("c").await == 1160 }).await;
    consumer.stop().await;
    assert_eq!(seen.numbers_of("flood"), all(0..1100));
    assert_eq!(seen.numbers_of("other"), all(0..60));
}

#[tokio::test]
async fn a_tenant_is_paused_drained_and_resumed_by_itself() {
    let world = World::with_partitions(1).await;
    let (paused, other) = (tenant(), tenant());
    let (seen, running) = (Seen::default(), Counter::default());
    let handler = {
        let (seen, running) = (seen.clone(), running.clone());
        Router::new().on::<Placed>(move |event: Received<Placed>| {
            let (seen, running) = (seen.clone(), running.clone());
            async move {
                running.next();
                tokio::time::sleep(Duration::from_millis(5)).await;
                seen.note(&event);
                Ok::<(), Failure>(())
            }
        })
    };
    let consumer = run(world.consumer("c").parallel(2).in_flight(64), handler);
    world.publish(&paused, "paused", 0..500).await;
    seen.reaches(20).await;

    let before = running.get();
    consumer.control.pause_tenant(paused.id).await;
    let (begun, done) = (running.get(), seen.all().len());
    assert!(begun <= before + 2, "what waits in memory does not begin");
    assert_eq!(begun, done, "nothing runs when the pause is there");
    world.publish(&other, "other", 0..100).await;
    world.publish(&paused, "paused", 500..600).await;
    world.publish(&other, "other", 100..200).await;
    seen.reaches(done + 200).await;
    assert_eq!(seen.numbers_of("other"), all(0..200));
    assert_eq!(seen.numbers_of("paused").len(), done, "none meanwhile");

    consumer.control.resume_tenant(paused.id);
    seen.reaches(800).await;
    eventually(|| async { world.committed("c").await == 800 }).await;
    consumer.stop().await;
    assert_eq!(seen.numbers_of("paused"), all(0..600));
}

#[tokio::test]
async fn a_paused_consumer_starts_nothing_and_stays_in_its_group() {
    let world = World::with_partitions(1).await;
    let (acme, seen) = (tenant(), Seen::default());
    let consumer = run(world.consumer("c"), seen.handler());
    world.publish(&acme, "s", 0..10).await;
    seen.reaches(10).await;
    consumer.control.pause();
    world.publish(&acme, "s", 10..20).await;
    eventually(|| async { consumer.control.status().in_flight == 10 }).await;
    assert_eq!(seen.all().len(), 10);
    let status = consumer.control.status();
    assert_eq!(status.partitions, [("order.events".to_owned(), 0)]);
    assert!(status.is_running);

    consumer.control.resume();
    seen.reaches(20).await;
    consumer.stop().await;
}

#[tokio::test]
async fn tenants_take_turns_where_there_are_fewer_places_than_work() {
    let world = World::with_partitions(1).await;
    let (flood, other) = (tenant(), tenant());
    world.publish(&other, "other", [0]).await;
    // 40 aggregates of one tenant want both places before the other's only one comes.
    for aggregate in 0..40 {
        world.publish(&flood, format!("f{aggregate}"), 0..5).await;
    }
    world.publish(&other, "other", 1..6).await;
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        Router::new().on::<Placed>(move |event: Received<Placed>| {
            let seen = seen.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                seen.note(&event);
                Ok::<(), Failure>(())
            }
        })
    };
    let consumer = run(world.consumer("c").parallel(2).in_flight(1000), handler);
    seen.reaches(206).await;
    consumer.stop().await;
    let order: Vec<String> = seen.all().into_iter().map(|(subject, _)| subject).collect();
    let last_of_other = order
        .iter()
        .rposition(|subject| subject == "other")
        .unwrap();
    assert!(
        last_of_other < 40,
        "the other's five were through after {last_of_other}"
    );
    let subjects: BTreeSet<&String> = order.iter().collect();
    assert_eq!(subjects.len(), 41);
}
