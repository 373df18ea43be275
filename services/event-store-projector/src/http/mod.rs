//! The route table. Handlers are thin: who asks, for what.

mod aggregates;
mod dead_letters;
mod events;
mod problems;

use actix_web::web;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::App;

/// The routes of the service.
pub(crate) fn routes(app: App) -> impl Fn(&mut ServiceConfig<'_>) + Clone + Send + 'static {
    move |config| {
        config
            .app_data(web::Data::new(app.clone()))
            .service(events::list)
            .service(aggregates::read)
            // `acts` is no topic: fixed words come first.
            .service(dead_letters::acts)
            .service(dead_letters::list)
            .service(dead_letters::show)
            .service(dead_letters::replay)
            .service(dead_letters::discard);
    }
}
