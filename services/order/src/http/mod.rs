//! The route table.

mod orders;
mod problems;
mod products;
mod views;

use actix_web::web;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::App;

/// The routes of the service.
pub(crate) fn routes(app: App) -> impl Fn(&mut ServiceConfig<'_>) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(web::Data::new(app.clone()))
            .service(products::create)
            .service(products::list)
            .service(products::read)
            .service(products::update)
            .service(products::delete)
            .service(orders::create)
            .service(orders::list_own)
            .service(orders::read)
            .service(orders::payment_received)
            .service(orders::complete)
            .service(orders::cancel);
    }
}
