//! The store against a real `PostgreSQL`. `TENANTRY_POSTGRES_ADMIN` says where; each test makes, and
//! drops, a database of its own.

mod append;
mod query;
mod rebuild;
mod world;
