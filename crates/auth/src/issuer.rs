//! Signing tokens: held by the user service alone.

use std::{path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode, get_current_timestamp,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};

use crate::{Caller, Claims, Verifier};

/// How long an access token is good.
pub const ACCESS_TOKEN_LIFE: Duration = Duration::from_mins(15);

/// The DER head of every PKCS#8 version 1 Ed25519 private key (RFC 8410, section 7); the 32-byte seed follows.
const PKCS8_ED25519: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// What is wrong with the signing keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the signing keys {path}: {cause}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why not.
        cause: std::io::Error,
    },
    /// There is no private key in the text.
    #[error(
        "no PEM block \"PRIVATE KEY\" found; make one with: openssl genpkey -algorithm ed25519"
    )]
    NoKey,
    /// A block is not an Ed25519 private key in PKCS#8.
    #[error("key {number} is not an Ed25519 private key in PKCS#8")]
    NotEd25519 {
        /// Which block, from 1.
        number: usize,
    },
    /// Signing failed.
    #[error("cannot sign: {0}")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

/// A token that was just signed.
#[derive(Clone)]
pub struct Issued {
    /// The compact JWT.
    pub access_token: String,
    /// Seconds until it ends.
    pub expires_in: u64,
    /// What it says.
    pub claims: Claims,
}

/// Signs access tokens with the first key, publishes all.
///
/// To rotate: put the new key last (published, not yet used), after ten minutes first, and take the old one away when the
/// last token it signed has ended.
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
            let jwk = published(&key).map_err(not_ed25519)?;
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

    /// Signs a token that stands for `caller` for [`ACCESS_TOKEN_LIFE`].
    pub fn issue(&self, caller: &Caller) -> Result<Issued, KeyError> {
        let life = ACCESS_TOKEN_LIFE.as_secs();
        let claims = Claims::of(caller, get_current_timestamp(), life);
        let access_token = encode(&self.header, &claims, &self.key)?;
        Ok(Issued {
            access_token,
            expires_in: life,
            claims,
        })
    }

    /// The public keys, as `/.well-known/jwks.json` answers them.
    pub fn jwks(&self) -> &JwkSet {
        &self.published
    }

    /// A verifier that knows these keys without asking: for the user service itself, and for tests.
    pub fn verifier(&self) -> Verifier {
        Verifier::with_keys(&self.published)
    }
}

/// A new private key as PEM text (PKCS#8): for tests and for the first start of a development stack.
pub fn generate_key_pem() -> String {
    let mut der = PKCS8_ED25519.to_vec();
    der.extend_from_slice(&rand::random::<[u8; 32]>());
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der)
    )
}

/// The public half, named by its RFC 7638 thumbprint.
fn published(key: &EncodingKey) -> jsonwebtoken::errors::Result<Jwk> {
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
        // RFC 8037, appendix A: the private key, its public half and its thumbprint.
        let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
            .unwrap();
        let der = [PKCS8_ED25519.as_slice(), &seed].concat();
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
        assert!(
            key.get("d").is_none(),
            "the private half is never published"
        );
    }

    #[test]
    fn a_file_without_a_usable_key_says_so() {
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
