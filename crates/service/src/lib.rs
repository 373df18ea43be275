#![doc = include_str!("../README.md")]

pub mod consumers;
pub mod error;
pub mod http;
pub mod runtime;
pub mod scope;
pub mod settings;
pub mod telemetry;

mod directory;
mod main_loop;
mod outboxes;
mod schema;

pub use consumers::{EventConsumer, Handles, HandlesAny};
pub use error::{StartError, StoreError};
pub use http::{
    ActiveTenant, Answer, Idempotency, IfMatch, Listing, Page, Problem, Query, Valid,
    serve::Running,
};
pub use main_loop::main;
pub use runtime::{Identity, Runtime};
pub use scope::{Begun, Context, PlatformScope, TenantScope, Tx};
pub use settings::Settings;
