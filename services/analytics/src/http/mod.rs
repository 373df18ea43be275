//! Routes. A handler authorizes, calls one use case and converts the result.

mod analytics;
mod problems;
mod views;

use utoipa_actix_web::service_config::ServiceConfig;

/// The routes of the service.
pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(analytics::of_platform)
        .service(analytics::of_tenant);
}
