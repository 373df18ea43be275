//! Records that are too large for the dead-letter topic with their story.

use std::{collections::BTreeMap, time::Duration};

use event_bus::{
    Event,
    admin::{Admin, TopicSpec},
    dlq::{DeadLetter, Outcome, Replay},
};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
};
use uuid::Uuid;

use crate::{
    letters::{Clinic, dead_letters, opens, publish, put, put_letter, replay_all},
    world::{Placed, World, eventually, header, run, tenant},
};

/// Letters of at most 3,000 bytes.
async fn narrow_world() -> World {
    let world = World::without_topics();
    let narrow = BTreeMap::from([("max.message.bytes".to_owned(), "3000".to_owned())]);
    let spec = TopicSpec {
        dlq: Some(narrow),
        ..TopicSpec::new(Placed::TOPIC, 1)
    };
    let admin = Admin::new(&world.settings, Duration::from_secs(10));
    admin
        .create_topics(&[spec])
        .await
        .expect("topics can be made");
    world
}

/// An order named `bad` that compresses badly.
async fn put_order(world: &World, number: i64, pad: usize, more: &[(&str, &str)]) {
    let (id, tenant) = (Uuid::now_v7().to_string(), Uuid::now_v7().to_string());
    let mut headers = vec![
        ("ce_specversion", "1.0"),
        ("ce_id", &*id),
        ("ce_type", "order.placed"),
        ("ce_source", "/it"),
        ("ce_time", "2026-01-02T03:04:05Z"),
        ("ce_subject", "bad"),
        ("ce_tenantid", &*tenant),
        ("ce_region", "eu"),
        ("content-type", "application/json"),
    ];
    headers.extend(more);
    let value = format!(r#"{{"number":{number},"pad":"{}"}}"#, noise(pad));
    put(
        world,
        "order.events",
        0,
        &tenant,
        value.as_bytes(),
        &headers,
    )
    .await;
}

fn noise(length: usize) -> String {
    let words = std::iter::repeat_with(|| Uuid::new_v4().simple().to_string());
    words.take(length / 32 + 1).collect()
}

async fn letter_of(world: &World, clinic: &Clinic) -> DeadLetter {
    let consumer = run(world.consumer("c"), clinic.handler());
    publish(world, &tenant(), &["good"]).await;
    eventually(|| async { clinic.handled("good") == 1 }).await;
    eventually(|| async { world.committed("c").await == 2 }).await;
    consumer.stop().await;
    opens(&dead_letters(world), 1).await.remove(0)
}

#[tokio::test]
async fn a_value_that_is_too_large_is_left_out_shown_from_the_log_and_replayed_from_there() {
    let world = narrow_world().await;
    let clinic = Clinic::default();
    put_order(&world, 7, 5000, &[]).await;

    let letter = letter_of(&world, &clinic).await;

    assert!(letter.value_omitted && letter.value_bytes > 5000);
    assert_eq!(letter.original(), "order.events/0/0");
    assert_eq!(letter.error.as_deref(), Some("the shelf is broken"));
    let dead = world.dead_letters().await;
    assert_eq!(dead[0].payload(), None);
    assert_eq!(header(&dead[0], "dlq-value-omitted"), "true");
    assert_eq!(header(&dead[0], "ce_subject"), "bad");
    let letters = dead_letters(&world);
    let shown = letters.show(&letter.place).await.unwrap();
    assert_eq!(shown.payload.unwrap()["number"], 7);
    assert_eq!(replay_all(&letters).await.done(), 1);
    let log = world.log("order.events").await;
    assert_eq!(
        (log[0].key(), log[0].payload()),
        (log[2].key(), log[2].payload())
    );
    clinic.mend();
    let consumer = run(world.consumer("c"), clinic.handler());
    eventually(|| async { clinic.handled("bad") == 1 }).await;
    consumer.stop().await;
}

#[tokio::test]
async fn headers_that_are_too_large_are_left_out_as_well() {
    let world = narrow_world().await;
    let clinic = Clinic::default();
    let large = noise(5000);
    put_order(&world, 8, 10, &[("baggage", &large)]).await;

    let letter = letter_of(&world, &clinic).await;

    assert!(letter.value_omitted && letter.envelope.is_none());
    let dead = world.dead_letters().await;
    assert_eq!(header(&dead[0], "dlq-headers-omitted"), "true");
    assert!(
        header(&dead[0], "dlq-headers-bytes")
            .parse::<usize>()
            .unwrap()
            > 5000
    );
    assert!(dead[0].key().is_some());
    let letters = dead_letters(&world);
    let shown = letters.show(&letter.place).await.unwrap();
    assert_eq!(shown.payload.unwrap()["number"], 8);
    assert_eq!(shown.letter.event_type.as_deref(), Some("order.placed"));
    assert_eq!(replay_all(&letters).await.done(), 1);
    let log = world.log("order.events").await;
    assert_eq!(header(&log[2], "baggage"), large);
    assert_eq!(header(&log[2], "dlq-replays"), "1");
}

#[tokio::test]
async fn when_the_original_is_gone_that_is_said_and_the_letter_stays_open() {
    let world = narrow_world().await;
    let clinic = Clinic::default();
    put_order(&world, 9, 5000, &[]).await;
    let letter = letter_of(&world, &clinic).await;
    let admin: AdminClient<DefaultClientContext> = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", &world.settings.bootstrap)
        .create()
        .unwrap();
    let mut before = TopicPartitionList::new();
    let name = world.settings.prefixed("order.events");
    before
        .add_partition_offset(&name, 0, Offset::Offset(1))
        .unwrap();
    admin
        .delete_records(&before, &AdminOptions::new())
        .await
        .unwrap();

    let letters = dead_letters(&world);
    let report = letters
        .replay(&letter.place.clone().into(), &Replay::by("ann"))
        .await
        .unwrap();

    assert_eq!(report.letters[0].outcome, Outcome::Gone);
    let shown = letters.show(&letter.place).await.unwrap();
    assert!(shown.undecoded.unwrap().contains("no longer in the log"));
    opens(&letters, 1).await;
}

#[tokio::test]
async fn another_record_at_the_original_place_is_not_taken_for_the_original() {
    let world = World::with_partitions(1).await;
    publish(&world, &tenant(), &["another"]).await;
    let story = [
        ("dlq-value-omitted", "true"),
        ("dlq-original-timestamp", "7"),
    ];
    put_letter(&world, 0, &story).await;
    let letters = dead_letters(&world);

    let report = replay_all(&letters).await;

    assert_eq!(report.letters[0].outcome, Outcome::Gone);
    assert_eq!(world.log("order.events").await.len(), 1);
}
