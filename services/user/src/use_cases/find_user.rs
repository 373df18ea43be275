//! Reading one user.

use auth::UserId;
use service::PlatformScope;

use super::UserError;
use crate::{
    domain::{User, Visibility},
    store::users,
};

/// The user with this id, if `visibility` includes them.
///
/// # Errors
/// `UserNotFound`: the user does not exist, or the caller may not see them.
pub async fn find_user(
    db: &PlatformScope,
    visibility: Visibility,
    id: UserId,
) -> Result<User, UserError> {
    users::visible_to(&db.read().await?, visibility, id)
        .await?
        .ok_or(UserError::UserNotFound)
}
