//! Handlers for billing events.

use event_bus::{Failure, Received};
use events::billing::{PaymentRequested, PaymentSucceeded};
use service::{EventConsumer, EventHandler, Tx};

use crate::{
    App,
    domain::{OrderId, Payment, PaymentId},
    use_cases::{mark_paid, request_payment},
};

struct Payments;

pub(super) fn start(app: &App) {
    EventConsumer::in_tenant(&app.runtime, "order-payment-consumer", Payments)
        .on::<PaymentRequested>()
        .on::<PaymentSucceeded>()
        .start();
}

impl EventHandler<PaymentRequested> for Payments {
    async fn handle(&self, event: Received<PaymentRequested>, tx: &mut Tx) -> Result<(), Failure> {
        let asked = event.data;
        let payment = Payment {
            id: PaymentId(asked.payment_id),
            link: asked.payment_link,
            gateway: asked.gateway,
        };
        Ok(request_payment(tx, &asked.tenant_code, OrderId(asked.order_id), payment).await?)
    }
}

impl EventHandler<PaymentSucceeded> for Payments {
    async fn handle(&self, event: Received<PaymentSucceeded>, tx: &mut Tx) -> Result<(), Failure> {
        let paid = event.data;
        let (order, payment) = (OrderId(paid.order_id), PaymentId(paid.payment_id));
        Ok(mark_paid(tx, &paid.tenant_code, order, payment).await?)
    }
}
