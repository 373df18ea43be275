//! Which events of a topic are processed one after the other.

/// What goes one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProcessingOrder {
    /// Events of one aggregate (tenant and subject).
    #[default]
    Aggregate,
    /// All events of one tenant; those without a tenant by subject.
    Tenant,
}
