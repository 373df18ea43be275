//! Reading the events of a topic.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use event_bus::{
    BusSettings, Consumer, Envelope, Event, Failure, Handler, ProcessingOrder, Record, admin::Admin,
};
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::{eventually, on_shared_runtime};

/// An event that was read from a topic.
#[derive(Clone, Debug)]
pub struct PublishedEvent {
    /// The envelope.
    pub envelope: std::sync::Arc<Envelope>,
    /// The payload as JSON.
    pub payload: Value,
    partition: i32,
    offset: i64,
}

/// The events of a topic, read from its beginning in the background.
pub struct TopicLog {
    bus: BusSettings,
    topic: String,
    events: Arc<Mutex<Vec<PublishedEvent>>>,
    _stop: DropGuard,
}

struct RecordingHandler(Arc<Mutex<Vec<PublishedEvent>>>);

#[async_trait]
impl Handler for RecordingHandler {
    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        let payload = record.decode_json().await?;
        let event = PublishedEvent {
            envelope: record.envelope.clone(),
            payload,
            partition: record.partition,
            offset: record.offset,
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event);
        Ok(())
    }
}

impl TopicLog {
    pub(crate) fn read(bus: &BusSettings, topic: &str) -> Self {
        let events = Arc::new(Mutex::default());
        let stop = CancellationToken::new();
        let consumer = Consumer::builder(bus, format!("log-{}", Uuid::new_v4().simple()))
            .topics([topic])
            .handler(RecordingHandler(Arc::clone(&events)))
            .order_by(ProcessingOrder::Tenant)
            .build()
            .expect("the consumer is created");
        let child = stop.clone();
        tokio::spawn(on_shared_runtime(async move {
            consumer
                .run(child)
                .await
                .expect("the consumer does not fail");
        }));
        Self {
            bus: bus.clone(),
            topic: topic.to_owned(),
            events,
            _stop: stop.drop_guard(),
        }
    }

    /// Returns the events read so far.
    #[must_use]
    pub fn events(&self) -> Vec<PublishedEvent> {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits for at least `count` events of type `E` with this subject, and returns them.
    pub async fn wait_for<E: Event>(
        &self,
        subject: impl ToString,
        count: usize,
    ) -> Vec<PublishedEvent> {
        let subject = subject.to_string();
        let what = format!("{count} × {} with subject {subject}", E::TYPE);
        eventually(&what, || async {
            let found = self.matching(E::TYPE, &subject);
            (found.len() >= count).then_some(found)
        })
        .await
    }

    /// Waits for an event of type `E` with this subject, reads to the current end of the topic, and panics if there is
    /// more than one.
    pub async fn wait_for_single<E: Event>(&self, subject: impl ToString) -> PublishedEvent {
        let subject = subject.to_string();
        self.wait_for::<E>(&subject, 1).await;
        self.read_to_end().await;
        let mut found = self.matching(E::TYPE, &subject);
        assert_eq!(
            found.len(),
            1,
            "{} with subject {subject} was published {} times",
            E::TYPE,
            found.len()
        );
        found.remove(0)
    }

    /// Waits until all events up to the current end of the topic are read.
    pub async fn read_to_end(&self) {
        let admin = Admin::new(&self.bus, Duration::from_secs(10));
        let topic = admin
            .describe(&self.topic)
            .await
            .expect("the broker responds");
        let topic = topic.expect("the topic exists");
        let ends = admin.watermarks(&topic).await.expect("the broker responds");
        eventually("the end of the topic", || async {
            let events = self.events();
            let read = |partition: i32, end: i64| {
                events
                    .iter()
                    .any(|event| event.partition == partition && event.offset + 1 >= end)
            };
            ends.iter()
                .all(|(partition, low, end)| low == end || read(*partition, *end))
                .then_some(())
        })
        .await;
    }

    fn matching(&self, event_type: &str, subject: &str) -> Vec<PublishedEvent> {
        self.events()
            .into_iter()
            .filter(|event| {
                event.envelope.event_type == event_type && event.envelope.subject == subject
            })
            .collect()
    }
}
