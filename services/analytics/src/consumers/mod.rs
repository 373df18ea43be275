//! Event consumers. Handlers are in one file per topic.

mod audit;
mod orders;
mod tenants;
mod users;

use events::{
    order::{
        OrderCancelled, OrderCompleted, OrderCreated, OrderExpired, OrderPaid,
        OrderPaymentRequested, OrderRefunded,
    },
    tenant::{TenantActivated, TenantCreated},
    user::{UserCreated, UserLoginFailed, UserLoginSucceeded, UserRegistered},
};
use service::{EventConsumer, Runtime};

/// Records facts from events in the database of the transaction: the tenant's or the platform's.
struct FactRecorder;

/// Starts all consumers of the service.
pub(crate) fn start(runtime: &Runtime) {
    EventConsumer::in_tenant(runtime, "analytics-tenant-consumer", FactRecorder)
        .on::<OrderCreated>()
        .on::<OrderPaymentRequested>()
        .on::<OrderPaid>()
        .on::<OrderCompleted>()
        .on::<OrderCancelled>()
        .on::<OrderExpired>()
        .on::<OrderRefunded>()
        .start();
    EventConsumer::in_platform(runtime, "analytics-platform-consumer", FactRecorder)
        .on::<OrderCreated>()
        .on::<OrderPaymentRequested>()
        .on::<OrderPaid>()
        .on::<OrderCompleted>()
        .on::<OrderCancelled>()
        .on::<OrderExpired>()
        .on::<OrderRefunded>()
        .on::<TenantCreated>()
        .on::<TenantActivated>()
        .on::<UserRegistered>()
        .on::<UserCreated>()
        .on::<UserLoginSucceeded>()
        .on::<UserLoginFailed>()
        .start();
    audit::start(runtime);
}
