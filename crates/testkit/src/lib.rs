#![doc = include_str!("../README.md")]
// A test helper panics with a message when it cannot continue.
#![allow(clippy::missing_panics_doc)]

mod client;
mod databases;
mod environment;
mod eventually;
mod identity;
pub mod private;
mod shared_runtime;
mod stack;
mod stub_server;
mod tcp_proxy;
mod tenants;
mod topic_log;

pub use client::{Client, Reply};
pub use environment::TestEnvironment;
pub use eventually::{eventually, eventually_within};
pub use identity::Identity;
pub use shared_runtime::on_shared_runtime;
pub use stack::Stack;
pub use stub_server::StubServer;
pub use tcp_proxy::TcpProxy;
pub use tenants::TestTenant;
pub use topic_log::{PublishedEvent, TopicLog};
