//! Routes. A handler authorizes, calls one use case and converts the result.

mod packages;
mod page;
mod pay;
mod payments;
mod problems;
mod subscriptions;
mod views;

use actix_web::web;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::App;

/// The routes of the service.
pub(crate) fn routes(app: App) -> impl Fn(&mut ServiceConfig<'_>) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(web::Data::new(app.clone()))
            .service(packages::list)
            .service(pay::show)
            .service(pay::settle)
            .service(subscriptions::read)
            .service(payments::list);
    }
}
