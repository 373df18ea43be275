//! The shared secrets with which services authenticate to the user service.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// Derives the secret of the service `name`: the hexadecimal HMAC-SHA256 of the name under the platform's master secret.
/// Each service has its own secret, and the user service stores none of them.
pub fn derive_service_secret(master: &SecretString, name: &str) -> SecretString {
    hex::encode(mac(master, name).finalize().into_bytes()).into()
}

/// Returns whether `secret` is the secret of the service `name`. Compares in constant time.
pub fn verify_service_secret(master: &SecretString, name: &str, secret: &SecretString) -> bool {
    hex::decode(secret.expose_secret())
        .is_ok_and(|given| mac(master, name).verify_slice(&given).is_ok())
}

fn mac(master: &SecretString, name: &str) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(master.expose_secret().as_bytes());
    mac.expect("HMAC takes a key of any length")
        .chain_update(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_valid_for_one_service_only() {
        let master = SecretString::from("master");
        let secret = derive_service_secret(&master, "order");
        assert!(verify_service_secret(&master, "order", &secret));
        assert!(!verify_service_secret(&master, "billing", &secret));
        assert!(!verify_service_secret(&"other".into(), "order", &secret));
        for wrong in ["", "zz", "00", &secret.expose_secret()[..32]] {
            assert!(!verify_service_secret(&master, "order", &wrong.into()));
        }
    }
}
