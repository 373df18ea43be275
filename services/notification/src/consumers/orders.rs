//! Handlers for order events.

use event_bus::{Event, Failure, Received};
use events::{
    Money,
    order::{
        OrderCancelled, OrderCompleted, OrderCreated, OrderExpired, OrderPaid,
        OrderPaymentRequested, OrderRefunded,
    },
};
use service::{EventConsumer, EventHandler, Tx};
use uuid::Uuid;

use super::tenant;
use crate::{
    App,
    domain::{Buyer, OrderLine, OrderStep, OrderUpdate},
    use_cases::notify_of_order,
};

struct OrderHandler {
    app: App,
}

pub(super) fn start(app: &App) {
    EventConsumer::in_platform(
        &app.runtime,
        "notification-order-consumer",
        OrderHandler { app: app.clone() },
    )
    .on::<OrderCreated>()
    .on::<OrderPaymentRequested>()
    .on::<OrderPaid>()
    .on::<OrderCompleted>()
    .on::<OrderCancelled>()
    .on::<OrderExpired>()
    .on::<OrderRefunded>()
    .start();
}

/// The fields that all order events share.
struct OrderFields {
    order_id: Uuid,
    tenant_code: String,
    buyer_id: Uuid,
    buyer_email: String,
    total: Money,
}

/// An order event, split into the shared fields and the step that it reports.
trait OrderEvent: Event {
    fn split(self) -> (OrderFields, OrderStep);
}

impl<E: OrderEvent> EventHandler<E> for OrderHandler {
    async fn handle(&self, event: Received<E>, tx: &mut Tx) -> Result<(), Failure> {
        let (fields, step) = event.data.split();
        let update = OrderUpdate {
            order_id: fields.order_id,
            seller: tenant(&event.envelope, &fields.tenant_code)?,
            buyer: Buyer {
                id: fields.buyer_id.into(),
                email: fields.buyer_email,
            },
            total: fields.total,
            step,
            time: event.envelope.time,
        };
        Ok(notify_of_order(&self.app, tx, update).await?)
    }
}

macro_rules! order_event {
    ($event:ident, $data:ident => $step:expr) => {
        impl OrderEvent for $event {
            fn split(self) -> (OrderFields, OrderStep) {
                let $data = self;
                let fields = OrderFields {
                    order_id: $data.order_id,
                    tenant_code: $data.tenant_code,
                    buyer_id: $data.buyer_id,
                    buyer_email: $data.buyer_email,
                    total: $data.total,
                };
                (fields, $step)
            }
        }
    };
}

order_event!(OrderCreated, event => OrderStep::Placed(
    event
        .items
        .into_iter()
        .map(|item| OrderLine { product_id: item.product_id, name: item.name, quantity: item.quantity })
        .collect()
));
order_event!(OrderPaymentRequested, event => OrderStep::PaymentDue(event.payment_link));
order_event!(OrderPaid, event => OrderStep::Paid);
order_event!(OrderCompleted, event => OrderStep::Completed(event.transaction_id));
order_event!(OrderCancelled, event => OrderStep::Cancelled(event.reason));
order_event!(OrderExpired, event => OrderStep::Expired);
order_event!(OrderRefunded, event => OrderStep::Refunded);
