//! actix-web extractors for the authenticated caller.

use std::ops::Deref;

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL, UPGRADE},
    web,
};
use futures::{FutureExt, future::LocalBoxFuture};

use crate::{AuthError, Caller, Role, Verifier};

/// The WebSocket sub-protocol that a client offers before its token, and that the server selects in its response.
pub const WEBSOCKET_PROTOCOL: &str = "bearer";

impl FromRequest for Caller {
    type Error = AuthError;
    type Future = LocalBoxFuture<'static, Result<Self, AuthError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move { caller(&request).await }.boxed_local()
    }
}

/// The caller of an endpoint with optional authentication. A token that is present must be valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaybeCaller(pub Option<Caller>);

impl FromRequest for MaybeCaller {
    type Error = AuthError;
    type Future = LocalBoxFuture<'static, Result<Self, AuthError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move {
            match caller(&request).await {
                Ok(caller) => Ok(Self(Some(caller))),
                Err(AuthError::Missing) => Ok(Self(None)),
                Err(error) => Err(error),
            }
        }
        .boxed_local()
    }
}

/// Defines an extractor for callers with one role.
macro_rules! role_extractor {
    ($(#[$doc:meta])* $name:ident, $role:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub Caller);

        impl Deref for $name {
            type Target = Caller;

            fn deref(&self) -> &Caller {
                &self.0
            }
        }

        impl FromRequest for $name {
            type Error = AuthError;
            type Future = LocalBoxFuture<'static, Result<Self, AuthError>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let request = request.clone();
                async move { require_role(caller(&request).await?, $role).map(Self) }.boxed_local()
            }
        }
    };
}

role_extractor!(
    /// A platform administrator.
    PlatformAdmin,
    Role::PlatformAdmin
);
role_extractor!(
    /// A tenant administrator; `tenant` is present. The handler must check that it is the tenant of the request.
    TenantAdmin,
    Role::Admin
);
role_extractor!(
    /// A customer.
    Customer,
    Role::Customer
);
role_extractor!(
    /// A service of the platform; `service` is present.
    ServiceCaller,
    Role::Service
);

fn require_role(caller: Caller, role: Role) -> Result<Caller, AuthError> {
    if caller.role == role {
        Ok(caller)
    } else {
        Err(AuthError::Forbidden {
            required: role.as_str(),
        })
    }
}

/// Authenticates a request once and caches the caller in its extensions.
async fn caller(request: &HttpRequest) -> Result<Caller, AuthError> {
    if let Some(known) = request.extensions().get::<Caller>() {
        return Ok(known.clone());
    }
    let token = bearer_token(request)?;
    let caller = verifier(request)?.verify(token).await?;
    request.extensions_mut().insert(caller.clone());
    Ok(caller)
}

fn verifier(request: &HttpRequest) -> Result<&Verifier, AuthError> {
    request
        .app_data::<web::Data<Verifier>>()
        .map(web::Data::get_ref)
        .or_else(|| request.app_data::<Verifier>())
        .ok_or_else(|| {
            tracing::error!("no Verifier in the application data, all requests are rejected");
            AuthError::KeysUnavailable
        })
}

fn bearer_token(request: &HttpRequest) -> Result<&str, AuthError> {
    let mut given = request.headers().get_all(AUTHORIZATION);
    match (given.next(), given.next()) {
        (Some(_), Some(_)) => Err(AuthError::Invalid(
            "the authorization header is present twice",
        )),
        (Some(value), None) => value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .filter(|token| !token.is_empty())
            .ok_or(AuthError::Invalid(
                "the authorization header is not a bearer token",
            )),
        (None, _) => websocket_token(request).ok_or(AuthError::Missing),
    }
}

/// Reads the token from the sub-protocols `bearer, <token>`, because browsers cannot set other headers of a WebSocket.
fn websocket_token(request: &HttpRequest) -> Option<&str> {
    let upgrade = request.headers().get(UPGRADE)?.to_str().ok()?;
    if !upgrade.eq_ignore_ascii_case("websocket") {
        return None;
    }
    let mut offered = request
        .headers()
        .get(SEC_WEBSOCKET_PROTOCOL)?
        .to_str()
        .ok()?
        .split(',')
        .map(str::trim);
    offered.find(|protocol| *protocol == WEBSOCKET_PROTOCOL)?;
    offered.next()
}
