//! Metrics of this service, in addition to those of every service.

use std::sync::LazyLock;

use prometheus::{IntCounterVec, IntGauge, register_int_counter_vec, register_int_gauge};

/// Attempts to send an e-mail, by template and outcome.
pub(crate) static EMAILS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "notification_email_attempts_total",
        "Attempts to send an e-mail, by template and outcome (sent, retried, failed)",
        &["template", "outcome"]
    )
    .expect("the metric is registered once")
});

/// Open WebSockets of the live feed.
pub(crate) static SOCKETS: LazyLock<IntGauge> = LazyLock::new(|| {
    register_int_gauge!("notification_sockets", "Open WebSockets of the live feed")
        .expect("the metric is registered once")
});

/// Closed WebSockets of the live feed, by reason.
pub(crate) static SOCKETS_ENDED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "notification_sockets_ended_total",
        "Closed WebSockets of the live feed, by reason",
        &["reason"]
    )
    .expect("the metric is registered once")
});
