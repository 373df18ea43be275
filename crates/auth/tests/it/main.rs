//! Integration tests of the public API.

mod callers;
mod forged;
mod key_rotation;
mod service_tokens;
mod stub_user_service;
