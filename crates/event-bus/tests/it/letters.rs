//! A house with dead letters: who handles what, and what is put on topics by hand.

use std::{
    collections::HashSet,
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use event_bus::{
    Failure, Handler, Received, Router, TenantRef,
    dlq::{
        Act, DeadLetter, DeadLetterAdmin, DeadLetterFilter, DeadLetterState, Replay, Report,
        Selection,
    },
};
use rdkafka::{
    Message,
    message::{Header, Headers, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use uuid::Uuid;

use crate::world::{Placed, World, eventually, parts};

/// A handler that fails for orders named `bad…` until it is mended, and counts what it saw: each time, and
/// each event once, as one with an inbox does.
#[derive(Clone, Default)]
pub struct Clinic {
    mended: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<(String, Uuid)>>>,
    inbox: Arc<Mutex<HashSet<Uuid>>>,
}

impl Clinic {
    pub fn mend(&self) {
        self.mended.store(true, Ordering::SeqCst);
    }

    pub fn handler(&self) -> impl Handler + use<> {
        let clinic = self.clone();
        Router::new().on::<Placed>(move |event: Received<Placed>| {
            let clinic = clinic.clone();
            async move {
                let (subject, id) = (event.envelope.subject.clone(), event.envelope.id);
                let mended = clinic.mended.load(Ordering::SeqCst);
                if subject.starts_with("bad") && !mended {
                    return Err(Failure::permanent("the shelf is broken"));
                }
                clinic.seen.lock().unwrap().push((subject, id));
                clinic.inbox.lock().unwrap().insert(id);
                Ok(())
            }
        })
    }

    /// How often events about `subject` were handled.
    pub fn handled(&self, subject: &str) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|(of, _)| of == subject).count()
    }

    /// Events that took effect.
    pub fn effects(&self) -> usize {
        self.inbox.lock().unwrap().len()
    }
}

pub fn dead_letters(world: &World) -> DeadLetterAdmin {
    DeadLetterAdmin::new(&world.settings, Duration::from_secs(15)).expect("the registry's address")
}

pub fn any_state() -> DeadLetterFilter {
    DeadLetterFilter {
        state: None,
        ..DeadLetterFilter::default()
    }
}

pub async fn list(letters: &DeadLetterAdmin, filter: &DeadLetterFilter) -> Vec<DeadLetter> {
    letters
        .list(filter, None, 1000)
        .await
        .expect("a list")
        .letters
}

pub async fn open(letters: &DeadLetterAdmin) -> Vec<DeadLetter> {
    list(letters, &DeadLetterFilter::default()).await
}

/// Waits until that many letters are open.
pub async fn opens(letters: &DeadLetterAdmin, count: usize) -> Vec<DeadLetter> {
    eventually(|| async { open(letters).await.len() >= count }).await;
    let open = open(letters).await;
    assert_eq!(open.len(), count);
    open
}

pub async fn acts(letters: &DeadLetterAdmin) -> Vec<Act> {
    letters
        .acts(&[], None, None, 1000)
        .await
        .expect("acts")
        .acts
}

pub fn all() -> Selection {
    Selection::matching(DeadLetterFilter::default())
}

pub async fn replay_all(letters: &DeadLetterAdmin) -> Report {
    letters
        .replay(&all(), &Replay::by("ann"))
        .await
        .expect("a report")
}

pub fn per_second(records: u32) -> NonZeroU32 {
    NonZeroU32::new(records).expect("not zero")
}

pub async fn publish(world: &World, acme: &TenantRef, subjects: &[&str]) {
    let producer = world.producer();
    for (number, subject) in (0..).zip(subjects) {
        let event = Placed { number };
        let published = producer.publish(parts(acme, subject), &event).await;
        published.expect("the broker takes it");
    }
}

/// Puts bytes on a topic.
pub async fn put(
    world: &World,
    topic: &str,
    partition: i32,
    key: &str,
    value: &[u8],
    headers: &[(&str, &str)],
) {
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
    let topic = world.settings.prefixed(topic);
    let record = FutureRecord::to(&topic)
        .partition(partition)
        .key(key)
        .payload(value)
        .headers(headers);
    producer
        .send(record, Duration::from_secs(10))
        .await
        .unwrap();
}

/// Puts a letter on the dead-letter topic by hand, with these headers over the usual ones.
pub async fn put_letter(world: &World, partition: i32, over: &[(&str, &str)]) {
    let (id, tenant) = (Uuid::now_v7().to_string(), Uuid::now_v7().to_string());
    let mut headers = vec![
        ("ce_specversion", "1.0"),
        ("ce_id", &*id),
        ("ce_type", "order.placed"),
        ("ce_source", "/it"),
        ("ce_time", "2026-01-02T03:04:05Z"),
        ("ce_subject", "1"),
        ("ce_tenantid", &*tenant),
        ("ce_region", "eu"),
        ("content-type", "application/json"),
        ("dlq-original-topic", "order.events"),
        ("dlq-original-partition", "0"),
        ("dlq-original-offset", "0"),
        ("dlq-group", "c"),
        ("dlq-error", "no luck"),
        ("dlq-error-class", "transient"),
        ("dlq-attempts", "4"),
        ("dlq-first-failure", "2026-01-02T03:04:05Z"),
        ("dlq-last-failure", "2026-01-02T03:04:06Z"),
    ];
    headers.retain(|(name, _)| over.iter().all(|(other, _)| other != name));
    headers.extend(over);
    let topic = "order.events.dlq";
    put(
        world,
        topic,
        partition,
        &tenant,
        br#"{"number":1}"#,
        &headers,
    )
    .await;
}

/// Letters by state.
pub async fn states(letters: &DeadLetterAdmin) -> Vec<DeadLetterState> {
    let all = list(letters, &any_state()).await;
    all.into_iter().map(|letter| letter.state).collect()
}

/// How often a record has a header.
pub fn count_of(message: &impl Message, name: &str) -> usize {
    let headers = message.headers().expect("headers");
    headers.iter().filter(|header| header.key == name).count()
}
