//! What the log says of orders.

use event_bus::{Envelope, Failure, Received};
use events::order::{OrderCancelled, OrderCreated, OrderExpired, OrderPaid};
use service::{EventConsumer, EventHandler, Tx};
use tenancy::TenantId;
use uuid::Uuid;

use crate::{
    App,
    convert::money_of,
    domain::{Due, OrderId, PaymentId, Seller},
    use_cases::{end_payment, record_payment, request_payment},
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
        let due = due(order.order_id, order.buyer_id, &order.total)?;
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
        let due = due(order.order_id, order.buyer_id, &order.total)?;
        Ok(end_payment(&self.app, tx, &seller, due).await?)
    }
}

impl EventHandler<OrderCancelled> for Payments {
    async fn handle(&self, event: Received<OrderCancelled>, tx: &mut Tx) -> Result<(), Failure> {
        let order = event.data;
        let seller = seller(&event.envelope, order.tenant_code)?;
        let due = due(order.order_id, order.buyer_id, &order.total)?;
        Ok(end_payment(&self.app, tx, &seller, due).await?)
    }
}

/// The tenant whose order it is.
fn seller(envelope: &Envelope, code: String) -> Result<Seller, Failure> {
    let tenant = envelope
        .tenant
        .as_ref()
        .ok_or_else(|| Failure::permanent("an order's event names no tenant"))?;
    Ok(Seller {
        id: TenantId(tenant.id),
        code,
    })
}

fn due(order: Uuid, buyer: Uuid, total: &events::Money) -> Result<Due, Failure> {
    Ok(Due {
        order_id: OrderId(order),
        buyer_id: buyer.into(),
        amount: money_of(total).map_err(Failure::permanent)?,
    })
}
