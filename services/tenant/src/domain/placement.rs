//! Placement of a tenant on a cluster of its region.

use std::collections::BTreeMap;

use tenancy::ClusterName;

/// The cluster with the fewest tenants, the first by name among equals; `None` only if there are no clusters.
pub fn least_loaded<'a>(
    clusters: &'a [ClusterName],
    tenants: &BTreeMap<ClusterName, i64>,
) -> Option<&'a ClusterName> {
    clusters
        .iter()
        .min_by_key(|cluster| (tenants.get(*cluster).copied().unwrap_or(0), *cluster))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_placed_on_the_cluster_with_the_fewest() {
        let name = |text: &str| text.parse::<ClusterName>().expect("a name");
        let clusters = [name("eu-2"), name("eu-1"), name("eu-3")];
        let mut tenants = BTreeMap::new();
        let mut placed = Vec::new();
        for _ in 0..4 {
            let cluster = least_loaded(&clusters, &tenants).expect("there are some");
            *tenants.entry(cluster.clone()).or_default() += 1;
            placed.push(cluster.to_string());
        }
        assert_eq!(placed, ["eu-1", "eu-2", "eu-3", "eu-1"]);
        assert_eq!(least_loaded(&[], &tenants), None);
    }
}
