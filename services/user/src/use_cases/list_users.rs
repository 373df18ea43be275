//! Somebody leafs through users.

use service::{Page, PlatformScope};
use tenancy::TenantId;

use super::UserError;
use crate::{domain::User, store::users};

/// Which users are wanted.
#[derive(Clone, Debug)]
pub struct Search {
    /// Those of one tenant, or everybody.
    pub tenant: Option<TenantId>,
    /// Part of their name or address.
    pub text: Option<String>,
    /// Which page.
    pub page: Page,
}

/// A page of users.
#[derive(Clone, Debug)]
pub struct Found {
    /// The users, newest first.
    pub users: Vec<User>,
    /// How many there are on all pages.
    pub total: u64,
}

/// Lists users.
///
/// # Errors
/// Only those of the database.
pub async fn list_users(db: &PlatformScope, search: Search) -> Result<Found, UserError> {
    let Search { tenant, text, page } = search;
    let (users, total) = users::page(&db.read().await?, tenant, text.as_deref(), page).await?;
    Ok(Found { users, total })
}
