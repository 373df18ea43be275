//! The payment page of the embedded test gateway. It needs no login: the signed link is the permission.

use actix_web::{Error, HttpResponse, get, post, web};
use serde::Deserialize;
use service::{PlatformScope, Problem, Query};
use uuid::Uuid;

use super::page;
use crate::{
    App,
    domain::PaymentId,
    use_cases::{self, BillingError, PaymentLink},
};

/// The query of a payment link. Other parameters, such as those that mail clients add, are ignored.
#[derive(Deserialize)]
struct LinkQuery {
    #[serde(default)]
    token: String,
}

fn link(platform: &PlatformScope, path: (String, Uuid), query: LinkQuery) -> PaymentLink {
    PaymentLink {
        tenant_code: path.0,
        payment: PaymentId(path.1),
        token: query.token,
        context: platform.context().clone(),
    }
}

/// The payment page: amount, seller and a button to pay. Requires a genuine link.
#[utoipa::path(tag = "payment page", security(()),
    params(("tenantCode" = String, Path), ("paymentId" = Uuid, Path), ("token" = String, Query)),
    responses((status = 200, body = String, content_type = "text/html"),
        (status = 404, body = String, content_type = "text/html", description = "the link is not genuine")))]
#[get("/api/billing/pay/{tenantCode}/{paymentId}")]
pub async fn show(
    platform: PlatformScope,
    path: web::Path<(String, Uuid)>,
    query: Query<LinkQuery>,
    app: web::Data<App>,
) -> Result<HttpResponse, Error> {
    let link = link(&platform, path.into_inner(), query.0);
    match use_cases::open_payment_link(&app, link).await {
        Ok(opened) => Ok(page::payment(&opened)),
        Err(error) => error_page(error),
    }
}

/// Settles the payment. Idempotent. Requires a genuine link.
#[utoipa::path(tag = "payment page", security(()),
    params(("tenantCode" = String, Path), ("paymentId" = Uuid, Path), ("token" = String, Query)),
    responses((status = 200, body = String, content_type = "text/html"),
        (status = 404, body = String, content_type = "text/html", description = "the link is not genuine"),
        (status = 409, body = String, content_type = "text/html", description = "the order ended first")))]
#[post("/api/billing/pay/{tenantCode}/{paymentId}")]
pub async fn settle(
    platform: PlatformScope,
    path: web::Path<(String, Uuid)>,
    query: Query<LinkQuery>,
    app: web::Data<App>,
) -> Result<HttpResponse, Error> {
    let link = link(&platform, path.into_inner(), query.0);
    match use_cases::settle_payment(&app, link).await {
        Ok(opened) => Ok(page::payment(&opened)),
        Err(error) => error_page(error),
    }
}

/// A page for errors that the buyer can understand, a problem document for internal errors.
fn error_page(error: BillingError) -> Result<HttpResponse, Error> {
    match error {
        BillingError::PaymentNotFound => Ok(page::not_found()),
        BillingError::SellerSuspended => Ok(page::suspended()),
        BillingError::PaymentCancelled(_) => Ok(page::cancelled()),
        other => Err(Problem::from(other).into()),
    }
}
