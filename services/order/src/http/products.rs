//! A tenant's products.

use actix_web::{HttpRequest, delete, get, patch, post, web};
use auth::TenantAdmin;
use serde::Deserialize;
use service::{
    ActiveTenant, Answer, Idempotency, IfMatch, ListQuery, Listing, PageParams, Problem, Valid,
};
use utoipa::IntoParams;
use uuid::Uuid;

use super::views::{CreateProduct, ProductView, UpdateProduct};
use crate::{
    App,
    domain::ProductId,
    store::products::{Sort, SortKey},
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
) -> Result<Answer<ProductView>, Problem> {
    let product = use_cases::create_product(&tenant, &call, body.0.into()).await?;
    let location = format!("/api/{}/products/{}", tenant.tenant().code, product.id);
    let version = product.version;
    Ok(Answer::created(location, product.into()).version(version))
}

/// Which products to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ProductFilter {
    /// Text that the name contains.
    search: Option<String>,
    /// `name`, `price` or `createdAt`, with `-` before it for the other direction; newest first by default.
    sort: Option<String>,
}

impl TryFrom<ListQuery<ProductFilter>> for Search {
    type Error = Problem;

    fn try_from(query: ListQuery<ProductFilter>) -> Result<Self, Problem> {
        let ListQuery { page, filter } = query;
        let sort = filter.sort.as_deref().unwrap_or("-createdAt");
        let (key, descending) = match sort.strip_prefix('-') {
            Some(key) => (key, true),
            None => (sort, false),
        };
        let by = match key {
            "name" => SortKey::Name,
            "price" => SortKey::Price,
            "createdAt" => SortKey::Created,
            _ => {
                return Err(Problem::invalid(
                    "sort",
                    "should be name, price or createdAt, optionally with - before it",
                ));
            }
        };
        let text = filter.search.unwrap_or_default();
        if text.chars().count() > 200 || text.contains('\0') {
            return Err(Problem::invalid(
                "search",
                "should be at most 200 characters",
            ));
        }
        Ok(Self {
            text,
            sort: Sort { by, descending },
            page,
        })
    }
}

/// The products of a tenant. Everyone with a token.
#[utoipa::path(tag = "products", params(("tenantCode" = String, Path), PageParams, ProductFilter),
    responses((status = 200, body = Listing<ProductView>), (status = "4XX", body = Problem)))]
#[get("/api/{tenantCode}/products")]
pub async fn list(
    tenant: ActiveTenant,
    query: ListQuery<ProductFilter>,
    app: web::Data<App>,
    request: HttpRequest,
) -> Result<Answer<Listing<ProductView>>, Problem> {
    let search: Search = query.try_into()?;
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
) -> Result<Answer<ProductView>, Problem> {
    let id = ProductId(path.1);
    let product = use_cases::update_product(&tenant, id, version, body.0.into()).await?;
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
) -> Result<Answer<()>, Problem> {
    use_cases::delete_product(&tenant, ProductId(path.1), version).await?;
    Ok(Answer::no_content())
}
