//! Sets of public keys (JWKS) and fetching them.

use std::{collections::HashMap, time::Duration};

use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse},
};
use serde::Deserialize;

/// Timeout of a request, including the connection.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum size of a response body. A key set has a few hundred bytes.
const MAX_BYTES: usize = 64 * 1024;
/// Maximum number of keys; a rotation needs two or three.
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
    /// Ignores keys of other types, for other uses, or without an id.
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

/// The error of fetching a key set. Only logged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the response body is too long")]
    TooLong,
    #[error("the response is not a key set: {0}")]
    InvalidJson(#[from] serde_json::Error),
    #[error("the key set contains no Ed25519 key")]
    Empty,
}

/// An HTTP endpoint that publishes a key set.
pub(crate) struct KeySetClient {
    url: String,
    http: reqwest::Client,
}

impl KeySetClient {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            http: internal_http_client(TIMEOUT),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Fetches the key set.
    pub(crate) async fn fetch(&self) -> Result<KeySet, FetchError> {
        let mut response = self.http.get(&self.url).send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BYTES {
                return Err(FetchError::TooLong);
            }
        }
        let keys = KeySet::from(&parse(&body)?);
        if keys.is_empty() {
            Err(FetchError::Empty)
        } else {
            Ok(keys)
        }
    }
}

/// Parses a key set, ignoring keys that cannot be parsed.
fn parse(body: &[u8]) -> Result<JwkSet, serde_json::Error> {
    #[derive(Deserialize)]
    struct RawKeySet {
        keys: Vec<serde_json::Value>,
    }
    let raw: RawKeySet = serde_json::from_slice(body)?;
    Ok(JwkSet {
        keys: raw
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value(key).ok())
            .collect(),
    })
}

/// Creates an HTTP client that follows no redirects, for calls to other services of the platform.
pub(crate) fn internal_http_client(timeout: Duration) -> reqwest::Client {
    reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client without custom certificates can always be built")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_unknown_types_are_ignored() {
        let body = br#"{"keys":[{"kty":"NEW","kid":"n"},{"kty":"OKP","crv":"Ed25519","kid":"a",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"OKP","crv":"Ed25519","kid":"b","use":"enc",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"oct","kid":"c","k":"AAAA"}]}"#;
        let keys = KeySet::from(&parse(body).unwrap());
        assert!(keys.get("a").is_some());
        assert!(["n", "b", "c"].iter().all(|kid| keys.get(kid).is_none()));
        assert!(parse(b"[]").is_err());
    }
}
