#![doc = include_str!("../README.md")]
// A test that cannot go on panics; what went wrong is in the message.
#![allow(clippy::missing_panics_doc)]

mod client;
mod databases;
mod gate;
mod identity;
mod log;
pub mod private;
mod stack;
mod wait;
mod world;

pub use client::{Client, Reply};
pub use gate::Gate;
pub use identity::Identity;
pub use log::{Log, Seen};
pub use stack::Stack;
pub use wait::{eventually, eventually_within};
pub use world::{TestTenant, World, on_shared_runtime};
