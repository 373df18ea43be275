//! Request headers as extractors.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use auth::{Caller, UserId};
use futures::{FutureExt, future::LocalBoxFuture};

use super::{Problem, tenant};

/// The caller, the operation and the `Idempotency-Key` of an unsafe call.
///
/// Keys are scoped to method and path: the same key may be used for an order and again for its payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The owner of the key.
    pub caller: UserId,
    /// Method and path without the tenant's segment: the key is stored in that tenant's database, where code and id
    /// name the same tenant.
    pub operation: String,
    /// The key; calls without one are never replayed.
    pub key: Option<String>,
}

impl Idempotency {
    /// A call without a key.
    #[must_use]
    pub fn none(caller: UserId) -> Self {
        Self {
            caller,
            operation: String::new(),
            key: None,
        }
    }
}

impl FromRequest for Idempotency {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        let operation = operation(request);
        let key = single(request, "Idempotency-Key").and_then(|key| match key {
            Some(key) if key.is_empty() || key.len() > 255 || !key.is_ascii() => Err(
                Problem::invalid("Idempotency-Key", "should be 1 to 255 ASCII characters"),
            ),
            key => Ok(key),
        });
        async move {
            Ok(Self {
                caller: caller.await?.user_id,
                operation,
                key: key?,
            })
        }
        .boxed_local()
    }
}

fn operation(request: &HttpRequest) -> String {
    let mut path: Vec<&str> = request.path().split('/').collect();
    let tenant = request.match_info().get(tenant::PATH);
    if let Some(place) = path.iter().position(|segment| Some(*segment) == tenant) {
        path[place] = "{tenant}";
    }
    format!("{} {}", request.method(), path.join("/"))
}

/// The version an update is based on, `If-Match: "7"`. Without it the update applies to the current version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfMatch(pub Option<i64>);

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(single(request, "If-Match").and_then(|given| {
            given
                .filter(|tag| tag != "*")
                .map(|tag| tag.trim_matches('"').parse())
                .transpose()
                .map(Self)
                .map_err(|_| {
                    Problem::invalid("If-Match", "should be the ETag of the last read, as \"7\"")
                })
        }))
    }
}

/// The value of a header that may occur once; `None` when it is absent.
pub(super) fn single(request: &HttpRequest, name: &str) -> Result<Option<String>, Problem> {
    let mut given = request.headers().get_all(name);
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(_) => Err(Problem::invalid(name, "should be plain text")),
        },
        (Some(_), Some(_)) => Err(Problem::invalid(name, "is given twice")),
    }
}
