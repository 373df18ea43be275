//! Somebody looks a user up.

use auth::UserId;
use service::PlatformScope;

use super::UserError;
use crate::{
    domain::{User, Viewer},
    store::users,
};

/// The user of this id, if the viewer may know of them.
///
/// # Errors
/// `NoUser`: there is none, or none the viewer may know of.
pub async fn find_user(db: &PlatformScope, viewer: Viewer, id: UserId) -> Result<User, UserError> {
    users::visible_to(&db.read().await?, viewer, id)
        .await?
        .ok_or(UserError::NoUser)
}
