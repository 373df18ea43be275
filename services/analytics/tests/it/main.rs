//! Integration tests of the analytics service on the real stack.

mod access;
mod audit;
mod platform;
mod tenants;
mod world;
