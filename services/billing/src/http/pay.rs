//! The page of the embedded gateway, where a buyer pays. No login: the link itself is the permission.

use actix_web::{Error, HttpResponse, get, post, web};
use serde::Deserialize;
use service::{PlatformScope, Problem, Query};
use uuid::Uuid;

use super::page;
use crate::{
    App,
    domain::PaymentId,
    use_cases::{self, BillingError, Link},
};

/// What shows that the link is ours. Whatever else was put behind it on its way is passed over.
#[derive(Deserialize)]
struct Signed {
    #[serde(default)]
    token: String,
}

fn link(platform: &PlatformScope, path: (String, Uuid), signed: Signed) -> Link {
    Link {
        tenant_code: path.0,
        payment: PaymentId(path.1),
        token: signed.token,
        context: platform.context().clone(),
    }
}

/// What is paid, to whom, and a button. Whoever holds the link.
#[utoipa::path(tag = "payment page", security(()),
    params(("tenantCode" = String, Path), ("paymentId" = Uuid, Path), ("token" = String, Query)),
    responses((status = 200, body = String, content_type = "text/html"),
        (status = 404, body = String, content_type = "text/html", description = "not a link of ours")))]
#[get("/api/billing/pay/{tenantCode}/{paymentId}")]
pub async fn show(
    platform: PlatformScope,
    path: web::Path<(String, Uuid)>,
    signed: Query<Signed>,
    app: web::Data<App>,
) -> Result<HttpResponse, Error> {
    let link = link(&platform, path.into_inner(), signed.0);
    match use_cases::open_link(&app, link).await {
        Ok(opened) => Ok(page::payment(&opened)),
        Err(error) => refusal(error),
    }
}

/// Pays. Pressed again, it changes nothing. Whoever holds the link.
#[utoipa::path(tag = "payment page", security(()),
    params(("tenantCode" = String, Path), ("paymentId" = Uuid, Path), ("token" = String, Query)),
    responses((status = 200, body = String, content_type = "text/html"),
        (status = 404, body = String, content_type = "text/html", description = "not a link of ours"),
        (status = 409, body = String, content_type = "text/html", description = "the order ended first")))]
#[post("/api/billing/pay/{tenantCode}/{paymentId}")]
pub async fn settle(
    platform: PlatformScope,
    path: web::Path<(String, Uuid)>,
    signed: Query<Signed>,
    app: web::Data<App>,
) -> Result<HttpResponse, Error> {
    let link = link(&platform, path.into_inner(), signed.0);
    match use_cases::settle_payment(&app, link).await {
        Ok(opened) => Ok(page::payment(&opened)),
        Err(error) => refusal(error),
    }
}

/// A page for what a buyer can understand, a problem for what only we can mend.
fn refusal(error: BillingError) -> Result<HttpResponse, Error> {
    match error {
        BillingError::NoPayment => Ok(page::not_found()),
        BillingError::Closed => Ok(page::closed()),
        BillingError::Refused(_) => Ok(page::cancelled()),
        other => Err(Problem::from(other).into()),
    }
}
