//! Counters of the tenants' connection pools, in the default registry.

use std::sync::LazyLock;

use prometheus::{
    IntCounterVec, IntGauge, IntGaugeVec, register_int_counter_vec, register_int_gauge,
    register_int_gauge_vec,
};

const ONCE: &str = "the name is registered once";

/// `result` is `hit` or `miss`.
pub(crate) static LOOKUPS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "tenancy_datasource_lookups_total",
        "requests for a tenant's connection pool, by whether it was open",
        &["result"]
    )
    .expect(ONCE)
});

/// `cause` is `idle`, `size` or `asked`.
pub(crate) static EVICTIONS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "tenancy_datasource_evictions_total",
        "tenant connection pools closed, by cause",
        &["cause"]
    )
    .expect(ONCE)
});

/// `cause` is `unreachable`, `busy` or `refused`.
pub(crate) static FAILURES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "tenancy_datasource_failures_total",
        "requests for a tenant connection that failed, by cause",
        &["cause"]
    )
    .expect(ONCE)
});

/// Pools that hold or may hold connections, those being closed included.
pub(crate) static POOLS: LazyLock<IntGauge> = LazyLock::new(|| {
    register_int_gauge!(
        "tenancy_datasource_pools_open",
        "tenant connection pools open"
    )
    .expect(ONCE)
});

/// `state` is `used` or `idle`; measured by the sweep.
pub(crate) static CONNECTIONS: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    register_int_gauge_vec!(
        "tenancy_datasource_connections",
        "connections of the tenant connection pools",
        &["state"]
    )
    .expect(ONCE)
});
