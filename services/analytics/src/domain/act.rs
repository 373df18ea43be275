//! What a person did.

use auth::UserId;
use tenancy::TenantId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::EventId;

/// Somebody who can be asked why: not a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person(UserId);

impl Person {
    /// The person of this id. A machine's id is derived from its name ([`UserId::of_service`], `UUIDv5`), a person's is
    /// drawn.
    #[must_use]
    pub fn of(id: UserId) -> Option<Self> {
        (id.as_uuid().get_version_num() != 5).then_some(Self(id))
    }

    /// Their id.
    #[must_use]
    pub fn id(self) -> UserId {
        self.0
    }
}

/// The tenant in which something was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActTenant {
    /// Its id.
    pub id: TenantId,
    /// Where its data lives.
    pub region: String,
}

/// What a person did, as the event that it caused tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// The event.
    pub event: EventId,
    /// Who.
    pub actor: Person,
    /// The event's type.
    pub action: String,
    /// The type of what it was done to.
    pub resource: String,
    /// What it was done to.
    pub resource_id: String,
    /// In which tenant, if in one.
    pub tenant: Option<ActTenant>,
    /// Shared by everything that follows from one request.
    pub correlation_id: Uuid,
    /// When.
    pub at: OffsetDateTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_no_persons() {
        for service in [
            "tenant",
            "user",
            "order",
            "billing",
            "notification",
            "analytics",
        ] {
            assert_eq!(Person::of(UserId::of_service(service)), None);
        }
        let ann = UserId::generate();
        assert_eq!(Person::of(ann).map(Person::id), Some(ann));
    }
}
