//! What is known of a tenant.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{ClusterName, Package, Region, TenantCode};

ids::uuid_id!(
    /// A tenant's id, a `UUIDv7`.
    TenantId
);

/// Where a tenant is in its life.
///
/// ```text
/// Provisioning ⇄ Failed → Deleted
///      ↓
///   Active ⇄ Suspended → Deleted   (from Active too)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TenantStatus {
    /// Its database is being made and its onboarding is not complete.
    Provisioning,
    /// Open for business.
    Active,
    /// Refused everywhere until activated again.
    Suspended,
    /// Gone; the code stays taken.
    Deleted,
    /// Provisioning could not finish.
    Failed,
}

impl TenantStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Provisioning,
        Self::Active,
        Self::Suspended,
        Self::Deleted,
        Self::Failed,
    ];

    /// Whether `next` may follow. Staying is not a step.
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

    /// The word on the wire and in tables: upper case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Active => "ACTIVE",
            Self::Suspended => "SUSPENDED",
            Self::Deleted => "DELETED",
            Self::Failed => "FAILED",
        }
    }
}

/// The text is no tenant status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a tenant status: {0}")]
pub struct InvalidStatus(String);

impl FromStr for TenantStatus {
    type Err = InvalidStatus;

    fn from_str(text: &str) -> Result<Self, InvalidStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| InvalidStatus(text.to_owned()))
    }
}

impl fmt::Display for TenantStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A tenant as the services know it. Shared as `Arc<Tenant>`, never changed in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its unique code.
    pub code: TenantCode,
    /// Its name for people.
    pub name: String,
    /// Where its data lives.
    pub region: Region,
    /// The cluster it was placed on; none until its database is ready.
    pub cluster: Option<ClusterName>,
    /// What it pays for.
    pub package: Package,
    /// Where it is in its life.
    pub status: TenantStatus,
    /// Grows by one with each change.
    pub version: i64,
}

/// The snapshot every `tenant.*` event carries, and what `GET /api/tenants/{code}` answers; fields besides these are
/// passed over.
///
/// ```
/// let facts: tenancy::TenantFacts = serde_json::from_str(r#"{
///     "tenantId": "01890a5d-ac96-774b-bcce-b302099a8057", "code": "acme", "name": "Acme", "region": "eu",
///     "cluster": "eu-1", "package": "starter", "billingEmail": "pay@acme.example", "status": "ACTIVE", "version": 3,
///     "reason": "something else" }"#).unwrap();
/// assert_eq!(facts.code.as_str(), "acme");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantFacts {
    /// Its id; called `id` in an answer of the tenant service.
    #[serde(alias = "id")]
    pub tenant_id: TenantId,
    /// Its unique code.
    pub code: TenantCode,
    /// Its name for people.
    pub name: String,
    /// Where its data lives.
    pub region: Region,
    /// The cluster it was placed on.
    #[serde(default)]
    pub cluster: Option<ClusterName>,
    /// What it pays for.
    pub package: Package,
    /// Where bills go.
    pub billing_email: String,
    /// Where it is in its life.
    pub status: TenantStatus,
    /// Grows by one with each change; older facts never replace newer ones.
    pub version: i64,
}

impl From<TenantFacts> for Tenant {
    fn from(facts: TenantFacts) -> Self {
        Self {
            id: facts.tenant_id,
            code: facts.code,
            name: facts.name,
            region: facts.region,
            cluster: facts.cluster,
            package: facts.package,
            status: facts.status,
            version: facts.version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_of_a_tenants_life_is_allowed_or_refused_on_purpose() {
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
        for from in TenantStatus::ALL {
            for to in TenantStatus::ALL {
                assert_eq!(
                    from.can_become(to),
                    allowed.contains(&(from, to)),
                    "{from} → {to}"
                );
            }
            assert_eq!(from.as_str().parse(), Ok(from));
            assert_eq!(serde_json::to_value(from).expect("a string"), from.as_str());
        }
        assert!("active".parse::<TenantStatus>().is_err());
    }
}
