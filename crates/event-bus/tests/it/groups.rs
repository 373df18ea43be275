use std::{collections::BTreeSet, time::Duration};

use event_bus::{
    Event, Failure, OutboundRecord, ProcessingOrder, Received, Router, admin::TopicSpec,
};

use crate::world::{Counter, Placed, Seen, World, eventually, parts, run, tenant};

/// Publishes `count` events for each of `subjects` orders of one tenant, numbered per order; all of an
/// order, then all of the next.
async fn publish(world: &World, subjects: usize, count: i64) {
    let acme = tenant();
    let orders = (0..subjects).flat_map(|subject| (0..count).map(move |number| (subject, number)));
    let records = orders.map(|(subject, number)| {
        OutboundRecord::of(parts(&acme, subject), &Placed { number }).unwrap()
    });
    let results = world
        .producer()
        .publish_batch(&records.collect::<Vec<_>>())
        .await;
    assert!(results.iter().all(Result::is_ok));
}

/// Takes a moment, then notes.
fn slow(seen: &Seen, moment: impl Fn(i64) -> Duration + Clone + Send + Sync + 'static) -> Router {
    let seen = seen.clone();
    Router::new().on::<Placed>(move |event: Received<Placed>| {
        let (seen, moment) = (seen.clone(), moment.clone());
        async move {
            tokio::time::sleep(moment(event.data.number)).await;
            seen.note(&event);
            Ok::<(), Failure>(())
        }
    })
}

#[tokio::test]
async fn many_keys_go_side_by_side_and_each_in_order() {
    let world = World::with_partitions(2).await;
    let seen = Seen::default();
    publish(&world, 50, 20).await;
    let began = std::time::Instant::now();

    // Early ones take longest: without lanes, later ones would overtake them.
    let handler = slow(&seen, |number| {
        Duration::from_millis(20 - number.cast_unsigned())
    });
    let consumer = run(world.consumer("c").parallel(50).in_flight(1000), handler);

    seen.reaches(1000).await;
    let elapsed = began.elapsed();
    consumer.stop().await;
    for subject in 0..50 {
        let in_order: Vec<i64> = (0..20).collect();
        assert_eq!(
            seen.numbers_of(&subject.to_string()),
            in_order,
            "order {subject}"
        );
    }
    assert!(
        elapsed < Duration::from_secs(8),
        "one after the other it takes 10.5 s: {elapsed:?}"
    );
    assert_eq!(world.committed("c").await, 1000);
}

#[tokio::test]
async fn ordered_by_tenant_the_aggregates_of_a_tenant_wait_for_each_other() {
    let world = World::with_partitions(1).await;
    let seen = Seen::default();
    let acme = tenant();
    let records = (0..50)
        .map(|number| OutboundRecord::of(parts(&acme, number % 5), &Placed { number }).unwrap());
    world
        .producer()
        .publish_batch(&records.collect::<Vec<_>>())
        .await;

    let handler = slow(&seen, |number| {
        Duration::from_millis(50 - number.cast_unsigned())
    });
    let consumer = run(
        world.consumer("c").order_by(ProcessingOrder::Tenant),
        handler,
    );

    seen.reaches(50).await;
    consumer.stop().await;
    let numbers: Vec<i64> = seen.all().into_iter().map(|(_, number)| number).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
}

#[tokio::test]
async fn a_restart_brings_what_was_unfinished_and_not_what_was_finished_behind_it() {
    let world = World::with_partitions(1).await;
    publish(&world, 10, 1).await; // offsets 0..10, one of each order
    let first = Seen::default();
    let stuck = {
        let first = first.clone();
        Router::new().on::<Placed>(move |event: Received<Placed>| {
            let first = first.clone();
            async move {
                if event.envelope.subject == "4" {
                    std::future::pending::<()>().await;
                }
                first.note(&event);
                Ok::<(), Failure>(())
            }
        })
    };
    let consumer = run(world.consumer("c").drain(Duration::from_millis(300)), stuck);
    first.reaches(9).await;
    consumer.stop().await;
    assert_eq!(world.committed("c").await, 4, "not past the unfinished one");

    let second = Seen::default();
    let consumer = run(world.consumer("c"), second.handler());
    second.reaches(1).await;
    eventually(|| async { world.committed("c").await == 10 }).await;
    consumer.stop().await;
    assert_eq!(
        second.all(),
        [("4".to_owned(), 0)],
        "what was finished does not come again"
    );
}

#[tokio::test]
async fn a_stop_lets_running_work_end_and_commits_it() {
    let world = World::with_partitions(1).await;
    publish(&world, 20, 1).await;
    let (seen, begun) = (Seen::default(), Counter::default());
    let handler = {
        let (seen, begun) = (seen.clone(), begun.clone());
        Router::new().on::<Placed>(move |event: Received<Placed>| {
            let (seen, begun) = (seen.clone(), begun.clone());
            async move {
                begun.next();
                tokio::time::sleep(Duration::from_millis(500)).await;
                seen.note(&event);
                Ok::<(), Failure>(())
            }
        })
    };
    let consumer = run(world.consumer("c").parallel(5), handler);
    eventually(|| async { begun.get() >= 5 }).await;
    consumer.stop().await;

    assert_eq!(seen.all().len(), begun.get(), "all that began ended");
    assert!(begun.get() < 20, "and nothing began after the stop");
    let committed = usize::try_from(world.committed("c").await).unwrap();
    assert_eq!(committed, seen.all().len());
}

#[tokio::test]
async fn members_come_and_go_and_every_event_is_handled() {
    let world = World::with_partitions(6).await;
    let seen = Seen::default();
    let member = || {
        let handler = slow(&seen, |_| Duration::from_millis(3));
        run(world.consumer("c").parallel(4), handler)
    };
    let first = member();
    let publishing = async {
        let producer = world.producer();
        for number in 0..600 {
            let event = Placed { number };
            producer
                .publish(parts(&tenant(), "s"), &event)
                .await
                .unwrap();
        }
    };
    let coming_and_going = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let second = member();
        tokio::time::sleep(Duration::from_millis(3500)).await;
        let third = member();
        first.abandon();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        second.stop().await;
        third
    };
    let (third, ()) = tokio::join!(coming_and_going, publishing);

    let all: BTreeSet<i64> = (0..600).collect();
    eventually(|| async { seen.numbers_of("s").into_iter().collect::<BTreeSet<_>>() == all }).await;
    eventually(|| async { world.committed("c").await == 600 }).await;
    third.stop().await;
    let again = seen.all().len() - 600;
    assert!(again < 60, "{again} events came again");
}

/// A gauge of this group, as a scrape would see it.
fn gauge(name: &str, group: &str) -> i64 {
    let families = prometheus::gather();
    let family = families.iter().find(|family| family.name() == name);
    let mut metrics = family.map_or(&[][..], |family| family.get_metric()).iter();
    let of_group = |metric: &&prometheus::proto::Metric| {
        metric
            .get_label()
            .iter()
            .any(|label| label.value() == group)
    };
    #[allow(clippy::cast_possible_truncation)] // a small whole number
    metrics
        .find(of_group)
        .map_or(0, |metric| metric.get_gauge().get_value() as i64)
}

#[tokio::test]
async fn a_full_house_pauses_and_goes_on() {
    let world = World::with_partitions(2).await;
    for _ in 0..40 {
        publish(&world, 10, 1).await; // of one tenant
    }
    let seen = Seen::default();
    let handler = slow(&seen, |_| Duration::from_millis(250));
    let consumer = world.consumer("full-house").parallel(20).in_flight(60);
    let consumer = run(consumer, handler);
    let (mut most, mut paused) = (0, 0);
    while seen.all().len() < 400 {
        most = most.max(gauge("event_bus_in_flight", "full-house"));
        paused = paused.max(gauge("event_bus_paused", "full-house"));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    consumer.stop().await;
    assert!((40..=61).contains(&most), "{most} in flight");
    assert_eq!(paused, 1);
    assert_eq!(seen.all().len(), 400, "none twice, none lost");
    assert_eq!(world.committed("full-house").await, 400);
}

#[tokio::test]
async fn a_partition_that_comes_back_goes_on_where_its_last_owner_stopped() {
    let world = World::with_partitions(2).await;
    let (ours, theirs) = (Seen::default(), Seen::default());
    let producer = world.producer();
    let mut number = 0;
    let first = run(world.consumer("c"), ours.handler());
    let mut other = None;
    while theirs.all().len() < 20 {
        producer
            .publish(parts(&tenant(), "s"), &Placed { number })
            .await
            .unwrap();
        number += 1;
        if ours.all().len() > 20 && other.is_none() {
            other = Some(run(world.consumer("c"), theirs.handler()));
        }
        assert!(number < 5000, "the second member never got anything");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    other.expect("it joined").stop().await;
    for _ in 0..100 {
        producer
            .publish(parts(&tenant(), "s"), &Placed { number })
            .await
            .unwrap();
        number += 1;
    }

    let all: BTreeSet<i64> = (0..number).collect();
    let handled = || [ours.numbers_of("s"), theirs.numbers_of("s")].concat();
    eventually(|| async { handled().into_iter().collect::<BTreeSet<_>>() == all }).await;
    first.stop().await;
    assert_eq!(world.committed("c").await, number);
    let again = handled().len() - all.len();
    assert!(again < 20, "{again} events came again");
}

#[tokio::test]
async fn a_consumer_waits_for_a_topic_that_is_not_there_yet() {
    let world = World::without_topics();
    let seen = Seen::default();
    let consumer = run(world.consumer("c"), seen.handler());
    tokio::time::sleep(Duration::from_secs(2)).await;
    world
        .admin
        .create_topics(&[TopicSpec::new(Placed::TOPIC, 1)])
        .await
        .unwrap();
    publish(&world, 3, 1).await;
    seen.reaches(3).await;
    consumer.stop().await;
}

#[tokio::test]
async fn a_stop_needs_no_broker() {
    let mut world = World::without_topics();
    world.settings.bootstrap = "127.0.0.1:1".to_owned();
    let consumer = world.consumer("c").drain(Duration::from_millis(500));
    let running = run(consumer, Seen::default().handler());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let began = std::time::Instant::now();
    running.stop().await;
    assert!(
        began.elapsed() < Duration::from_secs(7),
        "{:?}",
        began.elapsed()
    );
}
