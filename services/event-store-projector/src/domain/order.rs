//! An order, exactly as the order service answers it.

use event_bus::{Envelope, Event};
use event_store::{Fold, FoldError};
use events::{
    Money,
    order::{
        OrderCancelled, OrderCompleted, OrderCreated, OrderExpired, OrderItem, OrderPaid,
        OrderPaymentRequested, OrderRefunded,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Life, Owner, Shown, begun, read, shown};

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// Placed; its payment is being asked for.
    Created,
    /// The buyer can pay.
    WaitingForPayment,
    /// The payment arrived.
    Paid,
    /// Handed over.
    Complete,
    /// Called off.
    Cancelled,
    /// Not paid in time.
    Expired,
    /// Paid back.
    Refunded,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Its id.
    pub id: Uuid,
    /// Code of the seller.
    pub tenant_code: String,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// Its lines.
    pub items: Vec<OrderItem>,
    /// The sum of its lines.
    pub total: Money,
    /// Its payment, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<Uuid>,
    /// Where the buyer pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_link: Option<String>,
    /// What it was completed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
    /// Its history in short.
    #[serde(flatten)]
    pub life: Life,
}

/// An order and its buyer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OrderFold {
    order: Option<Order>,
    buyer: Option<Uuid>,
}

impl Fold for OrderFold {
    const NAME: &'static str = "order/1";

    fn apply(
        &mut self,
        event_type: &str,
        payload: &Value,
        envelope: &Envelope,
    ) -> Result<(), FoldError> {
        if event_type == OrderCreated::TYPE {
            self.create(read(payload)?, envelope);
            return Ok(());
        }
        let order = begun(&mut self.order, OrderCreated::TYPE)?;
        match event_type {
            OrderPaymentRequested::TYPE => {
                let event: OrderPaymentRequested = read(payload)?;
                order.status = OrderStatus::WaitingForPayment;
                order.payment_id = Some(event.payment_id);
                order.payment_link = Some(event.payment_link);
            }
            OrderPaid::TYPE => {
                order.status = OrderStatus::Paid;
                order.payment_id = Some(read::<OrderPaid>(payload)?.payment_id);
            }
            OrderCompleted::TYPE => {
                order.status = OrderStatus::Complete;
                order.transaction_id = Some(read::<OrderCompleted>(payload)?.transaction_id);
            }
            OrderCancelled::TYPE => order.status = OrderStatus::Cancelled,
            OrderExpired::TYPE => order.status = OrderStatus::Expired,
            OrderRefunded::TYPE => order.status = OrderStatus::Refunded,
            _ => {}
        }
        order.life.go_on(envelope);
        Ok(())
    }
}

impl OrderFold {
    fn create(&mut self, event: OrderCreated, envelope: &Envelope) {
        self.buyer = Some(event.buyer_id);
        self.order = Some(Order {
            id: event.order_id,
            tenant_code: event.tenant_code,
            status: OrderStatus::Created,
            items: event.items,
            total: event.total,
            payment_id: None,
            payment_link: None,
            transaction_id: None,
            life: Life {
                created_at: event.created_at.time(),
                ..Life::begin(envelope)
            },
        });
    }
}

impl Shown for OrderFold {
    fn view(&self) -> Option<Value> {
        shown(self.order.as_ref())
    }

    fn owner(&self, last_event: &Envelope) -> Owner {
        Owner {
            tenant: last_event.tenant.as_ref().map(|tenant| tenant.id),
            buyer: self.buyer,
        }
    }
}

#[cfg(test)]
mod tests {
    use event_bus::{EventParts, OutboundRecord, TenantRef};
    use events::Timestamp;
    use serde_json::json;
    use time::{Duration, OffsetDateTime, macros::datetime};

    use super::*;

    const PLACED: OffsetDateTime = datetime!(2025-11-21 06:00:00.123456789 UTC);

    fn apply<E: Event>(fold: &mut OrderFold, version: u64, event: &E) -> Result<(), FoldError> {
        let tenant = TenantRef {
            id: Uuid::from_u128(1),
            region: "eu".to_owned(),
        };
        let mut parts = EventParts::new("/tenantry/order", Uuid::from_u128(2))
            .tenant(tenant)
            .sequence(version);
        parts.time = PLACED + Duration::minutes(i64::try_from(version).unwrap() - 1);
        let envelope = OutboundRecord::of(parts, event).unwrap().envelope;
        let json = serde_json::to_value(event).unwrap();
        fold.apply(E::TYPE, &json, &envelope)
    }

    fn eur(amount: i64) -> Money {
        Money {
            amount,
            currency: "EUR".to_owned(),
        }
    }

    fn created() -> OrderCreated {
        OrderCreated {
            order_id: Uuid::from_u128(2),
            tenant_code: "acme".to_owned(),
            buyer_id: Uuid::from_u128(3),
            buyer_email: "ann@example.org".to_owned(),
            items: vec![OrderItem {
                product_id: Uuid::from_u128(4),
                name: "Anvil".to_owned(),
                quantity: 2,
                unit_price: eur(1999),
                total: eur(3998),
            }],
            total: eur(3998),
            created_at: PLACED.into(),
            expires_at: Timestamp::from(PLACED + Duration::minutes(15)),
        }
    }

    fn requested() -> OrderPaymentRequested {
        OrderPaymentRequested {
            order_id: Uuid::from_u128(2),
            tenant_code: "acme".to_owned(),
            buyer_id: Uuid::from_u128(3),
            buyer_email: "ann@example.org".to_owned(),
            payment_id: Uuid::from_u128(5),
            payment_link: "http://pay/5".to_owned(),
            gateway: "test".to_owned(),
            total: eur(3998),
        }
    }

    fn completed() -> OrderCompleted {
        OrderCompleted {
            order_id: Uuid::from_u128(2),
            tenant_code: "acme".to_owned(),
            buyer_id: Uuid::from_u128(3),
            buyer_email: "ann@example.org".to_owned(),
            transaction_id: "tx-1".to_owned(),
            total: eur(3998),
        }
    }

    #[test]
    fn an_order_is_shown_as_the_order_service_answers_it() {
        let mut fold = OrderFold::default();
        apply(&mut fold, 1, &created()).unwrap();
        let mut expected = json!({
            "id": Uuid::from_u128(2),
            "tenantCode": "acme",
            "status": "CREATED",
            "items": [{
                "productId": Uuid::from_u128(4),
                "name": "Anvil",
                "quantity": 2,
                "unitPrice": {"amount": 1999, "currency": "EUR"},
                "total": {"amount": 3998, "currency": "EUR"},
            }],
            "total": {"amount": 3998, "currency": "EUR"},
            "createdAt": "2025-11-21T06:00:00.123456Z",
            "updatedAt": "2025-11-21T06:00:00.123456Z",
            "version": 1,
        });
        assert_eq!(fold.view(), Some(expected.clone()));

        apply(&mut fold, 2, &requested()).unwrap();
        apply(&mut fold, 3, &completed()).unwrap();

        expected["status"] = json!("COMPLETE");
        expected["paymentId"] = json!(Uuid::from_u128(5));
        expected["paymentLink"] = json!("http://pay/5");
        expected["transactionId"] = json!("tx-1");
        expected["updatedAt"] = json!("2025-11-21T06:02:00.123456Z");
        expected["version"] = json!(3);
        assert_eq!(fold.view(), Some(expected));
        assert_eq!(fold.buyer, Some(Uuid::from_u128(3)));
    }

    #[test]
    fn a_snapshot_of_it_is_the_same_state() {
        let mut fold = OrderFold::default();
        apply(&mut fold, 1, &created()).unwrap();
        apply(&mut fold, 2, &requested()).unwrap();
        let json = serde_json::to_value(&fold).unwrap();
        assert_eq!(serde_json::from_value::<OrderFold>(json).unwrap(), fold);
    }

    #[test]
    fn a_history_without_its_beginning_does_not_fold() {
        let mut fold = OrderFold::default();
        let error = apply(&mut fold, 2, &requested()).unwrap_err();
        assert!(error.to_string().contains("order.created"), "{error}");
    }
}
