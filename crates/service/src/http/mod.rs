//! The HTTP conventions that every service keeps.

mod answer;
mod body;
mod docs;
mod headers;
mod health;
mod observe;
mod paging;
mod problem;
pub mod serve;
mod tenant;

pub use answer::Answer;
pub use body::{Query, Valid};
pub use headers::{Idempotency, IfMatch};
pub use paging::{Links, ListQuery, Listing, Meta, NoFilter, Page, PageParams};
pub use problem::{FieldError, Problem};
pub use tenant::ActiveTenant;
