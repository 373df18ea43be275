//! A payment.

use event_bus::{Envelope, Event};
use event_store::{Fold, FoldError};
use events::{
    Money,
    billing::{PaymentFailed, PaymentRefunded, PaymentRequested, PaymentSucceeded},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Life, Shown, begun, read, shown};

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum PaymentStatus {
    Pending,
    Succeeded,
    Failed,
    Refunded,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payment {
    id: Uuid,
    order_id: Uuid,
    tenant_code: String,
    buyer_id: Uuid,
    amount: Money,
    gateway: String,
    status: PaymentStatus,
    #[serde(rename = "paymentLink")]
    link: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(flatten)]
    life: Life,
}

/// A payment: what is to be paid, by whom, and whether it was.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct PaymentFold(Option<Payment>);

impl Fold for PaymentFold {
    const NAME: &'static str = "payment/1";

    fn apply(
        &mut self,
        event_type: &str,
        payload: &Value,
        envelope: &Envelope,
    ) -> Result<(), FoldError> {
        if event_type == PaymentRequested::TYPE {
            let event: PaymentRequested = read(payload)?;
            self.0 = Some(Payment {
                id: event.payment_id,
                order_id: event.order_id,
                tenant_code: event.tenant_code,
                buyer_id: event.buyer_id,
                amount: event.amount,
                gateway: event.gateway,
                status: PaymentStatus::Pending,
                link: event.payment_link,
                reason: None,
                life: Life::begin(envelope),
            });
            return Ok(());
        }
        let payment = begun(&mut self.0, PaymentRequested::TYPE)?;
        match event_type {
            PaymentSucceeded::TYPE => payment.status = PaymentStatus::Succeeded,
            PaymentFailed::TYPE => {
                payment.status = PaymentStatus::Failed;
                payment.reason = Some(read::<PaymentFailed>(payload)?.reason);
            }
            PaymentRefunded::TYPE => payment.status = PaymentStatus::Refunded,
            _ => {}
        }
        payment.life.go_on(envelope);
        Ok(())
    }
}

impl Shown for PaymentFold {
    fn view(&self) -> Option<Value> {
        shown(self.0.as_ref())
    }
}
