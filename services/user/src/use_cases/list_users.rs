//! Lists of users.

use service::{Page, PlatformScope};
use tenancy::TenantId;

use super::UserError;
use crate::{domain::User, store::users};

/// Selects users and a page of them.
#[derive(Clone, Debug)]
pub struct UserSearch {
    /// The tenant whose users to list; all users if `None`.
    pub tenant: Option<TenantId>,
    /// Part of the name or address.
    pub text: Option<String>,
    /// The page.
    pub page: Page,
}

/// A page of users.
#[derive(Clone, Debug)]
pub struct UserPage {
    /// The users, newest first.
    pub users: Vec<User>,
    /// The number of users on all pages.
    pub total: u64,
}

/// Lists one page of users.
///
/// # Errors
/// `Store`.
pub async fn list_users(db: &PlatformScope, search: UserSearch) -> Result<UserPage, UserError> {
    let UserSearch { tenant, text, page } = search;
    let (users, total) = users::page(&db.read().await?, tenant, text.as_deref(), page).await?;
    Ok(UserPage { users, total })
}
