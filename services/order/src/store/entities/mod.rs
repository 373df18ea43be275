//! The tables, as sea-orm sees them.

pub(super) mod buyer_tenant;
pub(super) mod customer_order;
pub(super) mod order_deadline;
pub(super) mod product;
