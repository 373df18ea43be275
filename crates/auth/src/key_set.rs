//! The public keys a verifier knows, and where it asks for them.

use std::{collections::HashMap, time::Duration};

use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse},
};
use serde::Deserialize;

/// One question, connection included.
const TIMEOUT: Duration = Duration::from_secs(2);
/// A key set is some hundred bytes; more than this is not one.
const MAX_BYTES: usize = 64 * 1024;
/// More keys than any rotation needs.
const MAX_KEYS: usize = 32;

/// Ed25519 public keys by key id.
#[derive(Clone, Default)]
pub(crate) struct KeySet(HashMap<String, DecodingKey>);

impl KeySet {
    pub(crate) fn get(&self, kid: &str) -> Option<&DecodingKey> {
        self.0.get(kid)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&JwkSet> for KeySet {
    /// Keys of other kinds, for other uses or without an id are left out.
    fn from(set: &JwkSet) -> Self {
        Self(set.keys.iter().filter_map(ed25519).take(MAX_KEYS).collect())
    }
}

fn ed25519(jwk: &Jwk) -> Option<(String, DecodingKey)> {
    let AlgorithmParameters::OctetKeyPair(pair) = &jwk.algorithm else {
        return None;
    };
    let signs = matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    );
    if pair.curve != EllipticCurve::Ed25519 || !signs {
        return None;
    }
    Some((
        jwk.common.key_id.clone()?,
        DecodingKey::from_ed_components(&pair.x).ok()?,
    ))
}

/// Why no key set came back; for the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the answer is too long")]
    TooLong,
    #[error("the answer is not a key set: {0}")]
    NotAKeySet(#[from] serde_json::Error),
    #[error("the key set holds no Ed25519 key")]
    Empty,
}

/// The address of a published key set.
pub(crate) struct KeySource {
    url: String,
    http: reqwest::Client,
}

impl KeySource {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            http: plain_client(TIMEOUT),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Asks for the key set.
    pub(crate) async fn fetch(&self) -> Result<KeySet, FetchError> {
        let mut answer = self.http.get(&self.url).send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BYTES {
                return Err(FetchError::TooLong);
            }
        }
        let keys = KeySet::from(&read(&body)?);
        if keys.is_empty() {
            Err(FetchError::Empty)
        } else {
            Ok(keys)
        }
    }
}

/// Reads a key set; a key of a kind this version does not know hides none of the others.
fn read(body: &[u8]) -> Result<JwkSet, serde_json::Error> {
    #[derive(Deserialize)]
    struct Loose {
        keys: Vec<serde_json::Value>,
    }
    let loose: Loose = serde_json::from_slice(body)?;
    Ok(JwkSet {
        keys: loose
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value(key).ok())
            .collect(),
    })
}

/// A client that follows no redirect: the addresses it is given are the platform's own.
pub(crate) fn plain_client(timeout: Duration) -> reqwest::Client {
    reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client without files or certificates of its own can always be built")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_kinds_of_keys_are_left_out() {
        let body = br#"{"keys":[{"kty":"NEW","kid":"n"},{"kty":"OKP","crv":"Ed25519","kid":"a",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"OKP","crv":"Ed25519","kid":"b","use":"enc",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"oct","kid":"c","k":"AAAA"}]}"#;
        let keys = KeySet::from(&read(body).unwrap());
        assert!(keys.get("a").is_some());
        assert!(["n", "b", "c"].iter().all(|kid| keys.get(kid).is_none()));
        assert!(read(b"[]").is_err());
    }
}
