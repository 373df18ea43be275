//! The secret by which a service proves its name to the user service.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The secret of the service `name`: hex HMAC-SHA256 of the name under the platform's master secret, so that each
/// service can be given its own and the user service stores none.
pub fn derive_service_secret(master: &SecretString, name: &str) -> SecretString {
    hex::encode(mac(master, name).finalize().into_bytes()).into()
}

/// Whether `secret` is the one of the service `name`. Takes the same time whatever is wrong.
pub fn is_service_secret(master: &SecretString, name: &str, secret: &SecretString) -> bool {
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
    fn a_secret_proves_one_name_only() {
        let master = SecretString::from("master");
        let secret = derive_service_secret(&master, "order");
        assert!(is_service_secret(&master, "order", &secret));
        assert!(!is_service_secret(&master, "billing", &secret));
        assert!(!is_service_secret(&"other".into(), "order", &secret));
        for wrong in ["", "zz", "00", &secret.expose_secret()[..32]] {
            assert!(!is_service_secret(&master, "order", &wrong.into()));
        }
    }
}
