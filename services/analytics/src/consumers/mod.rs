//! The only way in: events. One file a topic says what each of them tells; here is who listens.

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

/// Puts down what events tell: in the tenant's database or the platform's, whichever its transaction is in.
struct Facts;

/// Starts every consumer of the service.
pub(crate) fn start(runtime: &Runtime) {
    EventConsumer::in_tenant(runtime, "analytics-tenant-consumer", Facts)
        .on::<OrderCreated>()
        .on::<OrderPaymentRequested>()
        .on::<OrderPaid>()
        .on::<OrderCompleted>()
        .on::<OrderCancelled>()
        .on::<OrderExpired>()
        .on::<OrderRefunded>()
        .start();
    EventConsumer::in_platform(runtime, "analytics-platform-consumer", Facts)
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
