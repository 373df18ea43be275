//! The packages that tenants can subscribe to.

use money::Money;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A package: a monthly price for a set of modules with limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The unique code.
    pub code: tenancy::Package,
    /// The display name.
    pub name: String,
    /// The price per month.
    pub price: Money,
    /// The limits of usage.
    pub limits: Limits,
    /// The modules that are included.
    pub modules: Vec<Module>,
}

/// The limits of a package. An absent limit means unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Users of the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u32>,
    /// Products in the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub products: Option<u32>,
    /// Orders per calendar month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders_per_month: Option<u32>,
    /// File storage in megabytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_megabytes: Option<u32>,
    /// Requests per minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
}

/// A part of the product that a package includes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Module {
    /// Products.
    Catalogue,
    /// Orders and their payments.
    Orders,
    /// E-mails and live notifications.
    Notifications,
    /// Analytics and reports.
    Analytics,
    /// File storage.
    Files,
    /// Webhooks to the tenant's own systems.
    Webhooks,
}
