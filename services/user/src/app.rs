//! Wiring.

use std::sync::Arc;

use auth::Issuer;
use secrecy::{ExposeSecret, SecretString};
use service::{Context, Identity, Running, Runtime, Settings, StartError, settings::BadSetting};

use crate::{
    consumers,
    domain::{EmailAddress, NewPassword},
    http,
    passwords::Passwords,
    settings::UserSettings,
    tenants::TenantService,
    use_cases::{self, Landlord, Parts, UserError},
};

/// What handlers work with.
#[derive(Clone)]
pub struct App {
    /// The service's parts.
    pub(crate) runtime: Runtime,
    /// Signs tokens.
    pub(crate) issuer: Arc<Issuer>,
    /// Hashes passwords.
    pub(crate) passwords: Passwords,
    /// Makes tenants.
    pub(crate) tenants: TenantService,
    /// What each service's secret is derived from.
    pub(crate) master: SecretString,
}

impl App {
    /// Starts the user service: keys, database, landlord, consumers, routes.
    ///
    /// # Errors
    /// A setting is wrong, or the database does not answer.
    pub async fn start(settings: Settings, own: UserSettings) -> Result<Running, StartError> {
        let issuer = Issuer::from_file(&own.signing_key_file)
            .map_err(|error| BadSetting::new("TENANTRY_SIGNING_KEY_FILE", error))?;
        let issuer = Arc::new(issuer);
        let landlord = landlord(&own)?;
        let passwords =
            Passwords::new().map_err(|error| StartError::dependency("password hashing", error))?;
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
            passwords,
            tenants,
            master: own.service_master,
        };
        let db = app.runtime.platform(Context::background());
        use_cases::ensure_landlord(&db, &app.passwords, landlord)
            .await
            .map_err(|error| match error {
                UserError::EmailTaken => BadSetting::new(
                    "TENANTRY_LANDLORD_EMAIL",
                    "belongs to a user who is not a platform admin; name another address",
                )
                .into(),
                other => StartError::dependency("the landlord cannot be made", other),
            })?;
        consumers::start(&app.runtime);
        let runtime = app.runtime.clone();
        runtime.serve(http::routes(app))
    }

    pub(crate) fn parts(&self) -> Parts<'_> {
        Parts {
            passwords: &self.passwords,
            tenants: &self.tenants,
            directory: self.runtime.directory(),
        }
    }
}

fn landlord(own: &UserSettings) -> Result<Landlord, BadSetting> {
    let email = EmailAddress::try_from(own.landlord_email.clone())
        .map_err(|error| BadSetting::new("TENANTRY_LANDLORD_EMAIL", error))?;
    let password = NewPassword::try_from(own.landlord_password.expose_secret().to_owned())
        .and_then(|password| password.allowed_for(&email).map(|()| password))
        .map_err(|error| BadSetting::new("TENANTRY_LANDLORD_PASSWORD", error))?;
    Ok(Landlord { email, password })
}
