//! An order took a step.

use service::{StoreError, Tx};

use crate::{
    domain::{OrderFacts, Step},
    store::orders,
};

/// Adds the step to what is known of its order, in whichever database the transaction is.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn note_order(tx: &mut Tx, step: &Step) -> Result<(), StoreError> {
    match orders::lock(tx.conn(), step.order).await? {
        Some(mut facts) => {
            facts.learn(step);
            orders::update(tx.conn(), &facts).await
        }
        None => orders::insert(tx.conn(), &OrderFacts::of(step)).await,
    }
}
