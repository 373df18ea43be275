//! Orders: placed at one tenant, listed over all tenants.

use actix_web::{HttpRequest, get, post, web};
use auth::{Caller, Customer};
use serde::Serialize;
use service::{ActiveTenant, Answer, Idempotency, ListQuery, Listing, PageParams, Problem, Valid};
use utoipa::ToSchema;
use uuid::Uuid;

use super::views::{CompleteOrder, CreateOrder, OrderView};
use crate::{
    App,
    domain::{Buyer, Order, OrderId},
    use_cases::{self, PlaceOrder},
};

/// Place an order at a tenant. The same `Idempotency-Key` always gives the same answer. A customer.
#[utoipa::path(tag = "orders", request_body = CreateOrder,
    params(("tenantCode" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = OrderView), (status = 409, body = Problem, description = "out of stock"),
        (status = 422, body = Problem, description = "key reused"), (status = "4XX", body = Problem)))]
#[post("/api/orders/{tenantCode}/create")]
pub async fn create(
    caller: Customer,
    tenant: ActiveTenant,
    call: Idempotency,
    body: Valid<CreateOrder>,
    app: web::Data<App>,
) -> Result<Answer<OrderView>, Problem> {
    let buyer = Buyer {
        id: caller.user_id,
        email: caller.email.clone(),
    };
    let place = PlaceOrder {
        buyer,
        items: body.0.items,
    };
    let order = use_cases::create_order(&app, &tenant, &call, place).await?;
    let location = format!("/api/orders/{}/{}", tenant.tenant().code, order.id);
    Ok(Answer::created(
        location,
        OrderView::new(&tenant.tenant().code, order),
    ))
}

/// A buyer's own orders.
#[derive(Serialize, ToSchema)]
struct OwnOrdersView {
    #[serde(flatten)]
    listing: Listing<OrderView>,
    /// Tenants that are unavailable at the moment; their orders are missing from this page.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unavailable: Vec<String>,
}

/// The caller's own orders over every tenant, newest first.
#[utoipa::path(tag = "orders", params(PageParams),
    responses((status = 200, body = OwnOrdersView), (status = "4XX", body = Problem)))]
#[get("/api/orders")]
pub async fn list_own(
    caller: Caller,
    ListQuery { page, .. }: ListQuery,
    app: web::Data<App>,
    request: HttpRequest,
) -> Result<Answer<OwnOrdersView>, Problem> {
    let own = use_cases::list_own_orders(&app, caller.user_id, page).await?;
    let views = own
        .orders
        .into_iter()
        .map(|(tenant, order)| OrderView::new(&tenant.code, order))
        .collect();
    Ok(Answer::ok(OwnOrdersView {
        listing: Listing::new(&request, page, views, own.total),
        unavailable: own.unavailable.iter().map(ToString::to_string).collect(),
    }))
}

/// One order. Its buyer, its seller, services.
#[utoipa::path(tag = "orders", params(("tenantCode" = String, Path), ("id" = Uuid, Path)),
    responses((status = 200, body = OrderView), (status = "4XX", body = Problem)))]
#[get("/api/orders/{tenantCode}/{id}")]
pub async fn read(
    caller: Caller,
    tenant: ActiveTenant,
    path: web::Path<(String, Uuid)>,
) -> Result<Answer<OrderView>, Problem> {
    let order = use_cases::read_order(&tenant, &caller, OrderId(path.1)).await?;
    Ok(answer(&tenant, order))
}

/// The payment was received. The seller or a service; with the embedded test gateway also the buyer.
#[utoipa::path(tag = "orders",
    params(("tenantCode" = String, Path), ("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = OrderView), (status = 409, body = Problem), (status = "4XX", body = Problem)))]
#[post("/api/orders/{tenantCode}/{id}/payment-received")]
pub async fn payment_received(
    caller: Caller,
    tenant: ActiveTenant,
    call: Idempotency,
    path: web::Path<(String, Uuid)>,
) -> Result<Answer<OrderView>, Problem> {
    let order = use_cases::receive_payment(&tenant, &call, &caller, OrderId(path.1)).await?;
    Ok(answer(&tenant, order))
}

/// Complete a paid order with the id of its transaction. The seller or the buyer.
#[utoipa::path(tag = "orders", request_body = CompleteOrder,
    params(("tenantCode" = String, Path), ("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = OrderView), (status = 409, body = Problem), (status = "4XX", body = Problem)))]
#[post("/api/orders/{tenantCode}/{id}/complete")]
pub async fn complete(
    caller: Caller,
    tenant: ActiveTenant,
    call: Idempotency,
    path: web::Path<(String, Uuid)>,
    body: Valid<CompleteOrder>,
) -> Result<Answer<OrderView>, Problem> {
    let transaction = &body.0.transaction_id.0;
    let order =
        use_cases::complete_order(&tenant, &call, &caller, OrderId(path.1), transaction).await?;
    Ok(answer(&tenant, order))
}

/// Cancel an order before it is paid. The buyer or the seller.
#[utoipa::path(tag = "orders",
    params(("tenantCode" = String, Path), ("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = OrderView), (status = 409, body = Problem), (status = "4XX", body = Problem)))]
#[post("/api/orders/{tenantCode}/{id}/cancel")]
pub async fn cancel(
    caller: Caller,
    tenant: ActiveTenant,
    call: Idempotency,
    path: web::Path<(String, Uuid)>,
) -> Result<Answer<OrderView>, Problem> {
    let order = use_cases::cancel_order(&tenant, &call, &caller, OrderId(path.1)).await?;
    Ok(answer(&tenant, order))
}

fn answer(tenant: &ActiveTenant, order: Order) -> Answer<OrderView> {
    Answer::ok(OrderView::new(&tenant.tenant().code, order))
}
