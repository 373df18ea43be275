//! What a producer makes of a broker that dies, and of its own end.

use std::{collections::HashMap, time::Duration};

use event_bus::{
    Event, EventSchemas, OutboundRecord, Producer,
    admin::{Admin, TopicSpec},
};
use rdkafka::{
    Message,
    message::OwnedMessage,
    mocking::MockCluster,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};

use crate::{
    private::Kafka,
    world::{Placed, World, eventually, header, parts, tenant},
};

fn producer(world: &World, deadline: Duration) -> Producer {
    let schemas = EventSchemas::new().with::<Placed>();
    Producer::with_deadline(&world.settings, schemas, deadline).expect("a producer")
}

/// So many events of each of three tenants, mixed.
fn events(of_each: i64) -> Vec<OutboundRecord> {
    let tenants = [tenant(), tenant(), tenant()];
    (0..of_each)
        .flat_map(|number| tenants.each_ref().map(|tenant| (number, tenant)))
        .map(|(number, tenant)| {
            OutboundRecord::of(parts(tenant, number), &Placed { number }).expect("a valid event")
        })
        .collect()
}

/// Publishes as an outbox's relay does, so many at once: what failed is sent again, in the same order. Calls `between`
/// with how many are acknowledged.
async fn publish_all_of(
    producer: &Producer,
    mut waiting: Vec<OutboundRecord>,
    at_once: usize,
    mut between: impl AsyncFnMut(usize),
) {
    let (all, mut acknowledged) = (waiting.len(), 0);
    let deadline = tokio::time::Instant::now() + Duration::from_mins(2);
    while !waiting.is_empty() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{} left",
            waiting.len()
        );
        let batch = &waiting[..waiting.len().min(at_once)];
        let results = producer.publish_batch(batch).await;
        let mut results = results.into_iter();
        waiting.retain(|_| results.next().is_none_or(|result| result.is_err()));
        if all - waiting.len() == acknowledged {
            tokio::time::sleep(Duration::from_millis(50)).await; // the breaker is open
        }
        acknowledged = all - waiting.len();
        between(acknowledged).await;
    }
}

/// Everything is in the log, and of each tenant nothing stands before its turn. Repetitions are allowed: they have the
/// same id.
fn assert_complete_and_in_order(log: &[OwnedMessage], of_each: i64) {
    let mut first: HashMap<&[u8], Vec<(String, i64)>> = HashMap::new();
    for message in log {
        let seen = first.entry(message.key().expect("a key")).or_default();
        let id = header(message, "ce_id").to_owned();
        if !seen.iter().any(|(known, _)| *known == id) {
            let number = header(message, "ce_subject").parse().expect("a number");
            seen.push((id, number));
        }
    }
    assert_eq!(first.len(), 3);
    for seen in first.values() {
        let numbers: Vec<i64> = seen.iter().map(|(_, number)| *number).collect();
        assert_eq!(numbers, (0..of_each).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_killed_under_load_loses_nothing_and_reorders_nothing() {
    let mut kafka = Kafka::start().await;
    let mut world = World::without_topics();
    world.settings.bootstrap = kafka.bootstrap();
    world.admin = Admin::new(&world.settings, Duration::from_secs(5));
    let topics = [TopicSpec::new(Placed::TOPIC, 2)];
    eventually(|| async { world.admin.create_topics(&topics).await.is_ok() }).await;
    let producer = producer(&world, Duration::from_secs(2));
    let (mut kills, probe) = (0, tenant());

    publish_all_of(&producer, events(700), 50, async |acknowledged| {
        if acknowledged > 600 * (kills + 1) && kills < 2 {
            kills += 1;
            kafka.kill();
            // One call meets the dead broker before it is back.
            let event = Placed { number: 0 };
            let lost = producer.publish(parts(&probe, kills), &event).await;
            assert!(lost.is_err());
            kafka.start_again().await;
        }
    })
    .await;

    assert_eq!(kills, 2);
    let log = world.log(Placed::TOPIC).await;
    let of_probe = probe.id.to_string().into_bytes();
    let (probes, log): (Vec<_>, Vec<_>) = log
        .into_iter()
        .partition(|message| message.key() == Some(&of_probe[..]));
    assert!(probes.len() <= 2, "each was sent once");
    assert_complete_and_in_order(&log, 700);
}

/// An idempotent producer whose numbering the broker no longer accepts has to be made anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_fatal_error_the_producer_is_rebuilt_and_what_failed_is_sent_in_order() {
    let cluster = MockCluster::new(1).expect("a cluster inside librdkafka");
    let mut world = World::without_topics();
    world.settings.bootstrap = cluster.bootstrap_servers();
    world.admin = Admin::new(&world.settings, Duration::from_secs(5));
    let topic = world.settings.prefixed(Placed::TOPIC);
    cluster.create_topic(&topic, 2, 1).expect("a topic");
    // A broker refuses what follows a refused request, for its numbers; this one takes it. So nothing follows.
    let one = ("max.in.flight.requests.per.connection", "1");
    world
        .settings
        .extra
        .insert(one.0.to_owned(), one.1.to_owned());
    let producer = producer(&world, Duration::from_secs(5));
    let mut failures = 0;
    let before = rebuilds();

    // A broker refuses what follows a refused request, for its numbers; this one would take it. So nothing follows.
    publish_all_of(&producer, events(200), 1, async |acknowledged| {
        if acknowledged > 150 * (failures + 1) && failures < 3 {
            failures += 1;
            let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
            cluster.request_errors(RDKafkaApiKey::Produce, &[error]);
        }
    })
    .await;

    assert_eq!(failures, 3);
    assert!(rebuilds() > before, "nothing was fatal");
    assert_complete_and_in_order(&world.log(Placed::TOPIC).await, 200);
}

/// Of all producers of this process.
fn rebuilds() -> f64 {
    let families = prometheus::gather();
    let family = families
        .iter()
        .find(|family| family.name() == "event_bus_producer_rebuilds_total");
    family.map_or(0.0, |family| {
        family.get_metric()[0].get_counter().get_value()
    })
}

#[tokio::test]
async fn a_full_queue_is_waited_for_and_nothing_overtakes() {
    let mut world = World::with_partitions(1).await;
    let queue = ("queue.buffering.max.messages".to_owned(), "7".to_owned());
    world.settings.extra.extend([queue]);

    let results = world.producer().publish_batch(&events(150)).await;

    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let log = world.log(Placed::TOPIC).await;
    assert_eq!(log.len(), 450);
    assert_complete_and_in_order(&log, 150);
}
