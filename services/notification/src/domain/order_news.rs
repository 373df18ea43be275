//! What buyer and seller are told of an order.

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

use super::{AboutTenant, Letter, Notice, amount_text, notice::object};

/// Who ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buyer {
    /// The user.
    pub id: UserId,
    /// Where to write to them.
    pub email: String,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// What was ordered.
    pub product_id: Uuid,
    /// Its name.
    pub name: String,
    /// Pieces.
    pub quantity: i64,
}

/// What happened to the order.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// It was placed.
    Placed(Vec<Line>),
    /// It can be paid, at this link: for its buyer only.
    PaymentDue(String),
    /// It was paid.
    Paid,
    /// It was completed with this transaction.
    Completed(String),
    /// It was cancelled for this reason.
    Cancelled(String),
    /// It was not paid in time.
    Expired,
    /// It was paid back.
    Refunded,
}

impl Step {
    /// Type of the event that tells it.
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

    /// The order's status after it, as the order service spells it.
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

/// News of one order.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderNews {
    /// The order.
    pub order_id: Uuid,
    /// Who sells.
    pub seller: AboutTenant,
    /// Who buys.
    pub buyer: Buyer,
    /// What it costs.
    pub total: Money,
    /// What happened.
    pub step: Step,
    /// When.
    pub time: OffsetDateTime,
}

impl OrderNews {
    /// What the buyer is told.
    #[must_use]
    pub fn for_buyer(&self) -> Notice {
        let (seller, total) = (&self.seller.code, amount_text(&self.total));
        let (title, body) = match &self.step {
            Step::Placed(_) => (
                "Order placed",
                format!("Your order at {seller} over {total} was placed."),
            ),
            Step::PaymentDue(_) => (
                "Payment due",
                format!("Your order at {seller} over {total} waits for its payment."),
            ),
            Step::Paid => (
                "Order paid",
                format!("Your payment of {total} to {seller} was received."),
            ),
            Step::Completed(_) => (
                "Order complete",
                format!("Your order at {seller} over {total} is complete."),
            ),
            Step::Cancelled(reason) => (
                "Order cancelled",
                format!("Your order at {seller} over {total} was cancelled: {reason}."),
            ),
            Step::Expired => (
                "Order expired",
                format!("Your order at {seller} over {total} was not paid in time."),
            ),
            Step::Refunded => (
                "Order refunded",
                format!("{seller} paid {total} back to you."),
            ),
        };
        let mut notice = self.notice(title, body);
        if let Step::PaymentDue(link) = &self.step {
            notice.data.insert("paymentLink".to_owned(), json!(link));
        }
        notice
    }

    /// What the seller's admins are told. The payment link is not theirs to see.
    #[must_use]
    pub fn for_seller(&self) -> Notice {
        let (order, total) = (self.order_id, amount_text(&self.total));
        let (title, body) = match &self.step {
            Step::Placed(lines) => {
                let pieces: i64 = lines.iter().map(|line| line.quantity).sum();
                (
                    "New order",
                    format!("Order {order} over {total} was placed: {pieces} pieces."),
                )
            }
            Step::PaymentDue(_) => (
                "Waiting for payment",
                format!("Order {order} over {total} waits for its payment."),
            ),
            Step::Paid => ("Order paid", format!("Order {order} was paid: {total}.")),
            Step::Completed(transaction) => (
                "Order complete",
                format!("Order {order} over {total} is complete with transaction {transaction}."),
            ),
            Step::Cancelled(reason) => (
                "Order cancelled",
                format!("Order {order} over {total} was cancelled: {reason}."),
            ),
            Step::Expired => (
                "Order expired",
                format!("Order {order} over {total} was not paid in time."),
            ),
            Step::Refunded => (
                "Order refunded",
                format!("Order {order} was paid back: {total}."),
            ),
        };
        self.notice(title, body)
    }

    fn notice(&self, title: &str, body: String) -> Notice {
        let mut data = object(json!({
            "orderId": self.order_id, "status": self.step.status(), "total": self.total,
        }));
        match &self.step {
            Step::Placed(lines) => drop(data.insert("items".to_owned(), json!(lines))),
            Step::Completed(transaction) => {
                drop(data.insert("transactionId".to_owned(), json!(transaction)));
            }
            Step::Cancelled(reason) => drop(data.insert("reason".to_owned(), json!(reason))),
            Step::PaymentDue(_) | Step::Paid | Step::Expired | Step::Refunded => {}
        }
        Notice {
            kind: self.step.kind(),
            tenant: self.seller.clone(),
            time: self.time,
            title: title.to_owned(),
            body,
            data,
        }
    }

    /// The e-mail that the buyer gets, for the steps that are worth one.
    #[must_use]
    pub fn letter(&self) -> Option<Letter> {
        let (order_id, tenant_code) = (self.order_id.to_string(), self.seller.code.clone());
        let total = amount_text(&self.total);
        match &self.step {
            Step::PaymentDue(link) => Some(Letter::OrderPlaced {
                order_id,
                tenant_code,
                total,
                payment_link: link.clone(),
            }),
            Step::Completed(transaction) => {
                let transaction_id = transaction.clone();
                Some(Letter::OrderCompleted {
                    order_id,
                    tenant_code,
                    total,
                    transaction_id,
                })
            }
            Step::Expired => Some(Letter::OrderExpired {
                order_id,
                tenant_code,
                total,
            }),
            Step::Placed(_) | Step::Paid | Step::Cancelled(_) | Step::Refunded => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use tenancy::TenantId;

    use super::*;
    use crate::domain::NoticeId;

    fn news(step: Step) -> OrderNews {
        OrderNews {
            order_id: Uuid::now_v7(),
            seller: AboutTenant {
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

    fn steps() -> Vec<Step> {
        let text = || "text".to_owned();
        vec![
            Step::Placed(vec![Line {
                product_id: Uuid::now_v7(),
                name: text(),
                quantity: 2,
            }]),
            Step::PaymentDue("https://t.example/pay?token=secret".to_owned()),
            Step::Paid,
            Step::Completed(text()),
            Step::Cancelled(text()),
            Step::Expired,
            Step::Refunded,
        ]
    }

    #[test]
    fn every_step_is_told_to_both_and_the_link_to_the_buyer_alone() {
        for step in steps() {
            let news = news(step.clone());
            let (buyer, seller) = (news.for_buyer(), news.for_seller());
            assert_eq!(buyer.kind, seller.kind);
            assert!(events::find(buyer.kind).is_some(), "{}", buyer.kind);
            let (buyer, seller) = (
                buyer.payload(NoticeId::generate()),
                seller.payload(NoticeId::generate()),
            );
            assert_eq!(buyer["orderId"], news.order_id.to_string());
            assert_eq!(buyer["total"]["amount"], 1999);
            assert_eq!(
                buyer["paymentLink"].is_string(),
                matches!(step, Step::PaymentDue(_))
            );
            let seen = seller.to_string();
            assert!(!seen.contains("secret") && !seen.contains("ann@"), "{seen}");
        }
    }

    #[test]
    fn a_letter_is_sent_when_it_is_to_be_paid_complete_or_over() {
        let with_letter = steps()
            .into_iter()
            .filter(|step| news(step.clone()).letter().is_some())
            .count();
        assert_eq!(with_letter, 3);
    }
}
