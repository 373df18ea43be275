//! The order service, started and spoken to over HTTP and Kafka: run through `make test`.
#![allow(missing_docs, clippy::missing_panics_doc)]

mod authorization;
mod bad_input;
mod catalogue_cache;
mod expiry;
mod faults;
mod idempotency;
mod operations;
mod orders;
mod own_orders;
mod payments;
mod products;
mod shop;
