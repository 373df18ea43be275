//! A broker that dies under its clients.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use event_bus::{
    Event as _, EventSchemas, Failure, OutboundRecord, Producer, Received, Router, admin::TopicSpec,
};
use uuid::Uuid;

use crate::{
    broker::Broker,
    world::{Placed, World, eventually, parts, run, tenant},
};

const ORDERS: i64 = 20;
const EACH: i64 = 100;

/// An effect as a database keeps it: a row by event id makes it happen once.
#[derive(Default)]
struct Effects {
    known: HashSet<Uuid>,
    numbers: BTreeMap<String, Vec<i64>>,
}

impl Effects {
    fn happen(&mut self, event: &Received<Placed>) {
        if self.known.insert(event.envelope.id) {
            let numbers = self
                .numbers
                .entry(event.envelope.subject.clone())
                .or_default();
            numbers.push(event.data.number);
        }
    }

    fn count(&self) -> usize {
        self.known.len()
    }
}

/// Takes a moment, then has its effect.
fn noting(effects: &Arc<Mutex<Effects>>) -> Router {
    let effects = Arc::clone(effects);
    Router::new().on::<Placed>(move |event: Received<Placed>| {
        let effects = Arc::clone(&effects);
        async move {
            tokio::time::sleep(Duration::from_millis(8)).await;
            effects.lock().unwrap().happen(&event);
            Ok::<(), Failure>(())
        }
    })
}

/// Publishes until each record is acknowledged, as a relay does: what failed comes again, in order.
async fn publish_all(producer: &Producer, mut rows: Vec<OutboundRecord>) {
    while !rows.is_empty() {
        let batch = rows.len().min(50);
        let results = producer.publish_batch(&rows[..batch]).await;
        let mut results = results.into_iter();
        let mut index = 0;
        rows.retain(|_| {
            index += 1;
            index > batch || results.next().is_some_and(|result| result.is_err())
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_broker_and_its_consumer_killed_twice_under_load_lose_nothing_and_each_effect_happens_once_in_order()
 {
    let mut broker = Broker::start().await;
    let world = World::of(broker.settings("INSIDE"));
    let topics = [TopicSpec::new(Placed::TOPIC, 3)];
    world
        .admin
        .create_topics(&topics)
        .await
        .expect("topics can be made");

    let effects = Arc::new(Mutex::new(Effects::default()));
    // Far more is taken than done when it ends.
    let member = || {
        let consumer = world.consumer("c").parallel(4).in_flight(1000);
        run(consumer, noting(&effects))
    };
    let mut consumer = member();

    let tenants: Vec<_> = (0..ORDERS).map(|_| tenant()).collect();
    let rows = (0..EACH).flat_map(|number| {
        tenants.iter().enumerate().map(move |(order, tenant)| {
            OutboundRecord::of(parts(tenant, order), &Placed { number }).unwrap()
        })
    });
    let rows: Vec<OutboundRecord> = rows.collect();
    let all = rows.len();
    let schemas = EventSchemas::new().with::<Placed>();
    let deadline = Duration::from_secs(5);
    let producer = Producer::with_deadline(&world.settings, schemas, deadline).unwrap();
    let publishing = tokio::spawn(async move { publish_all(&producer, rows).await });

    for part in [all / 4, all / 2] {
        eventually(|| async { effects.lock().unwrap().count() >= part }).await;
        broker.kill();
        // The consumer goes too, with events taken and not finished.
        consumer.abandon();
        broker.start_again().await;
        consumer = member();
    }

    publishing.await.expect("everything is published at last");
    eventually(|| async { effects.lock().unwrap().count() >= all }).await;
    consumer.stop().await;
    let letters = world.dead_letters().await;
    assert!(letters.is_empty(), "an outage is nobody's fault");
    let effects = effects.lock().unwrap();
    assert_eq!(effects.count(), all, "each effect happened once");
    let in_order: Vec<i64> = (0..EACH).collect();
    for (order, numbers) in &effects.numbers {
        assert_eq!(numbers, &in_order, "order {order}");
    }
}
