//! The analytics service on the real stack: events in, figures and audit out.

mod access;
mod audit;
mod platform;
mod tenants;
mod world;
