//! Per-event metrics of a consumer, with cached label lookups.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use foldhash::fast::RandomState;
use prometheus::{Histogram, IntCounter};

use crate::metrics;

/// Number of event types with cached metrics; others are looked up by label.
const AT_HAND: usize = 300;

/// Event metrics with cached label lookups, which cost more than counting.
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

    /// Counts an event of this type with its outcome.
    pub(super) fn ended(&self, topic: &str, event_type: &str, outcome: &str) {
        if outcome == "handled"
            && self.with(topic, event_type, |event_metrics| {
                event_metrics.handled.inc();
            })
        {
            return;
        }
        let event_type = metrics::type_label(event_type);
        let labels = [self.group.as_str(), topic, event_type, outcome];
        metrics::HANDLED.with_label_values(&labels).inc();
    }

    /// Records the duration of one attempt.
    pub(super) fn attempted(&self, topic: &str, event_type: &str, took: Duration) {
        let seconds = took.as_secs_f64();
        if self.with(topic, event_type, |event_metrics| {
            event_metrics.seconds.observe(seconds);
        }) {
            return;
        }
        let event_type = metrics::type_label(event_type);
        metrics::SECONDS
            .with_label_values(&[self.group.as_str(), event_type])
            .observe(seconds);
    }

    /// Returns false if no cached metrics exist: the type occurs on several topics, or there are too many types.
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
