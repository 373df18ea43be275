use std::time::Duration;

use event_bus::{GroupProtocol, OffsetReset};
use time::OffsetDateTime;

use crate::world::{Seen, World, eventually, run, tenant};

#[tokio::test]
async fn a_new_group_begins_with_the_oldest_the_latest_or_at_a_time() {
    let world = World::with_partitions(2).await;
    let acme = tenant();
    world.publish(&acme, "old", 0..10).await;
    tokio::time::sleep(Duration::from_millis(50)).await; // so that the clock tells them apart
    let between = OffsetDateTime::now_utc();
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.publish(&acme, "young", 0..10).await;

    let (oldest, latest, since) = (Seen::default(), Seen::default(), Seen::default());
    let consumers = [
        run(world.consumer("oldest"), oldest.handler()),
        run(
            world.consumer("latest").offset_reset(OffsetReset::Latest),
            latest.handler(),
        ),
        run(
            world
                .consumer("since")
                .offset_reset(OffsetReset::At(between)),
            since.handler(),
        ),
    ];
    oldest.reaches(20).await;
    since.reaches(10).await;
    eventually(|| async { world.committed("latest").await == 20 }).await;
    world.publish(&acme, "new", 0..5).await;
    oldest.reaches(25).await;
    since.reaches(15).await;
    latest.reaches(5).await;
    for consumer in consumers {
        consumer.stop().await;
    }
    let numbers: Vec<i64> = (0..10).collect();
    assert_eq!(oldest.numbers_of("old"), numbers);
    assert!(since.numbers_of("old").is_empty() && latest.numbers_of("young").is_empty());
    assert_eq!(since.numbers_of("young"), numbers);
    assert_eq!(latest.numbers_of("new"), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_rewound_consumer_reads_again_what_it_had_done_and_ends_when_it_is_through() {
    let world = World::with_partitions(3).await;
    for _ in 0..6 {
        world.publish(&tenant(), "s", 0..10).await;
    }
    let first = Seen::default();
    run(world.consumer("c").once(), first.handler())
        .ends()
        .await;
    assert_eq!(first.all().len(), 60);
    assert_eq!(world.committed("c").await, 60);

    let again = Seen::default();
    run(world.consumer("c").once(), again.handler())
        .ends()
        .await;
    assert!(again.all().is_empty());

    let rewound = world.consumer("c").rewind(OffsetReset::Earliest).once();
    run(rewound, again.handler()).ends().await;
    assert_eq!(again.all().len(), 60);
}

#[tokio::test]
async fn members_of_the_brokers_own_protocol_share_and_hand_over() {
    let world = World::with_partitions(4).await;
    let member = |seen: &Seen| {
        let consumer = world.consumer("c").protocol(GroupProtocol::Consumer);
        run(consumer, seen.handler())
    };
    let (one, two) = (Seen::default(), Seen::default());
    let first = member(&one);
    for _ in 0..8 {
        world.publish(&tenant(), "s", 0..10).await;
    }
    one.reaches(80).await;
    let second = member(&two);
    eventually(|| async { second.control.status().partitions.len() == 2 }).await;
    for _ in 0..8 {
        world.publish(&tenant(), "s", 0..10).await;
    }
    eventually(|| async { one.all().len() + two.all().len() == 160 }).await;
    first.stop().await;
    eventually(|| async { second.control.status().partitions.len() == 4 }).await;
    world.publish(&tenant(), "last", 0..10).await;
    eventually(|| async { two.numbers_of("last").len() == 10 }).await;
    second.stop().await;
    assert_eq!(
        one.all().len() + two.all().len(),
        170,
        "none twice, none lost"
    );
    assert_eq!(world.committed("c").await, 170);
}
