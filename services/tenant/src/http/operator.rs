//! Authorization of platform administrators and services.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use auth::{Caller, Role};
use futures::{FutureExt, future::LocalBoxFuture};
use service::Problem;

/// Extracts nothing and answers 403 unless the caller is a platform administrator or a service.
pub struct Operator;

impl FromRequest for Operator {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        async move {
            match caller.await?.role {
                Role::PlatformAdmin | Role::Service => Ok(Self),
                Role::Admin | Role::Customer => Err(Problem::forbidden(
                    "only a platform administrator or a service may do this",
                )
                .into()),
            }
        }
        .boxed_local()
    }
}
