//! The projector against a real Kafka, registry and `PostgreSQL`.

mod access;
mod dead_letters;
mod house;
mod poison;
mod projecting;
mod reading;
