//! Records a status transition of an order.

use service::{StoreError, Tx};

use crate::{
    domain::{OrderFact, OrderTransition},
    store::orders,
};

/// Merges the transition into the order's fact, in the database of the transaction.
///
/// # Errors
/// [`StoreError`].
pub async fn record_order(tx: &mut Tx, transition: &OrderTransition) -> Result<(), StoreError> {
    match orders::lock(tx, transition.order_id).await? {
        Some(mut fact) => {
            fact.merge(transition);
            orders::update(tx, &fact).await
        }
        None => orders::insert(tx, &OrderFact::new(transition)).await,
    }
}
