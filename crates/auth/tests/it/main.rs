//! What the crate promises, tried from outside.

mod callers;
mod forged;
mod key_rotation;
mod server;
mod service_tokens;
