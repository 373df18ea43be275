//! What this service counts besides what every service counts.

use std::sync::LazyLock;

use prometheus::{IntCounterVec, IntGauge, register_int_counter_vec, register_int_gauge};

/// Attempts to send an e-mail, by template and outcome: sent, retried, failed.
pub(crate) static EMAILS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "notification_email_attempts_total",
        "Attempts to send an e-mail, by template and outcome: sent, retried, failed.",
        &["template", "outcome"]
    )
    .expect("registered once, with a valid name")
});

/// Open sockets.
pub(crate) static SOCKETS: LazyLock<IntGauge> = LazyLock::new(|| {
    register_int_gauge!("notification_sockets", "Open WebSockets.")
        .expect("registered once, with a valid name")
});

/// Sockets that ended, by reason.
pub(crate) static SOCKETS_ENDED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "notification_sockets_ended_total",
        "WebSockets that ended, by reason.",
        &["reason"]
    )
    .expect("registered once, with a valid name")
});
