//! The tenant service over HTTP and Kafka, on the real stack.

mod fixture;
mod onboarding;
mod provisioning;
mod tenants;
