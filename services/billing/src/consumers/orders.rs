//! Handlers for order events.

use event_bus::{Envelope, Failure, Received};
use events::order::{OrderCancelled, OrderCreated, OrderExpired, OrderPaid};
use money::Money;
use service::{EventConsumer, EventHandler, Tx};
use tenancy::TenantId;
use uuid::Uuid;

use crate::{
    App,
    domain::{AmountDue, OrderId, PaymentId, Seller},
    use_cases::{record_payment, request_payment, reverse_payment},
};

struct Payments {
    app: App,
}

pub(super) fn start(app: &App) {
    let payments = Payments { app: app.clone() };
    EventConsumer::in_tenant(&app.runtime, "billing-order-consumer", payments)
        .on::<OrderCreated>()
        .on::<OrderPaid>()
        .on::<OrderExpired>()
        .on::<OrderCancelled>()
        .start();
}

impl EventHandler<OrderCreated> for Payments {
    async fn handle(&self, event: Received<OrderCreated>, tx: &mut Tx) -> Result<(), Failure> {
        let order = event.data;
        let seller = seller(&event.envelope, order.tenant_code)?;
        let due = amount_due(order.order_id, order.buyer_id, &order.total)?;
        Ok(request_payment(&self.app, tx, &seller, due).await?)
    }
}

impl EventHandler<OrderPaid> for Payments {
    async fn handle(&self, event: Received<OrderPaid>, tx: &mut Tx) -> Result<(), Failure> {
        let order = event.data;
        let seller = seller(&event.envelope, order.tenant_code)?;
        let (id, payment) = (OrderId(order.order_id), PaymentId(order.payment_id));
        Ok(record_payment(tx, &seller, id, payment).await?)
    }
}

impl EventHandler<OrderExpired> for Payments {
    async fn handle(&self, event: Received<OrderExpired>, tx: &mut Tx) -> Result<(), Failure> {
        let order = event.data;
        let seller = seller(&event.envelope, order.tenant_code)?;
        let due = amount_due(order.order_id, order.buyer_id, &order.total)?;
        Ok(reverse_payment(&self.app, tx, &seller, due).await?)
    }
}

impl EventHandler<OrderCancelled> for Payments {
    async fn handle(&self, event: Received<OrderCancelled>, tx: &mut Tx) -> Result<(), Failure> {
        let order = event.data;
        let seller = seller(&event.envelope, order.tenant_code)?;
        let due = amount_due(order.order_id, order.buyer_id, &order.total)?;
        Ok(reverse_payment(&self.app, tx, &seller, due).await?)
    }
}

/// The tenant of the order.
fn seller(envelope: &Envelope, code: String) -> Result<Seller, Failure> {
    let tenant = envelope.tenant.as_ref().ok_or_else(|| {
        Failure::permanent("the order event has no tenant; publish it with the tenant of the order")
    })?;
    Ok(Seller {
        id: TenantId(tenant.id),
        code,
    })
}

fn amount_due(order: Uuid, buyer: Uuid, total: &events::Money) -> Result<AmountDue, Failure> {
    Ok(AmountDue {
        order_id: OrderId(order),
        buyer_id: buyer.into(),
        amount: Money::parse(total.amount, &total.currency).map_err(Failure::permanent)?,
    })
}
