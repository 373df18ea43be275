//! Prometheus metrics of the cache.

use std::sync::LazyLock;

use prometheus::{IntCounterVec, IntGauge, register_int_counter_vec, register_int_gauge};

use crate::CacheKey;

static READS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "tenantry_cache_reads_total",
        "Reads through the cache by result: hit, miss, error (Redis failed or the entry is invalid), away (Redis is disconnected).",
        &["resource", "result"]
    )
    .expect("the name is registered here only")
});

static UP: LazyLock<IntGauge> = LazyLock::new(|| {
    register_int_gauge!(
        "tenantry_cache_up",
        "1 while the cache is connected to Redis, else 0."
    )
    .expect("the name is registered here only")
});

/// The result of a read.
#[derive(Clone, Copy)]
pub(crate) enum ReadResult {
    Hit,
    Miss,
    Error,
    Disconnected,
}

pub(crate) fn count_read(key: &CacheKey, result: ReadResult) {
    let label = match result {
        ReadResult::Hit => "hit",
        ReadResult::Miss => "miss",
        ReadResult::Error => "error",
        ReadResult::Disconnected => "away",
    };
    READS
        .with_label_values(&[key.resource().as_str(), label])
        .inc();
}

pub(crate) fn set_up(up: bool) {
    UP.set(i64::from(up));
}
