//! Posts a notification to an audience's feed.

use events::notification::InAppCreated;
use service::Tx;
use uuid::Uuid;

use super::NotificationError;
use crate::{
    App,
    domain::{Audience, Notification, NotificationId},
    store::feed,
};

/// Appends the notification to the audience's feed and wakes the sockets that follow it. Several audiences in one
/// transaction are posted to in the order user, tenant, platform.
pub(super) async fn post_notification(
    app: &App,
    tx: &mut Tx,
    audience: Audience,
    notification: &Notification,
) -> Result<(), NotificationError> {
    let id = NotificationId::generate();
    let position = feed::append(tx, audience, id, notification).await?;
    if let Audience::User(user) = audience {
        let event = InAppCreated {
            notification_id: id.0,
            user_id: Uuid::from(user),
            tenant_id: Some(notification.tenant.id.0),
            tenant_code: Some(notification.tenant.code.clone()),
            title: notification.title.clone(),
            body: notification.body.clone(),
            cause: notification.kind.to_owned(),
        };
        match &notification.tenant.region {
            Some(region) => {
                tx.publish_for((notification.tenant.id.0, region), id, 1, &event)
                    .await?;
            }
            None => tx.publish(id, 1, &event).await?,
        }
    }
    // Shortly before the commit: the poller retries until the row is visible, or leaves it to its next regular poll.
    app.live.wake(audience, position);
    Ok(())
}
