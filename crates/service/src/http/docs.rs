//! The OpenAPI document at `/api/docs/openapi.json`, and its page at `/api/docs/`.

use actix_web::{HttpResponse, web};
use utoipa::openapi::{
    Info, OpenApi,
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};
use utoipa_swagger_ui::{Config, SwaggerUi, Url};

use crate::{Settings, http::Problem};

const DOCUMENT: &str = "/api/docs/openapi.json";

/// Adds the service's name, the bearer security scheme and the problem schema to a document.
pub(crate) fn complete(mut api: OpenApi, service: &str) -> OpenApi {
    let mut info = Info::new(
        format!("Tenantry {service} service"),
        env!("CARGO_PKG_VERSION").to_owned(),
    );
    info.description = Some(
        "Errors are RFC 9457 problem documents. Unsafe calls take an Idempotency-Key.".to_owned(),
    );
    api.info = info;
    let mut components = api.components.take().unwrap_or_default();
    components.add_security_scheme(
        "token",
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("JWT")
                .build(),
        ),
    );
    for (name, schema) in problem_schemas() {
        components.schemas.insert(name, schema);
    }
    api.components = Some(components);
    api.security = Some(vec![SecurityRequirement::new(
        "token",
        Vec::<String>::new(),
    )]);
    api
}

fn problem_schemas() -> Vec<(
    String,
    utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>,
)> {
    use utoipa::{PartialSchema, ToSchema};
    let mut schemas = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut schemas);
    schemas
}

/// The documents the page offers: those the settings name, or this service's own. `SwaggerUi` needs `'static` names,
/// so they are leaked once per process.
pub(super) fn offered(settings: &Settings) -> Vec<Url<'static>> {
    let leak = |text: &String| -> &'static str { text.clone().leak() };
    if settings.docs.0.is_empty() {
        return vec![Url::new("this service", DOCUMENT)];
    }
    settings
        .docs
        .0
        .iter()
        .map(|(name, path)| Url::new(leak(name), leak(path)))
        .collect()
}

/// The routes of the document and the page.
pub(super) fn routes(api: &OpenApi, offered: Vec<Url<'static>>, config: &mut web::ServiceConfig) {
    let document = web::Bytes::from(api.to_json().unwrap_or_else(|error| {
        // Serialising strings and numbers does not fail; if it did, an empty document would show it.
        tracing::error!(%error, "the OpenAPI document cannot be rendered");
        "{}".to_owned()
    }));
    config.route(
        DOCUMENT,
        web::get().to(move || {
            let document = document.clone();
            async move {
                HttpResponse::Ok()
                    .content_type("application/json")
                    .body(document)
            }
        }),
    );
    config.route("/api/docs", web::get().to(to_page));
    config.service(SwaggerUi::new("/api/docs/{_:.*}").config(Config::new(offered)));
}

async fn to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header(("location", "/api/docs/"))
        .finish()
}
