//! Starts the service: settings in, a running service out.

use std::{sync::Arc, time::Duration};

use service::{
    Identity, JobSettings, Running, Runtime, Settings, StartError, settings::InvalidSetting,
};

use crate::{
    consumers, domain::EmailRenderer, http, live::LiveFeed, mailer::Mailer,
    settings::NotificationSettings, use_cases::EmailDelivery, user_client::UserClient,
};

const EMAIL_JOB: JobSettings = JobSettings {
    concurrency: 16,
    poll_interval: Duration::from_millis(250),
};

/// The state that routes, consumers and jobs share. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The parts that every service has.
    pub runtime: Runtime,
    /// Renders e-mails.
    pub(crate) renderer: Arc<EmailRenderer>,
    /// Sends e-mails.
    pub(crate) mailer: Mailer,
    /// The client of the user service.
    pub(crate) users: UserClient,
    /// The live feed of this process.
    pub(crate) live: LiveFeed,
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
        let renderer = EmailRenderer::new(&settings.public_url)
            .map_err(|error| InvalidSetting::new("TENANTRY_PUBLIC_URL", error))?;
        let mailer = Mailer::new(&own)?;
        let identity = Identity {
            name: "notification",
            catalogue: Arc::new(events::Catalogue),
            platform: sqlx::migrate!("migrations/platform"),
            tenant: None,
            verifier: None,
            cache: service::Cache::disabled(),
        };
        let runtime = Runtime::start(identity, settings).await?;
        let users = UserClient::new(&runtime.settings().user_url, runtime.tokens().clone())?;
        let live = LiveFeed::start(&runtime)
            .map_err(|error| InvalidSetting::new("TENANTRY_REDIS", error))?;
        let app = Self {
            runtime,
            renderer: Arc::new(renderer),
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
