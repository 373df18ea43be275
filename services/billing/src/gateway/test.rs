//! The embedded test gateway: a page of this service where a buyer settles a payment with a button. No money moves, so
//! a payment's status is its only state and a refund needs no further call.

use async_trait::async_trait;

use super::{GatewayError, LinkKey, PaymentGateway};
use crate::domain::{Payment, PaymentId, Seller};

/// The embedded test gateway.
pub struct TestGateway {
    public_url: String,
    links: LinkKey,
}

impl TestGateway {
    /// A gateway with its pages under `public_url` and links signed with `links`.
    #[must_use]
    pub fn new(public_url: &str, links: LinkKey) -> Self {
        Self {
            public_url: public_url.trim_end_matches('/').to_owned(),
            links,
        }
    }
}

#[async_trait]
impl PaymentGateway for TestGateway {
    fn name(&self) -> &'static str {
        "test"
    }

    async fn payment_link(
        &self,
        seller: &Seller,
        payment: PaymentId,
    ) -> Result<String, GatewayError> {
        let token = self.links.sign(seller.id, payment);
        let (base, code) = (&self.public_url, &seller.code);
        Ok(format!(
            "{base}/api/billing/pay/{code}/{payment}?token={token}"
        ))
    }

    async fn refund(&self, _payment: &Payment) -> Result<(), GatewayError> {
        Ok(())
    }
}
