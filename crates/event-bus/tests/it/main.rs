//! The bus against a real broker and registry: run through `make test`.
#![allow(missing_docs, clippy::missing_panics_doc)]

mod dead_letters;
mod failures;
mod groups;
mod letters;
mod oversize;
mod publishing;
mod world;
