//! Signing access tokens. Only the user service has the private keys.

use std::{path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode, get_current_timestamp,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};

use crate::{Caller, Claims, Verifier};

/// Lifetime of an access token.
pub const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_mins(15);

/// DER prefix of a PKCS#8 v1 Ed25519 private key (RFC 8410, section 7), followed by the 32-byte seed.
const PKCS8_ED25519_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The error of loading or using the signing keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the signing keys {path}: {cause}")]
    Unreadable {
        /// The path of the file.
        path: String,
        /// The I/O error.
        cause: std::io::Error,
    },
    /// The text contains no private key.
    #[error(
        "no PEM block \"PRIVATE KEY\" found; generate one with: openssl genpkey -algorithm ed25519"
    )]
    NoKey,
    /// A block is not an Ed25519 private key in PKCS#8.
    #[error("key {number} is not an Ed25519 private key in PKCS#8")]
    NotEd25519 {
        /// The 1-based number of the block.
        number: usize,
    },
    /// A token could not be signed.
    #[error("cannot sign the token: {0}")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

/// A signed access token.
#[derive(Clone)]
pub struct IssuedToken {
    /// The compact JWT.
    pub access_token: String,
    /// Lifetime in seconds.
    pub expires_in: u64,
    /// The claims of the token.
    pub claims: Claims,
}

/// Signs access tokens with the first of its keys and publishes all of them.
///
/// To rotate keys, append the new key (published but not used), move it to the front after ten minutes, and remove the old
/// key after the tokens signed with it have expired.
pub struct Issuer {
    header: Header,
    key: EncodingKey,
    published: JwkSet,
}

impl Issuer {
    /// Reads the keys from a PEM file of one or more PKCS#8 blocks.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        let pem = std::fs::read_to_string(path).map_err(|cause| KeyError::Unreadable {
            path: path.display().to_string(),
            cause,
        })?;
        Self::from_pem(&pem)
    }

    /// Reads the keys from PEM text of one or more PKCS#8 blocks.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for (index, block) in private_key_blocks(pem).enumerate() {
            let not_ed25519 = |_| KeyError::NotEd25519 { number: index + 1 };
            let key = EncodingKey::from_ed_pem(block.as_bytes()).map_err(not_ed25519)?;
            let jwk = public_jwk(&key).map_err(not_ed25519)?;
            keys.push((key, jwk));
        }
        let mut keys = keys.into_iter();
        let (key, current) = keys.next().ok_or(KeyError::NoKey)?;
        let header = Header {
            kid: current.common.key_id.clone(),
            ..Header::new(Algorithm::EdDSA)
        };
        let published = JwkSet {
            keys: std::iter::once(current)
                .chain(keys.map(|(_, jwk)| jwk))
                .collect(),
        };
        Ok(Self {
            header,
            key,
            published,
        })
    }

    /// Issues a token for `caller` that expires after [`ACCESS_TOKEN_LIFETIME`].
    pub fn issue(&self, caller: &Caller) -> Result<IssuedToken, KeyError> {
        let lifetime = ACCESS_TOKEN_LIFETIME.as_secs();
        let claims = Claims::for_caller(caller, get_current_timestamp(), lifetime);
        let access_token = encode(&self.header, &claims, &self.key)?;
        Ok(IssuedToken {
            access_token,
            expires_in: lifetime,
            claims,
        })
    }

    /// Returns the public keys, as served at `/.well-known/jwks.json`.
    pub fn jwks(&self) -> &JwkSet {
        &self.published
    }

    /// Returns a verifier with these keys, which sends no requests; for the user service itself and for tests.
    pub fn verifier(&self) -> Verifier {
        Verifier::with_keys(&self.published)
    }
}

/// Generates a private key as PEM text (PKCS#8), for tests and development stacks.
pub fn generate_key_pem() -> String {
    let mut der = PKCS8_ED25519_PREFIX.to_vec();
    der.extend_from_slice(&rand::random::<[u8; 32]>());
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der)
    )
}

/// Returns the public key, with its RFC 7638 thumbprint as the key id.
fn public_jwk(key: &EncodingKey) -> jsonwebtoken::errors::Result<Jwk> {
    let mut jwk = Jwk::from_encoding_key(key, Algorithm::EdDSA)?;
    jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256)?);
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    Ok(jwk)
}

fn private_key_blocks(pem: &str) -> impl Iterator<Item = &str> {
    const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
    const END: &str = "-----END PRIVATE KEY-----";
    pem.match_indices(BEGIN).filter_map(move |(start, _)| {
        let end = pem[start..].find(END)? + start + END.len();
        Some(&pem[start..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_id_is_the_rfc_8037_thumbprint() {
        // Private key, public key and thumbprint of RFC 8037, appendix A.
        let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
            .unwrap();
        let der = [PKCS8_ED25519_PREFIX.as_slice(), &seed].concat();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der)
        );
        let key = serde_json::to_value(&Issuer::from_pem(&pem).unwrap().jwks().keys[0]).unwrap();
        assert_eq!(key["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key["kid"], "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(
            (&key["kty"], &key["crv"], &key["use"]),
            (&"OKP".into(), &"Ed25519".into(), &"sig".into())
        );
        assert!(key.get("d").is_none(), "the private key is not published");
    }

    #[test]
    fn a_file_without_a_usable_key_is_an_error() {
        assert!(matches!(Issuer::from_pem(""), Err(KeyError::NoKey)));
        let broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(matches!(
            Issuer::from_pem(&(generate_key_pem() + broken)),
            Err(KeyError::NotEd25519 { number: 2 })
        ));
        assert!(matches!(
            Issuer::from_file("/nowhere.pem"),
            Err(KeyError::Unreadable { .. })
        ));
    }
}
