//! What the cache is good for, counted by resource.

use std::sync::LazyLock;

use prometheus::{IntCounterVec, IntGauge, register_int_counter_vec, register_int_gauge};

use crate::CacheKey;

static READS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "tenantry_cache_reads_total",
        "Reads through the cache: hit, miss, error (Redis failed or held nonsense), away (Redis out of use)",
        &["resource", "result"]
    )
    .expect("the name is registered here only")
});

static UP: LazyLock<IntGauge> = LazyLock::new(|| {
    register_int_gauge!("tenantry_cache_up", "1 while values are served from Redis")
        .expect("the name is registered here only")
});

/// How a read went.
#[derive(Clone, Copy)]
pub(crate) enum Outcome {
    Hit,
    Miss,
    Error,
    Away,
}

pub(crate) fn count(key: &CacheKey, outcome: Outcome) {
    let result = match outcome {
        Outcome::Hit => "hit",
        Outcome::Miss => "miss",
        Outcome::Error => "error",
        Outcome::Away => "away",
    };
    READS
        .with_label_values(&[key.resource().as_str(), result])
        .inc();
}

pub(crate) fn set_up(up: bool) {
    UP.set(i64::from(up));
}
