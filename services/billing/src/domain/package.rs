//! What a tenant can subscribe to.

use money::Money;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A package: a price for a set of modules within limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The word tenants name it by.
    pub code: tenancy::Package,
    /// Its name for people.
    pub name: String,
    /// What a month costs.
    pub price: Money,
    /// How much of everything it allows.
    pub limits: Limits,
    /// What it opens.
    pub modules: Vec<Module>,
}

/// How much a package allows. What is absent is not limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// People who work for the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u32>,
    /// Products in the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub products: Option<u32>,
    /// Orders a calendar month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders_per_month: Option<u32>,
    /// Files, in megabytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_megabytes: Option<u32>,
    /// Requests a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
}

/// A part of the product that a package opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Module {
    /// Products.
    Catalogue,
    /// Orders and their payments.
    Orders,
    /// E-mail and live messages.
    Notifications,
    /// Figures and reports.
    Analytics,
    /// Files.
    Files,
    /// Webhooks to the tenant's own systems.
    Webhooks,
}
