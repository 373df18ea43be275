//! The tenant service's own settings.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use service::settings::{InvalidSetting, Pairs, load};
use tenancy::{ClusterName, Region};

/// The tenant service's own settings.
#[derive(Clone, Debug, Deserialize)]
pub struct TenantSettings {
    /// The clusters of each region, `region=cluster[|cluster][,region=…]` (`TENANTRY_REGIONS`).
    pub regions: Pairs,
    /// Provisioning of databases; changed by tests only.
    #[serde(skip)]
    pub provisioning: ProvisioningSettings,
}

/// Concurrency, retries and time limits of database provisioning.
#[derive(Clone, Copy, Debug)]
pub struct ProvisioningSettings {
    /// After this many attempts the tenant is marked as failed; attempts continue.
    pub attempts_until_failed: i32,
    /// The pause after the first attempt; pauses double.
    pub initial_backoff: Duration,
    /// The longest pause.
    pub max_backoff: Duration,
    /// How often to look for due databases without being woken.
    pub poll_interval: Duration,
    /// How long a leased database is hidden from other replicas; longer than `timeout`.
    pub lease: Duration,
    /// The time limit of one attempt.
    pub timeout: Duration,
    /// The number of databases that one replica creates at the same time.
    pub concurrency: u32,
}

impl Default for ProvisioningSettings {
    fn default() -> Self {
        Self {
            attempts_until_failed: 5,
            initial_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_mins(1),
            poll_interval: Duration::from_secs(1),
            lease: Duration::from_mins(1),
            timeout: Duration::from_secs(45),
            concurrency: 4,
        }
    }
}

impl ProvisioningSettings {
    /// The pause after this many attempts.
    pub fn backoff(&self, attempts: i32) -> Duration {
        let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(16);
        (self.initial_backoff * 2_u32.pow(doublings)).min(self.max_backoff)
    }
}

/// The clusters of each region.
pub type Regions = BTreeMap<Region, Vec<ClusterName>>;

impl TenantSettings {
    /// Loads the settings from the environment.
    ///
    /// # Errors
    /// The first setting that is missing or invalid.
    pub fn load() -> Result<Self, InvalidSetting> {
        load()
    }

    /// The regions, each with at least one cluster; `known` are the clusters with an address.
    ///
    /// # Errors
    /// A name is invalid, or a cluster has no address.
    pub fn regions(&self, known: &Pairs) -> Result<Regions, InvalidSetting> {
        let invalid = |problem: String| InvalidSetting::new("TENANTRY_REGIONS", problem);
        if self.regions.0.is_empty() {
            return Err(invalid("must name at least one region".into()));
        }
        let parse = |(region, clusters): (&String, &String)| {
            let region: Region = region
                .parse()
                .map_err(|error| invalid(format!("{error}")))?;
            let clusters = clusters
                .split('|')
                .map(|name| {
                    if !known.0.contains_key(name) {
                        return Err(invalid(format!(
                            "cluster {name} has no address in TENANTRY_CLUSTERS"
                        )));
                    }
                    name.parse().map_err(|error| invalid(format!("{error}")))
                })
                .collect::<Result<_, _>>()?;
            Ok((region, clusters))
        };
        self.regions.0.iter().map(parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(regions: &str) -> Result<Regions, InvalidSetting> {
        let pairs = |text: &str| Pairs::try_from(text.to_owned()).expect("pairs");
        let settings = TenantSettings {
            regions: pairs(regions),
            provisioning: ProvisioningSettings::default(),
        };
        settings.regions(&pairs("eu-1=a,eu-2=b,us-1=c"))
    }

    #[test]
    fn regions_have_clusters_with_addresses() {
        let regions = read("eu=eu-1|eu-2,us=us-1").expect("all known");
        assert_eq!(regions.len(), 2);
        assert_eq!(regions.values().map(Vec::len).sum::<usize>(), 3);
        for invalid in ["", "eu=eu-9", "EU=eu-1", "eu=eu-1|"] {
            let error = read(invalid).expect_err(invalid).to_string();
            assert!(error.starts_with("TENANTRY_REGIONS: "), "{error}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_maximum() {
        let pauses = [1, 2, 3, 6, 7, 1_000]
            .map(|attempts| ProvisioningSettings::default().backoff(attempts).as_secs());
        assert_eq!(pauses, [1, 2, 4, 32, 60, 60]);
    }
}
