use std::time::{Duration, Instant};

use event_bus::{
    BreakerState, Event, EventSchemas, OutboundRecord, Producer, PublishError, Published,
    SendOptions, admin::TopicSpec,
};
use rdkafka::{Message, message::Headers};
use uuid::Uuid;

use crate::{
    said::said,
    world::{Placed, Seen, World, header, parts, run, tenant},
};

#[tokio::test]
async fn what_is_published_typed_is_received_typed() {
    let world = World::with_partitions(3).await;
    let (acme, seen) = (tenant(), Seen::default());
    let consumer = run(world.consumer("mailer"), seen.handler());

    let event = Placed { number: 7 };
    world
        .producer()
        .publish(parts(&acme, "order-1").sequence(3), &event)
        .await
        .unwrap();

    seen.reaches(1).await;
    consumer.stop().await;
    assert_eq!(seen.all(), [("order-1".to_owned(), 7)]);
    let log = world.log("order.events").await;
    assert_eq!(log[0].key(), Some(acme.id.to_string().as_bytes()));
    assert_eq!(header(&log[0], "ce_specversion"), "1.0");
    assert_eq!(header(&log[0], "ce_type"), "order.placed");
    assert_eq!(header(&log[0], "ce_sequence"), "3");
    assert_eq!(header(&log[0], "content-type"), "application/avro");
    assert_eq!(log[0].payload().unwrap()[0], 0, "the confluent wire format");
}

#[tokio::test]
async fn a_batch_is_in_the_log_in_the_order_it_was_given() {
    let world = World::with_partitions(1).await;
    let tenants = [tenant(), tenant(), tenant()];
    let records: Vec<OutboundRecord> = (0..3000)
        .zip(tenants.iter().cycle())
        .map(|(number, tenant)| {
            OutboundRecord::of(parts(tenant, number), &Placed { number }).unwrap()
        })
        .collect();

    let results = world.producer().publish_batch(&records).await;

    assert!(results.iter().all(Result::is_ok));
    let subjects: Vec<String> = world
        .log("order.events")
        .await
        .iter()
        .map(|m| header(m, "ce_subject").to_owned())
        .collect();
    assert_eq!(
        subjects,
        (0..3000).map(|n: i32| n.to_string()).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn after_a_refused_record_nothing_of_its_key_is_published_and_other_keys_are() {
    let world = World::with_partitions(1).await;
    let (acme, umbrella) = (tenant(), tenant());
    let record =
        |tenant, number| OutboundRecord::of(parts(tenant, number), &Placed { number }).unwrap();
    let mut unknown = record(&acme, 2);
    unknown.envelope.data_version = 99;
    let mut large = record(&umbrella, 6);
    large.datum = vec![0; 5 << 20];
    let batch = [
        record(&acme, 1),
        unknown,
        record(&umbrella, 5),
        record(&acme, 3),
        large,
        record(&umbrella, 7),
    ];

    let results = world.producer().publish_batch(&batch).await;

    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    assert!(
        matches!(results[1], Err(PublishError::Schema(_))),
        "{results:?}"
    );
    assert!(
        matches!(results[3], Err(PublishError::AfterFailed)),
        "{results:?}"
    );
    assert!(
        matches!(results[4], Err(PublishError::Refused(_))),
        "{results:?}"
    );
    assert!(
        matches!(results[5], Err(PublishError::AfterFailed)),
        "{results:?}"
    );
    let log = world.log("order.events").await;
    assert_eq!(
        log.iter()
            .map(|m| header(m, "ce_subject"))
            .collect::<Vec<_>>(),
        ["1", "5"]
    );
}

/// The broker's own limit is below the producer's, so it is the broker that refuses.
#[tokio::test]
async fn what_the_broker_refuses_is_not_overtaken_and_the_producer_goes_on() {
    let world = World::without_topics();
    let mut topic = TopicSpec::new(Placed::TOPIC, 1);
    let limit = ("max.message.bytes".to_owned(), "20000".to_owned());
    topic.config.extend([limit]);
    world.admin.create_topics(&[topic]).await.unwrap();
    let acme = tenant();
    let record = |number| OutboundRecord::of(parts(&acme, number), &Placed { number }).unwrap();
    let mut large = record(2);
    large.datum = (0..10_000)
        .flat_map(|_| Uuid::new_v4().into_bytes())
        .collect();
    let producer = world.producer();
    let other = OutboundRecord::of(parts(&tenant(), "other"), &Placed { number: 9 }).unwrap();

    let results = producer
        .publish_batch(&[record(1), large, record(3), record(4), other])
        .await;

    // Kafka refuses a whole batch for one record: the others are not to blame.
    assert!(results[0].is_ok(), "{results:?}");
    assert!(
        matches!(results[1], Err(PublishError::Refused(_))),
        "{results:?}"
    );
    for after in &results[2..4] {
        assert!(
            matches!(after, Err(PublishError::AfterFailed)),
            "{results:?}"
        );
    }
    assert!(results[4].is_ok(), "{results:?}");
    let log = world.log("order.events").await;
    let subjects: Vec<&str> = log.iter().map(|m| header(m, "ce_subject")).collect();
    assert!(
        !subjects.contains(&"3") && !subjects.contains(&"4"),
        "{subjects:?}"
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    while producer.publish_batch(&[record(3)]).await[0].is_err() {
        assert!(Instant::now() < deadline, "the producer never came back");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn an_absent_broker_opens_the_breaker_and_then_costs_nothing() {
    let mut world = World::without_topics();
    let schemas = EventSchemas::new().with::<Placed>();
    world.settings.bootstrap = "127.0.0.1:1".to_owned();
    let producer =
        Producer::with_deadline(&world.settings, schemas, Duration::from_millis(600)).unwrap();
    let event = Placed { number: 1 };

    let first = producer.publish(parts(&tenant(), 1), &event).await;
    assert!(
        matches!(first, Err(PublishError::Unavailable(_))),
        "{first:?}"
    );
    assert_eq!(producer.state(), BreakerState::Open);

    assert!(producer.ping(Duration::from_millis(200)).await.is_err());
    let began = Instant::now();
    let second = producer.publish(parts(&tenant(), 1), &event).await;
    assert!(matches!(second, Err(PublishError::Unavailable(_))));
    assert!(
        began.elapsed() < Duration::from_millis(100),
        "it did not wait for the broker"
    );
}

#[tokio::test]
async fn a_caller_chooses_headers_and_partition_and_learns_the_place_in_the_log() {
    let world = World::with_partitions(3).await;
    let (producer, acme) = (world.producer(), tenant());
    let event = Placed { number: 1 };
    let chosen = SendOptions::new()
        .header("x-import", "2026-11")
        .header("x-import", vec![0, 255]);
    for partition in [2, 0] {
        let options = chosen.clone().partition(partition);
        let published = producer.publish_with(parts(&acme, 1), &event, &options);
        let wanted = Published {
            partition,
            offset: 0,
        };
        assert_eq!(published.await.unwrap(), wanted);
    }

    let log = world.log("order.events").await;
    assert_eq!(log.len(), 2);
    for message in log {
        assert_eq!(message.key(), Some(acme.id.to_string().as_bytes()));
        let headers = message.headers().unwrap();
        let own: Vec<_> = headers.iter().filter(|h| h.key == "x-import").collect();
        assert_eq!(own[0].value, Some(&b"2026-11"[..]));
        assert_eq!(own[1].value, Some(&[0, 255][..]));
        assert_eq!(header(&message, "ce_type"), "order.placed");
    }
}

#[tokio::test]
async fn a_choice_that_may_not_be_made_is_refused_by_name() {
    let world = World::with_partitions(1).await;
    let (producer, acme) = (world.producer(), tenant());
    for (options, name) in [
        (SendOptions::new().key("another"), "key \"another\""),
        (SendOptions::new().header("ce_id", "x"), "header \"ce_id\""),
        (
            SendOptions::new().header("Content-Type", "x"),
            "header \"Content-Type\"",
        ),
        (SendOptions::new().partition(-1), "partition -1"),
        (SendOptions::new().partition(9), "partition 9"),
    ] {
        let refused = producer.publish_with(parts(&acme, 1), &Placed { number: 1 }, &options);
        let refused = refused.await.unwrap_err();
        assert!(matches!(refused, PublishError::Refused(_)), "{refused:?}");
        assert!(refused.to_string().contains(name), "{refused}");
    }
    // None of that is the broker's fault.
    assert_eq!(producer.state(), BreakerState::Closed);
    assert!(world.log("order.events").await.is_empty());
}

#[tokio::test]
async fn typed_events_are_published_as_one_batch_in_order() {
    let world = World::with_partitions(1).await;
    let acme = tenant();
    let events: Vec<Placed> = (0..100).map(|number| Placed { number }).collect();

    let results = world
        .producer()
        .publish_all(
            events
                .iter()
                .map(|event| (parts(&acme, event.number), event)),
        )
        .await;

    let offsets: Vec<i64> = results.into_iter().map(|r| r.unwrap().offset).collect();
    assert_eq!(offsets, (0..100).collect::<Vec<_>>());
    let nobodys = event_bus::EventParts::new("/it", 2);
    let events = [
        (parts(&acme, 1), &events[1]),
        (nobodys, &events[2]),
        (parts(&acme, 3), &events[3]),
    ];
    let results = world.producer().publish_all(events).await;
    assert!(results[0].is_ok(), "{results:?}");
    assert!(matches!(results[1], Err(PublishError::Refused(_))));
    assert!(matches!(results[2], Err(PublishError::AfterFailed)));
}

#[tokio::test]
async fn a_registry_that_is_away_is_not_a_refusal() {
    let mut world = World::with_partitions(1).await;
    world.settings.registry_url = "http://127.0.0.1:1/".to_owned();
    let result = world
        .producer()
        .publish(parts(&tenant(), 1), &Placed { number: 1 })
        .await;
    assert!(
        matches!(result, Err(PublishError::Unavailable(_))),
        "{result:?}"
    );
}

#[tokio::test]
async fn spans_tell_of_sending_delivering_and_handling() {
    let world = World::with_partitions(1).await;
    let (seen, acme) = (Seen::default(), tenant());
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut told = parts(&acme, "s");
    told.traceparent = Some(trace.to_owned());
    world
        .producer()
        .publish(told, &Placed { number: 1 })
        .await
        .unwrap();
    let group = format!("traced-{}", acme.id);
    let consumer = run(world.consumer(&group), seen.handler());
    seen.reaches(1).await;
    consumer.stop().await;
    assert!(said(&["send{", "order.events send", "producer"]));
    assert!(said(&["delivery{", "order.events receive", &group]));
    assert!(said(&["event{", "order.placed process", &group, trace]));
}
