//! Who may call.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use auth::{Caller, Role};
use futures::{FutureExt, future::LocalBoxFuture};
use service::Problem;

/// The landlord, or a machine of the platform.
pub struct Operator;

impl FromRequest for Operator {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        async move {
            match caller.await?.role {
                Role::PlatformAdmin | Role::Service => Ok(Self),
                Role::Admin | Role::Customer => {
                    Err(Problem::forbidden("only the landlord may do this").into())
                }
            }
        }
        .boxed_local()
    }
}
