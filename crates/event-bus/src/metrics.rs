//! What the bus counts, in the default registry of `prometheus`. All labels are bounded.

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
        "events by what became of them: handled, skipped, dead_lettered, parked, abandoned",
        &["group", "topic", "event_type", "outcome"]);
    FAILED: IntCounterVec = register_int_counter_vec("event_bus_failures_total",
        "attempts that failed, by class", &["group", "topic", "event_type", "class"]);
    RETRIED: IntCounterVec = register_int_counter_vec("event_bus_retries_total",
        "attempts after the first", &["group", "topic", "event_type"]);
    DEAD_LETTERS: IntCounterVec = register_int_counter_vec("event_bus_dead_letters_total",
        "records put on a dead-letter topic, by class", &["group", "topic", "class"]);
    DEAD_LETTER_ACTS: IntCounterVec = register_int_counter_vec("event_bus_dead_letter_acts_total",
        "acts on dead letters by this process: replaying, replayed, discarded", &["topic", "act"]);
    PARKED_SEQUENCES: IntGaugeVec = register_int_gauge_vec("event_bus_parked_sequences",
        "sequences parked, of the partitions this process holds", &["group", "topic"]);
    PARKED_RECORDS: IntGaugeVec = register_int_gauge_vec("event_bus_parked_records",
        "records parked, of the partitions this process holds", &["group", "topic"]);
    SECONDS: HistogramVec = register_histogram_vec("event_bus_handle_seconds",
        "time of one attempt", &["group", "event_type"]);
    IN_FLIGHT: IntGaugeVec = register_int_gauge_vec("event_bus_in_flight",
        "records taken from the log and not finished", &["group"]);
    WAITING: IntGaugeVec = register_int_gauge_vec("event_bus_waiting",
        "records that wait for something unavailable", &["group"]);
    CONSUMER_BREAKER: IntGaugeVec = register_int_gauge_vec("event_bus_consumer_breaker",
        "0: available, 2: something its handlers need is unavailable, for all or for some tenants",
        &["group", "dependency"]);
    OLDEST: IntGaugeVec = register_int_gauge_vec("event_bus_oldest_unhandled_seconds",
        "age of the oldest record that is taken and not finished", &["group"]);
    TENANT_LAG: IntGaugeVec = register_int_gauge_vec("event_bus_tenant_lag",
        "records in flight and left behind, of the ten keys (tenants) with most", &["group", "key"]);
    PAUSED: IntGaugeVec = register_int_gauge_vec("event_bus_paused",
        "1 while the consumer takes nothing more because too much is in flight", &["group"]);
    LAG: IntGaugeVec = register_int_gauge_vec("event_bus_lag",
        "records behind the end of the partition, by what is stored as done",
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
