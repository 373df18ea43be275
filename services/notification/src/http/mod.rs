//! HTTP routes. A handler authorizes the caller and calls one use case.

mod live;
mod notifications;
mod problems;
mod token_expiry;
mod views;

use actix_web::web;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::App;

/// The routes of the service.
pub(crate) fn routes(app: App) -> impl Fn(&mut ServiceConfig<'_>) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(web::Data::new(app.clone()))
            .service(notifications::list)
            .service(notifications::read)
            .service(live::follow);
    }
}
