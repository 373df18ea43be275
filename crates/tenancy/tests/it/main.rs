//! Tenants' databases and their directory against a real `PostgreSQL` (`TENANTRY_POSTGRES_ADMIN`).

mod datasources;
mod directory;
mod doors;
mod faults;
mod http_source;
mod provision;
mod proxy;
mod world;
