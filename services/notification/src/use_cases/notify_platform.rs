//! Notifies the platform's administrators.

use service::Tx;

use super::{NotificationError, post_notification::post_notification};
use crate::{
    App,
    domain::{Audience, Notification},
};

/// Posts a notification for the platform's administrators.
pub(crate) async fn notify_platform(
    app: &App,
    tx: &mut Tx,
    notification: &Notification,
) -> Result<(), NotificationError> {
    post_notification(app, tx, Audience::Platform, notification).await
}
