//! The outbox and its relay against a real broker and database: run through `make test`.
#![allow(missing_docs, clippy::missing_panics_doc)]

mod drains;
mod marks;
mod measure;
mod relays;
mod rows;
mod world;
