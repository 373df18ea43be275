//! Schemas and modes on the wire: writers and readers of different versions, a registry that comes and goes, batches.

use std::{
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use event_bus::{
    AvroSchema, BusSettings, ContentMode, Event, EventSchemas, Failure, FailureClass,
    OutboundRecord, Producer, PublishError, RawRecord, Received, Registry, Router, Scope,
    StoredEvent, SubjectNaming,
    log_reader::{LogReader, LogRecord, ReadFrom, ReadUntil},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    gate::Gate,
    world::{Placed, Seen, World, eventually, parts, run, tenant},
};

/// [`Placed`] a version later: one field more that may be absent, and one with a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct PlacedNow {
    number: i64,
    #[serde(default)]
    note: Option<String>,
    #[serde(default = "euro")]
    currency: String,
}

fn euro() -> String {
    "EUR".to_owned()
}

impl Event for PlacedNow {
    const TYPE: &'static str = Placed::TYPE;
    const TOPIC: &'static str = Placed::TOPIC;
    const AGGREGATE: &'static str = Placed::AGGREGATE;
    const SCOPE: Scope = Placed::SCOPE;
    const VERSION: u32 = 2;

    fn schema() -> &'static AvroSchema {
        static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| {
            AvroSchema::parse(
                r#"{"type":"record","name":"Placed","namespace":"it","fields":[{"name":"number","type":"long"},
                    {"name":"note","type":["null","string"],"default":null},
                    {"name":"currency","type":"string","default":"EUR"}]}"#,
            )
            .expect("valid")
        });
        &SCHEMA
    }
}

fn producer<E: Event>(settings: &BusSettings) -> Producer {
    Producer::new(settings, EventSchemas::new().with::<E>()).expect("a producer")
}

#[tokio::test]
async fn a_newer_reader_reads_an_older_writer_and_the_reverse() {
    let world = World::with_partitions(1).await;
    let acme = tenant();
    let older = Seen::default();
    let newer: Arc<Mutex<Vec<PlacedNow>>> = Arc::default();
    let handler = {
        let newer = Arc::clone(&newer);
        Router::new().on(move |event: Received<PlacedNow>| {
            newer.lock().unwrap().push(event.data);
            async { Ok::<(), Failure>(()) }
        })
    };
    let consumers = [
        run(world.consumer("older"), older.handler()),
        run(world.consumer("newer"), handler),
    ];

    let now = PlacedNow {
        number: 2,
        note: Some("gift".to_owned()),
        currency: "SEK".to_owned(),
    };
    let then = Placed { number: 1 };
    let (old, new) = (
        producer::<Placed>(&world.settings),
        producer::<PlacedNow>(&world.settings),
    );
    old.publish(parts(&acme, "order-1"), &then).await.unwrap();
    new.publish(parts(&acme, "order-1"), &now).await.unwrap();

    older.reaches(2).await;
    eventually(|| async { newer.lock().unwrap().len() == 2 }).await;
    for consumer in consumers {
        consumer.stop().await;
    }
    assert_eq!(older.numbers_of("order-1"), [1, 2]);
    let (note, currency) = (None, euro());
    let read = PlacedNow {
        number: 1,
        note,
        currency,
    };
    assert_eq!(*newer.lock().unwrap(), [read, now]);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn a_registry_that_is_away_at_the_start_and_later_costs_time_and_no_event() {
    let world = World::with_partitions(1).await;
    let (acme, seen) = (tenant(), Seen::default());
    let gate = Gate::before(&world.settings.registry_url).await;
    let mut through = world.settings.clone();
    through.registry_url = gate.url(&world.settings.registry_url);
    let publisher = producer::<Placed>(&through);
    let publish = async |number| {
        let event = Placed { number };
        publisher.publish(parts(&acme, "order-1"), &event).await
    };

    // Away from the start: neither is refused, both wait.
    let refused = publish(1).await;
    assert!(
        matches!(refused, Err(PublishError::Unavailable(_))),
        "{refused:?}"
    );
    let direct = world.producer();
    direct
        .publish(parts(&acme, "order-1"), &Placed { number: 1 })
        .await
        .unwrap();
    let knocked = gate.turned_away();
    let consumer = event_bus::Consumer::builder(&through, "mailer").topics([Placed::TOPIC]);
    let consumer = run(consumer, seen.handler());
    eventually(|| async { gate.turned_away() > knocked }).await;
    assert!(seen.all().is_empty());

    gate.open();
    seen.reaches(1).await;
    publish(2).await.unwrap();
    seen.reaches(2).await;

    // Away later: what is known goes on, what is new waits.
    gate.shut();
    publish(3).await.unwrap();
    seen.reaches(3).await;
    let new = producer::<PlacedNow>(&through);
    let now = PlacedNow {
        number: 4,
        note: None,
        currency: euro(),
    };
    let waits = new.publish(parts(&acme, "order-1"), &now).await;
    assert!(
        matches!(waits, Err(PublishError::Unavailable(_))),
        "{waits:?}"
    );

    gate.open();
    new.publish(parts(&acme, "order-1"), &now).await.unwrap();
    seen.reaches(4).await;
    consumer.stop().await;
    assert_eq!(seen.numbers_of("order-1"), [1, 2, 3, 4]);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn what_is_decoded_without_a_registry_is_unavailable_and_not_broken() {
    let world = World::with_partitions(1).await;
    let event = Placed { number: 1 };
    world
        .producer()
        .publish(parts(&tenant(), "order-1"), &event)
        .await
        .unwrap();
    let mut away = world.settings.clone();
    away.registry_url = "http://127.0.0.1:1/".to_owned();

    let logged = log(&away).await;

    let record = logged[0].event.as_ref().unwrap();
    let failure = record.decode::<Placed>().await.unwrap_err();
    assert_eq!(failure.class(), FailureClass::Unavailable);
}

#[tokio::test]
async fn subjects_are_named_as_the_settings_say() {
    #[derive(Serialize, Deserialize)]
    struct Named {
        at: i64,
    }
    // A subject without the topic is shared by all tests there ever were: its name is this test's.
    static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| {
        let name = format!("Named{}", Uuid::now_v7().simple());
        let fields = r#"[{"name":"at","type":"long"}]"#;
        AvroSchema::parse(&format!(
            r#"{{"type":"record","name":"{name}","namespace":"it","fields":{fields}}}"#
        ))
        .expect("valid")
    });
    impl Event for Named {
        const TYPE: &'static str = "order.named";
        const TOPIC: &'static str = Placed::TOPIC;
        const AGGREGATE: &'static str = "order";
        const SCOPE: Scope = Scope::Platform;
        const VERSION: u32 = 1;

        fn schema() -> &'static AvroSchema {
            &SCHEMA
        }
    }

    let mut world = World::with_partitions(1).await;
    let topic = world.settings.prefixed(Placed::TOPIC);
    let record = SCHEMA.full_name();
    for (naming, subject) in [
        (SubjectNaming::TopicRecordName, format!("{topic}-{record}")),
        (SubjectNaming::RecordName, record.to_owned()),
        (SubjectNaming::TopicName, format!("{topic}-value")),
    ] {
        world.settings.subject_naming = naming;
        let event = Named { at: 1 };
        let publisher = producer::<Named>(&world.settings);
        publisher
            .publish(event_bus::EventParts::new("/it", "x"), &event)
            .await
            .unwrap();
        let url = format!(
            "{}/subjects/{subject}/versions",
            world.settings.registry_url
        );
        let versions = reqwest::get(url).await.unwrap();
        assert!(
            versions.status().is_success(),
            "{subject}: {}",
            versions.status()
        );
    }
}

#[tokio::test]
async fn a_batch_lies_at_one_place_in_the_log_and_gives_all_its_events() {
    let world = World::with_partitions(1).await;
    let acme = tenant();
    let schema = Registry::new(&world.settings.registry_url).unwrap();
    let subject =
        SubjectNaming::default().subject(&world.settings.prefixed(Placed::TOPIC), Placed::schema());
    let id = schema.id(&subject, Placed::schema()).await.unwrap();
    let events: Vec<String> = (1..=3)
        .map(|number| {
            let record = OutboundRecord::of(parts(&acme, number), &Placed { number }).unwrap();
            let mut payload = vec![0];
            payload.extend(id.to_be_bytes());
            payload.extend(&record.datum);
            String::from_utf8(record.envelope.to_structured(Some(&payload)).unwrap()).unwrap()
        })
        .collect();
    let batch = RawRecord {
        topic: Placed::TOPIC.to_owned(),
        key: Some(acme.id.to_string().into_bytes()),
        value: Some(format!("[{}]", events.join(",")).into_bytes()),
        headers: vec![(
            "content-type".into(),
            Some(b"application/cloudevents-batch+json".to_vec()),
        )],
        ..RawRecord::default()
    };
    world.producer().publish_raw(batch).await.unwrap();

    let logged = log(&world.settings).await;

    assert_eq!(logged.len(), 1);
    assert!(logged[0].event.is_err(), "not one event");
    let mut numbers = Vec::new();
    for record in logged[0].events().unwrap() {
        assert_eq!((record.partition, record.offset), (0, 0));
        numbers.push(record.decode::<Placed>().await.unwrap().number);
    }
    assert_eq!(numbers, [1, 2, 3]);
}

#[tokio::test]
async fn every_way_of_publishing_keeps_to_the_mode_of_the_settings() {
    let mut world = World::with_partitions(1).await;
    world.settings.content_mode = ContentMode::Structured;
    let (acme, seen) = (tenant(), Seen::default());
    let consumer = run(world.consumer("mailer"), seen.handler());
    let record = |number| OutboundRecord::of(parts(&acme, "order-1"), &Placed { number }).unwrap();
    let third = record(3);
    let envelope = serde_json::to_string(&third.envelope).unwrap();
    let stored = StoredEvent::read(third.topic, &envelope, third.datum).unwrap();

    let producer = world.producer();
    let direct = producer.publish(parts(&acme, "order-1"), &Placed { number: 1 });
    direct.await.unwrap();
    assert!(producer.publish_batch(&[record(2)]).await[0].is_ok());
    assert!(producer.publish_stored(&[stored]).await[0].is_ok());

    seen.reaches(3).await;
    consumer.stop().await;
    assert_eq!(seen.numbers_of("order-1"), [1, 2, 3]);
    for logged in log(&world.settings).await {
        let names: Vec<&str> = (logged.headers.iter())
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["content-type"]);
        assert_eq!(logged.event.unwrap().envelope.tenant, Some(acme.clone()));
    }
}

/// In structured mode headers may repeat attributes. Ones that say otherwise must not cost a handler its event.
#[tokio::test]
async fn a_header_does_not_hide_an_event_that_is_in_the_value() {
    let world = World::with_partitions(1).await;
    let (acme, seen) = (tenant(), Seen::default());
    let record = OutboundRecord::of(parts(&acme, "order-1"), &Placed { number: 1 }).unwrap();
    let mut envelope = record.envelope;
    envelope.data_content_type = "application/json".to_owned();
    let payload = Some(br#"{"number":1}"#.to_vec());
    let mode = ContentMode::Structured;
    let mut record = RawRecord::of(Placed::TOPIC, &envelope, payload, mode).unwrap();
    let other = ("ce_type".into(), Some(b"order.vanished".to_vec()));
    record.headers.push(other);
    let consumer = run(world.consumer("mailer"), seen.handler());

    world.producer().publish_raw(record).await.unwrap();

    seen.reaches(1).await;
    consumer.stop().await;
}

async fn log(settings: &BusSettings) -> Vec<LogRecord> {
    let timeout = Duration::from_secs(10);
    let tail = LogReader::open(
        settings,
        Placed::TOPIC,
        ReadFrom::Beginning,
        ReadUntil::End,
        timeout,
    );
    let mut tail = tail.await.unwrap();
    let mut logged = Vec::new();
    while let Some(next) = tail.next().await {
        logged.push(next.unwrap());
    }
    logged
}
