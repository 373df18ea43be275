//! Signatures of payment links. A link is a capability: its holder may see and make one payment, and it cannot be
//! forged.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use tenancy::TenantId;

use crate::domain::PaymentId;

/// Domain separation: a derived key is unrelated to other uses of the secret.
const DERIVATION_LABEL: &[u8] = b"tenantry billing payment link";

/// The key that signs payment links.
#[derive(Clone)]
pub struct LinkKey(Hmac<Sha256>);

impl LinkKey {
    /// Uses `key` as it is.
    #[must_use]
    pub fn new(key: &SecretString) -> Self {
        Self(hmac(key.expose_secret().as_bytes()))
    }

    /// Derives a key from the service secret. It is the same on every replica and after a restart.
    #[must_use]
    pub fn derive(secret: &SecretString) -> Self {
        let key = hmac(secret.expose_secret().as_bytes())
            .chain_update(DERIVATION_LABEL)
            .finalize()
            .into_bytes();
        Self(hmac(&key))
    }

    /// The token of a link: the hex HMAC-SHA256 over tenant id and payment id, 16 bytes each.
    #[must_use]
    pub fn sign(&self, tenant: TenantId, payment: PaymentId) -> String {
        hex::encode(self.mac(tenant, payment).finalize().into_bytes())
    }

    /// Verifies the token of a payment of a tenant, in constant time.
    #[must_use]
    pub fn verify(&self, tenant: TenantId, payment: PaymentId, token: &str) -> bool {
        hex::decode(token).is_ok_and(|given| self.mac(tenant, payment).verify_slice(&given).is_ok())
    }

    fn mac(&self, tenant: TenantId, payment: PaymentId) -> Hmac<Sha256> {
        self.0
            .clone()
            .chain_update(tenant.0.as_bytes())
            .chain_update(payment.0.as_bytes())
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids() -> (TenantId, PaymentId) {
        (TenantId::generate(), PaymentId::generate())
    }

    #[test]
    fn a_token_is_valid_for_one_payment_of_one_tenant_under_one_key() {
        let key = LinkKey::new(&"a".repeat(32).into());
        let (tenant, payment) = ids();
        let token = key.sign(tenant, payment);
        assert!(key.verify(tenant, payment, &token));
        let (other_tenant, other_payment) = ids();
        assert!(!key.verify(other_tenant, payment, &token));
        assert!(!key.verify(tenant, other_payment, &token));
        assert!(!LinkKey::new(&"b".repeat(32).into()).verify(tenant, payment, &token));
        assert!(!key.verify(TenantId(payment.0), PaymentId(tenant.0), &token));
    }

    #[test]
    fn a_derived_key_is_deterministic_and_not_the_secret_itself() {
        let secret = "s".repeat(48).into();
        let (tenant, payment) = ids();
        let token = LinkKey::derive(&secret).sign(tenant, payment);
        assert!(LinkKey::derive(&secret).verify(tenant, payment, &token));
        assert!(!LinkKey::new(&secret).verify(tenant, payment, &token));
    }

    proptest! {
        #[test]
        fn only_the_signed_token_is_valid(forged in "[0-9a-fA-F]{0,66}|.{0,8}") {
            let key = LinkKey::new(&"a".repeat(32).into());
            let (tenant, payment) = ids();
            let token = key.sign(tenant, payment);
            prop_assert_eq!(
                key.verify(tenant, payment, &forged),
                forged.eq_ignore_ascii_case(&token)
            );
            prop_assert!(!key.verify(tenant, payment, &token[..62]));
            let appended = format!("{token}{forged}");
            prop_assert!(forged.is_empty() || !key.verify(tenant, payment, &appended));
        }
    }
}
