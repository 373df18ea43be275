use std::time::Duration;

use event_bus::{Failure, Received, Router};
use rdkafka::{
    Message,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};

use crate::world::{Counter, Placed, Seen, World, eventually, header, parts, run, tenant};

/// A handler that fails as told for orders named `bad`, and notes the others.
fn failing(seen: &Seen, tries: &Counter, failure: fn(usize) -> Option<Failure>) -> Router {
    let (seen, tries) = (seen.clone(), tries.clone());
    Router::new().on::<Placed>(move |event: Received<Placed>| {
        let (seen, tries) = (seen.clone(), tries.clone());
        async move {
            if event.envelope.subject == "bad"
                && let Some(failure) = failure(tries.next())
            {
                return Err(failure);
            }
            seen.note(&event);
            Ok(())
        }
    })
}

async fn publish(world: &World, subjects: &[&str]) {
    let (producer, acme) = (world.producer(), tenant());
    for (number, subject) in (0..).zip(subjects) {
        let event = Placed { number };
        producer
            .publish(parts(&acme, subject), &event)
            .await
            .unwrap();
    }
}

/// Puts raw bytes on the topic.
async fn produce(world: &World, key: &str, value: &[u8], headers: &[(&str, &str)]) {
    let producer: FutureProducer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", &world.settings.bootstrap)
        .create()
        .unwrap();
    let headers = headers
        .iter()
        .fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: Some(*value),
            })
        });
    let topic = world.settings.prefixed("order.events");
    let record = FutureRecord::to(&topic)
        .key(key)
        .payload(value)
        .headers(headers);
    producer
        .send(record, Duration::from_secs(10))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_fails_for_a_while_is_tried_again_and_then_done() {
    let world = World::with_partitions(1).await;
    let (seen, tries) = (Seen::default(), Counter::default());
    let flaky = failing(&seen, &tries, |tries| {
        (tries < 3).then(|| Failure::transient("lost a race"))
    });
    let consumer = run(world.consumer("c"), flaky);

    publish(&world, &["bad"]).await;

    seen.reaches(1).await;
    consumer.stop().await;
    assert_eq!(tries.get(), 3);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn what_fails_each_time_is_dead_lettered_with_its_story_and_the_rest_goes_on() {
    let world = World::with_partitions(1).await;
    let (seen, tries) = (Seen::default(), Counter::default());
    let broken = failing(&seen, &tries, |_| Some(Failure::transient("no luck")));
    let consumer = run(world.consumer("c"), broken);

    publish(&world, &["good", "bad", "other"]).await;

    seen.reaches(2).await;
    eventually(|| async { world.dead_letters().await.len() == 1 }).await;
    consumer.stop().await;
    assert_eq!(tries.get(), 4, "the first attempt and three more");
    let (log, dead) = (world.log("order.events").await, world.dead_letters().await);
    let (original, letter) = (&log[1], &dead[0]);
    assert_eq!(
        (letter.key(), letter.payload()),
        (original.key(), original.payload())
    );
    assert_eq!(header(letter, "ce_id"), header(original, "ce_id"));
    assert_eq!(header(letter, "dlq-original-topic"), "order.events");
    assert_eq!(header(letter, "dlq-original-partition"), "0");
    assert_eq!(header(letter, "dlq-original-offset"), "1");
    assert_eq!(
        header(letter, "dlq-original-timestamp"),
        original.timestamp().to_millis().unwrap().to_string()
    );
    assert_eq!(header(letter, "dlq-group"), "c");
    assert_eq!(header(letter, "dlq-error"), "no luck");
    assert_eq!(header(letter, "dlq-error-class"), "transient");
    assert_eq!(header(letter, "dlq-attempts"), "4");
    assert!(header(letter, "dlq-first-failure") < header(letter, "dlq-last-failure"));
    assert_eq!(world.committed("c").await, 3);
}

#[tokio::test]
async fn what_can_never_succeed_is_dead_lettered_at_once() {
    let world = World::with_partitions(1).await;
    let (seen, tries) = (Seen::default(), Counter::default());
    let refusing = failing(&seen, &tries, |_| Some(Failure::permanent("no such order")));
    let consumer = run(world.consumer("c"), refusing);

    publish(&world, &["bad"]).await;

    eventually(|| async { world.dead_letters().await.len() == 1 }).await;
    consumer.stop().await;
    assert_eq!(tries.get(), 1);
    assert_eq!(
        header(&world.dead_letters().await[0], "dlq-error-class"),
        "permanent"
    );
}

#[tokio::test]
async fn a_panic_is_a_failure_and_takes_nobody_along() {
    let world = World::with_partitions(1).await;
    let (seen, tries) = (Seen::default(), Counter::default());
    let panicking = failing(&seen, &tries, |_| panic!("boom"));
    let consumer = run(world.consumer("c"), panicking);

    publish(&world, &["bad", "good"]).await;

    seen.reaches(1).await;
    eventually(|| async { world.dead_letters().await.len() == 1 }).await;
    consumer.stop().await;
    assert!(header(&world.dead_letters().await[0], "dlq-error").contains("boom"));
}

#[tokio::test]
async fn while_something_is_unavailable_the_event_waits_and_is_never_dead_lettered() {
    let world = World::with_partitions(1).await;
    let (seen, tries) = (Seen::default(), Counter::default());
    let down = failing(&seen, &tries, |tries| {
        (tries < 6).then(|| Failure::unavailable("database is down"))
    });
    let consumer = run(world.consumer("c").retry([]), down);

    publish(&world, &["bad", "good"]).await;

    seen.reaches(2).await;
    consumer.stop().await;
    assert_eq!(
        seen.all().last().unwrap().0,
        "bad",
        "another aggregate did not wait for it"
    );
    assert_eq!(tries.get(), 6, "more attempts than any retry allows");
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test]
async fn poison_is_dead_lettered_with_its_bytes_and_the_rest_goes_on() {
    let world = World::with_partitions(1).await;
    let acme = tenant();
    let id = uuid::Uuid::now_v7().to_string();
    let key = acme.id.to_string();
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", &id),
        ("ce_type", "order.placed"),
        ("ce_source", "/it"),
        ("ce_time", "2026-01-02T03:04:05Z"),
        ("ce_subject", "1"),
        ("ce_tenantid", &key),
        ("ce_region", "eu"),
        ("content-type", "application/avro"),
    ];
    produce(&world, &key, b"no envelope at all", &[]).await;
    produce(&world, &key, b"not avro", &headers).await;
    produce(&world, &key, b"\0\x7f\xff\xff\xff\x02", &headers).await;
    let seen = Seen::default();
    let consumer = run(world.consumer("c"), seen.handler());
    publish(&world, &["good"]).await;

    seen.reaches(1).await;
    eventually(|| async { world.dead_letters().await.len() == 3 }).await;
    consumer.stop().await;
    let dead = world.dead_letters().await;
    let mut bytes: Vec<&[u8]> = dead
        .iter()
        .map(|letter| letter.payload().unwrap())
        .collect();
    bytes.sort_unstable();
    assert_eq!(
        bytes,
        [
            &b"\0\x7f\xff\xff\xff\x02"[..],
            b"no envelope at all",
            b"not avro"
        ]
    );
    assert!(
        dead.iter()
            .all(|letter| header(letter, "dlq-error-class") == "undecodable")
    );
    assert_eq!(world.committed("c").await, 4);
}

#[tokio::test]
async fn a_tenants_event_without_its_tenant_or_under_anothers_key_never_reaches_the_handler() {
    let world = World::with_partitions(1).await;
    let (acme, other) = (tenant().id.to_string(), tenant().id.to_string());
    let id = uuid::Uuid::now_v7().to_string();
    let mut headers = vec![
        ("ce_specversion", "1.0"),
        ("ce_id", id.as_str()),
        ("ce_type", "order.placed"),
        ("ce_source", "/it"),
        ("ce_time", "2026-01-02T03:04:05Z"),
        ("ce_subject", "1"),
        ("content-type", "application/json"),
    ];
    produce(&world, &acme, br#"{"number":1}"#, &headers).await;
    headers.extend([("ce_tenantid", acme.as_str()), ("ce_region", "eu")]);
    produce(&world, &other, br#"{"number":2}"#, &headers).await;
    produce(&world, &acme, br#"{"number":3}"#, &headers).await;
    let seen = Seen::default();
    let consumer = run(world.consumer("c"), seen.handler());

    seen.reaches(1).await;
    eventually(|| async { world.dead_letters().await.len() == 2 }).await;
    consumer.stop().await;
    assert_eq!(seen.numbers_of("1"), [3], "and json is understood");
    let dead = world.dead_letters().await;
    assert!(
        dead.iter()
            .all(|letter| header(letter, "dlq-error-class") == "context")
    );
}

#[tokio::test]
async fn structured_mode_is_understood_and_unwanted_types_are_passed_over() {
    let world = World::with_partitions(1).await;
    let acme = tenant().id;
    let event = |ty: &str, number: i64| {
        serde_json::json!({
            "specversion": "1.0", "id": uuid::Uuid::now_v7(), "type": ty, "source": "/elsewhere",
            "time": "2026-01-02T03:04:05Z", "subject": "s", "tenantid": acme, "region": "eu",
            "datacontenttype": "application/json", "data": {"number": number},
        })
    };
    let mode = [(
        "content-type",
        "application/cloudevents+json; charset=utf-8",
    )];
    for value in [event("order.unheard_of", 1), event("order.placed", 2)] {
        produce(
            &world,
            &acme.to_string(),
            value.to_string().as_bytes(),
            &mode,
        )
        .await;
    }
    produce(&world, "x", b"unread", &[("ce_type", "order.unheard_of")]).await;
    let seen = Seen::default();
    let consumer = run(world.consumer("c"), seen.handler());

    seen.reaches(1).await;
    eventually(|| async { world.committed("c").await == 3 }).await;
    consumer.stop().await;
    assert_eq!(seen.numbers_of("s"), [2]);
    assert!(world.dead_letters().await.is_empty());
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Shipped {
    tenant: uuid::Uuid,
}

impl event_bus::Event for Shipped {
    const TYPE: &'static str = "order.shipped";
    const TOPIC: &'static str = "order.events";
    const AGGREGATE: &'static str = "order";
    const SCOPE: event_bus::Scope = event_bus::Scope::Tenant;
    const VERSION: u32 = 1;

    fn schema() -> &'static event_bus::AvroSchema {
        static SCHEMA: std::sync::LazyLock<event_bus::AvroSchema> = std::sync::LazyLock::new(
            || {
                let json = r#"{"type":"record","name":"Shipped","fields":[{"name":"tenant","type":"string"}]}"#;
                event_bus::AvroSchema::parse(json).expect("valid")
            },
        );
        &SCHEMA
    }

    fn tenant_id(&self) -> Option<uuid::Uuid> {
        Some(self.tenant)
    }
}

#[tokio::test]
async fn a_payload_of_another_tenant_than_the_envelope_is_neither_published_nor_handled() {
    let world = World::with_partitions(1).await;
    let (acme, other) = (tenant(), tenant());
    let foreign = Shipped { tenant: other.id };
    let refused = world.producer().publish(parts(&acme, "1"), &foreign).await;
    let said = refused.unwrap_err().to_string();
    assert!(said.contains(&other.id.to_string()), "{said}");

    let (id, key) = (uuid::Uuid::now_v7().to_string(), acme.id.to_string());
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", id.as_str()),
        ("ce_type", "order.shipped"),
        ("ce_source", "/it"),
        ("ce_time", "2026-01-02T03:04:05Z"),
        ("ce_subject", "1"),
        ("ce_tenantid", key.as_str()),
        ("ce_region", "eu"),
        ("content-type", "application/json"),
    ];
    for of in [other.id, acme.id] {
        let value = serde_json::json!({ "tenant": of }).to_string();
        produce(&world, &key, value.as_bytes(), &headers).await;
    }
    let handled = Counter::default();
    let router = Router::new().on::<Shipped>({
        let handled = handled.clone();
        move |_: Received<Shipped>| {
            handled.next();
            async { Ok(()) }
        }
    });
    let consumer = run(world.consumer("c"), router);
    eventually(|| async { world.committed("c").await == 2 }).await;
    consumer.stop().await;
    assert_eq!(handled.get(), 1);
    let dead = world.dead_letters().await;
    assert_eq!(header(&dead[0], "dlq-error-class"), "context");
    assert!(header(&dead[0], "dlq-error").contains(&other.id.to_string()));
}

#[tokio::test]
async fn each_event_of_a_batch_is_handled_by_itself_and_the_record_is_done_when_all_are() {
    let world = World::with_partitions(1).await;
    let acme = tenant().id;
    let event = |subject: &str, number: i64| {
        serde_json::json!({
            "specversion": "1.0", "id": uuid::Uuid::now_v7(), "type": "order.placed", "source": "/elsewhere",
            "subject": subject, "tenantid": acme, "region": "eu",
            "datacontenttype": "application/json", "data": {"number": number},
        })
    };
    let batch = [event("good", 1), event("bad", 1), event("good", 2)];
    let mode = [("content-type", "application/cloudevents-batch+json")];
    let (seen, tries) = (Seen::default(), Counter::default());
    let handler = failing(&seen, &tries, |_| Some(Failure::permanent("never")));
    let consumer = run(world.consumer("c"), handler);
    for value in [serde_json::json!(batch), serde_json::json!([])] {
        produce(
            &world,
            &acme.to_string(),
            value.to_string().as_bytes(),
            &mode,
        )
        .await;
    }
    eventually(|| async { world.committed("c").await == 2 }).await;
    consumer.stop().await;

    assert_eq!(seen.numbers_of("good"), [1, 2]);
    let dead = world.dead_letters().await;
    assert_eq!(dead.len(), 1, "the one that failed, and not its batch");
    assert!(header(&dead[0], "content-type").starts_with("application/cloudevents+json"));
    let letter: serde_json::Value = serde_json::from_slice(dead[0].payload().unwrap()).unwrap();
    assert_eq!(letter["subject"], "bad");
    assert_eq!(letter["data"]["number"], 1);
}

#[tokio::test]
async fn a_batch_is_not_done_before_its_last_event() {
    let world = World::with_partitions(1).await;
    let acme = tenant().id;
    let event = |subject: &str| {
        serde_json::json!({
            "specversion": "1.0", "id": uuid::Uuid::now_v7(), "type": "order.placed", "source": "/elsewhere",
            "subject": subject, "tenantid": acme, "region": "eu",
            "datacontenttype": "application/json", "data": {"number": 1},
        })
    };
    let batch = serde_json::json!([event("quick"), event("stuck"), event("quick too")]);
    let mode = [("content-type", "application/cloudevents-batch+json")];
    produce(
        &world,
        &acme.to_string(),
        batch.to_string().as_bytes(),
        &mode,
    )
    .await;
    let seen = Seen::default();
    let stuck = {
        let seen = seen.clone();
        Router::new().on::<Placed>(move |event: Received<Placed>| {
            let seen = seen.clone();
            async move {
                if event.envelope.subject == "stuck" {
                    std::future::pending::<()>().await;
                }
                seen.note(&event);
                Ok::<(), Failure>(())
            }
        })
    };
    let consumer = world.consumer("c").drain(Duration::from_millis(200));
    let consumer = run(consumer, stuck);
    seen.reaches(2).await;
    consumer.stop().await;
    assert_eq!(world.committed("c").await, 0);

    let again = Seen::default();
    run(world.consumer("c").once(), again.handler())
        .ends()
        .await;
    assert_eq!(again.all().len(), 3);
}
