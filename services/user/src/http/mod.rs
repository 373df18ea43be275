//! The routes.

mod machines;
mod password;
mod problems;
mod session;
mod users;
mod view;

use actix_web::web::Data;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::App;

/// The routes of the service.
pub(crate) fn routes(app: App) -> impl Fn(&mut ServiceConfig<'_>) + Clone + Send + 'static {
    let app = Data::new(app);
    move |config| {
        config
            .app_data(app.clone())
            .service(session::register)
            .service(session::login)
            .service(session::profile)
            .service(password::forgot)
            .service(password::reset)
            .service(machines::service_token)
            .service(machines::password_tokens)
            .service(machines::jwks)
            .service(users::create)
            .service(users::list)
            .service(users::database_status)
            .service(users::read);
    }
}
