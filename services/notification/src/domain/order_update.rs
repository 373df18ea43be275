//! Notifications and e-mails about an order.

use auth::UserId;
use event_bus::Event;
use events::{
    Money,
    order::{
        OrderCancelled, OrderCompleted, OrderCreated, OrderExpired, OrderPaid,
        OrderPaymentRequested, OrderRefunded,
    },
};
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{EmailContent, Notification, TenantSummary, amount_text, notification::object};

/// The buyer of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buyer {
    /// The buyer's user id.
    pub id: UserId,
    /// The buyer's e-mail address.
    pub email: String,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderLine {
    /// The ordered product.
    pub product_id: Uuid,
    /// The product's name.
    pub name: String,
    /// Number of pieces.
    pub quantity: i64,
}

/// A step in the life of an order.
#[derive(Clone, Debug, PartialEq)]
pub enum OrderStep {
    /// The order was placed with these lines.
    Placed(Vec<OrderLine>),
    /// The order can be paid at this link, which is for its buyer only.
    PaymentDue(String),
    /// The payment was received.
    Paid,
    /// The order was completed with this transaction.
    Completed(String),
    /// The order was cancelled for this reason.
    Cancelled(String),
    /// The order was not paid in time.
    Expired,
    /// The payment was refunded.
    Refunded,
}

impl OrderStep {
    /// The type of the event that reports the step.
    fn kind(&self) -> &'static str {
        match self {
            Self::Placed(_) => OrderCreated::TYPE,
            Self::PaymentDue(_) => OrderPaymentRequested::TYPE,
            Self::Paid => OrderPaid::TYPE,
            Self::Completed(_) => OrderCompleted::TYPE,
            Self::Cancelled(_) => OrderCancelled::TYPE,
            Self::Expired => OrderExpired::TYPE,
            Self::Refunded => OrderRefunded::TYPE,
        }
    }

    /// The order's status after the step, as the order service spells it.
    fn status(&self) -> &'static str {
        match self {
            Self::Placed(_) => "CREATED",
            Self::PaymentDue(_) => "WAITING_FOR_PAYMENT",
            Self::Paid => "PAID",
            Self::Completed(_) => "COMPLETE",
            Self::Cancelled(_) => "CANCELLED",
            Self::Expired => "EXPIRED",
            Self::Refunded => "REFUNDED",
        }
    }
}

/// A step of one order, and the facts that notifications and e-mails about it need.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderUpdate {
    /// The order's id.
    pub order_id: Uuid,
    /// The selling tenant.
    pub seller: TenantSummary,
    /// The buyer.
    pub buyer: Buyer,
    /// The order's total.
    pub total: Money,
    /// The step.
    pub step: OrderStep,
    /// The time of the event.
    pub time: OffsetDateTime,
}

impl OrderUpdate {
    /// The notification for the buyer.
    #[must_use]
    pub fn for_buyer(&self) -> Notification {
        let (seller, total) = (&self.seller.code, amount_text(&self.total));
        let (title, body) = match &self.step {
            OrderStep::Placed(_) => (
                "Order placed",
                format!("Your order at {seller} over {total} was placed."),
            ),
            OrderStep::PaymentDue(_) => (
                "Payment due",
                format!("Your order at {seller} over {total} waits for its payment."),
            ),
            OrderStep::Paid => (
                "Order paid",
                format!("Your payment of {total} to {seller} was received."),
            ),
            OrderStep::Completed(_) => (
                "Order complete",
                format!("Your order at {seller} over {total} is complete."),
            ),
            OrderStep::Cancelled(reason) => (
                "Order cancelled",
                format!("Your order at {seller} over {total} was cancelled: {reason}."),
            ),
            OrderStep::Expired => (
                "Order expired",
                format!("Your order at {seller} over {total} was not paid in time."),
            ),
            OrderStep::Refunded => (
                "Order refunded",
                format!("{seller} paid {total} back to you."),
            ),
        };
        let mut notification = self.notification(title, body);
        if let OrderStep::PaymentDue(link) = &self.step {
            notification
                .data
                .insert("paymentLink".to_owned(), json!(link));
        }
        notification
    }

    /// The notification for the seller's admins. Contains neither the payment link nor the buyer's address.
    #[must_use]
    pub fn for_seller(&self) -> Notification {
        let (order, total) = (self.order_id, amount_text(&self.total));
        let (title, body) = match &self.step {
            OrderStep::Placed(lines) => {
                let pieces: i64 = lines.iter().map(|line| line.quantity).sum();
                (
                    "New order",
                    format!("Order {order} over {total} was placed: {pieces} pieces."),
                )
            }
            OrderStep::PaymentDue(_) => (
                "Waiting for payment",
                format!("Order {order} over {total} waits for its payment."),
            ),
            OrderStep::Paid => ("Order paid", format!("Order {order} was paid: {total}.")),
            OrderStep::Completed(transaction) => (
                "Order complete",
                format!("Order {order} over {total} is complete with transaction {transaction}."),
            ),
            OrderStep::Cancelled(reason) => (
                "Order cancelled",
                format!("Order {order} over {total} was cancelled: {reason}."),
            ),
            OrderStep::Expired => (
                "Order expired",
                format!("Order {order} over {total} was not paid in time."),
            ),
            OrderStep::Refunded => (
                "Order refunded",
                format!("Order {order} was paid back: {total}."),
            ),
        };
        self.notification(title, body)
    }

    fn notification(&self, title: &str, body: String) -> Notification {
        let mut data = object(json!({
            "orderId": self.order_id, "status": self.step.status(), "total": self.total,
        }));
        match &self.step {
            OrderStep::Placed(lines) => {
                data.insert("items".to_owned(), json!(lines));
            }
            OrderStep::Completed(transaction) => {
                data.insert("transactionId".to_owned(), json!(transaction));
            }
            OrderStep::Cancelled(reason) => {
                data.insert("reason".to_owned(), json!(reason));
            }
            OrderStep::PaymentDue(_)
            | OrderStep::Paid
            | OrderStep::Expired
            | OrderStep::Refunded => {}
        }
        Notification {
            kind: self.step.kind(),
            tenant: self.seller.clone(),
            time: self.time,
            title: title.to_owned(),
            body,
            data,
        }
    }

    /// The e-mail for the buyer; none for steps that are only notified in the application.
    #[must_use]
    pub fn buyer_email(&self) -> Option<EmailContent> {
        let (order_id, tenant_code) = (self.order_id.to_string(), self.seller.code.clone());
        let total = amount_text(&self.total);
        match &self.step {
            OrderStep::PaymentDue(link) => Some(EmailContent::OrderPlaced {
                order_id,
                tenant_code,
                total,
                payment_link: link.clone(),
            }),
            OrderStep::Completed(transaction) => {
                let transaction_id = transaction.clone();
                Some(EmailContent::OrderCompleted {
                    order_id,
                    tenant_code,
                    total,
                    transaction_id,
                })
            }
            OrderStep::Expired => Some(EmailContent::OrderExpired {
                order_id,
                tenant_code,
                total,
            }),
            OrderStep::Placed(_)
            | OrderStep::Paid
            | OrderStep::Cancelled(_)
            | OrderStep::Refunded => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use tenancy::TenantId;

    use super::*;
    use crate::domain::NotificationId;

    fn update(step: OrderStep) -> OrderUpdate {
        OrderUpdate {
            order_id: Uuid::now_v7(),
            seller: TenantSummary {
                id: TenantId::generate(),
                code: "acme".to_owned(),
                region: Some("eu".to_owned()),
            },
            buyer: Buyer {
                id: UserId::generate(),
                email: "ann@shop.example".to_owned(),
            },
            total: Money {
                amount: 1999,
                currency: "EUR".to_owned(),
            },
            step,
            time: OffsetDateTime::UNIX_EPOCH,
        }
    }

    fn steps() -> Vec<OrderStep> {
        let text = || "text".to_owned();
        vec![
            OrderStep::Placed(vec![OrderLine {
                product_id: Uuid::now_v7(),
                name: text(),
                quantity: 2,
            }]),
            OrderStep::PaymentDue("https://t.example/pay?token=secret".to_owned()),
            OrderStep::Paid,
            OrderStep::Completed(text()),
            OrderStep::Cancelled(text()),
            OrderStep::Expired,
            OrderStep::Refunded,
        ]
    }

    #[test]
    fn every_step_notifies_buyer_and_seller_and_only_the_buyer_gets_the_link() {
        for step in steps() {
            let update = update(step.clone());
            let (buyer, seller) = (update.for_buyer(), update.for_seller());
            assert_eq!(buyer.kind, seller.kind);
            assert!(events::find(buyer.kind).is_some(), "{}", buyer.kind);
            let (buyer, seller) = (
                buyer.payload(NotificationId::generate()),
                seller.payload(NotificationId::generate()),
            );
            assert_eq!(buyer["orderId"], update.order_id.to_string());
            assert_eq!(buyer["total"]["amount"], 1999);
            assert_eq!(
                buyer["paymentLink"].is_string(),
                matches!(step, OrderStep::PaymentDue(_))
            );
            let text = seller.to_string();
            assert!(!text.contains("secret") && !text.contains("ann@"), "{text}");
        }
    }

    #[test]
    fn the_buyer_gets_an_email_when_payment_is_due_and_when_the_order_is_complete_or_expired() {
        let with_email = steps()
            .into_iter()
            .filter(|step| update(step.clone()).buyer_email().is_some())
            .count();
        assert_eq!(with_email, 3);
    }
}
