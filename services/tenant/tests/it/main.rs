//! The tenant service over HTTP and Kafka, on the real stack.

mod house;
mod onboarding;
mod provisioning;
mod tenants;
