//! Checking tokens offline.

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
    key_set::{KeySet, KeySource},
};

/// How often the key set is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// An unknown key id asks at most this often.
    pub unknown_key: Duration,
    /// Before any key is known, this often: services start in any order.
    pub no_key: Duration,
    /// A key set older than this is read anew beside the requests, so that a key that was taken away stops working.
    pub old: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            unknown_key: Duration::from_secs(10),
            no_key: Duration::from_secs(1),
            old: Duration::from_mins(5),
        }
    }
}

/// Clocks of two machines may differ by this.
const LEEWAY_SECONDS: u64 = 5;
/// A token of ours has some 500 bytes.
const MAX_TOKEN: usize = 4096;

static RULES: LazyLock<Validation> = LazyLock::new(|| {
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[AUDIENCE]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    rules.validate_nbf = true;
    rules.leeway = LEEWAY_SECONDS;
    rules
});

/// Checks access tokens against the published keys. Cheap to clone; clones share the keys.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    keys: RwLock<Arc<KeySet>>,
    remote: Option<Remote>,
}

struct Remote {
    source: KeySource,
    pace: Pace,
    /// Held while asking, so that many unknown key ids ask once.
    asked: Mutex<Option<Instant>>,
    /// When the keys in use were read.
    read: std::sync::Mutex<Option<Instant>>,
}

impl Verifier {
    /// Checks against the key set at `jwks_url`, which is asked for when the first token arrives (or by
    /// [`refresh`](Self::refresh)) and kept while its owner is away.
    pub fn new(jwks_url: impl Into<String>) -> Self {
        Self::with_pace(jwks_url, Pace::default())
    }

    /// As [`new`](Self::new), asking at another pace.
    pub fn with_pace(jwks_url: impl Into<String>, pace: Pace) -> Self {
        let remote = Remote {
            source: KeySource::new(jwks_url.into()),
            pace,
            asked: Mutex::new(None),
            read: std::sync::Mutex::new(None),
        };
        Self(Arc::new(Inner {
            keys: RwLock::default(),
            remote: Some(remote),
        }))
    }

    /// Checks against these keys and asks nobody.
    pub fn with_keys(keys: &JwkSet) -> Self {
        Self(Arc::new(Inner {
            keys: RwLock::new(Arc::new(keys.into())),
            remote: None,
        }))
    }

    /// The caller a token stands for.
    ///
    /// # Errors
    /// `Invalid` and `Expired` blame the token; `KeysUnavailable` says that no key could be had since the start.
    pub async fn verify(&self, token: &str) -> Result<Caller, AuthError> {
        let kid = key_id(token)?;
        let known = self.keys().get(&kid).cloned();
        let key = match known {
            Some(key) => {
                self.renew_when_old();
                key
            }
            None => self.ask_for(&kid).await?,
        };
        read(token, &key)
    }

    /// As [`verify`](Self::verify), with the keys at hand: asks nobody.
    pub fn check(&self, token: &str) -> Result<Caller, AuthError> {
        let kid = key_id(token)?;
        let keys = self.keys();
        read(token, keys.get(&kid).ok_or_else(|| unknown_key(&keys))?)
    }

    /// Asks for the key set now, unless that was done a moment ago. Answers whether any key is known: for a service's
    /// start and its readiness.
    pub async fn refresh(&self) -> bool {
        if let Some(remote) = &self.0.remote {
            let mut asked = remote.asked.lock().await;
            self.ask(remote, &mut asked).await;
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

    async fn ask_for(&self, kid: &str) -> Result<DecodingKey, AuthError> {
        if let Some(remote) = &self.0.remote {
            let mut asked = remote.asked.lock().await;
            // Whoever held the lock may have brought the key.
            if self.keys().get(kid).is_none() {
                self.ask(remote, &mut asked).await;
            }
        }
        let keys = self.keys();
        keys.get(kid).cloned().ok_or_else(|| unknown_key(&keys))
    }

    async fn ask(&self, remote: &Remote, asked: &mut Option<Instant>) {
        let pause = if self.keys().is_empty() {
            remote.pace.no_key
        } else {
            remote.pace.unknown_key
        };
        if asked.is_some_and(|at| at.elapsed() < pause) {
            return;
        }
        let answer = remote.source.fetch().await;
        *asked = Some(Instant::now());
        match answer {
            Ok(keys) => {
                *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                *remote.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            Err(error) => {
                tracing::warn!(url = remote.source.url(), %error, "cannot read the key set");
            }
        }
    }

    /// Reads an old key set anew beside the request. The task ends by the question's timeout.
    fn renew_when_old(&self) {
        let Some(remote) = &self.0.remote else { return };
        let old = remote
            .read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some_and(|at| at.elapsed() > remote.pace.old);
        if old
            && remote
                .asked
                .try_lock()
                .is_ok_and(|asked| asked.is_none_or(|at| at.elapsed() >= remote.pace.unknown_key))
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
        AuthError::Invalid("it is signed with an unknown key")
    }
}

/// The key id of a token whose header asks for nothing we do not do.
fn key_id(token: &str) -> Result<String, AuthError> {
    if token.len() > MAX_TOKEN {
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
    } = decode_header(token).map_err(|_| AuthError::Invalid("it is not a signed token"))?;
    if alg != Algorithm::EdDSA {
        return Err(AuthError::Invalid("it is not signed with EdDSA"));
    }
    if jku.is_some() || jwk.is_some() || x5u.is_some() || x5c.is_some() {
        return Err(AuthError::Invalid("it brings keys of its own"));
    }
    if crit.is_some() || zip.is_some() || enc.is_some() {
        return Err(AuthError::Invalid("it uses unknown extensions"));
    }
    kid.ok_or(AuthError::Invalid("it does not name its key"))
}

fn read(token: &str, key: &DecodingKey) -> Result<Caller, AuthError> {
    let claims = decode::<Claims>(token, key, &RULES)
        .map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => AuthError::Expired,
            ErrorKind::InvalidSignature => AuthError::Invalid("the signature is wrong"),
            ErrorKind::InvalidIssuer => AuthError::Invalid("another issuer signed it"),
            ErrorKind::InvalidAudience => AuthError::Invalid("it is for another audience"),
            ErrorKind::ImmatureSignature => AuthError::Invalid("it is not valid yet"),
            _ => AuthError::Invalid("its claims are not ours"),
        })?
        .claims;
    claims.try_into()
}
