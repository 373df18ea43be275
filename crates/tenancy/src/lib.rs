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

pub use code::{InvalidCode, TenantCode};
pub use datasources::{
    ClusterUrls, DatasourceError, DatasourceSettings, Datasources, database_name,
};
pub use directory::{Directory, DirectoryError, SCHEMA};
pub use names::{ClusterName, InvalidName, Package, Region};
pub use source::{HttpTenantSource, NoTenantSource, SourceError, TenantSource};
pub use sql::SettingsError;
pub use tenant::{InvalidStatus, Tenant, TenantFacts, TenantId, TenantStatus};
