//! The audit trail: what users did.

use auth::UserId;
use tenancy::TenantId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::EventId;

/// A user who is a human, not a service account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HumanActor(UserId);

impl HumanActor {
    /// The human with this id, or `None` for a service account. A service account's id is derived from its name
    /// ([`UserId::for_service`], `UUIDv5`); a human's id is generated.
    #[must_use]
    pub fn new(id: UserId) -> Option<Self> {
        (id.as_uuid().get_version_num() != 5).then_some(Self(id))
    }

    /// The user's id.
    #[must_use]
    pub fn id(self) -> UserId {
        self.0
    }
}

/// The tenant of an audited action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditTenant {
    /// The tenant's id.
    pub id: TenantId,
    /// The region of its data.
    pub region: String,
}

/// One action of a user, taken from the envelope of the event that it caused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The event.
    pub event: EventId,
    /// The user.
    pub actor: HumanActor,
    /// The event's type.
    pub action: String,
    /// The type of the affected aggregate.
    pub resource: String,
    /// The id of the affected aggregate.
    pub resource_id: String,
    /// The tenant, unless the action concerns the platform.
    pub tenant: Option<AuditTenant>,
    /// Shared by everything that one request causes.
    pub correlation_id: Uuid,
    /// The time of the event.
    pub at: OffsetDateTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_accounts_are_not_human() {
        for service in [
            "tenant",
            "user",
            "order",
            "billing",
            "notification",
            "analytics",
        ] {
            assert_eq!(HumanActor::new(UserId::for_service(service)), None);
        }
        let ann = UserId::generate();
        assert_eq!(HumanActor::new(ann).map(HumanActor::id), Some(ann));
    }
}
