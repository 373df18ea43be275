//! Who may read what.

use auth::{Caller, Role};
use uuid::Uuid;

/// Whose a thing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The tenant it belongs to.
    pub tenant: Option<Uuid>,
    /// The customer who ordered it.
    pub buyer: Option<Uuid>,
}

/// What a caller may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The landlord and machines: everything.
    Everything,
    /// A tenant's administrator: what belongs to that tenant.
    Tenant(Uuid),
    /// A customer: what they ordered.
    Buyer(Uuid),
    /// An administrator whose token names no tenant: nothing.
    Nothing,
}

impl Reader {
    /// What this caller may read.
    pub fn of(caller: &Caller) -> Self {
        match (caller.role, &caller.tenant) {
            (Role::PlatformAdmin | Role::Service, _) => Self::Everything,
            (Role::Admin, Some(tenant)) => Self::Tenant(tenant.id),
            (Role::Admin, None) => Self::Nothing,
            (Role::Customer, _) => Self::Buyer(caller.user_id.as_uuid()),
        }
    }

    /// Whether what belongs to `owner` is among it. What has no owner is the platform's.
    pub fn may_see(self, owner: Owner) -> bool {
        match self {
            Self::Everything => true,
            Self::Tenant(tenant) => owner.tenant == Some(tenant),
            Self::Buyer(buyer) => owner.buyer == Some(buyer),
            Self::Nothing => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reader_sees_their_own_and_nobody_sees_what_has_no_owner_but_the_platform() {
        let (mine, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let of = |tenant, buyer| Owner { tenant, buyer };
        let cases = [
            (Reader::Everything, of(None, None), true),
            (Reader::Everything, of(Some(other), Some(other)), true),
            (Reader::Tenant(mine), of(Some(mine), Some(other)), true),
            (Reader::Tenant(mine), of(Some(other), Some(mine)), false),
            (Reader::Tenant(mine), of(None, None), false),
            (Reader::Buyer(mine), of(Some(other), Some(mine)), true),
            (Reader::Buyer(mine), of(Some(mine), Some(other)), false),
            (Reader::Buyer(mine), of(Some(mine), None), false),
            (Reader::Nothing, of(None, None), false),
        ];
        for (reader, owner, expected) in cases {
            assert_eq!(reader.may_see(owner), expected, "{reader:?} {owner:?}");
        }
    }
}
