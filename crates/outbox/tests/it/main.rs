//! Integration tests of the outbox against Kafka and `PostgreSQL`; run them with `make test`.
#![allow(missing_docs, clippy::missing_panics_doc)]

mod append;
mod dirty_outboxes;
mod drain;
mod examples;
mod fairness;
mod gauges;
mod inbox;
mod refused;
mod relay;
mod tcp_proxy;
mod test_env;
mod unresponsive_databases;
