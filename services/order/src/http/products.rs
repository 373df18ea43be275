//! A tenant's products.

use actix_web::{HttpRequest, delete, get, patch, post, web};
use auth::TenantAdmin;
use serde::Deserialize;
use service::{ActiveTenant, Answer, Idempotency, IfMatch, Listing, Page, Problem, Query, Valid};
use utoipa::IntoParams;
use uuid::Uuid;

use super::views::{CreateProduct, ProductView, UpdateProduct};
use crate::{
    App,
    domain::ProductId,
    store::products::Sort,
    use_cases::{self, Search},
};

/// Put a product into the catalogue. The tenant's admin.
#[utoipa::path(tag = "products", request_body = CreateProduct, params(("tenantCode" = String, Path)),
    responses((status = 201, body = ProductView), (status = "4XX", body = Problem)))]
#[post("/api/{tenantCode}/products")]
pub async fn create(
    _admin: TenantAdmin,
    tenant: ActiveTenant,
    call: Idempotency,
    body: Valid<CreateProduct>,
    app: web::Data<App>,
) -> Result<Answer<ProductView>, Problem> {
    let product = use_cases::create_product(&app, &tenant, &call, body.0.into()).await?;
    let location = format!("/api/{}/products/{}", tenant.tenant().code, product.id);
    let version = product.version;
    Ok(Answer::created(location, product.into()).version(version))
}

/// Which products to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// The page, from 1.
    page: Option<u32>,
    /// Rows a page, 1 to 100.
    per_page: Option<u32>,
    /// What the name holds.
    search: Option<String>,
    /// `name`, `price` or `createdAt`, with `-` before it for the other direction; newest first by default.
    sort: Option<String>,
}

impl TryFrom<ListQuery> for Search {
    type Error = Problem;

    fn try_from(query: ListQuery) -> Result<Self, Problem> {
        let sort = match query.sort.as_deref() {
            Some("name") => Sort::Name { down: false },
            Some("-name") => Sort::Name { down: true },
            Some("price") => Sort::Price { down: false },
            Some("-price") => Sort::Price { down: true },
            Some("createdAt") => Sort::Created { down: false },
            None | Some("-createdAt") => Sort::Created { down: true },
            Some(_) => {
                return Err(Problem::invalid(
                    "sort",
                    "should be name, price or createdAt, or one of them after -",
                ));
            }
        };
        let text = query.search.unwrap_or_default();
        if text.chars().count() > 200 || text.contains('\0') {
            return Err(Problem::invalid(
                "search",
                "should be at most 200 characters",
            ));
        }
        Ok(Self {
            text,
            sort,
            page: Page::new(query.page, query.per_page)?,
        })
    }
}

/// The products of a tenant. Everyone with a token.
#[utoipa::path(tag = "products", params(("tenantCode" = String, Path), ListQuery),
    responses((status = 200, body = Listing<ProductView>), (status = "4XX", body = Problem)))]
#[get("/api/{tenantCode}/products")]
pub async fn list(
    tenant: ActiveTenant,
    query: Query<ListQuery>,
    app: web::Data<App>,
    request: HttpRequest,
) -> Result<Answer<Listing<ProductView>>, Problem> {
    let search: Search = query.0.try_into()?;
    let (products, total) = use_cases::list_products(&app, &tenant, &search).await?;
    let views = products.into_iter().map(ProductView::from).collect();
    Ok(Answer::ok(Listing::new(
        &request,
        search.page,
        views,
        total,
    )))
}

/// One product. Everyone with a token.
#[utoipa::path(tag = "products", params(("tenantCode" = String, Path), ("id" = Uuid, Path)),
    responses((status = 200, body = ProductView), (status = "4XX", body = Problem)))]
#[get("/api/{tenantCode}/products/{id}")]
pub async fn read(
    tenant: ActiveTenant,
    path: web::Path<(String, Uuid)>,
    app: web::Data<App>,
) -> Result<Answer<ProductView>, Problem> {
    let product = use_cases::find_product(&app, &tenant, ProductId(path.1)).await?;
    let version = product.version;
    Ok(Answer::ok(product.into()).version(version))
}

/// Change a product. The tenant's admin.
#[utoipa::path(tag = "products", request_body = UpdateProduct,
    params(("tenantCode" = String, Path), ("id" = Uuid, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = ProductView), (status = 412, body = Problem), (status = "4XX", body = Problem)))]
#[patch("/api/{tenantCode}/products/{id}")]
pub async fn update(
    _admin: TenantAdmin,
    tenant: ActiveTenant,
    path: web::Path<(String, Uuid)>,
    version: IfMatch,
    body: Valid<UpdateProduct>,
    app: web::Data<App>,
) -> Result<Answer<ProductView>, Problem> {
    let id = ProductId(path.1);
    let product = use_cases::update_product(&app, &tenant, id, version, body.0.into()).await?;
    let version = product.version;
    Ok(Answer::ok(product.into()).version(version))
}

/// Take a product out of the catalogue. The tenant's admin.
#[utoipa::path(tag = "products",
    params(("tenantCode" = String, Path), ("id" = Uuid, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 204), (status = 412, body = Problem), (status = "4XX", body = Problem)))]
#[delete("/api/{tenantCode}/products/{id}")]
pub async fn delete(
    _admin: TenantAdmin,
    tenant: ActiveTenant,
    path: web::Path<(String, Uuid)>,
    version: IfMatch,
    app: web::Data<App>,
) -> Result<Answer<()>, Problem> {
    use_cases::delete_product(&app, &tenant, ProductId(path.1), version).await?;
    Ok(Answer::no_content())
}
