//! Handlers for order events.

use event_bus::{Envelope, Failure, Received};
use events::order::{
    OrderCancelled, OrderCompleted, OrderCreated, OrderExpired, OrderPaid, OrderPaymentRequested,
    OrderRefunded,
};
use money::Money;
use service::{EventHandler, Tx};

use super::FactRecorder;
use crate::{
    domain::{OrderId, OrderStatus, OrderTransition},
    use_cases::record_order,
};

/// Implements the handlers of events that carry an order's buyer and total and imply its status.
macro_rules! transitions {
    ($($event:ident => $status:ident,)*) => {$(
        impl EventHandler<$event> for FactRecorder {
            async fn handle(&self, event: Received<$event>, tx: &mut Tx) -> Result<(), Failure> {
                let order = event.data;
                let transition = OrderTransition {
                    order_id: OrderId(order.order_id),
                    buyer_id: order.buyer_id.into(),
                    total: Money::parse(order.total.amount, &order.total.currency)
                        .map_err(Failure::permanent)?,
                    status: OrderStatus::$status,
                    version: version(&event.envelope)?,
                    at: event.envelope.time,
                };
                Ok(record_order(tx, &transition).await?)
            }
        }
    )*};
}

transitions! {
    OrderCreated => Created,
    OrderPaymentRequested => WaitingForPayment,
    OrderPaid => Paid,
    OrderCompleted => Complete,
    OrderCancelled => Cancelled,
    OrderExpired => Expired,
    OrderRefunded => Refunded,
}

fn version(envelope: &Envelope) -> Result<i64, Failure> {
    i64::try_from(envelope.sequence).map_err(Failure::permanent)
}
