//! The route table.

mod onboarding;
mod operator;
mod problems;
mod tenants;
mod views;

use actix_web::web::Data;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::App;

/// The routes of the service.
pub(crate) fn routes(app: App) -> impl Fn(&mut ServiceConfig<'_>) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(Data::new(app.clone()))
            .service(tenants::create)
            .service(tenants::list)
            .service(tenants::read)
            .service(tenants::suspend)
            .service(tenants::activate)
            .service(onboarding::read);
    }
}
