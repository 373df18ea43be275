//! Integration tests of the billing service on the real stack, over HTTP and Kafka.

mod access;
mod payments;
mod shop;
mod subscriptions;
