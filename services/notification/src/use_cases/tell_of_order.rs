//! Buyer and seller are told of an order.

use service::Tx;

use super::{NotificationError, post_notice::post_notice, request_email::request_email};
use crate::{
    App,
    domain::{About, Audience, OrderNews},
};

/// A notice for the buyer, one for the seller's admins, and an e-mail to the buyer where the step is worth one.
pub(crate) async fn tell_of_order(
    app: &App,
    tx: &mut Tx,
    news: OrderNews,
) -> Result<(), NotificationError> {
    if let Some(letter) = news.letter() {
        let about = About {
            user: Some(news.buyer.id),
            tenant: Some(news.seller.clone()),
        };
        request_email(app, tx, &news.buyer.email, &letter, about).await?;
    }
    post_notice(app, tx, Audience::User(news.buyer.id), &news.for_buyer()).await?;
    post_notice(
        app,
        tx,
        Audience::Tenant(news.seller.id),
        &news.for_seller(),
    )
    .await
}
