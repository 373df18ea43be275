//! The wiring: settings in, a running service out.

use std::sync::Arc;

use auth::Issuer;
use secrecy::{ExposeSecret, SecretString};
use service::{
    Context, Identity, Running, Runtime, Settings, StartError, settings::InvalidSetting,
};

use crate::{
    consumers,
    domain::{EmailAddress, NewPassword},
    http,
    password_hasher::PasswordHasher,
    settings::UserSettings,
    tenants::TenantService,
    use_cases::{self, CreateUserContext, Landlord, UserError},
};

/// The state that routes and consumers share.
#[derive(Clone)]
pub struct App {
    /// The runtime of every service.
    pub(crate) runtime: Runtime,
    /// Signs access tokens.
    pub(crate) issuer: Arc<Issuer>,
    /// Hashes and verifies passwords.
    pub(crate) hasher: PasswordHasher,
    /// Creates tenants.
    pub(crate) tenants: TenantService,
    /// The secret that each service's own secret is derived from.
    pub(crate) master: SecretString,
}

impl App {
    /// Starts the user service: keys, database, landlord, consumers, routes.
    ///
    /// # Errors
    /// A setting is invalid, or the database is unavailable.
    pub async fn start(settings: Settings, own: UserSettings) -> Result<Running, StartError> {
        let issuer = Issuer::from_file(&own.signing_key_file)
            .map_err(|error| InvalidSetting::new("TENANTRY_SIGNING_KEY_FILE", error))?;
        let issuer = Arc::new(issuer);
        let landlord = landlord(&own)?;
        let hasher = PasswordHasher::new()
            .map_err(|error| StartError::dependency("password hashing", error))?;
        let tenants = TenantService::new(&settings.tenant_url, issuer.clone())?;
        let identity = Identity {
            name: "user",
            catalogue: Arc::new(events::Catalogue),
            platform: sqlx::migrate!("migrations/platform"),
            tenant: None,
            verifier: Some(issuer.verifier()),
            cache: service::Cache::disabled(),
        };
        let runtime = Runtime::start(identity, settings).await?;
        let app = Self {
            runtime,
            issuer,
            hasher,
            tenants,
            master: own.service_master,
        };
        let db = app.runtime.platform(Context::background());
        use_cases::ensure_landlord(&db, &app.hasher, landlord)
            .await
            .map_err(|error| match error {
                UserError::EmailTaken => InvalidSetting::new(
                    "TENANTRY_LANDLORD_EMAIL",
                    "belongs to a user who is not a platform admin; set another address",
                )
                .into(),
                other => StartError::dependency("the landlord cannot be created", other),
            })?;
        consumers::start(&app.runtime);
        let runtime = app.runtime.clone();
        runtime.serve(http::routes(app))
    }

    pub(crate) fn create_user_context(&self) -> CreateUserContext<'_> {
        CreateUserContext {
            hasher: &self.hasher,
            tenants: &self.tenants,
            directory: self.runtime.directory(),
        }
    }
}

fn landlord(own: &UserSettings) -> Result<Landlord, InvalidSetting> {
    let email = EmailAddress::try_from(own.landlord_email.clone())
        .map_err(|error| InvalidSetting::new("TENANTRY_LANDLORD_EMAIL", error))?;
    let password = NewPassword::try_from(own.landlord_password.expose_secret().to_owned())
        .and_then(|password| password.allowed_for(&email).map(|()| password))
        .map_err(|error| InvalidSetting::new("TENANTRY_LANDLORD_PASSWORD", error))?;
    Ok(Landlord { email, password })
}
