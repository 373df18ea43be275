//! Figures of the projection.

use std::sync::LazyLock;

use prometheus::{
    Histogram, IntCounterVec, IntGauge, register_histogram, register_int_counter_vec,
    register_int_gauge,
};

const ONCE: &str = "registered once, with a valid name";

/// Records by what became of them.
pub(super) static EVENTS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "event_store_records_total",
        "Records read into the event store, by outcome: stored, known, passed_over, dead_lettered.",
        &["outcome"]
    )
    .expect(ONCE)
});

/// How long batches take.
pub(super) static WRITE_SECONDS: LazyLock<Histogram> = LazyLock::new(|| {
    register_histogram!(
        "event_store_write_seconds",
        "Time to write one batch of records with its offsets.",
        vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0]
    )
    .expect(ONCE)
});

/// Whether this replica projects.
pub(super) static LEADING: LazyLock<IntGauge> = LazyLock::new(|| {
    register_int_gauge!(
        "event_store_leading",
        "1 while this replica reads the log into the store."
    )
    .expect(ONCE)
});
