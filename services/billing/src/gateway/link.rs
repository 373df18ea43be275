//! Payment links are capabilities: who holds one may see and make that payment, and nobody can make one up.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use tenancy::TenantId;

use crate::domain::PaymentId;

/// Keeps a derived key from being of use for anything else that the secret is used for.
const LABEL: &[u8] = b"tenantry billing payment link";

/// The key that payment links are signed with.
#[derive(Clone)]
pub struct LinkKey(Hmac<Sha256>);

impl LinkKey {
    /// This key.
    #[must_use]
    pub fn new(key: &SecretString) -> Self {
        Self(keyed(key.expose_secret().as_bytes()))
    }

    /// A key derived from the service's secret: the same on every replica and after every start.
    #[must_use]
    pub fn derived(secret: &SecretString) -> Self {
        let key = keyed(secret.expose_secret().as_bytes())
            .chain_update(LABEL)
            .finalize()
            .into_bytes();
        Self(keyed(&key))
    }

    /// The token of a link: hex HMAC-SHA256 over tenant id and payment id, 16 bytes each.
    #[must_use]
    pub fn sign(&self, tenant: TenantId, payment: PaymentId) -> String {
        hex::encode(self.over(tenant, payment).finalize().into_bytes())
    }

    /// Whether `token` is the one of this payment of this tenant. Takes the same time whatever is wrong.
    #[must_use]
    pub fn opens(&self, tenant: TenantId, payment: PaymentId, token: &str) -> bool {
        hex::decode(token)
            .is_ok_and(|given| self.over(tenant, payment).verify_slice(&given).is_ok())
    }

    fn over(&self, tenant: TenantId, payment: PaymentId) -> Hmac<Sha256> {
        self.0
            .clone()
            .chain_update(tenant.0.as_bytes())
            .chain_update(payment.0.as_bytes())
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn ids() -> (TenantId, PaymentId) {
        (TenantId::generate(), PaymentId(Uuid::now_v7()))
    }

    #[test]
    fn a_token_opens_one_payment_of_one_tenant_under_one_key() {
        let key = LinkKey::new(&"a".repeat(32).into());
        let (tenant, payment) = ids();
        let token = key.sign(tenant, payment);
        assert!(key.opens(tenant, payment, &token));
        let (other_tenant, other_payment) = ids();
        assert!(!key.opens(other_tenant, payment, &token));
        assert!(!key.opens(tenant, other_payment, &token));
        assert!(!LinkKey::new(&"b".repeat(32).into()).opens(tenant, payment, &token));
        assert!(!key.opens(TenantId(payment.0), PaymentId(tenant.0), &token));
    }

    #[test]
    fn a_derived_key_is_always_the_same_and_not_the_secret_itself() {
        let secret = "s".repeat(48).into();
        let (tenant, payment) = ids();
        let token = LinkKey::derived(&secret).sign(tenant, payment);
        assert!(LinkKey::derived(&secret).opens(tenant, payment, &token));
        assert!(!LinkKey::new(&secret).opens(tenant, payment, &token));
    }

    proptest! {
        #[test]
        fn nothing_but_the_token_opens(forged in "[0-9a-fA-F]{0,66}|.{0,8}") {
            let key = LinkKey::new(&"a".repeat(32).into());
            let (tenant, payment) = ids();
            let token = key.sign(tenant, payment);
            prop_assert_eq!(
                key.opens(tenant, payment, &forged),
                forged.eq_ignore_ascii_case(&token)
            );
            prop_assert!(!key.opens(tenant, payment, &token[..62]));
            let appended = format!("{token}{forged}");
            prop_assert!(forged.is_empty() || !key.opens(tenant, payment, &appended));
        }
    }
}
