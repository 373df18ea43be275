//! The user service, driven over HTTP and Kafka against the real stack.

mod doors;
mod house;
mod landlord;
mod login;
mod machines;
mod onboarding;
mod passwords;
mod registration;
mod tenant_service;
mod users;
