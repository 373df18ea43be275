//! The ids of this service.

ids::uuid_id!(
    /// An order's id, a `UUIDv7`.
    OrderId
);
ids::uuid_id!(
    /// A product's id, a `UUIDv7`.
    ProductId
);
ids::uuid_id!(
    /// A payment's id, assigned by billing.
    PaymentId
);
