//! The projector against a real Kafka, registry and PostgreSQL: the environment of `make test` says where.

mod access;
mod poison;
mod projecting;
mod reading;
mod world;
