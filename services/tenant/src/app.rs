//! The wiring: settings in, a running service out.

use std::{collections::HashMap, sync::Arc};

use service::{
    Identity, JobSettings, JobWaker, Running, Runtime, Settings, StartError,
    settings::InvalidSetting,
};
use tenancy::{ClusterName, ParseNameError, provision::Provisioner};

use crate::{
    consumers, http,
    settings::{Regions, TenantSettings},
    use_cases::DatabaseProvisioning,
};

/// What routes and consumers share.
#[derive(Clone)]
pub struct App {
    /// What every service holds.
    pub runtime: Runtime,
    /// The clusters of each region.
    pub regions: Arc<Regions>,
    /// Wakes the provisioning job when a database is due.
    pub provisioning: JobWaker,
}

impl App {
    /// Starts the tenant service.
    ///
    /// # Errors
    /// A setting is invalid, or the database does not answer.
    pub async fn start(settings: Settings, own: TenantSettings) -> Result<Running, StartError> {
        let regions = own.regions(&settings.clusters)?;
        let provisioners = provisioners(&settings)?;
        let identity = Identity {
            name: "tenant",
            catalogue: Arc::new(events::Catalogue),
            platform: sqlx::migrate!("migrations/platform"),
            tenant: None,
            verifier: None,
            cache: service::Cache::disabled(),
        };
        let runtime = Runtime::start(identity, settings).await?;
        let job = DatabaseProvisioning::new(runtime.clone(), provisioners, own.provisioning);
        let job_settings = JobSettings {
            concurrency: own.provisioning.concurrency,
            poll_interval: own.provisioning.poll_interval,
        };
        let app = Self {
            provisioning: runtime.run_job(job, job_settings),
            regions: Arc::new(regions),
            runtime,
        };
        consumers::start(&app);
        let routes = http::routes(app.clone());
        app.runtime.serve(routes)
    }
}

fn provisioners(settings: &Settings) -> Result<HashMap<ClusterName, Provisioner>, InvalidSetting> {
    let invalid = |name: &str, problem: String| {
        InvalidSetting::new("TENANTRY_CLUSTERS", format!("{name}: {problem}"))
    };
    let provisioner = |(name, url): (&String, &String)| {
        let cluster = name
            .parse()
            .map_err(|error: ParseNameError| invalid(name, error.to_string()))?;
        let provisioner = Provisioner::new(url, &settings.template, &settings.database_prefix)
            .map_err(|error| invalid(name, error.to_string()))?;
        Ok((cluster, provisioner))
    };
    settings.clusters.0.iter().map(provisioner).collect()
}
