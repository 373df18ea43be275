//! The ids of this service.

ids::uuid_id!(
    /// A payment's id, a `UUIDv7`.
    PaymentId
);
ids::uuid_id!(
    /// An order's id, assigned by the order service.
    OrderId
);
ids::uuid_id!(
    /// A subscription's id, a `UUIDv7`.
    SubscriptionId
);
