//! Tenant databases and the directory against a real `PostgreSQL` (`TENANTRY_POSTGRES_ADMIN`).

mod datasources;
mod directory;
mod isolation;
mod outages;
mod provision;
mod proxy;
mod world;
