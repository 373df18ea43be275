//! The wiring: settings in, a running service out.

use std::{sync::Arc, time::Duration};

use service::{
    Identity, JobSettings, Running, Runtime, Settings, StartError, settings::BadSetting,
};

use crate::{
    consumers, domain::Templates, http, live::Live, mailer::Mailer, settings::NotificationSettings,
    use_cases::EmailDelivery, users::UserService,
};

const EMAIL_JOB: JobSettings = JobSettings {
    concurrency: 16,
    poll_interval: Duration::from_millis(250),
};

/// What routes, consumers and jobs share.
#[derive(Clone)]
pub struct App {
    /// What every service holds.
    pub runtime: Runtime,
    /// What e-mails say.
    pub(crate) templates: Arc<Templates>,
    /// Where e-mails go.
    pub(crate) mailer: Mailer,
    /// The user service.
    pub(crate) users: UserService,
    /// The live feed of this process.
    pub(crate) live: Live,
}

impl App {
    /// Starts the notification service.
    ///
    /// # Errors
    /// A setting is wrong, or the database does not answer.
    pub async fn start(
        settings: Settings,
        own: NotificationSettings,
    ) -> Result<Running, StartError> {
        let templates = Templates::new(&settings.public_url)
            .map_err(|error| BadSetting::new("TENANTRY_PUBLIC_URL", error))?;
        let mailer = Mailer::new(&own)?;
        let identity = Identity {
            name: "notification",
            catalogue: Arc::new(events::Catalogue),
            platform: sqlx::migrate!("migrations/platform"),
            tenant: None,
            verifier: None,
            cache: service::Cache::none(),
        };
        let runtime = Runtime::start(identity, settings).await?;
        let users = UserService::new(&runtime.settings().user_url, runtime.tokens().clone())?;
        let live =
            Live::start(&runtime).map_err(|error| BadSetting::new("TENANTRY_REDIS", error))?;
        let app = Self {
            runtime,
            templates: Arc::new(templates),
            mailer,
            users,
            live,
        };
        consumers::start(&app);
        app.runtime.run_job(EmailDelivery(app.clone()), EMAIL_JOB);
        let routes = http::routes(app.clone());
        app.runtime.serve(routes)
    }
}
