//! The ids of this service.

ids::uuid_id!(
    /// An order's id, unique across all tenants.
    OrderId
);
ids::uuid_id!(
    /// An event's id; deliveries with the same id are the same event.
    EventId
);
