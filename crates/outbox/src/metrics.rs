//! What the relay shows of itself, in the default registry.

use std::sync::LazyLock;

use event_bus::OutboundRecord;
use prometheus::{
    Histogram, IntCounterVec, IntGauge, register_histogram, register_int_counter_vec,
    register_int_gauge,
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
static LOOKS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "outbox_looks_total",
        "Claims of an outbox, by what they found.",
        &["found"]
    )
    .expect("registered once, with a valid name")
});

pub(crate) fn published<E>(records: &[OutboundRecord], results: &[Result<(), E>]) {
    let now = std::time::SystemTime::now();
    for (record, _) in records
        .iter()
        .zip(results)
        .filter(|(_, result)| result.is_ok())
    {
        PUBLISHED.with_label_values(&[&record.topic]).inc();
        let written = std::time::SystemTime::from(record.envelope.time);
        DELAY.observe(
            now.duration_since(written)
                .unwrap_or_default()
                .as_secs_f64(),
        );
    }
}

pub(crate) fn waiting(outboxes: usize) {
    WAITING.set(i64::try_from(outboxes).unwrap_or(i64::MAX));
}

pub(crate) fn looked(found: &str) {
    LOOKS.with_label_values(&[found]).inc();
}
