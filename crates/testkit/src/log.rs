//! What is on a topic, as seen from outside.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use event_bus::{
    BusSettings, Consumer, Envelope, Event, Failure, Handler, LaneOrder, Record, admin::Admin,
};
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::{eventually, world::on_shared_runtime};

/// One event that was read.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its envelope.
    pub envelope: std::sync::Arc<Envelope>,
    /// Its payload as JSON.
    pub payload: Value,
    partition: i32,
    offset: i64,
}

/// A topic, read from its beginning and kept.
pub struct Log {
    bus: BusSettings,
    topic: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    _stop: DropGuard,
}

struct Keep(Arc<Mutex<Vec<Seen>>>);

#[async_trait]
impl Handler for Keep {
    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        let payload = record.decode_json().await?;
        let seen = Seen {
            envelope: record.envelope.clone(),
            payload,
            partition: record.partition,
            offset: record.offset,
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(seen);
        Ok(())
    }
}

impl Log {
    pub(crate) fn read(bus: &BusSettings, topic: &str) -> Self {
        let seen = Arc::new(Mutex::default());
        let stop = CancellationToken::new();
        let consumer = Consumer::builder(bus, format!("log-{}", Uuid::new_v4().simple()))
            .topics([topic])
            .handler(Keep(Arc::clone(&seen)))
            .order_by(LaneOrder::Tenant)
            .build()
            .expect("a consumer can be made");
        let child = stop.clone();
        tokio::spawn(on_shared_runtime(async move {
            consumer.run(child).await.expect("the log can be read");
        }));
        Self {
            bus: bus.clone(),
            topic: topic.to_owned(),
            seen,
            _stop: stop.drop_guard(),
        }
    }

    /// Everything read so far.
    #[must_use]
    pub fn so_far(&self) -> Vec<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The events of type `E` about `subject`, once there are at least `count`.
    pub async fn of<E: Event>(&self, subject: impl ToString, count: usize) -> Vec<Seen> {
        let subject = subject.to_string();
        let what = format!("{count} × {} about {subject}", E::TYPE);
        eventually(&what, || async {
            let found = self.matching(E::TYPE, &subject);
            (found.len() >= count).then_some(found)
        })
        .await
    }

    /// The event of type `E` about `subject`: waits for it, reads on to the topic's present end, and fails if it is
    /// there twice.
    pub async fn shows_once<E: Event>(&self, subject: impl ToString) -> Seen {
        let subject = subject.to_string();
        self.of::<E>(&subject, 1).await;
        self.to_its_end().await;
        let mut found = self.matching(E::TYPE, &subject);
        assert_eq!(
            found.len(),
            1,
            "{} about {subject} is there {} times",
            E::TYPE,
            found.len()
        );
        found.remove(0)
    }

    /// Reads on until everything is read that is on the topic now.
    pub async fn to_its_end(&self) {
        let admin = Admin::new(&self.bus, Duration::from_secs(10));
        let topic = admin
            .describe(&self.topic)
            .await
            .expect("the broker answers");
        let topic = topic.expect("the topic is there");
        let ends = admin.watermarks(&topic).await.expect("the broker answers");
        eventually("the end of the log", || async {
            let seen = self.so_far();
            let read = |partition: i32, end: i64| {
                seen.iter()
                    .any(|seen| seen.partition == partition && seen.offset + 1 >= end)
            };
            ends.iter()
                .all(|(partition, low, end)| low == end || read(*partition, *end))
                .then_some(())
        })
        .await;
    }

    fn matching(&self, event_type: &str, subject: &str) -> Vec<Seen> {
        self.so_far()
            .into_iter()
            .filter(|seen| {
                seen.envelope.event_type == event_type && seen.envelope.subject == subject
            })
            .collect()
    }
}
