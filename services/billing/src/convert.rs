//! Conversions of domain types to their form in events.

use events::billing::{PaymentRefunded, PaymentRequested, PaymentSucceeded, SubscriptionStarted};
use money::Money;

use crate::domain::{Payment, Seller, Subscription};

/// Money as events carry it.
fn event_money(money: Money) -> events::Money {
    events::Money {
        amount: money.amount,
        currency: money.currency.to_string(),
    }
}

/// The buyer is requested to pay at `payment_link`.
pub fn payment_requested(
    seller: &Seller,
    payment: &Payment,
    payment_link: String,
) -> PaymentRequested {
    PaymentRequested {
        payment_id: payment.id.0,
        order_id: payment.order_id.0,
        tenant_id: seller.id.0,
        tenant_code: seller.code.clone(),
        buyer_id: payment.buyer_id.as_uuid(),
        amount: event_money(payment.amount),
        gateway: payment.gateway.clone(),
        payment_link,
    }
}

/// The money was received.
pub fn payment_succeeded(seller: &Seller, payment: &Payment) -> PaymentSucceeded {
    PaymentSucceeded {
        payment_id: payment.id.0,
        order_id: payment.order_id.0,
        tenant_id: seller.id.0,
        tenant_code: seller.code.clone(),
        buyer_id: payment.buyer_id.as_uuid(),
        amount: event_money(payment.amount),
        gateway: payment.gateway.clone(),
    }
}

/// The money was returned to the buyer.
pub fn payment_refunded(seller: &Seller, payment: &Payment) -> PaymentRefunded {
    PaymentRefunded {
        payment_id: payment.id.0,
        order_id: payment.order_id.0,
        tenant_id: seller.id.0,
        tenant_code: seller.code.clone(),
        buyer_id: payment.buyer_id.as_uuid(),
        amount: event_money(payment.amount),
        gateway: payment.gateway.clone(),
    }
}

/// The tenant has subscribed to a package.
pub fn subscription_started(subscription: &Subscription) -> SubscriptionStarted {
    SubscriptionStarted {
        subscription_id: subscription.id.0,
        tenant_id: subscription.tenant_id.0,
        package: subscription.package.to_string(),
        trial_ends_at: Some(subscription.trial_ends_at.into()),
        current_period_end: subscription.current_period_end.into(),
    }
}
