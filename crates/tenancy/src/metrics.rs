//! Metrics of the tenants' connection pools, in the default registry.

use std::sync::LazyLock;

use prometheus::{
    IntCounterVec, IntGauge, IntGaugeVec, register_int_counter_vec, register_int_gauge,
    register_int_gauge_vec,
};

const REGISTERED_ONCE: &str = "the metric is registered once";

/// `result` is `hit` or `miss`.
pub(crate) static LOOKUPS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "tenancy_datasource_lookups_total",
        "Lookups of a tenant's connection pool, by result (hit, miss)",
        &["result"]
    )
    .expect(REGISTERED_ONCE)
});

/// `cause` is `idle`, `size` or `asked` (closed explicitly).
pub(crate) static EVICTIONS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "tenancy_datasource_evictions_total",
        "Tenant connection pools closed, by cause (idle, size, asked)",
        &["cause"]
    )
    .expect(REGISTERED_ONCE)
});

/// `cause` is `unreachable`, `busy` or `refused`.
pub(crate) static FAILURES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "tenancy_datasource_failures_total",
        "Failed acquisitions of a tenant connection, by cause (unreachable, busy, refused)",
        &["cause"]
    )
    .expect(REGISTERED_ONCE)
});

/// Pools that may hold connections, including those being closed.
pub(crate) static POOLS: LazyLock<IntGauge> = LazyLock::new(|| {
    register_int_gauge!(
        "tenancy_datasource_pools_open",
        "Open tenant connection pools"
    )
    .expect(REGISTERED_ONCE)
});

/// `state` is `used` or `idle`; updated by the sweep.
pub(crate) static CONNECTIONS: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    register_int_gauge_vec!(
        "tenancy_datasource_connections",
        "Connections of the tenant connection pools, by state (used, idle)",
        &["state"]
    )
    .expect(REGISTERED_ONCE)
});
