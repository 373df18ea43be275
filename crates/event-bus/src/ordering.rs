//! Ordering guarantees of event processing.

/// The scope within which events are processed in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProcessingOrder {
    /// Events of one aggregate (tenant and subject) are processed in order.
    #[default]
    Aggregate,
    /// All events of one tenant are processed in order; events without a tenant are ordered by subject.
    Tenant,
}
