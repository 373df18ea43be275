//! Notifies buyer and seller of an order's step.

use service::Tx;

use super::{
    NotificationError, post_notification::post_notification, request_email::request_email,
};
use crate::{
    App,
    domain::{Audience, EmailReferences, OrderUpdate},
};

/// Posts a notification for the buyer and one for the seller's admins, and requests an e-mail to the buyer for the steps
/// that have one.
pub(crate) async fn notify_of_order(
    app: &App,
    tx: &mut Tx,
    update: OrderUpdate,
) -> Result<(), NotificationError> {
    if let Some(content) = update.buyer_email() {
        let references = EmailReferences {
            user: Some(update.buyer.id),
            tenant: Some(update.seller.clone()),
        };
        request_email(app, tx, &update.buyer.email, &content, references).await?;
    }
    let buyer = Audience::User(update.buyer.id);
    post_notification(app, tx, buyer, &update.for_buyer()).await?;
    let seller = Audience::Tenant(update.seller.id);
    post_notification(app, tx, seller, &update.for_seller()).await
}
