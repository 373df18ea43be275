//! What only this service is told.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use service::settings::{BadSetting, Pairs, load};
use tenancy::{ClusterName, Region};

/// The tenant service's own settings.
#[derive(Clone, Debug, Deserialize)]
pub struct TenantSettings {
    /// `region=cluster[|cluster][,region=…]`: where the tenants of a region may be placed (`TENANTRY_REGIONS`).
    pub regions: Pairs,
    /// How eagerly databases are made; not to be set from outside.
    #[serde(skip)]
    pub pace: Pace,
}

/// How eagerly databases are made.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// After this many tries the tenant is shown as failed; trying goes on.
    pub tries_until_failed: i32,
    /// The pause after the first try; each one is twice as long as the one before.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How often due work is looked for when nobody rang.
    pub idle: Duration,
    /// How long claimed work is left alone by others. Longer than `patience`.
    pub lease: Duration,
    /// How long making one database may take.
    pub patience: Duration,
    /// Databases made at once by one replica.
    pub at_once: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            tries_until_failed: 5,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_mins(1),
            idle: Duration::from_secs(1),
            lease: Duration::from_mins(1),
            patience: Duration::from_secs(45),
            at_once: 4,
        }
    }
}

impl Pace {
    /// The pause after this many tries.
    pub fn pause_after(&self, tries: i32) -> Duration {
        let doublings = u32::try_from(tries - 1).unwrap_or(0).min(16);
        (self.first_pause * 2_u32.pow(doublings)).min(self.longest_pause)
    }
}

/// The clusters of each region.
pub type Regions = BTreeMap<Region, Vec<ClusterName>>;

impl TenantSettings {
    /// Reads them.
    ///
    /// # Errors
    /// The first that is missing or wrong.
    pub fn load() -> Result<Self, BadSetting> {
        load()
    }

    /// The regions, each with at least one cluster that `known` has an address of.
    ///
    /// # Errors
    /// A name is not one, or a cluster has no address.
    pub fn regions(&self, known: &Pairs) -> Result<Regions, BadSetting> {
        let wrong = |problem: String| BadSetting::new("TENANTRY_REGIONS", problem);
        if self.regions.0.is_empty() {
            return Err(wrong("names no region".into()));
        }
        let read = |(region, clusters): (&String, &String)| {
            let region: Region = region.parse().map_err(|error| wrong(format!("{error}")))?;
            let clusters = clusters
                .split('|')
                .map(|name| {
                    if !known.0.contains_key(name) {
                        return Err(wrong(format!(
                            "cluster {name} has no address in TENANTRY_CLUSTERS"
                        )));
                    }
                    name.parse().map_err(|error| wrong(format!("{error}")))
                })
                .collect::<Result<_, _>>()?;
            Ok((region, clusters))
        };
        self.regions.0.iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(regions: &str) -> Result<Regions, BadSetting> {
        let pairs = |text: &str| Pairs::try_from(text.to_owned()).expect("pairs");
        let settings = TenantSettings {
            regions: pairs(regions),
            pace: Pace::default(),
        };
        settings.regions(&pairs("eu-1=a,eu-2=b,us-1=c"))
    }

    #[test]
    fn regions_have_clusters_with_addresses() {
        let regions = read("eu=eu-1|eu-2,us=us-1").expect("all known");
        assert_eq!(regions.len(), 2);
        assert_eq!(regions.values().map(Vec::len).sum::<usize>(), 3);
        for wrong in ["", "eu=eu-9", "EU=eu-1", "eu=eu-1|"] {
            let error = read(wrong).expect_err(wrong).to_string();
            assert!(error.starts_with("TENANTRY_REGIONS: "), "{error}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses =
            [1, 2, 3, 6, 7, 1_000].map(|tries| Pace::default().pause_after(tries).as_secs());
        assert_eq!(pauses, [1, 2, 4, 32, 60, 60]);
    }
}
