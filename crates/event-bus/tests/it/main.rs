//! The bus against a real broker and registry: run through `make test`.
#![allow(missing_docs, clippy::missing_panics_doc)]

mod failures;
mod groups;
mod publishing;
mod world;
