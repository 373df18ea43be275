//! What the relay shows of itself, in the default registry.

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
        "Time from the change of state to the broker's acknowledgement.",
        vec![
            0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0
        ]
    )
    .expect("registered once, with a valid name")
});
static WAITING: LazyLock<IntGauge> = LazyLock::new(|| {
    register_int_gauge!(
        "outbox_waiting",
        "Outboxes that wait for their turn or their next try."
    )
    .expect("registered once, with a valid name")
});
static REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "outbox_refused_total",
        "Events set aside because they can never be published, by topic.",
        &["topic"]
    )
    .expect("registered once, with a valid name")
});
static REFUSED_LIE: LazyLock<IntGauge> = LazyLock::new(|| {
    register_int_gauge!(
        "outbox_refused",
        "Events that were set aside and wait for somebody's decision, as of the last sweep over all outboxes."
    )
    .expect("registered once, with a valid name")
});
static ROWS: LazyLock<IntGauge> = LazyLock::new(|| {
    register_int_gauge!(
        "outbox_rows",
        "Rows left behind by the last looks at all outboxes; at most so many."
    )
    .expect("registered once, with a valid name")
});
static TOP_ROWS: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    register_int_gauge_vec!(
        "outbox_top_rows",
        "Rows left behind in the outboxes with most of them; at most so many.",
        &["outbox"]
    )
    .expect("registered once, with a valid name")
});
static OLDEST: LazyLock<Gauge> = LazyLock::new(|| {
    register_gauge!(
        "outbox_oldest_seconds",
        "Age of the oldest row that a look left behind; 0 when nothing waits."
    )
    .expect("registered once, with a valid name")
});
static LOOKS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "outbox_looks_total",
        "Claims of an outbox, by what they found.",
        &["found"]
    )
    .expect("registered once, with a valid name")
});

/// Counts what was published, a run of one topic at a time.
pub(crate) fn published<T, E>(events: &[StoredEvent], results: &[Result<T, E>]) {
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

pub(crate) fn refused(topic: &str) {
    REFUSED.with_label_values(&[topic]).inc();
}

/// What lies in `outbox_refused` of all outboxes, as far as they were looked at.
pub(crate) fn refused_lie(events: i64) {
    REFUSED_LIE.set(events);
}

/// What waits: all rows, the age of the oldest, and the outboxes with most rows.
pub(crate) fn backlog<'a>(rows: i64, oldest: Duration, top: impl Iterator<Item = (&'a str, i64)>) {
    ROWS.set(rows);
    OLDEST.set(oldest.as_secs_f64());
    TOP_ROWS.reset();
    for (outbox, rows) in top {
        TOP_ROWS.with_label_values(&[outbox]).set(rows);
    }
}

pub(crate) fn waiting(outboxes: usize) {
    WAITING.set(i64::try_from(outboxes).unwrap_or(i64::MAX));
}

pub(crate) fn looked(found: &str) {
    LOOKS.with_label_values(&[found]).inc();
}
