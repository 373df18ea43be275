//! A tenant and its status.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString};

use crate::{ClusterName, Package, Region, TenantCode};

ids::uuid_id!(
    /// A tenant's id, a `UUIDv7`.
    TenantId
);

/// The state of a tenant.
///
/// ```text
/// Provisioning ⇄ Failed → Deleted
///      ↓
///   Active ⇄ Suspended → Deleted   (from Active too)
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumIter, EnumString,
)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
pub enum TenantStatus {
    /// Its database is being created and its onboarding is not complete.
    Provisioning,
    /// In service.
    Active,
    /// Refused by every service until it is activated again.
    Suspended,
    /// Removed; its code stays taken.
    Deleted,
    /// Its database could not be created so far.
    Failed,
}

impl TenantStatus {
    /// Whether `next` may follow. Staying is not a transition.
    pub fn can_become(self, next: Self) -> bool {
        use TenantStatus::{Active, Deleted, Failed, Provisioning, Suspended};
        matches!(
            (self, next),
            (Provisioning, Active | Failed)
                | (Failed, Provisioning | Deleted)
                | (Active, Suspended | Deleted)
                | (Suspended, Active | Deleted)
        )
    }
}

/// A tenant as all services see it. Immutable, shared as `Arc<Tenant>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its unique code.
    pub code: TenantCode,
    /// Its display name.
    pub name: String,
    /// The region of its data.
    pub region: Region,
    /// The cluster of its database; `None` if it has not been placed yet.
    pub cluster: Option<ClusterName>,
    /// The package it pays for.
    pub package: Package,
    /// Its status.
    pub status: TenantStatus,
    /// Incremented by each change.
    pub version: i64,
}

/// The state of a tenant that every `tenant.*` event carries and that `GET /api/tenants/{code}` returns; other fields are
/// ignored.
///
/// ```
/// let snapshot: tenancy::TenantSnapshot = serde_json::from_str(r#"{
///     "tenantId": "01890a5d-ac96-774b-bcce-b302099a8057", "code": "acme", "name": "Acme", "region": "eu",
///     "cluster": "eu-1", "package": "starter", "billingEmail": "pay@acme.example", "status": "ACTIVE", "version": 3,
///     "reason": "something else" }"#).unwrap();
/// assert_eq!(snapshot.code.as_str(), "acme");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantSnapshot {
    /// Its id; called `id` in a response of the tenant service.
    #[serde(alias = "id")]
    pub tenant_id: TenantId,
    /// Its unique code.
    pub code: TenantCode,
    /// Its display name.
    pub name: String,
    /// The region of its data.
    pub region: Region,
    /// The cluster of its database.
    #[serde(default)]
    pub cluster: Option<ClusterName>,
    /// The package it pays for.
    pub package: Package,
    /// The e-mail address for invoices.
    pub billing_email: String,
    /// Its status.
    pub status: TenantStatus,
    /// Incremented by each change; an older snapshot never replaces a newer one.
    pub version: i64,
}

impl From<TenantSnapshot> for Tenant {
    fn from(snapshot: TenantSnapshot) -> Self {
        Self {
            id: snapshot.tenant_id,
            code: snapshot.code,
            name: snapshot.name,
            region: snapshot.region,
            cluster: snapshot.cluster,
            package: snapshot.package,
            status: snapshot.status,
            version: snapshot.version,
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::*;

    #[test]
    fn every_pair_of_statuses_is_allowed_or_refused() {
        use TenantStatus::{Active, Deleted, Failed, Provisioning, Suspended};
        let allowed = [
            (Provisioning, Active),
            (Provisioning, Failed),
            (Failed, Provisioning),
            (Failed, Deleted),
            (Active, Suspended),
            (Active, Deleted),
            (Suspended, Active),
            (Suspended, Deleted),
        ];
        for from in TenantStatus::iter() {
            for to in TenantStatus::iter() {
                assert_eq!(
                    from.can_become(to),
                    allowed.contains(&(from, to)),
                    "{from} → {to}"
                );
            }
            assert_eq!(from.to_string().parse(), Ok(from));
            assert_eq!(
                serde_json::to_value(from).expect("a string"),
                from.to_string()
            );
        }
        assert!("active".parse::<TenantStatus>().is_err());
    }
}
