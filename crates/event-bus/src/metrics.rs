//! Metrics of the event bus, in the default registry of `prometheus`. All labels are bounded.

use std::{
    collections::HashSet,
    sync::{LazyLock, Mutex, PoisonError},
};

use prometheus::{
    HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, register_histogram_vec,
    register_int_counter, register_int_counter_vec, register_int_gauge, register_int_gauge_vec,
};

/// Types of events shown by name; further ones are counted as `other`.
const MAX_EVENT_TYPES: usize = 300;

/// Registration fails only for a name taken twice, which a first use would show.
const UNIQUE: &str = "the names of the bus's metrics are its own";

macro_rules! metrics {
    ($($name:ident: $kind:ty = $register:ident($text:literal, $help:literal $(, $labels:expr)?);)*) => {
        $(pub(crate) static $name: LazyLock<$kind> =
            LazyLock::new(|| $register!($text, $help $(, $labels)?).expect(UNIQUE));)*
    };
}

metrics! {
    HANDLED: IntCounterVec = register_int_counter_vec("event_bus_events_total",
        "events by outcome: handled, skipped, dead_lettered, parked, abandoned",
        &["group", "topic", "event_type", "outcome"]);
    FAILED: IntCounterVec = register_int_counter_vec("event_bus_failures_total",
        "failed handler attempts, by failure class", &["group", "topic", "event_type", "class"]);
    RETRIED: IntCounterVec = register_int_counter_vec("event_bus_retries_total",
        "handler attempts after the first", &["group", "topic", "event_type"]);
    DEAD_LETTERS: IntCounterVec = register_int_counter_vec("event_bus_dead_letters_total",
        "records published to a dead-letter topic, by failure class", &["group", "topic", "class"]);
    DEAD_LETTER_ACTS: IntCounterVec = register_int_counter_vec("event_bus_dead_letter_acts_total",
        "acts on dead letters by this process: replaying, replayed, discarded", &["topic", "act"]);
    PARKED_SEQUENCES: IntGaugeVec = register_int_gauge_vec("event_bus_parked_sequences",
        "parked sequences of the assigned partitions", &["group", "topic"]);
    PARKED_RECORDS: IntGaugeVec = register_int_gauge_vec("event_bus_parked_records",
        "parked records of the assigned partitions", &["group", "topic"]);
    SECONDS: HistogramVec = register_histogram_vec("event_bus_handle_seconds",
        "duration of one handler attempt", &["group", "event_type"]);
    IN_FLIGHT: IntGaugeVec = register_int_gauge_vec("event_bus_in_flight",
        "records read and not yet completed", &["group"]);
    WAITING: IntGaugeVec = register_int_gauge_vec("event_bus_waiting",
        "records waiting for an unavailable dependency", &["group"]);
    CONSUMER_BREAKER: IntGaugeVec = register_int_gauge_vec("event_bus_consumer_breaker",
        "0 closed, 2 open: a dependency of the handlers is unavailable, for all or for some tenants",
        &["group", "dependency"]);
    OLDEST: IntGaugeVec = register_int_gauge_vec("event_bus_oldest_unhandled_seconds",
        "age of the oldest record in flight", &["group"]);
    TENANT_LAG: IntGaugeVec = register_int_gauge_vec("event_bus_tenant_lag",
        "records in flight and lagging, of the ten keys (tenants) with the most", &["group", "key"]);
    PAUSED: IntGaugeVec = register_int_gauge_vec("event_bus_paused",
        "1 while the consumer is paused at its in-flight limit", &["group"]);
    LAG: IntGaugeVec = register_int_gauge_vec("event_bus_lag",
        "records between the committed position and the end of the partition",
        &["group", "topic", "partition"]);
    PUBLISHED: IntCounterVec = register_int_counter_vec("event_bus_published_total",
        "records by outcome: published, unavailable, refused, schema, after_failed",
        &["topic", "event_type", "outcome"]);
    PRODUCER_BREAKER: IntGauge = register_int_gauge("event_bus_producer_breaker",
        "0 closed, 1 half-open, 2 open");
    PRODUCER_REBUILDS: IntCounter = register_int_counter("event_bus_producer_rebuilds_total",
        "producers torn down because they made no progress or failed for good");
}

/// Counts records of one kind with one outcome. Without a type they are raw.
pub(crate) fn published(topic: &str, event_type: Option<&str>, outcome: &str, records: usize) {
    let event_type = event_type.map_or("raw", type_label);
    PUBLISHED
        .with_label_values(&[topic, event_type, outcome])
        .inc_by(records as u64);
}

/// The type as a label: names come from the wire, so their number is bounded.
pub(crate) fn type_label(event_type: &str) -> &str {
    static SEEN: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if seen.contains(event_type) {
        return event_type;
    }
    if seen.len() >= MAX_EVENT_TYPES || event_type.len() > 100 {
        return "other";
    }
    seen.insert(event_type.to_owned());
    event_type
}
