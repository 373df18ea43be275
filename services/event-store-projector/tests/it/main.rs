//! The projector against a real Kafka, registry and `PostgreSQL`.

mod access;
mod dead_letters;
mod fixture;
mod poison;
mod projecting;
mod reading;
