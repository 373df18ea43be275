//! What the orders tell.

use event_bus::{Envelope, Failure, Received};
use events::order::{
    OrderCancelled, OrderCompleted, OrderCreated, OrderExpired, OrderPaid, OrderPaymentRequested,
    OrderRefunded,
};
use money::{Money, NotACurrency};
use service::{EventHandler, Tx};

use super::Facts;
use crate::{
    domain::{OrderId, Status, Step},
    use_cases::note_order,
};

/// Each of these events tells who ordered, for how much, and where the order is now.
macro_rules! steps {
    ($($event:ident leads to $reached:ident,)*) => {$(
        impl EventHandler<$event> for Facts {
            async fn handle(&self, event: Received<$event>, tx: &mut Tx) -> Result<(), Failure> {
                let told = event.data;
                let step = Step {
                    order: OrderId(told.order_id),
                    buyer: told.buyer_id.into(),
                    total: money(&told.total).map_err(Failure::permanent)?,
                    reached: Status::$reached,
                    version: version(&event.envelope)?,
                    at: event.envelope.time,
                };
                Ok(note_order(tx, &step).await?)
            }
        }
    )*};
}

steps! {
    OrderCreated leads to Created,
    OrderPaymentRequested leads to WaitingForPayment,
    OrderPaid leads to Paid,
    OrderCompleted leads to Complete,
    OrderCancelled leads to Cancelled,
    OrderExpired leads to Expired,
    OrderRefunded leads to Refunded,
}

fn money(told: &events::Money) -> Result<Money, NotACurrency> {
    Ok(Money::new(told.amount, told.currency.parse()?))
}

fn version(envelope: &Envelope) -> Result<i64, Failure> {
    i64::try_from(envelope.sequence).map_err(Failure::permanent)
}
