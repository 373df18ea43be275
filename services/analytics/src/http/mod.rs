//! The route table. Handlers are thin: who asks, which tenant, which verb.

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
