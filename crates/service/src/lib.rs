#![doc = include_str!("../README.md")]

pub mod consumers;
pub mod error;
pub mod http;
pub mod internal;
pub mod jobs;
pub mod runtime;
pub mod scope;
pub mod settings;
pub mod telemetry;

mod directory;
mod main_loop;
mod outboxes;
mod schema;
mod tenant_source;

pub use cache::Cache;
pub use consumers::{AnyEventHandler, EventConsumer, EventHandler};
pub use error::{StartError, StoreError};
pub use http::{
    ActiveTenant, Answer, Idempotency, IfMatch, ListQuery, Listing, NoFilter, Page, PageParams,
    Problem, Query, Valid, serve::Running,
};
pub use internal::{Call, CallError, ServiceClient};
pub use jobs::{JobSettings, JobWaker, LeasedJob};
pub use main_loop::main;
pub use runtime::{Identity, Runtime};
pub use scope::{Begun, Context, PlatformScope, TenantScope, Tx};
pub use settings::Settings;
