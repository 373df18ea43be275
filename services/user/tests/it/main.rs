//! Integration tests of the user service over HTTP and Kafka; run through `make test`.

mod authorization;
mod fixture;
mod landlord;
mod login;
mod onboarding;
mod password_reset;
mod registration;
mod services;
mod stub_tenant_service;
mod users;
