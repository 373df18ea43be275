//! Somebody is told something in the application.

use events::notification::InAppCreated;
use service::Tx;
use uuid::Uuid;

use super::NotificationError;
use crate::{
    App,
    domain::{Audience, Notice, NoticeId},
    store::feed,
};

/// Puts the notice into the audience's feed and wakes those who follow it. Several audiences in one transaction go in
/// the order user, tenant, platform.
pub(super) async fn post_notice(
    app: &App,
    tx: &mut Tx,
    audience: Audience,
    notice: &Notice,
) -> Result<(), NotificationError> {
    let id = NoticeId::generate();
    let place = feed::append(tx, audience, id, notice).await?;
    if let Audience::User(user) = audience {
        let event = InAppCreated {
            notification_id: id.0,
            user_id: Uuid::from(user),
            tenant_id: Some(notice.tenant.id.0),
            tenant_code: Some(notice.tenant.code.clone()),
            title: notice.title.clone(),
            body: notice.body.clone(),
            cause: notice.kind.to_owned(),
        };
        match &notice.tenant.region {
            Some(region) => {
                tx.publish_for((notice.tenant.id.0, region), id, 1, &event)
                    .await?;
            }
            None => tx.publish(id, 1, &event).await?,
        }
    }
    // A moment before the commit: who is woken looks again until the row is there, or leaves it to the next look.
    app.live.wake(audience, place);
    Ok(())
}
