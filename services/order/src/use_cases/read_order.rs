//! Reads one order.

use auth::{Caller, Role};
use service::TenantScope;

use super::OrderError;
use crate::{
    domain::{Order, OrderId},
    store::orders,
};

/// The order, for its buyer, its seller or a service. Any other caller gets [`OrderError::NoOrder`].
///
/// # Errors
/// [`OrderError::NoOrder`].
pub async fn read_order(
    tenant: &TenantScope,
    caller: &Caller,
    id: OrderId,
) -> Result<Order, OrderError> {
    let conn = tenant.read().await?;
    let order = orders::find(&conn, id).await?.ok_or(OrderError::NoOrder)?;
    visible(&order, caller)?;
    Ok(order)
}

/// Checks that the caller may know of the order. That an admin belongs to this tenant was checked with the tenant.
pub(super) fn visible(order: &Order, caller: &Caller) -> Result<(), OrderError> {
    let may = match caller.role {
        Role::Admin | Role::Service => true,
        Role::Customer | Role::PlatformAdmin => order.buyer.id == caller.user_id,
    };
    if may {
        Ok(())
    } else {
        Err(OrderError::NoOrder)
    }
}
