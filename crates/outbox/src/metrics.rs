//! Prometheus metrics of the relay, in the default registry.

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use event_bus::StoredEvent;
use prometheus::{
    Gauge, Histogram, IntCounterVec, IntGauge, IntGaugeVec, register_gauge, register_histogram,
    register_int_counter_vec, register_int_gauge, register_int_gauge_vec,
};

static PUBLISHED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "outbox_published_total",
        "Events published from outboxes, by topic.",
        &["topic"]
    )
    .expect("registered once, with a valid name")
});
static DELAY: LazyLock<Histogram> = LazyLock::new(|| {
    register_histogram!(
        "outbox_publish_delay_seconds",
        "Time from the event's timestamp to the broker's acknowledgement, in seconds.",
        vec![
            0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0
        ]
    )
    .expect("registered once, with a valid name")
});
static WAITING: LazyLock<IntGauge> = LazyLock::new(|| {
    register_int_gauge!(
        "outbox_waiting",
        "Outboxes queued for a drain attempt or backing off."
    )
    .expect("registered once, with a valid name")
});
static REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "outbox_refused_total",
        "Events moved to outbox_refused because they can never be published, by topic.",
        &["topic"]
    )
    .expect("registered once, with a valid name")
});
static REFUSED_OPEN: LazyLock<IntGauge> = LazyLock::new(|| {
    register_int_gauge!(
        "outbox_refused",
        "Open events in outbox_refused, as of the last full sweep."
    )
    .expect("registered once, with a valid name")
});
static ROWS: LazyLock<IntGauge> = LazyLock::new(|| {
    register_int_gauge!(
        "outbox_rows",
        "Upper bound of the rows remaining after the last drain attempt of each outbox."
    )
    .expect("registered once, with a valid name")
});
static TOP_ROWS: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    register_int_gauge_vec!(
        "outbox_top_rows",
        "Upper bound of the remaining rows, for the ten outboxes with the most.",
        &["outbox"]
    )
    .expect("registered once, with a valid name")
});
static OLDEST: LazyLock<Gauge> = LazyLock::new(|| {
    register_gauge!(
        "outbox_oldest_seconds",
        "Age of the oldest remaining event, in seconds; 0 if no rows remain."
    )
    .expect("registered once, with a valid name")
});
static ATTEMPTS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "outbox_looks_total",
        "Drain attempts, by result.",
        &["found"]
    )
    .expect("registered once, with a valid name")
});

/// Counts the acknowledged events and observes their publishing delay.
pub(crate) fn count_published<T, E>(events: &[StoredEvent], results: &[Result<T, E>]) {
    let now = SystemTime::now();
    let acknowledged: Vec<&StoredEvent> = events
        .iter()
        .zip(results)
        .filter_map(|(event, result)| result.is_ok().then_some(event))
        .collect();
    for run in acknowledged.chunk_by(|a, b| a.topic() == b.topic()) {
        PUBLISHED
            .with_label_values(&[run[0].topic()])
            .inc_by(run.len() as u64);
        for event in run {
            let delay = now.duration_since(SystemTime::from(event.time()));
            DELAY.observe(delay.unwrap_or_default().as_secs_f64());
        }
    }
}

/// Counts an event that was moved to `outbox_refused`.
pub(crate) fn count_refused(topic: &str) {
    REFUSED.with_label_values(&[topic]).inc();
}

/// Sets the number of open events in `outbox_refused` of all outboxes.
pub(crate) fn set_refused(events: i64) {
    REFUSED_OPEN.set(events);
}

/// Sets the total of remaining rows, the age of the oldest, and the outboxes with the most rows.
pub(crate) fn set_backlog<'a>(
    rows: i64,
    oldest: Duration,
    top: impl Iterator<Item = (&'a str, i64)>,
) {
    ROWS.set(rows);
    OLDEST.set(oldest.as_secs_f64());
    TOP_ROWS.reset();
    for (outbox, rows) in top {
        TOP_ROWS.with_label_values(&[outbox]).set(rows);
    }
}

/// Sets the number of outboxes that are queued or backing off.
pub(crate) fn set_waiting(outboxes: usize) {
    WAITING.set(i64::try_from(outboxes).unwrap_or(i64::MAX));
}

/// Counts a drain attempt by its result.
pub(crate) fn count_attempt(found: &str) {
    ATTEMPTS.with_label_values(&[found]).inc();
}
