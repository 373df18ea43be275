//! HTTP routes.

mod password_reset;
mod problems;
mod services;
mod session;
mod users;
mod views;

use actix_web::web::Data;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::App;

/// Registers all routes.
pub(crate) fn routes(app: App) -> impl Fn(&mut ServiceConfig<'_>) + Clone + Send + 'static {
    let app = Data::new(app);
    move |config| {
        config
            .app_data(app.clone())
            .service(session::register)
            .service(session::login)
            .service(session::profile)
            .service(password_reset::forgot)
            .service(password_reset::reset)
            .service(services::service_token)
            .service(services::password_tokens)
            .service(services::jwks)
            .service(users::create)
            .service(users::list)
            .service(users::database_status)
            .service(users::read);
    }
}
