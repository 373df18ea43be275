//! What is told of orders.

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
    domain::{Buyer, Line, OrderNews, Step},
    use_cases::tell_of_order,
};

struct Orders {
    app: App,
}

pub(super) fn start(app: &App) {
    EventConsumer::in_platform(
        &app.runtime,
        "notification-order-consumer",
        Orders { app: app.clone() },
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

/// What every event of an order carries.
struct Facts {
    order_id: Uuid,
    tenant_code: String,
    buyer_id: Uuid,
    buyer_email: String,
    total: Money,
}

/// An event of an order: the facts, and the step it tells.
trait OrderEvent: Event {
    fn split(self) -> (Facts, Step);
}

impl<E: OrderEvent> EventHandler<E> for Orders {
    async fn handle(&self, event: Received<E>, tx: &mut Tx) -> Result<(), Failure> {
        let (facts, step) = event.data.split();
        let news = OrderNews {
            order_id: facts.order_id,
            seller: tenant(&event.envelope, &facts.tenant_code)?,
            buyer: Buyer {
                id: facts.buyer_id.into(),
                email: facts.buyer_email,
            },
            total: facts.total,
            step,
            time: event.envelope.time,
        };
        Ok(tell_of_order(&self.app, tx, news).await?)
    }
}

macro_rules! order_event {
    ($event:ident, $data:ident => $step:expr) => {
        impl OrderEvent for $event {
            fn split(self) -> (Facts, Step) {
                let $data = self;
                let facts = Facts {
                    order_id: $data.order_id,
                    tenant_code: $data.tenant_code,
                    buyer_id: $data.buyer_id,
                    buyer_email: $data.buyer_email,
                    total: $data.total,
                };
                (facts, $step)
            }
        }
    };
}

order_event!(OrderCreated, event => Step::Placed(
    event
        .items
        .into_iter()
        .map(|item| Line { product_id: item.product_id, name: item.name, quantity: item.quantity })
        .collect()
));
order_event!(OrderPaymentRequested, event => Step::PaymentDue(event.payment_link));
order_event!(OrderPaid, event => Step::Paid);
order_event!(OrderCompleted, event => Step::Completed(event.transaction_id));
order_event!(OrderCancelled, event => Step::Cancelled(event.reason));
order_event!(OrderExpired, event => Step::Expired);
order_event!(OrderRefunded, event => Step::Refunded);
