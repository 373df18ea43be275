//! The landlord is told.

use service::Tx;

use super::{NotificationError, post_notice::post_notice};
use crate::{
    App,
    domain::{Audience, Notice},
};

/// A notice for the platform.
pub(crate) async fn tell_landlord(
    app: &App,
    tx: &mut Tx,
    notice: &Notice,
) -> Result<(), NotificationError> {
    post_notice(app, tx, Audience::Platform, notice).await
}
