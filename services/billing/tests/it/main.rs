//! The billing service on the real stack, spoken to over HTTP and Kafka.

mod doors;
mod payments;
mod shop;
mod subscriptions;
