//! The route table. Handlers are thin: who asks, which verb.

mod live;
mod notices;
mod problems;
mod token_end;
mod views;

use actix_web::web;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::App;

/// The routes of the service.
pub(crate) fn routes(app: App) -> impl Fn(&mut ServiceConfig<'_>) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(web::Data::new(app.clone()))
            .service(notices::list)
            .service(notices::read)
            .service(live::follow);
    }
}
