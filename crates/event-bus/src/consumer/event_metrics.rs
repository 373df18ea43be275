//! The metrics of a consumer's work, with those at hand that are counted for every event.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use foldhash::fast::RandomState;
use prometheus::{Histogram, IntCounter};

use crate::metrics;

/// Types of event whose metrics are at hand; of further ones they are looked up.
const AT_HAND: usize = 300;

/// Finding a metric by its labels costs more than counting.
pub(super) struct EventMetrics {
    group: String,
    of_types: Mutex<HashMap<Box<str>, OfType, RandomState>>,
}

struct OfType {
    topic: Box<str>,
    handled: IntCounter,
    seconds: Histogram,
}

impl EventMetrics {
    pub(super) fn new(group: &str) -> Self {
        Self {
            group: group.to_owned(),
            of_types: Mutex::default(),
        }
    }

    /// An event of this type ended so.
    pub(super) fn ended(&self, topic: &str, event_type: &str, outcome: &str) {
        if outcome == "handled"
            && self.with(topic, event_type, |event_metrics| {
                event_metrics.handled.inc()
            })
        {
            return;
        }
        let event_type = metrics::type_label(event_type);
        let labels = [self.group.as_str(), topic, event_type, outcome];
        metrics::HANDLED.with_label_values(&labels).inc();
    }

    /// One attempt took so long.
    pub(super) fn attempted(&self, topic: &str, event_type: &str, took: Duration) {
        let seconds = took.as_secs_f64();
        if self.with(topic, event_type, |event_metrics| {
            event_metrics.seconds.observe(seconds)
        }) {
            return;
        }
        let event_type = metrics::type_label(event_type);
        metrics::SECONDS
            .with_label_values(&[self.group.as_str(), event_type])
            .observe(seconds);
    }

    /// False: these are not at hand, since the type comes on several topics, or there are too many.
    fn with(&self, topic: &str, event_type: &str, note: impl FnOnce(&OfType)) -> bool {
        let mut of_types = self.of_types.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(event_metrics) = of_types.get(event_type) {
            let is_its = *event_metrics.topic == *topic;
            if is_its {
                note(event_metrics);
            }
            return is_its;
        }
        let label = metrics::type_label(event_type);
        if of_types.len() >= AT_HAND || label != event_type {
            return false;
        }
        let group = self.group.as_str();
        let event_metrics = OfType {
            topic: topic.into(),
            handled: metrics::HANDLED.with_label_values(&[group, topic, label, "handled"]),
            seconds: metrics::SECONDS.with_label_values(&[group, label]),
        };
        note(&event_metrics);
        of_types.insert(event_type.into(), event_metrics);
        true
    }
}
