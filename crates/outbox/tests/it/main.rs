//! The outbox and its relay against a real broker and database: run through `make test`.
#![allow(missing_docs, clippy::missing_panics_doc)]

mod drains;
mod examples;
mod fleet;
mod gate;
mod marks;
mod refusals;
mod relays;
mod rows;
mod seen;
mod wedged;
mod world;
