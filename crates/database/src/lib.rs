#![doc = include_str!("../README.md")]

mod error;
mod pattern;
mod session;

pub use error::{ErrorKind, classify, classify_orm, orm_error, sqlstate};
pub use pattern::containing;
pub use session::{Connection, Session, Transaction};
