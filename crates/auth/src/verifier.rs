//! Verification of access tokens against cached public keys.

use std::{
    sync::{Arc, LazyLock, PoisonError, RwLock},
    time::Duration,
};

use jsonwebtoken::{
    Algorithm, DecodingKey, Header, Validation, decode, decode_header, errors::ErrorKind,
    jwk::JwkSet,
};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    AUDIENCE, AuthError, Caller, Claims, ISSUER,
    key_set::{KeySet, KeySetClient},
};

/// How often a [`Verifier`] fetches the key set.
#[derive(Clone, Copy, Debug)]
pub struct RefreshPolicy {
    /// Minimum interval between fetches caused by unknown key ids.
    pub min_interval: Duration,
    /// Minimum interval between fetches while no key is cached, since services start in any order.
    pub initial_interval: Duration,
    /// Age at which the key set is refreshed in the background, so that removed keys become invalid.
    pub max_age: Duration,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        Self {
            min_interval: Duration::from_secs(10),
            initial_interval: Duration::from_secs(1),
            max_age: Duration::from_mins(5),
        }
    }
}

/// Tolerated clock skew between two machines.
const LEEWAY_SECONDS: u64 = 5;
/// Maximum length of a token. Issued tokens have about 500 bytes.
const MAX_TOKEN_BYTES: usize = 4096;

static VALIDATION: LazyLock<Validation> = LazyLock::new(|| {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY_SECONDS;
    validation
});

/// Verifies access tokens against the published keys. Cheap to clone; clones share the keys.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    keys: RwLock<Arc<KeySet>>,
    remote: Option<Remote>,
}

struct Remote {
    client: KeySetClient,
    policy: RefreshPolicy,
    /// Time of the last fetch. Locked during a fetch, so that concurrent calls share it.
    last_fetch: Mutex<Option<Instant>>,
    /// Time of the last successful fetch.
    last_success: std::sync::Mutex<Option<Instant>>,
}

impl Verifier {
    /// Creates a verifier for the key set at `jwks_url`, which is fetched for the first token or by
    /// [`refresh`](Self::refresh). Cached keys remain valid while the endpoint is unavailable.
    pub fn new(jwks_url: impl Into<String>) -> Self {
        Self::with_refresh_policy(jwks_url, RefreshPolicy::default())
    }

    /// Creates a verifier with a custom refresh policy.
    pub fn with_refresh_policy(jwks_url: impl Into<String>, policy: RefreshPolicy) -> Self {
        let remote = Remote {
            client: KeySetClient::new(jwks_url.into()),
            policy,
            last_fetch: Mutex::new(None),
            last_success: std::sync::Mutex::new(None),
        };
        Self(Arc::new(Inner {
            keys: RwLock::default(),
            remote: Some(remote),
        }))
    }

    /// Creates a verifier with a fixed key set, which sends no requests.
    pub fn with_keys(keys: &JwkSet) -> Self {
        Self(Arc::new(Inner {
            keys: RwLock::new(Arc::new(keys.into())),
            remote: None,
        }))
    }

    /// Verifies a token and returns its caller. Fetches the key set if the key id is unknown.
    ///
    /// # Errors
    /// `Invalid` or `Expired` if the token is not valid; `KeysUnavailable` if no key set could be fetched since the start.
    pub async fn verify(&self, token: &str) -> Result<Caller, AuthError> {
        let kid = key_id(token)?;
        let known = self.keys().get(&kid).cloned();
        let key = match known {
            Some(key) => {
                self.refresh_if_old();
                key
            }
            None => self.key_or_fetch(&kid).await?,
        };
        decode_caller(token, &key)
    }

    /// Verifies a token with the cached keys only.
    pub fn verify_cached(&self, token: &str) -> Result<Caller, AuthError> {
        let kid = key_id(token)?;
        let keys = self.keys();
        decode_caller(token, keys.get(&kid).ok_or_else(|| unknown_key(&keys))?)
    }

    /// Fetches the key set, within the limits of the refresh policy, and returns whether any key is cached. For startup
    /// and readiness checks.
    pub async fn refresh(&self) -> bool {
        if let Some(remote) = &self.0.remote {
            let mut last_fetch = remote.last_fetch.lock().await;
            self.fetch(remote, &mut last_fetch).await;
        }
        !self.keys().is_empty()
    }

    fn keys(&self) -> Arc<KeySet> {
        self.0
            .keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn key_or_fetch(&self, kid: &str) -> Result<DecodingKey, AuthError> {
        if let Some(remote) = &self.0.remote {
            let mut last_fetch = remote.last_fetch.lock().await;
            // A concurrent call may have fetched the key.
            if self.keys().get(kid).is_none() {
                self.fetch(remote, &mut last_fetch).await;
            }
        }
        let keys = self.keys();
        keys.get(kid).cloned().ok_or_else(|| unknown_key(&keys))
    }

    async fn fetch(&self, remote: &Remote, last_fetch: &mut Option<Instant>) {
        let min_interval = if self.keys().is_empty() {
            remote.policy.initial_interval
        } else {
            remote.policy.min_interval
        };
        if last_fetch.is_some_and(|at| at.elapsed() < min_interval) {
            return;
        }
        let result = remote.client.fetch().await;
        *last_fetch = Some(Instant::now());
        match result {
            Ok(keys) => {
                *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                *remote
                    .last_success
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            Err(error) => {
                tracing::warn!(url = remote.client.url(), %error, "cannot fetch the key set");
            }
        }
    }

    /// Refreshes an old key set in the background. The task ends with the timeout of the request.
    fn refresh_if_old(&self) {
        let Some(remote) = &self.0.remote else { return };
        let old = remote
            .last_success
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some_and(|at| at.elapsed() > remote.policy.max_age);
        if old
            && remote.last_fetch.try_lock().is_ok_and(|last_fetch| {
                last_fetch.is_none_or(|at| at.elapsed() >= remote.policy.min_interval)
            })
        {
            let verifier = self.clone();
            tokio::spawn(async move { verifier.refresh().await });
        }
    }
}

fn unknown_key(keys: &KeySet) -> AuthError {
    if keys.is_empty() {
        AuthError::KeysUnavailable
    } else {
        AuthError::Invalid("the signing key is unknown")
    }
}

/// Returns the key id of a token, and rejects headers with unsupported parameters.
fn key_id(token: &str) -> Result<String, AuthError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(AuthError::Invalid("it is too long"));
    }
    let Header {
        alg,
        kid,
        jku,
        jwk,
        x5u,
        x5c,
        crit,
        zip,
        enc,
        ..
    } = decode_header(token).map_err(|_| AuthError::Invalid("it is not a signed JWT"))?;
    if alg != Algorithm::EdDSA {
        return Err(AuthError::Invalid("it is not signed with EdDSA"));
    }
    if jku.is_some() || jwk.is_some() || x5u.is_some() || x5c.is_some() {
        return Err(AuthError::Invalid("it contains or references a key"));
    }
    if crit.is_some() || zip.is_some() || enc.is_some() {
        return Err(AuthError::Invalid("it uses unsupported extensions"));
    }
    kid.ok_or(AuthError::Invalid("the key id is missing"))
}

fn decode_caller(token: &str, key: &DecodingKey) -> Result<Caller, AuthError> {
    let claims = decode::<Claims>(token, key, &VALIDATION)
        .map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => AuthError::Expired,
            ErrorKind::InvalidSignature => AuthError::Invalid("the signature does not match"),
            ErrorKind::InvalidIssuer => AuthError::Invalid("the issuer does not match"),
            ErrorKind::InvalidAudience => AuthError::Invalid("the audience does not match"),
            ErrorKind::ImmatureSignature => AuthError::Invalid("it is not valid yet"),
            _ => AuthError::Invalid("the claims are malformed"),
        })?
        .claims;
    claims.try_into()
}
