#![doc = include_str!("../README.md")]

mod code;
mod datasources;
mod directory;
mod metrics;
mod names;
pub mod provision;
mod source;
mod sql;
pub mod template;
mod tenant;

pub use code::{ParseTenantCodeError, TenantCode};
pub use datasources::{
    ClusterUrls, DatasourceError, DatasourceSettings, Datasources, database_name,
};
pub use directory::{Directory, DirectoryError, SCHEMA};
pub use names::{ClusterName, Package, ParseNameError, Region};
pub use source::{NoTenantSource, SourceError, TenantSource};
pub use sql::SettingsError;
pub use tenant::{Tenant, TenantId, TenantSnapshot, TenantStatus};
