//! The wiring: settings in, a running service out.

use std::{collections::HashMap, sync::Arc};

use service::{Identity, Running, Runtime, Settings, StartError, settings::BadSetting};
use tenancy::{ClusterName, InvalidName, provision::Provisioner};
use tokio::sync::Notify;

use crate::{
    consumers, http,
    settings::{Regions, TenantSettings},
    use_cases,
};

/// What routes, consumers and the provisioning worker share.
#[derive(Clone)]
pub struct App {
    /// What every service holds.
    pub runtime: Runtime,
    /// The tenant service's own settings.
    pub settings: TenantSettings,
    /// The clusters of each region.
    pub regions: Arc<Regions>,
    /// Who makes databases on each cluster.
    pub provisioners: Arc<HashMap<ClusterName, Provisioner>>,
    /// Rung when a database is to be made.
    pub provisioning: Arc<Notify>,
}

impl App {
    /// Starts the tenant service.
    ///
    /// # Errors
    /// A setting is wrong, or the database does not answer.
    pub async fn start(settings: Settings, own: TenantSettings) -> Result<Running, StartError> {
        let regions = own.regions(&settings.clusters)?;
        let provisioners = provisioners(&settings)?;
        let identity = Identity {
            name: "tenant",
            catalogue: Arc::new(events::Catalogue),
            platform: sqlx::migrate!("migrations/platform"),
            tenant: None,
            verifier: None,
            cache: service::Cache::none(),
        };
        let app = Self {
            runtime: Runtime::start(identity, settings).await?,
            settings: own,
            regions: Arc::new(regions),
            provisioners: Arc::new(provisioners),
            provisioning: Arc::new(Notify::new()),
        };
        consumers::start(&app);
        app.provision_in_the_background();
        let routes = http::routes(app.clone());
        app.runtime.serve(routes)
    }

    fn provision_in_the_background(&self) {
        let app = self.clone();
        self.runtime.spawn("provisioning", |stop| async move {
            use_cases::provision_databases(&app, &stop).await;
        });
    }
}

fn provisioners(settings: &Settings) -> Result<HashMap<ClusterName, Provisioner>, BadSetting> {
    let wrong = |name: &str, problem: String| {
        BadSetting::new("TENANTRY_CLUSTERS", format!("{name}: {problem}"))
    };
    let provisioner = |(name, url): (&String, &String)| {
        let cluster = name
            .parse()
            .map_err(|e: InvalidName| wrong(name, e.to_string()))?;
        let provisioner = Provisioner::new(url, &settings.template, &settings.database_prefix)
            .map_err(|error| wrong(name, error.to_string()))?;
        Ok((cluster, provisioner))
    };
    settings.clusters.0.iter().map(provisioner).collect()
}
